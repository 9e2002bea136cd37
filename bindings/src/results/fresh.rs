//! What a call makes a new result as: an array, a scalar where it has no dimensions, or what a foreign library takes.

use super::scalar::scalar;
use crate::python::memory::Raised;
use crate::python::numpy_api::NumPy;
use crate::python::object::Object;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smallvec::SmallVec;
use ufunx::DType;
use ufunx::short::MOST_OUTPUTS;

/// Makes one element of the result's dtype, at that address, the result.
pub type FromElement<'py, M> = unsafe fn(Python<'py>, &NumPy, DType, *mut u8) -> PyResult<M>;

/// A way of making new results.
pub trait Fresh<'py> {
    /// What is made.
    type Made;

    /// How a result of no dimensions is made, if not as any other.
    const ELEMENT: Option<FromElement<'py, Self::Made>> = None;

    /// A result with memory for its elements, in byte strides without gaps or as rows; and where they are.
    fn make(
        py: Python<'py>,
        np: &NumPy,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Self::Made, *mut u8)>;
}

/// An array in any case.
pub type NewArray = Arrays<false>;

/// An array; a scalar where it has no dimensions.
pub type ArrayOrScalar = Arrays<true>;

/// Arrays, or scalars where those have no dimensions.
pub struct Arrays<const SCALARS: bool>;

impl<'py, const SCALARS: bool> Fresh<'py> for Arrays<SCALARS> {
    type Made = Bound<'py, PyAny>;

    const ELEMENT: Option<FromElement<'py, Self::Made>> = if SCALARS { Some(scalar) } else { None };

    #[inline]
    fn make(
        py: Python<'py>,
        np: &NumPy,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Self::Made, *mut u8)> {
        np.new_array(py, dtype, shape, strides)
    }
}

/// One object per output.
pub type Results<'py> = SmallVec<[Bound<'py, PyAny>; MOST_OUTPUTS]>;

/// The outputs of a planned call: those that were given, and new arrays for the others.
pub struct Targets<'py>(SmallVec<[Option<Bound<'py, PyAny>>; 1]>);

impl<'py> Targets<'py> {
    /// The given ones.
    pub fn of<T>(outputs: &[Option<(Object<'_, 'py>, T)>]) -> Targets<'py> {
        Targets(outputs.iter().map(|o| o.as_ref().map(|(object, _)| (*object).to_owned())).collect())
    }

    /// Makes one, and says where its memory is.
    pub fn make(
        &mut self,
        py: Python<'py>,
        np: &NumPy,
        i: usize,
        (dtype, shape, strides): (DType, &[usize], &[isize]),
    ) -> Result<*mut u8, Raised> {
        let (array, data) = np.new_array(py, dtype, shape, Some(strides))?;
        self.0[i] = Some(array);
        Ok(data)
    }

    /// All of them, once every one was given or made.
    pub fn all(self) -> Results<'py> {
        let made =
            |result: Option<_>| result.unwrap_or_else(|| unreachable!("a planned call has every output"));
        self.0.into_iter().map(made).collect()
    }
}

/// Results as a call returns them: a tuple, if there are several.
pub fn returned<'py>(py: Python<'py>, mut results: Results<'py>) -> PyResult<Bound<'py, PyAny>> {
    match results.len() {
        1 => Ok(results.remove(0)),
        _ => Ok(PyTuple::new(py, results)?.into_any()),
    }
}
