//! Plans and the executor: calls and methods over operands anywhere in one piece of memory, in any layout, overlapping as they
//! may, against the interpreter; no byte beside the outputs' elements may change.

use super::Bytes;
use super::memory::{Memory, is_odd};
use crate::interpret::{self, Answer, Expected, cast, methods};
use crate::layouts::values_of;
use crate::value::{Value, decode};
use crate::{IsaCap, has_flags};
use ufunx::operand::{Operand, Order};
use ufunx::overlap::may_overlap;
use ufunx::registry::{
    Accuracy, Casting, DType, Isa, Kind, LoopDef, Request, UfuncDef, resolve, resolve_reduction,
};
use ufunx::{Axes, CallOptions, Error, Initial, Input, ReduceOptions, Scalar, Ufunc, View, ViewMut};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let cap = IsaCap::lock();
    ufunx::cap_isa(bytes.pick(&Isa::ALL));
    let mut memory = Memory::new(bytes.u64());
    match bytes.below(8) {
        0..=3 => call(&mut bytes, &mut memory),
        4 | 5 => reduce(&mut bytes, &mut memory),
        6 => scan(&mut bytes, &mut memory),
        _ => at(&mut bytes, &mut memory),
    }
    drop(cap);
}

const REAL: [DType; 15] = [
    DType::Bool,
    DType::I8,
    DType::U8,
    DType::I16,
    DType::U16,
    DType::I32,
    DType::U32,
    DType::I64,
    DType::U64,
    DType::F8E5M2,
    DType::F8E4M3FN,
    DType::F16,
    DType::BF16,
    DType::F32,
    DType::F64,
];

/// The ufuncs whose results are exact and whose calls none refuses.
fn known() -> Vec<&'static UfuncDef> {
    let exact = |def: &UfuncDef| def.accuracy == Accuracy::Exact && def.refusal.is_none();
    ufunx::table().elementwise().filter(|def| exact(def)).collect()
}

/// Up to four axes and a few thousand elements.
fn any_shape(bytes: &mut Bytes<'_>) -> Vec<usize> {
    let mut shape: Vec<usize> = vec![];
    for _ in 0..bytes.below(5) {
        let n = match bytes.below(8) {
            0 => bytes.below(3),
            1 => 28 + bytes.below(10),
            2 => 1020 + bytes.below(10),
            3 => usize::from(bytes.u8()),
            _ => 1 + bytes.below(6),
        };
        // Whichever axes an operand leaves out.
        let fits = shape.iter().map(|&n| n.max(1)).product::<usize>() * n <= 3000;
        shape.push(if fits { n } else { 1 });
    }
    shape
}

/// One that broadcasts to it.
fn narrower(shape: &[usize], bytes: &mut Bytes<'_>) -> Vec<usize> {
    let skipped = if bytes.one_in(4) { bytes.below(shape.len() + 1) } else { 0 };
    shape[skipped..].iter().map(|&n| if bytes.one_in(6) { 1 } else { n }).collect()
}

fn view<'a>(operand: &Operand) -> View<'a> {
    // SAFETY: operands lie in the memory, which outlives the call; inputs and outputs of a call may overlap.
    unsafe { View::from_operand(operand.clone()) }
}

fn view_mut<'a>(operand: &Operand) -> ViewMut<'a> {
    // SAFETY: as above.
    unsafe { ViewMut::from_operand(operand.clone()) }
}

fn check(
    expected: &[Option<Expected>],
    dtype: DType,
    found: &[Value],
    before: &[Value],
    context: impl Fn() -> String,
) {
    assert_eq!(expected.len(), found.len(), "{}", context());
    for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let wanted = expected.unwrap_or_else(|| before[i].into());
        assert!(wanted.admits(found, dtype), "element {i} is {found:?}, not {wanted:?}: {}", context());
    }
}

// Long, as a case is drawn and judged from one end to the other.
fn call(bytes: &mut Bytes<'_>, memory: &mut Memory) {
    let known = known();
    let def = bytes.pick(&known);
    let same = bytes.pick(&REAL);
    let dtypes: Vec<DType> =
        (0..def.nin()).map(|_| if bytes.one_in(2) { bytes.pick(&REAL) } else { same }).collect();
    let casting = bytes.pick(&[Casting::SameKind, Casting::Unsafe]);
    let types: Vec<_> = dtypes.iter().map(|&d| d.into()).collect();
    let outputs: Vec<Option<DType>> =
        (0..def.nout()).map(|_| bytes.one_in(2).then(|| bytes.pick(&REAL))).collect();
    let request = Request { inputs: &types, outputs: &outputs, signature: None, casting };
    let Ok(l) = resolve(def, &request) else { return };
    let full = any_shape(bytes);
    let inputs: Vec<Operand> = dtypes
        .iter()
        .map(|&dtype| {
            let shape = narrower(&full, bytes);
            memory.operand(dtype, &shape, bytes)
        })
        .collect();
    let mask = bytes.one_in(3).then(|| {
        let shape = narrower(&full, bytes);
        memory.operand(DType::Bool, &shape, bytes)
    });
    let shapes: Vec<&[usize]> = inputs.iter().chain(&mask).map(|o| &o.shape[..]).collect();
    let Some(shape) = interpret::broadcast(&shapes) else { return };
    let mut targets: Vec<Operand> = vec![];
    for (i, dtype) in outputs.iter().enumerate() {
        let Some(dtype) = *dtype else { continue };
        let same_as_input = inputs.get(i).filter(|o| o.shape[..] == shape && o.dtype.size() == dtype.size());
        targets.push(match same_as_input.filter(|_| bytes.one_in(3)) {
            Some(input) => Operand { dtype, ..input.clone() },
            None => memory.operand(dtype, &shape, bytes),
        });
    }
    inputs.iter().chain(&targets).for_each(|operand| memory.fill(operand));
    if let Some(mask) = &mask {
        memory.fill(mask);
    }
    let odd = inputs.iter().chain(&mask).any(is_odd);
    let results: Vec<DType> = outputs.iter().zip(l.outputs).map(|(o, &d)| o.unwrap_or(d)).collect();
    let answer = interpret::call(def.name, l, &inputs, mask.as_ref(), &results, &shape);
    let before: Vec<Vec<Value>> = targets.iter().map(values_of).collect();
    let all_before = memory.bytes().to_vec();
    let options = CallOptions {
        casting,
        order: bytes.pick(&[Order::K, Order::C, Order::F, Order::A]),
        mask: mask.as_ref().map(view),
        ..CallOptions::default()
    };
    let given: Vec<Input<'_>> = inputs.iter().map(|o| Input::View(view(o))).collect();
    let context = || format!("{} {l} {inputs:?} where {mask:?} -> {targets:?} {}", def.name, casting.name());
    let ufunc = Ufunc::from_def(def);
    let report = if targets.len() == def.nout() {
        let mut targets: Vec<ViewMut<'_>> = targets.iter().map(view_mut).collect();
        match ufunc.call_into(&given, &mut targets, &options) {
            Ok(report) => report,
            Err(Error::OutputOverlapsItself) => return memory.check_rest(&all_before, &[]),
            Err(error) => panic!("{error}: {}", context()),
        }
    } else {
        let called = ufunc.call(&given, &options).unwrap_or_else(|error| panic!("{error}: {}", context()));
        memory.check_rest(&all_before, &[]);
        if outputs.iter().all(Option::is_none) && !odd {
            for (k, out) in called.outputs.iter().enumerate() {
                let zero = decode(0, l.outputs[k]);
                let found = values_of(out.view().operand());
                check(&answer.outputs[k], l.outputs[k], &found, &vec![zero; found.len()], context);
            }
            check_report(&answer, called.report, context);
        }
        return;
    };
    if !odd {
        for (k, target) in targets.iter().enumerate() {
            // What a later output is written over is not to be seen.
            if !targets[k + 1..].iter().any(|later| may_overlap(target, later)) {
                check(&answer.outputs[k], target.dtype, &values_of(target), &before[k], context);
            }
        }
        check_report(&answer, report, context);
    }
    memory.check_rest(&all_before, &targets.iter().collect::<Vec<_>>());
}

fn check_report(answer: &Answer, found: ufunx::Report, context: impl Fn() -> String) {
    let flags = found.flags.contains(answer.flags) && (answer.flags | answer.may).contains(found.flags);
    let same = !has_flags() || (flags && found.cast == answer.cast);
    assert!(same, "raised {found:?}, not {:?} and {:?}: {}", answer.flags, answer.cast, context());
}

/// A ufunc that folds, the input's dtype, the loop, and whether the order of a fold cannot be told from its result.
fn foldable(bytes: &mut Bytes<'_>) -> Option<(&'static UfuncDef, DType, &'static LoopDef, bool)> {
    let all: Vec<_> = known().into_iter().filter(|def| def.loops().any(LoopDef::is_reducible)).collect();
    let def = bytes.pick(&all);
    let dtype = bytes.pick(&REAL);
    let l = resolve_reduction(def, dtype, None, None).ok()?;
    Some((def, dtype, l, l.outputs[0].kind() != Kind::Float))
}

fn reduce(bytes: &mut Bytes<'_>, memory: &mut Memory) {
    let Some((def, dtype, l, exact)) = foldable(bytes) else { return };
    let shape = any_shape(bytes);
    let input = memory.operand(dtype, &shape, bytes);
    let mut axes: Vec<usize> = (0..shape.len()).filter(|_| bytes.one_in(2)).collect();
    if !def.reorderable {
        axes.truncate(1);
    }
    let keepdims = bytes.one_in(2);
    let mask = bytes.one_in(3).then(|| {
        let shape = narrower(&shape, bytes);
        memory.operand(DType::Bool, &shape, bytes)
    });
    let initial = bytes.one_in(3).then_some(1);
    let kept = |axis: usize| keepdims || !axes.contains(&axis);
    let result_shape: Vec<usize> =
        (0..shape.len()).filter(|&a| kept(a)).map(|a| if axes.contains(&a) { 1 } else { shape[a] }).collect();
    let target = bytes.one_in(2).then(|| memory.operand(l.outputs[0], &result_shape, bytes));
    [Some(&input), mask.as_ref(), target.as_ref()].into_iter().flatten().for_each(|o| memory.fill(o));
    let odd = is_odd(&input) || mask.as_ref().is_some_and(is_odd);
    let start = match initial {
        Some(value) => Some(cast::cast(Value::Int(value), DType::I64, l.outputs[0]).0),
        None => methods::identity(def, l.outputs[0]),
    };
    let options = ReduceOptions {
        axis: Axes::Many(axes.iter().map(|&a| a as isize).collect()),
        dtype: None,
        keepdims,
        initial: initial.map_or(Initial::Default, |i| Initial::Value(Scalar::Int(i))),
        mask: mask.as_ref().map(view),
    };
    let expected = methods::reduce(def.name, l, &input, &axes, mask.as_ref(), start);
    let before = memory.bytes().to_vec();
    let ufunc = Ufunc::from_def(def);
    let context = || format!("{}.reduce {l} {input:?} {axes:?} where {mask:?} -> {target:?}", def.name);
    let found = match &target {
        None => ufunc.reduce(view(&input), &options).map(|c| values_of(c.one().view().operand())),
        Some(target) => {
            ufunc.reduce_into(view(&input), &mut view_mut(target), &options).map(|_| values_of(target))
        }
    };
    match found {
        Ok(found) if exact && !odd => {
            let expected: Vec<_> = expected.into_iter().map(|v| v.map(Into::into)).collect();
            check(&expected, l.outputs[0], &found, &[], context);
        }
        Ok(found) => assert_eq!(found.len(), expected.len(), "{}", context()),
        Err(Error::OutputOverlapsItself) => return memory.check_rest(&before, &[]),
        Err(Error::EmptyReduction { .. } | Error::MaskNeedsInitial { .. }) => assert!(start.is_none()),
        Err(error) => panic!("{error}: {}", context()),
    }
    memory.check_rest(&before, &target.iter().collect::<Vec<_>>());
}

fn scan(bytes: &mut Bytes<'_>, memory: &mut Memory) {
    let Some((def, dtype, l, exact)) = foldable(bytes) else { return };
    let shape = any_shape(bytes);
    let input = memory.operand(dtype, &shape, bytes);
    memory.fill(&input);
    let before = memory.bytes().to_vec();
    let ufunc = Ufunc::from_def(def);
    if shape.is_empty() {
        let scalar = ufunc.accumulate(view(&input), 0, None);
        return assert!(matches!(scalar, Err(Error::Scalar { .. })), "{scalar:?}");
    }
    let axis = bytes.below(shape.len());
    let n = shape[axis];
    let odd = is_odd(&input);
    let (found, expected) = if bytes.one_in(2) || n == 0 {
        let called = ufunc.accumulate(view(&input), axis as isize, None);
        (called, methods::accumulate(def.name, l, &input, axis))
    } else {
        let indices: Vec<isize> =
            (0..bytes.below(7)).map(|_| (usize::from(bytes.u8()) % n) as isize).collect();
        let called = ufunc.reduceat(view(&input), &indices, axis as isize, None);
        (called, methods::reduceat(def.name, l, &input, &indices, axis))
    };
    let found = found.unwrap_or_else(|error| panic!("{error}: {} {input:?} {axis}", def.name)).one();
    let (found, expected): (_, Vec<_>) =
        (values_of(found.view().operand()), expected.into_iter().map(|v| Some(v.into())).collect());
    if exact && !odd {
        check(&expected, l.outputs[0], &found, &[], || format!("{} {l} {input:?} {axis}", def.name));
    }
    memory.check_rest(&before, &[]);
}

fn at(bytes: &mut Bytes<'_>, memory: &mut Memory) {
    let known = known();
    let def = bytes.pick(&known);
    if def.nout() != 1 {
        return; // has no `at`
    }
    let (dtype, value_dtype) = (bytes.pick(&REAL), bytes.pick(&REAL));
    let binary = def.nin() == 2;
    let Ok(l) = ufunx::at::resolve_at(def, dtype, binary.then_some(value_dtype.into())) else { return };
    let n = 1 + bytes.below(40);
    let target = memory.operand(dtype, &[n], bytes);
    let indices: Vec<isize> =
        (0..bytes.below(60)).map(|_| (usize::from(bytes.u8()) % (2 * n)) as isize - n as isize).collect();
    let count = if bytes.one_in(3) { 1 } else { indices.len() };
    let values = memory.operand(value_dtype, &[count], bytes);
    memory.fill(&target);
    memory.fill(&values);
    let odd = is_odd(&target) || is_odd(&values);
    let repeats = ufunx::overlap::overlaps_itself(&target);
    let list = values_of(&values);
    let given = binary.then_some((&list[..], value_dtype));
    let expected = methods::at(def.name, l, &values_of(&target), dtype, &indices, given);
    let before = memory.bytes().to_vec();
    let input = binary.then(|| view(&values).into());
    let context = || format!("{}.at {l} {target:?} {indices:?} {values:?}", def.name);
    match Ufunc::from_def(def).at(&mut view_mut(&target), &indices, input) {
        Ok(_) if odd || repeats => {}
        Ok(_) => {
            let expected: Vec<_> = expected.into_iter().map(Some).collect();
            check(&expected, dtype, &values_of(&target), &[], context);
        }
        Err(error) => panic!("{error}: {}", context()),
    }
    memory.check_rest(&before, &[&target]);
}
