//! Kernels of complex functions that are made of real ones.
//!
//! A block is taken apart into its real and its imaginary parts, which are f64 whatever the dtype, so that complex64 needs no
//! functions of its own. Over the parts run the blocks of the real functions' own loops, the very code: a complex
//! function adds a few loops of arithmetic to them. Where an element is unusual, or its result so large or so small that
//! something might be raised, it is done again by the whole function, which also judges the flags.

use super::kernel::{Kernel, erased};
use super::level::{Level, Work};
use super::math::{Math, MathEach, Register};
use crate::registry::{BlockFn, Complex, Complex32, Complex64, FpFlags, FpReport};
use std::hint::black_box as seen;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Add, Div, Mul, Sub};

/// Elements per block: the parts and what is made of them, some ten arrays, stay in L1.
pub const BLOCK: usize = 256;

/// Room for a number of each element.
pub type Part = [MaybeUninit<f64>; BLOCK];

const EMPTY: Part = [MaybeUninit::uninit(); BLOCK];

/// Room for what real functions give.
pub type Room = [Part; 6];

/// The real and the imaginary parts of a block.
pub struct Split {
    re: Part,
    im: Part,
    filled: usize,
}

impl Split {
    #[inline(always)]
    const fn new() -> Split {
        Split { re: EMPTY, im: EMPTY, filled: 0 }
    }

    #[inline(always)]
    fn fill<T: Complexes>(&mut self, z: &[T]) {
        let n = z.len();
        let (re, im) = (&mut self.re[..n], &mut self.im[..n]);
        for i in 0..n {
            let z = z[i].wide();
            re[i].write(z.re);
            im[i].write(z.im);
        }
        self.filled = n;
    }

    /// The parts, as many of either.
    #[inline(always)]
    pub fn parts(&mut self) -> (&mut [f64], &mut [f64]) {
        let n = self.filled.min(BLOCK);
        // SAFETY: `fill` has written as many elements.
        unsafe {
            (
                std::slice::from_raw_parts_mut(self.re.as_mut_ptr().cast(), n),
                std::slice::from_raw_parts_mut(self.im.as_mut_ptr().cast(), n),
            )
        }
    }
}

impl Split {
    /// The parts in this order, or the imaginary ones first.
    #[inline(always)]
    pub fn axes(&mut self, ordered: bool) -> (&mut [f64], &mut [f64]) {
        let (re, im) = self.parts();
        if ordered { (re, im) } else { (im, re) }
    }
}

/// A complex number of either dtype.
pub trait Complexes: Register {
    /// What its parts are.
    type Real: Real;
    /// Its parts as they are.
    fn parts(self) -> (Self::Real, Self::Real);
    /// Of parts.
    fn of(re: Self::Real, im: Self::Real) -> Self;
    /// The least and the greatest magnitude of a part in which nothing was rounded off or cut.
    const RANGE: (f64, f64);
    /// Its parts.
    fn wide(self) -> Complex64;
    /// Parts rounded.
    fn narrow(z: Complex64) -> Self;
    /// What the rounding raised.
    fn rounding(z: Complex64) -> FpFlags;
}

/// A part, as far as NumPy's own formulas want it.
pub trait Real:
    Register
    + PartialOrd
    + From<i8>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
{
}
impl<T> Real for T where
    T: Register
        + PartialOrd
        + From<i8>
        + Add<Output = T>
        + Sub<Output = T>
        + Mul<Output = T>
        + Div<Output = T>
{
}

macro_rules! complexes {
    ($($t:ident $complex:ty;)*) => {$(
        impl Complexes for $complex {
            type Real = $t;
            #[inline(always)]
            fn parts(self) -> ($t, $t) {
                (self.re, self.im)
            }
            #[inline(always)]
            fn of(re: $t, im: $t) -> $complex {
                Complex::new(re, im)
            }
            const RANGE: (f64, f64) = (<$t>::MIN_POSITIVE as f64, <$t>::MAX as f64);
            #[inline(always)]
            fn wide(self) -> Complex64 {
                Complex::new(self.re as f64, self.im as f64)
            }
            #[inline(always)]
            fn narrow(z: Complex64) -> $complex {
                Complex::new(z.re as $t, z.im as $t)
            }
            #[inline(always)]
            fn rounding(z: Complex64) -> FpFlags {
                let large = |x: f64| x.is_finite() && (x as $t).is_infinite();
                let small = |x: f64| x != 0.0 && (x as $t).abs() < <$t>::MIN_POSITIVE;
                FpFlags::OVERFLOW.when(large(z.re) | large(z.im)) | FpFlags::UNDERFLOW.when(small(z.re) | small(z.im))
            }
        }
    )*};
}
complexes! { f32 Complex32; f64 Complex64; }

/// A complex function of `N` inputs, made of real ones.
pub trait Composed<const N: usize>: 'static {
    /// Whether `block` is right for `x`, but for what is too large or too small. Branch-free; false for NaN.
    fn usual(x: [Complex64; N]) -> bool;
    /// The function where `usual`, elsewhere any value, in the place of the first input.
    fn block<L: Level>(level: L, x: &mut [Split; N], room: &mut Room);
    /// The function everywhere, and what it raises.
    fn full(x: [Complex64; N]) -> (Complex64, FpFlags);
    /// A whole block at once, and what it raises, where the inputs make that simple.
    #[inline(always)]
    fn together<T: Complexes>(_x: [&[T]; N], _y: &mut [MaybeUninit<T>]) -> Option<FpFlags> {
        None
    }
    /// The same as `full` in a dtype.
    #[inline(always)]
    fn full_in<T: Complexes>(x: [T; N]) -> (T, FpFlags) {
        let (z, raised) = Self::full(x.map(T::wide));
        (T::narrow(z), raised | T::rounding(z))
    }
}

/// The first `n` numbers of a part, zeros.
#[inline(always)]
pub fn fill(part: &mut Part, n: usize) -> &mut [f64] {
    assert!(n <= BLOCK);
    for x in &mut part[..n] {
        x.write(0.0);
    }
    // SAFETY: the loop has written as many.
    unsafe { std::slice::from_raw_parts_mut(part.as_mut_ptr().cast(), n) }
}

/// A real function of each number, by the kernel of its own loop, which is not compiled again: nobody may inline it (at the
/// lowest level alone that were 0.8 MB).
#[inline(always)]
pub fn apply<'a, O: Math<f64>, L: Level>(_: L, x: &[f64], y: &'a mut Part) -> &'a mut [f64] {
    let n = x.len();
    assert!(n <= BLOCK);
    let args: [*mut u8; 2] = [x.as_ptr().cast_mut().cast(), y.as_mut_ptr().cast()];
    // SAFETY: two operands of `n` f64 that lie apart; the caller's token proves that the CPU has the level. A kernel writes
    // every element.
    unsafe {
        seen(erased::<MathEach<O, f64>, L> as BlockFn)(args.as_ptr(), n);
        std::slice::from_raw_parts_mut(y.as_mut_ptr().cast(), n)
    }
}

/// The same of a function of two numbers.
#[inline(always)]
pub fn apply2<'a, O: Math<(f64, f64)>, L: Level>(
    _: L,
    a: &[f64],
    b: &[f64],
    y: &'a mut Part,
) -> &'a mut [f64] {
    let n = a.len();
    assert!(n <= BLOCK && b.len() == n);
    let args: [*mut u8; 3] =
        [a.as_ptr().cast_mut().cast(), b.as_ptr().cast_mut().cast(), y.as_mut_ptr().cast()];
    // SAFETY: as above, with three operands.
    unsafe {
        seen(erased::<MathEach<O, (f64, f64)>, L> as BlockFn)(args.as_ptr(), n);
        std::slice::from_raw_parts_mut(y.as_mut_ptr().cast(), n)
    }
}

/// A [`Composed`] function of one input on every element.
pub struct One<O, T>(PhantomData<(O, T)>);
/// A [`Composed`] function of two inputs on every element.
pub struct Two<O, T>(PhantomData<(O, T)>);

impl<O: Composed<1>, T: Complexes> Kernel for One<O, T> {
    type In = (T,);
    type Out = T;
    const FP: FpReport = FpReport::Returned;
    #[inline(always)]
    fn run<L: Level>(level: L, x: (&[T],), y: &mut [MaybeUninit<T>], n: usize) -> FpFlags {
        blocks::<O, T, L, 1>(level, [&x.0[..n]], y)
    }
}

impl<O: Composed<2>, T: Complexes> Kernel for Two<O, T> {
    type In = (T, T);
    type Out = T;
    const FP: FpReport = FpReport::Returned;
    #[inline(always)]
    fn run<L: Level>(level: L, x: (&[T], &[T]), y: &mut [MaybeUninit<T>], n: usize) -> FpFlags {
        blocks::<O, T, L, 2>(level, [&x.0[..n], &x.1[..n]], y)
    }
}

/// What is made once of a function for both dtypes: a block of it, at a level.
struct BlockWork<'a, O, const N: usize> {
    split: &'a mut [Split; N],
    room: &'a mut Room,
    odd: &'a mut [u64; BLOCK],
    range: (f64, f64),
    function: PhantomData<O>,
}

impl<O: Composed<N>, const N: usize> Work for BlockWork<'_, O, N> {
    type Out = bool;
    /// Whether any element is to be done again, as `odd` has it then.
    #[inline(always)]
    fn run<L: Level>(self, level: L) -> bool {
        let n = self.split[0].filled.min(BLOCK);
        for i in 0..n {
            let mut x = [Complex64::new(0.0, 0.0); N];
            for (x, split) in x.iter_mut().zip(self.split.iter_mut()) {
                let (re, im) = split.parts();
                *x = Complex::new(re[i], im[i]);
            }
            self.odd[i] = !O::usual(x) as u64;
        }
        O::block(level, self.split, self.room);
        let (re, im) = self.split[0].parts();
        let (re, im, odd) = (&re[..n], &im[..n], &mut self.odd[..n]);
        let (least, most) = self.range;
        let calm = |x: f64| (x == 0.0) | ((x.abs() >= least) & (x.abs() <= most));
        let mut any = 0;
        for i in 0..n {
            odd[i] |= !(calm(re[i]) & calm(im[i])) as u64;
            any |= odd[i];
        }
        any != 0
    }
}

/// The work, compiled once for each level.
///
/// # Safety
/// The CPU has the level.
#[inline(never)]
unsafe fn block<O: Composed<N>, L: Level, const N: usize>(work: BlockWork<'_, O, N>) -> bool {
    // SAFETY: the caller's promise.
    unsafe { L::enter(work) }
}

#[inline(always)]
fn blocks<O: Composed<N>, T: Complexes, L: Level, const N: usize>(
    _: L,
    x: [&[T]; N],
    y: &mut [MaybeUninit<T>],
) -> FpFlags {
    let (mut split, mut room, mut odd) = ([const { Split::new() }; N], [EMPTY; 6], [0; BLOCK]);
    let mut flags = FpFlags::NONE;
    for (b, y) in y[..x[0].len()].chunks_mut(BLOCK).enumerate() {
        let range = b * BLOCK..b * BLOCK + y.len();
        let mut part = x;
        for (part, split) in part.iter_mut().zip(&mut split) {
            *part = &part[range.clone()];
            split.fill(part);
        }
        if let Some(raised) = O::together(part, y) {
            flags |= raised;
            continue;
        }
        let work = BlockWork::<O, N> {
            split: &mut split,
            room: &mut room,
            odd: &mut odd,
            range: T::RANGE,
            function: PhantomData,
        };
        // SAFETY: the caller's token proves that the CPU has the level.
        let any = unsafe { block::<O, L, N>(work) };
        let (re, im) = split[0].parts();
        for i in 0..y.len() {
            y[i].write(T::narrow(Complex::new(re[i], im[i])));
        }
        if any {
            flags |= again::<O, T, N>(part, y, &odd);
        }
    }
    flags
}

/// Does the odd elements by the whole function.
#[cold]
#[inline(never)]
fn again<O: Composed<N>, T: Complexes, const N: usize>(
    x: [&[T]; N],
    y: &mut [MaybeUninit<T>],
    odd: &[u64; BLOCK],
) -> FpFlags {
    let mut flags = FpFlags::NONE;
    for (i, y) in y.iter_mut().enumerate().filter(|(i, _)| odd[*i] != 0) {
        let (z, raised) = O::full_in(x.map(|x| x[i]));
        y.write(z);
        flags |= raised;
    }
    flags
}
