//! Natural logarithms and exponentials to more digits than an f64 has, in two parts: what powers and `logaddexp` are made
//! of. What is good enough for f32 is in `coarse.rs`.
//!
//! The logarithm: the mantissa, rounded to five bits, picks a reciprocal so short that `r = m*inv - 1` is exact. Then
//! `log x = k*ln2 + log(1/inv) + log(1 + r)`, where the upper parts of the first two have an exact sum, and
//! `log(1 + r) = r - r^2/2 + r^3*P(r)`: of r and r^2/2 nothing is lost, and r^3 is small enough to be rounded. Near 1 the
//! reciprocal is 1, its logarithm 0, and r so small that the relative error stays under 2^-65.
//!
//! The exponential: 16 steps an octave, `x = n*ln2/16 + r`, and `2^(i/16)` out of a table, with what its rounding left out.
//! It is `s*(1 + p)`, where a single rounding is left to do.
//!
//! The AVX-512 lanes of both are in `pair_v4.rs`.

use crate::simd::level::Madd;

/// Reciprocals near 1/(1 + i/32): 64ths, and 128ths where |r| < 2^-6, so that r is exact; those with the least of
/// `r^3/log x`, on either side of 1. |r| < 0.0198, and < 2^-6 where the reciprocal is 1.
pub const INV: [f64; 32] = [
    1.0, 0.96875, 0.9375, 0.9140625, 0.890625, 0.859375, 0.84375, 0.8203125, 0.796875, 0.78125, 0.765625,
    0.7421875, 0.7265625, 0.7109375, 0.6953125, 0.6796875, 0.6640625, 0.65625, 0.640625, 0.625, 0.6171875,
    0.6015625, 0.59375, 0.578125, 0.5703125, 0.5625, 0.5546875, 0.5390625, 0.53125, 0.5234375, 0.515625,
    0.5078125,
];
/// -log(INV) to 21 bits, so that the sum with k*LN2_HI is exact, and the rest. From mpmath.
pub const LOG_HI: [f64; 32] = [
    0.0,
    0.03174871206283569,
    0.06453853845596313,
    0.08985632658004761,
    0.11583179235458374,
    0.15154993534088135,
    0.16989898681640625,
    0.19806993007659912,
    0.22705745697021484,
    0.24686002731323242,
    0.2670629024505615,
    0.2981534004211426,
    0.3194308280944824,
    0.3411707878112793,
    0.36339378356933594,
    0.3861222267150879,
    0.4093790054321289,
    0.42121338844299316,
    0.4453110694885254,
    0.470003604888916,
    0.48258233070373535,
    0.5082249641418457,
    0.5212969779968262,
    0.5479650497436523,
    0.5615706443786621,
    0.5753641128540039,
    0.5893502235412598,
    0.6179237365722656,
    0.6325225830078125,
    0.6473374366760254,
    0.6623754501342773,
    0.677642822265625,
];
pub const LOG_LO: [f64; 32] = [
    0.0,
    -1.3748255392202379e-08,
    -1.7318391963092702e-08,
    2.541813439654772e-09,
    2.3170537964864744e-08,
    -3.721368040981556e-08,
    4.9978991222900427e-08,
    -1.6314505326274483e-08,
    -6.334868758891387e-09,
    5.061829337600964e-08,
    -1.1720151627714481e-07,
    -2.810206624681416e-08,
    -5.732812119327878e-08,
    -3.040851217211322e-08,
    1.1061814139010281e-07,
    -8.145005444328289e-08,
    1.9971718048203307e-09,
    7.663331038652306e-08,
    -5.283316133798837e-08,
    2.4356819538025937e-08,
    8.074886032018518e-08,
    -1.2207591238637168e-07,
    -5.4363540084797867e-08,
    1.209717950683853e-07,
    1.7839256392745352e-07,
    3.2049557948628435e-08,
    1.6333704197896618e-07,
    2.2750092158718627e-08,
    -2.4264302033163373e-08,
    2.0785262571562554e-07,
    7.17589142772962e-08,
    1.7175835505526637e-07,
];
/// ln 2 to a multiple of 2^-42, and the rest.
pub const LN2_HI: f64 = 0.6931471805598903;
pub const LN2_LO: f64 = 5.497923018708371e-14;
/// P(r) of log(1+r) = r - r^2/2 + r^3*P(r), fitted on [-0.01978, 0.01685] by Sollya's fpminimax: error 2^-69 relative to r.
pub const P: [f64; 8] = [
    0.3333333333333333,
    -0.24999999999999076,
    0.200000000001068,
    -0.16666666683269324,
    0.1428571295576557,
    -0.12499909625172952,
    0.11117117983595672,
    -0.1015534963616569,
];
/// The same to 2^-62.7, of one term less.
pub const SHORT_P: [f64; 7] = [
    0.3333333333333291,
    -0.2500000000007544,
    0.20000000010696156,
    -0.16666665437863654,
    0.14285642980789243,
    -0.12506211218878883,
    0.11251185176820687,
];

/// 2^(i/16), and what its rounding left out, relative to it. From mpmath.
pub const POWERS: [f64; 16] = [
    1.0,
    1.0442737824274138,
    1.0905077326652577,
    1.1387886347566916,
    1.189207115002721,
    1.241857812073484,
    1.2968395546510096,
    1.3542555469368927,
    std::f64::consts::SQRT_2,
    1.4768261459394993,
    1.5422108254079407,
    1.6104903319492543,
    1.681792830507429,
    1.7562521603732995,
    1.8340080864093424,
    1.9152065613971474,
];
pub const POWERS_REST: [f64; 16] = [
    0.0,
    8.189317638195514e-17,
    -2.7939114859515733e-17,
    7.826573258636075e-17,
    3.3484623336251524e-17,
    3.7508542013031266e-17,
    1.9572585293112036e-17,
    5.68648095791174e-17,
    -6.835808657661923e-17,
    -2.3591094770850053e-17,
    5.1548301170786783e-17,
    1.5341410053603723e-17,
    4.875160526227061e-17,
    1.685487290628973e-17,
    1.790126907604513e-17,
    -5.5450656186394274e-17,
];
/// ln 2 / 16 to a multiple of 2^-42, so that its product with n is exact, and the rest.
pub const STEP_HI: f64 = 0.04332169878489367;
pub const STEP_LO: f64 = 1.0291218489310676e-13;
/// e^r = 1 + r + r^2*Q(r) on |r| <= 0.0217, by fpminimax: error 2^-65 relative to 1.
pub const Q: [f64; 6] = [
    0.5000000000000003,
    0.16666666666666677,
    0.041666666661516,
    0.00833333333234022,
    0.0013889098406281382,
    0.00019841564845648787,
];
/// 1.5 * 2^52: a sum with it has no fraction, and its integer in the low bits.
pub const MAGIC: f64 = 6755399441055744.0;
/// Steps in 1.
pub const STEPS: f64 = 16.0 * std::f64::consts::LOG2_E;
const ONE: u64 = 1f64.to_bits();

/// `a*b - p` for the rounded product `p`, exactly.
#[inline(always)]
pub fn product_rest<M: Madd>(m: M, a: f64, b: f64, p: f64) -> f64 {
    if M::FUSED {
        return m.f64(a, b, -p);
    }
    // Dekker: halves of the mantissas have exact products.
    let halves = |x: f64| {
        let c = x * 134_217_729.0; // 2^27 + 1
        let high = c - (c - x);
        (high, x - high)
    };
    let ((ah, al), (bh, bl)) = (halves(a), halves(b));
    ((ah * bh - p) + ah * bl + al * bh) + al * bl
}

/// The sum and what its rounding dropped.
#[inline(always)]
pub fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

/// The same for `a` not the smaller, or 0.
#[inline(always)]
pub fn quick_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, (a - sum) + b)
}

/// The polynomial in x, z being its square: even and odd powers apart, which halves the wait.
/// (A fold waits for each: logaddexp in order takes 27.6 ns a step, and 29.9 by Horner's rule.)
#[inline(always)]
pub fn polynomial<M: Madd, const N: usize>(m: M, x: f64, z: f64, c: &[f64; N]) -> f64 {
    let (mut last, mut other, mut k) = (c[N - 1], c[N - 2], N - 2);
    while k > 0 {
        k -= 1;
        (last, other) = (other, m.f64(last, z, c[k]));
    }
    m.f64(last, x, other)
}

/// Positive normal x as 2^k * m, m in [1 - 1/128, 2 - 1/64), and which reciprocal m has: rounding the mantissa to five bits
/// may carry.
#[inline(always)]
pub fn reduce(x: f64) -> (f64, f64, usize) {
    let bits = x.to_bits();
    let u = bits.wrapping_sub(ONE - (1 << 46));
    let m = f64::from_bits(bits.wrapping_sub(u & !((1 << 52) - 1)));
    // AVX2 has no conversion from i64: k, made positive, goes into the low bits of 2^52.
    const HIGH: f64 = 4503599627370496.0;
    let field = u.wrapping_add(1024 << 52) >> 52;
    let k = f64::from_bits(field | HIGH.to_bits()) - (HIGH + 1024.0);
    (k, m, (u >> 47) as usize & 31)
}

/// `m*inv - 1`, exactly.
#[inline(always)]
pub fn beside<M: Madd>(m: M, mantissa: f64, inv: f64) -> f64 {
    if M::FUSED {
        return m.f64(mantissa, inv, -1.0);
    }
    let high = f64::from_bits(mantissa.to_bits() & !((1 << 27) - 1));
    (high * inv - 1.0) + (mantissa - high) * inv
}

/// The natural logarithm of positive normal x, less k of ln 2, in two parts: error under 2^-65 of it.
#[inline(always)]
pub fn log<M: Madd>(m: M, x: f64, less: f64) -> (f64, f64) {
    let (k, mantissa, i) = reduce(x);
    let k = k - less;
    let r = beside(m, mantissa, INV[i]);
    let (base, low) = (m.f64(k, LN2_HI, LOG_HI[i]), m.f64(k, LN2_LO, LOG_LO[i]));
    let (square, half) = (r * r, 0.5 * (r * r));
    let square_rest = product_rest(m, r, r, square);
    // base is 0 or larger than r, and r larger than its square.
    let (first, first_rest) = quick_sum(base, r);
    let (second, second_rest) = quick_sum(first, -half);
    let low = m.f64(-0.5, square_rest, (low + first_rest) + second_rest);
    let low = m.f64(square * r, polynomial(m, r, square, &P), low);
    quick_sum(second, low)
}

/// e^x as `2^k * s*(1 + p)`: k is [`whole`] of the first, s in [1, 2).
#[derive(Clone, Copy)]
pub struct Parts {
    pub steps: u64,
    pub s: f64,
    pub p: f64,
}

/// e^(x + low), for |x| < 1000.
#[inline(always)]
pub fn exp<M: Madd>(m: M, x: f64, low: f64) -> Parts {
    let steps = m.f64(x, STEPS, MAGIC);
    let n = steps - MAGIC;
    let r = m.f64(n, -STEP_LO, m.f64(n, -STEP_HI, x)) + low;
    parts(m, steps, r)
}

/// 2^(x + low), for |x| < 1000.
#[inline(always)]
pub fn exp2<M: Madd>(m: M, x: f64, low: f64) -> Parts {
    let steps = m.f64(x, 16.0, MAGIC);
    let n = steps - MAGIC;
    parts(m, steps, (m.f64(n, -0.0625, x) + low) * std::f64::consts::LN_2)
}

#[inline(always)]
fn parts<M: Madd>(m: M, steps: f64, r: f64) -> Parts {
    let steps = steps.to_bits();
    let i = steps as usize & 15;
    let square = r * r;
    let p = m.f64(square, polynomial(m, r, square, &Q), r + POWERS_REST[i]);
    Parts { steps, s: POWERS[i], p }
}

/// s times 2^k, a normal number.
#[inline(always)]
fn shifted(s: f64, steps: u64) -> f64 {
    f64::from_bits(s.to_bits().wrapping_add(steps >> 4 << 52))
}

impl Parts {
    /// s with the power of two, and p: where that is a normal number.
    #[inline(always)]
    pub fn shifted(self) -> (f64, f64) {
        (shifted(self.s, self.steps), self.p)
    }

    /// The number, rounded once more where it is not normal.
    #[inline(always)]
    pub fn rounded<M: Madd>(self, m: M) -> f64 {
        self.times(m, 1.0)
    }

    /// The number times another, rounded once more where that is not normal.
    #[inline(always)]
    pub fn times<M: Madd>(self, m: M, x: f64) -> f64 {
        let k = (self.steps.wrapping_sub(MAGIC.to_bits()) as i64) >> 4;
        let power = |k: i64| f64::from_bits(((k + 1023) as u64) << 52);
        let first = self.s * x;
        m.f64(first, self.p, first) * power(k >> 1) * power(k - (k >> 1))
    }
}
