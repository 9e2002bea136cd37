//! AVX-512 lanes of powers and of logaddexp: the logarithm and the exponential of `pair.rs`, with its tables in registers.
//!
//! What has 21 bits is the upper half of an f64: one permute of halves picks it from 32. The rest takes two permutes of
//! whole numbers and a blend.

use super::logaddexp::{Base, LOG2_E_LOW, SMALL};
use super::pair::{
    INV, LN2_HI, LN2_LO, LOG_HI, LOG_LO, MAGIC, P, POWERS, POWERS_REST, Q, SHORT_P, STEP_HI, STEP_LO, STEPS,
};
use core::arch::x86_64::{
    __m512d, __m512i, _CMP_EQ_OQ, _CMP_GE_OQ, _CMP_LE_OQ, _CMP_LT_OQ, _CMP_ORD_Q, _MM_CMPINT_LT,
};
use pulp::cast;
use pulp::x86::V4;
use std::f64::consts::{LN_2, LOG2_E};

type Halves = [u32; 32];

/// Upper halves of f64, of which these have no lower ones.
const fn halves(table: [f64; 32]) -> Halves {
    let (mut upper, mut i) = ([0; 32], 0);
    while i < 32 {
        upper[i] = (table[i].to_bits() >> 32) as u32;
        assert!(table[i].to_bits() as u32 == 0);
        i += 1;
    }
    upper
}
const INV_HALVES: Halves = halves(INV);
const LOG_HALVES: Halves = halves(LOG_HI);
/// The bits of 2^(i/16), less i << 48: adding (16*k + i) << 48 gives the bits of 2^k * 2^(i/16).
const POWER_BITS: [u64; 16] = {
    let (mut bits, mut i) = ([0; 16], 0);
    while i < 16 {
        bits[i] = POWERS[i].to_bits() - ((i as u64) << 48);
        i += 1;
    }
    bits
};
/// 1.5 * 2^48: a sum with it has 16ths.
const MAGIC_16THS: f64 = 422212465065984.0;
const ONE: i64 = 0x3ff0_0000_0000_0000;
const SCALE: f64 = 1.0 / 4503599627370496.0; // 2^-52

#[derive(Clone, Copy)]
struct Lanes(V4);

impl Lanes {
    #[inline(always)]
    fn set(self, x: f64) -> __m512d {
        self.0.avx512f._mm512_set1_pd(x)
    }
    #[inline(always)]
    fn add(self, a: __m512d, b: __m512d) -> __m512d {
        self.0.avx512f._mm512_add_pd(a, b)
    }
    #[inline(always)]
    fn sub(self, a: __m512d, b: __m512d) -> __m512d {
        self.0.avx512f._mm512_sub_pd(a, b)
    }
    #[inline(always)]
    fn mul(self, a: __m512d, b: __m512d) -> __m512d {
        self.0.avx512f._mm512_mul_pd(a, b)
    }
    /// `a*b + c`
    #[inline(always)]
    fn madd(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.0.avx512f._mm512_fmadd_pd(a, b, c)
    }
    /// `a*b - c`
    #[inline(always)]
    fn msub(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.0.avx512f._mm512_fmsub_pd(a, b, c)
    }
    /// `c - a*b`
    #[inline(always)]
    fn nmadd(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
        self.0.avx512f._mm512_fnmadd_pd(a, b, c)
    }
    /// The values where `near`, and 0.
    #[inline(always)]
    fn only(self, near: u8, x: __m512d) -> __m512d {
        self.0.avx512f._mm512_maskz_mov_pd(near, x)
    }
    /// The polynomial in x, z being its square: even and odd powers apart, which halves the wait.
    #[inline(always)]
    fn polynomial<const N: usize>(self, x: __m512d, z: __m512d, c: [f64; N]) -> __m512d {
        let (mut last, mut other) = (self.set(c[N - 1]), self.set(c[N - 2]));
        for k in (0..N - 2).rev() {
            (last, other) = (other, self.madd(last, z, self.set(c[k])));
        }
        self.madd(last, x, other)
    }
    /// The sum and what its rounding dropped, for `a` not the smaller, or 0.
    #[inline(always)]
    fn quick_sum(self, a: __m512d, b: __m512d) -> (__m512d, __m512d) {
        let sum = self.add(a, b);
        (sum, self.add(self.sub(a, sum), b))
    }
    /// The sum and what its rounding dropped.
    #[inline(always)]
    fn two_sum(self, a: __m512d, b: __m512d) -> (__m512d, __m512d) {
        let sum = self.add(a, b);
        let part = self.sub(sum, a);
        (sum, self.add(self.sub(a, self.sub(sum, part)), self.sub(b, part)))
    }

    /// The difference and what its rounding dropped.
    #[inline(always)]
    fn two_difference(self, a: __m512d, b: __m512d) -> (__m512d, __m512d) {
        let difference = self.sub(a, b);
        let part = self.sub(difference, a);
        (difference, self.sub(self.sub(a, self.sub(difference, part)), self.add(b, part)))
    }

    /// Of a table of upper halves, by the low five bits of each upper half of `at`.
    #[inline(always)]
    fn pick_half(self, at: __m512i, table: Halves) -> __m512d {
        let [a, b]: [__m512i; 2] = cast(table);
        cast(self.0.avx512f._mm512_maskz_permutex2var_epi32(0xaaaa, a, at, b))
    }
    /// Of a table of 16, by the low four bits of `at`.
    #[inline(always)]
    fn pick(self, at: __m512i, table: [f64; 16]) -> __m512d {
        let [a, b]: [__m512d; 2] = cast(table);
        self.0.avx512f._mm512_permutex2var_pd(a, at, b)
    }
    /// LOG_LO, by the five upper bits of the mantissa.
    #[inline(always)]
    fn pick_low(self, u: __m512i) -> __m512d {
        let i = self.0.avx512f;
        let at = i._mm512_srli_epi64::<47>(u);
        let tables: [[f64; 16]; 2] = cast(LOG_LO);
        let second = i._mm512_test_epi64_mask(u, i._mm512_set1_epi64(1 << 51));
        i._mm512_mask_blend_pd(second, self.pick(at, tables[0]), self.pick(at, tables[1]))
    }

    /// See [`super::pair::reduce`]: k times 2^52, m, bits whose upper mantissa picks, and those moved for halves.
    #[inline(always)]
    fn reduce(self, x: __m512d) -> (__m512d, __m512d, __m512i, __m512i) {
        let i = self.0.avx512f;
        let bits: __m512i = cast(x);
        let u = i._mm512_add_epi64(bits, i._mm512_set1_epi64((1 << 46) - ONE));
        let field = i._mm512_and_si512(u, i._mm512_set1_epi64(-1 << 52));
        let m = cast(i._mm512_sub_epi64(bits, field));
        (self.0.avx512dq._mm512_cvtepi64_pd(field), m, u, i._mm512_srli_epi64::<15>(u))
    }

    /// See [`super::pair::log`].
    #[inline(always)]
    fn log(self, x: __m512d) -> (__m512d, __m512d) {
        let (k, m, u, at) = self.reduce(x);
        let r = self.msub(m, self.pick_half(at, INV_HALVES), self.set(1.0));
        let base = self.madd(k, self.set(LN2_HI * SCALE), self.pick_half(at, LOG_HALVES));
        let low = self.madd(k, self.set(LN2_LO * SCALE), self.pick_low(u));
        let square = self.mul(r, r);
        let square_rest = self.msub(r, r, square);
        let (first, first_rest) = self.quick_sum(base, r);
        let half = self.set(0.5);
        let second = self.nmadd(square, half, first);
        let second_rest = self.nmadd(square, half, self.sub(first, second));
        let low = self.nmadd(square_rest, half, self.add(self.add(low, first_rest), second_rest));
        let low = self.madd(self.mul(square, r), self.polynomial(r, square, P), low);
        self.quick_sum(second, low)
    }

    /// See [`super::pair::exp`]: s with its power of two, and p, for steps and what is left of x.
    #[inline(always)]
    fn parts(self, steps: __m512d, r: __m512d) -> (__m512d, __m512d) {
        let square = self.mul(r, r);
        let q = self.polynomial(r, square, Q);
        let p = self.madd(square, q, self.add(r, self.pick(cast(steps), POWERS_REST)));
        (self.power(steps), p)
    }

    /// 2 to the power of a 16th of the steps.
    #[inline(always)]
    fn power(self, steps: __m512d) -> __m512d {
        let i = self.0.avx512f;
        let steps: __m512i = cast(steps);
        let s: __m512i = cast(self.pick(steps, cast(POWER_BITS)));
        cast(i._mm512_add_epi64(s, i._mm512_slli_epi64::<48>(steps)))
    }

    /// See [`super::pair::exp`].
    #[inline(always)]
    fn exp(self, x: __m512d, low: __m512d) -> (__m512d, __m512d) {
        let steps = self.madd(x, self.set(STEPS), self.set(MAGIC));
        let n = self.sub(steps, self.set(MAGIC));
        let r = self.nmadd(n, self.set(STEP_LO), self.nmadd(n, self.set(STEP_HI), x));
        self.parts(steps, self.add(r, low))
    }

    /// See [`super::pair::exp2`].
    #[inline(always)]
    fn exp2(self, x: __m512d, low: __m512d) -> (__m512d, __m512d) {
        let steps = self.add(x, self.set(MAGIC_16THS));
        let r = self.sub(x, self.sub(steps, self.set(MAGIC_16THS)));
        self.parts(steps, self.mul(self.add(r, low), self.set(LN_2)))
    }

    /// The bits of `ok` whose lanes are at most so large.
    #[inline(always)]
    fn within(self, x: __m512d, most: f64, ok: u8) -> u8 {
        let i = self.0.avx512f;
        i._mm512_mask_cmp_pd_mask::<_CMP_LE_OQ>(ok, i._mm512_abs_pd(x), self.set(most))
    }
}

/// See [`super::pow`].
#[inline(always)]
pub fn pow(simd: V4, x: __m512d, y: __m512d) -> __m512d {
    let v = Lanes(simd);
    let (hi, lo) = v.log(x);
    let e = v.mul(y, hi);
    let rest = v.madd(y, lo, v.msub(y, hi, e));
    let (s, p) = v.exp(e, rest);
    v.madd(s, p, s)
}

/// x positive and normal, the result too.
#[inline(always)]
pub fn pow_usual(simd: V4, x: __m512d, y: __m512d, ok: u16) -> u16 {
    let v = Lanes(simd);
    let i = simd.avx512f;
    let min = f64::MIN_POSITIVE.to_bits() as i64;
    let above = i._mm512_sub_epi64(cast(x), i._mm512_set1_epi64(min));
    let room = i._mm512_set1_epi64(f64::INFINITY.to_bits() as i64 - min);
    let ok = i._mm512_mask_cmp_epu64_mask::<_MM_CMPINT_LT>(ok as u8, above, room);
    // The logarithm is `pow`'s own.
    u16::from(v.within(v.mul(y, v.log(x).0), 707.0, ok))
}

/// See [`super::logaddexp`].
#[inline(always)]
pub fn logaddexp<B: Base>(simd: V4, a: __m512d, b: __m512d) -> __m512d {
    let (v, i) = (Lanes(simd), simd.avx512f);
    let (most, least) = (i._mm512_max_pd(a, b), i._mm512_min_pd(a, b));
    let (d, d_rest) = v.two_difference(least, most);
    let nearest = v.set(B::NEAR);
    let near = i._mm512_cmp_pd_mask::<_CMP_GE_OQ>(d, nearest);
    let (d, d_rest) = (i._mm512_max_pd(d, nearest), v.only(near, d_rest));
    let (s, p) = if B::BINARY { v.exp2(d, d_rest) } else { v.exp(d, d_rest) };
    let s = v.only(near, s);
    let (first, first_rest) = v.quick_sum(v.set(1.0), s);
    let (u, c) = v.quick_sum(first, v.madd(s, p, first_rest));
    let (k, m, bits, at) = v.reduce(u);
    let inv = v.pick_half(at, INV_HALVES);
    let r = v.msub(m, inv, v.set(1.0));
    // k is 0 or 1.
    let c = v.mul(v.mul(c, inv), v.nmadd(k, v.set(0.5 * SCALE), v.set(1.0)));
    let base = v.madd(k, v.set(LN2_HI * SCALE), v.pick_half(at, LOG_HALVES));
    let low = v.madd(k, v.set(LN2_LO * SCALE), v.pick_low(bits));
    let (log, log_rest) = v.quick_sum(base, r);
    let low = v.add(v.add(low, log_rest), v.nmadd(c, r, c));
    let square = v.mul(r, r);
    let low = v.madd(square, v.madd(r, v.polynomial(r, square, SHORT_P), v.set(-0.5)), low);
    let small = i._mm512_cmp_pd_mask::<_CMP_LT_OQ>(s, v.set(SMALL));
    let log = i._mm512_mask_mov_pd(log, small, s);
    let low = i._mm512_mask_mov_pd(low, small, v.mul(s, v.nmadd(s, v.set(0.5), p)));
    let (log, low) = if B::BINARY {
        let y = v.mul(log, v.set(LOG2_E));
        (y, v.add(v.msub(log, v.set(LOG2_E), y), v.madd(log, v.set(LOG2_E_LOW), v.mul(low, v.set(LOG2_E)))))
    } else {
        (log, low)
    };
    let (total, rest) = v.two_sum(most, log);
    v.add(total, v.add(rest, low))
}

/// Finite, the larger one; and the difference near, or the smaller one infinite.
#[inline(always)]
pub fn logaddexp_usual<B: Base>(simd: V4, a: __m512d, b: __m512d, ok: u16) -> u16 {
    let (v, i) = (Lanes(simd), simd.avx512f);
    let (most, least) = (i._mm512_max_pd(a, b), i._mm512_min_pd(a, b));
    // Of NaN and a number the register's maximum may be the number.
    let ok = i._mm512_mask_cmp_pd_mask::<_CMP_ORD_Q>(ok as u8, a, b);
    let ok = v.within(most, f64::MAX, ok);
    let near = i._mm512_cmp_pd_mask::<_CMP_GE_OQ>(v.sub(least, most), v.set(B::NEAR));
    let alone = i._mm512_cmp_pd_mask::<_CMP_EQ_OQ>(least, v.set(f64::NEG_INFINITY));
    u16::from(ok & (near | alone))
}
