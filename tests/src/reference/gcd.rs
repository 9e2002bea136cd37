//! Divisors and multiples, by Euclid's way.

use super::{Row, int};
use crate::value::Value::Int;

pub const ROWS: &[Row] = &[
    Row::exact("gcd", |x, l| match *x {
        [Int(a), Int(b)] => int(common_divisor(a, b), l),
        _ => None,
    }),
    Row::exact("lcm", |x, l| match *x {
        [Int(0), _] | [_, Int(0)] => int(0, l),
        [Int(a), Int(b)] => int((a.abs() / common_divisor(a, b)).wrapping_mul(b.abs()), l),
        _ => None,
    }),
];

fn common_divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
