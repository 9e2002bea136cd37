//! Python's operators on `ufunx.Array`, each by its ufunc.

use self::ufuncs::*;
use crate::faces;
use crate::foreign::array::{Array, wrap};
use crate::python::lookup::{self, Names};
use crate::python::numpy_api::NumPy;
use pyo3::basic::CompareOp;
use pyo3::exceptions::{PySystemError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFloat, PyInt};

/// A ufunc of ours, looked up once.
struct Once {
    name: &'static str,
    found: PyOnceLock<Py<PyAny>>,
}

impl Once {
    const fn new(name: &'static str) -> Once {
        Once { name, found: PyOnceLock::new() }
    }

    fn get<'py>(&self, py: Python<'py>) -> Answer<'py> {
        let found = self.found.get_or_try_init(py, || {
            let found = faces::ufuncs::ufuncs(py)?.get_item(self.name)?;
            found.map(Bound::unbind).ok_or_else(|| PySystemError::new_err(self.name))
        })?;
        Ok(found.bind(py).clone())
    }
}

/// Whether an operand wants ufuncs left alone, and so answers the operator itself.
fn opts_out(other: &Bound<'_, PyAny>) -> bool {
    let name = Names::get(other.py()).array_ufunc.bind(other.py());
    lookup::on_class(other.as_borrowed(), name).is_some_and(|found| found.is_none())
}

fn not_implemented<'py>(py: Python<'py>) -> Answer<'py> {
    Ok(py.NotImplemented().into_bound(py))
}

/// `left OP right`, unless `other`, which of the two is no `Array` perhaps, opts out.
fn binary<'py>(
    ufunc: &Once,
    left: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
    other: &Bound<'py, PyAny>,
) -> Answer<'py> {
    let py = left.py();
    if opts_out(other) { not_implemented(py) } else { ufunc.get(py)?.call1((left, right)) }
}

/// `this OP= other`: written into the array, which must be writable.
fn in_place(ufunc: &Once, this: &Bound<'_, Array>, other: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = this.py();
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "out"), this)?;
    let result = ufunc.get(py)?.call((this, other), Some(&keywords))?;
    // Only an operand with an override of its own gives something else, which cannot be what the name stands for from now on.
    if result.is(this) {
        return Ok(());
    }
    let class = other.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "the {class} answered the in-place operation by an object of its own; write x = x + y for x += y"
    )))
}

/// What the operators call.
mod ufuncs {
    use super::Once;

    pub static NEGATIVE: Once = Once::new("negative");
    pub static POSITIVE: Once = Once::new("positive");
    pub static ABSOLUTE: Once = Once::new("absolute");
    pub static INVERT: Once = Once::new("invert");
    pub static ADD: Once = Once::new("add");
    pub static SUBTRACT: Once = Once::new("subtract");
    pub static MULTIPLY: Once = Once::new("multiply");
    pub static MATMUL: Once = Once::new("matmul");
    pub static DIVIDE: Once = Once::new("divide");
    pub static FLOOR_DIVIDE: Once = Once::new("floor_divide");
    pub static REMAINDER: Once = Once::new("remainder");
    pub static DIVMOD: Once = Once::new("divmod");
    pub static LEFT_SHIFT: Once = Once::new("left_shift");
    pub static RIGHT_SHIFT: Once = Once::new("right_shift");
    pub static BITWISE_AND: Once = Once::new("bitwise_and");
    pub static BITWISE_XOR: Once = Once::new("bitwise_xor");
    pub static BITWISE_OR: Once = Once::new("bitwise_or");
    pub static POWER: Once = Once::new("power");
    pub static SQUARE: Once = Once::new("square");
    /// In the order of [`pyo3::basic::CompareOp`].
    pub static COMPARISONS: [Once; 6] = [
        Once::new("less"),
        Once::new("less_equal"),
        Once::new("equal"),
        Once::new("not_equal"),
        Once::new("greater"),
        Once::new("greater_equal"),
    ];
}

type Answer<'py> = PyResult<Bound<'py, PyAny>>;

// Not by a macro of ours: what PyO3 makes of it is then taken for our code, which no lint lets pass.
#[pymethods]
impl Array {
    fn __neg__<'py>(slf: &Bound<'py, Self>) -> Answer<'py> {
        NEGATIVE.get(slf.py())?.call1((slf,))
    }

    fn __pos__<'py>(slf: &Bound<'py, Self>) -> Answer<'py> {
        POSITIVE.get(slf.py())?.call1((slf,))
    }

    fn __abs__<'py>(slf: &Bound<'py, Self>) -> Answer<'py> {
        ABSOLUTE.get(slf.py())?.call1((slf,))
    }

    fn __invert__<'py>(slf: &Bound<'py, Self>) -> Answer<'py> {
        INVERT.get(slf.py())?.call1((slf,))
    }

    fn __add__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&ADD, slf.as_any(), other, other)
    }

    fn __radd__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&ADD, other, slf.as_any(), other)
    }

    fn __sub__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&SUBTRACT, slf.as_any(), other, other)
    }

    fn __rsub__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&SUBTRACT, other, slf.as_any(), other)
    }

    fn __mul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&MULTIPLY, slf.as_any(), other, other)
    }

    fn __rmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&MULTIPLY, other, slf.as_any(), other)
    }

    fn __matmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&MATMUL, slf.as_any(), other, other)
    }

    fn __rmatmul__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&MATMUL, other, slf.as_any(), other)
    }

    fn __truediv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&DIVIDE, slf.as_any(), other, other)
    }

    fn __rtruediv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&DIVIDE, other, slf.as_any(), other)
    }

    fn __floordiv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&FLOOR_DIVIDE, slf.as_any(), other, other)
    }

    fn __rfloordiv__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&FLOOR_DIVIDE, other, slf.as_any(), other)
    }

    fn __mod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&REMAINDER, slf.as_any(), other, other)
    }

    fn __rmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&REMAINDER, other, slf.as_any(), other)
    }

    fn __divmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&DIVMOD, slf.as_any(), other, other)
    }

    fn __rdivmod__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&DIVMOD, other, slf.as_any(), other)
    }

    fn __lshift__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&LEFT_SHIFT, slf.as_any(), other, other)
    }

    fn __rlshift__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&LEFT_SHIFT, other, slf.as_any(), other)
    }

    fn __rshift__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&RIGHT_SHIFT, slf.as_any(), other, other)
    }

    fn __rrshift__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&RIGHT_SHIFT, other, slf.as_any(), other)
    }

    fn __and__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_AND, slf.as_any(), other, other)
    }

    fn __rand__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_AND, other, slf.as_any(), other)
    }

    fn __xor__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_XOR, slf.as_any(), other, other)
    }

    fn __rxor__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_XOR, other, slf.as_any(), other)
    }

    fn __or__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_OR, slf.as_any(), other, other)
    }

    fn __ror__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> Answer<'py> {
        binary(&BITWISE_OR, other, slf.as_any(), other)
    }

    fn __iadd__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&ADD, slf, other)
    }

    fn __isub__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&SUBTRACT, slf, other)
    }

    fn __imul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&MULTIPLY, slf, other)
    }

    fn __imatmul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&MATMUL, slf, other)
    }

    fn __itruediv__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&DIVIDE, slf, other)
    }

    fn __ifloordiv__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&FLOOR_DIVIDE, slf, other)
    }

    fn __imod__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&REMAINDER, slf, other)
    }

    fn __ilshift__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&LEFT_SHIFT, slf, other)
    }

    fn __irshift__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&RIGHT_SHIFT, slf, other)
    }

    fn __iand__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&BITWISE_AND, slf, other)
    }

    fn __ixor__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&BITWISE_XOR, slf, other)
    }

    fn __ior__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        in_place(&BITWISE_OR, slf, other)
    }

    fn __pow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: &Bound<'py, PyAny>,
    ) -> Answer<'py> {
        let py = slf.py();
        if !modulo.is_none() || opts_out(other) {
            return not_implemented(py);
        }
        match easier(other) {
            Some(ufunc) => ufunc.get(py)?.call1((slf,)),
            None => POWER.get(py)?.call1((slf, other)),
        }
    }

    fn __rpow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: &Bound<'py, PyAny>,
    ) -> Answer<'py> {
        if modulo.is_none() { binary(&POWER, other, slf.as_any(), other) } else { not_implemented(slf.py()) }
    }

    fn __ipow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        _modulo: &Bound<'py, PyAny>,
    ) -> PyResult<()> {
        in_place(&POWER, slf, other)
    }

    fn __richcmp__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>, op: CompareOp) -> Answer<'py> {
        let compare = || binary(&COMPARISONS[op as usize], slf.as_any(), other, other);
        let unequal = match op {
            CompareOp::Eq => false,
            CompareOp::Ne => true,
            _ => return compare(),
        };
        if other.is_none() {
            return everywhere(slf, other, unequal);
        }
        compare().or_else(|error| match cannot_be_compared(slf.py(), &error)? {
            true => everywhere(slf, other, unequal),
            false => Err(error),
        })
    }
}

/// The ufunc of one input that a power by this exponent is, as NumPy has it.
fn easier(exponent: &Bound<'_, PyAny>) -> Option<&'static Once> {
    let plain = exponent.is_exact_instance_of::<PyFloat>() || exponent.is_exact_instance_of::<PyInt>();
    match exponent.extract::<f64>() {
        Ok(2.0) if plain => Some(&SQUARE),
        _ => None,
    }
}

/// Whether it is the error of dtypes that no loop compares, of which NumPy's `==` and `!=` say that they differ.
fn cannot_be_compared(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    let no_loop = py.import("numpy._core._exceptions")?.getattr(intern!(py, "_UFuncNoLoopError"))?;
    let no_promotion = py.import("numpy.exceptions")?.getattr(intern!(py, "DTypePromotionError"))?;
    Ok(error.is_instance(py, &no_loop) || error.is_instance(py, &no_promotion))
}

/// The same answer for every element.
fn everywhere<'py>(this: &Bound<'py, Array>, other: &Bound<'py, PyAny>, answer: bool) -> Answer<'py> {
    let py = this.py();
    let numpy = py.import("numpy")?;
    let shapes = (this.get().shape(py)?, numpy.call_method1(intern!(py, "shape"), (other,))?);
    let shape = numpy.call_method1(intern!(py, "broadcast_shapes"), shapes)?;
    wrap(py, NumPy::get(py), numpy.call_method1(intern!(py, "full"), (shape, answer))?)
}
