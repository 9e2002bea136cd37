//! A ufunc's loops by the dtypes of its inputs, looked up once, for calls that cannot wait for resolution.

use super::{MOST_INPUTS, MOST_OUTPUTS};
use crate::invoke::call_fold;
use crate::reduce::{Initial, start_value};
use crate::registry::{
    Casting, Cost, DType, FpFlags, LoopDef, Request, Typed, UfuncDef, resolve, resolve_reduction,
};
use crate::simd::level::current_isa;
use std::sync::atomic::{AtomicU8, Ordering};

/// What stands for a loop's place where the ufunc derives it.
const DERIVED: u8 = u8::MAX;

/// Number of dtypes.
const DTYPES: usize = DType::ALL.len();

/// A ufunc's loops by the dtypes of its inputs.
pub struct ShortLoops {
    /// By the inputs' dtypes (the diagonal for one input): 0 not looked up yet, 1 none, 255 the ufunc's to
    /// derive, else a loop's place plus 2.
    places: [AtomicU8; DTYPES * DTYPES],
    loops: Vec<&'static LoopDef>,
    def: Option<&'static UfuncDef>,
    folds: [Option<ShortFold>; DTYPES],
    /// Inputs; more than there can be, where no call is short.
    pub nin: usize,
    /// Outputs.
    pub nout: usize,
    /// The ufunc's cost class.
    pub cost: Cost,
    /// What a number's dtype is beside another input.
    pub number: NumbersDType,
}

/// What dtype a Python number has beside another input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumbersDType {
    /// The other's.
    Theirs,
    /// What it has alone, where inputs do not meet in one dtype.
    Own,
    /// None: a program says what it has beside each of its own operands.
    Kept,
    /// To a logical ufunc its truth counts, before any rounding.
    Unsaid,
}

impl ShortLoops {
    /// Collected once per ufunc.
    pub fn new(def: Option<&'static UfuncDef>) -> ShortLoops {
        let mut short = ShortLoops {
            places: [const { AtomicU8::new(0) }; DTYPES * DTYPES],
            loops: vec![],
            def: None,
            folds: [None; DTYPES],
            nin: usize::MAX,
            nout: 1,
            cost: Cost::Light,
            number: match def {
                Some(def) if def.derived.is_some() => NumbersDType::Kept,
                Some(def) if !def.truth && def.meets_in_one_dtype() => NumbersDType::Theirs,
                Some(def) if !def.truth => NumbersDType::Own,
                _ => NumbersDType::Unsaid,
            },
        };
        let fits = |d: &&UfuncDef| {
            d.core.is_none() && (1..=MOST_INPUTS).contains(&d.nin()) && (1..=MOST_OUTPUTS).contains(&d.nout())
        };
        if let Some(def) = def.filter(fits) {
            (short.def, short.nin, short.nout, short.cost) = (Some(def), def.nin(), def.nout(), def.cost);
            short.loops = def.loops().collect();
            for &l in &short.loops {
                short.folds[l.inputs[0] as usize] = fold_of(def, l);
            }
        }
        short
    }

    /// The loop from that dtype, twice, to itself.
    pub fn reducible(&self, dtype: DType) -> Option<&'static LoopDef> {
        self.find([dtype; MOST_INPUTS]).filter(|l| self.nin == 2 && l.is_reducible() && l.inputs[0] == dtype)
    }

    /// The loop for inputs of these dtypes; that of one input, twice.
    #[inline]
    pub fn find(&self, dtypes: [DType; MOST_INPUTS]) -> Option<&'static LoopDef> {
        let cell = &self.places[dtypes[0] as usize * DTYPES + dtypes[1] as usize];
        match cell.load(Ordering::Relaxed) {
            0 => self.look_up(dtypes, cell),
            1 => None,
            DERIVED => self.def?.loop_for(&dtypes[..self.nin]),
            place => Some(self.loops[usize::from(place) - 2]),
        }
    }

    #[cold]
    fn look_up(&self, dtypes: [DType; MOST_INPUTS], cell: &AtomicU8) -> Option<&'static LoopDef> {
        let def = self.def?;
        let types = dtypes.map(Typed::Strong);
        let request =
            Request { inputs: &types[..self.nin], outputs: &[], signature: None, casting: Casting::SameKind };
        let found = resolve(def, &request).ok();
        // Of the dtypes NumPy lacks, only like meets like here.
        let like = dtypes[0] == dtypes[1] || dtypes.iter().all(|d| d.numpy_number().is_some());
        let found = found.filter(|_| like);
        if self.loops.is_empty() && found.is_some() {
            cell.store(DERIVED, Ordering::Relaxed);
            return found;
        }
        let place = found.and_then(|l| self.loops.iter().position(|known| std::ptr::eq(*known, l)));
        // More than 252 loops do not fit the cell; no ufunc has a tenth of that.
        let place = place.and_then(|p| u8::try_from(p + 2).ok()).filter(|&p| p != DERIVED);
        cell.store(place.unwrap_or(1), Ordering::Relaxed);
        found
    }

    /// The reduction of an array of that dtype, where its result has it too.
    #[inline]
    pub fn fold(&self, dtype: DType) -> Option<&ShortFold> {
        self.folds[dtype as usize].as_ref()
    }
}

/// A reduction that stays in its input's dtype.
#[derive(Clone, Copy)]
pub struct ShortFold {
    /// The loop, which has a fold kernel.
    pub l: &'static LoopDef,
    /// The identity's bits.
    pub start: u128,
    /// Whether there is an identity; else the first element starts.
    pub has_start: bool,
}

impl ShortFold {
    /// Folds `n` elements to one; `None`, having read nothing, if there is no kernel at this level.
    ///
    /// # Safety
    /// As many elements, at least one, and room for one.
    #[inline]
    pub unsafe fn run(&self, data: *const u8, n: usize, result: *mut u8) -> Option<FpFlags> {
        let size = self.l.outputs[0].size();
        let skip = usize::from(!self.has_start);
        // SAFETY: the caller's promise.
        unsafe {
            let first = if self.has_start { (&raw const self.start).cast() } else { data };
            std::ptr::copy_nonoverlapping(first, result, size);
            call_fold(self.l, current_isa(), result, data.add(skip * size), n - skip)
        }
    }
}

fn fold_of(def: &'static UfuncDef, l: &'static LoopDef) -> Option<ShortFold> {
    let dtype = l.inputs[0];
    let stays = resolve_reduction(def, dtype, None, None).is_ok_and(|chosen| std::ptr::eq(chosen, l));
    if def.nin() != 2 || !stays || dtype.is_narrow_float() || !l.code.kernels().fold.exists() {
        return None;
    }
    let start = start_value(def, l, Initial::Default).ok()?;
    let mut bits = [0u128];
    if let Some(start) = &start {
        // SAFETY: one element, of at most 16 bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(start.operand().ptr, bits.as_mut_ptr().cast::<u8>(), dtype.size());
        }
    }
    Some(ShortFold { l, start: bits[0], has_start: start.is_some() })
}
