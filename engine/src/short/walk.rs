//! How a small call walks its inputs: broadcast to one shape, axes in the order in which a new output lies in memory. All of
//! it on the stack, for the few axes that small calls have.

use super::MOST_INPUTS;
use super::head::{Head, Lies};
use crate::operand::{lies_packed, sort_axes};
use crate::stage::copy_row;

/// Most axes a walk has; calls with more are planned.
pub const MOST_AXES: usize = 4;

/// One entry per axis.
pub type PerAxis<T> = [T; MOST_AXES];

/// The walk of a call.
pub struct Walk {
    /// Number of axes.
    pub nd: usize,
    /// Lengths.
    pub shape: PerAxis<usize>,
    /// Elements.
    pub n: usize,
    /// Whether a new output is C-contiguous.
    pub c_order: bool,
    /// Whether every array is C-contiguous and of the call's shape; then nothing else is filled in.
    plain: bool,
    /// Axes, outermost in memory first.
    order: PerAxis<usize>,
    /// Byte steps of each input by axis; 0 where it repeats.
    steps: [PerAxis<isize>; MOST_INPUTS],
}

impl Walk {
    /// Of a call without arrays.
    pub const EMPTY: Walk = Walk {
        nd: 0,
        shape: [1; MOST_AXES],
        n: 1,
        c_order: true,
        plain: false,
        order: [0, 1, 2, 3],
        steps: [[0; MOST_AXES]; MOST_INPUTS],
    };

    /// Lays an empty walk out for these inputs; false if they do not agree in shape, have too many axes, or more elements
    /// than can be counted. With `as_they_are` the loop has one output and can take each one's memory as far as dtypes go,
    /// which NumPy then does without an iterator.
    #[inline]
    pub fn lay_out(&mut self, heads: &[Head<'_>], as_they_are: bool) -> bool {
        self.set_plain(heads) || self.set_general(heads, as_they_are)
    }

    /// Fills in length and shape if that is all there is to it, as in most calls.
    #[inline]
    fn set_plain(&mut self, heads: &[Head<'_>]) -> bool {
        let mut shape: &[usize] = &[];
        for head in heads {
            if head.dims.is_empty() {
                continue;
            }
            // Not `==`: that is `memcmp`, which costs more than these few numbers, and most for none at all.
            let same = shape.is_empty()
                || (shape.len() == head.dims.len() && shape.iter().zip(head.dims).all(|(a, b)| a == b));
            if !same || !head.lies.has(Lies::ROWS) || head.dims.len() > MOST_AXES {
                return false;
            }
            shape = head.dims;
        }
        let Some(n) = product(shape) else { return false };
        self.plain = true;
        self.nd = shape.len();
        for (mine, &n) in self.shape.iter_mut().zip(shape) {
            *mine = n;
        }
        self.n = n;
        true
    }

    /// Broadcasts, and orders the axes.
    fn set_general(&mut self, heads: &[Head<'_>], as_they_are: bool) -> bool {
        self.nd = heads.iter().map(|head| head.dims.len()).max().unwrap_or(0);
        if self.nd > MOST_AXES {
            return false;
        }
        let mut columns = as_they_are;
        for (steps, head) in self.steps.iter_mut().zip(heads) {
            let dims = head.dims;
            self.c_order &= head.lies.has(Lies::ROWS) || dims.len() < 2;
            const COLUMNS: Lies = Lies::COLUMNS.and(Lies::ALIGNED);
            columns &= dims.is_empty() || (head.lies.has(COLUMNS) && dims.len() == self.nd);
            let offset = self.nd - dims.len();
            for (axis, (&n, &stride)) in dims.iter().zip(head.strides).enumerate() {
                let have = &mut self.shape[offset + axis];
                if n != 1 {
                    if *have != 1 && *have != n {
                        return false;
                    }
                    *have = n;
                    steps[offset + axis] = stride;
                }
            }
        }
        let Some(n) = product(&self.shape) else { return false };
        self.n = n;
        if !self.c_order {
            let nd = self.nd;
            let mut arrays = heads.iter().filter(|head| !head.dims.is_empty());
            let same_shape = arrays.all(|head| head.dims.iter().zip(&self.shape).all(|(a, b)| a == b));
            if columns && same_shape {
                self.order[..nd].reverse();
            } else {
                sort_axes(&mut self.order[..nd], &self.steps);
            }
            self.c_order = self.order[..nd].is_sorted();
        }
        true
    }

    /// Byte strides of a new output.
    pub fn output_strides(&self, size: usize) -> PerAxis<isize> {
        let mut strides = [0; MOST_AXES];
        let mut step = size as isize;
        for &axis in self.order[..self.nd].iter().rev() {
            strides[axis] = step;
            step *= self.shape[axis].max(1) as isize;
        }
        strides
    }

    /// The bytes from each element of input `i` to the next, if they are always as many.
    #[inline]
    pub fn step(&self, i: usize, head: &Head<'_>) -> Option<isize> {
        let size = head.dtype.size() as isize;
        match self.nd {
            _ if head.dims.is_empty() => Some(0),
            _ if self.plain => Some(size),
            1 => Some(self.steps[i][0]),
            _ => self.lies_packed(&self.steps[i], head.dtype.size()).then_some(size),
        }
    }

    /// Whether memory with these strides lies as it is walked.
    pub fn lies_packed(&self, strides: &[isize], size: usize) -> bool {
        lies_packed(&self.shape, strides, size, self.order[..self.nd].iter().rev().copied())
    }

    /// Copies the elements of input `i`, as they are walked, to `to`.
    ///
    /// # Safety
    /// `from` is the input's first element, of that size; `to` has room for `n` of them elsewhere.
    pub unsafe fn gather(&self, i: usize, from: *const u8, size: usize, to: *mut u8) {
        let steps = &self.steps[i];
        let [outer @ .., inner] = &self.order[..self.nd] else { unreachable!("values have a step") };
        let row = self.shape[*inner];
        let mut index = [0; MOST_AXES];
        let (mut source, mut target) = (from, to);
        loop {
            // SAFETY: the caller's promise, for one row.
            unsafe { copy_row(source, steps[*inner], target, size as isize, size, row) };
            target = target.wrapping_add(row * size);
            let mut axes = outer.iter().rev();
            loop {
                let Some(&axis) = axes.next() else { return };
                index[axis] += 1;
                source = source.wrapping_offset(steps[axis]);
                if index[axis] < self.shape[axis] {
                    break;
                }
                source = source.wrapping_offset(-(self.shape[axis] as isize) * steps[axis]);
                index[axis] = 0;
            }
        }
    }
}

/// The number of elements; `None` where their bytes cannot be counted, as in shapes that broadcasting makes of expanded
/// arrays. Every size and step of a walk is at most that many elements of 16 bytes.
#[inline]
fn product(shape: &[usize]) -> Option<usize> {
    const MOST: usize = isize::MAX as usize / 16;
    let n = shape.iter().try_fold(1usize, |n, &length| n.checked_mul(length))?;
    (n <= MOST).then_some(n)
}
