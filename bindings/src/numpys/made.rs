//! Ufuncs made at run time, as NumPy sees them: a ufunc of NumPy's type whose loops run ours, one for each dtype that all
//! inputs can have. And what a call is whose operands our loops do not take, objects or long doubles: the ufuncs of the
//! definition, one after the other.

use super::registered::identity_of;
use crate::arguments::normal::NormalArguments;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_true};
use numpy::npyffi::{PY_UFUNC_API, PyUFuncGenericFunction, PyUFuncObject, npy_intp};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyCapsule, PyComplex, PyDict, PyTuple};
use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;
use ufunx::dispatch::arguments::Keyword;
use ufunx::program::{Named, Node, Program, take_raised};
use ufunx::registry::{DType, UfuncDef};
use ufunx::{Scalar, fperr, invoke};

/// What NumPy hands back to a loop: which one it is.
struct Loop {
    def: Arc<UfuncDef>,
    inputs: Vec<DType>,
}

/// What a twin points to; it lives as long as the twin.
struct Tables {
    functions: Vec<PyUFuncGenericFunction>,
    data: Vec<*mut c_void>,
    types: Vec<c_char>,
    texts: [CString; 2],
    _loops: Vec<Loop>,
}

// SAFETY: the addresses are those of the loops beside them; nothing is changed once it is made.
unsafe impl Send for Tables {}

/// A ufunc of NumPy's type, with those loops of a program whose inputs are of one dtype that NumPy has.
pub fn twin<'py>(py: Python<'py>, def: &Arc<UfuncDef>) -> Returned<'py> {
    let Some(program) = Program::of(def) else { unreachable!("it is made of a program") };
    let mut loops = vec![];
    let mut types = vec![];
    // (The loops move no more once they are all there.)
    for (inputs, outputs) in program.signatures() {
        let number = |d: &DType| d.numpy_number().and_then(|n| c_char::try_from(n).ok());
        let Some(numbers) = inputs.iter().chain(&outputs).map(number).collect::<Option<Vec<_>>>() else {
            continue;
        };
        types.extend(numbers);
        loops.push(Loop { def: def.clone(), inputs });
    }
    let doc = program.definition().doc.as_deref().unwrap_or("");
    let mut tables = Box::new(Tables {
        functions: vec![Some(run as unsafe extern "C" fn(_, _, _, _)); loops.len()],
        data: loops.iter().map(|l| std::ptr::from_ref(l).cast_mut().cast()).collect(),
        types,
        texts: [CString::new(def.name)?, CString::new(doc)?],
        _loops: loops,
    });
    // SAFETY: as many functions and data as loops, as many numbers for each as it has operands; all of it, and the texts, live
    // as long as the ufunc, which owns them by its `obj`.
    unsafe {
        let made = PY_UFUNC_API.PyUFunc_FromFuncAndDataAndSignature(
            py,
            tables.functions.as_mut_ptr(),
            tables.data.as_mut_ptr(),
            tables.types.as_mut_ptr(),
            tables.functions.len() as c_int,
            def.nin() as c_int,
            def.nout() as c_int,
            identity_of(def),
            tables.texts[0].as_ptr(),
            tables.texts[1].as_ptr(),
            0,
            std::ptr::null(),
        );
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        let owner = PyCapsule::new_with_value(py, tables, c"ufunx.tables")?;
        (*made.as_ptr().cast::<PyUFuncObject>()).fields.obj = owner.into_ptr();
        Ok(made)
    }
}

/// A loop as NumPy calls it, without the GIL.
unsafe extern "C" fn run(
    args: *mut *mut c_char,
    lengths: *mut npy_intp,
    steps: *mut npy_intp,
    data: *mut c_void,
) {
    // SAFETY: what `twin` gave NumPy for this loop; as many addresses and steps as its signature has, of elements that are
    // aligned, in the loop's dtypes, and as far apart as NumPy's own loops are promised.
    unsafe {
        let Loop { def, inputs } = &*data.cast::<Loop>();
        let Some(l) = def.loop_for(inputs) else { unreachable!("the signature was derived before") };
        let operands = def.nargs();
        let args = std::slice::from_raw_parts(args.cast::<*mut u8>(), operands);
        let strides = std::slice::from_raw_parts(steps, operands);
        // NumPy reads them from the CPU when the loop is done.
        let flags = invoke::call_strided(l, args, *lengths as usize, strides);
        if !flags.is_empty() {
            drop(take_raised()); // NumPy reports them under one name
        }
        fperr::raise(flags);
    }
}

/// The ufuncs of the definition, one after the other, on these inputs; `None` if the call asks for what that cannot give.
pub fn unfused<'py>(
    py: Python<'py>,
    np: &NumPy,
    def: &UfuncDef,
    normal: &NormalArguments<'_, 'py>,
) -> Option<Returned<'py>> {
    let definition = Program::of(def)?.definition();
    let understood = |&(keyword, value): &(Keyword, Object<'_, 'py>)| match keyword {
        Keyword::Out | Keyword::Casting | Keyword::Where => true,
        Keyword::Subok => is_true(value),
        _ => value.is_none(),
    };
    if normal.inputs.len() != def.nin() || !normal.keywords.iter().all(understood) {
        return None;
    }
    let compute = || -> Returned<'py> {
        let (numpy, ufunx) = (py.import("numpy")?, py.import("ufunx")?);
        let mut values: Vec<Bound<'py, PyAny>> = vec![];
        for node in &definition.nodes {
            let value = |id: u32| values[id as usize].clone();
            let made = match node {
                &Node::Input(i) => normal.inputs[i as usize].to_owned(),
                Node::Call { ufunc: Named(called), inputs, output } => {
                    let inputs = PyTuple::new(py, inputs.iter().map(|&id| value(id)))?;
                    let result = ufunx.getattr(called.name)?.call1(inputs)?;
                    if called.nout() == 1 { result } else { result.get_item(*output)? }
                }
                Node::Where(three) => {
                    numpy.call_method1("where", (value(three[0]), value(three[1]), value(three[2])))?
                }
                Node::Cast(dtype, id) => {
                    numpy.call_method1("asarray", (value(*id),))?.call_method1("astype", (dtype.char(),))?
                }
                number => constant(py, number)?,
            };
            values.push(made);
        }
        let results = definition.outputs.iter().enumerate().map(|(i, &id)| {
            let result = values[id as usize].clone();
            let is_there = matches!(definition.nodes[id as usize], Node::Input(_))
                || definition.outputs[..i].contains(&id);
            // An input as it is, or one value twice, is copied as other loops copy it.
            match is_there {
                true => numpy.call_method1("array", (result,))?.get_item(PyTuple::empty(py)),
                false => Ok(result),
            }
        });
        let results = results.collect::<PyResult<Vec<_>>>()?;
        // A program's results have the shape of all its inputs together, even one that some of them make.
        let shapes = normal.inputs.iter().map(|input| numpy.call_method1("shape", (input,)));
        let shapes = PyTuple::new(py, shapes.collect::<PyResult<Vec<_>>>()?)?;
        let shape = numpy.getattr("broadcast_shapes")?.call1(shapes)?;
        let whole = |result: Bound<'py, PyAny>| match numpy.call_method1("shape", (&result,))?.eq(&shape)? {
            true => Ok(result),
            false => numpy.call_method1("array", (numpy.call_method1("broadcast_to", (result, &shape))?,)),
        };
        let results = results.into_iter().map(whole).collect::<PyResult<Vec<_>>>()?;
        let results = match &normal.outputs {
            Some(outputs) => given(py, np, normal, outputs, results)?,
            None => results,
        };
        match <[_; 1]>::try_from(results) {
            Ok([result]) => Ok(result),
            Err(results) => Ok(PyTuple::new(py, results)?.into_any()),
        }
    };
    Some(compute())
}

/// The object of a constant: a NumPy scalar, or a number.
pub fn constant<'py>(py: Python<'py>, node: &Node) -> Returned<'py> {
    Ok(match (node, node.scalar()) {
        (Node::Strong(dtype, bits), _) => {
            let bytes = PyBytes::new(py, &bits.to_le_bytes()[..dtype.size()]);
            let array = py.import("numpy")?.call_method1("frombuffer", (bytes, dtype.char()))?;
            array.get_item(0)?
        }
        (_, Some(Scalar::Int(x))) => x.into_pyobject(py)?.into_any(),
        (_, Some(Scalar::Float(x))) => x.into_pyobject(py)?.into_any(),
        (_, Some(Scalar::Complex(z))) => PyComplex::from_doubles(py, z.re, z.im).into_any(),
        _ => unreachable!("every other node is computed"),
    })
}

/// Results written to the outputs that were given.
fn given<'py>(
    py: Python<'py>,
    np: &NumPy,
    normal: &NormalArguments<'_, 'py>,
    outputs: &[Object<'_, 'py>],
    results: Vec<Bound<'py, PyAny>>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let copyto = py.import("numpy")?.getattr("copyto")?;
    let keywords = PyDict::new(py);
    if let Some(casting) = normal.get(Keyword::Casting) {
        keywords.set_item("casting", casting)?;
    }
    if let Some(mask) = normal.get(Keyword::Where) {
        keywords.set_item("where", mask)?;
    }
    let mut written = vec![];
    for (result, out) in results.into_iter().zip(outputs) {
        if out.is_none() {
            written.push(result);
            continue;
        }
        if !np.is_array(*out) {
            return Err(PyTypeError::new_err("return arrays must be of ArrayType"));
        }
        copyto.call((out, result), Some(&keywords))?;
        written.push((*out).to_owned());
    }
    Ok(written)
}
