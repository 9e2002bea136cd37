//! The records: a ufunc and its loops, as data.

use crate::code::Code;
use crate::core::CoreSignature;
use crate::derive::Derive;
use crate::dtype::{DType, Kind};
use crate::intern;
use crate::promote::Typed;
use crate::signature::write_signature;
use std::fmt;
use std::sync::OnceLock;

/// A ufunc: its name, its loops, and every fact about it that others need. Made by the engine's `ufunc!` macro, which also
/// submits it, or at run time by [`UfuncDef::made`]: then it is dropped like any value, its loops with it.
pub struct UfuncDef {
    /// The name it is found by.
    pub name: &'static str,
    /// Other names of the same object.
    pub aliases: &'static [&'static str],
    /// One line, then what more there is to say.
    pub doc: &'static str,
    /// Examples for the docs: what stands between a call's parentheses in Python, and what Python prints for it.
    pub examples: &'static [(&'static str, &'static str)],
    /// Parameter names, inputs then outputs.
    pub params: (&'static [&'static str], &'static [&'static str]),
    /// The loops, groups in search order: the first that all inputs cast to safely is taken.
    pub loops: &'static [&'static [LoopDef]],
    /// Loops of its own, behind those; for ufuncs made at run time.
    pub own_loops: Vec<LoopDef>,
    /// Where its loops come from, if there is no list of them.
    pub derived: Option<Box<dyn Derive>>,
    /// Over which axes of its operands it computes ([`crate::CoreSignature`]); `None` for one element at a time.
    pub core: Option<&'static str>,
    /// That, read. (Made when it is first asked for.)
    pub core_read: OnceLock<Option<CoreSignature>>,
    /// Core axes any stretch of which may be computed by itself, as the rows and the columns of a product: so one call may
    /// be several threads' work.
    pub divisible: &'static [&'static str],
    /// From how many products of floats on NumPy's matrix library is the faster one, where there is a NumPy.
    pub numpys_from: Option<usize>,
    /// What a reduction over nothing gives.
    pub identity: Identity,
    /// Whether reductions may run over several axes in any order.
    pub reorderable: bool,
    /// How `reduce` chooses its dtype.
    pub reduce: ReduceRule,
    /// Operands count as truth values: those that share no loop meet as bool, whatever the cast, before any rounding,
    /// and reductions are of bools.
    pub truth: bool,
    /// Each input by itself must cast safely to the loop; else their common dtype must (`arctan2` of int8 and uint8 is
    /// float16, though their common dtype, int16, is not).
    pub inputs_apart: bool,
    /// Integers and bools go to the f64 loop whatever narrower float would hold them (`divide`).
    pub ints_to_f64: bool,
    /// What happens to bool where there is no loop for it.
    pub bool: BoolRule,
    /// Some of NumPy's loops of it clear the IEEE flags when they are done, those of the casts before them included.
    pub clears_flags: bool,
    /// NumPy has indexed loops for it: what `at` raises is reported under its name.
    pub indexed: bool,
    /// What is said of an element that a loop refuses ([`crate::FpFlags::REFUSED`]).
    pub refusal: Option<&'static str>,
    /// NumPy warns of an output given by position.
    pub positional_out_deprecated: bool,
    /// Work per element, for the decision to use threads.
    pub cost: Cost,
    /// The stated error bound of the floating-point loops.
    pub accuracy: Accuracy,
    /// That of the complex loops, in units of the last place of the result's larger part.
    pub complex: Accuracy,
}

impl UfuncDef {
    /// The defaults that a definition's fields override.
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        params: (&'static [&'static str], &'static [&'static str]),
        loops: &'static [&'static [LoopDef]],
    ) -> UfuncDef {
        UfuncDef {
            name,
            aliases: &[],
            doc,
            examples: &[],
            params,
            loops,
            own_loops: Vec::new(),
            derived: None,
            core: None,
            core_read: OnceLock::new(),
            divisible: &[],
            numpys_from: None,
            identity: Identity::None,
            reorderable: false,
            reduce: ReduceRule::Plain,
            truth: false,
            inputs_apart: false,
            ints_to_f64: false,
            bool: BoolRule::AsInt,
            clears_flags: false,
            indexed: false,
            refusal: None,
            positional_out_deprecated: false,
            cost: Cost::Light,
            accuracy: Accuracy::Exact,
            complex: Accuracy::Exact,
        }
    }

    /// A ufunc made at run time, with its parameters' names, inputs and outputs.
    pub fn made(name: &str, params: (&[&str], &[&str]), loops: Vec<LoopDef>) -> UfuncDef {
        let params = (intern::names(params.0), intern::names(params.1));
        UfuncDef { own_loops: loops, ..UfuncDef::new(intern::name(name), "", params, &[]) }
    }

    /// Number of inputs.
    pub const fn nin(&self) -> usize {
        self.params.0.len()
    }

    /// Number of outputs.
    pub const fn nout(&self) -> usize {
        self.params.1.len()
    }

    /// Inputs and outputs together.
    pub const fn nargs(&self) -> usize {
        self.nin() + self.nout()
    }

    /// All loops in search order; none where they are derived.
    pub fn loops(&self) -> impl Iterator<Item = &LoopDef> + Clone {
        self.loops.iter().flat_map(|group| group.iter()).chain(&self.own_loops)
    }

    /// Over which axes it computes; `None` for one element at a time.
    pub fn core_signature(&self) -> Option<&CoreSignature> {
        self.core_read.get_or_init(|| CoreSignature::parse(self.core?).ok()).as_ref()
    }

    /// Whether integers of either sign meet exactly: there are loops of `i64` beside `u64`, as comparisons have.
    pub fn mixes_signs(&self) -> bool {
        self.derived.is_none() && self.loop_for(&[DType::I64, DType::U64]).is_some()
    }

    /// Whether a call's inputs meet in one dtype, so that a number takes the one beside it; `ldexp`'s do not, nor do dates.
    pub fn meets_in_one_dtype(&self) -> bool {
        let is_plain = |l: &&LoopDef| l.inputs.iter().all(|i| i.kind() != Kind::Date);
        self.mixes_signs()
            || self.loops().filter(is_plain).all(|l| l.inputs.iter().all(|i| *i == l.inputs[0]))
    }

    /// The loop with exactly these input dtypes.
    pub fn loop_for(&self, inputs: &[DType]) -> Option<&LoopDef> {
        match &self.derived {
            Some(source) => source.derived().find_strong(inputs).or_else(|| {
                let types: Vec<Typed> = inputs.iter().map(|&dtype| Typed::Strong(dtype)).collect();
                source.derive(&types).ok()
            }),
            None => self.loops().find(|l| l.inputs == inputs),
        }
    }
}

impl fmt::Debug for UfuncDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ufunc '{}'>", self.name)
    }
}

/// One signature of a ufunc and the machine code for it.
pub struct LoopDef {
    /// Dtypes of the inputs.
    pub inputs: &'static [DType],
    /// Dtypes of the outputs.
    pub outputs: &'static [DType],
    /// How the loop tells of IEEE exceptions.
    pub fp: FpReport,
    /// In which order it may fold.
    pub folds: FoldOrder,
    /// Whether its code calls Python: it runs on the calling thread only, which keeps the GIL.
    pub needs_gil: bool,
    /// The code.
    pub code: Code,
}

impl LoopDef {
    /// Whether it can fold: two inputs and an output of one dtype.
    pub fn is_reducible(&self) -> bool {
        matches!((self.inputs, self.outputs), ([a, b], [c]) if a == b && b == c)
    }
}

impl fmt::Display for LoopDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_signature(f, self.inputs, self.outputs)
    }
}

impl fmt::Debug for LoopDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a loop tells which IEEE exceptions it raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FpReport {
    /// It raises none that count (integers, comparisons, min/max, copies).
    Never,
    /// The CPU's status register is exact for it: read it around the call.
    Hardware,
    /// It judges by value and returns the flags; the status register says nothing.
    Returned,
}

/// In which order a loop may fold elements, which decides the bits of the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldOrder {
    /// One after the other.
    Sequential,
    /// Any: it is associative and commutative, exactly or as far as anyone asks.
    Any,
    /// As sums of floats: NumPy's pairwise summation along a run, and -0 changes nothing.
    Pairwise,
}

/// What a reduction over no element gives, in any dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// None: reducing nothing is an error.
    None,
    /// 0 or false.
    Zero,
    /// 1 or true.
    One,
    /// -1: all bits set.
    MinusOne,
    /// Minus infinity.
    NegInfinity,
}

/// How `reduce`, `accumulate` and `reduceat` choose a dtype when the call names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReduceRule {
    /// The input's.
    Plain,
    /// The input's, but bool and integers narrower than 64 bits are summed in 64 (`add`, `multiply`).
    WidenInts,
}

/// Work per element, in the classes that thread thresholds are set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Bound by memory: arithmetic, comparison, bits.
    Light,
    /// A few dependent steps: division, square root, integer division.
    Medium,
    /// Tens of steps: the transcendental functions.
    Heavy,
}

/// The error bound of the floating-point loops, a tested fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Accuracy {
    /// The IEEE result, bit for bit.
    Exact,
    /// At most so many units in the last place from the exact value, anywhere in the domain.
    Ulp(f64),
    /// The same, but where operands cancel to a result smaller than the second number, whose units count there.
    UlpOrOf(f64, f64),
    /// Sums of products: within as many units, of the sum of the products' magnitudes, as there are products, and often much less.
    Sums,
}

/// What becomes of bool operands where a ufunc has no loop for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoolRule {
    /// They are cast, as any other.
    AsInt,
    /// They are refused.
    Refused,
    /// They are refused, and this ufunc is probably meant.
    RefusedFor(&'static str),
}

/// What [`crate::submit!`] collects.
pub struct Registration(pub &'static UfuncDef);

inventory::collect!(Registration);
