//! Nothing is missing: every ufunc of the table has its reference, its golden data, and what else is kept by name; and no
//! name is kept of a ufunc that is gone.

use std::collections::BTreeSet;
use ufunx::registry::{Accuracy, DType, Kind, LoopDef, UfuncDef};
use ufunx_tests::Rng;
use ufunx_tests::golden::rows;
use ufunx_tests::reference::{self, Table};

/// Fails with everything that is missing.
fn report(missing: Vec<String>) {
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_ufunc_has_a_reference_and_every_reference_a_ufunc() {
    let mut missing = vec![];
    for def in ufunx::table().elementwise() {
        let name = def.name;
        let Some(row) = reference::row(name) else {
            missing.push(format!("{name}: a row in the file of its family in tests/src/reference"));
            continue;
        };
        if (def.accuracy != Accuracy::Exact) != row.bounded.is_some() {
            missing
                .push(format!("{name}: states {:?}, and its reference is of the other kind", def.accuracy));
        }
        for l in def.loops() {
            if let Err(why) = Table::new(def, l, 1, &mut Rng::new(1)) {
                missing.push(why);
            }
        }
    }
    let gone = reference::rows().filter(|row| ufunx::table().get(row.name).is_none());
    missing.extend(gone.map(|row| format!("{}: a reference without a ufunc", row.name)));
    report(missing);
}

#[test]
fn every_ufunc_has_its_golden_data() {
    // Of dates NumPy is asked at run time what becomes of their units.
    let is_golden = |d: &DType| d.numpy_number().is_some() && d.kind() != Kind::Date;
    let is_numpys = |l: &LoopDef| l.inputs.iter().chain(l.outputs).all(is_golden);
    let named =
        |file: &str| -> BTreeSet<String> { rows(file).into_iter().map(|mut row| row.remove(0)).collect() };
    let mut missing = vec![];
    let mut expect = |file: &str, has: &dyn Fn(&UfuncDef) -> bool| {
        let names = named(file);
        let defs: Vec<_> = ufunx::table().elementwise().filter(|def| def.loops().any(is_numpys)).collect();
        missing.extend(
            defs.iter()
                .filter(|def| has(def) != names.contains(def.name))
                .map(|def| format!("{}: `make bless` for tests/data/{file}", def.name)),
        );
        let known: BTreeSet<&str> = defs.iter().map(|def| def.name).collect();
        missing.extend(
            names.iter().filter(|n| !known.contains(n.as_str())).map(|n| format!("{n}: gone from {file}")),
        );
    };
    expect("resolve.csv", &|_| true);
    expect("resolve_reduce.csv", &|def| def.nin() == 2 && def.nout() == 1);
    expect("edge_values.csv", &|def| def.loops().any(|l| l.inputs.iter().all(|d| *d == l.inputs[0])));
    report(missing);
}
