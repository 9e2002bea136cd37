//! Every loop of every ufunc in the table, at every ISA level, size and layout, against the reference. A ufunc without a
//! reference fails here, so that none is left out unnoticed.

use crate::common::{Complaints, run_loop, seed};
use ufunx::registry::{FpFlags, LoopDef, UfuncDef};
use ufunx::{View, ViewMut};
use ufunx_tests::layouts::Layout;
use ufunx_tests::reference::Table;
use ufunx_tests::{Buf, IsaCap, Rng};

/// Around every vector width, pad, math block (512), staged block (1024).
const SIZES: [usize; 32] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512,
    513, 1023, 1024, 1025, 2049, 2600,
];

/// One array per operand, and where in the table its elements come from.
struct Trial {
    what: String,
    start: usize,
    n: usize,
    constant: Vec<bool>,
    inputs: Vec<Buf>,
    outputs: Vec<Buf>,
    in_place: bool,
}

fn all_loops() -> impl Iterator<Item = (&'static UfuncDef, &'static LoopDef)> {
    ufunx::table().elementwise().flat_map(|def| def.loops().map(move |l| (def, l)))
}

fn trials(table: &Table, l: &'static LoopDef, rng: &mut Rng) -> Vec<Trial> {
    let mut trials = vec![];
    let mut add = |n: usize, layouts: &[Layout], out: Layout, in_place: bool, rng: &mut Rng| {
        let start = rng.below(table.len());
        let at = |i: usize| (start + i) % table.len();
        let inputs = l.inputs.iter().zip(layouts).zip(&table.inputs).map(|((&dtype, &layout), values)| {
            let mut buf = Buf::new(dtype, &[n], layout, false, rng);
            let values: Vec<_> = (0..n.max(1)).map(|i| values[at(i)]).collect();
            buf.fill(if layout == Layout::Constant { &values[..1] } else { &values });
            buf
        });
        let inputs = inputs.collect();
        let outputs = l.outputs.iter().map(|&d| Buf::new(d, &[n], out, true, rng)).collect();
        let constant = layouts[..l.inputs.len()].iter().map(|&l| l == Layout::Constant).collect();
        let what = format!("{layouts:?} -> {out:?} n={n} in_place={in_place}");
        trials.push(Trial { what, start, n, constant, inputs, outputs, in_place });
    };
    use Layout::{C, Constant, Reversed, Strided, Unaligned};
    for n in SIZES {
        add(n, &[C; 3], C, false, rng);
    }
    for n in [6, 37, 1500] {
        for layout in [Strided, Reversed, Unaligned] {
            add(n, &[layout; 3], layout, false, rng);
        }
        add(n, &[C, Strided, C], Unaligned, false, rng);
        add(n, &[Reversed, C, C], C, false, rng);
        if l.inputs.len() > 1 {
            for _ in 0..3 {
                add(n, &[C, Constant, C], C, false, rng);
                add(n, &[Constant, C, C], C, false, rng);
            }
            add(n, &[Constant, Strided, C], Strided, false, rng);
        }
        if l.inputs[0] == l.outputs[0] {
            add(n, &[C; 3], C, true, rng);
            add(n, &[Strided; 3], C, true, rng);
            add(n, &[Unaligned; 3], C, true, rng);
        }
    }
    trials
}

impl Trial {
    /// Runs it, on copies of the outputs.
    fn run(&self, def: &'static UfuncDef, l: &'static LoopDef) -> (FpFlags, Vec<Buf>) {
        let mut outputs = self.outputs.clone();
        let report = if self.in_place {
            let mut target = self.inputs[0].clone();
            let out = target.view_mut();
            // SAFETY: a call allows an input that is its output; the array outlives the call.
            let first = unsafe { View::from_operand(out.operand().clone()) };
            let views: Vec<View<'_>> =
                std::iter::once(first).chain(self.inputs[1..].iter().map(Buf::view)).collect();
            let mut targets: Vec<ViewMut<'_>> =
                std::iter::once(out).chain(outputs[1..].iter_mut().map(Buf::view_mut)).collect();
            let report = run_loop(def, l, &views, &mut targets).unwrap();
            outputs[0] = target;
            report
        } else {
            let views: Vec<View<'_>> = self.inputs.iter().map(Buf::view).collect();
            let mut targets: Vec<ViewMut<'_>> = outputs.iter_mut().map(Buf::view_mut).collect();
            run_loop(def, l, &views, &mut targets).unwrap()
        };
        assert_eq!(report.cast, FpFlags::NONE, "nothing is cast here");
        (report.flags, outputs)
    }

    /// The table for this trial alone, where an operand repeats one element against all of the other's.
    fn mixed_table(&self, table: &Table, def: &'static UfuncDef, l: &'static LoopDef) -> Table {
        let lists = table.inputs.iter().zip(&self.constant).map(|(list, &constant)| {
            let at = |i: usize| list[if constant { self.start } else { (self.start + i) % table.len() }];
            (0..self.n.max(1)).map(at).collect()
        });
        Table::of(def, l, lists.collect()).unwrap()
    }
}

#[test]
fn every_loop_gives_the_reference_at_every_isa_size_and_layout() {
    let cap = IsaCap::lock();
    let mut rng = Rng::new(seed());
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for (def, l) in all_loops() {
        let table = match Table::new(def, l, 1500, &mut rng) {
            Ok(table) => table,
            Err(why) => {
                complaints.add(why);
                continue;
            }
        };
        for trial in trials(&table, l, &mut rng) {
            let mixed = trial.constant.contains(&true).then(|| trial.mixed_table(&table, def, l));
            let judge = mixed.as_ref().unwrap_or(&table);
            let source = |i: usize| if mixed.is_some() { i } else { (trial.start + i) % table.len() };
            cap.each(|isa| {
                let context = |i: usize| format!("{} {l} at {isa:?} {} [{i}]", def.name, trial.what);
                let (flags, outputs) = trial.run(def, l);
                checked += 1;
                for (k, out) in outputs.iter().enumerate() {
                    for (i, value) in out.values().into_iter().enumerate() {
                        complaints.check(judge.judge(k, source(i), value), || context(i));
                    }
                    if !out.guards_hold() {
                        complaints.add(format!("{}: bytes beside the elements changed", context(0)));
                    }
                }
                complaints.check(judge.judge_flags((0..trial.n).map(source), flags), || context(0));
            });
        }
    }
    complaints.finish(checked);
}

#[test]
fn long_arrays_repeat_what_short_ones_give() {
    let mut rng = Rng::new(seed());
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for (def, l) in all_loops() {
        let Ok(table) = Table::new(def, l, 700, &mut rng) else { continue }; // the other test tells
        let period = table.len();
        let n = 2 * ufunx::tuning::elements_per_thread(def.cost) + 4321;
        let tiled: Vec<Buf> = l.inputs.iter().zip(&table.inputs).map(|(&d, v)| Buf::tiled(d, v, n)).collect();
        let mut outputs: Vec<Buf> = l.outputs.iter().map(|&d| Buf::tiled(d, &[], n)).collect();
        let views: Vec<View<'_>> = tiled.iter().map(Buf::view).collect();
        let mut targets: Vec<ViewMut<'_>> = outputs.iter_mut().map(Buf::view_mut).collect();
        let report = ufunx::with_threads(3, || run_loop(def, l, &views, &mut targets).unwrap());
        let context = |i: usize| format!("{} {l} [{i}]", def.name);
        for (k, out) in outputs.iter().enumerate() {
            for i in (0..period).chain(out.breaks_of_period(period)) {
                complaints.check(table.judge(k, i % period, out.at(i)), || context(i));
            }
        }
        complaints.check(table.judge_flags(0..period, report.flags), || context(0));
        checked += 1;
    }
    complaints.finish(checked);
}
