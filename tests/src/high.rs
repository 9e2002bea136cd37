//! The math functions to some 30 digits, in pairs of f64: the reference that a stated error bound is measured against.

use std::ops::{Add, Mul, Neg, Sub};

/// The unevaluated sum of two f64, the second at most half a unit of the first.
#[derive(Clone, Copy, Debug)]
pub struct Pair(pub f64, pub f64);

const LN_2: Pair = Pair(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
const LN_2_REST: f64 = 5.707_708_438_416_212e-34;
const LN_10: Pair = Pair(std::f64::consts::LN_10, -2.170_756_223_382_249_3e-16);

fn two_sum(a: f64, b: f64) -> Pair {
    let s = a + b;
    let b_part = s - a;
    Pair(s, (a - (s - b_part)) + (b - b_part))
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

fn divide(a: Pair, b: Pair) -> Pair {
    let first = a.0 / b.0;
    let rest = a - b * first.into();
    let second = rest.0 / b.0;
    let rest = rest - b * second.into();
    two_sum(first, second) + (rest.0 / b.0).into()
}

/// e^x - 1 for |x| < 0.4.
fn small_exp_m1(x: Pair) -> Pair {
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
fn exp(x: Pair) -> (Pair, i32) {
    let k = (x.0 / LN_2.0).round_ties_even();
    let r = x - LN_2 * k.into() - (LN_2_REST * k).into();
    (Pair(1.0, 0.0) + small_exp_m1(r), k as i32)
}

/// The natural logarithm, by one step from a close `guess`.
fn log(x: Pair, guess: f64) -> Pair {
    let (e, k) = exp(Pair(-guess, 0.0));
    let half = k / 2;
    let scaled = |p: Pair, k: i32| Pair(p.0 * 2f64.powi(k), p.1 * 2f64.powi(k));
    let error = scaled(scaled(x, half) * e, k - half) - Pair(1.0, 0.0);
    Pair(guess, 0.0) + error - error * error * 0.5.into()
}

/// A value to high precision: `pair` times two to the `scale`.
#[derive(Clone, Copy, Debug)]
pub struct Exact {
    /// The digits.
    pub pair: Pair,
    /// The exponent.
    pub scale: i32,
}

/// `name(x)` for finite `x` inside the function's domain; `None` if there is no reference for it.
pub fn evaluate(name: &str, x: f64) -> Option<Exact> {
    let plain = |pair: Pair| Some(Exact { pair, scale: 0 });
    // Logarithms of subnormals: 2^200 times larger, and the logarithm of that taken away.
    let subnormal = x.abs() < f64::MIN_POSITIVE;
    let (normal, shift) = if subnormal { (x * 2f64.powi(200), 200.0) } else { (x, 0.0) };
    let ln = || log(normal.into(), normal.ln()) - LN_2 * shift.into();
    match name {
        "exp" | "exp2" => {
            if name == "exp2" && x == x.trunc() {
                return Some(Exact { pair: 1.0.into(), scale: x as i32 });
            }
            let whole = if name == "exp2" { x.round() } else { 0.0 };
            let rest = if name == "exp2" { LN_2 * (x - whole).into() } else { x.into() };
            let (pair, scale) = exp(rest);
            Some(Exact { pair, scale: scale + whole as i32 })
        }
        "expm1" if x.abs() < 1e-9 => plain(Pair::from(x) + Pair::from(x) * x.into() * Pair(0.5, x / 6.0)),
        "expm1" if x.abs() < 0.35 => plain(small_exp_m1(x.into())),
        "expm1" => {
            let (pair, scale) = exp(x.into());
            if !(-200..=200).contains(&scale) {
                let pair = if scale < 0 { Pair(-1.0, 0.0) } else { pair };
                return Some(Exact { pair, scale: scale.max(0) });
            }
            let factor = 2f64.powi(scale);
            plain(Pair(pair.0 * factor, pair.1 * factor) - 1.0.into())
        }
        "log" => plain(ln()),
        "log2" if x > 0.0 && normal.to_bits() << 12 == 0 => plain((exponent_of(normal) - shift).into()),
        "log2" => plain(divide(ln(), LN_2)),
        "log10" => plain(divide(ln(), LN_10)),
        "log1p" if x.abs() < 1e-9 => plain(Pair::from(x) - Pair::from(x) * x.into() * Pair(0.5, -x / 3.0)),
        "log1p" => plain(log(two_sum(1.0, x), x.ln_1p())),
        "cbrt" => {
            let (scaled, down) = if subnormal { (x * 2f64.powi(180), -60) } else { (x, 0) };
            let y = scaled.cbrt();
            if y == 0.0 {
                return plain(x.into());
            }
            // Two thirds of the exponent taken out, so that the cube does not overflow.
            let k = -(exponent_of(scaled) as i32 / 3);
            let (ys, xs) = (y * 2f64.powi(k), scaled * 2f64.powi(k) * 2f64.powi(2 * k));
            let cube = Pair::from(ys) * ys.into() * ys.into();
            let correction = divide(cube - xs.into(), Pair::from(3.0 * ys) * ys.into());
            Some(Exact { pair: Pair::from(ys) - correction, scale: down - k })
        }
        _ => None,
    }
}

fn exponent_of(x: f64) -> f64 {
    crate::value::exponent(x) as f64
}

impl Exact {
    /// The nearest f64, or infinity.
    pub fn to_f64(self) -> f64 {
        let half = self.scale / 2;
        (self.pair.0 + self.pair.1) * 2f64.powi(half) * 2f64.powi(self.scale - half)
    }

    /// How far `y` is from it, in units of `ulp`, both given as they are: finite numbers of the format.
    pub fn error(self, y: f64, ulp: f64) -> f64 {
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
    fn is_within_an_ulp_of_the_standard_library() {
        type Function = fn(f64) -> f64;
        let functions: [(&str, Function); 8] = [
            ("exp", f64::exp),
            ("exp2", f64::exp2),
            ("expm1", f64::exp_m1),
            ("log", f64::ln),
            ("log2", f64::log2),
            ("log10", f64::log10),
            ("log1p", f64::ln_1p),
            ("cbrt", f64::cbrt),
        ];
        let mut rng = crate::Rng::new(5);
        for (name, f) in functions {
            for i in 0..20_000 {
                let magnitude = f64::from_bits(rng.bits() >> 1);
                let x = if i % 2 == 0 { magnitude } else { rng.unit() * 800.0 };
                let x = if name.starts_with("exp") && x > 700.0 { -x % 700.0 } else { x };
                let y = f(x);
                let Some(exact) = evaluate(name, x).filter(|_| x.is_finite() && y.is_finite()) else {
                    continue;
                };
                let error = exact.error(y, crate::values::ulp(y, ufunx::registry::DType::F64));
                assert!(error < 1.01, "{name}({x:e}) is {y:e}, {error} units off {:e}", exact.to_f64());
            }
        }
    }

    #[test]
    fn knows_some_digits() {
        // 40-digit values, split by hand into two f64.
        let e = evaluate("exp", 1.0).unwrap_or_else(|| unreachable!());
        let e = Pair(e.pair.0 * 2f64.powi(e.scale), e.pair.1 * 2f64.powi(e.scale));
        assert!((e - Pair(std::f64::consts::E, 1.445_646_891_729_250_2e-16)).0.abs() < 1e-30);
        let ln_2 = evaluate("log", 2.0).unwrap_or_else(|| unreachable!()).pair;
        assert!((ln_2 - LN_2).0.abs() < 1e-30);
    }
}
