//! Ufuncs made at run time, of definitions: `define` takes its nodes, `from_definition` its bytes. A definition is one object
//! as long as somebody holds it.

use super::object;
use crate::numpys::made;
use crate::python::heap_type::This;
use crate::python::numpy_api::NumPy;
use crate::ufunc::record::Ufunc;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyComplex, PyFloat, PyInt, PyTuple};
use std::sync::Arc;
use ufunx::Scalar;
use ufunx::program::{Definition, DefinitionError, Named, Node, Program};
use ufunx::registry::{Complex64, DType, Identity};

/// The ufunc of a program. Each node is one of `("input", i)`, `("weak", number)`, `("strong", scalar)`, `("call", ufunc's name,
/// nodes, output)`, `("where", condition, a, b)`, `("cast", typecode, node)`, and uses nodes before it; `outputs` are nodes too.
#[pyfunction]
#[pyo3(signature = (name, doc, module, parameters, nodes, outputs, *, identity=None, reorderable=false, fold=None))]
#[allow(clippy::too_many_arguments, reason = "as Python passes them")]
pub fn define<'py>(
    py: Python<'py>,
    name: &str,
    doc: Option<String>,
    module: Option<String>,
    parameters: Vec<String>,
    nodes: Vec<Bound<'py, PyTuple>>,
    outputs: Vec<u32>,
    identity: Option<&Bound<'py, PyAny>>,
    reorderable: bool,
    fold: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut definition = Definition::new(name, &[]);
    (definition.doc, definition.module, definition.parameters) = (doc, module, parameters);
    let np = NumPy::get(py);
    definition.nodes = nodes.iter().map(|node| node_of(np, node)).collect::<PyResult<_>>()?;
    definition.outputs = outputs;
    definition.identity = identity.map_or(Ok(Identity::None), identity_of)?;
    definition.reorderable = reorderable;
    definition.fold = fold.map(Named::find).transpose().map_err(refused)?;
    of_definition(py, definition.checked().map_err(refused)?)
}

/// The ufunc that has this as its `definition`.
#[pyfunction]
pub fn from_definition<'py>(py: Python<'py>, definition: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    of_definition(py, Definition::from_bytes(definition).map_err(refused)?)
}

/// The nodes and the outputs that a made ufunc was made of, as `define` takes them.
#[pyfunction]
pub fn nodes_of<'py>(ufunc: &Bound<'py, PyAny>) -> PyResult<(Vec<Bound<'py, PyTuple>>, Vec<u32>)> {
    let py = ufunc.py();
    let program = This::<Ufunc>::of(ufunc.as_borrowed()).and_then(|this| this.behind.program());
    let program = program.ok_or_else(|| PyTypeError::new_err("nodes_of takes a ufunc made at run time"))?;
    let definition = program.definition();
    let nodes = definition.nodes.iter().map(|node| tuple_of(py, node)).collect::<PyResult<_>>()?;
    Ok((nodes, definition.outputs.clone()))
}

fn tuple_of<'py>(py: Python<'py>, node: &Node) -> PyResult<Bound<'py, PyTuple>> {
    match node {
        Node::Input(i) => ("input", i).into_pyobject(py),
        Node::Call { ufunc: Named(def), inputs, output } => {
            ("call", def.name, PyTuple::new(py, inputs)?, output).into_pyobject(py)
        }
        Node::Where([c, a, b]) => ("where", c, a, b).into_pyobject(py),
        Node::Cast(dtype, id) => ("cast", dtype.char(), id).into_pyobject(py),
        constant => {
            let kind = if matches!(constant, Node::Strong(..)) { "strong" } else { "weak" };
            (kind, made::constant(py, constant)?).into_pyobject(py)
        }
    }
}

fn refused(error: DefinitionError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The one object of a definition: that which somebody holds, else a new one.
fn of_definition(py: Python<'_>, definition: Definition) -> PyResult<Bound<'_, PyAny>> {
    static MADE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let made = MADE.get_or_try_init(py, || {
        let class = py.import("weakref")?.getattr("WeakValueDictionary")?;
        class.call0().map(Bound::unbind)
    })?;
    let made = made.bind(py);
    let bytes = PyBytes::new(py, &definition.to_bytes());
    let known = made.call_method1("get", (&bytes,))?;
    if !known.is_none() {
        return Ok(known);
    }
    let object = object::made(py, Arc::new(Program::ufunc(definition)))?;
    made.set_item(bytes, &object)?;
    Ok(object)
}

fn node_of(np: &NumPy, node: &Bound<'_, PyTuple>) -> PyResult<Node> {
    let kind: String = node.get_item(0)?.extract()?;
    let id = |i: usize| -> PyResult<u32> { node.get_item(i)?.extract() };
    Ok(match (kind.as_str(), node.len()) {
        ("input", 2) => Node::Input(id(1)?),
        ("weak", 2) => weak(&node.get_item(1)?)?,
        ("strong", 2) => {
            let scalar = node.get_item(1)?;
            let value = np.dtypes.scalar_value(scalar.as_borrowed());
            let (dtype, [bits]) = value.ok_or_else(|| {
                PyTypeError::new_err(format!("a program has no place for a scalar of {}", scalar.get_type()))
            })?;
            Node::Strong(dtype, bits)
        }
        ("call", 4) => {
            let name: String = node.get_item(1)?.extract()?;
            let inputs: Vec<u32> = node.get_item(2)?.extract()?;
            let ufunc = Named::find(&name).map_err(refused)?;
            Node::Call { ufunc, inputs: inputs.into(), output: id(3)? }
        }
        ("where", 4) => Node::Where([id(1)?, id(2)?, id(3)?]),
        ("cast", 3) => {
            let char: char = node.get_item(1)?.extract()?;
            let dtype = DType::from_char(char);
            let dtype =
                dtype.ok_or_else(|| PyTypeError::new_err(format!("a program cannot cast to '{char}'")))?;
            Node::Cast(dtype, id(2)?)
        }
        _ => return Err(PyValueError::new_err(format!("{} is no node of a program", node.repr()?))),
    })
}

fn weak(number: &Bound<'_, PyAny>) -> PyResult<Node> {
    if number.is_exact_instance_of::<PyBool>() {
        return Ok(Node::Strong(DType::Bool, u128::from(number.is_truthy()?)));
    }
    if number.is_instance_of::<PyInt>() {
        return Ok(Node::number(Scalar::Int(number.extract()?)));
    }
    if number.is_instance_of::<PyFloat>() {
        return Ok(Node::number(Scalar::Float(number.extract()?)));
    }
    let number = number.cast::<PyComplex>().map_err(PyErr::from)?;
    Ok(Node::number(Scalar::Complex(Complex64::new(number.real(), number.imag()))))
}

fn identity_of(identity: &Bound<'_, PyAny>) -> PyResult<Identity> {
    let is = |x: f64| identity.extract::<f64>().is_ok_and(|identity| identity == x);
    match () {
        () if identity.is_none() => Ok(Identity::None),
        () if is(0.0) => Ok(Identity::Zero),
        () if is(1.0) => Ok(Identity::One),
        () if is(-1.0) => Ok(Identity::MinusOne),
        () if is(f64::NEG_INFINITY) => Ok(Identity::NegInfinity),
        () => Err(PyValueError::new_err("identity= is None, 0, 1, -1 or -inf")),
    }
}
