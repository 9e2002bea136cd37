//! What is behind a ufunc object, which the face (`faces::object`) makes and every stage of a call reads.

use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::sync::{Arc, OnceLock};
use ufunx::FpFlags;
use ufunx::dispatch::arguments::Target;
use ufunx::program::{Program, take_raised};
use ufunx::registry::UfuncDef;
use ufunx::short::loops::ShortLoops;

/// Makes the twin of a definition.
pub type MakeTwin = for<'py> fn(Python<'py>, &Arc<UfuncDef>) -> Returned<'py>;

/// What is behind the object.
pub struct Ufunc {
    /// NumPy's ufunc of the same name.
    twin: OnceLock<Py<PyAny>>,
    /// Ours; `None` where the registry has none yet, and the twin does everything.
    pub def: Option<&'static UfuncDef>,
    /// How many operands it has.
    pub target: Target,
    /// NumPy's name of it.
    pub name: String,
    /// Its loops by the dtypes of inputs, for short calls.
    pub short: ShortLoops,
    /// What keeps a definition made at run time, and how its twin is made.
    made: Option<(Arc<UfuncDef>, MakeTwin)>,
    /// The ufunc of the elements, of one that folds them.
    elements: PyOnceLock<Py<PyAny>>,
}

impl Ufunc {
    /// One of the registry's, or NumPy's alone.
    pub fn new(twin: Py<PyAny>, def: Option<&'static UfuncDef>, target: Target, name: String) -> Ufunc {
        Ufunc {
            twin: OnceLock::from(twin),
            def,
            target,
            name,
            short: ShortLoops::new(def),
            made: None,
            elements: PyOnceLock::new(),
        }
    }

    /// One made at run time.
    pub fn made(def: Arc<UfuncDef>, make_twin: MakeTwin) -> Ufunc {
        let target = Target { nin: def.nin(), nout: def.nout(), generalized: false };
        // SAFETY: `made` keeps the definition as long as this lives, and a call, which holds its ufunc, keeps nothing of a
        // definition that outlives it.
        let forever: &'static UfuncDef = unsafe { &*Arc::as_ptr(&def) };
        let folds = Program::of(&def).is_some_and(|program| program.definition().fold.is_some());
        Ufunc {
            twin: OnceLock::new(),
            name: def.name.to_owned(),
            short: ShortLoops::new((!folds).then_some(forever)),
            def: Some(forever),
            target,
            made: Some((def, make_twin)),
            elements: PyOnceLock::new(),
        }
    }

    /// NumPy's ufunc of the same name; that of a made one is made when it is first asked for.
    pub fn twin<'py>(&self, py: Python<'py>) -> PyResult<Object<'_, 'py>> {
        if let (None, Some((def, make_twin))) = (self.twin.get(), &self.made) {
            let twin = make_twin(py, def)?.unbind();
            // (The first of two threads'.)
            self.twin.get_or_init(|| twin);
        }
        match self.twin.get() {
            Some(twin) => Ok(twin.bind_borrowed(py)),
            None => unreachable!("every other one has had it from the start"),
        }
    }

    /// The program it was made of.
    pub fn program(&self) -> Option<&Program> {
        Program::of(&self.made.as_ref()?.0)
    }

    /// Raises or warns of what a loop raised, under that name. A refusal comes first: NumPy raises it inside the loop.
    #[inline]
    pub fn report(&self, py: Python<'_>, np: &NumPy, name: &str, flags: FpFlags) -> PyResult<()> {
        if flags.is_empty() {
            return Ok(());
        }
        match self.def.and_then(|def| def.refusal) {
            Some(why) if flags.contains(FpFlags::REFUSED) => {
                drop(take_raised()); // of nobody's interest any more
                Err(PyValueError::new_err(why))
            }
            _ if self.made.is_some() => report_steps(py, np, name, flags),
            _ => np.report(py, name, flags),
        }
    }

    /// The ufunc of the elements that one folds, which `make` makes once.
    pub fn elements<'py>(
        &self,
        py: Python<'py>,
        make: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<&Bound<'py, PyAny>> {
        let made = self.elements.get_or_try_init(py, || make().map(Bound::unbind))?;
        Ok(made.bind(py))
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
        // (What this call did not raise was noted of another.)
        let raised = FpFlags(raised.0 & flags.0);
        rest &= !raised.0;
        if !raised.is_empty() {
            np.report(py, ufunc, raised)?;
        }
    }
    np.report(py, name, FpFlags(rest))
}
