//! What products are computed in: chunks of 64 bytes of lanes, one AVX-512 register; of complex numbers two of them, the real
//! parts and the imaginary ones. And for each dtype which: integers of 8 bits are computed in 16, where there is a
//! multiplication, and narrow floats in f32.

use crate::registry::{
    B8, Complex, Complex32, Complex64, DType, Element, F8E4M3FN, F8E5M2, FpReport, bf16, f16,
};
use crate::simd::level::{Level, Madd};

/// The lanes of one step.
pub trait Chunk: Copy + 'static {
    /// One of them.
    type Lane: Copy + 'static;
    /// How many there are.
    const LANES: usize;
    /// Registers of 64 bytes that it takes.
    const PARTS: usize;
    /// All zero.
    const ZEROS: Self;
    /// All the same.
    fn splat(x: Self::Lane) -> Self;
    /// A lane.
    fn get(&self, i: usize) -> Self::Lane;
    /// Sets a lane.
    fn set(&mut self, i: usize, x: Self::Lane);
    /// `a * b + c` in each lane, with one `a` for all.
    fn madd<L: Level>(level: L, a: Self::Lane, b: &Self, c: Self) -> Self;
    /// `a * b + c` in each lane.
    fn madd_each<L: Level>(level: L, a: &Self, b: &Self, c: Self) -> Self;
    /// The sum of two.
    fn add(a: Self::Lane, b: Self::Lane) -> Self::Lane;
    /// What computes the same where every lane fits in 32 bits, if that is something else.
    type Small: Chunk<Lane = Self::Lane>;
    /// Whether it is.
    const HAS_SMALL: bool = false;
    /// Whether AVX-512 has masks for lanes that are not there: [`Chunk::some`] and what goes with it.
    const HAS_MASKS: bool = false;
    /// Lanes that lie side by side, those of the mask.
    ///
    /// # Safety
    /// There are as many.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn some(_: V4, _mask: u16, _at: *const Self::Lane) -> Self {
        Self::ZEROS
    }
    /// [`Chunk::madd`] in lanes of the mask, which alone raise anything.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn madd_some(_: V4, _mask: u16, _a: Self::Lane, _b: &Self, c: Self) -> Self {
        c
    }
    /// Writes the lanes of the mask side by side.
    ///
    /// # Safety
    /// There is room.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    unsafe fn store_some(self, _: V4, _mask: u16, _at: *mut Self::Lane) {}
    /// The conjugate.
    #[inline(always)]
    fn conj(a: Self::Lane) -> Self::Lane {
        a
    }

    /// The sum of products of two rows of lanes.
    ///
    /// # Safety
    /// There are `n` of each.
    #[inline(always)]
    unsafe fn dot<L: Level>(
        level: L,
        a: *const Self::Lane,
        b: *const Self::Lane,
        n: usize,
        conj: bool,
    ) -> Self::Lane {
        let _ = conj;
        let (mut first, mut second, mut rest) = (Self::ZEROS, Self::ZEROS, Self::ZEROS);
        let mut p = 0;
        // SAFETY: below `n`; a chunk of one part is its lanes side by side.
        unsafe {
            let at = |x: *const Self::Lane, p: usize| x.add(p).cast::<Self>();
            while p + 2 * Self::LANES <= n {
                first = Self::madd_each(level, &at(a, p).read_unaligned(), &at(b, p).read_unaligned(), first);
                let q = p + Self::LANES;
                second =
                    Self::madd_each(level, &at(a, q).read_unaligned(), &at(b, q).read_unaligned(), second);
                p += 2 * Self::LANES;
            }
            let in_lanes = p > 0;
            // One by one what is left over: lanes would have to be put together.
            while p < n {
                rest = Self::madd(level, *a.add(p), &Self::splat(*b.add(p)), rest);
                p += 1;
            }
            let mut total = rest.get(0);
            if in_lanes {
                for l in 0..Self::LANES {
                    total = Self::add(total, Self::add(first.get(l), second.get(l)));
                }
            }
            total
        }
    }
}

/// A dtype's products.
pub trait Multiplied: Element {
    /// What they are computed in.
    type Chunk: Chunk;
    /// The dtype of its lanes: of integers that wrap the sign does not matter. Another one's elements are cast to it and back.
    const LANES: DType;
    /// Whether they are.
    const IS_CAST: bool = false;
    /// How they tell of IEEE exceptions.
    const FP: FpReport;
}

macro_rules! multiplied {
    ($($t:ty: $chunk:ty, $lanes:ident, $fp:ident $(, $cast:ident)?;)*) => {$(
        impl Multiplied for $t {
            $(const IS_CAST: bool = stringify!($cast).len() > 0;)?
            type Chunk = $chunk;
            const LANES: DType = DType::$lanes;
            const FP: FpReport = FpReport::$fp;
        }
    )*};
}
multiplied! {
    B8: [u8; 64], U8, Never, cast;
    i8: [i16; 32], I16, Never, cast;
    u8: [i16; 32], U16, Never, cast;
    i16: [i16; 32], I16, Never;
    u16: [i16; 32], U16, Never;
    i32: [i32; 16], I32, Never;
    u32: [i32; 16], U32, Never;
    i64: [i64; 8], I64, Never;
    u64: [i64; 8], U64, Never;
    f16: [f32; 16], F32, Returned, cast;
    bf16: [f32; 16], F32, Returned, cast;
    F8E5M2: [f32; 16], F32, Returned, cast;
    F8E4M3FN: [f32; 16], F32, Returned, cast;
    f32: [f32; 16], F32, Hardware;
    f64: [f64; 8], F64, Hardware;
    Complex32: [[f32; 16]; 2], C64, Hardware;
    Complex64: [[f64; 8]; 2], C128, Hardware;
}

macro_rules! chunk {
    (@rest $t:ty, $lanes:literal) => {
        type Small = Self;
    };
    (@rest $t:ty, $lanes:literal, small) => {
        type Small = Narrow;
        const HAS_SMALL: bool = true;
    };
    (@rest $t:ty, $lanes:literal, $mask:tt, $set:tt, $load:tt, $madd:tt, $store:tt) => {
        type Small = Self;
        const HAS_MASKS: bool = true;
        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        unsafe fn some(v4: V4, mask: u16, at: *const $t) -> Self {
            // SAFETY: the caller's promise.
            pulp::cast(unsafe { v4.avx512f.$load(mask as $mask, at) })
        }
        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        fn madd_some(v4: V4, mask: u16, a: $t, b: &Self, c: Self) -> Self {
            let a = v4.avx512f.$set(a);
            pulp::cast(v4.avx512f.$madd(a, pulp::cast(*b), pulp::cast(c), mask as $mask))
        }
        #[cfg(target_arch = "x86_64")]
        #[inline(always)]
        unsafe fn store_some(self, v4: V4, mask: u16, at: *mut $t) {
            // SAFETY: the caller's promise.
            unsafe { v4.avx512f.$store(at, mask as $mask, pulp::cast(self)) };
        }
    };
    ($t:ty, $lanes:literal, $zero:expr, $wide:ident, $splat:expr,
     |$m:ident, $a:ident, $b:ident, $c:ident| $madd:expr, |$v4:ident, $x:ident, $y:ident, $z:ident| $explicit:expr,
     |$p:ident, $q:ident| $add:expr $(, $rest:tt)*) => {
        impl Chunk for [$t; $lanes] {
            type Lane = $t;
            chunk! { @rest $t, $lanes $(, $rest)* }
            const LANES: usize = $lanes;
            const PARTS: usize = 1;
            const ZEROS: Self = [$zero; $lanes];
            #[inline(always)]
            fn splat(x: $t) -> Self {
                [x; $lanes]
            }
            #[inline(always)]
            fn get(&self, i: usize) -> $t {
                self[i]
            }
            #[inline(always)]
            fn set(&mut self, i: usize, x: $t) {
                self[i] = x;
            }
            // By hand at AVX-512: of two chunks side by side LLVM makes shuffles, not registers (f64: 1.8 ns for what takes
            // 0.024). It does what it should with half as many lanes in all, which is what AVX2 is given.
            #[inline(always)]
            fn madd<L: Level>(level: L, a: $t, b: &Self, mut c: Self) -> Self {
                #[cfg(target_arch = "x86_64")]
                if let Some($v4) = level.v4() {
                    let ($x, $y, $z) = ($splat($v4, a), pulp::cast(*b), pulp::cast(c));
                    return pulp::cast($explicit);
                }
                let ($m, $a) = (level.madd(), a);
                let _ = $m;
                for i in 0..$lanes {
                    let ($b, $c) = (b[i], c[i]);
                    c[i] = $madd;
                }
                c
            }
            #[inline(always)]
            fn madd_each<L: Level>(level: L, a: &Self, b: &Self, mut c: Self) -> Self {
                #[cfg(target_arch = "x86_64")]
                if let Some($v4) = level.v4() {
                    let ($x, $y, $z) = (pulp::cast(*a), pulp::cast(*b), pulp::cast(c));
                    return pulp::cast($explicit);
                }
                let $m = level.madd();
                let _ = $m;
                for i in 0..$lanes {
                    let ($a, $b, $c) = (a[i], b[i], c[i]);
                    c[i] = $madd;
                }
                c
            }
            #[inline(always)]
            fn add($p: $t, $q: $t) -> $t {
                $add
            }
        }
    };
}
#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;
chunk! { f64, 8, 0.0, f64x8, V4::splat_f64x8, |m, a, b, c| m.f64(a, b, c),
|v4, x, y, z| v4.mul_add_f64x8(x, y, z), |p, q| p + q,
u8, _mm512_set1_pd, _mm512_maskz_loadu_pd, _mm512_mask3_fmadd_pd, _mm512_mask_storeu_pd }
chunk! { f32, 16, 0.0, f32x16, V4::splat_f32x16, |m, a, b, c| m.f32(a, b, c),
|v4, x, y, z| v4.mul_add_f32x16(x, y, z), |p, q| p + q,
u16, _mm512_set1_ps, _mm512_maskz_loadu_ps, _mm512_mask3_fmadd_ps, _mm512_mask_storeu_ps }
chunk! { i64, 8, 0, i64x8, |v4: V4, a| v4.avx512f._mm512_set1_epi64(a), |_m, a, b, c| c.wrapping_add(a.wrapping_mul(b)),
|v4, x, y, z| v4.avx512f._mm512_add_epi64(z, v4.avx512dq._mm512_mullo_epi64(x, y)), |p, q| p.wrapping_add(q), small }
chunk! { i32, 16, 0, i32x16, |v4: V4, a| v4.avx512f._mm512_set1_epi32(a), |_m, a, b, c| c.wrapping_add(a.wrapping_mul(b)),
|v4, x, y, z| v4.avx512f._mm512_add_epi32(z, v4.avx512f._mm512_mullo_epi32(x, y)), |p, q| p.wrapping_add(q) }
chunk! { i16, 32, 0, i16x32, |v4: V4, a| v4.avx512f._mm512_set1_epi16(a), |_m, a, b, c| c.wrapping_add(a.wrapping_mul(b)),
|v4, x, y, z| v4.avx512bw._mm512_add_epi16(z, v4.avx512bw._mm512_mullo_epi16(x, y)), |p, q| p.wrapping_add(q) }
// Truth values, 0 or 1: any of pairs that both are.
chunk! { u8, 64, 0, u8x64, |v4: V4, a: u8| v4.avx512f._mm512_set1_epi8(a as i8), |_m, a, b, c| c | (a & b),
|v4, x, y, z| v4.avx512f._mm512_or_si512(z, v4.avx512f._mm512_and_si512(x, y)), |p, q| p | q }

/// 64-bit lanes that fit in 32 bits, sign included: their product is one instruction, and that of all 64 bits three (200 by
/// 200: 0.5 ms, and 1.3).
#[derive(Clone, Copy)]
pub struct Narrow([i64; 8]);

impl Chunk for Narrow {
    type Lane = i64;
    type Small = Self;
    const LANES: usize = 8;
    const PARTS: usize = 1;
    const ZEROS: Self = Narrow([0; 8]);
    #[inline(always)]
    fn splat(x: i64) -> Self {
        Narrow([x; 8])
    }
    #[inline(always)]
    fn get(&self, i: usize) -> i64 {
        self.0[i]
    }
    #[inline(always)]
    fn set(&mut self, i: usize, x: i64) {
        self.0[i] = x;
    }
    #[inline(always)]
    fn madd<L: Level>(level: L, a: i64, b: &Self, c: Self) -> Self {
        Self::madd_each(level, &Narrow([a; 8]), b, c)
    }
    #[inline(always)]
    fn madd_each<L: Level>(level: L, a: &Self, b: &Self, mut c: Self) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(v4) = level.v4() {
            let product = v4.avx512f._mm512_mul_epi32(pulp::cast(a.0), pulp::cast(b.0));
            return Narrow(pulp::cast(v4.avx512f._mm512_add_epi64(pulp::cast(c.0), product)));
        }
        let _ = level;
        for i in 0..8 {
            // Neither a product of two nor, wrapped, a sum of those needs more.
            let product = i64::from(a.0[i] as i32) * i64::from(b.0[i] as i32);
            c.0[i] = c.0[i].wrapping_add(product);
        }
        c
    }
    #[inline(always)]
    fn add(a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }
}

macro_rules! complex_chunk {
    ($t:ty, $lanes:literal) => {
        impl Chunk for [[$t; $lanes]; 2] {
            type Lane = Complex<$t>;
            type Small = Self;
            const LANES: usize = $lanes;
            const PARTS: usize = 2;
            const ZEROS: Self = [[0.0; $lanes]; 2];
            #[inline(always)]
            fn splat(x: Complex<$t>) -> Self {
                [[x.re; $lanes], [x.im; $lanes]]
            }
            #[inline(always)]
            fn get(&self, i: usize) -> Complex<$t> {
                Complex::new(self[0][i], self[1][i])
            }
            #[inline(always)]
            fn set(&mut self, i: usize, x: Complex<$t>) {
                (self[0][i], self[1][i]) = (x.re, x.im);
            }
            #[inline(always)]
            fn madd<L: Level>(l: L, a: Complex<$t>, [re, im]: &Self, c: Self) -> Self {
                type Half = [$t; $lanes];
                let c_re = Half::madd(l, -a.im, im, Half::madd(l, a.re, re, c[0]));
                [c_re, Half::madd(l, a.im, re, Half::madd(l, a.re, im, c[1]))]
            }
            #[inline(always)]
            fn madd_each<L: Level>(l: L, [a, b]: &Self, [re, im]: &Self, c: Self) -> Self {
                type Half = [$t; $lanes];
                let minus = b.map(|b| -b);
                let c_re = Half::madd_each(l, &minus, im, Half::madd_each(l, a, re, c[0]));
                [c_re, Half::madd_each(l, b, re, Half::madd_each(l, a, im, c[1]))]
            }
            #[inline(always)]
            fn add(a: Complex<$t>, b: Complex<$t>) -> Complex<$t> {
                a + b
            }
            #[inline(always)]
            fn conj(a: Complex<$t>) -> Complex<$t> {
                a.conj()
            }
            #[inline(always)]
            unsafe fn dot<L: Level>(
                _: L,
                a: *const Complex<$t>,
                b: *const Complex<$t>,
                n: usize,
                conj: bool,
            ) -> Complex<$t> {
                let mut sums = [Complex::new(0.0, 0.0); 4];
                for p in 0..n {
                    // SAFETY: the caller's promise.
                    let (a, b) = unsafe { (*a.add(p), *b.add(p)) };
                    sums[p % 4] += if conj { a.conj() * b } else { a * b };
                }
                (sums[0] + sums[1]) + (sums[2] + sums[3])
            }
        }
    };
}
complex_chunk! { f32, 16 }
complex_chunk! { f64, 8 }
