//! The loop contract: what a kernel is given and what it promises. Every pointer type here is `unsafe` to call and
//! nothing in this crate calls one; the engine's executor does, and keeps the duties written beside each.

/// IEEE exceptions raised by a piece of work, the bits being NumPy's `NPY_FPE_*`; and one bit that is not IEEE's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FpFlags(pub u8);

impl FpFlags {
    /// Nothing raised.
    pub const NONE: FpFlags = FpFlags(0);
    /// A finite operand gave an exact infinity.
    pub const DIVIDE: FpFlags = FpFlags(1);
    /// A result too large.
    pub const OVERFLOW: FpFlags = FpFlags(2);
    /// A result subnormal or zero, and inexact.
    pub const UNDERFLOW: FpFlags = FpFlags(4);
    /// No meaningful result.
    pub const INVALID: FpFlags = FpFlags(8);
    /// The loop refuses some element: the call is an error, in the words of [`crate::UfuncDef::refusal`], and its outputs
    /// hold whatever was written.
    pub const REFUSED: FpFlags = FpFlags(16);

    /// Whether nothing was raised.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are raised.
    pub const fn contains(self, other: FpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These if `condition`, else none; without a branch.
    #[inline(always)]
    pub const fn when(self, condition: bool) -> FpFlags {
        FpFlags(self.0 * condition as u8)
    }
}

impl std::ops::BitOr for FpFlags {
    type Output = FpFlags;
    #[inline(always)]
    fn bitor(self, other: FpFlags) -> FpFlags {
        FpFlags(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for FpFlags {
    #[inline(always)]
    fn bitor_assign(&mut self, other: FpFlags) {
        self.0 |= other.0;
    }
}

/// An instruction-set level a kernel is compiled for, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Isa {
    /// The target's baseline: SSE2 on x86-64, NEON on AArch64.
    Scalar,
    /// x86-64-v3: AVX2, FMA.
    V3,
    /// x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
    V4,
}

impl Isa {
    /// Every level, lowest first.
    pub const ALL: [Isa; 3] = [Isa::Scalar, Isa::V3, Isa::V4];

    /// As `UFUNX_MAX_ISA` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::V3 => "v3",
            Isa::V4 => "v4",
        }
    }

    /// The level spelled so.
    pub fn from_name(name: &str) -> Option<Isa> {
        Self::ALL.into_iter().find(|i| i.name() == name)
    }
}

/// One loop over `n` elements: `f(args, n)`, `args` naming each input then each output.
///
/// # Safety
/// The caller promises: every operand is contiguous and aligned for its dtype, `n` elements long (`n` may be 0); the
/// outputs overlap no input and no other output; the CPU has the kernel's ISA level. Outputs may be uninitialised;
/// the kernel writes every element.
pub type BlockFn = unsafe fn(args: *const *mut u8, n: usize) -> FpFlags;

/// The same with byte strides, strictly one element after the other: an output may be the next element's input,
/// which is how `accumulate`, `at` and the reductions of functions that do not reorder are run.
///
/// # Safety
/// Every address `args[k] + i * strides[k]`, `i < n`, is aligned and valid for its dtype.
pub type StridedFn = unsafe fn(args: *const *mut u8, n: usize, strides: *const isize) -> FpFlags;

/// Folds `n` contiguous elements into one accumulator: `*acc = f(*acc, fold(x))`, in the order the loop's author
/// found best (pairwise for sums, by lanes for what reorders exactly).
///
/// # Safety
/// `x` is contiguous, aligned and `n` elements long, `acc` is one aligned element outside it; the CPU has the level.
pub type FoldFn = unsafe fn(acc: *mut u8, x: *const u8, n: usize) -> FpFlags;

/// Each result from the one before: `carried = f(carried, x[i]); y[i] = carried`, from the element at `first` on, strictly in
/// order. `args` are the addresses of x and y, `steps` their byte strides.
///
/// # Safety
/// `n` elements each, aligned; an element of y may be the same one of x.
pub type ScanFn = unsafe fn(first: *const u8, args: [*mut u8; 2], steps: [isize; 2], n: usize) -> FpFlags;

/// Operands whole axes of which are computed over, for a [`CoreFn`].
#[derive(Clone, Copy, Debug)]
pub struct Cores<'a> {
    /// The first element of each operand, inputs then outputs.
    pub args: &'a [*mut u8],
    /// For each operand its core axes, as the signature has them.
    pub axes: &'a [Vec<usize>],
    /// The length of each core axis, in the order of the signature; 1 for one that the operands do without.
    pub lengths: &'a [usize],
    /// Byte strides of core axes: the first operand's, in its order, then the next one's; 0 for one it does without.
    pub steps: &'a [isize],
    /// How many times to compute, each operand this many bytes further on each time.
    pub count: usize,
    /// See `count`.
    pub strides: &'a [isize],
}

/// Computes over whole axes, as a core signature says, `count` times.
///
/// # Safety
/// Every element that lengths, steps, `count` and strides reach is aligned and valid for its dtype; outputs overlap nothing
/// else; the CPU has the level. Outputs may be uninitialised; the kernel writes every element.
pub type CoreFn = unsafe fn(&Cores<'_>) -> FpFlags;

/// Updates of indexed elements, for an [`IndexedFn`].
#[derive(Clone, Copy, Debug)]
pub struct Indexed {
    /// The first element of the target.
    pub target: *mut u8,
    /// Bytes from one to the next.
    pub step: isize,
    /// How many there are: a negative index counts from the end.
    pub len: isize,
    /// The first index, an `isize`, and the bytes from one to the next.
    pub indices: *const u8,
    /// See `indices`.
    pub index_step: isize,
    /// The first value, and the bytes from one to the next.
    pub values: *const u8,
    /// See `values`.
    pub value_step: isize,
    /// How many updates.
    pub n: usize,
}

/// `target[index] = f(target[index], value)` for each index, in order.
///
/// # Safety
/// Every index is within the target; elements, indices and values are aligned; neither indices nor values overlap the
/// target.
pub type IndexedFn = unsafe fn(&Indexed) -> FpFlags;

/// Stretches of contiguous elements to be folded, for a [`SegmentsFn`].
#[derive(Clone, Copy, Debug)]
pub struct Segments<'a> {
    /// The elements.
    pub x: *const u8,
    /// From which element to which, one at least.
    pub bounds: &'a [[usize; 2]],
    /// What each fold starts with; its first element, if nothing.
    pub start: Option<*const u8>,
    /// Where the first result goes, and the bytes to the next.
    pub out: *mut u8,
    /// See `out`.
    pub out_step: isize,
}

/// Folds each stretch as a [`FoldFn`] would.
///
/// # Safety
/// The stretches are of aligned elements; there is a place for each result, which overlaps none of them; the CPU has the
/// level.
pub type SegmentsFn = unsafe fn(&Segments<'_>) -> FpFlags;
