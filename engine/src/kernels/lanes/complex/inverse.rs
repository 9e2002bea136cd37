//! Inverse functions, by Kahan's formulas ("Branch cuts for complex elementary functions", 1987): of the roots A of 1 - z
//! and B of 1 + z
//!
//! - `arcsin z = (atan2(x, Re AB), arcsinh(Im A*B))`,
//! - `arccos z = (2 atan2(Re A, Re B), arcsinh(Im B*A))`,
//!
//! where A* is the conjugate: the products are sums of numbers of one sign. `arctanh` is two real functions of what has no
//! cancellation but where it does not count. The others are these, turned.

use super::super::arcsin::{Arccos, Arcsin};
use super::super::arcsinh::{Arccosh, Arcsinh, Arctanh};
use super::super::arctan::Arctan;
use super::super::atan2::Atan2;
use super::super::log::Log1p;
use super::log::log_of;
use super::root::{root, root_of};
use super::{LARGE, angle_of, arcsinh_of, log1p_of, moderate, power_of_2, raised, turned};
use crate::registry::{Complex64, FpFlags};
use crate::simd::complex::{Composed, Room, Split, apply, apply2, fill};
use crate::simd::level::{Level, Madd, Scalar};
use std::f64::consts::{FRAC_PI_2, LN_2};

/// The roots A and B.
#[inline(always)]
fn roots<M: Madd>(m: M, x: f64, y: f64) -> [(f64, f64); 2] {
    [root(m, 1.0 - x, -y), root(m, 1.0 + x, y)]
}

/// The same beside the branch points too.
fn any_roots(x: f64, y: f64) -> [(f64, f64); 2] {
    [root_of(1.0 - x, -y), root_of(1.0 + x, y)].map(|z| (z.re, z.im))
}

/// Whether [`roots`] is right: neither root is of what is so small that its square vanishes.
#[inline(always)]
fn apart(x: f64, y: f64) -> bool {
    (x.abs() != 1.0) | (y.abs() >= 1.0 / LARGE) | (y == 0.0)
}

/// What the real functions are asked of.
#[inline(always)]
fn sine_of<M: Madd>(m: M, [(ar, ai), (br, bi)]: [(f64, f64); 2]) -> (f64, f64) {
    (m.f64(ar, br, -(ai * bi)), m.f64(ar, bi, -(ai * br)))
}

/// The same of arccos.
#[inline(always)]
fn cosine_of<M: Madd>(m: M, [(ar, ai), (br, bi)]: [(f64, f64); 2]) -> (f64, f64, f64) {
    (ar, br, m.f64(br, ai, -(bi * ar)))
}

/// arcsinh everywhere: that of infinities and NaNs is the annex's.
fn arcsinh_everywhere(z: Complex64) -> (Complex64, FpFlags) {
    let (x, y) = (z.re, z.im);
    let quiet = |re: f64, im: f64| (Complex64::new(re, im), FpFlags::NONE);
    match () {
        () if x.is_infinite() || y.is_infinite() => {
            let im = if x.is_nan() { f64::NAN } else { angle_of(y, x.abs()) };
            quiet(f64::INFINITY.copysign(x), im)
        }
        () if x.is_nan() && y == 0.0 => quiet(x, y),
        () if x.is_nan() || y.is_nan() => quiet(f64::NAN, f64::NAN),
        () if !moderate(z) => {
            // log(2z), mirrored.
            let (log, flags) = log_of(Complex64::new(x.abs(), y));
            (Complex64::new((log.re + LN_2).copysign(x), log.im), flags)
        }
        () => {
            // The roots of so small numbers are 1, and what is made of them loses its last digits.
            let tiny = x.abs().max(y.abs()) < power_of_2(-500);
            let (beside, across) = sine_of(Scalar.madd(), any_roots(y, x));
            let z = match tiny {
                true => z,
                false => Complex64::new(arcsinh_of(across), angle_of(y, beside)),
            };
            (z, raised(z))
        }
    }
}

macro_rules! sines {
    ($($op:ident ordered: $ordered:literal;)*) => {$(
        impl Composed<1> for $op {
            #[inline(always)]
            fn usual([z]: [Complex64; 1]) -> bool {
                let pole = if $ordered { z } else { turned(z) };
                moderate(z) & apart(pole.re, pole.im)
            }
            #[inline(always)]
            fn block<L: Level>(level: L, [z]: &mut [Split; 1], [beside, across, first, second, ..]: &mut Room) {
                let (a, b) = z.axes($ordered);
                let n = a.len();
                let b = &mut b[..n];
                let (beside, across) = (fill(beside, n), fill(across, n));
                for i in 0..n {
                    (beside[i], across[i]) = sine_of(level.madd(), roots(level.madd(), a[i], b[i]));
                }
                let first = apply2::<Atan2, L>(level, a, beside, first);
                b.copy_from_slice(apply::<Arcsinh, L>(level, across, second));
                a.copy_from_slice(first);
            }
            fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
                let turn = |z| if $ordered { turned(z) } else { z };
                let (z, flags) = arcsinh_everywhere(turn(z));
                (turn(z), flags)
            }
        }
    )*};
}
sines! {
    Arcsin ordered: true;
    Arcsinh ordered: false;
}

/// arccos everywhere.
fn arccos_everywhere(z: Complex64) -> (Complex64, FpFlags) {
    let (x, y) = (z.re, z.im);
    let quiet = |re: f64, im: f64| (Complex64::new(re, im), FpFlags::NONE);
    match () {
        () if x.is_infinite() || y.is_infinite() => {
            let re = if x.is_nan() || y.is_nan() { f64::NAN } else { angle_of(y.abs(), x) };
            quiet(re, -f64::INFINITY.copysign(y))
        }
        () if x == 0.0 && y.is_nan() => quiet(FRAC_PI_2, y),
        () if x.is_nan() || y.is_nan() => quiet(f64::NAN, f64::NAN),
        () if !moderate(z) => {
            let (log, flags) = log_of(Complex64::new(x, y.abs()));
            (Complex64::new(log.im, -(log.re + LN_2).copysign(y)), flags)
        }
        () => {
            let (a, b, across) = cosine_of(Scalar.madd(), any_roots(x, y));
            let z = Complex64::new(2.0 * angle_of(a, b), arcsinh_of(across));
            (z, raised(z))
        }
    }
}

/// arccosh of what arccos is.
#[inline(always)]
fn hyperbolic(arccos: (f64, f64), y: f64) -> (f64, f64) {
    (arccos.1.abs(), arccos.0.copysign(y))
}

macro_rules! cosines {
    ($($op:ident hyperbolic: $hyperbolic:literal;)*) => {$(
        impl Composed<1> for $op {
            #[inline(always)]
            fn usual([z]: [Complex64; 1]) -> bool {
                moderate(z) & apart(z.re, z.im)
            }
            #[inline(always)]
            fn block<L: Level>(level: L, [z]: &mut [Split; 1], [a, b, across, angle, size, _]: &mut Room) {
                let (re, im) = z.parts();
                let n = re.len();
                let im = &mut im[..n];
                let (a, b, across) = (fill(a, n), fill(b, n), fill(across, n));
                for i in 0..n {
                    (a[i], b[i], across[i]) = cosine_of(level.madd(), roots(level.madd(), re[i], im[i]));
                }
                let angle = &apply2::<Atan2, L>(level, a, b, angle)[..n];
                let size = &apply::<Arcsinh, L>(level, across, size)[..n];
                for i in 0..n {
                    let arccos = (2.0 * angle[i], size[i]);
                    (re[i], im[i]) = if $hyperbolic { hyperbolic(arccos, im[i]) } else { arccos };
                }
            }
            fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
                let (value, flags) = arccos_everywhere(z);
                let arccos = (value.re, value.im);
                let (re, im) = if $hyperbolic { hyperbolic(arccos, z.im) } else { arccos };
                (Complex64::new(re, im), flags)
            }
        }
    )*};
}
cosines! {
    Arccos hyperbolic: false;
    Arccosh hyperbolic: true;
}

/// What arctanh takes the logarithm and the angle of.
#[inline(always)]
fn tangent_of<M: Madd>(m: M, x: f64, y: f64) -> (f64, f64) {
    let a = x.abs();
    let (near, far) = (1.0 - a, 1.0 + a);
    (4.0 * a / m.f64(near, near, y * y), m.f64(near, far, -(y * y)))
}

/// arctanh everywhere.
fn arctanh_everywhere(z: Complex64) -> (Complex64, FpFlags) {
    let (x, y) = (z.re, z.im);
    match () {
        () if x.is_infinite() || y.is_infinite() => {
            let im = if y.is_nan() { y } else { FRAC_PI_2.copysign(y) };
            (Complex64::new(0f64.copysign(x), im), FpFlags::NONE)
        }
        () if x.is_nan() || y.is_nan() => {
            let re = if x == 0.0 { x } else { f64::NAN };
            (Complex64::new(re, f64::NAN), FpFlags::NONE)
        }
        () if x.abs() == 1.0 && y == 0.0 => (Complex64::new(f64::INFINITY.copysign(x), y), FpFlags::DIVIDE),
        () if !moderate(z) => {
            // x/|z|^2
            let scale = x.abs().max(y.abs());
            let (p, q) = (x / scale, y / scale);
            let z = Complex64::new(p / (p * p + q * q) / scale, FRAC_PI_2.copysign(y));
            (z, raised(z))
        }
        () => {
            let (more, beside) = tangent_of(Scalar.madd(), x, y);
            let angle = 0.5 * angle_of(2.0 * y, beside);
            let z = match x.abs().max(y.abs()) {
                most if most < power_of_2(-500) => z,
                // Beside the pole: log(4/y^2)/4.
                _ if more.is_infinite() => {
                    Complex64::new((0.5 * (LN_2 - log_of(y.into()).0.re)).copysign(x), angle)
                }
                _ => Complex64::new((0.25 * log1p_of(more)).copysign(x), angle),
            };
            (z, raised(z))
        }
    }
}

macro_rules! tangents {
    ($($op:ident ordered: $ordered:literal;)*) => {$(
        impl Composed<1> for $op {
            #[inline(always)]
            fn usual([z]: [Complex64; 1]) -> bool {
                let pole = if $ordered { z } else { turned(z) };
                moderate(z) & ((pole.re.abs() != 1.0) | (pole.im.abs() > 1.0 / LARGE))
            }
            #[inline(always)]
            fn block<L: Level>(level: L, [z]: &mut [Split; 1], [more, beside, log, angle, ..]: &mut Room) {
                let (a, b) = z.axes($ordered);
                let n = a.len();
                let b = &mut b[..n];
                let (more, beside) = (fill(more, n), fill(beside, n));
                for i in 0..n {
                    (more[i], beside[i]) = tangent_of(level.madd(), a[i], b[i]);
                    b[i] *= 2.0;
                }
                let log = &apply::<Log1p, L>(level, more, log)[..n];
                let angle = &apply2::<Atan2, L>(level, b, beside, angle)[..n];
                for i in 0..n {
                    (a[i], b[i]) = ((0.25 * log[i]).copysign(a[i]), 0.5 * angle[i]);
                }
            }
            fn full([z]: [Complex64; 1]) -> (Complex64, FpFlags) {
                let turn = |z| if $ordered { z } else { turned(z) };
                let (z, flags) = arctanh_everywhere(turn(z));
                (turn(z), flags)
            }
        }
    )*};
}
tangents! {
    Arctanh ordered: true;
    Arctan ordered: false;
}
