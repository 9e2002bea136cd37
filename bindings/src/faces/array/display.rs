//! The text of `ufunx.Array`, in NumPy's form. Elements that NumPy cannot print have as many digits as tell them from their
//! neighbours.

use super::convert::{is_rounded_to, value_of};
use crate::foreign::array::Array;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCFunction, PyDict, PyTuple};
use ufunx::DType;

#[pymethods]
impl Array {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let array = self.ndarray(py);
        if self.is_numpys(py) {
            let text = array.repr()?.to_string();
            return Ok(text.replacen("array", "Array", 1));
        }
        let options = py.import("numpy")?.call_method0(intern!(py, "get_printoptions"))?;
        let option = |name: &str| options.get_item(name)?.extract::<usize>();
        let dtype = self.element(py);
        let mut text = printed(array, dtype, "Array(", ", ")?;
        let size: usize = self.size(py)?.extract()?;
        let shape = self.shape(py)?;
        let shows_shape = if size == 0 { !shape.eq((0,))? } else { size > option("threshold")? };
        let shape = if shows_shape { format!("shape={shape}, ") } else { String::new() };
        let rest = format!("{shape}dtype={dtype})");
        let last_line = text.rsplit('\n').next().map_or(0, str::len);
        text = format!("Array({text},");
        let fits = last_line + "Array(".len() + rest.len() < option("linewidth")?;
        Ok(format!("{text}{}{rest}", if fits { " " } else { "\n      " }))
    }

    fn __str__(&self, py: Python<'_>) -> PyResult<String> {
        let array = self.ndarray(py);
        if self.is_numpys(py) {
            Ok(array.str()?.to_string())
        } else {
            printed(array, self.element(py), "", " ")
        }
    }

    fn __format__(slf: &Bound<'_, Self>, spec: &str) -> PyResult<String> {
        let this = slf.get();
        let one = this.ndim(slf.py())?.extract::<usize>()? == 0;
        if one && !spec.is_empty() {
            let item = this.item(slf.py(), &PyTuple::empty(slf.py()))?;
            return Ok(item.call_method1(intern!(slf.py(), "__format__"), (spec,))?.to_string());
        }
        let object = slf.py().get_type::<pyo3::PyAny>();
        Ok(object.call_method1(intern!(slf.py(), "__format__"), (slf, spec))?.to_string())
    }
}

/// The elements of a stand-in's array, as NumPy lays them out.
fn printed(array: &Bound<'_, PyAny>, dtype: DType, prefix: &str, separator: &str) -> PyResult<String> {
    let py = array.py();
    let element = move |args: &Bound<'_, PyTuple>, _: Option<&Bound<'_, PyDict>>| -> PyResult<String> {
        let bytes = args.get_item(0)?.call_method0(intern!(args.py(), "tobytes"))?;
        Ok(shortest(dtype, value_of(dtype, bytes.cast::<PyBytes>()?.as_bytes())))
    };
    let formatter = PyDict::new(py);
    formatter.set_item(intern!(py, "all"), PyCFunction::new_closure(py, None, None, element)?)?;
    let keywords = PyDict::new(py);
    keywords.set_item(intern!(py, "prefix"), prefix)?;
    keywords.set_item(intern!(py, "separator"), separator)?;
    keywords.set_item(intern!(py, "formatter"), formatter)?;
    py.import("numpy")?.getattr(intern!(py, "array2string"))?.call((array,), Some(&keywords))?.extract()
}

/// The shortest decimal number that is rounded to the value, as C's `%g` writes it.
fn shortest(dtype: DType, value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() || value == 0.0 {
        return format!("{value}");
    }
    // Nine digits tell any two f32 apart, and these are narrower.
    let digits = |n: usize| format!("{value:.n$e}");
    let same = |text: &String| text.parse().is_ok_and(|number| is_rounded_to(dtype, number, value));
    let text = (0..9).map(digits).find(same).unwrap_or_else(|| digits(9));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match (text.parse::<f64>(), exponent.parse::<i32>()) {
        (Ok(number), Ok(-4..6)) => format!("{number}"),
        (_, Ok(exponent)) => format!("{mantissa}e{exponent:+03}"),
        _ => text,
    }
}
