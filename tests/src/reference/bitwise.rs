//! Bits.

use super::{Row, int, truth};
use crate::value::Value::{Bool, Int};
use ufunx::registry::LoopDef;

pub const ROWS: &[Row] = &[
    Row::exact("bitwise_and", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a && b),
        [Int(a), Int(b)] => int(a & b, l),
        _ => None,
    }),
    Row::exact("bitwise_or", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a || b),
        [Int(a), Int(b)] => int(a | b, l),
        _ => None,
    }),
    Row::exact("bitwise_xor", |x, l| match *x {
        [Bool(a), Bool(b)] => truth(a != b),
        [Int(a), Int(b)] => int(a ^ b, l),
        _ => None,
    }),
    Row::exact("invert", |x, l| match *x {
        [Bool(a)] => truth(!a),
        [Int(a)] => int(!a, l),
        _ => None,
    }),
    Row::exact("left_shift", |x, l| match *x {
        [Int(a), Int(b)] => int(if (0..width(l)).contains(&b) { a << b } else { 0 }, l),
        _ => None,
    }),
    Row::exact("right_shift", |x, l| match *x {
        [Int(a), Int(b)] if (0..width(l)).contains(&b) => int(a >> b, l),
        [Int(a), Int(_)] => int(if a < 0 { -1 } else { 0 }, l),
        _ => None,
    }),
    Row::exact("bitwise_count", |x, l| match *x {
        [Int(a)] => int(a.unsigned_abs().count_ones() as i128, l),
        _ => None,
    }),
];

fn width(l: &LoopDef) -> i128 {
    l.inputs[0].size() as i128 * 8
}
