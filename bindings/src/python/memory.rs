//! Memory that ran out in the engine, as Python's error.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use ufunx::Error;

/// An error of Python's, or of the engine's once nothing is left to be refused.
pub struct Raised(PyErr);

impl From<Error> for Raised {
    fn from(error: Error) -> Raised {
        Raised(PyMemoryError::new_err(error.to_string()))
    }
}

impl From<PyErr> for Raised {
    fn from(error: PyErr) -> Raised {
        Raised(error)
    }
}

impl From<Raised> for PyErr {
    fn from(error: Raised) -> PyErr {
        error.0
    }
}
