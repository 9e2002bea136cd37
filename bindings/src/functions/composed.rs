//! Functions that NumPy composes of ufuncs with a temporary array for each step, run here as programs, which make none: each is
//! a ufunc made once, of the steps that NumPy takes, so that results are NumPy's to the last bit where sums are.

use super::objects::call_object;
use crate::python::object::{Object, Returned};
use pyo3::exceptions::PySystemError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString};
use smallvec::SmallVec;
use ufunx::program::{Definition, DefinitionError, Named, Value};
use ufunx::registry::UfuncDef;
use ufunx::{
    Program, absolute_of, equal_of, isfinite_of, isnan_of, less_equal_of, logical_not_of, square_of,
};

/// The programs.
pub struct Composed {
    /// The sum of what is a number.
    pub nan_sum: Py<PyAny>,
    /// How many are.
    pub numbers: Py<PyAny>,
    /// The sum of the squares of their distances to the second operand.
    pub nan_squares: Py<PyAny>,
    /// The sum of the squares of the distances to the second operand: as NumPy squares since 2.4, and as before.
    pub squares: Py<PyAny>,
    /// By products.
    pub products_of_distances: Py<PyAny>,
    /// The sum of products.
    pub products: Py<PyAny>,
    /// The area under the line of the first two's heights, the last two being their places; and where places are 1 apart.
    pub area: Py<PyAny>,
    /// The same where places are 1 apart.
    pub steps_area: Py<PyAny>,
    /// Whether the second is as near to the first as the last two, the relative and the absolute distance, say.
    pub close: Py<PyAny>,
    /// The same, and NaN near to NaN.
    pub close_nan: Py<PyAny>,
    /// The first, with the others in place of NaN, infinity and minus infinity.
    pub nan_to_num: Py<PyAny>,
}

impl Composed {
    /// The programs, made when the first is wanted.
    pub fn get(py: Python<'_>) -> PyResult<&'static Composed> {
        static COMPOSED: PyOnceLock<Composed> = PyOnceLock::new();
        COMPOSED.get_or_try_init(py, || Composed::new(py))
    }

    fn new(py: Python<'_>) -> PyResult<Composed> {
        let number = |x: &Value| isnan_of(x).choose(0.0, x);
        let close = |[a, b, relative, absolute]: [Value; 4], nan: bool| {
            let near = less_equal_of(absolute_of(&a - &b), absolute + relative * absolute_of(&b));
            let near = (near & isfinite_of(&b)) | equal_of(&a, &b);
            if nan { near | (isnan_of(&a) & isnan_of(&b)) } else { near }
        };
        let trapezoids = |distance: Value, [a, b]: [&Value; 2]| distance * (b + a) / 2.0;
        Ok(Composed {
            nan_sum: folding(py, "nansum", "add", |[x]| number(&x))?,
            numbers: folding(py, "nansum", "add", |[x]| logical_not_of(isnan_of(&x)))?,
            nan_squares: folding(py, "nanvar", "add", |[x, mean]| {
                let apart = isnan_of(&x).choose(0.0, number(&x) - mean);
                &apart * &apart
            })?,
            squares: folding(py, "var", "add", |[x, mean]| square_of(x - mean))?,
            products_of_distances: folding(py, "var", "add", |[x, mean]| {
                let apart = x - mean;
                &apart * &apart
            })?,
            products: folding(py, "average", "add", |[x, weight]| x * weight)?,
            area: folding(py, "trapezoid", "add", |[a, b, from, to]| trapezoids(to - from, [&a, &b]))?,
            steps_area: folding(py, "trapezoid", "add", |[a, b]| trapezoids(Value::from(1.0), [&a, &b]))?,
            close: object(py, Program::new("isclose", |all| close(all, false)))?,
            close_nan: object(py, Program::new("isclose", |all| close(all, true)))?,
            nan_to_num: object(
                py,
                Program::new("nan_to_num", |[x, nan, most, least]| {
                    let finite = equal_of(&x, f64::NEG_INFINITY).choose(least, &x);
                    isnan_of(&x).choose(nan, equal_of(&x, f64::INFINITY).choose(most, finite))
                }),
            )?,
        })
    }
}

/// From so many elements on, two steps are better one pass: below, an array between them stays in the cache, and costs less than
/// walking piece by piece (sums of products of 100,000 f64: 44 us by two calls, 59 in one pass; of a million, 1241 and 944).
pub const ONE_PASS: usize = 1 << 17;

/// Calls one that folds, along an axis or all.
pub fn fold<'py>(
    ufunc: &Py<PyAny>,
    py: Python<'py>,
    inputs: &[Object<'_, 'py>],
    axis: Option<Object<'_, 'py>>,
    keepdims: Option<Object<'_, 'py>>,
) -> Returned<'py> {
    let named = [(intern!(py, "axis"), axis), (intern!(py, "keepdims"), keepdims)];
    let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let named: SmallVec<[(&Bound<'py, PyString>, Object<'_, 'py>); 2]> = named.collect();
    call_object(ufunc.bind_borrowed(py), inputs, &named)
}

/// `f` while NumPy says nothing of invalid operands.
pub fn invalid_ignored<'py>(py: Python<'py>, f: impl FnOnce() -> Returned<'py>) -> Returned<'py> {
    let ignore = intern!(py, "ignore").as_any();
    let class = py.import(intern!(py, "numpy"))?.getattr(intern!(py, "errstate"))?;
    let state = call_object(class.as_borrowed(), &[], &[(intern!(py, "invalid"), ignore.as_borrowed())])?;
    state.call_method0(intern!(py, "__enter__"))?;
    let result = f();
    state.call_method1(intern!(py, "__exit__"), (py.None(), py.None(), py.None()))?;
    result
}

fn folding<const N: usize>(
    py: Python<'_>,
    name: &str,
    by: &str,
    f: impl FnOnce([Value; N]) -> Value,
) -> PyResult<Py<PyAny>> {
    let folding = Program::new(name, f).and_then(|def| {
        let elements = program(&def).definition().clone();
        let definition = Definition { fold: Some(Named::find(by)?), ..elements };
        Ok(Program::ufunc(definition.checked()?))
    });
    object(py, folding)
}

/// The ufunc object: that of the definition, as any other that is made.
fn object(py: Python<'_>, def: Result<UfuncDef, DefinitionError>) -> PyResult<Py<PyAny>> {
    let def = def.map_err(|error| PySystemError::new_err(error.to_string()))?;
    let bytes = PyBytes::new(py, &program(&def).definition().to_bytes());
    let native = py.import(intern!(py, "ufunx._native"))?;
    Ok(native.call_method1(intern!(py, "from_definition"), (bytes,))?.unbind())
}

fn program(def: &UfuncDef) -> &Program {
    Program::of(def).unwrap_or_else(|| unreachable!("it was made of one"))
}
