//! What is behind a ufunc object, which the face (`faces::object`) makes and every stage of a call reads.

use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use ufunx::FpFlags;
use ufunx::dispatch::arguments::Target;
use ufunx::registry::UfuncDef;
use ufunx::short::loops::ShortLoops;

/// What is behind the object.
pub struct Ufunc {
    /// NumPy's ufunc of the same name.
    pub twin: Py<PyAny>,
    /// Ours; `None` where the registry has none yet, and the twin does everything.
    pub def: Option<&'static UfuncDef>,
    /// How many operands it has.
    pub target: Target,
    /// NumPy's name of it.
    pub name: String,
    /// Its loops by the dtypes of inputs, for short calls.
    pub short: ShortLoops,
}

impl Ufunc {
    /// Raises or warns of what a loop raised, under that name. A refusal comes first: NumPy raises it inside the loop.
    #[inline]
    pub fn report(&self, py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
        if flags.is_empty() {
            return Ok(());
        }
        match self.def.and_then(|def| def.refusal) {
            Some(why) if flags.contains(FpFlags::REFUSED) => Err(PyValueError::new_err(why)),
            _ => np.report(py, name, flags),
        }
    }

    /// NumPy's name of it, not an alias.
    pub fn own_name(&self) -> &str {
        &self.name
    }
}
