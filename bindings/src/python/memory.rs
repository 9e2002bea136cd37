//! Memory that ran out in the engine: an error of the call, where its other errors are NumPy's to say.

use crate::arguments::parse::Reason;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use ufunx::Error;

/// The error of a call that ran out of memory; another is a reason for NumPy to have the call.
pub fn out_of_memory(error: Error) -> Result<PyErr, Reason> {
    match error {
        Error::OutOfMemory { .. } => Ok(Raised::from(error).0),
        Error::Resolve(_) => Err(Reason::Resolution),
        _ => Err(Reason::Layout),
    }
}

/// An error of Python's or of the engine's, once nothing is left to be refused.
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

/// Make the n-th request for memory that grows with an operand fail, of those this thread makes from now on, 0 for none;
/// what was left of the last such wish is returned, 0 if it has been fulfilled. For tests.
#[pyfunction]
pub fn fail_memory_at(n: usize) -> usize {
    ufunx::memory::fail_at(n)
}
