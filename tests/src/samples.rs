//! The functions that are right to a bound, and where their errors are looked for: dense samples of the whole domain.

use crate::reference;
use crate::rng::Rng;
use crate::value::{Format, Value};
use crate::values::any_bits;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use ufunx::registry::{Accuracy, DType, Kind, LoopDef, UfuncDef};

/// A loop of a ufunc.
pub type Loop = (&'static UfuncDef, &'static LoopDef);

/// Real loops with an error bound.
pub fn real_loops() -> impl Iterator<Item = Loop> {
    let defs = ufunx::table().elementwise().filter(|def| def.accuracy != Accuracy::Exact);
    let all = defs.flat_map(|def| def.loops().map(move |l| (def, l)));
    all.filter(|(_, l)| l.outputs[0].kind() == Kind::Float && l.inputs[0].kind() == Kind::Float)
}

/// Complex loops with an error bound.
pub fn complex_loops() -> impl Iterator<Item = Loop> {
    let all = ufunx::table().elementwise().flat_map(|def| def.loops().map(move |l| (def, l)));
    all.filter(|(def, l)| reference::row(def.name).is_some_and(|row| row.is_complex_in(l)))
}

/// Elements for a real loop, a list for each input: some 27,000 times `times`.
pub fn real(l: &LoopDef, times: usize, rng: &mut Rng) -> Vec<Vec<Value>> {
    let dtype = l.inputs[0];
    let (few, many) = (3000 * times, 6000 * times);
    // Any exponent; the neighbourhoods of 1, where logarithms vanish, and -1, where others have an end; and where
    // exponentials live.
    let round = |x: f64| Value::Float(Format::of(dtype).round(x));
    let mut x: Vec<Value> = (0..many).map(|_| any_bits(dtype, rng)).collect();
    let near = |rng: &mut Rng| 1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(40) as i32);
    x.extend((0..many).map(|_| round(near(rng))));
    x.extend((0..few).map(|_| round(-near(rng))));
    x.extend((0..many).map(|_| round((rng.unit() - 0.5) * *rng.pick(&[2.0, 40.0, 220.0, 1500.0, 2200.0]))));
    // Where sines vanish and tangents have their poles; the first is the f64 that is nearest to such a place.
    x.push(round(6_381_956_970_095_103.0 * 2f64.powi(797)));
    let right_angle = |n: usize| n as f64 * FRAC_PI_2;
    x.extend((0..many).map(|_| {
        let bits = rng.below(26);
        let n = rng.below(1 << bits);
        round(right_angle(n) * (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(60) as i32)))
    }));
    // A second input: unrelated, near, in the ratio of an ordinary number, at an ordinary distance; a power that is nearly
    // too large or too small; zero; a whole number or a half one.
    let exponent = dtype.max_exponent() as f64;
    let second = |x: Value, rng: &mut Rng| match rng.below(7) {
        0 => any_bits(dtype, rng),
        1 => round(x.real() * (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(30) as i32))),
        2 => round(x.real() * (rng.unit() - 0.5) * 8.0),
        3 => round(x.real() + (rng.unit() - 0.5) * 8.0),
        4 => round(exponent * (rng.unit() - 0.5) * 2.2 / x.real().abs().log2()),
        5 => Value::Float(0.0),
        _ => round(rng.below(80) as f64 / 2.0 - 20.0),
    };
    let more: Vec<Vec<Value>> =
        (1..l.inputs.len()).map(|_| x.iter().map(|&x| second(x, rng)).collect()).collect();
    [vec![x], more].concat()
}

/// Elements for a complex loop, a list for each input: 6,000 times `times`.
pub fn complex(l: &LoopDef, times: usize, rng: &mut Rng) -> Vec<Vec<Value>> {
    let format = Format::of(l.inputs[0]);
    // Parts of ordinary size, near 1, of any size, near multiples of a quarter turn; and numbers near the unit circle.
    let part = |rng: &mut Rng| match rng.below(5) {
        0 => (rng.unit() - 0.5) * 8.0,
        1 => (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(52) as i32)) * *rng.pick(&[-1.0, 1.0]),
        2 => (rng.unit() - 0.5) * 2f64.powi(rng.below(80) as i32 - 60),
        3 => (rng.unit() - 0.5) * 60.0,
        _ => rng.below(40) as f64 * FRAC_PI_4,
    };
    let number = |rng: &mut Rng| {
        let (a, b) = (part(rng), part(rng));
        let (sin, cos) = b.sin_cos();
        let size = 1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(52) as i32);
        let (re, im) = if rng.below(4) == 0 { (size * cos, size * sin) } else { (a, b) };
        Value::Complex(format.round(re), format.round(im))
    };
    l.inputs.iter().map(|_| (0..6000 * times).map(|_| number(rng)).collect()).collect()
}

/// Ordinary elements at which to time a loop, of those samples: numbers of usual size with a result of usual size.
pub fn usual(loop_: Loop, samples: &[Vec<Value>]) -> Vec<Vec<Value>> {
    const MOST: f64 = 1e3;
    let (def, l) = loop_;
    let row = reference::row(def.name).expect("functions with a bound have a reference");
    let ordinary = |x: f64| (1.0 / MOST..MOST).contains(&x.abs());
    let small = |value: Value| match value {
        Value::Complex(re, im) => ordinary(re) && ordinary(im),
        real => ordinary(real.real()),
    };
    let chosen = (0..samples[0].len()).filter(|&i| {
        let x: Vec<Value> = samples.iter().map(|list| list[i]).collect();
        x.iter().all(|&x| small(x))
            && row.evaluate(l, &x, reference::Bound::of(def)).is_some_and(|y| small(y.values[0]))
    });
    let chosen: Vec<usize> = chosen.collect();
    samples.iter().map(|list| chosen.iter().map(|&i| list[i]).collect()).collect()
}

/// The name of a loop's dtype among files: its letters, as NumPy writes them.
pub fn letters(l: &LoopDef) -> String {
    l.inputs.iter().copied().map(DType::char).collect()
}
