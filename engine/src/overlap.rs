//! Whether two operands may touch the same byte. A bounded test: when it cannot tell, the answer is yes, and the
//! executor copies the input.

use crate::operand::Operand;

/// Whether memory of the two may intersect.
pub fn may_overlap(a: &Operand, b: &Operand) -> bool {
    let (Some((a_low, a_high)), Some((b_low, b_high))) = (a.extent(), b.extent()) else {
        return false;
    };
    if a_high <= b_low || b_high <= a_low {
        return false;
    }
    // Every address is base + a multiple of the gcd of all strides; two residue classes that stay apart by an element
    // on either side never meet (the even and the odd elements of one array).
    let step = a.strides.iter().chain(&b.strides).fold(0, |g, s| gcd(g, s.unsigned_abs()));
    if step == 0 {
        return true;
    }
    let ahead = b.ptr.addr().wrapping_sub(a.ptr.addr()) as isize;
    let offset = ahead.rem_euclid(step as isize) as usize;
    offset < a.dtype.size() || step - offset < b.dtype.size()
}

/// Whether two elements of the operand share memory.
pub fn overlaps_itself(a: &Operand) -> bool {
    let mut axes: Vec<(usize, usize)> = a
        .shape
        .iter()
        .zip(&a.strides)
        .filter(|(n, _)| **n > 1)
        .map(|(&n, s)| (s.unsigned_abs(), n))
        .collect();
    axes.sort_unstable();
    let mut reach = a.dtype.size();
    for (stride, n) in axes {
        if stride < reach {
            return true;
        }
        reach += stride * (n - 1);
    }
    false
}

fn gcd(mut a: usize, mut b: usize) -> usize {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::DType;
    use smallvec::smallvec;

    fn op(start: usize, n: usize, stride: isize) -> Operand {
        let ptr = std::ptr::without_provenance_mut(0x1000 + start);
        Operand { ptr, dtype: DType::F64, shape: smallvec![n], strides: smallvec![stride] }
    }

    #[test]
    fn ranges_and_residues() {
        assert!(may_overlap(&op(0, 4, 8), &op(8, 4, 8)));
        assert!(!may_overlap(&op(0, 4, 8), &op(32, 4, 8)));
        assert!(!may_overlap(&op(0, 4, 16), &op(8, 4, 16))); // even against odd elements
        assert!(may_overlap(&op(0, 4, 16), &op(4, 4, 16))); // half an element apart
        assert!(may_overlap(&op(24, 4, -8), &op(0, 1, 8)));
        assert!(!may_overlap(&op(0, 0, 8), &op(0, 4, 8)));
        assert!(overlaps_itself(&op(0, 3, 0)));
        assert!(!overlaps_itself(&op(0, 3, -8)));
    }
}
