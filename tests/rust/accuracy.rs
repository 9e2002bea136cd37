//! The stated error bound of every function that has one, on dense samples of its whole domain, and on all of f32.

use crate::common::{Complaints, run_loop, seed};
use ufunx::View;
use ufunx::registry::{Accuracy, DType, Kind, LoopDef, UfuncDef};
use ufunx_tests::reference::{self, Table};
use ufunx_tests::value::decode;
use ufunx_tests::values::any_bits;
use ufunx_tests::{Buf, IsaCap, Rng, Value};

fn bounded() -> impl Iterator<Item = (&'static UfuncDef, &'static LoopDef)> {
    let defs = ufunx::table().elementwise().filter(|def| def.accuracy != Accuracy::Exact);
    let all = defs.flat_map(|def| def.loops().map(move |l| (def, l)));
    all.filter(|(_, l)| l.outputs[0].kind() == Kind::Float)
}

/// Judges a loop on these elements, a list for each input.
fn judge(
    def: &'static UfuncDef,
    l: &'static LoopDef,
    x: Vec<Vec<Value>>,
    complaints: &mut Complaints,
) -> usize {
    let n = x[0].len();
    let inputs: Vec<Buf> = l.inputs.iter().zip(&x).map(|(&d, x)| Buf::of(d, &[n], x)).collect();
    let mut out = Buf::tiled(l.outputs[0], &[], n);
    let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
    run_loop(def, l, &views, &mut [out.view_mut()]).unwrap();
    let table = Table::of(def, l, x).unwrap();
    for (i, y) in out.values().into_iter().enumerate() {
        complaints.check(table.judge(0, i, y), || format!("{} {l}", def.name));
    }
    n
}

#[test]
fn samples_of_every_function_are_within_its_bound() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for (def, l) in bounded() {
        let dtype = l.inputs[0];
        cap.each(|_| {
            let mut rng = Rng::new(seed());
            // Any exponent; the neighbourhoods of 1, where logarithms vanish, and -1, where others have an end; and where
            // exponentials live.
            let round = |x: f64| Value::Float(ufunx_tests::value::Format::of(dtype).round(x));
            let mut x: Vec<Value> = (0..6000).map(|_| any_bits(dtype, &mut rng)).collect();
            let near = |rng: &mut Rng| 1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(40) as i32);
            x.extend((0..6000).map(|_| round(near(&mut rng))));
            x.extend((0..3000).map(|_| round(-near(&mut rng))));
            x.extend(
                (0..6000).map(|_| round((rng.unit() - 0.5) * *rng.pick(&[2.0, 40.0, 220.0, 1500.0, 2200.0]))),
            );
            // Where sines vanish and tangents have their poles; the first is the f64 that is nearest to such a place.
            x.push(round(6_381_956_970_095_103.0 * 2f64.powi(797)));
            let right_angle = |n: usize| n as f64 * std::f64::consts::FRAC_PI_2;
            x.extend((0..6000).map(|_| {
                let bits = rng.below(26);
                let n = rng.below(1 << bits);
                round(right_angle(n) * (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(60) as i32)))
            }));
            // A second input: unrelated, near, in the ratio of an ordinary number, at an ordinary distance; a power that
            // is nearly too large or too small, or a whole or half one.
            let exponent = dtype.max_exponent() as f64;
            let second = |x: Value, rng: &mut Rng| match rng.below(6) {
                0 => any_bits(dtype, rng),
                1 => round(x.real() * (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(30) as i32))),
                2 => round(x.real() * (rng.unit() - 0.5) * 8.0),
                3 => round(x.real() + (rng.unit() - 0.5) * 8.0),
                4 => round(exponent * (rng.unit() - 0.5) * 2.2 / x.real().abs().log2()),
                _ => round(rng.below(80) as f64 / 2.0 - 20.0),
            };
            let more: Vec<Vec<Value>> =
                (1..def.nin()).map(|_| x.iter().map(|&x| second(x, &mut rng)).collect()).collect();
            checked += judge(def, l, [vec![x], more].concat(), &mut complaints);
        });
    }
    complaints.finish(checked);
}

#[test]
fn samples_of_every_complex_function_are_within_its_bound() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let all = ufunx::table().iter().flat_map(|def| def.loops().map(move |l| (def, l)));
    let complex = |(def, l): &(&'static UfuncDef, &'static LoopDef)| {
        reference::row(def.name).is_some_and(|row| row.is_complex_in(l))
    };
    for (def, l) in all.filter(complex) {
        cap.each(|_| {
            let mut rng = Rng::new(seed());
            let format = ufunx_tests::value::Format::of(l.inputs[0]);
            // Parts of ordinary size, near 1, of any size, near multiples of a quarter turn; and numbers near the unit circle.
            let part = |rng: &mut Rng| match rng.below(5) {
                0 => (rng.unit() - 0.5) * 8.0,
                1 => (1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(52) as i32)) * *rng.pick(&[-1.0, 1.0]),
                2 => (rng.unit() - 0.5) * 2f64.powi(rng.below(80) as i32 - 60),
                3 => (rng.unit() - 0.5) * 60.0,
                _ => rng.below(40) as f64 * std::f64::consts::FRAC_PI_4,
            };
            let number = |rng: &mut Rng| {
                let (a, b) = (part(rng), part(rng));
                let (sin, cos) = b.sin_cos();
                let size = 1.0 + (rng.unit() - 0.5) * 0.5f64.powi(rng.below(52) as i32);
                let (re, im) = if rng.below(4) == 0 { (size * cos, size * sin) } else { (a, b) };
                Value::Complex(format.round(re), format.round(im))
            };
            let lists = (0..def.nin()).map(|_| (0..6000).map(|_| number(&mut rng)).collect()).collect();
            checked += judge(def, l, lists, &mut complaints);
        });
    }
    complaints.finish(checked);
}

#[test]
#[ignore = "hours: all 2^32 inputs of every f32 function"]
fn every_f32_is_within_its_bound() {
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for (def, l) in bounded().filter(|(_, l)| l.inputs == [DType::F32]) {
        for block in 0..1u64 << 12 {
            let x = (0..1u64 << 20).map(|i| decode((block << 20 | i) as u128, DType::F32)).collect();
            checked += judge(def, l, vec![x], &mut complaints);
        }
    }
    complaints.finish(checked);
}
