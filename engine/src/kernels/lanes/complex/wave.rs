//! What grows along one axis and swings along the other: exp, exp2, expm1, sin, cos, sinh, cosh.
//!
//! Each is `(r*cos(b), s*sin(b))`, r and s being an exponential or hyperbolic function of the other part. So each part has
//! the relative errors of two real functions and a product.

use super::super::exp::{Exp, Exp2, Expm1};
use super::super::pair::{self, product_rest};
use super::super::periodic::{Cos, Sin};
use super::super::sinh::{Cosh, Sinh};
use super::{LARGE, cos_of, cosh_of, exp_of, exp2_of, expm1_of, raised, sin_of, sinh_of, turned};
use crate::registry::{Complex64, FpFlags};
use crate::simd::complex::{Composed, Room, Split, apply, fill};
use crate::simd::level::{Level, Madd, Scalar};
use std::f64::consts::LN_2;

/// Below, exponentials are normal numbers, and so are squares of theirs at half of it.
pub(super) const GROWN: f64 = 650.0;

/// Growth, as far as the range goes: whichever function of a it is, beyond [`GROWN`] it is a power.
#[derive(Clone, Copy)]
pub(super) enum Growth {
    Exp,
    Exp2,
    Sinh,
    Cosh,
}

impl Growth {
    /// Those of the cosine and of the sine.
    fn of(self, a: f64) -> (f64, f64) {
        match self {
            Growth::Exp => (exp_of(a), exp_of(a)),
            Growth::Exp2 => (exp2_of(a), exp2_of(a)),
            Growth::Sinh => (sinh_of(a), cosh_of(a)),
            Growth::Cosh => (cosh_of(a), sinh_of(a)),
        }
    }

    /// The same times c and s, where it may be beyond the range before it is multiplied.
    fn times(self, a: f64, (c, s): (f64, f64)) -> (f64, f64) {
        // In parts, as a product of two roundings less.
        let power = |a| match self {
            Growth::Exp2 => pair::exp2(Scalar.madd(), a, 0.0),
            _ => pair::exp(Scalar.madd(), a, 0.0),
        };
        let signed = matches!(self, Growth::Exp | Growth::Exp2);
        let a_size = if signed { a } else { a.abs() };
        let pieces = match a.abs() {
            ..900.0 => 1,
            ..1800.0 => 2,
            _ => 4,
        };
        let piece = power((a_size / f64::from(pieces)).clamp(-900.0, 900.0));
        let grow = |x: f64| match piece.times(Scalar.madd(), x) {
            _ if x == 0.0 => x,
            // An infinity, less a part of itself.
            y if y.is_nan() => f64::INFINITY.copysign(x),
            y => y,
        };
        let grown = |x: f64| (0..pieces).fold(x, |x, _| grow(x));
        let (c, s) = if signed { (c, s) } else { (0.5 * c, 0.5 * s) };
        let odd = |x: f64| if a < 0.0 { -x } else { x };
        match self {
            Growth::Exp | Growth::Exp2 => (grown(c), grown(s)),
            Growth::Sinh => (odd(grown(c)), grown(s)),
            Growth::Cosh => (grown(c), odd(grown(s))),
        }
    }
}

/// [`wave_beside`] of an angle that is exact.
fn wave(growth: Growth, a: f64, b: f64) -> (Complex64, FpFlags) {
    wave_beside(growth, a, b, 0.0)
}

/// `(r*cos(b + low), s*sin(b + low))` everywhere, low being small. A zero stays one whatever it is multiplied with, and an infinity beside an angle that
/// is none has a real part.
pub(super) fn wave_beside(growth: Growth, a: f64, b: f64, low: f64) -> (Complex64, FpFlags) {
    let (s, c) = (sin_of(b), cos_of(b));
    let (s, c) = match low {
        0.0 => (s, c), // a zero keeps its sign
        _ => {
            let (s_low, c_low) = (sin_of(low), cos_of(low));
            (s * c_low + c * s_low, c * c_low - s * s_low)
        }
    };
    if a.is_finite() && b.is_finite() {
        let (re, im) = match a.abs() > GROWN {
            true => growth.times(a, (c, s)),
            false => {
                let (r, q) = growth.of(a);
                (r * c, q * s)
            }
        };
        let z = Complex64::new(re, im);
        // No product of these is a zero but one that was rounded to it, unless a factor is.
        let lost = (re == 0.0 && a != 0.0) || (im == 0.0 && b != 0.0 && a != 0.0);
        return (z, raised(z) | FpFlags::UNDERFLOW.when(lost));
    }
    let (r, q) = growth.of(a);
    // That of a finite number is exact at 0 only.
    let exact = a == 0.0 || a.is_infinite();
    let times = |x: f64, y: f64| match () {
        () if exact && x == 0.0 && y.is_nan() => x,
        () if y == 0.0 && x.is_nan() => y,
        () if y == 0.0 => 0f64.copysign(x) * 1f64.copysign(y),
        () => x * y,
    };
    let re = if a.is_infinite() && r != 0.0 && c.is_nan() { f64::INFINITY } else { times(r, c) };
    // What C99 leaves open is what glibc does.
    let invalid = match growth {
        Growth::Exp | Growth::Exp2 if a.is_nan() => b != 0.0 && !b.is_nan(),
        Growth::Exp | Growth::Exp2 => a.is_finite() || (a > 0.0 && b.is_infinite()),
        Growth::Sinh => !a.is_nan() && (b.is_infinite() || b.is_nan() && a.is_finite() && a != 0.0),
        Growth::Cosh => !a.is_nan() && b.is_infinite(),
    };
    // (An infinity has its sign from the angle, if that is no number, as glibc has it; a zero too.)
    let im = if exact && q == 0.0 && b.is_nan() | b.is_infinite() {
        q.copysign(if b.is_nan() || a == 0.0 { 1.0 } else { b })
    } else {
        times(q, s)
    };
    (Complex64::new(re, im), FpFlags::INVALID.when(invalid))
}

/// sinh and cosh of a, sin and cos of b.
#[inline(always)]
pub(super) fn hyperbolic<'a, L: Level>(
    level: L,
    a: &[f64],
    b: &[f64],
    [sinh, cosh, sin, cos, ..]: &'a mut Room,
) -> [&'a [f64]; 4] {
    [
        apply::<Sinh, L>(level, a, sinh),
        apply::<Cosh, L>(level, a, cosh),
        apply::<Sin, L>(level, b, sin),
        apply::<Cos, L>(level, b, cos),
    ]
}

/// A function that grows along one axis and swings along the other, the first and the second if they are in order: how far along
/// the first the value holds that is made of what [`hyperbolic`] gives, and the whole function of the number with its axes in order.
macro_rules! in_axes {
    ($op:ident ordered: $ordered:literal, up to $most:ident,
     |$level:ident, $sh:ident, $ch:ident, $s:ident, $c:ident| $value:expr, full |$z:ident| $full:expr) => {
        impl Composed<1> for $op {
            #[inline(always)]
            fn usual([z]: [Complex64; 1]) -> bool {
                let z = if $ordered { z } else { turned(z) };
                (z.re.abs() <= $most) & z.im.is_finite()
            }
            #[inline(always)]
            fn block<L: Level>($level: L, [z]: &mut [Split; 1], room: &mut Room) {
                let (a, b) = z.axes($ordered);
                let n = a.len();
                let b = &mut b[..n];
                let [sh, ch, s, c] = hyperbolic($level, a, b, room);
                let (sh, ch, s, c) = (&sh[..n], &ch[..n], &s[..n], &c[..n]);
                for i in 0..n {
                    let ($sh, $ch, $s, $c) = (sh[i], ch[i], s[i], c[i]);
                    (a[i], b[i]) = $value;
                }
            }
            fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
                let $z = if $ordered { z } else { turned(z) };
                $full
            }
        }
    };
}
pub(super) use in_axes;

/// One that is made of what [`wave`] gives.
macro_rules! waves {
    ($($op:ident ordered: $ordered:literal, |$sh:ident, $ch:ident, $s:ident, $c:ident| $value:expr,
       $growth:ident, |$w:ident| $of_wave:expr;)*) => {$(
        in_axes! {
            $op ordered: $ordered, up to GROWN, |level, $sh, $ch, $s, $c| $value,
            full |z| {
                let ($w, flags) = wave(Growth::$growth, z.re, z.im);
                ($of_wave, flags)
            }
        }
    )*};
}
waves! {
    Sinh ordered: true, |sh, ch, s, c| (sh * c, ch * s), Sinh, |w| w;
    Cosh ordered: true, |sh, ch, s, c| (ch * c, sh * s), Cosh, |w| w;
    // sin z = -i sinh(iz), cos z = cosh(iz).
    Sin ordered: false, |sh, ch, s, c| (sh * c, ch * s), Sinh, |w| turned(w);
    Cos ordered: false, |sh, ch, s, c| (-(sh * s), ch * c), Cosh, |w| if w.re.is_nan() && w.im == 0.0 { w } else { w.conj() };
}

impl Composed<1> for Exp {
    #[inline(always)]
    fn usual([z]: [Complex64; 1]) -> bool {
        (z.re.abs() <= GROWN) & z.im.is_finite()
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [z]: &mut [Split; 1], [e, s, c, ..]: &mut Room) {
        let (re, im) = z.parts();
        let n = re.len();
        let e = &apply::<Exp, L>(level, re, e)[..n];
        let (s, c) = (&apply::<Sin, L>(level, im, s)[..n], &apply::<Cos, L>(level, im, c)[..n]);
        for i in 0..n {
            (re[i], im[i]) = (e[i] * c[i], e[i] * s[i]);
        }
    }
    fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
        wave(Growth::Exp, z.re, z.im)
    }
}

/// What is left of angles up to here is so small that its square does not count.
pub(super) const NEAR: f64 = 1048576.0;

/// `angle * ln 2` in two parts.
#[inline(always)]
fn of_octaves<M: Madd>(m: M, angle: f64) -> (f64, f64) {
    const REST: f64 = 2.3190468138462996e-17;
    let high = angle * LN_2;
    (high, m.f64(angle, REST, product_rest(m, angle, LN_2, high)))
}

impl Composed<1> for Exp2 {
    #[inline(always)]
    fn usual([z]: [Complex64; 1]) -> bool {
        (z.re.abs() <= GROWN) & (z.im.abs() <= NEAR)
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [z]: &mut [Split; 1], [e, s, c, low, ..]: &mut Room) {
        let (re, im) = z.parts();
        let n = re.len();
        let low = fill(low, n);
        for i in 0..n {
            (im[i], low[i]) = of_octaves(level.madd(), im[i]);
        }
        let e = &apply::<Exp2, L>(level, re, e)[..n];
        let (s, c) = (&apply::<Sin, L>(level, im, s)[..n], &apply::<Cos, L>(level, im, c)[..n]);
        for i in 0..n {
            let m = level.madd();
            let sin = if s[i] == 0.0 { s[i] } else { m.f64(low[i], c[i], s[i]) }; // a zero keeps its sign
            (re[i], im[i]) = (e[i] * m.f64(-low[i], s[i], c[i]), e[i] * sin);
        }
    }
    fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
        let (high, low) =
            if z.im.abs() <= LARGE { of_octaves(Scalar.madd(), z.im) } else { (z.im * LN_2, 0.0) };
        wave_beside(Growth::Exp2, z.re, high, low)
    }
}

/// The real part of expm1 by that of the real function, for sine and cosine of the angle and the sine of half of it.
#[inline(always)]
fn less_one<M: Madd>(m: M, grown: f64, c: f64, half: f64) -> f64 {
    m.f64(grown, c, -2.0 * half * half)
}

impl Composed<1> for Expm1 {
    #[inline(always)]
    fn usual([z]: [Complex64; 1]) -> bool {
        (z.re.abs() <= GROWN) & z.im.is_finite()
    }
    #[inline(always)]
    fn block<L: Level>(level: L, [z]: &mut [Split; 1], [e, grown, s, c, halves, half]: &mut Room) {
        let (re, im) = z.parts();
        let n = re.len();
        let halves = fill(halves, n);
        for i in 0..n {
            halves[i] = 0.5 * im[i];
        }
        let (e, grown) = (&apply::<Exp, L>(level, re, e)[..n], &apply::<Expm1, L>(level, re, grown)[..n]);
        let (s, c) = (&apply::<Sin, L>(level, im, s)[..n], &apply::<Cos, L>(level, im, c)[..n]);
        let half = &apply::<Sin, L>(level, halves, half)[..n];
        for i in 0..n {
            (re[i], im[i]) = (less_one(level.madd(), grown[i], c[i], half[i]), e[i] * s[i]);
        }
    }
    /// By NumPy's formula, in which no product is spared.
    fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
        let (a, b) = (z.re, z.im);
        let finite = a.is_finite() && b.is_finite();
        let (s, c) = (sin_of(b), cos_of(b));
        let e = exp_of(a);
        let value = Complex64::new(less_one(Scalar.madd(), expm1_of(a), c, sin_of(0.5 * b)), e * s);
        let over = FpFlags::OVERFLOW.when(e.is_infinite() && a.is_finite());
        let invalid = FpFlags::INVALID.when(b.is_infinite() || e.is_infinite() && s == 0.0);
        (value, over | invalid | if finite { raised(value) } else { FpFlags::NONE })
    }
}
