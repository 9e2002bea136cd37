//! The stated error bound of every function that has one, on dense samples of its whole domain, and on all of f32.

use crate::common::{Complaints, run_loop, seed};
use ufunx::View;
use ufunx::registry::{DType, LoopDef, UfuncDef};
use ufunx_tests::reference::Table;
use ufunx_tests::value::decode;
use ufunx_tests::{Buf, IsaCap, Rng, Value, samples};

/// Judges a loop on these elements, a list for each input.
fn judge(
    def: &'static UfuncDef,
    l: &'static LoopDef,
    x: Vec<Vec<Value>>,
    complaints: &mut Complaints,
) -> usize {
    let n = x[0].len();
    let inputs: Vec<Buf> = l.inputs.iter().zip(&x).map(|(&d, x)| Buf::of(d, &[n], x)).collect();
    let mut out = Buf::tiled(l.outputs[0], &[], n);
    let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
    run_loop(def, l, &views, &mut [out.view_mut()]).unwrap();
    let table = Table::of(def, l, x).unwrap();
    for (i, y) in out.values().into_iter().enumerate() {
        complaints.check(table.judge(0, i, y), || format!("{} {l}", def.name));
    }
    n
}

#[test]
fn samples_of_every_function_are_within_its_bound() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for (def, l) in samples::real_loops() {
        cap.each(|_| {
            checked += judge(def, l, samples::real(l, 1, &mut Rng::new(seed())), &mut complaints);
        });
    }
    complaints.finish(checked);
}

#[test]
fn samples_of_every_complex_function_are_within_its_bound() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for (def, l) in samples::complex_loops() {
        cap.each(|_| {
            checked += judge(def, l, samples::complex(l, 1, &mut Rng::new(seed())), &mut complaints);
        });
    }
    complaints.finish(checked);
}

#[test]
#[ignore = "hours: all 2^32 inputs of every f32 function"]
fn every_f32_is_within_its_bound() {
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    for (def, l) in samples::real_loops().filter(|(_, l)| l.inputs == [DType::F32]) {
        for block in 0..1u64 << 12 {
            let x = (0..1u64 << 20).map(|i| decode((block << 20 | i) as u128, DType::F32)).collect();
            checked += judge(def, l, vec![x], &mut complaints);
        }
    }
    complaints.finish(checked);
}
