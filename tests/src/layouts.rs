//! Arrays over bytes of their own, in any layout: strided, reversed, permuted, broadcast, unaligned; with guard bytes
//! around and between the elements.

use crate::rng::Rng;
use crate::value::{Value, read, write};
use ufunx::operand::Operand;
use ufunx::registry::DType;
use ufunx::{View, ViewMut};

/// How an array lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row-major, no gaps.
    C,
    /// Column-major, no gaps.
    F,
    /// Row-major with a gap after every element.
    Strided,
    /// Every axis backwards, no gaps.
    Reversed,
    /// All axes repeat one element.
    Constant,
    /// Row-major, no gaps, at an address that is not a multiple of the item's size.
    Unaligned,
    /// Axes in random order, some backwards, some with gaps, some repeating, sometimes unaligned.
    Random,
}

/// The layouts an output may have.
pub const WRITABLE: [Layout; 5] =
    [Layout::C, Layout::F, Layout::Strided, Layout::Reversed, Layout::Unaligned];

/// An array and the bytes it lies in.
#[derive(Clone, Debug)]
pub struct Buf {
    bytes: Vec<u128>,
    start: usize,
    /// Element type.
    pub dtype: DType,
    /// Lengths.
    pub shape: Vec<usize>,
    /// Byte strides.
    pub strides: Vec<isize>,
}

const GUARD: usize = 64;
const PATTERN: u128 = 0xa5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5_a5a5;

impl Buf {
    /// An array in that layout, its bytes all 0xa5. `writable`: no two elements share memory.
    pub fn new(dtype: DType, shape: &[usize], layout: Layout, writable: bool, rng: &mut Rng) -> Buf {
        let n = shape.len();
        let mut order: Vec<usize> = (0..n).rev().collect(); // innermost first
        match layout {
            Layout::F => order.reverse(),
            Layout::Random => rng.shuffle(&mut order),
            _ => {}
        }
        let random = layout == Layout::Random;
        let mut strides = vec![0isize; n];
        let mut step = dtype.size();
        for &axis in &order {
            let repeats = layout == Layout::Constant || (random && !writable && rng.one_in(6));
            let gaps = match layout {
                Layout::Strided => 2,
                Layout::Random if rng.one_in(3) => rng.between(2, 3),
                _ => 1,
            };
            let backwards = layout == Layout::Reversed || (random && rng.one_in(3));
            if !repeats {
                let distance = (step * gaps) as isize;
                strides[axis] = if backwards { -distance } else { distance };
                step *= gaps * shape[axis].max(1);
            }
        }
        let unaligned = layout == Layout::Unaligned || (random && rng.one_in(5));
        let shift = if unaligned && dtype.size() > 1 { rng.between(1, dtype.size() - 1) } else { 0 };
        Buf::with_strides(dtype, shape, &strides, shift)
    }

    /// An array with those strides, `shift` bytes past an aligned address.
    pub fn with_strides(dtype: DType, shape: &[usize], strides: &[isize], shift: usize) -> Buf {
        let empty = shape.contains(&0);
        let reach = |forwards: bool| -> usize {
            let axes = shape.iter().zip(strides).filter(|(_, s)| (**s > 0) == forwards && !empty);
            axes.map(|(&n, s)| (n - 1) * s.unsigned_abs()).sum()
        };
        let start = GUARD + reach(false).next_multiple_of(16) + shift;
        let bytes = start + reach(true) + dtype.size() + GUARD;
        let bytes = vec![PATTERN; bytes.div_ceil(16)];
        Buf { bytes, start, dtype, shape: shape.to_vec(), strides: strides.to_vec() }
    }

    /// A row-major array of those values, repeated or cut off to fill `shape`.
    pub fn of(dtype: DType, shape: &[usize], values: &[Value]) -> Buf {
        let mut buf = Buf::new(dtype, shape, Layout::C, true, &mut Rng::new(0));
        buf.fill(values);
        buf
    }

    /// A long row-major array in which those values repeat; all bytes 0xa5 if there are none.
    pub fn tiled(dtype: DType, values: &[Value], n: usize) -> Buf {
        let mut buf = Buf::new(dtype, &[n], Layout::C, true, &mut Rng::new(0));
        let mut period = vec![];
        for &value in values {
            period.extend_from_slice(&crate::value::encode(value, dtype).to_le_bytes()[..dtype.size()]);
        }
        if !period.is_empty() {
            buf.bytes_mut()
                .chunks_mut(period.len())
                .for_each(|part| part.copy_from_slice(&period[..part.len()]));
        }
        buf
    }

    /// Element `i` of a one-dimensional array.
    pub fn at(&self, i: usize) -> Value {
        assert!(self.shape.len() == 1 && i < self.shape[0], "element {i} of {:?}", self.shape);
        // SAFETY: the element is within the array.
        unsafe { read(address(&self.operand(), &[i]), self.dtype) }
    }

    /// Writes element `i` of a one-dimensional array.
    pub fn set(&mut self, i: usize, value: Value) {
        assert!(self.shape.len() == 1 && i < self.shape[0], "element {i} of {:?}", self.shape);
        let dtype = self.dtype;
        // SAFETY: the element is within the array.
        unsafe { write(address(&self.operand_mut(), &[i]), value, dtype) }
    }

    /// The elements of a row-major, one-dimensional array that are not bit for bit what stands `period` before them.
    pub fn breaks_of_period(&self, period: usize) -> Vec<usize> {
        let (size, bytes) = (self.dtype.size(), self.row_bytes());
        let element = |i: usize| &bytes[i * size..][..size];
        let first = &bytes[..(period * size).min(bytes.len())];
        let mut breaks = vec![];
        for (p, part) in bytes.chunks(period * size).enumerate() {
            if part != &first[..part.len()] {
                breaks.extend(
                    (p * period..p * period + part.len() / size)
                        .filter(|i| element(*i) != element(i % period)),
                );
            }
        }
        breaks
    }

    fn row_bytes(&self) -> &[u8] {
        // SAFETY: any byte may be read as one; the elements lie side by side from `start` on.
        unsafe { std::slice::from_raw_parts(self.operand().ptr, self.len() * self.dtype.size()) }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `row_bytes`, borrowed mutably; any byte may be written.
        unsafe { std::slice::from_raw_parts_mut(self.operand_mut().ptr, self.len() * self.dtype.size()) }
    }

    /// Writes the values to the elements in row-major order, from the first again when they run out.
    pub fn fill(&mut self, values: &[Value]) {
        let (operand, dtype) = (self.operand_mut(), self.dtype);
        let mut values = values.iter().cycle();
        for_each_index(&self.shape.clone(), |index| {
            let Some(&value) = values.next() else { return }; // no values: left as it is
            // SAFETY: the index is within the shape, for which the bytes were made.
            unsafe { write(address(&operand, index), value, dtype) };
        });
    }

    /// Fills it with what `f` makes.
    pub fn fill_with(&mut self, f: impl FnMut() -> Value) {
        let values: Vec<Value> = std::iter::repeat_with(f).take(self.len().max(1)).collect();
        self.fill(&values);
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements in row-major order.
    pub fn values(&self) -> Vec<Value> {
        values_of(&self.operand())
    }

    /// The memory, to be read.
    pub fn operand(&self) -> Operand {
        self.operand_at(self.bytes.as_ptr().cast_mut())
    }

    fn operand_mut(&mut self) -> Operand {
        let base = self.bytes.as_mut_ptr();
        self.operand_at(base)
    }

    fn operand_at(&self, base: *mut u128) -> Operand {
        let ptr = base.cast::<u8>().wrapping_add(self.start);
        Operand { ptr, dtype: self.dtype, shape: self.shape[..].into(), strides: self.strides[..].into() }
    }

    /// A view of it.
    pub fn view(&self) -> View<'_> {
        // SAFETY: the bytes hold every element and are borrowed as long as the view lives.
        unsafe { View::from_operand(self.operand()) }
    }

    /// A view to write through.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        // SAFETY: as for `view`, borrowed mutably.
        unsafe { ViewMut::from_operand(self.operand_mut()) }
    }

    /// Whether every byte that belongs to no element still is as it was made.
    pub fn guards_hold(&self) -> bool {
        let mut copy = self.clone();
        let clear = [0xa5; 16];
        let (operand, size) = (copy.operand_mut(), copy.dtype.size());
        for_each_index(&self.shape, |index| {
            // SAFETY: the index is within the shape; no element is wider than 16 bytes.
            unsafe { std::ptr::copy_nonoverlapping(clear.as_ptr(), address(&operand, index), size) };
        });
        copy.bytes.iter().all(|&word| word == PATTERN)
    }
}

/// The address of an element.
pub fn address(operand: &Operand, index: &[usize]) -> *mut u8 {
    let steps = index.iter().zip(&operand.strides);
    operand.ptr.wrapping_offset(steps.map(|(&i, &s)| i as isize * s).sum())
}

/// The elements of readable memory in row-major order.
pub fn values_of(operand: &Operand) -> Vec<Value> {
    let mut values = Vec::with_capacity(operand.len());
    for_each_index(&operand.shape, |index| {
        // SAFETY: operands reach readable memory only.
        values.push(unsafe { read(address(operand, index), operand.dtype) });
    });
    values
}

/// Calls `f` with every index of a shape, the last axis fastest.
pub fn for_each_index(shape: &[usize], mut f: impl FnMut(&[usize])) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0; shape.len()];
    loop {
        f(&index);
        let Some(axis) = (0..shape.len()).rev().find(|&axis| index[axis] + 1 < shape[axis]) else { return };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

/// A random shape of up to `ndim` axes, seldom empty.
pub fn random_shape(ndim: usize, rng: &mut Rng) -> Vec<usize> {
    let n = rng.between(0, ndim);
    (0..n)
        .map(|_| match rng.below(30) {
            0 => 0,
            1..=4 => 1,
            5 => rng.between(30, 70),
            6 if n < 3 => rng.between(900, 1100),
            _ => rng.between(2, 9),
        })
        .collect()
}

/// A shape that broadcasts to `shape`: some axes 1, some leading ones gone.
pub fn narrower_shape(shape: &[usize], rng: &mut Rng) -> Vec<usize> {
    let skip = if rng.one_in(3) { rng.between(0, shape.len()) } else { 0 };
    shape[skip..].iter().map(|&n| if rng.one_in(6) { 1 } else { n }).collect()
}
