//! Kernels: a lane function run over a contiguous block.
//!
//! [`Each`] calls a [`Lane`] on every element; LLVM vectorises the loop for the level it is compiled at. Any [`Kernel`]
//! becomes a [`LoopDef`] here, one erased function per ISA level; a lane function may also have an in-place kernel and a
//! strided one.

use super::classes::Reduces;
use super::fold::{Folds, InOrder};
use super::forms::{indexed, scan};
use super::level::{Level, Madd, Scalar, Work};
use super::math::{Math, MathEach, Register};
use super::narrow::{self, Narrow, Via, Widen};
use super::narrow_floats::NarrowFloat;
use super::pack::{OutPack, Pack, Single};
use super::parted::{Pairs, Parted, Parts, overwriting};
use crate::registry::{
    BlockFn, ByIsa, Code, Element, FoldOrder, FpFlags, FpReport, IndexedFn, Isa, Kernels, LoopDef, ScanFn,
    StridedFn,
};
use std::marker::PhantomData;

/// An element-wise function as a zero-sized type: it takes the inputs of one element as a tuple. Branch-free and
/// `#[inline(always)]`, or it will not vectorise.
pub trait Lane<I: Pack>: 'static {
    /// One output, or a tuple of two.
    type Out: OutPack;
    /// The function.
    fn lane<M: Madd>(m: M, x: I) -> Self::Out;
    /// What `y = lane(m, x)` raises, where the loop is [`Judged`].
    #[inline(always)]
    fn flags<M: Madd>(_m: M, _x: I, _y: Self::Out) -> FpFlags {
        FpFlags::NONE
    }
}

/// A block function, not yet erased.
pub trait Kernel: 'static {
    /// Inputs of one element.
    type In: Pack;
    /// Outputs of one element.
    type Out: OutPack;
    /// How it reports.
    const FP: FpReport;
    /// Runs one block.
    fn run<L: Level>(
        level: L,
        x: <Self::In as Pack>::Slices<'_>,
        y: <Self::Out as OutPack>::Slices<'_>,
        n: usize,
    ) -> FpFlags;
}

/// The flag behaviour of an [`Each`] kernel, as a type.
pub trait Report: 'static {
    /// The behaviour.
    const FP: FpReport;
}
/// Raises nothing.
pub struct Quiet;
/// The status register tells.
pub struct Raises;
/// [`Lane::flags`] judges by value: IEEE exceptions of functions whose instructions do not raise them, refusals.
pub struct Judged;
impl Report for Quiet {
    const FP: FpReport = FpReport::Never;
}
impl Report for Raises {
    const FP: FpReport = FpReport::Hardware;
}
impl Report for Judged {
    const FP: FpReport = FpReport::Returned;
}

/// One element's outputs, and what they raise as the report `R` has it.
#[inline(always)]
pub(super) fn judged<O: Lane<I>, I: Pack, R: Report, M: Madd>(m: M, x: I) -> (O::Out, FpFlags) {
    let y = O::lane(m, x);
    match R::FP {
        FpReport::Returned => (y, O::flags(m, x, y)),
        FpReport::Never | FpReport::Hardware => (y, FpFlags::NONE),
    }
}

/// A lane function on every element.
pub struct Each<O, I, R>(PhantomData<(O, I, R)>);

impl<O: Lane<I>, I: Pack, R: Report> Kernel for Each<O, I, R> {
    type In = I;
    type Out = O::Out;
    const FP: FpReport = R::FP;

    #[inline(always)]
    fn run<L: Level>(
        level: L,
        x: I::Slices<'_>,
        mut y: <O::Out as OutPack>::Slices<'_>,
        n: usize,
    ) -> FpFlags {
        let mut flags = FpFlags::NONE;
        for i in 0..n {
            let (value, raised) = judged::<O, I, R, _>(level.madd(), I::get(x, i));
            O::Out::set(&mut y, i, value);
            flags |= raised;
        }
        flags
    }
}

struct BlockWork<K> {
    args: *const *mut u8,
    n: usize,
    kernel: PhantomData<K>,
}

impl<K: Kernel> Work for BlockWork<K> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        // SAFETY: `erased` is a `BlockFn`, so its caller made the promises both `slices` ask for.
        let (x, y) = unsafe {
            (K::In::slices(self.args, self.n), K::Out::slices(self.args.add(K::In::DTYPES.len()), self.n))
        };
        K::run(level, x, y, self.n)
    }
}

/// A [`BlockFn`]: kernel `K` compiled for level `L`.
pub(super) unsafe fn erased<K: Kernel, L: Level>(args: *const *mut u8, n: usize) -> FpFlags {
    // SAFETY: the caller of a `BlockFn` promises the level.
    unsafe { L::enter(BlockWork::<K> { args, n, kernel: PhantomData }) }
}

/// A [`StridedFn`]: the lane function, one element after the other.
unsafe fn strided<O: Lane<I>, I: Pack, R: Report, L: Level>(
    args: *const *mut u8,
    n: usize,
    strides: *const isize,
) -> FpFlags {
    // SAFETY: the caller vouches for the level.
    unsafe { L::enter(StridedWork::<O, I, R> { args, n, strides, lane: PhantomData }) }
}

struct StridedWork<O, I, R> {
    args: *const *mut u8,
    n: usize,
    strides: *const isize,
    lane: PhantomData<(O, I, R)>,
}

impl<O: Lane<I>, I: Pack, R: Report> Work for StridedWork<O, I, R> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        let nin = const { I::DTYPES.len() };
        let nargs = const { I::DTYPES.len() + O::Out::DTYPES.len() };
        // SAFETY: `strided` is a `StridedFn`, so its caller passes an address and a stride for each operand.
        let mut at = unsafe { Addresses::new(self.args, self.strides, nargs) };
        let mut flags = FpFlags::NONE;
        for _ in 0..self.n {
            // SAFETY: the caller of a `StridedFn` promises every address; outputs follow the inputs.
            unsafe {
                let (value, raised) = judged::<O, I, R, _>(level.madd(), I::read(&at.now[..nin]));
                O::Out::write(&at.now[nin..nargs], value);
                flags |= raised;
            }
            at.step(nargs);
        }
        flags
    }
}

/// Where each operand of a strided loop stands. A local copy: writes through the output might, for all the compiler
/// knows, change the caller's arrays.
pub(super) struct Addresses {
    pub(super) now: [*mut u8; Addresses::MOST],
    steps: [isize; Addresses::MOST],
}

impl Addresses {
    /// The most operands a pack of inputs and one of outputs make.
    const MOST: usize = 5;

    /// # Safety
    /// `args` and `strides` hold `nargs` entries.
    #[inline(always)]
    pub(super) unsafe fn new(args: *const *mut u8, strides: *const isize, nargs: usize) -> Addresses {
        let mut at = Addresses { now: [std::ptr::null_mut(); Self::MOST], steps: [0; Self::MOST] };
        for k in 0..nargs {
            // SAFETY: the caller's promise.
            unsafe { (at.now[k], at.steps[k]) = (*args.add(k), *strides.add(k)) };
        }
        at
    }

    #[inline(always)]
    pub(super) fn step(&mut self, nargs: usize) {
        for k in 0..nargs {
            self.now[k] = self.now[k].wrapping_offset(self.steps[k]);
        }
    }
}

/// The highest level a family is compiled for.
pub trait Ceiling: 'static {
    /// The level.
    const ISA: Isa;
}
/// Memory-bound families: AVX-512 gains nothing over AVX2 there (NumPy found the same, numpy#23153).
pub struct UpToV3;
/// Compute-bound families.
pub struct UpToV4;
impl Ceiling for UpToV3 {
    const ISA: Isa = Isa::V3;
}
impl Ceiling for UpToV4 {
    const ISA: Isa = Isa::V4;
}

/// A generic function compiled at each level up to a ceiling: `by_isa!(ceiling, erased::<K> as BlockFn)` is
/// `erased::<K, Scalar>`, `erased::<K, V3>` and so on. The one place that lists the levels.
macro_rules! by_isa {
    ($ceiling:expr, $f:ident :: < $($t:ty),+ > as $form:ty) => {{
        use $crate::registry::{ByIsa, Isa};
        use $crate::simd::level;
        let ceiling: Isa = $ceiling;
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "there is one level"))]
        let mut levels: ByIsa<$form> = ByIsa::baseline($f::<$($t,)+ level::Scalar> as $form);
        #[cfg(target_arch = "x86_64")]
        {
            if ceiling as u8 >= Isa::V3 as u8 {
                levels.0[Isa::V3 as usize] = Some($f::<$($t,)+ level::V3> as $form);
            }
            if ceiling as u8 >= Isa::V4 as u8 {
                levels.0[Isa::V4 as usize] = Some($f::<$($t,)+ level::V4> as $form);
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = ceiling;
        levels
    }};
}
pub(crate) use by_isa;

/// A generic function at AVX-512 only.
macro_rules! at_v4 {
    ($f:ident :: < $($t:ty),+ > as $form:ty) => {{
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "there is one level"))]
        let mut levels: $crate::registry::ByIsa<$form> = $crate::registry::ByIsa::NONE;
        #[cfg(target_arch = "x86_64")]
        {
            levels.0[$crate::registry::Isa::V4 as usize] = Some($f::<$($t,)+ $crate::simd::level::V4> as $form);
        }
        levels
    }};
}

// From here on: what forms a function comes in, by what is known of it. A new form is derived here.

/// The loop of a kernel: blocks.
pub const fn loop_of<K: Kernel, C: Ceiling>() -> LoopDef {
    let kernels = Kernels { block: by_isa!(C::ISA, erased::<K> as BlockFn), ..Kernels::NONE };
    loop_with::<K>(FoldOrder::Sequential, kernels)
}

/// The loop of a lane function: blocks, and strided.
pub const fn lane_loop<O: Lane<I>, I: Pack, R: Report, C: Ceiling>() -> LoopDef {
    let kernels = Kernels {
        block: by_isa!(C::ISA, erased::<Each<O, I, R>> as BlockFn),
        strided: ByIsa::baseline(strided::<O, I, R, Scalar> as StridedFn),
        ..Kernels::NONE
    };
    loop_with::<Each<O, I, R>>(FoldOrder::Sequential, kernels)
}

/// The loop of a function that folds: blocks, in place, strided, and the fold.
pub const fn reducing_loop<O: Reduces<T>, T: Element + OutPack>() -> LoopDef {
    let kernels = Kernels {
        block: by_isa!(O::CEILING, erased::<Each<O, (T, T), O::Report>> as BlockFn),
        // Light work gains by AVX-512 where its operands are near: a product of f64 in L1 49 ns a thousand, 83 by AVX2.
        cached: at_v4!(erased::<Each<O, (T, T), O::Report>> as BlockFn),
        in_place: by_isa!(O::CEILING, in_place::<O, (T, T), O::Report> as BlockFn),
        strided: ByIsa::baseline(strided::<O, (T, T), O::Report, Scalar> as StridedFn),
        fold: <O::Fold as Folds<T>>::KERNELS,
        scan: ByIsa::baseline(scan::<O, T, O::Report, Scalar> as ScanFn),
        indexed: ByIsa::baseline(indexed::<O, T, O::Report, Scalar> as IndexedFn),
        segments: <O::Fold as Folds<T>>::SEGMENTS,
        ..Kernels::NONE
    };
    loop_with::<Each<O, (T, T), O::Report>>(<O::Fold as Folds<T>>::ORDER, kernels)
}

/// The loop of a function that folds, on a float narrower than the f32 that it is computed in: blocks, and strided. Folds
/// are those of the f32 loop.
pub const fn narrow_reducing_loop<O: Reduces<f32>, H: NarrowFloat>() -> LoopDef
where
    (f32, f32): Widen<H>,
    f32: Narrow<H>,
{
    let kernels = Kernels {
        block: by_isa!(O::CEILING, erased::<Via<Each<O, (f32, f32), O::Report>, H>> as BlockFn),
        strided: ByIsa::baseline(narrow::strided::<O, H> as StridedFn),
        ..Kernels::NONE
    };
    loop_with::<Via<Each<O, (f32, f32), O::Report>, H>>(<O::Fold as Folds<f32>>::ORDER, kernels)
}

/// The same of a function in two parts. What is strided and strictly in order has the lane function.
pub const fn parted_loop<O: Reduces<T> + Parted<T>, T: Element + Single + PartialEq>() -> LoopDef {
    folding_loop::<Parts<O, T>, O, T>()
}

/// The same of a function whose blocks are those of a kernel.
pub const fn folding_loop<K: Kernel<In = (T, T), Out = T>, O: Reduces<T>, T: Element + Single>() -> LoopDef {
    let kernels = Kernels {
        block: by_isa!(Isa::V4, erased::<K> as BlockFn),
        in_place: by_isa!(Isa::V4, overwriting::<K, T> as BlockFn),
        strided: ByIsa::baseline(strided::<O, (T, T), O::Report, Scalar> as StridedFn),
        fold: <O::Fold as Folds<T>>::KERNELS,
        scan: ByIsa::baseline(scan::<O, T, O::Report, Scalar> as ScanFn),
        indexed: ByIsa::baseline(indexed::<O, T, O::Report, Scalar> as IndexedFn),
        segments: <O::Fold as Folds<T>>::SEGMENTS,
        ..Kernels::NONE
    };
    loop_with::<K>(<O::Fold as Folds<T>>::ORDER, kernels)
}

/// The same on a float narrower than the f32 that it is computed in.
pub const fn narrow_parted_loop<O: Reduces<f32> + Parted<f32>, H: NarrowFloat>() -> LoopDef
where
    (f32, f32): Widen<H>,
    f32: Narrow<H>,
{
    let kernels = Kernels {
        block: by_isa!(Isa::V4, erased::<Via<Parts<O, f32>, H>> as BlockFn),
        strided: ByIsa::baseline(narrow::strided::<O, H> as StridedFn),
        ..Kernels::NONE
    };
    loop_with::<Via<Parts<O, f32>, H>>(<O::Fold as Folds<f32>>::ORDER, kernels)
}

/// The loop of a [`Math`] function of two inputs: blocks; strided and strictly in order the whole function, an element at a
/// time, with a fused multiply-add where there is one (a step of logaddexp: 28 ns, and 37 without).
pub const fn math_pair_loop<O: Math<(T, T)>, T: Register>() -> LoopDef {
    let kernels = Kernels {
        block: by_isa!(Isa::V4, erased::<MathEach<O, (T, T)>> as BlockFn),
        strided: by_isa!(Isa::V3, strided::<Whole<O>, (T, T), Judged> as StridedFn),
        scan: by_isa!(Isa::V3, scan::<Whole<O>, T, Judged> as ScanFn),
        indexed: by_isa!(Isa::V3, indexed::<Whole<O>, T, Judged> as IndexedFn),
        ..Kernels::NONE
    };
    loop_with::<MathEach<O, (T, T)>>(FoldOrder::Sequential, kernels)
}

/// The same on a float narrower than the f32 that it is computed in: kernel `K` for blocks, and strided. Folds are those of the
/// f32 loop.
pub const fn narrow_math_pair_loop<O: Math<(f32, f32)>, H: NarrowFloat, K: Kernel>() -> LoopDef {
    let kernels = Kernels {
        block: by_isa!(Isa::V4, erased::<K> as BlockFn),
        strided: ByIsa::baseline(narrow::strided::<Whole<O>, H> as StridedFn),
        ..Kernels::NONE
    };
    loop_with::<K>(FoldOrder::Sequential, kernels)
}

/// A [`Math`] function as a lane function: the whole of it, flags too.
pub struct Whole<O>(PhantomData<O>);

impl<O: Math<(T, T)>, T: Register> Lane<(T, T)> for Whole<O> {
    type Out = T;
    #[inline(always)]
    fn lane<M: Madd>(m: M, x: (T, T)) -> T {
        O::full(m, x)
    }
    #[inline(always)]
    fn flags<M: Madd>(_: M, x: (T, T), y: T) -> FpFlags {
        O::flags(x, y)
    }
}

impl<O: Math<(T, T)>, T: Register> Reduces<T> for Whole<O> {
    type Report = Judged;
    type Fold = InOrder;
}

/// The loop of a function in two parts with two outputs: blocks.
pub const fn pair_loop<O: Pairs<T>, T: Element + PartialEq>() -> LoopDef {
    loop_of::<Parts<O, T>, UpToV4>()
}

/// The same on a float narrower than the f32 that it is computed in.
pub const fn narrow_pair_loop<O: Pairs<f32>, H: NarrowFloat>() -> LoopDef
where
    (f32, f32): Widen<H> + Narrow<H>,
{
    loop_of::<Via<Parts<O, f32>, H>, UpToV4>()
}

const fn loop_with<K: Kernel>(folds: FoldOrder, kernels: Kernels) -> LoopDef {
    LoopDef {
        inputs: <K::In as Pack>::DTYPES,
        outputs: <K::Out as OutPack>::DTYPES,
        fp: K::FP,
        folds,
        needs_gil: false,
        code: Code::Kernels(kernels),
    }
}

/// A pack whose first element can be overwritten by the result.
pub trait Overwrite: Pack {
    /// The first element's type.
    type First: Element + OutPack;
    /// Runs `O` over a block in place.
    ///
    /// # Safety
    /// As for a [`BlockFn`] whose first input is its output.
    unsafe fn run<O: Lane<Self, Out = Self::First>, R: Report, M: Madd>(
        m: M,
        args: *const *mut u8,
        n: usize,
    ) -> FpFlags;
}

impl<T: Element + OutPack> Overwrite for (T, T) {
    type First = T;
    #[inline(always)]
    unsafe fn run<O: Lane<(T, T), Out = T>, R: Report, M: Madd>(
        m: M,
        args: *const *mut u8,
        n: usize,
    ) -> FpFlags {
        // SAFETY: `n` initialised elements that are input and output at once; the other input lies apart.
        let (y, b) = unsafe {
            let b = std::slice::from_raw_parts((*args.add(1)).cast::<T>(), n);
            (std::slice::from_raw_parts_mut((*args).cast::<T>(), n), b)
        };
        let mut flags = FpFlags::NONE;
        for (y, &b) in y.iter_mut().zip(b) {
            let (value, raised) = judged::<O, (T, T), R, _>(m, (*y, b));
            *y = value;
            flags |= raised;
        }
        flags
    }
}

struct InPlaceWork<O, I, R> {
    args: *const *mut u8,
    n: usize,
    kernel: PhantomData<(O, I, R)>,
}

impl<I: Overwrite, O: Lane<I, Out = I::First>, R: Report> Work for InPlaceWork<O, I, R> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> FpFlags {
        // SAFETY: `in_place` is a `BlockFn`, so its caller made the promises.
        unsafe { I::run::<O, R, _>(level.madd(), self.args, self.n) }
    }
}

unsafe fn in_place<O: Lane<I, Out = I::First>, I: Overwrite, R: Report, L: Level>(
    args: *const *mut u8,
    n: usize,
) -> FpFlags {
    // SAFETY: the caller of a `BlockFn` promises the level.
    unsafe { L::enter(InPlaceWork::<O, I, R> { args, n, kernel: PhantomData }) }
}
