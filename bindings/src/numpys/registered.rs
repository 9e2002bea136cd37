//! Twins for ufuncs that other crates register, of which NumPy has none: ufuncs of NumPy's type whose loops are ours. So
//! whatever a call of ours leaves to NumPy, its errors included, NumPy says of these too.

use crate::python::object::Returned;
use numpy::npyffi::{PY_UFUNC_API, PyUFuncGenericFunction, npy_intp};
use pyo3::prelude::*;
use std::ffi::{CString, c_char, c_int, c_void};
use ufunx::registry::{CoreSignature, Cores, DType, FpFlags, Identity, LoopDef, UfuncDef};
use ufunx::{current_isa, fperr, invoke};

/// What NumPy hands back to a loop: which one it is.
struct Loop {
    l: &'static LoopDef,
    core: Option<&'static CoreSignature>,
}

/// A ufunc of NumPy's type, with those loops of `def` whose dtypes NumPy has.
pub fn twin<'py>(py: Python<'py>, def: &'static UfuncDef) -> Returned<'py> {
    let numbers = |l: &LoopDef| -> Option<Vec<c_char>> {
        let number = |d: &DType| d.numpy_number().and_then(|n| c_char::try_from(n).ok());
        l.inputs.iter().chain(l.outputs).map(number).collect()
    };
    let (mut functions, mut data, mut types) = (vec![], vec![], vec![]);
    for l in def.loops() {
        let Some(numbers) = numbers(l) else { continue };
        let of_loop: &'static Loop = Box::leak(Box::new(Loop { l, core: def.core_signature() }));
        functions.push(Some(run as unsafe extern "C" fn(_, _, _, _)) as PyUFuncGenericFunction);
        data.push(std::ptr::from_ref(of_loop).cast_mut().cast::<c_void>());
        types.extend(numbers);
    }
    // A ufunc is there for ever, and so is what it points to.
    let text = |text: &str| -> PyResult<*const c_char> { Ok(CString::new(text)?.into_raw().cast_const()) };
    let signature = def.core.map(text).transpose()?.unwrap_or(std::ptr::null());
    let loops = functions.len() as c_int;
    let (functions, data, types) = (functions.leak(), data.leak(), types.leak());
    // SAFETY: as many functions and data as loops, as many numbers for each as it has operands; all of it, and the texts, are
    // there for ever.
    unsafe {
        let made = PY_UFUNC_API.PyUFunc_FromFuncAndDataAndSignature(
            py,
            functions.as_mut_ptr(),
            data.as_mut_ptr(),
            types.as_mut_ptr(),
            loops,
            def.nin() as c_int,
            def.nout() as c_int,
            identity_of(def),
            text(def.name)?,
            text(def.doc.trim())?,
            0,
            signature,
        );
        Bound::from_owned_ptr_or_err(py, made)
    }
}

/// A ufunc's identity as NumPy's API has it.
pub fn identity_of(def: &UfuncDef) -> c_int {
    const PYUFUNC_NONE: c_int = -1;
    const PYUFUNC_ZERO: c_int = 0;
    const PYUFUNC_ONE: c_int = 1;
    const PYUFUNC_MINUSONE: c_int = 2;
    const PYUFUNC_REORDERABLE_NONE: c_int = -2;
    match def.identity {
        Identity::Zero => PYUFUNC_ZERO,
        Identity::One => PYUFUNC_ONE,
        Identity::MinusOne => PYUFUNC_MINUSONE,
        Identity::None | Identity::NegInfinity if def.reorderable => PYUFUNC_REORDERABLE_NONE,
        Identity::None | Identity::NegInfinity => PYUFUNC_NONE,
    }
}

/// A loop as NumPy calls it, without the GIL: for elements one by one their number and their steps; for core axes how many
/// times, then their lengths; steps from one to the next, then along core axes.
unsafe extern "C" fn run(
    args: *mut *mut c_char,
    lengths: *mut npy_intp,
    steps: *mut npy_intp,
    data: *mut c_void,
) {
    // SAFETY: what `twin` gave NumPy for this loop; as many addresses, lengths and steps as its signature has, of elements
    // that are aligned, in the loop's dtypes, and as far apart as NumPy's own loops are promised.
    let flags = unsafe {
        let Loop { l, core } = &*data.cast::<Loop>();
        let operands = l.inputs.len() + l.outputs.len();
        let args = std::slice::from_raw_parts(args.cast::<*mut u8>(), operands);
        let (n, strides) = (*lengths as usize, std::slice::from_raw_parts(steps, operands));
        match core {
            None => invoke::call_strided(l, args, n, strides),
            Some(core) => {
                let steps_of_axes = core.operands.iter().map(Vec::len).sum();
                let on = Cores {
                    args,
                    axes: &core.operands,
                    lengths: std::slice::from_raw_parts(lengths.add(1).cast(), core.axes.len()),
                    steps: std::slice::from_raw_parts(steps.add(operands), steps_of_axes),
                    count: n,
                    strides,
                };
                match l.code.kernels().core.at(current_isa()) {
                    Some(kernel) => invoke::watched(l.fp, || kernel(&on)),
                    None => FpFlags::NONE,
                }
            }
        }
    };
    // NumPy reads them from the CPU when the loop is done.
    fperr::raise(flags);
}
