//! The short way of made ufuncs, which have any number of inputs and take numbers as numbers: arrays of one shape, row by row,
//! with numbers among them. What does not fit returns `None`, having written nothing.

use super::read::{Number, number, read_array, scalar};
use crate::arguments::passed::Arguments;
use crate::python::gil;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, entries, exact_tuple};
use crate::results::fresh::{Results, returned};
use crate::ufunc::record::Ufunc;
use pyo3::prelude::*;
use smallvec::SmallVec;
use std::cell::Cell;
use std::ops::Range;
use ufunx::invoke::{call_contiguous, with_scratch};
use ufunx::program::numbers;
use ufunx::registry::{LoopDef, Typed, UfuncDef};
use ufunx::short::head::{Head, Lies};
use ufunx::stage::copy_row;
use ufunx::tuning::{BLOCK, elements_per_thread};
use ufunx::{DType, current_isa};

/// Most inputs of such a call, and most outputs.
const MOST: usize = 8;

/// Calls the short way, if it can.
///
/// # Safety
/// Nobody's code has run since the arguments were passed.
pub unsafe fn call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    arguments: &Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let Some(def) = ufunc.def.filter(|def| def.nin() <= MOST && def.nout() <= MOST) else { return Ok(None) };
    let Some(outputs) = outputs(def, arguments) else { return Ok(None) };
    let cells = [const { Cell::new(0u128) }; MOST];
    // SAFETY: the caller's promise.
    let Some(read) = (unsafe { Inputs::read(np, def, arguments.positional, &cells) }) else {
        return Ok(None);
    };
    // SAFETY: the same.
    unsafe { read.run(py, np, ufunc, outputs) }
}

/// The outputs that were given, by name only; none, if there are none.
fn outputs<'a, 'py>(def: &UfuncDef, arguments: &Arguments<'a, 'py>) -> Option<Given<'a, 'py>> {
    if arguments.positional.len() != def.nin() {
        return None;
    }
    let mut given = Given::new();
    for (name, value) in arguments.named() {
        match name.to_bytes() {
            b"out" if value.is_none() => {}
            b"out" => match exact_tuple(value) {
                None => given.push(value),
                Some(tuple) if tuple.len() != def.nout() => return None,
                Some(tuple) => given.extend(entries(tuple)),
            },
            _ => return None,
        }
    }
    (given.is_empty() || given.len() == def.nout()).then_some(given)
}

/// Outputs that were given.
type Given<'a, 'py> = SmallVec<[Object<'a, 'py>; 2]>;

/// A call's inputs.
struct Inputs<'a> {
    l: &'static LoopDef,
    heads: SmallVec<[Head<'a>; MOST]>,
    dims: &'a [usize],
    n: usize,
    /// Whether some are single values.
    has_values: bool,
}

impl<'a> Inputs<'a> {
    /// # Safety
    /// What is read is used only as long as nobody's code has run.
    unsafe fn read(
        np: &NumPy,
        def: &'static UfuncDef,
        objects: &[Object<'_, '_>],
        cells: &'a [Cell<u128>; MOST],
    ) -> Option<Inputs<'a>> {
        let mut heads: SmallVec<[Head<'a>; MOST]> = SmallVec::new();
        let mut types: SmallVec<[Typed; MOST]> = SmallVec::new();
        let mut said: [Option<Number>; MOST] = [None; MOST];
        let mut dims: Option<&'a [usize]> = None;
        for (i, &object) in objects.iter().enumerate() {
            let mut head = Head::EMPTY;
            if let Some(array) = np.exact_array(object) {
                // SAFETY: the caller's promise.
                unsafe { read_array(np, array, &mut head) }?;
                let fits = head.lies.has(Lies::ROWS.and(Lies::ALIGNED)) && !head.dims.is_empty();
                if !fits || dims.is_some_and(|dims| dims != head.dims) {
                    return None;
                }
                dims = Some(head.dims);
                types.push(Typed::Strong(head.dtype));
            } else {
                let (typed, bits) = match number(object)? {
                    Some(number) => {
                        said[i] = Some(number);
                        (Typed::Weak(number.weak()), number.bits(number.dtype())?)
                    }
                    None => {
                        let (bits, dtype) = scalar(np, object)?;
                        (Typed::Strong(dtype), bits)
                    }
                };
                cells[i].set(bits);
                head = Head::value(cells[i].as_ptr().cast(), typed.alone());
                types.push(typed);
            }
            heads.push(head);
        }
        let dims = dims?;
        let n: usize = dims.iter().product();
        let has_values = heads.iter().any(|head| head.dims.is_empty());
        if n == 0 || n >= elements_per_thread(def.cost) || (has_values && n > BLOCK) {
            return None;
        }
        let source = def.derived.as_ref()?;
        let l = source.derived().find(&types).or_else(|| source.derive(&types).ok())?;
        // Of the dtypes NumPy lacks, only like meets like here.
        let like = heads.iter().all(|h| h.dtype.numpy_number().is_some() || h.dtype == heads[0].dtype);
        let held = |&(i, dtype): &(usize, DType)| said[i].is_none_or(|number| number.bits(dtype).is_some());
        (like && numbers(l).iter().all(held)).then_some(Inputs { l, heads, dims, n, has_values })
    }

    /// # Safety
    /// The inputs are there.
    unsafe fn run<'py>(
        &self,
        py: Python<'py>,
        np: &NumPy,
        ufunc: &Ufunc,
        given: Given<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut args: SmallVec<[*mut u8; 2 * MOST]> = self.heads.iter().map(|head| head.ptr).collect();
        let mut results = Results::new();
        for (i, &out) in given.iter().enumerate() {
            let Some(target) = self.target_in(np, out, i, &args) else { return Ok(None) };
            args.push(target);
            results.push((*out).to_owned());
        }
        if given.is_empty() {
            for &dtype in self.l.outputs {
                let (made, target) = np.new_array(py, dtype, self.dims, None)?;
                args.push(target);
                results.push(made);
            }
        }
        // SAFETY: all of it is aligned, without gaps, of as many elements; outputs are apart from inputs.
        let flags = unsafe {
            gil::around(py, self.l, self.n, || match self.has_values {
                false => call_contiguous(self.l, current_isa(), &args, self.n),
                true => with_scratch(self.heads.len() * BLOCK * 16, |scratch| {
                    for (i, head) in self.heads.iter().enumerate().filter(|(_, head)| head.dims.is_empty()) {
                        args[i] = scratch.add(i * BLOCK * 16);
                        let size = head.dtype.size();
                        copy_row(head.ptr, 0, args[i], size as isize, size, self.n);
                    }
                    call_contiguous(self.l, current_isa(), &args, self.n)
                }),
            })
        };
        ufunc.report(py, np, ufunc.own_name(), flags)?;
        returned(py, results).map(Some)
    }

    /// The memory of a given output, if it is like the inputs', and apart from theirs and from that of outputs before it.
    fn target_in(&self, np: &NumPy, out: Object<'_, '_>, i: usize, args: &[*mut u8]) -> Option<*mut u8> {
        let mut head = Head::EMPTY;
        // SAFETY: what is read is used at once.
        unsafe { read_array(np, np.exact_array(out)?, &mut head) }?;
        let lies = Lies::ROWS.and(Lies::ALIGNED).and(Lies::WRITABLE);
        if !head.lies.has(lies) || head.dims != self.dims || head.dtype != self.l.outputs[i] {
            return None;
        }
        let bytes = |start: *mut u8, dtype: DType| start.addr()..start.addr() + self.n * dtype.size();
        let target = bytes(head.ptr, head.dtype);
        let apart = |other: Range<usize>| other.end <= target.start || target.end <= other.start;
        // (Values are in cells of ours.)
        let inputs =
            self.heads.iter().filter(|head| !head.dims.is_empty()).map(|head| bytes(head.ptr, head.dtype));
        let before =
            args[self.heads.len()..].iter().zip(self.l.outputs).map(|(&at, &dtype)| bytes(at, dtype));
        inputs.chain(before).all(apart).then_some(head.ptr)
    }
}
