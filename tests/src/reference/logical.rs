//! Logic on truth values.

use super::{Row, truth};

pub const ROWS: &[Row] = &[
    Row::exact("logical_and", |x, _| match *x {
        [a, b] => truth(a.truth() && b.truth()),
        _ => None,
    }),
    Row::exact("logical_or", |x, _| match *x {
        [a, b] => truth(a.truth() || b.truth()),
        _ => None,
    }),
    Row::exact("logical_xor", |x, _| match *x {
        [a, b] => truth(a.truth() != b.truth()),
        _ => None,
    }),
    Row::exact("logical_not", |x, _| match *x {
        [a] => truth(!a.truth()),
        _ => None,
    }),
];
