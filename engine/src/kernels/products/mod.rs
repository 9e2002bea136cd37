//! Products of vectors and matrices, computed over core axes.
//!
//! Integers wrap; of bools a sum is whether any product is true. Narrow floats are summed in f32 and rounded once.

mod convert;
mod element;
mod walk;

use crate::invoke::with_scratch;
use crate::registry::{
    Accuracy, B8, ByIsa, Code, Complex32, Complex64, CoreFn, Cores, F8E4M3FN, F8E5M2, FoldOrder, FpFlags,
    Kernels, LoopDef, bf16, f16, for_each_class,
};
use crate::simd::kernel::by_isa;
use crate::simd::level::Level;
use crate::ufunc;
use convert::Conversion;
use element::{Chunk, Multiplied};
use std::marker::PhantomData;
use walk::{Matrices, Products};

/// How a ufunc's operands are two matrices and their product.
pub trait Form: 'static {
    /// The first of them.
    fn matrices(on: &Cores<'_>) -> Matrices;
}

/// `(n?,k),(k,m?)->(n?,m?)`
pub struct MatMul;
/// `(m,n),(n)->(m)`
pub struct MatVec;
/// `(n),(n,m)->(m)`
pub struct VecMat;
/// `(n),(n)->()`
pub struct VecDot;

fn matrices(on: &Cores<'_>, lengths: [usize; 3], steps: [[isize; 2]; 3], conj: bool) -> Matrices {
    let [n, k, m] = lengths;
    let [a_steps, b_steps, c_steps] = steps;
    let (a, b, c) = (on.args[0].cast_const(), on.args[1].cast_const(), on.args[2]);
    Matrices { a, b, c, n, k, m, a_steps, b_steps, c_steps, conj, goes_on: false }
}

impl Form for MatMul {
    fn matrices(on: &Cores<'_>) -> Matrices {
        let (n, s) = (on.lengths, on.steps);
        matrices(on, [n[0], n[1], n[2]], [[s[0], s[1]], [s[2], s[3]], [s[4], s[5]]], false)
    }
}
impl Form for MatVec {
    fn matrices(on: &Cores<'_>) -> Matrices {
        let (n, s) = (on.lengths, on.steps);
        matrices(on, [n[0], n[1], 1], [[s[0], s[1]], [s[2], 0], [s[3], 0]], false)
    }
}
impl Form for VecMat {
    fn matrices(on: &Cores<'_>) -> Matrices {
        let (n, s) = (on.lengths, on.steps);
        matrices(on, [1, n[0], n[1]], [[0, s[0]], [s[1], s[2]], [0, s[3]]], true)
    }
}
impl Form for VecDot {
    fn matrices(on: &Cores<'_>) -> Matrices {
        let (n, s) = (on.lengths, on.steps);
        matrices(on, [1, n[0], 1], [[0, s[0]], [s[1], 0], [0, 0]], true)
    }
}

/// A [`CoreFn`].
unsafe fn core<F: Form, T: Multiplied, L: Level>(on: &Cores<'_>) -> FpFlags {
    // SAFETY: the caller's promise.
    unsafe { of_dtype::<T, L>(&F::matrices(on), on.count, [on.strides[0], on.strides[1], on.strides[2]]) }
}

/// One for all ufuncs.
///
/// # Safety
/// As for a [`CoreFn`].
#[inline(never)]
unsafe fn of_dtype<T: Multiplied, L: Level>(first: &Matrices, count: usize, strides: [isize; 3]) -> FpFlags {
    // SAFETY: the caller's promise.
    unsafe {
        if const { T::IS_CAST } {
            let (stored, computed, isa) = (T::DTYPE, T::LANES, L::ISA);
            let (room, run) = (walk::scratch_bytes::<L, T::Chunk>, one::<T::Chunk, L>);
            return Conversion { stored, computed, isa, room, run }.products(*first, count, strides);
        }
        let (turned, strides) = match first.turned::<T::Chunk>() {
            Some(turned) => (turned, [strides[1], strides[0], strides[2]]),
            None => (*first, strides),
        };
        let bytes = walk::scratch_bytes::<L, T::Chunk>(&turned);
        if T::Chunk::HAS_SMALL && count == 1 && turned.reads_often() && turned.fits_in_32() {
            with_scratch(bytes, |at| products::<<T::Chunk as Chunk>::Small, L>(turned, count, strides, at));
        } else {
            with_scratch(bytes, |at| products::<T::Chunk, L>(turned, count, strides, at));
        }
    }
    FpFlags::NONE
}

/// One for all dtypes that are computed alike.
///
/// # Safety
/// As for a [`CoreFn`], and there is as much scratch as [`walk::scratch_bytes`] says.
#[inline(never)]
unsafe fn products<C: Chunk, L: Level>(first: Matrices, count: usize, strides: [isize; 3], scratch: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { L::enter(Products::<C> { first, count, strides, scratch, chunk: PhantomData }) }
}

/// A single one.
///
/// # Safety
/// As [`products`].
unsafe fn one<C: Chunk, L: Level>(first: Matrices, scratch: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { products::<C, L>(first, 1, [0; 3], scratch) }
}

const fn product_loop<F: Form, T: Multiplied>() -> LoopDef {
    let core: ByIsa<CoreFn> = by_isa!(crate::registry::Isa::V4, core::<F, T> as CoreFn);
    LoopDef {
        inputs: const { &[T::DTYPE, T::DTYPE] },
        outputs: const { &[T::DTYPE] },
        fp: T::FP,
        folds: FoldOrder::Sequential,
        needs_gil: false,
        code: Code::Kernels(Kernels { core, ..Kernels::NONE }),
    }
}

macro_rules! product_loops {
    (bools: [$(($bv:ident $b:ident))*] ints: [$(($iv:ident $i:ident))*] halves: [$(($hv:ident $h:ident))*]
     floats: [$(($fv:ident $f:ident))*] complexes: [$(($cv:ident $c:ident))*] minis: [$(($mv:ident $m:ident))*]) => {
        /// The loops of a product, of every dtype.
        struct Loops<F>(PhantomData<F>);
        impl<F: Form> Loops<F> {
            const ALL: &'static [LoopDef] = &[
                $(product_loop::<F, $b>(),)* $(product_loop::<F, $i>(),)* $(product_loop::<F, $h>(),)*
                $(product_loop::<F, $f>(),)* $(product_loop::<F, $c>(),)* $(product_loop::<F, $m>(),)*
            ];
        }
    };
}
for_each_class!(product_loops);

ufunc! {
    /// The matrix product.
    ///
    /// Integers wrap; of bools it is whether any product is true.
    /// Narrow floats are summed in float32 and rounded once.
    matmul(x1, x2) -> (y) over "(n?,k),(k,m?)->(n?,m?)";
    loops: &[Loops::<MatMul>::ALL];
    divisible: &["n", "m"];
    numpys_from: Some(20 * 20 * 20);
    examples: &[("[[1, 2], [3, 4]], [1, 10]", "array([21, 43])")];
    accuracy: Accuracy::Sums;
}

ufunc! {
    /// The product of a matrix and a vector.
    matvec(x1, x2) -> (y) over "(m,n),(n)->(m)";
    loops: &[Loops::<MatVec>::ALL];
    divisible: &["m"];
    numpys_from: Some(64 * 64);
    examples: &[("[[1, 2], [3, 4]], [1, 10]", "array([21, 43])")];
    accuracy: Accuracy::Sums;
}

ufunc! {
    /// The product of a vector, conjugated, and a matrix.
    vecmat(x1, x2) -> (y) over "(n),(n,m)->(m)";
    loops: &[Loops::<VecMat>::ALL];
    divisible: &["m"];
    numpys_from: Some(64 * 64);
    examples: &[("[1, 10], [[1, 2], [3, 4]]", "array([31, 42])")];
    accuracy: Accuracy::Sums;
}

ufunc! {
    /// The product of two vectors, the first conjugated.
    vecdot(x1, x2) -> (y) over "(n),(n)->()";
    loops: &[Loops::<VecDot>::ALL];
    numpys_from: Some(4096);
    examples: &[("[1, 2, 3], [1, 10, 100]", "np.int64(321)")];
    accuracy: Accuracy::Sums;
}
