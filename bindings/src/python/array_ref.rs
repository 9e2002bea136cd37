//! NumPy's arrays, looked at without a reference taken.

use super::dtypes::{DateUnit, type_number};
use super::numpy_api::NumPy;
use super::object::{Object, lent_by_c};
use numpy::npyffi::{NPY_ARRAY_WRITEABLE, PyArray_Descr, PyArrayObject};
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::operand::{Operand, Shape, Strides};

/// An array that somebody keeps alive for `'a`, of whatever class. Everything is read anew each time, for code of anybody's
/// may give an array another shape, or other memory: so there are numbers, and no references into it. An address is worth
/// something only until somebody else's code runs; what is done with it is `unsafe` where it is done.
#[derive(Clone, Copy)]
pub struct ArrayRef<'a, 'py>(Object<'a, 'py>);

impl NumPy {
    /// It, if it is an array of no subclass.
    #[inline]
    pub fn exact_array<'a, 'py>(&self, object: Object<'a, 'py>) -> Option<ArrayRef<'a, 'py>> {
        self.is_exact_array(object).then_some(ArrayRef(object))
    }

    /// It, if it is an array, of whatever class.
    #[inline]
    pub fn array<'a, 'py>(&self, object: Object<'a, 'py>) -> Option<ArrayRef<'a, 'py>> {
        self.is_array(object).then_some(ArrayRef(object))
    }
}

impl<'a, 'py> ArrayRef<'a, 'py> {
    /// The object.
    #[inline]
    pub fn object(self) -> Object<'a, 'py> {
        self.0
    }

    /// What NumPy's C API takes.
    #[inline]
    pub fn as_ptr(self) -> *mut PyArrayObject {
        self.0.as_ptr().cast()
    }

    /// How many axes it has.
    #[inline]
    pub fn nd(self) -> usize {
        // SAFETY: a live array, as whoever made this saw.
        unsafe { (*self.as_ptr()).fields.nd as usize }
    }

    /// NumPy's flags.
    #[inline]
    pub fn flags(self) -> i32 {
        // SAFETY: a live array.
        unsafe { (*self.as_ptr()).fields.flags }
    }

    /// Whether it may be written to.
    #[inline]
    pub fn is_writable(self) -> bool {
        self.flags() & NPY_ARRAY_WRITEABLE != 0
    }

    /// The descriptor of its elements.
    #[inline]
    pub fn descr(self) -> *mut PyArray_Descr {
        // SAFETY: a live array.
        unsafe { (*self.as_ptr()).fields.descr }
    }

    /// The same, as an object.
    pub fn descr_object(self) -> Bound<'py, PyAny> {
        // SAFETY: a live array keeps its descriptor, an object, of which this is a reference.
        unsafe { lent_by_c(self.0.py(), self.descr().cast()) }.to_owned()
    }

    /// The unit its elements count, if they are dates.
    pub fn unit(self, np: &NumPy) -> DateUnit {
        np.dtypes.unit(self.descr_object().as_borrowed())
    }

    /// The type number of its elements.
    pub fn number(self) -> i32 {
        // SAFETY: a live array keeps its descriptor.
        unsafe { type_number(self.descr()) }
    }

    /// Where its first element is.
    #[inline]
    pub fn data(self) -> *mut u8 {
        // SAFETY: a live array.
        unsafe { (*self.as_ptr()).fields.data.cast() }
    }

    /// The dtype of its elements; `None` for what NumPy itself must handle, foreign byte order included.
    #[inline]
    pub fn dtype(self, np: &NumPy) -> Option<DType> {
        // SAFETY: a live array keeps its descriptor.
        unsafe { np.dtypes.of_descr(self.descr()) }
    }

    /// Whether its elements are in the other byte order than this machine's.
    pub fn is_swapped(self, np: &NumPy) -> bool {
        // SAFETY: a live array keeps its descriptor.
        unsafe { np.dtypes.of_swapped(self.descr()) }.is_some()
    }

    /// The dtype whose memory and loops its elements share under another name.
    pub fn labelled(self, np: &NumPy) -> Option<DType> {
        // SAFETY: a live array keeps its descriptor.
        unsafe { np.dtypes.of_label(self.descr()) }
    }

    /// Whether its dtype is NumPy's own affair, in whatever byte order.
    pub fn is_numpys(self, np: &NumPy) -> bool {
        self.dtype(np).is_none() && !self.is_swapped(np) && self.labelled(np).is_none()
    }

    /// A copy in this machine's byte order, of no subclass; `None` if it is in that already, or of no native dtype at all, or has
    /// elements that repeat: results are laid out by the strides of those.
    pub fn in_native_order(self, np: &NumPy) -> Option<PyResult<Bound<'py, PyAny>>> {
        if self.dims().zip(self.strides()).any(|(n, stride)| n > 1 && stride == 0) {
            return None;
        }
        // SAFETY: a live array keeps its descriptor.
        let dtype = unsafe { np.dtypes.of_swapped(self.descr()) }?;
        Some(np.array_of(self.0, np.dtypes.descr(dtype)))
    }

    /// Where the lengths of its axes are, one after the other, as long as nobody gives it another shape.
    pub fn lengths(self) -> *mut isize {
        // SAFETY: a live array.
        unsafe { (*self.as_ptr()).fields.dimensions }
    }

    /// The length of an axis.
    #[inline]
    pub fn dim(self, axis: usize) -> usize {
        assert!(axis < self.nd());
        // SAFETY: a live array has a length for each axis, none of them negative.
        unsafe { *(*self.as_ptr()).fields.dimensions.add(axis) as usize }
    }

    /// The byte stride of an axis.
    #[inline]
    pub fn stride(self, axis: usize) -> isize {
        assert!(axis < self.nd());
        // SAFETY: a live array has a stride for each axis.
        unsafe { *(*self.as_ptr()).fields.strides.add(axis) }
    }

    /// The lengths of its axes.
    #[inline]
    pub fn dims(self) -> impl ExactSizeIterator<Item = usize> + DoubleEndedIterator + Clone {
        (0..self.nd()).map(move |axis| self.dim(axis))
    }

    /// The byte strides of its axes.
    #[inline]
    pub fn strides(self) -> impl ExactSizeIterator<Item = isize> + DoubleEndedIterator + Clone {
        (0..self.nd()).map(move |axis| self.stride(axis))
    }

    /// The lengths of its axes, in one.
    pub fn shape(self) -> Shape {
        match self.nd() {
            0 => Shape::new(),
            // SAFETY: a live array has a length for each axis; they are copied before anybody else's code runs.
            nd => Shape::from_slice(unsafe { std::slice::from_raw_parts(self.lengths().cast(), nd) }),
        }
    }

    /// Its memory, as elements of its own dtype.
    pub fn operand(self, dtype: DType) -> Operand {
        let strides = match self.nd() {
            0 => Strides::new(),
            // SAFETY: a live array has a stride for each axis; they are copied before anybody else's code runs.
            nd => unsafe {
                Strides::from_slice(std::slice::from_raw_parts((*self.as_ptr()).fields.strides, nd))
            },
        };
        Operand { ptr: self.data(), dtype, shape: self.shape(), strides }
    }
}

/// An array that is one for certain.
pub fn known_array<'a, 'py>(np: &NumPy, array: &'a Bound<'py, PyAny>) -> ArrayRef<'a, 'py> {
    np.array(array.as_borrowed()).unwrap_or_else(|| unreachable!("an array"))
}

/// The dtype whose stand-in an exact array has.
#[inline]
pub fn stood_for(np: &NumPy, object: Object<'_, '_>) -> Option<DType> {
    np.dtypes.stood_for(np.exact_array(object)?.descr())
}
