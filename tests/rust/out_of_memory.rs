//! Memory that runs out: every request for memory that grows with an operand may fail, and then the call is an error that
//! leaves everything as it was; and there are no requests but those.

use crate::common::{in_a_process, ufunc};
use std::alloc::{GlobalAlloc, Layout as Block, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use ufunx::memory::{asked_bytes, fail_at};
use ufunx::operand::Operand;
use ufunx::registry::DType;
use ufunx::{Axes, CallOptions, Error, ReduceOptions, Scalar, View, ViewMut};
use ufunx_tests::layouts::Layout;
use ufunx_tests::values::ordinary;
use ufunx_tests::{Buf, Rng};

/// What the program took, in bytes.
struct Counting;
static TAKEN: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        TAKEN.fetch_add(block.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(block) }
    }
    unsafe fn alloc_zeroed(&self, block: Block) -> *mut u8 {
        TAKEN.fetch_add(block.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(block) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, block: Block, size: usize) -> *mut u8 {
        TAKEN.fetch_add(size, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, block, size) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, block: Block) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, block) }
    }
}

/// Runs `f` on one array's memory as two operands.
fn aliased(buf: &mut Buf, f: impl FnOnce(View<'_>, ViewMut<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let mut from = buf.view().operand().clone();
    let mut to = buf.view_mut().operand().clone();
    let n = from.shape[0];
    (from.shape[0], to.shape[0]) = (n - 1, n - 1);
    to.ptr = to.ptr.wrapping_offset(to.strides[0]);
    // SAFETY: both lie in the array, borrowed mutably; calls allow the overlap.
    let (from, to) = unsafe { (View::from_operand(from), ViewMut::from_operand(to)) };
    f(from, to)
}

type Call = fn(&mut Buf, &mut Buf) -> Result<(), Error>;
/// One call that writes into an array.
type Attempt<'a> = &'a dyn Fn(&mut Buf) -> Result<(), Error>;

/// Every way into the engine, on an array and an array to be written, in ways that take memory where it can.
const CALLS: [(&str, Call); 15] = [
    ("call", |a, _| ufunc("add").call(&[a.view().into(), 1i64.into()], &Default::default()).map(drop)),
    ("call into", |a, out| {
        let inputs = [a.view().into(), a.view().into()];
        ufunc("add").call_into(&inputs, &mut [out.view_mut()], &Default::default()).map(drop)
    }),
    ("call with a mask", |a, out| {
        let mask = Buf::of(DType::Bool, &[1], &[ufunx_tests::Value::Bool(true)]);
        let options = CallOptions { mask: Some(mask.view()), ..CallOptions::default() };
        ufunc("negative").call_into(&[a.view().into()], &mut [out.view_mut()], &options).map(drop)
    }),
    ("call over itself", |_, out| {
        aliased(out, |from, mut to| {
            let outputs = std::slice::from_mut(&mut to);
            ufunc("add")
                .call_into(&[from.clone().into(), from.into()], outputs, &Default::default())
                .map(drop)
        })
    }),
    ("call with a cast", |a, _| {
        let options =
            CallOptions { dtype: Some(DType::F32), casting: ufunx::Casting::Unsafe, ..Default::default() };
        ufunc("add").call(&[a.view().into(), 1i64.into()], &options).map(drop)
    }),
    ("outer", |a, _| {
        let few = Buf::of(a.dtype, &[2], &[]);
        ufunc("add").outer(a.view(), few.view(), &Default::default()).map(drop)
    }),
    ("reduce", |a, _| {
        let options = ReduceOptions { axis: Axes::One(-1), ..ReduceOptions::default() };
        ufunc("add").reduce(a.view(), &options).map(drop)
    }),
    ("reduce nothing", |a, _| {
        let options = ReduceOptions { axis: Axes::Many(vec![]), ..ReduceOptions::default() };
        ufunc("add").reduce(a.view(), &options).map(drop)
    }),
    ("reduce over itself", |_, out| {
        let first = out.view_mut().operand().at(0, 0);
        // SAFETY: the row lies in the array, borrowed mutably; a reduction allows the overlap.
        let (from, mut to) = unsafe { (View::from_operand(out.operand()), ViewMut::from_operand(first)) };
        ufunc("add").reduce_into(from, &mut to, &Default::default()).map(drop)
    }),
    ("accumulate", |a, _| ufunc("add").accumulate(a.view(), 0, None).map(drop)),
    ("reduceat", |a, _| {
        let indices: Vec<isize> = (0..a.shape[0] as isize).collect();
        ufunc("add").reduceat(a.view(), &indices, 0, None).map(drop)
    }),
    ("at", |a, out| {
        let indices: Vec<isize> = (0..a.shape[0] as isize).collect();
        ufunc("add").at(&mut out.view_mut(), &indices, Some(a.view().into())).map(drop)
    }),
    ("at with a number", |a, out| {
        let indices: Vec<isize> = (0..a.shape[0] as isize).collect();
        ufunc("add").at(&mut out.view_mut(), &indices, Some(Scalar::Int(1).into())).map(drop)
    }),
    ("unary at", |a, out| {
        let indices: Vec<isize> = (0..a.shape[0] as isize).collect();
        ufunc("negative").at(&mut out.view_mut(), &indices, None).map(drop)
    }),
    ("typed", |a, _| {
        // As floats, whatever they are.
        let (n, ptr) = (a.len() * a.dtype.size() / 8, a.operand().ptr.cast_const().cast::<f64>());
        if !ptr.is_aligned() {
            return Ok(());
        }
        // SAFETY: the array's memory has no gaps here; any bits are floats.
        let view = unsafe { ndarray::ArrayView1::from_shape_ptr(n, ptr) };
        ufunx::add(&view, 1.0).map(drop)
    }),
];

fn filled(dtype: DType, shape: &[usize], layout: Layout) -> Buf {
    let mut rng = Rng::new(5);
    let mut buf = Buf::new(dtype, shape, layout, true, &mut rng);
    buf.fill_with(|| ordinary(dtype, &mut rng));
    buf
}

#[test]
fn every_request_may_fail() {
    use Layout::{C, F, Reversed, Strided, Unaligned};
    let (mut failed, mut calls) = (0, 0);
    for layout in [C, F, Strided, Reversed, Unaligned] {
        for dtype in [DType::F64, DType::I32, DType::F16] {
            for (what, call) in CALLS {
                if what == "typed" && (layout != C || dtype != DType::F64) {
                    continue;
                }
                let mut a = filled(dtype, &[60, 50], layout);
                let mut out = filled(dtype, &[60, 50], layout);
                let before = out.values();
                calls += 1;
                for nth in 1.. {
                    fail_at(nth);
                    let result = call(&mut a, &mut out);
                    if fail_at(0) > 0 {
                        result.unwrap_or_else(|error| panic!("{what} {dtype} {layout:?}: {error}"));
                        break;
                    }
                    let Err(Error::OutOfMemory { .. }) = result else {
                        panic!("{what} {dtype} {layout:?}, request {nth}: {result:?}")
                    };
                    assert!(before == out.values(), "{what} {dtype} {layout:?}, request {nth} wrote");
                    failed += 1;
                }
            }
        }
    }
    assert!(failed > calls / 2, "{failed} requests in {calls} calls");
}

/// The long version, `make faults`: every loop of every ufunc, each method it has, each layout.
#[test]
#[ignore = "half a minute: `make faults`"]
fn every_loop_survives_that_every_request_fails() {
    use Layout::{C, Constant, F, Random, Reversed, Strided, Unaligned};
    let (mut failed, mut calls) = (0, 0);
    for def in ufunx::table().elementwise().filter(|def| def.nin() <= 2 && def.nout() == 1) {
        let f = ufunx::Ufunc::from_def(def);
        for l in def.loops() {
            for layout in [C, F, Strided, Reversed, Constant, Unaligned, Random] {
                let mut rng = Rng::new(calls as u64);
                let inputs: Vec<Buf> = l.inputs.iter().map(|&d| filled(d, &[40, 30], layout)).collect();
                let out = Buf::new(l.outputs[0], &[40, 30], C, true, &mut rng);
                let indices: Vec<isize> = (0..40).collect();
                let given: Vec<ufunx::Input<'_>> = inputs.iter().map(|b| b.view().into()).collect();
                let over_itself = |out: &mut Buf| {
                    let [from, to] = [0, 1].map(|i| out.operand().slice(0, i, 39 + i));
                    // SAFETY: both lie in the output, borrowed mutably; calls allow the overlap.
                    let (from, mut to) = unsafe { (View::from_operand(from), ViewMut::from_operand(to)) };
                    let options = CallOptions { casting: ufunx::Casting::Unsafe, ..Default::default() };
                    let from = vec![from.into(); def.nin()];
                    f.call_into(&from, std::slice::from_mut(&mut to), &options).map(drop)
                };
                let all: [Attempt<'_>; 7] = [
                    &|_| f.call(&given, &CallOptions::default()).map(drop),
                    &over_itself,
                    &|_| f.reduce(inputs[0].view(), &Default::default()).map(drop),
                    &|_| f.accumulate(inputs[0].view(), 1, None).map(drop),
                    &|_| f.reduceat(inputs[0].view(), &indices[..30], 1, None).map(drop),
                    &|_| {
                        f.outer(inputs[0].view(), inputs[inputs.len() - 1].view(), &Default::default())
                            .map(drop)
                    },
                    &|out| f.at(&mut out.view_mut(), &indices, given.get(1).cloned()).map(drop),
                ];
                for (what, call) in all.iter().enumerate() {
                    let mut out = out.clone();
                    let before = out.values();
                    calls += 1;
                    for nth in 1.. {
                        fail_at(nth);
                        let result = call(&mut out);
                        if fail_at(0) > 0 {
                            break; // done, or refused for another reason
                        }
                        assert!(
                            matches!(result, Err(Error::OutOfMemory { .. })) && before == out.values(),
                            "{} {l} {layout:?}, call {what}, request {nth}: {result:?}",
                            def.name
                        );
                        failed += 1;
                    }
                }
            }
        }
    }
    println!("{failed} requests failed, in {calls} calls");
    assert!(failed > calls / 2, "{failed} requests in {calls} calls");
}

#[test]
fn there_are_no_other_requests_that_grow() {
    in_a_process("out_of_memory::only_what_may_fail_grows", &[("UFUNX_NUM_THREADS", "1")]);
}

/// Scratch blocks, lists of axes and the like: what does not grow.
const FIXED_BYTES: usize = 1 << 20;

#[test]
#[ignore = "run by the test above in a process of its own, where nobody else takes memory"]
fn only_what_may_fail_grows() {
    for (dtype, shape) in [(DType::F64, [2000, 300]), (DType::F16, [400_000, 2]), (DType::I32, [3, 300_000])]
    {
        for layout in [Layout::C, Layout::Strided, Layout::Unaligned] {
            let (mut a, mut out) = (filled(dtype, &shape, layout), filled(dtype, &shape, layout));
            for (what, call) in CALLS {
                if what == "typed" && layout != Layout::C {
                    continue;
                }
                // The indices are the test's own.
                let own = if what.contains("at") { shape[0] * size_of::<isize>() } else { 0 };
                let (taken, asked) = (TAKEN.load(Relaxed), asked_bytes());
                call(&mut a, &mut out).unwrap();
                let (taken, asked) = (TAKEN.load(Relaxed) - taken, asked_bytes() - asked);
                let other = taken - asked - own.min(taken - asked);
                assert!(other < FIXED_BYTES, "{what} {dtype} {layout:?}: {other} bytes beside {asked}");
            }
        }
    }
}

#[test]
fn sizes_past_memory_are_refused_and_not_tried() {
    let one = Buf::of(DType::F64, &[1], &[]);
    let view = |shape: &[usize]| {
        let operand =
            Operand { shape: shape.into(), strides: smallvec::smallvec![0; shape.len()], ..one.operand() };
        // SAFETY: the one element, over and over.
        unsafe { View::from_operand(operand) }
    };
    let (rows, columns) = (view(&[1 << 40, 1]), view(&[1, 1 << 40]));
    let error =
        ufunc("add").call(&[rows.clone().into(), columns.clone().into()], &Default::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an array of shape (1099511627776,1099511627776) is larger than memory can be"
    );
    assert!(matches!(
        ufunc("add").outer(rows.clone(), columns, &Default::default()),
        Err(Error::TooLarge { .. })
    ));
    let many = ufunc("add").call(&[view(&[1 << 59]).into(), 1.0.into()], &Default::default());
    assert!(matches!(many, Err(Error::OutOfMemory { .. })), "{many:?}");
    let text =
        "Unable to allocate 4.00 EiB for an array with shape (576460752303423488,) and data type float64";
    assert_eq!(many.unwrap_err().to_string(), text);
    let indices = vec![0; 1 << 12];
    let error = ufunc("add").reduceat(view(&[1, 1 << 50]), &indices, 0, None).unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
}
