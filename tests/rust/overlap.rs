//! Outputs that share memory with inputs, in every way: the answer must be as if they did not.

use crate::common::{Complaints, seed, ufunc};
use crate::layouts::compare;
use ufunx::operand::Operand;
use ufunx::registry::{DType, resolve_reduction};
use ufunx::{Axes, CallOptions, Input, ReduceOptions, View, ViewMut};
use ufunx_tests::interpret::{self, methods};
use ufunx_tests::layouts::values_of;
use ufunx_tests::values::ordinary;
use ufunx_tests::{Buf, Rng};

/// A view of elements of a one-dimensional array: where it starts, its lengths, its steps in elements.
#[derive(Clone, Debug)]
struct Window(usize, Vec<usize>, Vec<isize>);

impl Window {
    fn of(&self, buf: &Buf) -> Operand {
        let size = buf.dtype.size();
        Operand {
            ptr: buf.operand().ptr.wrapping_add(self.0 * size),
            dtype: buf.dtype,
            shape: self.1[..].into(),
            strides: self.2.iter().map(|s| s * size as isize).collect(),
        }
    }

    /// Random, within `total` elements; `writable` if no element may be met twice.
    fn random(shape: &[usize], total: usize, writable: bool, rng: &mut Rng) -> Window {
        let mut axes: Vec<usize> = (0..shape.len()).collect();
        rng.shuffle(&mut axes);
        let mut strides = vec![0; shape.len()];
        let (mut step, mut low) = (1 + rng.below(2), 0);
        for axis in axes {
            if !writable && rng.one_in(4) {
                continue; // repeats
            }
            strides[axis] = step as isize;
            if rng.one_in(3) {
                strides[axis] = -strides[axis];
                low += step * (shape[axis] - 1);
            }
            step *= shape[axis];
        }
        let span: usize = shape.iter().zip(&strides).map(|(&n, s)| (n - 1) * s.unsigned_abs()).sum();
        let slack = total - span;
        Window(low + rng.below(slack.min(40)), shape.to_vec(), strides)
    }
}

const SHAPES: [&[usize]; 6] = [&[50], &[2000], &[7, 9], &[40, 41], &[4, 5, 6], &[1500, 2]];

#[test]
fn any_overlap_gives_the_answer_without() {
    let mut complaints = Complaints::default();
    let cases = 3000;
    for case in 0..cases {
        let mut rng = Rng::new(seed() ^ (case as u64) << 24);
        let dtype = *rng.pick(&[DType::F64, DType::I32, DType::U8, DType::F16]);
        let shape = *rng.pick(&SHAPES);
        let total = 2 * shape.iter().product::<usize>() + 100;
        let mut buf = Buf::of(dtype, &[total], &[]);
        buf.fill_with(|| ordinary(dtype, &mut rng));
        let out = Window::random(shape, total, true, &mut rng);
        let inputs = [0, 1].map(|_| match rng.one_in(4) {
            true => out.clone(),
            false => Window::random(shape, total, false, &mut rng),
        });
        let name = *rng.pick(&["add", "subtract", "maximum", "not_equal"]);
        let l = ufunc(name).def().loop_for(&[dtype; 2]).unwrap();
        if l.outputs[0].size() != dtype.size() {
            continue;
        }
        let operands = inputs.each_ref().map(|w| w.of(&buf));
        let expected = interpret::call(name, l, &operands, None, l.outputs, shape);
        let mut target = out.of(&buf);
        target.dtype = l.outputs[0];
        // SAFETY: the windows lie within the array; a call allows inputs to overlap its output.
        let (views, mut target) =
            unsafe { (operands.map(|o| Input::View(View::from_operand(o))), ViewMut::from_operand(target)) };
        let verdict = ufunc(name)
            .call_into(&views, std::slice::from_mut(&mut target), &CallOptions::default())
            .map_err(|e| e.to_string())
            .and_then(|_| compare(&expected.outputs[0], l.outputs[0], &values_of(target.operand()), &[]));
        complaints.check(verdict, || format!("case {case}: {name} {dtype} {inputs:?} -> {out:?}"));
    }
    complaints.finish(cases);
}

/// `out[1:] = f(out[:-1], out[1:])` and the like on f64, large enough for several blocks and threads.
#[test]
fn shifted_slices_of_a_long_array() {
    let n = 600_000;
    for shift in [1usize, 2, 1023, 1024, 300_000] {
        for backwards in [false, true] {
            let mut data: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let (source, target) = if backwards { (shift, 0) } else { (0, shift) };
            let operand = |data: &mut Vec<f64>, start: usize| {
                Operand::contiguous(data.as_mut_ptr().wrapping_add(start).cast(), DType::F64, &[n - shift])
            };
            let (from, to) = (operand(&mut data, source), operand(&mut data, target));
            // SAFETY: both lie within the data; a call allows the overlap.
            let (view, mut out) = unsafe { (View::from_operand(from), ViewMut::from_operand(to)) };
            let inputs = [view.into(), ufunx::Scalar::from(0.5).into()];
            ufunx::with_threads(3, || {
                ufunc("add")
                    .call_into(&inputs, std::slice::from_mut(&mut out), &CallOptions::default())
                    .unwrap();
            });
            for i in 0..n - shift {
                assert_eq!(data[target + i], (source + i) as f64 + 0.5, "shift {shift}, element {i}");
            }
        }
    }
}

#[test]
fn a_mask_may_lie_in_the_output() {
    // Ahead of the output, and behind it, where what is written would be read as the mask.
    for (mask_at, out_at) in [(0, 0), (1, 0), (5, 0), (0, 1), (0, 5), (0, 1500)] {
        let n = 3000;
        let mut bytes: Vec<u8> = (0..n + mask_at.max(out_at)).map(|i| (i % 3 == 0) as u8).collect();
        let before = bytes.clone();
        let base = bytes.as_mut_ptr();
        // SAFETY: both views lie within the bytes; a call allows a mask that overlaps its output.
        let (mask, mut out) = unsafe {
            (
                View::from_operand(Operand::contiguous(base.wrapping_add(mask_at), DType::Bool, &[n])),
                ViewMut::from_operand(Operand::contiguous(base.wrapping_add(out_at), DType::U8, &[n])),
            )
        };
        let x = Buf::of(DType::U8, &[n], &[ufunx_tests::Value::Int(128)]);
        let options = CallOptions { mask: Some(mask), ..CallOptions::default() };
        let inputs = [x.view().into(), x.view().into()]; // 128 + 128 is 0: false where there was true
        ufunc("add").call_into(&inputs, std::slice::from_mut(&mut out), &options).unwrap();
        for i in 0..n {
            let expected = if before[i + mask_at] != 0 { 0 } else { before[i + out_at] };
            assert_eq!(bytes[i + out_at], expected, "mask at {mask_at}, output at {out_at}, element {i}");
        }
    }
}

#[test]
fn a_reduction_may_write_into_its_input() {
    let mut rng = Rng::new(seed());
    for (axis, start, steps) in [(0, 0, [1]), (1, 3, [100]), (0, 9999, [-1]), (1, 9900, [1])] {
        let mut buf = Buf::of(DType::I64, &[100, 100], &[]);
        buf.fill_with(|| ordinary(DType::I64, &mut rng));
        let add = ufunc("add");
        let l = resolve_reduction(add.def(), DType::I64, None, None).unwrap();
        let expected = methods::reduce("add", l, &buf.operand(), &[axis], None, None);
        let input = buf.operand();
        let target = Operand {
            ptr: input.ptr.wrapping_add(start * 8),
            dtype: DType::I64,
            shape: [100][..].into(),
            strides: steps.map(|s: isize| s * 8)[..].into(),
        };
        // SAFETY: the target lies within the array; a reduction allows the overlap.
        let (view, mut out) = unsafe { (View::from_operand(input), ViewMut::from_operand(target)) };
        let options = ReduceOptions { axis: Axes::One(axis as isize), ..ReduceOptions::default() };
        add.reduce_into(view, &mut out, &options).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|v| v.map(Into::into)).collect();
        compare(&expected, DType::I64, &values_of(out.operand()), &[]).unwrap();
    }
}
