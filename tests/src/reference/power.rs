//! Integer power.

use super::{Row, int, raising};
use crate::value::Value::Int;
use ufunx::registry::FpFlags;

pub const ROWS: &[Row] = &[Row::exact("power", |x, l| match *x {
    [Int(_), Int(b)] if b < 0 => raising(Int(0), FpFlags::REFUSED),
    [Int(a), Int(b)] => {
        // By the digits of the exponent, the first one first, in the low 64 bits.
        let digits = (0..64).rev().map(|i| b >> i & 1);
        let power = digits.fold(1u64, |power, digit| {
            let square = power.wrapping_mul(power);
            if digit == 1 { square.wrapping_mul(a as u64) } else { square }
        });
        int(power as i128, l)
    }
    _ => None,
})];
