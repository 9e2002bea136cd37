//! Products, quotients and magnitudes by NumPy's own formulas, with its very roundings.
//!
//! Products are made by instructions that add at one lane and subtract at the next, so that the CPU tells what they raise.
//! Of quotients nothing is raised where all parts are of ordinary size; elsewhere an element is computed again, each
//! operation by itself: vectors that the compiler makes have operations beside those of the formula, which may raise.

use super::super::hypot::{rest32, rest64};
use crate::fperr;
use crate::invoke::watched;
use crate::kernels::arith::{Absolute, Divide, Multiply, Reciprocal, Sign, Square};
use crate::registry::{Complex, Complex32, Complex64, FpFlags, FpReport};
use crate::simd::kernel::{Each, Judged, Kernel, Lane};
use crate::simd::level::{Level, Madd};
use crate::simd::math::Math;
use crate::simd::parted::{Out, Parted};
use crate::typed::Takes;
use std::hint::black_box as seen;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// What the operations in `code` raise.
#[cold]
#[inline(never)]
fn raised<T>(code: impl FnOnce() -> T) -> FpFlags {
    watched(FpReport::Hardware, || {
        seen(code());
        FpFlags::NONE
    })
}

/// Products of complex numbers.
pub struct Products<T>(PhantomData<T>);
/// Squares of them.
pub struct Squares<T>(PhantomData<T>);

macro_rules! arithmetic {
    ($($t:ident $complex:ident: mant $mant:literal, bias $bias:literal, ordinary within $thirds:literal, $products:ident, $rest:ident;)*) => {$(const _: () = {
        /// Of parts between these no product of three, and no sum of two products, is inexact below the normal numbers, or too
        /// large.
        const LEAST: $t = $t::from_bits(($bias - $thirds) << $mant);
        const MOST: $t = $t::from_bits(($bias + $thirds) << $mant);

        #[inline(always)]
        fn within(x: $t) -> bool {
            (x.abs() >= LEAST) & (x.abs() <= MOST)
        }

        #[inline(always)]
        fn ordinary(z: $complex) -> bool {
            (within(z.re) | (z.re == 0.0)) & (within(z.im) | (z.im == 0.0))
        }

        /// One product of each part is added to the other as it is, which is how NumPy's vectors do it.
        #[inline(always)]
        fn product<M: Madd>(m: M, a: $complex, b: $complex) -> $complex {
            Complex::new(m.$t(a.re, b.re, -(a.im * b.im)), m.$t(a.re, b.im, a.im * b.re))
        }

        fn product_flags<M: Madd>(m: M, a: $complex, b: $complex) -> FpFlags {
            raised(|| {
                let (a, b) = seen((a, b));
                let (re, im) = (seen(-(a.im * b.im)), seen(a.im * b.re));
                (seen(m.$t(a.re, b.re, re)), seen(m.$t(a.re, b.im, im)))
            })
        }

        impl Lane<($complex, $complex)> for Multiply {
            type Out = $complex;
            #[inline(always)]
            fn lane<M: Madd>(m: M, (a, b): ($complex, $complex)) -> $complex {
                product(m, a, b)
            }
            #[inline(always)]
            fn flags<M: Madd>(m: M, (a, b): ($complex, $complex), _: $complex) -> FpFlags {
                if ordinary(a) & ordinary(b) { FpFlags::NONE } else { product_flags(m, a, b) }
            }
        }

        impl Products<$complex> {
            /// Products by registers; the last of them is filled up with zeros, which raise nothing.
            #[inline(always)]
            fn all<L: Level>(level: L, a: &[$complex], b: &[$complex], y: &mut [MaybeUninit<$complex>]) -> FpFlags {
                type Row = [$t; 64 / size_of::<$t>()];
                const ROW: usize = 64 / size_of::<$complex>();
                let n = y.len();
                assert!(a.len() == n && b.len() == n);
                fperr::clear();
                for i in (0..n - n % ROW).step_by(ROW) {
                    // SAFETY: a row from `i` on is within each; access is unaligned.
                    unsafe {
                        let row = |x: *const $complex| x.add(i).cast::<Row>().read_unaligned();
                        let products = level.$products(row(a.as_ptr()), row(b.as_ptr()));
                        y.as_mut_ptr().add(i).cast::<Row>().write_unaligned(products);
                    }
                }
                let rest = n % ROW;
                if rest > 0 {
                    let (mut p, mut q) = ([0.0; 2 * ROW], [0.0; 2 * ROW]);
                    for i in 0..rest {
                        (p[2 * i], p[2 * i + 1]) = (a[n - rest + i].re, a[n - rest + i].im);
                        (q[2 * i], q[2 * i + 1]) = (b[n - rest + i].re, b[n - rest + i].im);
                    }
                    let products = level.$products(p, q);
                    for i in 0..rest {
                        y[n - rest + i].write(Complex::new(products[2 * i], products[2 * i + 1]));
                    }
                }
                fperr::take()
            }
        }

        impl Kernel for Products<$complex> {
            type In = ($complex, $complex);
            type Out = $complex;
            const FP: FpReport = FpReport::Returned;
            #[inline(always)]
            fn run<L: Level>(
                level: L,
                (a, b): (&[$complex], &[$complex]),
                y: &mut [MaybeUninit<$complex>],
                n: usize,
            ) -> FpFlags {
                match L::HAS_PRODUCTS {
                    true => Self::all(level, &a[..n], &b[..n], &mut y[..n]),
                    false => Each::<Multiply, ($complex, $complex), Judged>::run(level, (a, b), y, n),
                }
            }
        }

        impl Lane<($complex,)> for Square {
            type Out = $complex;
            #[inline(always)]
            fn lane<M: Madd>(m: M, (z,): ($complex,)) -> $complex {
                product(m, z, z)
            }
            #[inline(always)]
            fn flags<M: Madd>(m: M, (z,): ($complex,), _: $complex) -> FpFlags {
                if ordinary(z) { FpFlags::NONE } else { product_flags(m, z, z) }
            }
        }

        impl Kernel for Squares<$complex> {
            type In = ($complex,);
            type Out = $complex;
            const FP: FpReport = FpReport::Returned;
            #[inline(always)]
            fn run<L: Level>(level: L, (z,): (&[$complex],), y: &mut [MaybeUninit<$complex>], n: usize) -> FpFlags {
                match L::HAS_PRODUCTS {
                    true => Products::<$complex>::all(level, &z[..n], &z[..n], &mut y[..n]),
                    false => Each::<Square, ($complex,), Judged>::run(level, (z,), y, n),
                }
            }
        }

        /// Smith's quotient, by the larger part of the divisor, which is not 0.
        #[inline(always)]
        fn quotient(a: $complex, b: $complex) -> $complex {
            let ahead = b.re.abs() >= b.im.abs();
            let (large, small) = if ahead { (b.re, b.im) } else { (b.im, b.re) };
            let ratio = small / large;
            let scale = 1.0 / (large + small * ratio);
            let (p, q) = if ahead { (a.re, a.im) } else { (a.im, a.re) };
            let (along, across) = (p + q * ratio, p * ratio);
            let across = if ahead { q - across } else { across - q };
            Complex::new(along * scale, across * scale)
        }

        impl Lane<($complex, $complex)> for Divide {
            type Out = $complex;
            #[inline(always)]
            fn lane<M: Madd>(_: M, (a, b): ($complex, $complex)) -> $complex {
                if b.re == 0.0 && b.im == 0.0 {
                    return Complex::new(a.re / b.re.abs(), a.im / b.im.abs());
                }
                quotient(a, b)
            }
            #[inline(always)]
            fn flags<M: Madd>(m: M, (a, b): ($complex, $complex), _: $complex) -> FpFlags {
                if <Divide as Parted<$complex>>::usual(m, (a, b)) {
                    return FpFlags::NONE;
                }
                // C's comparison of the parts raises for a NaN.
                FpFlags::INVALID.when(b.re.is_nan() | b.im.is_nan()) | raised(|| {
                    let (a, b) = seen((a, b));
                    if b.re == 0.0 && b.im == 0.0 {
                        return (seen(a.re / b.re.abs()), seen(a.im / b.im.abs()));
                    }
                    let ahead = b.re.abs() >= b.im.abs();
                    let (large, small) = if ahead { (b.re, b.im) } else { (b.im, b.re) };
                    let ratio = seen(small / large);
                    let scale = seen(1.0 / seen(large + seen(small * ratio)));
                    let (p, q) = if ahead { (a.re, a.im) } else { (a.im, a.re) };
                    let (along, across) = (seen(p + seen(q * ratio)), seen(seen(p * ratio) - q));
                    (seen(along * scale), seen(across * scale))
                })
            }
        }

        impl Parted<$complex> for Divide {
            #[inline(always)]
            fn usual<M: Madd>(_: M, (a, b): ($complex, $complex)) -> bool {
                ordinary(a) & ordinary(b) & ((b.re != 0.0) | (b.im != 0.0))
            }
            #[inline(always)]
            fn quick<M: Madd>(_: M, (a, b): ($complex, $complex)) -> $complex {
                quotient(a, b)
            }
            type Second = ();
            const PREPARES: bool = false;
            fn prepare(_: $complex) -> Option<()> {
                None
            }
            fn piece_by<M: Madd>(_: M, _: (), _: &[$complex], _: &[$complex], _: &mut Out<'_, Self, $complex>) -> bool {
                false
            }
        }

        /// Not the quotient of 1: it rounds in other places.
        #[inline(always)]
        fn reciprocal(z: $complex) -> $complex {
            let ahead = z.im.abs() <= z.re.abs();
            let (large, small) = if ahead { (z.re, z.im) } else { (z.im, z.re) };
            let ratio = small / large;
            let divisor = if ahead { large + small * ratio } else { small * ratio + large };
            let (re, im) = if ahead { (1.0, -ratio) } else { (ratio, -1.0) };
            Complex::new(re / divisor, im / divisor)
        }

        impl Math<$complex> for Reciprocal {
            #[inline(always)]
            fn usual(z: $complex) -> bool {
                ordinary(z) & ((z.re != 0.0) | (z.im != 0.0))
            }
            #[inline(always)]
            fn lane<M: Madd>(_: M, z: $complex) -> $complex {
                reciprocal(z)
            }
            #[inline(always)]
            fn full<M: Madd>(_: M, z: $complex) -> $complex {
                reciprocal(z)
            }
            fn flags(z: $complex, _: $complex) -> FpFlags {
                FpFlags::INVALID.when(z.re.is_nan() | z.im.is_nan()) | raised(|| {
                    let z = seen(z);
                    let ahead = z.im.abs() <= z.re.abs();
                    let (large, small) = if ahead { (z.re, z.im) } else { (z.im, z.re) };
                    let ratio = seen(small / large);
                    let divisor = seen(large + seen(small * ratio));
                    (seen(1.0 / divisor), seen(ratio / divisor))
                })
            }
        }

        /// The magnitude of any number, by a power of two to where squares are normal numbers and back: their sum is rounded
        /// once, what the roundings dropped going into it last.
        #[inline(always)]
        fn size<M: Madd>(m: M, z: $complex) -> $t {
            let (x, y) = (z.re.abs(), z.im.abs());
            let (large, small) = if x > y { (x, y) } else { (y, x) };
            // The exponent of the larger one, as a power of two, neither it nor its inverse being subnormal.
            const FIELD: [$t; 2] = [$t::MIN_POSITIVE, $t::from_bits((2 * $bias - 1) << $mant)];
            let bounded = if large > FIELD[0] { large } else { FIELD[0] };
            let bounded = if bounded < FIELD[1] { bounded } else { FIELD[1] };
            let power = bounded.to_bits() >> $mant << $mant;
            let inverse = $t::from_bits((2 * $bias << $mant) - power);
            let (p, q) = (large * inverse, small * inverse);
            let (pp, qq) = (p * p, q * q);
            let sum = pp + qq;
            let rest = qq - (sum - pp);
            let rest = rest + ($rest(m, p, pp) + $rest(m, q, qq));
            let size = (sum + rest).sqrt() * $t::from_bits(power);
            let infinite = (x == $t::INFINITY) | (y == $t::INFINITY);
            if infinite { $t::INFINITY } else if y.is_nan() { y } else { size }
        }

        impl Lane<($complex,)> for Absolute {
            type Out = $t;
            #[inline(always)]
            fn lane<M: Madd>(m: M, (z,): ($complex,)) -> $t {
                size(m, z)
            }
        }

        /// The number over its magnitude: of infinities what they tend to, unless both parts are infinite.
        impl Math<$complex> for Sign {
            #[inline(always)]
            fn usual(z: $complex) -> bool {
                ordinary(z) & ((z.re != 0.0) | (z.im != 0.0))
            }
            #[inline(always)]
            fn lane<M: Madd>(m: M, z: $complex) -> $complex {
                let size = size(m, z);
                Complex::new(z.re / size, z.im / size)
            }
            #[inline(always)]
            fn full<M: Madd>(m: M, z: $complex) -> $complex {
                let size = size(m, z);
                let unit = |x: $t| if x.is_infinite() { (1.0 as $t).copysign(x) } else { 0.0 };
                match () {
                    () if size.is_nan() || z.re.is_infinite() && z.im.is_infinite() => Complex::new($t::NAN, $t::NAN),
                    () if z.re.is_infinite() || z.im.is_infinite() => Complex::new(unit(z.re), unit(z.im)),
                    () if size == 0.0 => Complex::new(0.0, 0.0),
                    // Of finite parts the magnitude may be too large: then it is NumPy's answer, not the right one.
                    () if size.is_infinite() => Complex::new(0.0, if z.im > 0.0 { 1.0 } else { -1.0 }),
                    () => Complex::new(z.re / size, z.im / size),
                }
            }
            fn flags(z: $complex, y: $complex) -> FpFlags {
                let tiny = |a: $t, b: $t| a != 0.0 && b.abs() < $t::MIN_POSITIVE;
                let (size, finite) = (z.re.abs().hypot(z.im), z.re.is_finite() && z.im.is_finite());
                FpFlags::UNDERFLOW.when(finite && (tiny(z.re, y.re) || tiny(z.im, y.im)))
                    | FpFlags::OVERFLOW.when(finite && size.is_infinite())
            }
        }
    };)*};
}
arithmetic! {
    f32 Complex32: mant 23, bias 127, ordinary within 40, products_f32, rest32;
    f64 Complex64: mant 52, bias 1023, ordinary within 330, products_f64, rest64;
}

macro_rules! takes {
    ($($op:ident)*) => {$(
        impl Takes<(Complex32,)> for $op {
            type Out = Complex32;
        }
        impl Takes<(Complex64,)> for $op {
            type Out = Complex64;
        }
    )*};
}
takes! { Reciprocal Sign }
