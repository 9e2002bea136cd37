//! `reduce`: folding an array over axes.
//!
//! parse axes → resolve → start value → overlap → execute. Two ways to execute:
//!
//! - *by runs*: the reduced axis is the fast one; each output folds runs of contiguous memory with the loop's fold
//!   kernel. Long runs are divided where pairwise summation divides them, so that sums are bit-equal to NumPy's and the
//!   parts can go to different threads.
//! - *by columns*: a kept axis is the fast one; blocks of neighbouring outputs take in whole rows with the
//!   element-wise kernel. Sums join groups of 128 rows as a tree, which is more accurate than NumPy's running sum.
//!
//! Floats narrower than f32 accumulate in f32 and are rounded once.
//!
//! Here a reduction is checked; `nest` lays out its loops and chooses the way, `runs` and `columns` are the two,
//! `folding` is what both do to elements, `truth` what decides a fold of truth values early.

mod columns;
mod folding;
mod nest;
mod runs;
mod truth;

pub(crate) use folding::Folding;
pub(crate) use nest::{Nest, execute};

use crate::array::{Array, Scalar, View, ViewMut};
use crate::call::Called;
use crate::environment;
use crate::error::Error;
use crate::exec::Report;
use crate::operand::{Operand, Shape, Strides, checked_bytes, reduced_strides};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::registry::{DType, Identity, Kind, LoopDef, UfuncDef, resolve_reduction};
use smallvec::SmallVec;

/// The axes a reduction runs over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// All of them.
    All,
    /// One; negative counts from the end.
    One(isize),
    /// Several; none at all reduces nothing.
    Many(Vec<isize>),
}

/// What a reduction starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Initial {
    /// The ufunc's identity, or the first element where it has none.
    #[default]
    Default,
    /// The first element, identity or not.
    None,
    /// This value.
    Value(Scalar),
}

/// The keywords of a reduction.
#[derive(Clone, Debug)]
pub struct ReduceOptions<'a> {
    /// Over what.
    pub axis: Axes,
    /// The dtype to compute in.
    pub dtype: Option<DType>,
    /// Keep reduced axes, with length 1.
    pub keepdims: bool,
    /// From what.
    pub initial: Initial,
    /// Which elements take part.
    pub mask: Option<View<'a>>,
}

impl Default for ReduceOptions<'_> {
    fn default() -> Self {
        ReduceOptions {
            axis: Axes::One(0),
            dtype: None,
            keepdims: false,
            initial: Initial::Default,
            mask: None,
        }
    }
}

/// Reduces into a new array.
pub fn reduce(def: &UfuncDef, input: &View<'_>, options: &ReduceOptions<'_>) -> Result<Called, Error> {
    environment::check()?;
    let reduction = Reduction::new(def, input.operand(), None, options)?;
    let strides = || reduction.out_strides();
    let out = Array::with_strides(reduction.l.outputs[0], &reduction.out_shape, strides)?;
    // SAFETY: the input and the mask are borrowed for the call, the output is new.
    let report = unsafe { reduction.run(out.operand()) }?.unless_refused(def)?;
    Ok(Called { outputs: vec![out], report })
}

/// Reduces into a given array.
pub fn reduce_into(
    def: &UfuncDef,
    input: &View<'_>,
    out: &mut ViewMut<'_>,
    options: &ReduceOptions<'_>,
) -> Result<Report, Error> {
    environment::check()?;
    let reduction = Reduction::new(def, input.operand(), Some(out.operand()), options)?;
    // SAFETY: the input and the mask are borrowed for the call, the output mutably; an overlap is copied apart.
    unsafe { reduction.run(out.operand()) }?.unless_refused(def)
}

/// The axes named, as numbers in order; checks range and repetition.
pub fn normalize_axes(axes: &Axes, ndim: usize) -> Result<SmallVec<[usize; 4]>, Error> {
    let one = |axis: isize| normalize_axis(axis, ndim);
    let mut result: SmallVec<[usize; 4]> = match axes {
        Axes::All => (0..ndim).collect(),
        // A scalar reduces over "its" axis 0 or -1, as in NumPy.
        Axes::One(0 | -1) if ndim == 0 => SmallVec::new(),
        Axes::One(axis) => [one(*axis)?].into_iter().collect(),
        Axes::Many(many) => many.iter().map(|&a| one(a)).collect::<Result<_, _>>()?,
    };
    result.sort_unstable();
    if let Some(pair) = result.windows(2).find(|w| w[0] == w[1]) {
        return Err(Error::DuplicateAxis { axis: pair[0] });
    }
    Ok(result)
}

/// An axis number, counted from the end if negative.
pub fn normalize_axis(axis: isize, ndim: usize) -> Result<usize, Error> {
    let index = if axis < 0 { axis + ndim as isize } else { axis };
    if (0..ndim as isize).contains(&index) { Ok(index as usize) } else { Err(Error::Axis { axis, ndim }) }
}

/// A checked reduction, before its output exists.
pub struct Reduction<'d> {
    def: &'d UfuncDef,
    /// The loop chosen by dtype; its output dtype is the result's.
    pub l: &'d LoopDef,
    /// The shape of the result.
    pub out_shape: Shape,
    input: Operand,
    mask: Option<Operand>,
    axes: SmallVec<[usize; 4]>,
    keepdims: bool,
    start: Option<Array>,
}

impl<'d> Reduction<'d> {
    /// Checks axes, resolves the loop, settles the start value.
    pub fn new(
        def: &'d UfuncDef,
        input: &Operand,
        out: Option<&Operand>,
        options: &ReduceOptions<'_>,
    ) -> Result<Reduction<'d>, Error> {
        check_binary(def, "reduce")?;
        let axes = normalize_axes(&options.axis, input.shape.len())?;
        let l = resolve_reduction(def, input.dtype, out.map(|o| o.dtype), options.dtype)?;
        checked_bytes(&input.shape, input.dtype.size())?;
        if axes.len() > 1 && !def.reorderable {
            return Err(Error::NotReorderable { ufunc: def.name });
        }
        let mut out_shape = Shape::new();
        for (axis, &n) in input.shape.iter().enumerate() {
            match axes.contains(&axis) {
                false => out_shape.push(n),
                true if options.keepdims => out_shape.push(1),
                true => {}
            }
        }
        if let Some(out) = out {
            if out.shape.len() != out_shape.len() {
                let (found, expected) = (out.shape.len(), out_shape.len());
                return Err(Error::OutputDims { ufunc: def.name, found, expected });
            }
            if out.shape != out_shape {
                let (found, expected) = (out.shape.to_vec(), out_shape.to_vec());
                return Err(Error::OutputShape { found, expected });
            }
        }
        if out.is_some_and(overlaps_itself) {
            return Err(Error::OutputOverlapsItself);
        }
        let mask = match &options.mask {
            None => None,
            Some(mask) if mask.dtype() != DType::Bool => {
                return Err(Error::MaskDType { found: mask.dtype() });
            }
            Some(mask) => Some(mask.operand().broadcast(&input.shape).ok_or_else(|| Error::Broadcast {
                shapes: vec![input.shape.to_vec(), mask.shape().to_vec()],
            })?),
        };
        let start = start_value(def, l, options.initial)?;
        let reduced: usize = axes.iter().map(|&a| input.shape[a]).product();
        // Even where there is no result: whether a reduction is empty does not depend on how many there are.
        if start.is_none() && reduced == 0 {
            return Err(Error::EmptyReduction { ufunc: def.name });
        }
        if start.is_none() && mask.is_some() {
            return Err(Error::MaskNeedsInitial { ufunc: def.name });
        }
        let keepdims = options.keepdims;
        Ok(Reduction { def, l, out_shape, input: input.clone(), mask, axes, keepdims, start })
    }

    /// Byte strides for a new output: its axes in the memory order of the input and the mask.
    pub fn out_strides(&self) -> Strides {
        let walked: SmallVec<[&Operand; 2]> = [&self.input].into_iter().chain(&self.mask).collect();
        reduced_strides(&walked, &self.axes, self.keepdims, self.l.outputs[0].size())
    }

    /// Reduces into `out`, which has the result's shape.
    ///
    /// # Safety
    /// Input, mask and `out` are valid for the call.
    pub unsafe fn run(&self, out: &Operand) -> Result<Report, Error> {
        if out.is_empty() {
            return Ok(Report::default());
        }
        let mut copies: SmallVec<[Array; 2]> = SmallVec::new();
        let mut apart = |o: &Operand| match may_overlap(o, out) {
            false => Ok(o.clone()),
            true => {
                // SAFETY: the caller's promise.
                copies.push(unsafe { Array::copy_operand(o) }?);
                Ok::<_, Error>(copies[copies.len() - 1].operand().clone())
            }
        };
        let input = apart(&self.input)?;
        let mask = self.mask.as_ref().map(&mut apart).transpose()?;
        let fold = Folding::new(self.def, self.l, input.dtype, out.dtype, self.start.as_ref());
        let nest = Nest::new(&input, mask.as_ref(), out, &self.axes, self.keepdims, self.def.reorderable);
        // SAFETY: the nest walks exactly the elements of these operands; outputs are distinct from inputs.
        Ok(unsafe { execute(&fold, &nest) })
    }
}

/// Whether the ufunc has two inputs and one output.
pub(crate) fn check_binary(def: &UfuncDef, method: &'static str) -> Result<(), Error> {
    match (def.nin(), def.nout()) {
        (2, 1) if def.core.is_none() => Ok(()),
        _ => Err(Error::NotBinary { ufunc: def.name, method }),
    }
}

/// The start value in the result's dtype.
pub fn start_value(def: &UfuncDef, l: &LoopDef, initial: Initial) -> Result<Option<Array>, Error> {
    let dtype = l.outputs[0];
    let scalar = match (initial, def.identity) {
        (Initial::None, _) | (Initial::Default, Identity::None) => return Ok(None),
        (Initial::Value(value), _) => value,
        (Initial::Default, Identity::Zero) => Scalar::Int(0),
        (Initial::Default, Identity::One) => Scalar::Int(1),
        // Without infinities the first element is where to start: what NumPy makes of minus infinity there is NaN.
        (Initial::Default, Identity::NegInfinity) if dtype == DType::F8E4M3FN => return Ok(None),
        (Initial::Default, Identity::NegInfinity) => Scalar::Float(f64::NEG_INFINITY),
        (Initial::Default, Identity::MinusOne) => match (dtype.kind(), dtype.is_signed()) {
            (Kind::Int, false) => Scalar::Int((1 << dtype.precision()) - 1), // all bits set
            (Kind::Bool, _) => Scalar::Int(1),
            _ => Scalar::Int(-1),
        },
    };
    scalar.to_array(dtype).map(Some)
}
