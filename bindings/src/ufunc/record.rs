//! What is behind a ufunc object, which the face (`faces::object`) makes and every stage of a call reads.

use crate::python::numpy_api::NumPy;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;
use ufunx::FpFlags;
use ufunx::dispatch::arguments::Target;
use ufunx::program::{Program, take_raised};
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
    /// What keeps a definition made at run time.
    made: Option<Arc<UfuncDef>>,
}

impl Ufunc {
    /// One of the registry's, or NumPy's alone.
    pub fn new(
        twin: Py<PyAny>,
        def: Option<&'static UfuncDef>,
        target: Target,
        name: String,
    ) -> Ufunc {
        Ufunc { twin, def, target, name, short: ShortLoops::new(def), made: None }
    }

    /// One made at run time.
    pub fn made(twin: Py<PyAny>, def: Arc<UfuncDef>) -> Ufunc {
        let target = Target { nin: def.nin(), nout: def.nout(), generalized: false };
        // SAFETY: `made` keeps the definition as long as this lives, and a call, which holds its ufunc, keeps nothing of a
        // definition that outlives it.
        let forever: &'static UfuncDef = unsafe { &*Arc::as_ptr(&def) };
        let ufunc = Ufunc::new(twin, Some(forever), target, def.name.to_owned());
        Ufunc { made: Some(def), ..ufunc }
    }

    /// The program it was made of.
    pub fn program(&self) -> Option<&Program> {
        Program::of(self.made.as_ref()?)
    }

    /// Raises or warns of what a loop raised, under that name. A refusal comes first: NumPy raises it inside the loop.
    #[inline]
    pub fn report(&self, py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
        if flags.is_empty() {
            return Ok(());
        }
        match self.def.and_then(|def| def.refusal) {
            Some(why) if flags.contains(FpFlags::REFUSED) => Err(PyValueError::new_err(why)),
            _ if self.made.is_some() => report_steps(py, np, name, flags),
            _ => np.report(py, name, flags),
        }
    }

    /// NumPy's name of it, not an alias.
    pub fn own_name(&self) -> &str {
        &self.name
    }
}

/// Raises or warns of what the steps of a program raised, under their ufuncs' names; of the rest, which casts of outputs raised,
/// under that name.
#[cold]
fn report_steps(py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
    let mut rest = flags.0;
    for (ufunc, raised) in take_raised() {
        rest &= !raised.0;
        np.report(py, ufunc, raised)?;
    }
    np.report(py, name, FpFlags(rest))
}
