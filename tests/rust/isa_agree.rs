//! Every ISA level gives the same bits: element-wise loops that are exact, folds of every kind, casts.

use crate::common::{Complaints, run_loop, seed};
use ufunx::registry::{DType, LoopDef, UfuncDef};
use ufunx::{CallOptions, Casting, ReduceOptions, Report, Ufunc, View, ViewMut};
use ufunx_tests::layouts::{Layout, values_of};
use ufunx_tests::reference;
use ufunx_tests::{Buf, IsaCap, Rng, Value, values};

/// Whether the level may show in a loop's last bits, as its reference has it.
fn depends_on_level(def: &UfuncDef, l: &LoopDef) -> bool {
    reference::row(def.name).is_some_and(|row| row.depends_on_level(l))
}

/// Runs at every level and complains where one differs from the lowest.
fn agree(
    cap: &IsaCap,
    complaints: &mut Complaints,
    what: &str,
    mut run: impl FnMut() -> (Vec<Value>, Report),
) -> usize {
    let mut first: Option<(Vec<Value>, Report)> = None;
    let mut levels = 0;
    cap.each(|isa| {
        levels += 1;
        let found = run();
        let Some(lowest) = &first else { return first = Some(found) };
        let differs = lowest.0.iter().zip(&found.0).position(|(a, b)| !a.same(*b));
        if differs.is_some() || lowest.1 != found.1 {
            let (a, b) = (lowest.1, found.1);
            complaints
                .add(format!("{what}: {isa:?} differs at {differs:?}, raised {b:?}, the lowest level {a:?}"));
        }
    });
    levels
}

#[test]
fn exact_loops_agree() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let mut rng = Rng::new(seed());
    for def in ufunx::table().elementwise() {
        for l in def.loops().filter(|l| !depends_on_level(def, l)) {
            let any = |dtype: DType, rng: &mut Rng| {
                let mut buf = Buf::new(dtype, &[3001], Layout::C, false, &mut Rng::new(0));
                buf.fill_with(|| values::any_bits(dtype, rng));
                buf
            };
            let inputs: Vec<Buf> = l.inputs.iter().map(|&d| any(d, &mut rng)).collect();
            let what = format!("{} {l}", def.name);
            checked += agree(&cap, &mut complaints, &what, || {
                let mut outputs: Vec<Buf> = l.outputs.iter().map(|&d| Buf::tiled(d, &[], 3001)).collect();
                let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
                let mut targets: Vec<ViewMut<'_>> = outputs.iter_mut().map(Buf::view_mut).collect();
                let report = run_loop(def, l, &views, &mut targets).unwrap();
                (outputs.iter().flat_map(Buf::values).collect(), report)
            });
        }
    }
    complaints.finish(checked);
}

#[test]
fn folds_agree() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let mut rng = Rng::new(seed());
    for def in ufunx::table().elementwise() {
        for l in def.loops().filter(|l| l.is_reducible() && !depends_on_level(def, l)) {
            let dtype = l.inputs[0];
            for (n, special) in
                [(1, false), (31, false), (33, false), (700, false), (5003, false), (40, true)]
            {
                let mut buf = Buf::of(dtype, &[n], &[]);
                buf.fill_with(|| {
                    if special { values::random(dtype, &mut rng) } else { values::ordinary(dtype, &mut rng) }
                });
                let options = ReduceOptions { dtype: Some(dtype), ..ReduceOptions::default() };
                let what = format!("{}.reduce {dtype} {n}", def.name);
                let what =
                    if special { format!("{what} {:?}", values_of(buf.view().operand())) } else { what };
                checked += agree(&cap, &mut complaints, &what, || {
                    let called = Ufunc::from_def(def).reduce(buf.view(), &options);
                    let Ok(called) = called else { return (vec![], Report::default()) }; // it refuses some
                    (values_of(called.outputs[0].view().operand()), called.report)
                });
            }
        }
    }
    complaints.finish(checked);
}

#[test]
fn every_cast_gives_the_reference_at_every_isa() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let mut rng = Rng::new(seed());
    let positive = Ufunc::from_def(ufunx::table().get("positive").unwrap());
    for &from in DType::ALL {
        let mut list = values::inputs(&[from], 300, &mut rng).remove(0);
        list.extend((0..300).map(|_| values::any_bits(from, &mut rng)));
        let whole = Buf::of(from, &[list.len()], &list);
        for l in positive.def().loops() {
            let to = l.inputs[0];
            let expected: Vec<_> =
                list.iter().map(|&v| ufunx_tests::interpret::cast::cast(v, from, to)).collect();
            let signature = Some(crate::common::signature(l));
            let options = CallOptions { casting: Casting::Unsafe, signature, ..CallOptions::default() };
            let call = |input: View<'_>| {
                let called = positive.call(&[input.into()], &options).unwrap();
                (values_of(called.outputs[0].view().operand()), called.report.cast)
            };
            cap.each(|isa| {
                let (found, flags) = call(whole.view());
                let all = expected.iter().fold(ufunx::FpFlags::NONE, |all, (_, flags)| all | *flags);
                if flags != all {
                    complaints.add(format!("{from} to {to} at {isa:?} raised {flags:?}, not {all:?}"));
                }
                for (i, (value, flags)) in expected.iter().enumerate() {
                    checked += 1;
                    let (single, raised) = call(Buf::of(from, &[1], &list[i..=i]).view());
                    if !value.same(found[i]) || !value.same(single[0]) || raised != *flags {
                        complaints.add(format!(
                            "{:?} {from} to {to} at {isa:?}: {:?} and {single:?} {raised:?}, not {value:?} {flags:?}",
                            list[i], found[i]
                        ));
                    }
                }
            });
        }
    }
    complaints.finish(checked);
}
