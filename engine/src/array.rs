//! Arrays of any dtype: [`View`] and [`ViewMut`] borrow, [`Array`] owns, [`Input`] is what calls take. All convert from
//! and to `ndarray`.

use crate::cast::cast_block;
use crate::error::Error;
use crate::memory::{self, Memory};
use crate::operand::{MAX_DIMS, Operand, Shape, Strides, c_strides};
use crate::registry::{Complex64, DType, Element, Isa, UserElement, Weak};
use ndarray::{ArrayBase, ArrayD, ArrayViewD, Data, DataMut, Dimension, IxDyn, ShapeBuilder};
use std::marker::PhantomData;

/// A borrowed array of any dtype.
#[derive(Clone, Debug)]
pub struct View<'a> {
    operand: Operand,
    borrow: PhantomData<&'a [u8]>,
}

/// A mutably borrowed array of any dtype.
#[derive(Debug)]
pub struct ViewMut<'a> {
    operand: Operand,
    borrow: PhantomData<&'a mut [u8]>,
}

/// An owned array of any dtype; its memory is aligned to 64 bytes.
pub struct Array {
    memory: Memory,
    operand: Operand,
}

/// A scalar that adapts to the dtypes beside it, like a Python number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
    /// A complex number.
    Complex(Complex64),
}

/// An input of a call.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// An array, whose dtype counts.
    View(View<'a>),
    /// A number, whose kind counts.
    Scalar(Scalar),
}

impl<'a> View<'a> {
    /// A view of raw memory.
    ///
    /// # Safety
    /// Every element the operand reaches may be read for `'a`, and nobody writes it.
    pub unsafe fn from_operand(operand: Operand) -> View<'a> {
        View { operand, borrow: PhantomData }
    }

    /// The memory behind it.
    pub fn operand(&self) -> &Operand {
        &self.operand
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.operand.dtype
    }

    /// The lengths.
    pub fn shape(&self) -> &[usize] {
        &self.operand.shape
    }

    /// As an `ndarray` view, if the elements are `T`.
    pub fn to_ndarray<T: UserElement>(&self) -> Result<ArrayViewD<'a, T>, Error> {
        check_type::<T>(self.dtype())?;
        let (ptr, shape, strides, flipped) = ndarray_layout(&self.operand);
        // SAFETY: the operand's memory is readable for `'a` and holds `T`s (bools are 0 or 1: they came from Rust bools
        // or from a kernel); `ndarray_layout` makes strides non-negative, and the axes are turned back below.
        let mut view = unsafe { ArrayViewD::from_shape_ptr(shape.strides(strides), ptr.cast::<T>()) };
        for axis in flipped {
            view.invert_axis(ndarray::Axis(axis));
        }
        Ok(view)
    }
}

impl<'a> ViewMut<'a> {
    /// A view of raw memory.
    ///
    /// # Safety
    /// Every element the operand reaches may be written for `'a`, and nobody else uses it but inputs of the same call.
    pub unsafe fn from_operand(operand: Operand) -> ViewMut<'a> {
        ViewMut { operand, borrow: PhantomData }
    }

    /// The memory behind it.
    pub fn operand(&self) -> &Operand {
        &self.operand
    }

    /// The same array, borrowed for less long.
    pub fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut { operand: self.operand.clone(), borrow: PhantomData }
    }

    /// The same array, to be read.
    pub fn as_view(&self) -> View<'_> {
        View { operand: self.operand.clone(), borrow: PhantomData }
    }
}

impl Array {
    /// An array with unspecified contents (zeros), in the given byte strides, which must be those of some order of the
    /// axes without gaps.
    pub(crate) fn with_strides(
        dtype: DType,
        shape: &[usize],
        strides: impl FnOnce() -> Strides,
    ) -> Result<Array, Error> {
        let memory = Memory::zeroed(dtype, shape)?;
        let ptr = memory.as_ptr();
        Ok(Array {
            memory,
            operand: Operand { ptr, dtype, shape: Shape::from_slice(shape), strides: strides() },
        })
    }

    /// A C-contiguous array of zeros.
    pub fn zeros(dtype: DType, shape: &[usize]) -> Result<Array, Error> {
        Array::with_strides(dtype, shape, || c_strides(shape, dtype.size()))
    }

    /// A copy of `source`, C-contiguous.
    pub fn copy_of(source: &View<'_>) -> Result<Array, Error> {
        // SAFETY: a view's elements may be read while it is borrowed.
        unsafe { Array::copy_operand(source.operand()) }
    }

    /// # Safety
    /// The operand's elements may be read.
    pub(crate) unsafe fn copy_operand(source: &Operand) -> Result<Array, Error> {
        let copy = Array::zeros(source.dtype, &source.shape)?;
        if !source.is_empty() {
            let shape: Shape =
                if source.shape.is_empty() { [1].into_iter().collect() } else { source.shape.clone() };
            let strides: Strides =
                if source.shape.is_empty() { [0].into_iter().collect() } else { source.strides.clone() };
            let coords = crate::stage::coords_of(0, &shape);
            let (size, count) = (source.dtype.size(), source.len());
            // SAFETY: the caller vouches for the source; the copy has as many elements and is new.
            unsafe {
                crate::stage::gather(source.ptr, &coords, &shape, &strides, size, count, copy.operand.ptr)
            };
        }
        Ok(copy)
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.operand.dtype
    }

    /// The lengths.
    pub fn shape(&self) -> &[usize] {
        &self.operand.shape
    }

    /// The byte strides.
    pub fn strides(&self) -> &[isize] {
        &self.operand.strides
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.operand.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.operand.is_empty()
    }

    /// The memory behind it.
    pub fn operand(&self) -> &Operand {
        &self.operand
    }

    /// To be read.
    pub fn view(&self) -> View<'_> {
        View { operand: self.operand.clone(), borrow: PhantomData }
    }

    /// To be written.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut { operand: self.operand.clone(), borrow: PhantomData }
    }

    /// As an `ndarray` view, if the elements are `T`.
    pub fn to_ndarray<T: UserElement>(&self) -> Result<ArrayViewD<'_, T>, Error> {
        check_type::<T>(self.dtype())?;
        let (ptr, shape, strides, flipped) = ndarray_layout(&self.operand);
        debug_assert!(flipped.is_empty(), "own memory is laid out forwards");
        // SAFETY: the memory is this array's, holds `T`s, and lives as long as the borrow of `self`.
        Ok(unsafe { ArrayViewD::from_shape_ptr(shape.strides(strides), ptr.cast::<T>()) })
    }

    /// As an owned `ndarray`, if the elements are `T`.
    pub fn into_ndarray<T: UserElement>(self) -> Result<ArrayD<T>, Error> {
        let view = self.to_ndarray::<T>()?;
        let mut items = memory::list(view.len(), self.dtype())?;
        // SAFETY: the elements lie in the memory from its start on without gaps, whatever the order of the axes.
        items.extend_from_slice(unsafe { std::slice::from_raw_parts(view.as_ptr(), view.len()) });
        let (_, shape, strides, _) = ndarray_layout(&self.operand);
        let made = ArrayD::from_shape_vec(shape.strides(strides), items);
        Ok(made.unwrap_or_else(|_| unreachable!("an array has no gaps and no element twice")))
    }

    /// The only element, if there is just one and it is a `T`.
    pub fn item<T: UserElement>(&self) -> Result<T, Error> {
        let view = self.to_ndarray::<T>()?;
        match (view.len(), view.first()) {
            (1, Some(&item)) => Ok(item),
            _ => Err(Error::OutputShape { found: self.shape().to_vec(), expected: vec![] }),
        }
    }
}

impl std::fmt::Debug for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Array({}, shape {:?}, {} bytes)", self.dtype(), self.shape(), self.memory.bytes())
    }
}

impl Scalar {
    /// Its kind.
    pub fn weak(&self) -> Weak {
        match self {
            Scalar::Int(_) => Weak::Int,
            Scalar::Float(_) => Weak::Float,
            Scalar::Complex(_) => Weak::Complex,
        }
    }

    /// The value in a given dtype; an integer that does not fit is an error.
    pub fn to_array(self, dtype: DType) -> Result<Array, Error> {
        let target = Array::zeros(dtype, &[])?;
        let cast = |source: DType, value: *const u8| {
            // SAFETY: both are single aligned elements; the scalar level is always there.
            unsafe { cast_block(source, dtype, value, target.operand.ptr, 1, Isa::Scalar) };
        };
        match self {
            Scalar::Int(value) => {
                if !fits(value, dtype) {
                    return Err(Error::OutOfRange { value, dtype });
                }
                match i64::try_from(value) {
                    Ok(small) => cast(DType::I64, (&raw const small).cast()),
                    Err(_) if u64::try_from(value).is_ok() => {
                        let large = value as u64;
                        cast(DType::U64, (&raw const large).cast());
                    }
                    Err(_) => {
                        let float = value as f64;
                        cast(DType::F64, (&raw const float).cast());
                    }
                }
            }
            Scalar::Float(value) => cast(DType::F64, (&raw const value).cast()),
            Scalar::Complex(value) => cast(DType::C128, (&raw const value).cast()),
        }
        Ok(target)
    }
}

fn fits(value: i128, dtype: DType) -> bool {
    dtype.kind() != crate::registry::Kind::Int || dtype.int_range().contains(&value)
}

impl<'a, T: UserElement, S: Data<Elem = T>, D: Dimension> From<&'a ArrayBase<S, D>> for View<'a> {
    fn from(array: &'a ArrayBase<S, D>) -> View<'a> {
        View { operand: operand_of(array, array.as_ptr().cast_mut()), borrow: PhantomData }
    }
}

impl<'a, T: UserElement, S: DataMut<Elem = T>, D: Dimension> From<&'a mut ArrayBase<S, D>> for ViewMut<'a> {
    fn from(array: &'a mut ArrayBase<S, D>) -> ViewMut<'a> {
        let ptr = array.as_mut_ptr();
        ViewMut { operand: operand_of(array, ptr), borrow: PhantomData }
    }
}

pub(crate) fn operand_of<T: UserElement, S: ndarray::RawData<Elem = T>, D: Dimension>(
    array: &ArrayBase<S, D>,
    ptr: *mut T,
) -> Operand {
    let size = size_of::<T>() as isize;
    Operand {
        ptr: ptr.cast(),
        dtype: T::Lane::DTYPE,
        shape: Shape::from_slice(array.shape()),
        strides: array.strides().iter().map(|s| s * size).collect(),
    }
}

impl<'a> From<&'a Array> for View<'a> {
    fn from(array: &'a Array) -> View<'a> {
        array.view()
    }
}

impl<'a, A> From<A> for Input<'a>
where
    View<'a>: From<A>,
{
    fn from(array: A) -> Input<'a> {
        Input::View(array.into())
    }
}

impl From<Scalar> for Input<'_> {
    fn from(scalar: Scalar) -> Self {
        Input::Scalar(scalar)
    }
}
macro_rules! from_numbers {
    ($($t:ty => $kind:ident),*) => {$(
        impl From<$t> for Scalar {
            fn from(value: $t) -> Scalar {
                Scalar::$kind(value.into())
            }
        }
        impl From<$t> for Input<'_> {
            fn from(value: $t) -> Self {
                Input::Scalar(value.into())
            }
        }
    )*};
}
from_numbers! { i32 => Int, i64 => Int, f64 => Float, Complex64 => Complex }

fn check_type<T: UserElement>(found: DType) -> Result<(), Error> {
    match T::Lane::DTYPE {
        expected if expected == found => Ok(()),
        expected => Err(Error::ElementType { expected, found }),
    }
}

/// First element in memory, shape, strides in elements, and the axes that were turned round to make those positive.
fn ndarray_layout(operand: &Operand) -> (*const u8, IxDyn, IxDyn, Vec<usize>) {
    let size = operand.dtype.size() as isize;
    let mut ptr = operand.ptr;
    let mut strides: Vec<usize> = vec![];
    let mut flipped = vec![];
    for (axis, (&n, &stride)) in operand.shape.iter().zip(&operand.strides).enumerate() {
        if stride < 0 && n > 0 {
            ptr = ptr.wrapping_offset((n - 1) as isize * stride);
            flipped.push(axis);
        }
        strides.push((stride / size).unsigned_abs());
    }
    (ptr, IxDyn(&operand.shape), IxDyn(&strides), flipped)
}

/// Whether an array may have so many dimensions.
pub(crate) fn check_ndim(found: usize) -> Result<(), Error> {
    if found > MAX_DIMS { Err(Error::TooManyDims { found }) } else { Ok(()) }
}
