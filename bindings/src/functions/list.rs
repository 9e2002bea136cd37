//! The functions of NumPy's that run on the engine: their parameters and their native ways, one row each.

use super::bind::{Parameters, Shape};
use super::native::{Native, Reduction, Run, Ufuncs};
use super::reductions;
use super::{Kind, elementwise, moments, nans, new, pairs};
use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping};
use std::sync::Arc;

/// What a row says.
struct Row {
    names: &'static [&'static str],
    parameters: &'static str,
    relevant: &'static [&'static str],
    doc: &'static str,
    /// Arguments, and what is printed.
    example: (&'static str, &'static str),
    run: Run,
    reduction: Option<Reduction>,
}

/// Parameters as Python writes them: `/` and `*` divide, `=` marks those that need not be there, `**` takes the rest.
fn parameters(py: Python<'_>, row: &Row) -> Option<Parameters> {
    let mut names = vec![];
    let (mut positional, mut positional_only, mut required, mut more_keywords) = (None, 0, 0, false);
    for word in row.parameters.split_whitespace() {
        match word {
            "/" => positional_only = names.len(),
            "*" => positional = Some(names.len()),
            "**" => more_keywords = true,
            _ => {
                required += usize::from(!word.ends_with('='));
                names.push(word.trim_end_matches('='));
            }
        }
    }
    let positional = positional.unwrap_or(names.len());
    let relevant: Option<Vec<_>> =
        row.relevant.iter().map(|name| names.iter().position(|n| n == name)).collect();
    let shape = Shape { positional, positional_only, required, more_keywords, relevant: &relevant? };
    Parameters::new(py, names.into_iter(), &shape)
}

const SUM: &str = "a axis= dtype= out= keepdims= initial= where=";
const MAX: &str = "a axis= out= keepdims= initial= where=";
const ANY: &str = "a axis= out= keepdims= * where=";
const CUMSUM: &str = "a axis= dtype= out=";
const VAR: &str = "a axis= dtype= out= ddof= keepdims= * where= mean= correction=";
const CLOSE: &str = "a b rtol= atol= equal_nan=";

const ROWS: &[Row] = &[
    Row {
        names: &["sum"],
        parameters: SUM,
        relevant: &["a", "out"],
        doc: "Sum of the elements along the axes, by default all of them.",
        example: ("[[1.0, 2.0], [3.0, 4.0]], axis=0", "array([4., 6.])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.add, method: "sum", places: &reductions::SUM }),
    },
    Row {
        names: &["prod"],
        parameters: SUM,
        relevant: &["a", "out"],
        doc: "Product of the elements along the axes, by default all of them.",
        example: ("[[1.0, 2.0], [3.0, 4.0]], axis=1", "array([ 2., 12.])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.multiply, method: "prod", places: &reductions::SUM }),
    },
    Row {
        names: &["max", "amax"],
        parameters: MAX,
        relevant: &["a", "out"],
        doc: "Largest element along the axes, by default all of them; NaN where there is one.",
        example: ("[[1.0, 4.0], [3.0, 2.0]], axis=0", "array([3., 4.])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.maximum, method: "max", places: &reductions::MAX }),
    },
    Row {
        names: &["min", "amin"],
        parameters: MAX,
        relevant: &["a", "out"],
        doc: "Smallest element along the axes, by default all of them; NaN where there is one.",
        example: ("[[1.0, 4.0], [3.0, 2.0]], axis=0", "array([1., 2.])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.minimum, method: "min", places: &reductions::MAX }),
    },
    Row {
        names: &["any"],
        parameters: ANY,
        relevant: &["a", "where", "out"],
        doc: "Whether any element along the axes is true, by default of all.",
        example: ("[[True, False], [False, False]], axis=1", "array([ True, False])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.logical_or, method: "any", places: &reductions::ANY }),
    },
    Row {
        names: &["all"],
        parameters: ANY,
        relevant: &["a", "where", "out"],
        doc: "Whether all elements along the axes are true, by default all of them.",
        example: ("[[True, True], [True, False]], axis=1", "array([ True, False])"),
        run: reductions::reduce,
        reduction: Some(Reduction { ufunc: |u| &u.logical_and, method: "all", places: &reductions::ANY }),
    },
    Row {
        names: &["cumsum"],
        parameters: CUMSUM,
        relevant: &["a", "out"],
        doc: "Sums of the elements up to each one, along an axis or, by default, of the flattened array.",
        example: ("[1.0, 2.0, 3.0]", "array([1., 3., 6.])"),
        run: reductions::cumsum,
        reduction: None,
    },
    Row {
        names: &["cumprod"],
        parameters: CUMSUM,
        relevant: &["a", "out"],
        doc: "Products of the elements up to each one, along an axis or, by default, of the flattened array.",
        example: ("[1.0, 2.0, 3.0]", "array([1., 2., 6.])"),
        run: reductions::cumprod,
        reduction: None,
    },
    Row {
        names: &["mean"],
        parameters: "a axis= dtype= out= keepdims= * where=",
        relevant: &["a", "where", "out"],
        doc: "Arithmetic mean along the axes, by default of all elements.",
        example: ("[[1.0, 2.0], [3.0, 5.0]], axis=1", "array([1.5, 4. ])"),
        run: moments::mean,
        reduction: None,
    },
    Row {
        names: &["var"],
        parameters: VAR,
        relevant: &["a", "where", "out", "mean"],
        doc: "Variance along the axes, by default of all elements, the divisor being their number less ddof.",
        example: ("[1.0, 2.0, 3.0, 4.0]", "np.float64(1.25)"),
        run: moments::var,
        reduction: None,
    },
    Row {
        names: &["std"],
        parameters: VAR,
        relevant: &["a", "where", "out", "mean"],
        doc: "Standard deviation along the axes, by default of all elements: the square root of the variance.",
        example: ("[1.0, 2.0, 3.0, 4.0], ddof=1", "np.float64(1.2909944487358056)"),
        run: moments::std,
        reduction: None,
    },
    Row {
        names: &["clip"],
        parameters: "a a_min= a_max= out= * min= max= **",
        relevant: &["a", "a_min", "a_max", "out", "min", "max"],
        doc: "The elements, those outside of the bounds replaced by the bound.",
        example: ("[1, 5, 9], 2, 8", "array([2, 5, 8])"),
        run: elementwise::clip,
        reduction: None,
    },
    Row {
        names: &["where"],
        parameters: "condition x= y= /",
        relevant: &["condition", "x", "y"],
        doc: "Elements of x where the condition is true, else of y; with the condition alone, the places where it is.",
        example: ("[True, False], [1, 2], [3, 4]", "array([1, 4])"),
        run: elementwise::choose,
        reduction: None,
    },
    Row {
        names: &["round", "around"],
        parameters: "a decimals= out=",
        relevant: &["a", "out"],
        doc: "The elements rounded to that many decimals, halves to even.",
        example: ("[0.5, 1.5, 2.7]", "array([0., 2., 3.])"),
        run: elementwise::round,
        reduction: None,
    },
    Row {
        names: &["nansum"],
        parameters: SUM,
        relevant: &["a", "out"],
        doc: "Sum of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(3.0)"),
        run: nans::nansum,
        reduction: None,
    },
    Row {
        names: &["nanmean"],
        parameters: "a axis= dtype= out= keepdims= * where=",
        relevant: &["a", "out"],
        doc: "Arithmetic mean of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(1.5)"),
        run: nans::nanmean,
        reduction: None,
    },
    Row {
        names: &["nanvar"],
        parameters: VAR,
        relevant: &["a", "out"],
        doc: "Variance of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(0.25)"),
        run: nans::nanvar,
        reduction: None,
    },
    Row {
        names: &["nanstd"],
        parameters: VAR,
        relevant: &["a", "out"],
        doc: "Standard deviation of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(0.5)"),
        run: nans::nanstd,
        reduction: None,
    },
    Row {
        names: &["nanmin"],
        parameters: MAX,
        relevant: &["a", "out"],
        doc: "Least of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(1.0)"),
        run: nans::nanmin,
        reduction: None,
    },
    Row {
        names: &["nanmax"],
        parameters: MAX,
        relevant: &["a", "out"],
        doc: "Largest of the elements that are numbers, along the axes, by default all of them.",
        example: ("[1.0, ufunx.nan, 2.0]", "np.float64(2.0)"),
        run: nans::nanmax,
        reduction: None,
    },
    Row {
        names: &["nan_to_num"],
        parameters: "x copy= nan= posinf= neginf=",
        relevant: &["x"],
        doc: "The elements, with numbers in place of NaN and the infinities.",
        example: ("[1.0, ufunx.nan]", "array([1., 0.])"),
        run: nans::nan_to_num,
        reduction: None,
    },
    Row {
        names: &["ptp"],
        parameters: "a axis= out= keepdims=",
        relevant: &["a", "out"],
        doc: "Largest less smallest element along the axes, by default of all.",
        example: ("[[1, 5], [2, 9]], axis=1", "array([4, 7])"),
        run: pairs::ptp,
        reduction: None,
    },
    Row {
        names: &["diff"],
        parameters: "a n= axis= prepend= append=",
        relevant: &["a", "prepend", "append"],
        doc: "Differences of neighbours along an axis, by default the last.",
        example: ("[1, 4, 9]", "array([3, 5])"),
        run: pairs::diff,
        reduction: None,
    },
    Row {
        names: &["average"],
        parameters: "a axis= weights= returned= * keepdims=",
        relevant: &["a", "weights"],
        doc: "Weighted mean along the axes, by default of all elements.",
        example: ("[1.0, 3.0], weights=[3.0, 1.0]", "np.float64(1.5)"),
        run: pairs::average,
        reduction: None,
    },
    Row {
        names: &["trapezoid"],
        parameters: "y x= dx= axis=",
        relevant: &["y", "x"],
        doc: "Area under the line through points.",
        example: ("[1.0, 2.0, 3.0]", "np.float64(4.0)"),
        run: pairs::trapezoid,
        reduction: None,
    },
    Row {
        names: &["array_equal"],
        parameters: "a1 a2 equal_nan=",
        relevant: &["a1", "a2"],
        doc: "Whether two arrays have one shape and equal elements.",
        example: ("[1, 2], [1, 2]", "True"),
        run: pairs::array_equal,
        reduction: None,
    },
    Row {
        names: &["isclose"],
        parameters: CLOSE,
        relevant: &["a", "b", "rtol", "atol"],
        doc: "Which elements are within a tolerance of each other.",
        example: ("[1.0, 2.0], [1.0, 2.1]", "array([ True, False])"),
        run: pairs::isclose,
        reduction: None,
    },
    Row {
        names: &["allclose"],
        parameters: CLOSE,
        relevant: &["a", "b", "rtol", "atol"],
        doc: "Whether all elements are within a tolerance of each other.",
        example: ("[1.0, 2.0], [1.0, 2.0]", "True"),
        run: pairs::allclose,
        reduction: None,
    },
];

/// Ours by NumPy's public functions.
static MADE: PyOnceLock<Py<PyDict>> = PyOnceLock::new();

/// The object of ours for a public function of NumPy's.
pub fn of_public<'py>(public: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    MADE.get(public.py()).map_or(Ok(None), |made| made.bind(public.py()).get_item(public))
}

/// The object for each function of NumPy's that runs on the engine, by name. They are made once in a process, so that `is`
/// holds for them, and pickles find them, whoever asks. `named` are our ufuncs by name.
#[pyfunction]
pub fn functions<'py>(py: Python<'py>, named: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    static BY_NAME: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
    let made = BY_NAME.get_or_try_init(py, || make_functions(py, named).map(Bound::unbind))?;
    made.bind(py).copy()
}

fn make_functions<'py>(py: Python<'py>, named: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let numpy = py.import("numpy")?;
    let ufuncs = Arc::new(Ufuncs::new(named)?);
    let made = PyDict::new(py);
    let by_public = MADE.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
    for row in ROWS {
        for &name in row.names {
            let public = dispatcher(numpy.getattr(name)?)?;
            let implementation = match public.getattr_opt("_implementation")? {
                Some(implementation) => implementation,
                None => public.clone(),
            };
            let native = Native {
                parameters: parameters(py, row).ok_or_else(|| PySystemError::new_err(name))?,
                public: public.clone().unbind(),
                run: row.run,
                reduction: row.reduction,
                ufuncs: ufuncs.clone(),
            };
            let function = new(&implementation, Kind::Native(native))?;
            let attributes = function.getattr("__dict__")?.cast_into::<PyDict>()?;
            attributes.update(public.getattr("__dict__")?.cast::<PyMapping>()?)?;
            attributes.set_item("__module__", "ufunx")?;
            attributes.set_item("__doc__", docstring(row, name))?;
            by_public.set_item(public, &function)?;
            made.set_item(name, function)?;
        }
    }
    Ok(made)
}

/// NumPy's own object behind what stands under a public name, where another library has put a wrapper there; what stands
/// there itself, if the wrapper does not say.
fn dispatcher(public: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    const MOST_WRAPPERS: usize = 8;
    let mut found = public.clone();
    for _ in 0..MOST_WRAPPERS {
        if found.hasattr("_implementation")? {
            return Ok(found);
        }
        match found.getattr_opt("__wrapped__")? {
            Some(wrapped) => found = wrapped,
            None => break,
        }
    }
    Ok(public)
}

/// What `help` shows.
fn docstring(row: &Row, name: &str) -> String {
    let (doc, (arguments, printed)) = (row.doc, row.example);
    format!(
        "{doc}\n\nParameters and result are those of numpy.{name}. Arrays of a native dtype with plain arguments run\n\
         on the engine, anything else is NumPy's. Objects with __array_function__ are handed numpy.{name}.\n\n\
         Examples\n--------\n>>> import ufunx\n>>> ufunx.{name}({arguments})\n{printed}\n"
    )
}
