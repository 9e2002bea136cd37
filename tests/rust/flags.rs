//! IEEE flags: exactly those of the elements, whatever the ISA level, block or thread; one special value at every
//! position of arrays long and short.

use crate::common::{Complaints, run_loop, ufunc};
use ufunx::registry::{DType, FpFlags, LoopDef, UfuncDef};
use ufunx::{CallOptions, View};
use ufunx_tests::reference::Table;
use ufunx_tests::{Buf, IsaCap, Rng, Value};

/// The inputs of one element, and the flags they raise.
type Special = (FpFlags, Vec<Value>);

/// Inputs of a loop that raise nothing, and inputs that raise something, one for each combination of flags.
fn specials(def: &'static UfuncDef, l: &'static LoopDef) -> Option<(Vec<Value>, Vec<Special>)> {
    let table = Table::new(def, l, 300, &mut Rng::new(5)).ok()?;
    let inputs = |i: usize| -> Vec<Value> { table.inputs.iter().map(|list| list[i]).collect() };
    let ordinary = |x: &Vec<Value>| x.iter().all(|v| v.real().is_normal() && v.real().abs() < 4.0);
    let calm = (0..table.len())
        .filter(|&i| table.must[i].is_empty() && table.may[i].is_empty())
        .map(inputs)
        .find(ordinary)?;
    let mut found: Vec<Special> = vec![];
    for i in 0..table.len() {
        let flags = table.must[i];
        if !flags.is_empty() && table.may[i].is_empty() && found.iter().all(|(f, _)| *f != flags) {
            found.push((flags, inputs(i)));
        }
    }
    if found.is_empty() { None } else { Some((calm, found)) }
}

/// Runs `n` calm elements with the special one at `position`.
struct Track {
    def: &'static UfuncDef,
    l: &'static LoopDef,
    inputs: Vec<Buf>,
    outputs: Vec<Buf>,
}

impl Track {
    fn new(def: &'static UfuncDef, l: &'static LoopDef, calm: &[Value], n: usize) -> Track {
        let inputs = l.inputs.iter().zip(calm).map(|(&d, v)| Buf::tiled(d, &[*v], n)).collect();
        let outputs = l.outputs.iter().map(|&d| Buf::tiled(d, &[], n)).collect();
        Track { def, l, inputs, outputs }
    }

    fn run(&mut self) -> FpFlags {
        let views: Vec<View<'_>> = self.inputs.iter().map(Buf::view).collect();
        let mut targets: Vec<_> = self.outputs.iter_mut().map(Buf::view_mut).collect();
        run_loop(self.def, self.l, &views, &mut targets).unwrap().flags
    }

    fn run_with(&mut self, position: usize, special: &[Value], calm: &[Value]) -> FpFlags {
        let set = |inputs: &mut [Buf], values: &[Value]| {
            inputs.iter_mut().zip(values).for_each(|(buf, &value)| buf.set(position, value));
        };
        set(&mut self.inputs, special);
        let flags = self.run();
        set(&mut self.inputs, calm);
        flags
    }
}

#[test]
fn one_special_value_anywhere_raises_its_flags_and_no_other() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for def in ufunx::table().elementwise() {
        for l in def.loops() {
            let Some((calm, specials)) = specials(def, l) else { continue };
            // Every position for f32 and f64, samples for the rest, which differ in the conversion only.
            let all = matches!(l.inputs[0], DType::F32 | DType::F64);
            for n in [1, 2, 7, 8, 15, 16, 17, 33, 63, 100, 511, 513, 1025, 3000] {
                let mut track = Track::new(def, l, &calm, n);
                cap.each(|isa| {
                    let quiet = track.run();
                    if !quiet.is_empty() {
                        complaints.add(format!("{} {l} at {isa:?}: {n} times {calm:?} raised {quiet:?}", def.name));
                    }
                    for (flags, special) in &specials {
                        let step = if all && n < 1000 { 1 } else if all { 7 } else { 1 + n / 9 };
                        for position in (0..n).step_by(step).chain([n - 1]) {
                            let found = track.run_with(position, special, &calm);
                            checked += 1;
                            if found != *flags {
                                let name = def.name;
                                complaints.add(format!(
                                    "{name} {l} at {isa:?}: {special:?} at {position} of {n} raised {found:?}, not {flags:?}"
                                ));
                            }
                        }
                    }
                });
            }
        }
    }
    complaints.finish(checked);
}

#[test]
fn flags_come_from_every_thread() {
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for name in ["divide", "sqrt", "multiply", "add", "square"] {
        let def = ufunc(name).def();
        for dtype in [DType::F64, DType::F32, DType::F16] {
            let l = def.loop_for(&vec![dtype; def.nin()]).unwrap();
            let (calm, specials) = specials(def, l).unwrap();
            let n = 4 * ufunx::tuning::elements_per_thread(def.cost) + 77;
            let mut track = Track::new(def, l, &calm, n);
            for (flags, special) in &specials {
                let mut rng = Rng::new(17);
                let edges = [0, 1023, 1024, n / 2, n - 1];
                for position in edges.into_iter().chain((0..6).map(|_| rng.below(n))) {
                    let found = ufunx::with_threads(3, || track.run_with(position, special, &calm));
                    checked += 1;
                    if found != *flags {
                        complaints.add(format!(
                            "{name} {dtype} {special:?} at {position}: {found:?}, not {flags:?}"
                        ));
                    }
                }
            }
        }
    }
    complaints.finish(checked);
}

#[test]
fn masked_elements_raise_nothing() {
    let n = 3000;
    let zeros = Buf::tiled(DType::F64, &[Value::Float(0.0)], n);
    let mut mask = Buf::tiled(DType::Bool, &[Value::Bool(false)], n);
    let mut x = Buf::tiled(DType::F64, &[Value::Float(1.0)], n);
    let divide = |x: &Buf, mask: &Buf| {
        let options = CallOptions { mask: Some(mask.view()), ..Default::default() };
        ufunc("divide").call(&[x.view().into(), zeros.view().into()], &options).unwrap().report.flags
    };
    assert_eq!(divide(&x, &mask), FpFlags::NONE);
    for i in (0..n).step_by(37) {
        mask.set(i, Value::Bool(true));
        x.set(i, Value::Float(f64::NAN));
        assert_eq!(divide(&x, &mask), FpFlags::NONE, "NaN / 0 raises nothing, at {i}");
        x.set(i, Value::Float(2.0));
        assert_eq!(divide(&x, &mask), FpFlags::DIVIDE, "at {i}");
        mask.set(i, Value::Bool(false));
    }
}

#[test]
fn reductions_report_what_their_steps_raise() {
    let max = Value::Float(f64::MAX);
    let inf = Value::Float(f64::INFINITY);
    let minus = Value::Float(f64::NEG_INFINITY);
    let one = Value::Float(1.0);
    for n in [2usize, 9, 200, 3000, 600_000] {
        let at_ends = |a: Value, b: Value| {
            let mut x = Buf::tiled(DType::F64, &[one], n);
            x.set(0, a);
            x.set(n - 1, b);
            let report =
                ufunx::with_threads(3, || ufunc("add").reduce(x.view(), &Default::default()).unwrap().report);
            let running = ufunc("add").accumulate(x.view(), 0, None).unwrap().report;
            (report.flags, running.flags)
        };
        assert_eq!(at_ends(max, max), (FpFlags::OVERFLOW, FpFlags::OVERFLOW), "{n}");
        assert_eq!(at_ends(inf, minus), (FpFlags::INVALID, FpFlags::INVALID), "{n}");
        assert_eq!(at_ends(inf, one), (FpFlags::NONE, FpFlags::NONE), "{n}");
        assert_eq!(at_ends(one, one), (FpFlags::NONE, FpFlags::NONE), "{n}");
    }
}
