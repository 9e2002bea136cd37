//! Loops by dtype class: each function here makes the `LoopDef`s of one operation for every dtype of a class, the
//! classes being read off the dtype table. A new row gains the loops of every existing ufunc.
//!
//! Classes: `bools`; `ints`; `halves` (f16); `floats` (f32, f64); `minis` (bf16 and float8, which NumPy lacks, and which
//! stand last in a ufunc so that no other dtype is ever promoted to them). `halves` and `minis` run the f32 kernel.

use super::fold::Folds;
use super::kernel::{
    Ceiling, Each, Kernel, Lane, Quiet, Raises, Report, UpToV3, UpToV4, loop_of, narrow_reducing_loop,
    reducing_loop,
};
use super::math::{Math, MathEach};
use super::pack::{OutPack, Pack};
use super::small::{Narrow, Via, Widen};
use crate::registry::{B8, Element, F8E4M3FN, F8E5M2, LoopDef, bf16, f16};

/// How many inputs, as a type: `One::Of<T>` is `(T,)`, `Two::Of<T>` is `(T, T)`.
pub trait Arity: 'static {
    /// The pack of that many `T`.
    type Of<T: Element>: Pack;
}
/// One input.
pub struct One;
/// Two inputs of one dtype.
pub struct Two;
impl Arity for One {
    type Of<T: Element> = (T,);
}
impl Arity for Two {
    type Of<T: Element> = (T, T);
}

/// Sorts the rows of the dtype table into classes and hands their Rust types to `class_loops!`.
macro_rules! by_class {
    ($($rows:tt)*) => { sort_rows! { [] [] [] [] [] $($rows)* } };
}
macro_rules! sort_rows {
    ([$($b:ident)*] [$($i:ident)*] [$($h:ident)*] [$($f:ident)*] [$($m:ident)*]) => {
        class_loops! { bools: $($b)*; ints: $($i)*; halves: $($h)*; floats: $($f)*; minis: $($m)*; }
        small_loops! { halves: $($h)*; minis: $($m)*; }
    };
    ($b:tt $i:tt $h:tt $f:tt [$($m:ident)*] $v:ident $r:ident $n:literal Float $by:literal $s:literal $p:literal
     $e:literal $c:literal -1 $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { $b $i $h $f [$($m)* $r] $($rest)* }
    };
    ($b:tt $i:tt [$($h:ident)*] $f:tt $m:tt $v:ident $r:ident $n:literal Float 2 $s:literal $p:literal
     $e:literal $c:literal $num:literal $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { $b $i [$($h)* $r] $f $m $($rest)* }
    };
    ($b:tt $i:tt $h:tt [$($f:ident)*] $m:tt $v:ident $r:ident $n:literal Float $by:literal $s:literal $p:literal
     $e:literal $c:literal $num:literal $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { $b $i $h [$($f)* $r] $m $($rest)* }
    };
    ($b:tt [$($i:ident)*] $h:tt $f:tt $m:tt $v:ident $r:ident $n:literal Int $by:literal $s:literal $p:literal
     $e:literal $c:literal $num:literal $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { $b [$($i)* $r] $h $f $m $($rest)* }
    };
    ([$($b:ident)*] $i:tt $h:tt $f:tt $m:tt $v:ident $r:ident $n:literal Bool $by:literal $s:literal $p:literal
     $e:literal $c:literal $num:literal $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { [$($b)* $r] $i $h $f $m $($rest)* }
    };
    ($b:tt $i:tt $h:tt $f:tt $m:tt $v:ident $r:ident $n:literal Complex $by:literal $s:literal $p:literal
     $e:literal $c:literal $num:literal $dl:literal $fm:literal; $($rest:tt)*) => {
        sort_rows! { $b $i $h $f $m $($rest)* }
    };
}

macro_rules! count {
    () => { 0 };
    ($head:ident $($tail:ident)*) => { 1 + count!($($tail)*) };
}
macro_rules! class_loops {
    ($($class:ident: $($t:ident)*;)*) => {
        /// Loops that raise no IEEE flag: integers, comparisons, bit tests, roundings. AVX-512 pays where the result is a
        /// bool: its compares make byte masks without shuffles (`less` of f64: 0.23 against 0.30 ns an element).
        pub mod quiet {
            use super::*;
            $(
                /// The class's loops.
                pub const fn $class<A: Arity, O>() -> [LoopDef; count!($($t)*)]
                where $(O: Lane<A::Of<$t>>),* {
                    [$(loop_of::<Each<O, A::Of<$t>, Quiet>, UpToV4>()),*]
                }
            )*
        }

        /// Loops whose IEEE flags are the hardware's: arithmetic and square roots.
        pub mod raising {
            use super::*;
            $(
                /// The class's loops.
                pub const fn $class<A: Arity, O>() -> [LoopDef; count!($($t)*)]
                where $(O: Lane<A::Of<$t>>),* {
                    [$(loop_of::<Each<O, A::Of<$t>, Raises>, UpToV3>()),*]
                }
            )*
        }

        /// Loops `(T, T) -> T` that can also reduce, accumulate and update in place; `O` says by [`Reduces`] how.
        pub mod reducing {
            use super::*;
            $(
                /// The class's loops.
                pub const fn $class<O>() -> [LoopDef; count!($($t)*)]
                where $(O: Reduces<$t>),* {
                    [$(reducing_loop::<O, $t>()),*]
                }
            )*
        }
    };
}
macro_rules! small_loops {
    ($($class:ident: $($t:ident)*;)*) => {
        /// Loops of the floats narrower than f32, through the f32 kernel `K`.
        pub mod via {
            use super::*;
            $(
                /// The class's loops.
                pub const fn $class<K: Kernel, C: Ceiling>() -> [LoopDef; count!($($t)*)]
                where $(K::In: Widen<$t>, K::Out: Narrow<$t>),* {
                    [$(loop_of::<Via<K, $t>, C>()),*]
                }
            )*
        }
        /// The same with the strided form that accumulate and `at` want.
        pub mod via_reducing {
            use super::*;
            $(
                /// The class's loops.
                pub const fn $class<O>() -> [LoopDef; count!($($t)*)]
                where O: Reduces<f32> {
                    [$(narrow_reducing_loop::<O, $t>()),*]
                }
            )*
        }
    };
}
crate::registry::for_each_dtype!(by_class);

/// A [`Math`] function's f32 and f64 loops.
pub const fn math<O: Math<f32> + Math<f64>>() -> [LoopDef; 2] {
    [loop_of::<MathEach<O, f32>, UpToV4>(), loop_of::<MathEach<O, f64>, UpToV4>()]
}

/// A binary function that folds, and how.
pub trait Reduces<T: Element + OutPack>: Lane<(T, T), Out = T> {
    /// The flags it raises.
    type Report: Report;
    /// [`super::fold::ByLanes`], [`super::fold::Pairwise`] or [`super::fold::InOrder`].
    type Fold: Folds<T>;
}
