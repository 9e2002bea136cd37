//! How a small call walks its operands: broadcast to one shape, axes in the order in which a new output lies in memory.
//! All of it on the stack, for the few axes that small calls have.

use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_ARRAY_F_CONTIGUOUS, PyArrayObject};
use ufunx::operand::sort_axes;
use ufunx::stage::copy_row;

/// Most axes a walk has; calls with more are planned by the engine.
pub const MOST_AXES: usize = 4;

/// One entry per axis.
pub type PerAxis<T> = [T; MOST_AXES];

/// The walk of a call.
pub struct Walk<const N: usize> {
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
    /// Byte steps of each array by axis; 0 where it repeats.
    steps: [PerAxis<isize>; N],
}

impl<const N: usize> Walk<N> {
    /// Of a call without arrays.
    pub const EMPTY: Walk<N> = Walk {
        nd: 0,
        shape: [1; MOST_AXES],
        n: 1,
        c_order: true,
        plain: false,
        order: [0, 1, 2, 3],
        steps: [[0; MOST_AXES]; N],
    };

    /// Lays an empty walk out for these arrays (null where an operand is none); false if they do not agree in shape, or have
    /// too many axes. With `as_they_are` the loop can take each array's memory as far as dtypes go.
    ///
    /// # Safety
    /// Live arrays.
    #[inline]
    pub unsafe fn lay_out(&mut self, arrays: &[*mut PyArrayObject; N], as_they_are: bool) -> bool {
        // SAFETY: live arrays.
        unsafe { self.set_plain(arrays) || self.set_general(arrays, as_they_are) }
    }

    /// Broadcasts, and orders the axes.
    unsafe fn set_general(&mut self, arrays: &[*mut PyArrayObject; N], as_they_are: bool) -> bool {
        let walk = self;
        let fields = arrays.iter().filter(|a| !a.is_null()).map(|&a| {
            // SAFETY: a live array.
            unsafe { &(*a).fields }
        });
        walk.nd = fields.clone().map(|f| f.nd as usize).max().unwrap_or(0);
        if walk.nd > MOST_AXES {
            return false;
        }
        let mut columns = as_they_are;
        for (steps, &array) in walk.steps.iter_mut().zip(arrays) {
            if array.is_null() {
                continue;
            }
            // SAFETY: a live array's dimensions and strides have an entry per axis.
            let (fields, dims, strides) = unsafe {
                let fields = &(*array).fields;
                let nd = fields.nd as usize;
                match nd {
                    0 => (fields, &[][..], &[][..]),
                    _ => (
                        fields,
                        std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd),
                        std::slice::from_raw_parts(fields.strides, nd),
                    ),
                }
            };
            walk.c_order &= fields.flags & NPY_ARRAY_C_CONTIGUOUS != 0 || dims.len() < 2;
            const COLUMNS: i32 = NPY_ARRAY_F_CONTIGUOUS | NPY_ARRAY_ALIGNED;
            columns &= dims.is_empty() || (fields.flags & COLUMNS == COLUMNS && dims.len() == walk.nd);
            let offset = walk.nd - dims.len();
            for (axis, (&n, &stride)) in dims.iter().zip(strides).enumerate() {
                let have = &mut walk.shape[offset + axis];
                if n != 1 {
                    if *have != 1 && *have != n {
                        return false;
                    }
                    *have = n;
                    steps[offset + axis] = stride;
                }
            }
        }
        let Some(n) = product(&walk.shape) else { return false };
        walk.n = n;
        if !walk.c_order {
            let nd = walk.nd;
            let same_shape = fields.filter(|f| f.nd > 0).all(|f| {
                // SAFETY: a live array's dimensions have an entry per axis.
                (0..f.nd as usize).all(|i| unsafe { *f.dimensions.add(i) } as usize == walk.shape[i])
            });
            if columns && same_shape {
                walk.order[..nd].reverse();
            } else {
                sort_axes(&mut walk.order[..nd], &walk.steps);
            }
            walk.c_order = walk.order[..nd].is_sorted();
        }
        true
    }

    /// Fills in length and shape if that is all there is to it, as in most calls.
    #[inline]
    unsafe fn set_plain(&mut self, arrays: &[*mut PyArrayObject; N]) -> bool {
        let mut shape: Option<&[usize]> = None;
        for &array in arrays.iter().filter(|a| !a.is_null()) {
            // SAFETY: a live array's dimensions have an entry per axis.
            let (flags, dims) = unsafe {
                let fields = &(*array).fields;
                let nd = fields.nd as usize;
                let dims = match nd {
                    0 => &[][..],
                    _ => std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), nd),
                };
                (fields.flags, dims)
            };
            // Not `==`: that is `memcmp`, which costs more than these few numbers, and most for none at all.
            let same = shape
                .is_none_or(|shape| shape.len() == dims.len() && shape.iter().zip(dims).all(|(a, b)| a == b));
            if !same || flags & NPY_ARRAY_C_CONTIGUOUS == 0 || dims.len() > MOST_AXES {
                return false;
            }
            shape = Some(dims);
        }
        let shape = shape.unwrap_or_default();
        self.plain = true;
        self.nd = shape.len();
        for (mine, &n) in self.shape.iter_mut().zip(shape) {
            *mine = n;
        }
        let Some(n) = product(shape) else { return false };
        self.n = n;
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

    /// Whether array `i`, of elements of that size, lies in memory as it is walked.
    pub fn is_packed(&self, i: usize, size: usize) -> bool {
        self.plain || self.lies_packed(&self.steps[i], size)
    }

    /// Whether memory with these strides lies as it is walked.
    pub fn lies_packed(&self, strides: &[isize], size: usize) -> bool {
        let mut step = size as isize;
        self.order[..self.nd].iter().rev().all(|&axis| {
            let n = self.shape[axis];
            let packed = n == 1 || strides[axis] == step;
            step *= n as isize;
            packed
        })
    }

    /// Copies the elements of array `i`, as they are walked, to `to`.
    ///
    /// # Safety
    /// `from` is the array's first element, of that size; `to` has room for `n` of them elsewhere.
    pub unsafe fn gather(&self, i: usize, from: *const u8, size: usize, to: *mut u8) {
        if self.plain {
            // SAFETY: the caller's promise: `n` elements without gaps.
            return unsafe { std::ptr::copy_nonoverlapping(from, to, self.n * size) };
        }
        let steps = &self.steps[i];
        let [outer @ .., inner] = &self.order[..self.nd] else {
            unreachable!("arrays without axes are plain")
        };
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
