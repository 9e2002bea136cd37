//! Complex loops with a bound: what one element must give, to high precision, and what C99's Annex G says of infinities and
//! NaNs.

use super::Element;
use super::error::{self, Off, distance};
use crate::high::Exact;
use crate::plane::{self, Plane, Real};
use crate::value::{Format, Value};
use crate::values::ulp;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, LN_2, LN_10, PI};
use ufunx::registry::{DType, FpFlags, Kind};

/// What a part of a result must be.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// This, its sign included.
    Is(f64),
    /// This or its negative.
    Either(f64),
    /// This many digits.
    Near(Exact),
    /// Anything.
    Any,
}
use Part::{Any, Either, Is, Near};

/// What a result must be.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    parts: [Part; 2],
    must: FpFlags,
    may: FpFlags,
    /// Units in the last place of the larger part, beside those that the ufunc states.
    more: f64,
}

const ANY_FLAG: FpFlags = FpFlags(15);

impl Answer {
    fn of(parts: [Part; 2]) -> Answer {
        Answer { parts, must: FpFlags::NONE, may: FpFlags::NONE, more: 0.0 }
    }

    fn dividing(self) -> Answer {
        Answer { must: FpFlags::DIVIDE, ..self }
    }

    /// What is not a number is open in its flags, and the sign of what stands beside it.
    fn special(re: f64, im: f64) -> Answer {
        let beside = |x: f64, other: f64| if other.is_nan() { Either(x) } else { Is(x) };
        Answer { may: ANY_FLAG, ..Answer::of([beside(re, im), beside(im, re)]) }
    }

    /// The same with an angle that is rounded.
    fn with_angle(re: f64, angle: f64) -> Answer {
        let near = if angle.is_nan() || angle == 0.0 { Is(angle) } else { Near(Real::from(angle).exact()) };
        let special = Answer::special(re, angle);
        Answer { parts: [special.parts[0], near], ..special }
    }

    fn exactly(Plane(re, im): Plane) -> Answer {
        Answer::of([Near(re.exact()), Near(im.exact())])
    }

    fn anything() -> Answer {
        Answer { may: ANY_FLAG, more: f64::INFINITY, ..Answer::of([Any, Any]) }
    }

    fn turned(self) -> Answer {
        Answer { parts: [self.parts[1], self.parts[0]], ..self }
    }

    fn map_im(self, f: impl Fn(f64) -> f64) -> Answer {
        let im = match self.parts[1] {
            Is(x) => Is(f(x)),
            Either(x) => Either(f(x)),
            other => other,
        };
        Answer { parts: [self.parts[0], im], ..self }
    }
}

/// Whether it is one of these functions.
pub fn is_known(name: &str) -> bool {
    let one = "absolute sign sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh arcsin arccos arctan \
               arcsinh arccosh arctanh power float_power";
    one.split_whitespace().any(|known| known == name)
}

/// What must come of an element.
///
/// # Panics
/// If the function is not known.
pub fn answer(name: &str, x: &[Value], dtype: DType) -> Answer {
    match *x {
        // Where the magnitude is too large it is what NumPy gives.
        [Value::Complex(re, im)]
            if name == "sign"
                && !Format::of(dtype).round(re.hypot(im)).is_finite()
                && re.is_finite()
                && im.is_finite() =>
        {
            Answer { may: ANY_FLAG, ..Answer::of([Either(0.0), Is(1f64.copysign(im))]) }
        }
        [Value::Complex(re, im)] => one(name, re, im),
        [Value::Complex(a, b), Value::Complex(c, d)] => power((a, b), (c, d), dtype),
        _ => panic!("{name} of {x:?}"),
    }
}

fn one(name: &str, x: f64, y: f64) -> Answer {
    let zero = x == 0.0 && y == 0.0;
    let log = |factor: f64| Answer::with_angle(f64::NEG_INFINITY, y.atan2(x) / factor).dividing();
    match name {
        "sign" if zero => Answer::of([Is(0.0), Is(0.0)]),
        "log" if zero => log(1.0),
        "log2" if zero => log(LN_2),
        "log10" if zero => log(LN_10),
        "log1p" if x == -1.0 && y == 0.0 => Answer::of([Is(f64::NEG_INFINITY), Is(y)]).dividing(),
        "arctanh" if x.abs() == 1.0 && y == 0.0 => {
            Answer::of([Is(f64::INFINITY.copysign(x)), Is(y)]).dividing()
        }
        "arctan" => one("arctanh", y, x).turned(),
        "sin" if !(x.is_finite() && y.is_finite()) => one("sinh", y, x).turned(),
        "cos" if !(x.is_finite() && y.is_finite()) => one("cosh", y, x).map_im(|im| -im),
        "tan" => one("tanh", y, x).turned(),
        "arcsin" => one("arcsinh", y, x).turned(),
        // NumPy's formula spares no product.
        "expm1" if x.is_finite() && y.is_finite() && x.exp().is_infinite() => Answer {
            may: ANY_FLAG,
            ..Answer::of([
                Is(f64::INFINITY.copysign(y.cos())),
                if y == 0.0 { Any } else { Is(f64::INFINITY.copysign(y.sin())) },
            ])
        },
        // The angle is `y * ln 2` to 106 digits.
        "exp2" if x.is_finite() && y.is_finite() && y.abs() > 1e12 => Answer::anything(),
        "exp2" if x.is_finite() && y.is_finite() => {
            Answer { more: y.abs() * 1.2e-16, ..Answer::exactly(plane::value(name, x, y)) }
        }
        _ if x.is_finite() && y.is_finite() => Answer::exactly(plane::value(name, x, y)),
        _ => annex(name, x, y),
    }
}

/// Of numbers that are not finite.
fn annex(name: &str, x: f64, y: f64) -> Answer {
    let special = Answer::special;
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let angle = |y: f64, x: f64| if x.is_nan() || y.is_nan() { nan } else { y.atan2(x) };
    let any_infinite = x.is_infinite() || y.is_infinite();
    let size = if any_infinite { inf } else { nan };
    match name {
        "absolute" => Answer::of([Is(size), Any]),
        "sign" => match (x.is_infinite(), y.is_infinite()) {
            (true, false) => special(1f64.copysign(x), 0.0),
            (false, true) => special(0.0, 1f64.copysign(y)),
            _ => special(nan, nan),
        },
        "sqrt" => match () {
            () if y.is_infinite() => special(inf, y),
            () if x == inf => special(inf, if y.is_nan() { nan } else { 0f64.copysign(y) }),
            () if x.is_infinite() => special(if y.is_nan() { nan } else { 0.0 }, inf.copysign(y)),
            () => special(nan, nan),
        },
        "exp" | "exp2" => match () {
            () if y == 0.0 => special(if x == f64::NEG_INFINITY { 0.0 } else { x }, y),
            () if x == f64::NEG_INFINITY && !y.is_finite() => {
                Answer { parts: [Either(0.0); 2], ..special(0.0, 0.0) }
            }
            () if x == inf && !y.is_finite() => special(inf, nan),
            () if x.is_infinite() => {
                let size = if x > 0.0 { inf } else { 0.0 };
                let y = if name == "exp2" { y * LN_2 } else { y };
                special(size * y.cos(), size * y.sin())
            }
            () => special(nan, nan),
        },
        "expm1" if x == f64::NEG_INFINITY && y.is_finite() => {
            Answer { parts: [Near(Real::from(-1.0).exact()), Is(0.0 * y.sin())], ..special(0.0, 0.0) }
        }
        "expm1" => special(x.exp_m1() * y.cos() - 2.0 * (0.5 * y).sin().powi(2), x.exp() * y.sin()),
        "sinh" => match () {
            () if x == 0.0 => special(x, nan),
            () if y == 0.0 => special(x, y),
            () if x.is_infinite() && y.is_finite() => special(x * y.cos(), inf * y.sin()),
            () if x.is_infinite() => special(inf, nan),
            () => special(nan, nan),
        },
        "cosh" => match () {
            () if x == 0.0 => special(nan, 0.0),
            () if y == 0.0 && x.is_nan() => special(nan, y),
            () if y == 0.0 => special(inf, 0f64.copysign(x) * 1f64.copysign(y)),
            () if x.is_infinite() && y.is_finite() => special(inf * y.cos(), x * y.sin()),
            () if x.is_infinite() => special(inf, nan),
            () => special(nan, nan),
        },
        "tanh" => match () {
            () if x.is_infinite() && y.is_finite() => special(1f64.copysign(x), 0.0 * (y.sin() * y.cos())),
            () if x.is_infinite() => {
                Answer { parts: [Is(1f64.copysign(x)), Either(0.0)], ..special(0.0, 0.0) }
            }
            () if y == 0.0 => special(nan, y),
            () if x == 0.0 => special(x, nan),
            () => special(nan, nan),
        },
        "log" => special(size, angle(y, x)),
        "log2" => Answer::with_angle(size, angle(y, x) / LN_2),
        "log10" => Answer::with_angle(size, angle(y, x) / LN_10),
        "log1p" => special(size, angle(y, x + 1.0)),
        "arcsinh" => match () {
            () if y.is_infinite() && x.is_infinite() => special(x, FRAC_PI_4.copysign(y)),
            () if y.is_infinite() => {
                special(inf.copysign(x), if x.is_nan() { nan } else { FRAC_PI_2.copysign(y) })
            }
            () if x.is_infinite() => special(x, if y.is_nan() { nan } else { 0f64.copysign(y) }),
            () if x.is_nan() && y == 0.0 => special(nan, y),
            () => special(nan, nan),
        },
        "arccos" => match () {
            () if any_infinite => special(angle(y.abs(), x), -inf.copysign(y)),
            () if x == 0.0 => special(FRAC_PI_2, nan),
            () => special(nan, nan),
        },
        "arccosh" => match () {
            () if any_infinite => special(inf, angle(y, x)),
            () if x == 0.0 => special(nan, FRAC_PI_2),
            () => special(nan, nan),
        },
        "arctanh" => match () {
            () if any_infinite => {
                special(0f64.copysign(x), if y.is_nan() { nan } else { FRAC_PI_2.copysign(y) })
            }
            () if x == 0.0 => special(x, nan),
            () => special(nan, nan),
        },
        _ => panic!("{name} is not known, nor is {PI}"),
    }
}

/// NumPy's products for whole exponents, powers of zero as it has them, and all others.
fn power(a: (f64, f64), b: (f64, f64), dtype: DType) -> Answer {
    let whole = b.1 == 0.0 && b.0.abs() < 100.0 && b.0 == b.0.trunc();
    let finite = [a.0, a.1, b.0, b.1].iter().all(|x| x.is_finite());
    match () {
        () if b.0 == 0.0 && b.1 == 0.0 => Answer::of([Is(1.0), Is(0.0)]),
        () if a.0 == 0.0 && a.1 == 0.0 && b.0 > 0.0 => Answer::of([Is(0.0), Is(0.0)]),
        () if a.0 == 0.0 && a.1 == 0.0 => {
            Answer { must: FpFlags::INVALID, ..Answer::of([Is(f64::NAN), Is(f64::NAN)]) }
        }
        () if whole => {
            let (re, im) = whole_power(a, b.0 as i32, dtype);
            Answer { may: ANY_FLAG, ..Answer::of([Is(re), Is(im)]) }
        }
        // An angle that is subnormal has few digits, or none.
        () if a.1 != 0.0 && (a.1 / a.0).abs() < 1e-290 => Answer::anything(),
        () if finite => {
            let (value, size) = plane::power(a, b);
            // Beyond the largest number an angle so far off turns signs.
            let holds = [&value.0, &value.1].iter().all(|part| part.exact().to_f64().is_finite());
            match size < if holds { 1e6 } else { 1e3 } {
                true => Answer { more: 3.0 * size, ..Answer::exactly(value) },
                false => Answer::anything(),
            }
        }
        () => Answer::anything(),
    }
}

fn whole_power(a: (f64, f64), n: i32, dtype: DType) -> (f64, f64) {
    let format = Format::of(dtype);
    let r = |x: f64| format.round(x);
    let times =
        |a: (f64, f64), b: (f64, f64)| (r(r(a.0 * b.0) - r(a.1 * b.1)), r(r(a.0 * b.1) + r(a.1 * b.0)));
    let (mut power, mut square, mut left) = ((1.0, 0.0), a, n.abs());
    match n {
        1 => return a,
        2 => return times(a, a),
        3 => return times(a, times(a, a)),
        _ => {}
    }
    while left > 0 {
        if left % 2 == 1 {
            power = times(power, square);
        }
        left /= 2;
        if left > 0 {
            square = times(square, square);
        }
    }
    if n > 0 {
        return power;
    }
    let (c, d) = power;
    match c.abs() >= d.abs() {
        true if c == 0.0 && d == 0.0 => (1.0 / c.abs(), 0.0 / d.abs()),
        true => {
            let ratio = r(d / c);
            let scale = r(1.0 / r(c + r(d * ratio)));
            (r(r(1.0 + 0.0 * ratio) * scale), r(r(0.0 - ratio) * scale))
        }
        false => {
            let ratio = r(c / d);
            let scale = r(1.0 / r(d + r(c * ratio)));
            (r(r(ratio + 0.0) * scale), r(r(0.0 * ratio - 1.0) * scale))
        }
    }
}

/// A part as the nearest of a format.
fn nearest(part: Part, format: Format) -> f64 {
    match part {
        Is(x) | Either(x) => format.round(x),
        Near(exact) => format.round(exact.to_f64()),
        Any => f64::NAN,
    }
}

impl Answer {
    /// The result, and what it raises, within so many units of the last place.
    pub fn element(self, dtype: DType, ulps: f64) -> Element {
        let format = Format::of(dtype);
        let [re, im] = self.parts.map(|part| nearest(part, format));
        let digits = self.parts.map(|part| matches!(part, Near(_)));
        let (mut must, mut may) = (self.must, self.may);
        for (x, near) in [(re, digits[0]), (im, digits[1])] {
            if near && x.is_infinite() {
                // It may be within the bound of what is finite.
                (must, may) = (must | FpFlags::OVERFLOW, may | FpFlags::OVERFLOW);
            }
            let tiny = x.abs() < format.least_normal() * 1.001;
            if near && tiny {
                may |= FpFlags::UNDERFLOW;
            }
        }
        let value = match dtype.kind() {
            Kind::Complex => Value::Complex(re, im),
            _ => Value::Float(re),
        };
        if dtype.kind() != Kind::Complex {
            (must, may) = (FpFlags::NONE, FpFlags::NONE); // NumPy clears what a magnitude raises
        }
        Element { values: vec![value], flags: must, may, bound: ulps + self.more, fused: None }
    }

    /// How far a result is off, where some part has digits and none is too large.
    pub fn off(self, found: Value, dtype: DType) -> Option<Off> {
        let found = match found {
            Value::Complex(re, im) => vec![re, im],
            other => vec![other.real()],
        };
        let (real, format) = (error::part(dtype), Format::of(dtype));
        let near = self.parts[..found.len()].iter().map(|&part| nearest(part, format));
        let largest = near.map(f64::abs).fold(0.0, f64::max);
        if !largest.is_finite() {
            return None;
        }
        let mut off = None;
        for (&part, &y) in self.parts.iter().zip(&found) {
            let Near(exact) = part else { continue };
            let so_far: Off = off.unwrap_or(Off { part: 0.0, norm: 0.0 });
            let by = |unit| distance(|| exact.error(y, unit), y);
            let own = by(ulp(nearest(part, format), real));
            off = Some(Off { part: so_far.part.max(own), norm: so_far.norm.max(by(ulp(largest, real))) });
        }
        off
    }

    /// Whether a result will do.
    pub fn judge(self, found: Value, dtype: DType, ulps: f64) -> Result<(), String> {
        let found = match found {
            Value::Complex(re, im) => vec![re, im],
            other => vec![other.real()],
        };
        let format = Format::of(dtype);
        let count = found.len();
        let sizes = self.parts[..count].iter().map(|&part| match part {
            Near(_) => nearest(part, format).abs().min(format.max),
            _ => 0.0,
        });
        let unit = ulp(sizes.fold(0.0, f64::max), error::part(dtype));
        for (&part, y) in self.parts.iter().zip(found) {
            let right = match part {
                Any => true,
                Is(x) => Value::Float(format.round(x)).same(Value::Float(y)),
                Either(x) => x.is_nan() && y.is_nan() || format.round(x).abs() == y.abs(),
                Near(exact) if exact.pair.0 == 0.0 => y == 0.0,
                Near(exact) => {
                    let near = exact.to_f64();
                    match y.is_finite() {
                        true => exact.error(y, unit) <= ulps + self.more + 1e-6,
                        // Too large, or as good as.
                        false => {
                            y.is_infinite()
                                && near.abs() >= format.max - 2.0 * (ulps + self.more) * unit
                                && (near < 0.0) == (y < 0.0)
                        }
                    }
                }
            };
            if !right {
                return Err(format!("not {:?} within {} of {unit:e}", self.parts, ulps + self.more));
            }
        }
        Ok(())
    }
}
