//! Complex functions of finite numbers to some 30 digits, from their definitions by real functions, and what C99's Annex G
//! says of all others.

use crate::high::{self, Exact, LN_2, LN_10, PI, Pair, divide, two_sum};
use crate::turns::sin_cos;
use crate::value::{exponent, power_of_2};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number of 30 digits and any exponent.
#[derive(Clone, Copy, Debug)]
pub struct Real(Pair, i32);

impl Real {
    /// Zero.
    pub const ZERO: Real = Real(Pair(0.0, 0.0), 0);

    /// The pair with its first number in [1, 2).
    fn normal(pair: Pair, scale: i32) -> Real {
        if pair.0 == 0.0 {
            return Real(pair, 0);
        }
        let e = exponent(pair.0);
        Real(pair.scaled(-e), scale + e)
    }

    fn is_zero(self) -> bool {
        self.0.0 == 0.0
    }

    fn is_negative(self) -> bool {
        self.0.0 < 0.0
    }

    fn abs(self) -> Real {
        if self.is_negative() { -self } else { self }
    }

    fn less(self, other: Real) -> bool {
        (self - other).is_negative()
    }

    /// As a pair, of numbers that are not large; what is far below 1 is 0.
    fn pair(self) -> Pair {
        if self.1 < -900 { Pair(0.0, 0.0) } else { self.0.scaled(self.1.min(900)) }
    }

    fn scaled(self, by: i32) -> Real {
        Real(self.0, self.1 + by)
    }

    fn sqrt(self) -> Real {
        let odd = self.1 & 1;
        Real::normal(high::sqrt(self.0.scaled(odd)), (self.1 - odd) / 2)
    }

    /// As the tests compare with.
    pub fn exact(self) -> Exact {
        Exact { pair: self.0, scale: self.1 }
    }
}

impl From<f64> for Real {
    fn from(x: f64) -> Real {
        match x {
            0.0 => Real(Pair(x, 0.0), 0),
            x if x.abs() < f64::MIN_POSITIVE => Real::normal((x * power_of_2(200)).into(), -200),
            x => {
                let e = exponent(x);
                let half = e / 2;
                Real(Pair(x * power_of_2(-half) * power_of_2(half - e), 0.0), e)
            }
        }
    }
}
impl From<Pair> for Real {
    fn from(x: Pair) -> Real {
        Real::normal(x, 0)
    }
}
impl Neg for Real {
    type Output = Real;
    fn neg(self) -> Real {
        Real(-self.0, self.1)
    }
}
impl Add for Real {
    type Output = Real;
    fn add(self, b: Real) -> Real {
        let (large, small) =
            if self.is_zero() || !b.is_zero() && self.1 < b.1 { (b, self) } else { (self, b) };
        match large.1 - small.1 {
            _ if small.is_zero() => large,
            apart if apart > 400 => large,
            apart => Real::normal(large.0 + small.0.scaled(-apart), large.1),
        }
    }
}
impl Sub for Real {
    type Output = Real;
    fn sub(self, b: Real) -> Real {
        self + -b
    }
}
impl Mul for Real {
    type Output = Real;
    fn mul(self, b: Real) -> Real {
        Real::normal(self.0 * b.0, self.1 + b.1)
    }
}
impl Div for Real {
    type Output = Real;
    #[allow(clippy::suspicious_arithmetic_impl, reason = "exponents of a quotient are subtracted")]
    fn div(self, b: Real) -> Real {
        if self.is_zero() { self } else { Real::normal(divide(self.0, b.0), self.1 - b.1) }
    }
}

const ONE: Real = Real(Pair(1.0, 0.0), 0);

fn exp(x: Real) -> Real {
    let x = if x.1 > 20 { Pair(1e6f64.copysign(x.0.0), 0.0) } else { x.pair() };
    let (pair, scale) = high::exp(x);
    Real::normal(pair, scale)
}

fn exp_m1(x: Real) -> Real {
    match x.1 {
        // The third term is below the last digit.
        ..-60 => x + x * x.scaled(-1),
        -60..-2 => high::small_exp_m1(x.pair()).into(),
        _ => exp(x) - ONE,
    }
}

fn sinh_cosh(x: Real) -> (Real, Real) {
    let (up, down) = (exp(x), exp(-x));
    let sinh = if x.1 < -3 { exp_m1(x) - exp_m1(-x) } else { up - down };
    (if x.is_zero() { x } else { sinh.scaled(-1) }, (up + down).scaled(-1))
}

/// The logarithm of a positive number.
fn log(x: Real) -> Real {
    let beside = x - ONE;
    if beside.is_zero() || beside.1 < -3 {
        return log_1p(beside);
    }
    Real::from(high::log(x.0, x.0.0.ln())) + Real::from(LN_2) * Real::from(f64::from(x.1))
}

/// The logarithm of 1 + x.
fn log_1p(x: Real) -> Real {
    match x.1 {
        _ if x.is_zero() => x,
        ..-120 => x,
        -120..-2 => {
            // With as many digits of it, whatever its exponent: the series of 2 atanh(x/(2 + x)).
            let s = x / (x + ONE + ONE);
            let (z, mut power, mut sum, mut k) = (s * s, s, s, 3.0);
            while power.1 > sum.1 - 110 && !power.is_zero() {
                power = power * z;
                sum = sum + power / Real::from(k);
                k += 2.0;
            }
            sum.scaled(1)
        }
        _ => log(ONE + x),
    }
}

fn arcsinh(x: Real) -> Real {
    let a = x.abs();
    let root = (a * a + ONE).sqrt();
    let y = log_1p(a + a * a / (ONE + root));
    if x.0.0.is_sign_negative() { -y } else { y }
}

/// The angle of the point (x, y), neither part of which is an infinity, as `atan2` has zeros.
fn angle(y: Real, x: Real) -> Real {
    let (ay, ax) = (y.abs(), x.abs());
    let behind = x.0.0.is_sign_negative();
    let right = Real::from(PI).scaled(-1);
    let small = |q: Real| if q.1 < -55 { q } else { Real::from(high::atan(q.pair())) };
    let acute = match () {
        () if ay.is_zero() => Real::ZERO,
        () if ay.less(ax) => small(ay / ax),
        () => right - small(ax / ay),
    };
    let whole = if behind { Real::from(PI) - acute } else { acute };
    if y.0.0.is_sign_negative() { -whole } else { whole }
}

/// A complex number of 30 digits.
#[derive(Clone, Copy, Debug)]
pub struct Plane(pub Real, pub Real);

impl Plane {
    fn turned(self) -> Plane {
        Plane(self.1, self.0)
    }
}

/// A zero with the sign of another number.
fn signed(magnitude: Real, of: Real) -> Real {
    if of.0.0.is_sign_negative() { -magnitude.abs() } else { magnitude.abs() }
}

fn size_squared(x: Real, y: Real) -> Real {
    x * x + y * y
}

fn root(Plane(x, y): Plane) -> Plane {
    let larger = ((x.abs() + size_squared(x, y).sqrt()).scaled(-1)).sqrt();
    if larger.is_zero() {
        return Plane(Real::ZERO, y);
    }
    let smaller = y.abs() / larger.scaled(1);
    let (re, im) = if x.is_negative() { (smaller, larger) } else { (larger, smaller) };
    Plane(re, signed(im, y))
}

fn arcsin(z: Plane) -> Plane {
    let (a, b) = (root(Plane(ONE - z.0, -z.1)), root(Plane(ONE + z.0, z.1)));
    let (beside, across) = (a.0 * b.0 - a.1 * b.1, a.0 * b.1 - a.1 * b.0);
    Plane(signed(angle(z.0, beside), z.0), signed(arcsinh(across), z.1))
}

fn arccos(z: Plane) -> Plane {
    let (a, b) = (root(Plane(ONE - z.0, -z.1)), root(Plane(ONE + z.0, z.1)));
    let across = b.0 * a.1 - b.1 * a.0;
    Plane(angle(a.0, b.0).scaled(1), signed(arcsinh(across), -z.1))
}

fn arctanh(z: Plane) -> Plane {
    let (x, y) = (z.0.abs(), z.1);
    let more = x.scaled(2) / size_squared(ONE - x, y);
    let beside = (ONE - x) * (ONE + x) - y * y;
    Plane(signed(log_1p(more).scaled(-2), z.0), angle(y.scaled(1), beside).scaled(-1))
}

fn tanh(z: Plane, (sin, cos): (Real, Real)) -> Plane {
    let (sinh, cosh) = sinh_cosh(z.0);
    let divisor = size_squared(sinh, cos);
    Plane(sinh * cosh / divisor, sin * cos / divisor)
}

/// Sine and cosine of a float, or of the sum of one and what is small beside 1.
fn turns(x: f64, low: Real) -> (Real, Real) {
    let (sin, cos) = sin_cos(x);
    let (sin, cos): (Real, Real) = (if x == 0.0 { Real::from(x) } else { sin.into() }, cos.into());
    if low.is_zero() {
        return (sin, cos);
    }
    let at = low.exact().to_f64();
    let (more, less) = sin_cos(at);
    let rest = low - at.into();
    let (more, less): (Real, Real) = (more.into(), less.into());
    let (more, less) = (more + rest * less, less - rest * more);
    (sin * less + cos * more, cos * less - sin * more)
}

fn long_log(x: Real, y: Real) -> Plane {
    Plane(log(size_squared(x, y)).scaled(-1), angle(y, x))
}

/// The function's value at a finite number that is no pole of it.
///
/// # Panics
/// If it is none of those that are known.
pub fn value(name: &str, x: f64, y: f64) -> Plane {
    let z = Plane(x.into(), y.into());
    let none = Real::ZERO;
    let swing = |growth: (Real, Real), (sin, cos): (Real, Real)| Plane(growth.0 * cos, growth.1 * sin);
    match name {
        "absolute" => Plane(size_squared(z.0, z.1).sqrt(), none),
        "sign" => {
            let size = size_squared(z.0, z.1).sqrt();
            Plane(z.0 / size, z.1 / size)
        }
        "sqrt" => root(z),
        "exp" => swing((exp(z.0), exp(z.0)), turns(y, none)),
        "exp2" => {
            let (angle, growth) = (z.1 * LN_2.into(), exp(z.0 * LN_2.into()));
            let near = angle.exact().to_f64();
            swing((growth, growth), turns(near, angle - near.into()))
        }
        "expm1" => {
            let ((sin, cos), (half, _)) = (turns(y, none), turns(0.5 * y, none));
            Plane(exp_m1(z.0) * cos - (half * half).scaled(1), exp(z.0) * sin)
        }
        "sinh" => swing(sinh_cosh(z.0), turns(y, none)),
        "cosh" => {
            let (sinh, cosh) = sinh_cosh(z.0);
            swing((cosh, sinh), turns(y, none))
        }
        "sin" => value("sinh", y, x).turned(),
        "cos" => {
            let Plane(re, im) = value("cosh", y, x);
            Plane(re, -im)
        }
        "tanh" => tanh(z, turns(y, none)),
        "tan" => value("tanh", y, x).turned(),
        "log" => long_log(z.0, z.1),
        "log2" => {
            let Plane(re, im) = long_log(z.0, z.1);
            Plane(re / LN_2.into(), im / LN_2.into())
        }
        "log10" => {
            let Plane(re, im) = long_log(z.0, z.1);
            Plane(re / LN_10.into(), im / LN_10.into())
        }
        "log1p" => {
            let next = if (-4.0..4.0).contains(&x) { two_sum(1.0, x).into() } else { ONE + z.0 };
            // |1 + z|^2 - 1
            let beside = z.0.scaled(1) + size_squared(z.0, z.1);
            Plane(log_1p(beside).scaled(-1), angle(z.1, next))
        }
        "arcsin" => arcsin(z),
        "arcsinh" => arcsin(z.turned()).turned(),
        "arccos" => arccos(z),
        "arccosh" => {
            let Plane(re, im) = arccos(z);
            Plane(im.abs(), signed(re, z.1))
        }
        "arctanh" => arctanh(z),
        "arctan" => arctanh(z.turned()).turned(),
        _ => panic!("{name} is not known"),
    }
}

/// a to the power of b, both finite, a not 0; and the size of the exponent, of whose last digits the result has the error.
pub fn power(a: (f64, f64), b: (f64, f64)) -> (Plane, f64) {
    let Plane(size, angle) = long_log(a.0.into(), a.1.into());
    let (re, im) = (Real::from(b.0), Real::from(b.1));
    let (grows, turns_by) = (re * size - im * angle, re * angle + im * size);
    let near = turns_by.exact().to_f64();
    let (sin, cos) = turns(near, turns_by - near.into());
    let growth = exp(grows);
    let sizes = (re.abs() + im.abs()) * (size.abs() + angle.abs());
    (Plane(growth * cos, growth * sin), sizes.exact().to_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_some_digits() {
        // From mpmath, to 17 digits.
        let known: [(&str, f64, f64, f64, f64); 10] = [
            ("exp", 1.0, 1.0, 1.468693939915885, 2.2873552871788424),
            ("log", 3.0, 4.0, 1.6094379124341003, 0.9272952180016122),
            ("sqrt", -3.0, 4.0, 1.0, 2.0),
            ("tan", 1.0, 2.0, 0.03381282607989669, 1.0147936161466335),
            ("arcsin", 2.0, 1.0, 1.0634400235777521, 1.4693517443681852),
            ("arccos", 2.0, -1.0, 0.5073563032171445, 1.4693517443681852),
            ("arctanh", 0.5, 0.5, 0.4023594781085251, 0.5535743588970452),
            ("expm1", 1e-3, 1e-3, 0.0009999996664999667, 0.0010010003333333),
            ("log1p", 1e-10, 1e-10, 1e-10, 9.999999999e-11),
            ("exp2", 0.5, 2.0, 0.2594473417939156, 1.3902111626785591),
        ];
        for (name, x, y, re, im) in known {
            let Plane(a, b) = value(name, x, y);
            let near = |a: Real, b: f64| (a.exact().to_f64() - b).abs() <= 4e-16 * (re.abs() + im.abs());
            assert!(near(a, re) && near(b, im), "{name}({x}, {y}) is {:?} {:?}", a, b);
        }
    }
}
