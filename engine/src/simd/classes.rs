//! Loops by dtype class: each function here makes the `LoopDef`s of one operation for every dtype of a class, the
//! classes being read off the dtype table, so that a new row gains the loops of every existing ufunc. A module is a
//! *family*: how the operation is run, and how it tells of IEEE exceptions.
//!
//! [`loops!`](crate::loops) puts a ufunc's classes in order. Narrow floats (`halves`, and the `minis` that NumPy lacks) run
//! the f32 kernel, whatever the family.

use super::complex::{self, Composed};
use super::fold::Folds;
use super::kernel::{
    Each, Judged, Lane, Quiet, Raises, Report, UpToV3, UpToV4, loop_of, math_pair_loop,
    narrow_math_pair_loop, narrow_pair_loop, narrow_parted_loop, narrow_reducing_loop, pair_loop,
    parted_loop, reducing_loop,
};
use super::math::{Math, MathEach};
use super::narrow::{Narrow, Via, Widen};
use super::narrow_math::HalfMath;
use super::pack::{OutPack, Pack};
use super::parted::{Pairs, Parted};
use crate::registry::{
    B8, Complex32, Complex64, Element, F8E4M3FN, F8E5M2, Isa, LoopDef, bf16, f16, for_each_class,
};

/// The loops of a ufunc, in the order in which they are searched: the first whose inputs all operands cast to safely is
/// taken. That order is written here and nowhere else; a block names its classes and the family of each.
///
/// - `bools:`, `ints:`, `floats:`, `complexes:` a family, as `raising<One, Sqrt>`; `floats` makes the narrow ones too;
/// - `wide:` and `narrow:` in place of `floats:`, where f32 and f64 are of another family than the narrow floats;
/// - `complex:` loops in place of `complexes:`;
/// - `mixed:` loops whose inputs have several dtypes;
/// - `dates:` loops of moments and spans, which no class makes: each pair of them is another function.
///
/// The floats that NumPy lacks are last, so that no other dtype is ever promoted to them.
#[macro_export]
macro_rules! loops {
    ($(bools: $b:ident<$($bt:ty),+>;)? $(ints: $i:ident<$($it:ty),+>;)? $(mixed: $mixed:expr;)?
     floats: $f:ident<$($ft:ty),+>; $($rest:tt)*) => {
        $crate::loops! {
            $(bools: $b<$($bt),+>;)? $(ints: $i<$($it),+>;)? $(mixed: $mixed;)?
            wide: $f<$($ft),+>; narrow: $f<$($ft),+>; $($rest)*
        }
    };
    ($(bools: $b:ident<$($bt:ty),+>;)? $(ints: $i:ident<$($it:ty),+>;)? $(mixed: $mixed:expr;)?
     $(wide: $w:ident<$($wt:ty),+>;)? $(narrow: $n:ident<$($nt:ty),+>;)?
     $(complexes: $c:ident<$($ct:ty),+>;)? $(complex: $complex:expr;)? $(dates: $dates:expr;)?) => {
        &[
            $(&$crate::simd::classes::$b::bools::<$($bt),+>(),)?
            $(&$crate::simd::classes::$i::ints::<$($it),+>(),)?
            $($mixed,)?
            $(&$crate::simd::classes::$n::halves::<$($nt),+>(),)?
            $(&$crate::simd::classes::$w::floats::<$($wt),+>(),)?
            $(&$crate::simd::classes::$c::complexes::<$($ct),+>(),)?
            $($complex,)?
            $($dates,)?
            $(&$crate::simd::classes::$n::minis::<$($nt),+>(),)?
        ]
    };
}

/// How many inputs, as a type: `One::Of<T>` is `(T,)`, `Two::Of<T>` is `(T, T)`.
pub trait Arity: 'static {
    /// The pack of that many `T`.
    type Of<T: Element>: Pack;
}
/// One input.
pub struct One;
/// Two inputs of one dtype.
pub struct Two;
/// Three inputs of one dtype.
pub struct Three;
impl Arity for One {
    type Of<T: Element> = (T,);
}
impl Arity for Two {
    type Of<T: Element> = (T, T);
}
impl Arity for Three {
    type Of<T: Element> = (T, T, T);
}

/// A binary function that folds, and how.
pub trait Reduces<T: Element + OutPack>: Lane<(T, T), Out = T> {
    /// The flags it raises.
    type Report: Report;
    /// [`super::fold::ByLanes`], [`super::fold::Pairwise`] or [`super::fold::InOrder`].
    type Fold: Folds<T>;
    /// The highest level it is compiled for; the baseline for what no vectors help.
    const CEILING: Isa = Isa::V3;
}

macro_rules! families {
    (bools: $b:tt ints: $i:tt halves: $h:tt floats: $f:tt complexes: $c:tt minis: $m:tt) => {
        /// Loops that raise no IEEE flag: integers, comparisons, bit tests, roundings. AVX-512 pays where the result is a
        /// bool: its compares make byte masks without shuffles (`less` of f64: 0.23 against 0.30 ns an element).
        pub mod quiet {
            use super::*;
            each! { bools ints floats complexes: Quiet, UpToV4; $b $i $f $c }
            narrow_each! { Quiet; $h $m }
        }
        /// Loops that raise nothing, and are written for the bits of each narrow float.
        pub mod direct {
            use super::*;
            each! { halves floats minis: Quiet, UpToV4; $h $f $m }
        }
        /// The same, judging their flags by value.
        pub mod direct_judged {
            use super::*;
            each! { halves floats minis: Judged, UpToV4; $h $f $m }
        }
        /// Loops whose IEEE flags are the hardware's: arithmetic and square roots.
        pub mod raising {
            use super::*;
            each! { ints floats complexes: Raises, UpToV3; $i $f $c }
            narrow_each! { Raises; $h $m }
        }
        /// Loops that judge their flags by value.
        pub mod judged {
            use super::*;
            each! { ints floats complexes: Judged, UpToV3; $i $f $c }
            narrow_each! { Judged; $h $m }
        }
        /// Loops `(T, T) -> T` that can also reduce, accumulate and update in place; `O` says by [`Reduces`] how.
        pub mod reducing {
            use super::*;
            reducing_each! { bools ints floats complexes: $b $i $f $c }
            narrow_reducing_each! { halves minis: $h $m }
        }
        /// The same of a function in two parts ([`Parted`]).
        pub mod parted {
            use super::*;
            parted_each! { ints floats complexes: Reduces parted_loop; $i $f $c }
            narrow_parted_each! { halves minis: Reduces narrow_parted_loop; $h $m }
        }
        /// Loops `(T, T) -> (T, T)` of a function in two parts.
        pub mod parted_pair {
            use super::*;
            parted_each! { ints floats: Pairs pair_loop; $i $f }
            narrow_parted_each! { halves minis: Pairs narrow_pair_loop; $h $m }
        }
        /// The loops of a [`Math`] function of one input.
        pub mod math {
            use super::*;
            math_each! { floats complexes: $f $c }
            narrow_math_each! { $h $m }
        }
        /// The loops of a [`Composed`] complex function of one input.
        pub mod composed {
            use super::*;
            composed_each! { complexes: One 1 $c }
        }
        /// The loops of one of two inputs.
        pub mod composed2 {
            use super::*;
            composed_each! { complexes: Two 2 $c }
        }
        /// The loops of a [`Math`] function of two inputs.
        pub mod math2 {
            use super::*;
            math_pair_each! { floats complexes: $f $c }
            narrow_math_pair_each! { $h $m }
        }
    };
}

/// A function for each class, whose loops are those of a lane function of so many inputs.
macro_rules! each {
    ($($class:ident)+: $report:ident, $ceiling:ident; $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<A: Arity, O>() -> [LoopDef; [$(stringify!($v)),*].len()]
        where $(O: Lane<A::Of<$t>>),* {
            [$(loop_of::<Each<O, A::Of<$t>, $report>, $ceiling>()),*]
        }
    )+};
}

/// The same for the narrow floats, through f32.
macro_rules! narrow_each {
    ($report:ident; [$(($hv:ident $h:ident))*] [$(($mv:ident $m:ident))*]) => {
        /// The class's loops.
        pub const fn halves<A: Arity, O: Lane<A::Of<f32>>>() -> [LoopDef; [$(stringify!($hv)),*].len()]
        where $(A::Of<f32>: Widen<$h>, O::Out: Narrow<$h>),* {
            [$(loop_of::<Via<Each<O, A::Of<f32>, $report>, $h>, UpToV3>()),*]
        }
        /// The class's loops.
        pub const fn minis<A: Arity, O: Lane<A::Of<f32>>>() -> [LoopDef; [$(stringify!($mv)),*].len()]
        where $(A::Of<f32>: Widen<$m>, O::Out: Narrow<$m>),* {
            [$(loop_of::<Via<Each<O, A::Of<f32>, $report>, $m>, UpToV3>()),*]
        }
    };
}

macro_rules! reducing_each {
    ($($class:ident)+: $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O>() -> [LoopDef; [$(stringify!($v)),*].len()]
        where $(O: Reduces<$t>),* {
            [$(reducing_loop::<O, $t>()),*]
        }
    )+};
}
macro_rules! narrow_reducing_each {
    ($($class:ident)+: $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O: Reduces<f32>>() -> [LoopDef; [$(stringify!($v)),*].len()] {
            [$(narrow_reducing_loop::<O, $t>()),*]
        }
    )+};
}
macro_rules! parted_each {
    ($($class:ident)+: $bound:ident $make:ident; $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O>() -> [LoopDef; [$(stringify!($v)),*].len()]
        where $(O: Parted<$t> + $bound<$t>),* {
            [$($make::<O, $t>()),*]
        }
    )+};
}
macro_rules! narrow_parted_each {
    ($($class:ident)+: $bound:ident $make:ident; $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O: Parted<f32> + $bound<f32>>() -> [LoopDef; [$(stringify!($v)),*].len()] {
            [$($make::<O, $t>()),*]
        }
    )+};
}
macro_rules! math_each {
    ($($class:ident)+: $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O>() -> [LoopDef; [$(stringify!($v)),*].len()]
        where $(O: Math<$t>),* {
            [$(loop_of::<MathEach<O, $t>, UpToV4>()),*]
        }
    )+};
}
macro_rules! composed_each {
    ($class:ident: $kernel:ident $inputs:literal [$(($v:ident $t:ident))*]) => {
        /// The class's loops.
        pub const fn $class<O: Composed<$inputs>>() -> [LoopDef; [$(stringify!($v)),*].len()] {
            [$(loop_of::<complex::$kernel<O, $t>, UpToV4>()),*]
        }
    };
}
macro_rules! narrow_math_each {
    ([$(($hv:ident $h:ident))*] [$(($mv:ident $m:ident))*]) => {
        /// The class's loops.
        pub const fn halves<O: Math<f32>>() -> [LoopDef; [$(stringify!($hv)),*].len()] {
            [$(loop_of::<HalfMath<O, f32, $h>, UpToV4>()),*]
        }
        /// The class's loops.
        pub const fn minis<O: Math<f32>>() -> [LoopDef; [$(stringify!($mv)),*].len()] {
            [$(loop_of::<Via<MathEach<O, f32>, $m>, UpToV4>()),*]
        }
    };
}
macro_rules! math_pair_each {
    ($($class:ident)+: $([$(($v:ident $t:ident))*])+) => {$(
        /// The class's loops.
        pub const fn $class<O>() -> [LoopDef; [$(stringify!($v)),*].len()]
        where $(O: Math<($t, $t)>),* {
            [$(math_pair_loop::<O, $t>()),*]
        }
    )+};
}
macro_rules! narrow_math_pair_each {
    ([$(($hv:ident $h:ident))*] [$(($mv:ident $m:ident))*]) => {
        /// The class's loops.
        pub const fn halves<O: Math<(f32, f32)>>() -> [LoopDef; [$(stringify!($hv)),*].len()] {
            [$(narrow_math_pair_loop::<O, $h, HalfMath<O, (f32, f32), $h>>()),*]
        }
        /// The class's loops.
        pub const fn minis<O: Math<(f32, f32)>>() -> [LoopDef; [$(stringify!($mv)),*].len()] {
            [$(narrow_math_pair_loop::<O, $m, Via<MathEach<O, (f32, f32)>, $m>>()),*]
        }
    };
}

for_each_class!(families);
