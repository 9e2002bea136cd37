//! Powers: `exp(b * log a)`, the product in two parts; and whole powers up to 99 by NumPy's own products.

use super::super::atan2::Atan2;
use super::super::exp::Exp;
use super::super::pair::{product_rest, two_sum};
use super::super::periodic::{Cos, Sin};
use super::log::{RANGE, log_of, log_size};
use super::wave::{GROWN, Growth, NEAR, wave_beside};
use super::{LARGE, moderate, raised};
use crate::invoke::watched;
use crate::registry::{Complex64, FpFlags, FpReport};
use crate::simd::complex::{BLOCK, Complexes, Composed, Real, Room, Split, apply, apply2, fill};
use crate::simd::level::{Level, Madd, Scalar};
use std::hint::black_box as seen;
use std::mem::MaybeUninit;

/// x1 to the power of x2.
pub struct ComplexPower;

/// `(br*lr - bi*li, br*li + bi*lr)`, each in two parts.
#[inline(always)]
fn product<M: Madd>(m: M, b: (f64, f64), log: (f64, f64)) -> [(f64, f64); 2] {
    let sum = |a: f64, b: f64, c: f64, d: f64| {
        let (ab, cd) = (a * b, c * d);
        let (high, low) = two_sum(ab, cd);
        (high, low + (product_rest(m, a, b, ab) + product_rest(m, c, d, cd)))
    };
    [sum(b.0, log.0, -b.1, log.1), sum(b.0, log.1, b.1, log.0)]
}

/// The whole number that NumPy takes products for, if the exponent is one.
#[inline(always)]
fn is_whole(b: Complex64) -> bool {
    (b.im == 0.0) & (b.re.abs() < 100.0) & (b.re.trunc() == b.re)
}

impl Composed<2> for ComplexPower {
    #[inline(always)]
    fn usual([a, b]: [Complex64; 2]) -> bool {
        let (x, y) = (a.re.abs(), a.im.abs());
        let usual = (x <= RANGE.1) & (y <= RANGE.1) & ((x >= RANGE.0) | (y >= RANGE.0));
        usual & moderate(b) & !is_whole(b)
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [a, b]: &mut [Split; 2], [angle, re_low, im_low, e, s, c]: &mut Room) {
        let ((re, im), (b_re, b_im)) = (a.parts(), b.parts());
        let n = re.len();
        let (im, b_re, b_im) = (&mut im[..n], &b_re[..n], &b_im[..n]);
        let angle = &apply2::<Atan2, L>(level, im, re, angle)[..n];
        let (re_low, im_low) = (fill(re_low, n), fill(im_low, n));
        for i in 0..n {
            let m = level.madd();
            let log = (log_size(m, re[i], 0.0, im[i]), angle[i]);
            let power = product(m, (b_re[i], b_im[i]), log);
            // What is beyond the range is not usual, which a NaN tells.
            let within = (power[0].0.abs() <= GROWN) & (power[1].0.abs() <= NEAR);
            re[i] = if within { power[0].0 } else { f64::NAN };
            (im[i], re_low[i], im_low[i]) = (power[1].0, power[0].1, power[1].1);
        }
        let e = &apply::<Exp, L>(level, re, e)[..n];
        let (s, c) = (&apply::<Sin, L>(level, im, s)[..n], &apply::<Cos, L>(level, im, c)[..n]);
        for i in 0..n {
            let m = level.madd();
            let size = m.f64(e[i], re_low[i], e[i]);
            let sin = if s[i] == 0.0 { s[i] } else { m.f64(im_low[i], c[i], s[i]) }; // a zero keeps its sign
            let (c, s) = (m.f64(-im_low[i], s[i], c[i]), sin);
            (re[i], im[i]) = (size * c, size * s);
        }
    }
    #[inline(always)]
    fn together<T: Complexes>([a, b]: [&[T]; 2], y: &mut [MaybeUninit<T>]) -> Option<FpFlags> {
        let n = repeated(b)?;
        Some(watched(FpReport::Hardware, || {
            whole_powers(a, n, y);
            FpFlags::NONE
        }))
    }
    /// As glibc has it, of anything but whole powers and powers of zero.
    fn full([a, b]: [Complex64; 2]) -> (Complex64, FpFlags) {
        let (log, _) = log_of(a);
        if log.re.is_finite() && moderate(b) {
            let [(re, re_low), (im, im_low)] = product(Scalar.madd(), (b.re, b.im), (log.re, log.im));
            if im.abs() <= LARGE {
                let (z, flags) = wave_beside(Growth::Exp, re, im, im_low);
                let grown = |x: f64| if x.is_finite() { x + x * re_low } else { x };
                let z = Complex64::new(grown(z.re), grown(z.im));
                return (z, flags | raised(z));
            }
        }
        let mut power = b;
        let product = watched(FpReport::Hardware, || {
            power = seen(annex_product(seen(b), seen(log)));
            FpFlags::NONE
        });
        let (z, flags) = wave_beside(Growth::Exp, power.re, power.im, 0.0);
        (z, flags | product)
    }
    /// Whole powers, and those of zero, by NumPy's formulas in the dtype itself.
    fn full_in<T: Complexes>([a, b]: [T; 2]) -> (T, FpFlags) {
        let (zero, one) = (T::Real::from(0), T::Real::from(1));
        let (base, exponent) = (a.wide(), b.wide());
        match () {
            () if exponent.re == 0.0 && exponent.im == 0.0 => (T::of(one, zero), FpFlags::NONE),
            () if base.re == 0.0 && base.im == 0.0 => match exponent.re > 0.0 {
                true => (T::of(zero, zero), FpFlags::NONE),
                false => (T::narrow(Complex64::new(f64::NAN, f64::NAN)), FpFlags::INVALID),
            },
            () if is_whole(exponent) => {
                let (mut power, n) = ((zero, zero), exponent.re as i32);
                let flags = watched(FpReport::Hardware, || {
                    power = seen(whole_power::<T::Real>(seen(a.parts()), n));
                    FpFlags::NONE
                });
                (T::of(power.0, power.1), flags)
            }
            () => {
                let (z, flags) = Self::full([base, exponent]);
                // NumPy asks a real exponent for its order.
                let asked = FpFlags::INVALID.when(exponent.re.is_nan() && exponent.im == 0.0);
                (T::narrow(z), flags | asked | T::rounding(z))
            }
        }
    }
}

/// A product as C99's Annex G has it: of infinities whose parts come out as NaN it is infinite.
fn annex_product(x: Complex64, y: Complex64) -> Complex64 {
    let (mut a, mut b, mut c, mut d) = (x.re, x.im, y.re, y.im);
    let (ac, bd, ad, bc) = (seen(a * c), seen(b * d), seen(a * d), seen(b * c));
    let z = Complex64::new(seen(ac - bd), seen(ad + bc));
    if !z.re.is_nan() || !z.im.is_nan() {
        return z;
    }
    let boxed = |x: f64| f64::from(x.is_infinite() as u8).copysign(x);
    let calmed = |x: f64| if x.is_nan() { 0f64.copysign(x) } else { x };
    let mut again = false;
    if a.is_infinite() || b.is_infinite() {
        (a, b, c, d, again) = (boxed(a), boxed(b), calmed(c), calmed(d), true);
    }
    if c.is_infinite() || d.is_infinite() {
        (a, b, c, d, again) = (calmed(a), calmed(b), boxed(c), boxed(d), true);
    }
    if !again && [ac, bd, ad, bc].iter().any(|x| x.is_infinite()) {
        (a, b, c, d, again) = (calmed(a), calmed(b), calmed(c), calmed(d), true);
    }
    match again {
        true => Complex64::new(f64::INFINITY * (a * c - b * d), f64::INFINITY * (a * d + b * c)),
        false => z,
    }
}

/// Each operation by itself: two in a vector have something of the compiler's choice beside them, which may raise.
#[inline(always)]
fn times<R: Real>(a: (R, R), b: (R, R)) -> (R, R) {
    (seen(seen(a.0 * b.0) - seen(a.1 * b.1)), seen(seen(a.0 * b.1) + seen(a.1 * b.0)))
}

/// One over `x`, as NumPy divides there.
#[inline(always)]
fn inverse<R: Real>((br, bi): (R, R)) -> (R, R) {
    let (zero, one) = (R::from(0), R::from(1));
    let size = |x: R| if x < zero { zero - x } else { x };
    let (abs_br, abs_bi) = (size(br), size(bi));
    if abs_br >= abs_bi {
        if abs_br == zero && abs_bi == zero {
            return (seen(one / abs_br), seen(zero / abs_bi));
        }
        let ratio = seen(bi / br);
        let scale = seen(one / seen(br + seen(bi * ratio)));
        return (seen(seen(one + seen(zero * ratio)) * scale), seen(seen(zero - seen(one * ratio)) * scale));
    }
    let ratio = seen(br / bi);
    let scale = seen(one / seen(bi + seen(br * ratio)));
    (seen(seen(seen(one * ratio) + zero) * scale), seen(seen(seen(zero * ratio) - one) * scale))
}

/// The power by NumPy's products.
fn whole_power<R: Real>(a: (R, R), n: i32) -> (R, R) {
    match n {
        1 => return a,
        2 => return times(a, a),
        3 => return times(a, times(a, a)),
        _ => {}
    }
    let (mut left, mut power, mut square) = (n.unsigned_abs(), (R::from(1), R::from(0)), a);
    loop {
        if left & 1 == 1 {
            power = times(power, square);
        }
        left >>= 1;
        if left == 0 {
            break;
        }
        square = times(square, square);
    }
    if n < 0 { inverse(power) } else { power }
}

/// The number, 2 or 3, that all exponents are.
#[inline(always)]
fn repeated<T: Complexes>(b: &[T]) -> Option<i32> {
    let first = b[0].wide();
    let whole = (first.im == 0.0) & ((first.re == 2.0) | (first.re == 3.0));
    let same = |b: &T| b.wide() == first;
    (whole && b.len() > 8 && b.iter().all(same)).then_some(first.re as i32)
}

/// Squares and cubes, as vectors of either part: nothing is computed beside them.
#[inline(always)]
fn whole_powers<T: Complexes>(a: &[T], n: i32, y: &mut [MaybeUninit<T>]) {
    let zero = T::Real::from(0);
    let (mut re, mut im) = ([zero; BLOCK], [zero; BLOCK]);
    let count = a.len().min(BLOCK);
    let (re, im, y) = (&mut re[..count], &mut im[..count], &mut y[..count]);
    for i in 0..count {
        let (x, y) = a[i].parts();
        re[i] = x * x - y * y;
        im[i] = x * y + y * x;
    }
    if n == 3 {
        for i in 0..count {
            let (x, y) = a[i].parts();
            (re[i], im[i]) = (x * re[i] - y * im[i], x * im[i] + y * re[i]);
        }
    }
    for i in 0..count {
        y[i].write(T::of(re[i], im[i]));
    }
}
