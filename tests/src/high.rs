//! Arithmetic to some 30 digits, in pairs of f64: what the references of functions with an error bound compute in.

use std::ops::{Add, Mul, Neg, Sub};

/// The unevaluated sum of two f64, the second at most half a unit of the first.
#[derive(Clone, Copy, Debug)]
pub struct Pair(pub f64, pub f64);

/// ln 2, and what is left of it.
pub const LN_2: Pair = Pair(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
const LN_2_REST: f64 = 5.707_708_438_416_212e-34;
/// pi.
pub const PI: Pair = Pair(std::f64::consts::PI, 1.224_646_799_147_353_2e-16);
/// ln 10.
pub const LN_10: Pair = Pair(std::f64::consts::LN_10, -2.170_756_223_382_249_3e-16);

/// The exact sum.
pub fn two_sum(a: f64, b: f64) -> Pair {
    let s = a + b;
    let b_part = s - a;
    Pair(s, (a - (s - b_part)) + (b - b_part))
}

impl Pair {
    /// Times two to the `k`, where nothing is lost.
    pub fn scaled(self, k: i32) -> Pair {
        Pair(self.0 * 2f64.powi(k), self.1 * 2f64.powi(k))
    }
}

impl Add for Pair {
    type Output = Pair;
    fn add(self, b: Pair) -> Pair {
        let (high, low) = (two_sum(self.0, b.0), two_sum(self.1, b.1));
        let first = two_sum(high.0, high.1 + low.0);
        two_sum(first.0, first.1 + low.1)
    }
}

impl Neg for Pair {
    type Output = Pair;
    fn neg(self) -> Pair {
        Pair(-self.0, -self.1)
    }
}

impl Sub for Pair {
    type Output = Pair;
    fn sub(self, b: Pair) -> Pair {
        self + -b
    }
}

impl Mul for Pair {
    type Output = Pair;
    fn mul(self, b: Pair) -> Pair {
        let p = self.0 * b.0;
        two_sum(p, self.0.mul_add(b.0, -p) + (self.0 * b.1 + self.1 * b.0))
    }
}

impl From<f64> for Pair {
    fn from(x: f64) -> Pair {
        Pair(x, 0.0)
    }
}

/// The quotient.
pub fn divide(a: Pair, b: Pair) -> Pair {
    let first = a.0 / b.0;
    let rest = a - b * first.into();
    let second = rest.0 / b.0;
    let rest = rest - b * second.into();
    two_sum(first, second) + (rest.0 / b.0).into()
}

/// The arctangent for 0 <= x <= 1: half the angle five times over, then Taylor's series.
pub fn atan(x: Pair) -> Pair {
    const HALVINGS: i32 = 5;
    let one = Pair(1.0, 0.0);
    let mut t = x;
    for _ in 0..HALVINGS {
        t = divide(t, one + sqrt(one + t * t));
    }
    let (z, mut power, mut sum) = (t * t, t, t);
    for k in 1..14 {
        power = -(power * z);
        sum = sum + divide(power, f64::from(2 * k + 1).into());
    }
    sum.scaled(HALVINGS)
}

/// The square root, by one step from the nearest f64.
pub fn sqrt(x: Pair) -> Pair {
    let near = x.0.sqrt();
    if near == 0.0 {
        return x;
    }
    let rest = x - Pair::from(near) * near.into();
    Pair::from(near) + divide(rest, (2.0 * near).into())
}

/// e^x - 1 for |x| < 0.4.
pub fn small_exp_m1(x: Pair) -> Pair {
    const HALVINGS: i32 = 9;
    let scale = 2f64.powi(-HALVINGS);
    let r = Pair(x.0 * scale, x.1 * scale);
    let mut term = r;
    let mut sum = r;
    for k in 2..12 {
        term = divide(term * r, f64::from(k).into());
        sum = sum + term;
    }
    for _ in 0..HALVINGS {
        sum = sum + sum + sum * sum; // (1 + s)^2 - 1
    }
    sum
}

/// e^x as a pair and a power of two to scale it by.
pub fn exp(x: Pair) -> (Pair, i32) {
    let k = (x.0 / LN_2.0).round_ties_even();
    let r = x - LN_2 * k.into() - (LN_2_REST * k).into();
    (Pair(1.0, 0.0) + small_exp_m1(r), k as i32)
}

/// The natural logarithm, by one step from a close `guess`.
pub fn log(x: Pair, guess: f64) -> Pair {
    let (e, k) = exp(Pair(-guess, 0.0));
    let half = k / 2;
    let error = (x.scaled(half) * e).scaled(k - half) - Pair(1.0, 0.0);
    Pair(guess, 0.0) + error - error * error * 0.5.into()
}

/// The logarithm of 1 + x for -0.3 < x <= 1, to as many digits of it: the series of `2 atanh(x / (2 + x))`.
pub fn log_1p(x: Pair) -> Pair {
    let s = divide(x, x + 2.0.into());
    let (z, mut power, mut sum, mut k) = (s * s, s, s, 3.0);
    while power.0.abs() > sum.0.abs() * 1e-33 {
        power = power * z;
        sum = sum + divide(power, f64::into(k));
        k += 2.0;
    }
    sum.scaled(1)
}

/// A value to high precision: `pair` times two to the `scale`.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    /// The digits.
    pub pair: Pair,
    /// The exponent.
    pub scale: i32,
}

impl Exact {
    /// The nearest f64, or infinity.
    pub fn to_f64(self) -> f64 {
        let half = self.scale / 2;
        (self.pair.0 + self.pair.1) * 2f64.powi(half) * 2f64.powi(self.scale - half)
    }

    /// How far `y` is from it, in units of `ulp`, both given as they are: finite numbers of the format.
    pub fn error(self, y: f64, ulp: f64) -> f64 {
        // Beyond all formats: nothing but zero is near, and nothing finite.
        match self.scale {
            ..-1200 => return (y / ulp).abs(),
            1200.. => return f64::INFINITY,
            _ => {}
        }
        // Brought to where the pair is an ordinary number, by exact steps.
        let bring = |x: f64| {
            let half = -self.scale / 2;
            x * 2f64.powi(half) * 2f64.powi(-self.scale - half)
        };
        let y = bring(y);
        ((y - self.pair.0) - self.pair.1).abs() / bring(ulp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_some_digits() {
        // 40-digit values, split by hand into two f64.
        let (e, scale) = exp(1.0.into());
        let e = e.scaled(scale);
        assert!((e - Pair(std::f64::consts::E, 1.445_646_891_729_250_2e-16)).0.abs() < 1e-30);
        let ln_2 = log(2.0.into(), std::f64::consts::LN_2);
        assert!((ln_2 - LN_2).0.abs() < 1e-30);
        assert!((log_1p(1.0.into()) - LN_2).0.abs() < 1e-31);
        // log(1 + x) of e^x - 1.
        let small = Pair(1e-9, 1e-26);
        assert!((log_1p(small_exp_m1(small)) - small).0.abs() < 1e-39);
        // 4 atan(1/2) + 4 atan(1/3) is pi.
        let [half, third] = [2.0, 3.0].map(|n| atan(divide(1.0.into(), f64::into(n))));
        assert!(((half + third).scaled(2) - PI).0.abs() < 1e-30);
    }
}
