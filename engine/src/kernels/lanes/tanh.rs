//! The hyperbolic tangent.
//!
//! It is `E/(E + 2)` with `E = e^(2|x|) - 1`.
//!
//! 1. `2|x| = k*ln2 + r` as for exp, r in two parts, and `e^(2|x|) = s*e^r`, s a power of two.
//! 2. `E = (s - 1) + s*r + s*(e^r - 1 - r)`, with a polynomial in r. The first two terms are summed with their rounding error;
//!    for small x, where k = 0, E is only the latter two.
//! 3. E, E + 2 and the quotient are held in two parts.
//!
//! The AVX-512 lanes are in `tanh_v4.rs` and `tanh32_v4.rs`.

use super::real::{Real, Single, real_lanes};
use crate::registry::FpFlags;
use crate::simd::level::Madd;
use crate::simd::math::Math;

/// The hyperbolic tangent.
pub struct Tanh;

/// `(e^r - 1 - r)/r^2` for |r| <= 0.3475, its even and its odd powers, in r^2. Minimax for that times r, coefficients rounded
/// with regard to each other: error 2^-61.7.
const EVEN64: [f64; 6] = [
    0.5,
    0.041666666666666685,
    0.0013888888888872878,
    2.4801587350682344e-05,
    2.7557250107452984e-07,
    2.0922405101842973e-09,
];
const ODD64: [f64; 5] = [
    0.16666666666666677,
    0.008333333333321381,
    0.00019841269886838273,
    2.7557243421797215e-06,
    2.510933370160388e-08,
];
/// The same for f32: error 2^-31.
const EVEN32: [f32; 3] = [0.5, 0.041666478, 0.0013933744];
const ODD32: [f32; 3] = [0.16666667, 0.008333191, 0.00019959272];

/// tanh(x) from `e^(2|x|) = s*(1 + r + more)`: s*r is a fifth of s at most, or s is 1, or s*r is exact.
#[inline(always)]
pub(super) fn of_exponential<N: Real>(x: N, s: N, r: N, more: N) -> N {
    let (one, two) = (x.all(1.into()), x.all(2.into()));
    let less = s - one;
    let head = s.madd(r, less);
    let (e, e_low) = head.quick_sum(s.madd(more, s.madd(r, less - head)));
    let (d, d_low) = e.max(two).quick_sum(e.min(two));
    let inverse = d.inverse();
    let t = e * inverse;
    let rest = e.minus_product(t, d) + (e_low - t * (d_low + e_low));
    rest.madd(inverse, t).copysign(x)
}

macro_rules! tanh {
    ($t:ident, $v4:path, $even:ident, $odd:ident, magic $magic:expr, ln2 $ln2_high:expr, $ln2_low:expr, one $one:expr) => {
        const _: () = {
            #[inline(always)]
            fn tanh<N: Real<Float = $t>>(x: N) -> N {
                // From $one on the result is 1.
                let a = x.abs().min(x.all($one));
                let a = a + a;
                let magic = a.madd(x.all(core::$t::consts::LOG2_E), x.all($magic));
                let k = magic - x.all($magic);
                let high = k.madd(x.all(-$ln2_high), a);
                let low = k * x.all($ln2_low);
                let r = high - low;
                let r_low = (high - r) - low;
                let (half, _) = magic.half_powers();
                let z = r * r;
                let odd = (r * z).madd(z.polynomial(&$odd), r_low.madd(r, r_low));
                of_exponential(x, half + half, r, z.madd(z.polynomial(&$even), odd))
            }

            #[inline(always)]
            fn usual<N: Real<Float = $t>>(x: N) -> N::Mask {
                x.normal_or_zero()
            }

            impl Math<$t> for Tanh {
                real_lanes!($t, usual, tanh, $v4);

                #[inline(always)]
                fn full<M: Madd>(m: M, x: $t) -> $t {
                    let y = tanh(Single(m, x)).1;
                    if x.is_nan() { x + x } else { y }
                }

                #[inline(always)]
                fn flags(x: $t, _y: $t) -> FpFlags {
                    FpFlags::UNDERFLOW.when(x.is_subnormal())
                }
            }
        };
    };
}
// ln 2 in two parts, of which the first has room for k's bits.
tanh!(f64, super::tanh_v4::tanh, EVEN64, ODD64, magic 6755399441055744.0 + 1023.0, ln2 0.6931471805601177, -1.7239444525614835e-13, one 22.0);
tanh!(f32, super::tanh32_v4::tanh, EVEN32, ODD32, magic 12582912.0 + 127.0, ln2 0.693_145_75, 1.428_606_8e-6, one 11.0);
