//! Operands: memory, dtype, shape and byte strides, with no owner and no lifetime. The executor's currency; the safe
//! types around it are in `array.rs`.

use crate::error::Error;
use crate::registry::DType;
use smallvec::SmallVec;

/// Most dimensions an operand may have, NumPy's limit.
pub const MAX_DIMS: usize = 64;

/// Lengths per axis. Four axes are stored without an allocation.
pub type Shape = SmallVec<[usize; 4]>;
/// Byte distances per axis.
pub type Strides = SmallVec<[isize; 4]>;

/// Memory of a dtype in a shape. Whoever makes one promises that every element it reaches may be read, and written if
/// it is used as an output, as long as it is used; that its elements would fit in memory, as [`checked_bytes`] tells, also
/// where they repeat; and that the distance from one to any other is an `isize`, as it is in memory.
#[derive(Debug)]
pub struct Operand {
    /// The first element (the one with all indices 0).
    pub ptr: *mut u8,
    /// Element type.
    pub dtype: DType,
    /// Lengths.
    pub shape: Shape,
    /// Byte strides, as many as lengths.
    pub strides: Strides,
}

// SAFETY: an operand is an address and numbers; what is done through it is `unsafe` where it is done.
unsafe impl Send for Operand {}
// SAFETY: as above.
unsafe impl Sync for Operand {}

impl Clone for Operand {
    #[inline]
    fn clone(&self) -> Operand {
        // `SmallVec::clone` goes element by element; this copies memory.
        let (shape, strides) = (Shape::from_slice(&self.shape), Strides::from_slice(&self.strides));
        Operand { ptr: self.ptr, dtype: self.dtype, shape, strides }
    }
}

impl Operand {
    /// A single element.
    pub fn scalar(ptr: *mut u8, dtype: DType) -> Operand {
        Operand { ptr, dtype, shape: Shape::new(), strides: Strides::new() }
    }

    /// C-contiguous memory.
    pub fn contiguous(ptr: *mut u8, dtype: DType, shape: &[usize]) -> Operand {
        Operand { ptr, dtype, shape: Shape::from_slice(shape), strides: c_strides(shape, dtype.size()) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether every element's address suits its dtype.
    pub fn is_aligned(&self) -> bool {
        lies_aligned(self.ptr, self.dtype, &self.shape, &self.strides)
    }

    /// The lowest and one past the highest byte touched; `None` when empty.
    pub fn extent(&self) -> Option<(usize, usize)> {
        if self.is_empty() {
            return None;
        }
        let (mut low, mut high) = (0isize, 0isize);
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            let reach = (n - 1) as isize * s;
            low += reach.min(0);
            high += reach.max(0);
        }
        let base = self.ptr.addr();
        Some((base.wrapping_add_signed(low), base.wrapping_add_signed(high) + self.dtype.size()))
    }

    /// The same elements seen in `shape`: missing leading axes and axes of length 1 repeat. `None` if they do not fit.
    pub fn broadcast(&self, shape: &[usize]) -> Option<Operand> {
        let missing = shape.len().checked_sub(self.shape.len())?;
        let mut strides: Strides = smallvec::smallvec![0; missing];
        for ((&have, &want), &stride) in self.shape.iter().zip(&shape[missing..]).zip(&self.strides) {
            match have {
                _ if have == want => strides.push(if have == 1 { 0 } else { stride }),
                1 => strides.push(0),
                _ => return None,
            }
        }
        Some(Operand { ptr: self.ptr, dtype: self.dtype, shape: Shape::from_slice(shape), strides })
    }

    /// The sub-operand at `index` along `axis`, that axis gone.
    pub fn at(&self, axis: usize, index: usize) -> Operand {
        let mut sub = self.clone();
        sub.ptr = self.ptr.wrapping_offset(index as isize * self.strides[axis]);
        sub.shape.remove(axis);
        sub.strides.remove(axis);
        sub
    }

    /// Elements `start..end` along `axis`.
    pub fn slice(&self, axis: usize, start: usize, end: usize) -> Operand {
        let mut sub = self.clone();
        sub.ptr = self.ptr.wrapping_offset(start as isize * self.strides[axis]);
        sub.shape[axis] = end - start;
        sub
    }

    /// Whether the two name the same elements at the same indices.
    pub fn is_same_as(&self, other: &Operand) -> bool {
        let same_steps =
            self.shape.iter().zip(&self.strides).zip(&other.strides).all(|((&n, a), b)| n < 2 || a == b);
        self.ptr == other.ptr
            && self.dtype.size() == other.dtype.size()
            && self.shape == other.shape
            && same_steps
    }
}

/// The bytes of as many elements of `size` bytes as a shape has: the one place where lengths become a number, so what was
/// let through here is within an `isize`, and so is every number of elements, step and offset of a walk over the shape,
/// whichever axes are left out. (Axes of length 0 count as 1: other steps must fit too.)
pub fn checked_bytes(shape: &[usize], size: usize) -> Result<usize, Error> {
    let bytes = shape.iter().try_fold(size, |bytes, &n| bytes.checked_mul(n.max(1)));
    match bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) {
        Some(_) if shape.contains(&0) => Ok(0),
        Some(bytes) => Ok(bytes),
        None => Err(Error::TooLarge { shape: Shape::from_slice(shape) }),
    }
}

/// Strides of C-contiguous memory.
pub fn c_strides(shape: &[usize], size: usize) -> Strides {
    let mut strides: Strides = smallvec::smallvec![0; shape.len()];
    let mut step = size as isize;
    for (stride, &n) in strides.iter_mut().zip(shape).rev() {
        *stride = step;
        step *= n.max(1) as isize;
    }
    strides
}

/// The shape that all `shapes` broadcast to; `None` if they do not agree.
pub fn broadcast_shape<'a>(shapes: impl Iterator<Item = &'a [usize]>) -> Option<Shape> {
    let mut result = Shape::new();
    for shape in shapes {
        if shape.len() > result.len() {
            let missing = shape.len() - result.len();
            result.insert_many(0, std::iter::repeat_n(1, missing));
        }
        let offset = result.len() - shape.len();
        for (have, &n) in result[offset..].iter_mut().zip(shape) {
            match (*have, n) {
                (a, b) if a == b => {}
                (1, b) => *have = b,
                (_, 1) => {}
                _ => return None,
            }
        }
    }
    Some(result)
}

/// In which order a new output's axes lie in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Row-major.
    C,
    /// Column-major.
    F,
    /// Column-major if all inputs are so and not row-major too, else row-major.
    A,
    /// As the inputs lie, as closely as can be.
    #[default]
    K,
}

/// Byte strides of a new output of `shape`: contiguous, its axes ordered as `order` says.
pub fn output_strides(inputs: &[&Operand], shape: &[usize], size: usize, order: Order) -> Strides {
    let ndim = shape.len();
    let mut axes: SmallVec<[usize; 4]> = (0..ndim).collect(); // outermost first
    match order {
        Order::C => {}
        Order::F => axes.reverse(),
        Order::A => {
            let column_major = |o: &&Operand| is_f_contiguous(o) && !is_c_contiguous(o);
            if !inputs.is_empty()
                && inputs.iter().all(|o| is_f_contiguous(o))
                && inputs.iter().any(column_major)
            {
                axes.reverse();
            }
        }
        Order::K => {
            let strides: SmallVec<[Strides; 4]> =
                inputs.iter().filter_map(|o| o.broadcast(shape)).map(|o| o.strides).collect();
            sort_axes(&mut axes, &strides);
        }
    }
    packed_strides(&axes, shape, size)
}

/// The order of a new output where NumPy needs no iterator but calls the loop once, on operands that are all row-major or
/// all column-major; it shows in the strides of axes of length 1. `None` where NumPy's iterator decides.
pub fn single_call_order(inputs: &[&Operand], dtypes: &[DType], order: Order) -> Option<Order> {
    let mut layout = match order {
        Order::C => Some((true, false)),
        Order::F => Some((false, true)),
        Order::A | Order::K => None,
    };
    let mut shape: Option<&[usize]> = None;
    for (o, &dtype) in inputs.iter().zip(dtypes).filter(|(o, _)| !o.shape.is_empty()) {
        let packed = match o.is_empty() {
            true => (true, true),
            false => (is_c_contiguous(o), is_f_contiguous(o)),
        };
        let as_it_is = o.dtype == dtype && o.is_aligned();
        if !as_it_is || packed == (false, false) || **shape.get_or_insert(&o.shape) != o.shape[..] {
            return None;
        }
        if *layout.get_or_insert(packed) != packed {
            return None;
        }
    }
    Some(if layout == Some((false, true)) { Order::F } else { Order::C })
}

/// Byte strides of a reduction's new output: the axes that stay, ordered as all axes of `walked` (of one shape) lie. A
/// reduced axis of length 1 (`keepdims`) has the step of its place.
pub fn reduced_strides(walked: &[&Operand], reduced: &[usize], keepdims: bool, size: usize) -> Strides {
    let shape = &walked[0].shape;
    let mut axes: SmallVec<[usize; 4]> = (0..shape.len()).collect();
    let steps: SmallVec<[Strides; 4]> = walked.iter().map(|o| comparable_strides(o)).collect();
    sort_axes(&mut axes, &steps);
    let mut kept = shape.clone();
    for &axis in reduced {
        kept[axis] = 1;
    }
    let mut result = packed_strides(&axes, &kept, size);
    if !keepdims {
        for &axis in reduced.iter().rev() {
            result.remove(axis);
        }
    }
    result
}

/// Strides as NumPy's iterator compares them: an axis of length 1 says nothing about order.
fn comparable_strides(o: &Operand) -> Strides {
    o.strides.iter().zip(&o.shape).map(|(&stride, &n)| if n == 1 { 0 } else { stride }).collect()
}

/// Byte strides without gaps for axes in this order, outermost first.
fn packed_strides(axes: &[usize], shape: &[usize], size: usize) -> Strides {
    let ndim = shape.len();
    let mut result: Strides = smallvec::smallvec![0; ndim];
    let mut step = size as isize;
    for &axis in axes.iter().rev() {
        result[axis] = step;
        step *= shape[axis].max(1) as isize;
    }
    result
}

fn is_c_contiguous(o: &Operand) -> bool {
    lies_packed(&o.shape, &o.strides, o.dtype.size(), (0..o.shape.len()).rev())
}

fn is_f_contiguous(o: &Operand) -> bool {
    lies_packed(&o.shape, &o.strides, o.dtype.size(), 0..o.shape.len())
}

/// Whether elements of that size lie without gaps, axes in this order, the innermost first.
pub(crate) fn lies_packed(
    shape: &[usize],
    strides: &[isize],
    size: usize,
    mut axes: impl Iterator<Item = usize>,
) -> bool {
    let mut step = size as isize;
    axes.all(|axis| {
        let (n, fits) = (shape[axis], strides[axis] == step);
        step = if n == 1 { step } else { step.wrapping_mul(n as isize) };
        n == 1 || fits
    })
}

/// Whether every element's address suits the dtype.
pub(crate) fn lies_aligned(ptr: *const u8, dtype: DType, shape: &[usize], strides: &[isize]) -> bool {
    let mask = dtype.align() - 1;
    ptr.addr() & mask == 0 && shape.iter().zip(strides).all(|(&n, &s)| n < 2 || s.unsigned_abs() & mask == 0)
}

/// Sorts axes, outermost first, by the operands' strides. NumPy's insertion sort (`npyiter_find_best_axis_ordering`),
/// because its answers are visible in output layouts: an axis moves inward past another only when some operand has a
/// smaller stride along it and none, ambiguity (a zero stride) aside, disagrees.
pub fn sort_axes(axes: &mut [usize], strides: &[impl AsRef<[isize]>]) {
    let ndim = axes.len();
    // Innermost first, as NumPy's iterator counts, starting from C order.
    let mut order: SmallVec<[usize; 4]> = (0..ndim).rev().collect();
    for i in 1..ndim {
        let axis = order[i];
        let mut insert_at = i;
        for j in (0..i).rev() {
            let other = order[j];
            let mut ambiguous = true;
            let mut should_swap = false;
            for s in strides {
                let s = s.as_ref();
                let (a, b) = (s[axis].unsigned_abs(), s[other].unsigned_abs());
                if a != 0 && b != 0 {
                    if b <= a {
                        should_swap = false;
                    } else if ambiguous {
                        should_swap = true;
                    }
                    ambiguous = false;
                }
            }
            if !ambiguous {
                match should_swap {
                    true => insert_at = j,
                    false => break,
                }
            }
        }
        order[insert_at..=i].rotate_right(1);
    }
    for (axis, &o) in axes.iter_mut().zip(order.iter().rev()) {
        *axis = o;
    }
}
