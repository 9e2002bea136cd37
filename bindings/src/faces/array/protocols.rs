//! NumPy's ufuncs and functions on `ufunx.Array`: ours of the same name where there is one, else NumPy's on arrays over the
//! same memory, whose results become `Array`s.

use super::convert::cast;
use super::share::for_numpy;
use crate::faces::ufuncs::ufuncs;
use crate::foreign::array::{Array, dtype_of, wrap};
use crate::functions;
use crate::numpys::stock;
use crate::python::class_cache::is_subtype;
use crate::python::heap_type::This;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use std::collections::HashMap;

#[pymethods]
impl Array {
    #[pyo3(signature = (ufunc, method, *inputs, **kwargs))]
    fn __array_ufunc__<'py>(
        &self,
        py: Python<'py>,
        ufunc: &Bound<'py, PyAny>,
        method: &Bound<'py, PyString>,
        inputs: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(ours) = ours(ufunc) {
            return ours.getattr(method)?.call(inputs, kwargs);
        }
        let np = NumPy::get(py);
        let mut call = Unwrapping::new(np, for_numpy);
        let (inputs, kwargs) = call.arguments(inputs, kwargs)?;
        let result = ufunc.getattr(method)?.call(inputs, kwargs.as_ref())?;
        call.wrapped(result, true)
    }

    fn __array_function__<'py>(
        &self,
        py: Python<'py>,
        func: &Bound<'py, PyAny>,
        types: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let np = NumPy::get(py);
        for class in types.try_iter()? {
            let class = class?.cast_into::<PyType>()?;
            if !is_subtype(&class, np.array_type) && !class.is(py.get_type::<Array>()) {
                return Ok(py.NotImplemented().into_bound(py));
            }
        }
        let native = functions::of_public(func)?;
        if let Some(native) = &native {
            let mut call = Unwrapping::new(np, |_, array| Ok(array.get().ndarray(py).clone()));
            let (args, kwargs) = call.arguments(args, Some(kwargs))?;
            if !call.found_any() {
                // It is in something that is not looked into, and the function would ask again.
                return Ok(py.NotImplemented().into_bound(py));
            }
            let result = match functions::run_natively(native, &args, kwargs.as_ref())? {
                None if native.getattr(intern!(py, "__name__"))?.eq("mean")? => {
                    mean(np, &args, kwargs.as_ref())?
                }
                result => result,
            };
            if let Some(result) = result {
                return call.wrapped(result, false);
            }
        }
        let mut call = Unwrapping::new(np, for_numpy);
        let (args, kwargs) = call.arguments(args, Some(kwargs))?;
        if !call.found_any() {
            return Ok(py.NotImplemented().into_bound(py));
        }
        let result = native.as_ref().unwrap_or(func).call(args, kwargs.as_ref())?;
        call.wrapped(result, false)
    }
}

/// Our object for a ufunc of NumPy's public namespace, or for itself.
fn ours<'py>(ufunc: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let ours = This::<Ufunc>::of(ufunc.as_borrowed()).or_else(|| stock::of_twin(ufunc.as_borrowed()));
    ours.map(|this| this.object.to_owned())
}

/// The mean of an array that NumPy has no dtype for, from a sum in f32; `None` for any other, and where an argument is not
/// plain.
fn mean<'py>(
    np: &NumPy,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = args.py();
    let Ok(array) = args.get_item(0) else { return Ok(None) };
    let Some(dtype) = dtype_of(np, &array).filter(|dtype| dtype.numpy_number().is_none()) else {
        return Ok(None);
    };
    let keywords = PyDict::new(py);
    if args.len() == 2 {
        keywords.set_item(intern!(py, "axis"), args.get_item(1)?)?;
    }
    for (name, value) in kwargs.into_iter().flatten() {
        let plain = ["axis", "keepdims"].iter().any(|&known| name.eq(known).unwrap_or(false));
        if !plain && !value.is_none() {
            return Ok(None);
        }
        if plain {
            keywords.set_item(name, value)?;
        }
    }
    if args.len() > 2 || array.getattr(intern!(py, "size"))?.eq(0)? {
        return Ok(None);
    }
    if !keywords.contains("axis")? {
        keywords.set_item(intern!(py, "axis"), py.None())?;
    }
    keywords.set_item(intern!(py, "dtype"), "float32")?;
    let ufuncs = ufuncs(py)?;
    let ufunc = |name: &str| ufuncs.as_any().get_item(name);
    let sum = ufunc("add")?.getattr(intern!(py, "reduce"))?.call((&array,), Some(&keywords))?;
    let count: usize = array.getattr(intern!(py, "size"))?.extract()?;
    let sums: usize = sum.getattr(intern!(py, "size"))?.extract()?;
    let mean = ufunc("divide")?.call1((sum, (count / sums.max(1)) as f64))?;
    let mean = py.import("numpy")?.call_method1(intern!(py, "asarray"), (mean,))?;
    cast(np, &mean, dtype).map(Some)
}

/// `Array`s in a call's arguments for arrays, and back.
struct Unwrapping<'a, 'py, F> {
    np: &'a NumPy,
    /// What an `Array` is in the call.
    convert: F,
    /// Which is which.
    pairs: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    /// Containers that were met, by address, and what they are in the call: themselves while they are looked into, as one
    /// can contain itself.
    containers: HashMap<*mut ffi::PyObject, (Bound<'py, PyAny>, Bound<'py, PyAny>)>,
}

/// How deep containers are looked into. NumPy's functions take nested sequences as arrays, of at most 64 axes.
const MOST_LEVELS: usize = 80;

impl<'a, 'py, F> Unwrapping<'a, 'py, F>
where
    F: Fn(&NumPy, &Bound<'py, Array>) -> PyResult<Bound<'py, PyAny>>,
{
    fn new(np: &'a NumPy, convert: F) -> Self {
        Unwrapping { np, convert, pairs: vec![], containers: HashMap::new() }
    }

    fn arguments(
        &mut self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<(Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>)> {
        let py = args.py();
        let args = args.iter().map(|arg| self.unwrapped(&arg, 0)).collect::<PyResult<Vec<_>>>()?;
        let kwargs = kwargs.map(|kwargs| self.in_dict(kwargs, 0)).transpose()?;
        Ok((PyTuple::new(py, args)?, kwargs))
    }

    /// Whether an `Array` was found.
    fn found_any(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// An object with arrays for `Array`s, in lists, tuples, dicts and other sequences, at any depth that matters.
    fn unwrapped(&mut self, object: &Bound<'py, PyAny>, level: usize) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(array) = object.cast_exact::<Array>() {
            if let Some((converted, _)) = self.pairs.iter().find(|(_, known)| known.is(object)) {
                return Ok(converted.clone());
            }
            let converted = (self.convert)(self.np, array)?;
            self.pairs.push((converted.clone(), object.clone()));
            return Ok(converted);
        }
        if level == MOST_LEVELS || !is_container(object)? {
            return Ok(object.clone());
        }
        if let Some((_, known)) = self.containers.get(&object.as_ptr()) {
            return Ok(known.clone());
        }
        self.containers.insert(object.as_ptr(), (object.clone(), object.clone()));
        let made = match object.cast::<PyDict>() {
            Ok(dict) => self.in_dict(dict, level + 1)?.into_any(),
            Err(_) => self.in_sequence(object, level + 1)?,
        };
        self.containers.insert(object.as_ptr(), (object.clone(), made.clone()));
        Ok(made)
    }

    /// A sequence with other entries, as a list or a tuple; itself if none is another.
    fn in_sequence(&mut self, sequence: &Bound<'py, PyAny>, level: usize) -> PyResult<Bound<'py, PyAny>> {
        let py = sequence.py();
        let entries: Vec<_> = sequence.try_iter()?.collect::<PyResult<_>>()?;
        let others =
            entries.iter().map(|entry| self.unwrapped(entry, level)).collect::<PyResult<Vec<_>>>()?;
        if entries.iter().zip(&others).all(|(entry, other)| entry.is(other)) {
            return Ok(sequence.clone());
        }
        match sequence.is_instance_of::<PyTuple>() {
            true => Ok(PyTuple::new(py, others)?.into_any()),
            false => Ok(PyList::new(py, others)?.into_any()),
        }
    }

    fn in_dict(&mut self, dict: &Bound<'py, PyDict>, level: usize) -> PyResult<Bound<'py, PyDict>> {
        let made = PyDict::new(dict.py());
        // Of a list: hashing a key may change the dict.
        for item in dict.items() {
            let item = item.cast_into::<PyTuple>()?;
            made.set_item(item.get_item(0)?, self.unwrapped(&item.get_item(1)?, level)?)?;
        }
        Ok(made)
    }

    /// A result with `Array`s for arrays. An array that was passed is the `Array` it stands for. A scalar stays one if NumPy
    /// has it and `scalars` is not set.
    fn wrapped(&self, result: Bound<'py, PyAny>, scalars: bool) -> PyResult<Bound<'py, PyAny>> {
        self.wrapped_at(result, scalars, 0)
    }

    fn wrapped_at(
        &self,
        result: Bound<'py, PyAny>,
        scalars: bool,
        level: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = result.py();
        if let Some((_, array)) = self.pairs.iter().find(|(converted, _)| converted.is(&result)) {
            return Ok(array.clone());
        }
        if level == MOST_LEVELS {
            return Ok(result);
        }
        let each = |objects: &mut dyn Iterator<Item = Bound<'py, PyAny>>| {
            objects.map(|object| self.wrapped_at(object, scalars, level + 1)).collect::<PyResult<Vec<_>>>()
        };
        if let Ok(list) = result.cast_exact::<PyList>() {
            return Ok(PyList::new(py, each(&mut list.iter())?)?.into_any());
        }
        if let Ok(tuple) = result.cast::<PyTuple>() {
            let entries = each(&mut tuple.iter())?;
            // Named tuples are made from an iterable by `_make`.
            return match result.get_type().getattr_opt(intern!(py, "_make"))? {
                Some(make) => make.call1((entries,)),
                None => Ok(PyTuple::new(py, entries)?.into_any()),
            };
        }
        if self.np.is_exact_array(result.as_borrowed()) {
            return if dtype_of(self.np, &result).is_some() { wrap(py, self.np, result) } else { Ok(result) };
        }
        let generic = py.import("numpy")?.getattr(intern!(py, "generic"))?;
        if result.is_instance(&generic)? {
            let array = py.import("numpy")?.call_method1(intern!(py, "asarray"), (&result,))?;
            let dtype = dtype_of(self.np, &array);
            if dtype.is_some_and(|dtype| scalars || dtype.numpy_number().is_none()) {
                return wrap(py, self.np, array);
            }
        }
        Ok(result)
    }
}

/// Whether an object may hold arguments of a function: a list, a tuple, a dict, or what is registered as a sequence and is no
/// text.
fn is_container(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if object.is_instance_of::<PyList>()
        || object.is_instance_of::<PyTuple>()
        || object.is_exact_instance_of::<PyDict>()
    {
        return Ok(true);
    }
    let text = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
    // SAFETY: a live object.
    if text || unsafe { ffi::PySequence_Check(object.as_ptr()) } == 0 {
        return Ok(false);
    }
    static SEQUENCE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    object.is_instance(SEQUENCE.import(object.py(), "collections.abc", "Sequence")?)
}
