//! Functions over core axes: what one is to who writes it, and its loop.
//!
//! ```
//! use ufunx::registry::{FpFlags, FpReport};
//! use ufunx::simd::core::{CoreFunction, Operands, core_loop};
//! use ufunx::simd::level::Level;
//!
//! /// The distance of each of some points from each of others.
//! pub struct Distances;
//! impl CoreFunction for Distances {
//!     type In = (f64, f64);
//!     type Out = f64;
//!     const FP: FpReport = FpReport::Hardware;
//!     #[inline(always)]
//!     fn run<L: Level>(_: L, on: &Operands<'_>) -> FpFlags {
//!         let (a, b, mut y) = (on.input::<f64, 2>(0), on.input::<f64, 2>(1), on.output::<f64, 2>(0));
//!         for i in 0..a.shape()[0] {
//!             for j in 0..b.shape()[0] {
//!                 let square = |k| (a.get([i, k]) - b.get([j, k])).powi(2);
//!                 y.set([i, j], (0..a.shape()[1]).map(square).sum::<f64>().sqrt());
//!             }
//!         }
//!         FpFlags::NONE
//!     }
//! }
//! ufunx::ufunc! {
//!     /// The distance of each point of the first array from each of the second.
//!     distances(a, b) -> (y) over "(n,k),(m,k)->(n,m)";
//!     loops: &[&[core_loop::<Distances>()]];
//!     divisible: &["n", "m"];
//! }
//!
//! let (a, b) = (ndarray::array![[0.0, 0.0], [3.0, 4.0]], ndarray::array![[0.0, 0.0]]);
//! let y = ufunx::ufunc("distances")?.call(&[(&a).into(), (&b).into()], &Default::default())?.one();
//! assert_eq!(y.into_ndarray::<f64>()?, ndarray::array![[0.0], [5.0]].into_dyn());
//! # Ok::<(), ufunx::Error>(())
//! ```

use super::kernel::by_isa;
use super::level::{Level, Work};
use super::pack::{OutPack, Pack};
use crate::registry::{Code, CoreFn, Cores, DType, Element, FoldOrder, FpFlags, FpReport, Kernels, LoopDef};
use std::marker::PhantomData;

/// A function over core axes, as a zero-sized type; everything it calls must be `#[inline(always)]`, or is not compiled for
/// the level.
pub trait CoreFunction: 'static {
    /// Its inputs, a tuple of element types.
    type In: Pack;
    /// Its outputs, one element type or a tuple of two.
    type Out: OutPack;
    /// How it tells of IEEE exceptions.
    const FP: FpReport;
    /// Computes every element of the outputs; what it raised, if that is how it tells.
    fn run<L: Level>(level: L, on: &Operands<'_>) -> FpFlags;
}

/// The operands of one call of a [`CoreFunction`].
pub struct Operands<'a> {
    on: &'a Cores<'a>,
    /// How many times it was called before this time.
    index: usize,
    dtypes: [&'static [DType]; 2],
    /// For each operand, how many core axes it has, with the places of their lengths.
    axes: &'a [Vec<usize>],
}

/// An operand's elements along its core axes, to be read.
#[derive(Clone, Copy)]
pub struct Grid<'a, T, const N: usize> {
    first: *mut u8,
    shape: [usize; N],
    steps: [isize; N],
    elements: PhantomData<&'a T>,
}

/// The same, to be written.
pub struct GridMut<'a, T, const N: usize>(Grid<'a, T, N>);

impl Operands<'_> {
    /// An input.
    ///
    /// # Panics
    /// If the loop has no such input, or the input other elements or another number of core axes.
    pub fn input<T: Element, const N: usize>(&self, i: usize) -> Grid<'_, T, N> {
        assert_eq!(self.dtypes[0][i], T::DTYPE, "the loop's dtype of input {i}");
        self.grid(i)
    }

    /// An output.
    ///
    /// # Panics
    /// As [`Operands::input`].
    pub fn output<T: Element, const N: usize>(&self, i: usize) -> GridMut<'_, T, N> {
        assert_eq!(self.dtypes[1][i], T::DTYPE, "the loop's dtype of output {i}");
        GridMut(self.grid(self.dtypes[0].len() + i))
    }

    fn grid<T, const N: usize>(&self, operand: usize) -> Grid<'_, T, N> {
        let axes = &self.axes[operand];
        assert_eq!(axes.len(), N, "core axes of operand {operand}");
        let before: usize = self.axes[..operand].iter().map(Vec::len).sum();
        let ahead = self.index as isize * self.on.strides[operand];
        Grid {
            first: self.on.args[operand].wrapping_offset(ahead),
            shape: std::array::from_fn(|i| self.on.lengths[axes[i]]),
            steps: std::array::from_fn(|i| self.on.steps[before + i]),
            elements: PhantomData,
        }
    }
}

impl<T: Element, const N: usize> Grid<'_, T, N> {
    /// The lengths.
    #[inline(always)]
    pub fn shape(&self) -> [usize; N] {
        self.shape
    }

    #[inline(always)]
    fn at(&self, index: [usize; N]) -> *mut T {
        let mut at = self.first;
        #[allow(clippy::needless_range_loop, reason = "three arrays by one index")]
        for i in 0..N {
            assert!(index[i] < self.shape[i]);
            at = at.wrapping_offset(index[i] as isize * self.steps[i]);
        }
        at.cast()
    }

    /// An element.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn get(&self, index: [usize; N]) -> T {
        // SAFETY: an element within the lengths, which the caller of the `CoreFn` promises.
        unsafe { self.at(index).read() }
    }
}

impl<T: Element, const N: usize> GridMut<'_, T, N> {
    /// The lengths.
    #[inline(always)]
    pub fn shape(&self) -> [usize; N] {
        self.0.shape
    }

    /// Writes an element.
    ///
    /// # Panics
    /// If there is none.
    #[inline(always)]
    pub fn set(&mut self, index: [usize; N], value: T) {
        // SAFETY: as for reading; nobody else has a reference to it.
        unsafe { self.0.at(index).write(value) }
    }
}

struct CoreWork<'a, F> {
    on: Operands<'a>,
    function: PhantomData<F>,
}

impl<F: CoreFunction> Work for CoreWork<'_, F> {
    type Out = FpFlags;
    #[inline(always)]
    fn run<L: Level>(mut self, level: L) -> FpFlags {
        let mut flags = FpFlags::NONE;
        for index in 0..self.on.on.count {
            self.on.index = index;
            flags |= F::run(level, &self.on);
        }
        flags
    }
}

/// A [`CoreFn`].
unsafe fn core<F: CoreFunction, L: Level>(on: &Cores<'_>) -> FpFlags {
    let dtypes = [<F::In as Pack>::DTYPES, <F::Out as OutPack>::DTYPES];
    let on = Operands { on, index: 0, dtypes, axes: on.axes };
    // SAFETY: the caller of a `CoreFn` promises the level.
    unsafe { L::enter(CoreWork::<F> { on, function: PhantomData }) }
}

/// The loop of such a function.
pub const fn core_loop<F: CoreFunction>() -> LoopDef {
    LoopDef {
        inputs: <F::In as Pack>::DTYPES,
        outputs: <F::Out as OutPack>::DTYPES,
        fp: F::FP,
        folds: FoldOrder::Sequential,
        needs_gil: false,
        code: Code::Kernels(Kernels {
            core: by_isa!(crate::registry::Isa::V4, core::<F> as CoreFn),
            ..Kernels::NONE
        }),
    }
}
