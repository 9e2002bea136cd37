//! Programs beside the ufuncs they are made of, called one after the other: bits, dtypes and flags, at every level, on any
//! number of threads.

use crate::common::{Complaints, seed};
use ufunx::program::{Definition, Named, Node, Program, take_raised};
use ufunx::registry::{DType, FpFlags, UfuncDef};
use ufunx::{Array, CallOptions, Error, Input, ReduceOptions, Ufunc};
use ufunx_tests::layouts::{Layout, values_of};
use ufunx_tests::values::ordinary;
use ufunx_tests::{Buf, IsaCap, Rng, Value};

/// What a call of a definition's ufuncs gives, and the flags of each that raises some.
fn unfused(made: &Definition, inputs: &[Buf]) -> Result<(Vec<Array>, FpFlags), Error> {
    let mut values: Vec<Option<Array>> = vec![];
    let mut flags = FpFlags::NONE;
    for node in &made.nodes {
        values.push(match node {
            Node::Call { ufunc: Named(def), inputs: ids, output } => {
                let input = |&id: &u32| -> Input<'_> {
                    match (&made.nodes[id as usize], &values[id as usize]) {
                        (_, Some(array)) => array.view().into(),
                        (Node::Input(i), None) => inputs[*i as usize].view().into(),
                        (node, None) => node.scalar().expect("a number").into(),
                    }
                };
                let all: Vec<Input<'_>> = ids.iter().map(input).collect();
                let mut called = Ufunc::from_def(def).call(&all, &CallOptions::default())?;
                flags = flags | called.report.flags | called.report.cast;
                Some(called.outputs.swap_remove(*output as usize))
            }
            _ => None,
        });
    }
    Ok((made.outputs.iter().map(|&id| values[id as usize].take().expect("an output once")).collect(), flags))
}

fn call(def: &UfuncDef, inputs: &[Buf], threads: usize) -> Result<(Vec<Array>, FpFlags), Error> {
    let inputs: Vec<Input<'_>> = inputs.iter().map(|buf| buf.view().into()).collect();
    let called =
        ufunx::with_threads(threads, || Ufunc::from_def(def).call(&inputs, &CallOptions::default()))?;
    Ok((called.outputs, called.report.flags | called.report.cast))
}

fn node(name: &str, inputs: &[u32]) -> Node {
    Node::Call { ufunc: Named::find(name).unwrap(), inputs: inputs.iter().copied().collect(), output: 0 }
}

fn random_definition(rng: &mut Rng, nin: usize) -> Definition {
    let elementwise: Vec<&UfuncDef> = ufunx::table().elementwise().filter(|def| def.nin() <= 3).collect();
    let common = ["add", "subtract", "multiply", "divide", "exp", "sqrt", "maximum", "less", "negative"];
    let mut made = Definition::new("made", &["a", "b", "c"][..nin]);
    made.nodes = (0..nin as u32).map(Node::Input).collect();
    made.nodes.extend([Node::Int(2), Node::Float(0.75f64.to_bits())]);
    let first = made.nodes.len();
    for _ in 0..rng.between(1, 12) {
        let def = match rng.one_in(3) {
            true => *rng.pick(&elementwise),
            false => ufunx::table().get(common[rng.below(common.len())]).unwrap(),
        };
        let inputs = (0..def.nin()).map(|_| rng.below(made.nodes.len()) as u32).collect();
        made.nodes.push(Node::Call { ufunc: Named(def), inputs, output: rng.below(def.nout()) as u32 });
    }
    made.outputs = vec![rng.between(first, made.nodes.len() - 1) as u32];
    made.checked().unwrap()
}

#[test]
fn random_programs_are_their_ufuncs_one_after_the_other() {
    let cap = IsaCap::lock();
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for case in 0..600 {
        let mut rng = Rng::new(seed() + case);
        let nin = rng.between(1, 3);
        let made = random_definition(&mut rng, nin);
        let shape = rng.pick(&[&[5][..], &[130], &[1500], &[40, 33], &[3, 1, 7], &[70_000]]).to_vec();
        let dtypes = [DType::F64, DType::F32, DType::I32, DType::U8, DType::Bool, DType::F16, DType::C128];
        let inputs: Vec<Buf> = (0..nin)
            .map(|_| {
                let dtype = if rng.one_in(2) { DType::F64 } else { *rng.pick(&dtypes) };
                // A product of complex numbers may have other bits where it is strided, which is none of a program's making.
                let as_it_is = dtype == DType::C128 || rng.one_in(2);
                let layout = if as_it_is { Layout::C } else { Layout::Random };
                let mut buf = Buf::new(dtype, &shape, layout, false, &mut rng);
                buf.fill(&(0..97).map(|_| ordinary(dtype, &mut rng)).collect::<Vec<_>>());
                buf
            })
            .collect();
        let def = Program::ufunc(made.clone());
        cap.each(|isa| {
            let expected = unfused(&made, &inputs);
            for threads in [1, 3] {
                let found = call(&def, &inputs, threads);
                let same = match (&expected, &found) {
                    (Ok((a, flags)), Ok((b, raised))) => {
                        let values = |arrays: &[Array]| -> Vec<Value> {
                            arrays.iter().flat_map(|array| values_of(array.view().operand())).collect()
                        };
                        let (a_values, b_values) = (values(a), values(b));
                        // What some of the inputs make is broadcast.
                        let repeat = b_values.len() / a_values.len().max(1);
                        let dtypes = a.iter().map(Array::dtype).eq(b.iter().map(Array::dtype));
                        dtypes
                            && flags == raised
                            && (repeat != 1 || a_values.iter().zip(&b_values).all(|(a, b)| a.same(*b)))
                    }
                    (Err(_), Err(_)) => true,
                    _ => false,
                };
                checked += 1;
                complaints.check(if same { Ok(()) } else { Err("not the same".to_owned()) }, || {
                    format!("case {case}, {}, {threads} threads: {made}\n{expected:?}\n{found:?}", isa.name())
                });
            }
        });
    }
    complaints.finish(checked);
}

#[test]
fn flags_are_told_by_step() {
    let mut made = Definition::new("made", &["a", "b"]);
    made.nodes = vec![Node::Input(0), Node::Input(1), node("divide", &[0, 1]), node("log", &[2])];
    made.outputs = vec![3];
    let def = Program::ufunc(made.checked().unwrap());
    let n = 500_000;
    let tiled = |values: &[f64]| {
        Buf::tiled(DType::F64, &values.iter().map(|&x| Value::Float(x)).collect::<Vec<_>>(), n)
    };
    let inputs = [tiled(&[1.0, 1.0, -1.0]), tiled(&[0.0, 2.0, 1.0])];
    for threads in [1, 3] {
        call(&def, &inputs, threads).unwrap();
        assert_eq!(take_raised(), [("divide", FpFlags::DIVIDE), ("log", FpFlags::INVALID)]);
        assert_eq!(take_raised(), []);
    }
}

#[test]
fn methods_run_in_order() {
    let halving = Program::new("halving", |[a, b]| a / 2.0 + b).unwrap();
    let x = Buf::of(DType::F64, &[5], &[1.0, 2.0, 3.0, 4.0, 5.0].map(Value::Float));
    let reduced = Ufunc::from_def(&halving).reduce(x.view(), &ReduceOptions::default()).unwrap();
    let expected = [2.0, 3.0, 4.0, 5.0].iter().fold(1.0, |acc, x| acc / 2.0 + x);
    assert!(values_of(reduced.one().view().operand())[0].same(Value::Float(expected)));
}

#[test]
fn loops_are_derived_once_and_dropped_with_their_ufunc() {
    let def = Program::new("made", |[x]| x.clone() * x + 1).unwrap();
    let first: *const _ = def.loop_for(&[DType::F64]).unwrap();
    assert!(def.loop_for(&[DType::F32]).is_some());
    assert!(std::ptr::eq(first, def.loop_for(&[DType::F64]).unwrap()));
    assert_eq!(def.loop_for(&[DType::U8]).unwrap().outputs, [DType::U8]);
    assert!(def.loop_for(&[DType::DateTime]).is_none());
}
