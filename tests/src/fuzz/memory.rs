//! The memory of a case of the executor's: operands of any layout in it, and that nothing beside them is written.

use super::Bytes;
use crate::Rng;
use crate::layouts::{address, for_each_index};
use crate::value::{Value, decode, encode};
use crate::values::random;
use ufunx::DType;
use ufunx::operand::Operand;

/// Where all operands lie.
pub struct Memory {
    words: Vec<u128>,
    rng: Rng,
}

const BYTES: usize = 48 << 10;
/// Bytes on either side in which no operand lies.
const MARGIN: usize = 64;

impl Memory {
    /// Of bytes that nothing was written to.
    pub fn new(seed: u64) -> Memory {
        Memory { words: vec![0xa5a5; BYTES / 16], rng: Rng::new(seed) }
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the words, byte by byte.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), BYTES) }
    }

    /// An operand of that shape somewhere; an axis whose steps do not fit repeats.
    pub fn operand(&mut self, dtype: DType, shape: &[usize], bytes: &mut Bytes<'_>) -> Operand {
        let size = dtype.size();
        let room = BYTES - 2 * MARGIN - size;
        let (mut low, mut high) = (0, 0);
        let mut strides = vec![0isize; shape.len()];
        let mut step = size;
        let columns = bytes.one_in(4);
        for i in 0..shape.len() {
            let axis = if columns { i } else { shape.len() - 1 - i };
            let n = shape[axis].max(1);
            let distance = match bytes.below(8) {
                0 => 0,
                1 => usize::from(bytes.u8()),
                2 => size * bytes.below(9),
                3 => step * 2,
                _ => step,
            };
            let span = (n - 1) * distance;
            if low + high + span > room {
                continue;
            }
            let backwards = bytes.one_in(4);
            strides[axis] = if backwards { -(distance as isize) } else { distance as isize };
            *(if backwards { &mut low } else { &mut high }) += span;
            step = step.max(distance * n);
        }
        let slack = room - low - high;
        let near = bytes.u8() as usize * if bytes.one_in(3) { 1 } else { size };
        let start =
            MARGIN + low + if bytes.one_in(4) { bytes.u64() as usize % (slack + 1) } else { near.min(slack) };
        let ptr = self.words.as_mut_ptr().cast::<u8>().wrapping_add(start);
        Operand { ptr, dtype, shape: shape.into(), strides: strides[..].into() }
    }

    /// Puts random values in an operand's elements.
    pub fn fill(&mut self, operand: &Operand) {
        for_each_index(&operand.shape, |index| {
            let bits = encode(random(operand.dtype, &mut self.rng), operand.dtype);
            let bits = if operand.dtype == DType::Bool { bits & 1 } else { bits };
            let (from, to) = (bits.to_le_bytes(), address(operand, index));
            // SAFETY: operands lie in the memory.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to, operand.dtype.size()) };
        });
    }

    /// Fails if a byte of no element of these has changed.
    pub fn check_rest(&self, before: &[u8], changed: &[&Operand]) {
        let mut expected = before.to_vec();
        let base = self.words.as_ptr().addr();
        for operand in changed {
            for_each_index(&operand.shape, |index| {
                let start = address(operand, index).addr() - base;
                let range = start..start + operand.dtype.size();
                expected[range.clone()].copy_from_slice(&self.bytes()[range]);
            });
        }
        assert!(expected == self.bytes(), "bytes beside the outputs changed: {changed:?}");
    }
}

/// What overlapping operands can make of each other: elements that no value is written as.
pub fn is_odd(operand: &Operand) -> bool {
    let mut odd = false;
    for_each_index(&operand.shape, |index| {
        let mut cell = [0u8; 16];
        // SAFETY: operands lie in the memory; no element is wider than the cell.
        unsafe {
            std::ptr::copy_nonoverlapping(address(operand, index), cell.as_mut_ptr(), operand.dtype.size());
        }
        let bits = u128::from_le_bytes(cell);
        odd |= match (operand.dtype, decode(bits, operand.dtype)) {
            (DType::Bool, _) => bits > 1,
            // A signalling NaN.
            (dtype, Value::Float(x)) => {
                dtype != DType::F8E4M3FN && x.is_nan() && (bits >> (dtype.precision() - 2)) & 1 == 0
            }
            _ => false,
        };
    });
    odd
}
