//! Elements worth testing: the edges of every dtype, and random ones.

use crate::rng::Rng;
use crate::value::{Format, Value, decode, exponent, power_of_2, wrap};
use ufunx::registry::{DType, Kind};

/// The edges of a dtype: zeros, ones, extremes, subnormals, infinities, NaN, shift counts, halves.
pub fn edges(dtype: DType) -> Vec<Value> {
    match dtype.kind() {
        Kind::Bool => vec![Value::Bool(false), Value::Bool(true)],
        Kind::Int | Kind::Date => int_edges(dtype).into_iter().map(Value::Int).collect(),
        Kind::Float => float_edges(dtype).into_iter().map(Value::Float).collect(),
        Kind::Complex => {
            let parts = [0.0, -0.0, 1.0, -1.5, f64::INFINITY, f64::NAN, Format::of(dtype).max];
            parts.iter().flat_map(|&a| parts.iter().map(move |&b| Value::Complex(a, b))).collect()
        }
    }
}

fn int_edges(dtype: DType) -> Vec<i128> {
    let (low, high) = int_range(dtype);
    let mut edges: Vec<i128> =
        [0, 1, 2, 3, -1, -2, low, low + 1, high, high - 1, 7, 8, 15, 16, 31, 32, 63, 64, 100].into();
    edges.retain(|i| (low..=high).contains(i));
    edges
}

/// The least and the greatest integer of a dtype.
pub fn int_range(dtype: DType) -> (i128, i128) {
    let bits = dtype.precision();
    (if dtype.is_signed() { -(1 << bits) } else { 0 }, (1 << bits) - 1)
}

fn float_edges(dtype: DType) -> Vec<f64> {
    let format = Format::of(dtype);
    let tiny = match format.min_exponent - format.precision + 1 {
        e if e < -1074 => f64::from_bits(1),
        e => power_of_2(e),
    };
    let normal = format.least_normal();
    let epsilon = power_of_2(1 - format.precision);
    let ints = [255.0, 256.0, 2147483648.0, 4294967296.0, 9223372036854775808.0, 1.8446744073709552e19];
    let absolute = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 0.1, tiny, normal - tiny, normal, format.max];
    let more = [1.0 + epsilon, 1.0 - epsilon / 2.0, f64::INFINITY, f64::NAN, 1e-8, 100.0, 700.0];
    let all = absolute.iter().chain(&more).chain(&ints);
    let mut edges: Vec<f64> = all.flat_map(|&x| [x, -x]).map(|x| format.round(x)).collect();
    edges.dedup_by_key(|x| x.to_bits());
    edges
}

/// A random value: most often of ordinary size, sometimes of any bit pattern, sometimes an edge. NaNs are quiet.
pub fn random(dtype: DType, rng: &mut Rng) -> Value {
    match rng.below(8) {
        0 => {
            let edges = edges(dtype);
            *rng.pick(&edges)
        }
        1 => any_bits(dtype, rng),
        _ => ordinary(dtype, rng),
    }
}

/// Any bit pattern, a NaN's as good as any, but never a signalling one.
pub fn any_bits(dtype: DType, rng: &mut Rng) -> Value {
    let quiet = |x: f64| if x.is_nan() { f64::NAN.copysign(x) } else { x };
    match decode((rng.bits() as u128) << 64 | rng.bits() as u128, dtype) {
        Value::Float(x) => Value::Float(quiet(x)),
        Value::Complex(re, im) => Value::Complex(quiet(re), quiet(im)),
        exact => exact,
    }
}

/// A value of ordinary size: small integers, floats between 1/16 and 16, never a NaN.
pub fn ordinary(dtype: DType, rng: &mut Rng) -> Value {
    let float = |rng: &mut Rng| {
        let sign = if rng.one_in(2) { -1.0 } else { 1.0 };
        let e = rng.between(0, 7) as i32 - 4;
        Format::of(dtype).round(sign * (1.0 + rng.unit()) * power_of_2(e))
    };
    match dtype.kind() {
        Kind::Bool => Value::Bool(rng.one_in(2)),
        Kind::Int | Kind::Date => {
            Value::Int(wrap(rng.bits() as i128 % 128 - if dtype.is_signed() { 64 } else { 0 }, dtype))
        }
        Kind::Float => Value::Float(float(rng)),
        Kind::Complex => Value::Complex(float(rng), float(rng)),
    }
}

/// The distance between a float and its neighbour away from zero.
pub fn ulp(x: f64, dtype: DType) -> f64 {
    let format = Format::of(dtype);
    let e = exponent(x).max(format.min_exponent) - format.precision + 1;
    if e < -1074 { f64::from_bits(1) } else { power_of_2(e) }
}

/// All pairs of edges, and `random_count` random pairs, as one list per input; for one input, edges and random values.
pub fn inputs(dtypes: &[DType], random_count: usize, rng: &mut Rng) -> Vec<Vec<Value>> {
    let mut lists: Vec<Vec<Value>> = match *dtypes {
        [a] => vec![edges(a)],
        [a, b] => {
            let (ea, eb) = (edges(a), edges(b));
            let pairs = ea.iter().flat_map(|&x| eb.iter().map(move |&y| (x, y)));
            let (left, right) = pairs.unzip();
            vec![left, right]
        }
        _ => dtypes.iter().map(|_| vec![]).collect(),
    };
    // Random values between the edges, so that a block of either kind is met at every size.
    for _ in 0..random_count {
        for (list, &dtype) in lists.iter_mut().zip(dtypes) {
            list.push(random(dtype, rng));
        }
    }
    let mut order: Vec<usize> = (0..lists[0].len()).collect();
    rng.shuffle(&mut order);
    lists.into_iter().map(|list| order.iter().map(|&i| list[i]).collect()).collect()
}
