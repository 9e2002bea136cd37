//! Sine and cosine of any f64 to some 30 digits, in the arithmetic of [`crate::high`].
//!
//! The angle is multiplied by 2/pi to more digits than any f64 has places, with nothing left out: the whole part says the
//! quadrant, the fraction what is left. 2/pi is worked out once, by long division from Machin's formula for pi.

use crate::high::{PI, Pair, divide};
use crate::value::{exponent, power_of_2};
use std::sync::LazyLock;

/// Words of 32 bits after the point: enough for the largest f64, and 250 bits more.
const WORDS: usize = 44;

/// A number in [0, 2^32) to 1408 places: the whole part, then the fraction's words.
type Long = [u32; WORDS + 1];

fn divided(mut x: Long, by: u32) -> Long {
    let mut rest = 0;
    for word in &mut x {
        let part = rest << 32 | u64::from(*word);
        *word = (part / u64::from(by)) as u32;
        rest = part % u64::from(by);
    }
    x
}

/// `a + b`, or `a - b`, which must not be negative.
fn combined(a: Long, b: Long, minus: bool) -> Long {
    let (mut sum, mut carry) = (a, 0);
    for i in (0..sum.len()).rev() {
        let word = i64::from(b[i]);
        let total = i64::from(a[i]) + if minus { -word } else { word } + carry;
        sum[i] = total as u32;
        carry = total >> 32;
    }
    sum
}

fn whole(n: u32) -> Long {
    let mut x = [0; WORDS + 1];
    x[0] = n;
    x
}

/// `times * atan(1/n)`, by its series.
fn arctangent_of_inverse(times: u32, n: u32) -> Long {
    let mut power = divided(whole(times), n);
    let mut sum = power;
    let mut k = 1;
    while power != whole(0) {
        power = divided(power, n * n);
        sum = combined(sum, divided(power, 2 * k + 1), k % 2 == 1);
        k += 1;
    }
    sum
}

/// The fraction of 2/pi, which is all of it.
static TWO_OVER_PI: LazyLock<[u32; WORDS]> = LazyLock::new(|| {
    let pi = combined(arctangent_of_inverse(16, 5), arctangent_of_inverse(4, 239), true);
    let mut rest = whole(2);
    std::array::from_fn(|_| {
        let mut word = 0;
        for _ in 0..32 {
            rest = combined(rest, rest, false);
            let bit = rest >= pi;
            if bit {
                rest = combined(rest, pi, true);
            }
            word = word << 1 | u32::from(bit);
        }
        word
    })
});

/// The quadrant (0 to 3) whose middle is nearest to `x`, and how far from there it is, for finite `x`.
fn quadrant(x: f64) -> (u32, Pair) {
    if x.abs() < 0.75 {
        return (0, x.into());
    }
    let e = exponent(x);
    let mantissa = u128::from(x.to_bits() & ((1 << 52) - 1) | 1 << 52);
    // mantissa * 2/pi, lowest word first.
    let (mut product, mut carry) = (vec![], 0u128);
    for &word in TWO_OVER_PI.iter().rev() {
        let part = mantissa * u128::from(word) + carry;
        product.push(part as u32);
        carry = part >> 32;
    }
    product.extend([carry as u32, (carry >> 32) as u32, 0, 0]);
    // Bit `point` of it is worth 1.
    let point = (32 * WORDS as i32 - (e - 52)) as usize;
    let word = |low: usize| {
        let both = u64::from(product[low / 32 + 1]) << 32 | u64::from(product[low / 32]);
        (both >> (low % 32)) as u32
    };
    let whole = word(point);
    let mut fraction: Vec<u32> = (1..=10).map(|i| word(point - 32 * i)).collect();
    let above_half = fraction[0] >> 31 == 1;
    if above_half {
        fraction.iter_mut().for_each(|word| *word = !*word); // less than 2^-320 off
    }
    let parts = fraction.iter().zip(1..).map(|(&word, i)| Pair::from(f64::from(word) * power_of_2(-32 * i)));
    let distance = parts.fold(Pair(0.0, 0.0), |sum, part| sum + part) * PI.scaled(-1);
    let distance = if above_half { -distance } else { distance };
    let quadrant = whole.wrapping_add(u32::from(above_half)) & 3;
    if x < 0.0 { (quadrant.wrapping_neg() & 3, -distance) } else { (quadrant, distance) }
}

/// `first - first*z/((n+1)(n+2)) + ...`, the series of the sine (n = 1) or the cosine (n = 0) for `z = r^2`.
fn series(first: Pair, z: Pair, n: u32) -> Pair {
    let (mut term, mut sum) = (first, first);
    for k in (n + 1..32).step_by(2) {
        term = -divide(term * z, f64::from(k * (k + 1)).into());
        sum = sum + term;
    }
    sum
}

/// The sine and the cosine of a finite number.
pub fn sin_cos(x: f64) -> (Pair, Pair) {
    let (quadrant, r) = quadrant(x);
    let z = r * r;
    let (sin, cos) = (series(r, z, 1), series(1.0.into(), z, 0));
    match quadrant {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_some_digits() {
        // 40-digit values, split by hand into two f64: of 1, and of the f64 that is nearest of all to a multiple of pi/2.
        let known = [
            (
                1.0,
                Pair(0.841_470_984_807_896_5, 1.776_845_092_935_536e-18),
                Pair(0.540_302_305_868_139_8, -4.760_954_612_604_417e-17),
            ),
            (
                6_381_956_970_095_103.0 * power_of_2(797),
                Pair(1.0, -1.098_476_220_074_687e-37),
                Pair(-4.687_165_924_254_628e-19, 4.372_055_742_938_273_3e-36),
            ),
            (
                -355.0,
                Pair(3.014_435_335_948_845e-5, -1.301_264_399_104_634_7e-21),
                Pair(-0.999_999_999_545_659, 1.057_461_284_664_352_1e-17),
            ),
            (
                power_of_2(1023),
                Pair(0.563_127_779_850_884, -1.142_850_879_764_643_5e-17),
                Pair(-0.826_369_834_614_148, 4.103_345_667_279_406e-17),
            ),
        ];
        for (x, sin, cos) in known {
            let (s, c) = sin_cos(x);
            assert!(((s - sin).0 / sin.0).abs() < 1e-30, "{x:e}: {s:?}");
            assert!(((c - cos).0 / cos.0).abs() < 1e-30, "{x:e}: {c:?}");
        }
    }
}
