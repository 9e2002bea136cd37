//! The golden data: what NumPy says of promotion, casting, loop choice and edge values.

use crate::common::{Complaints, run_loop};
use ufunx::View;
use ufunx::registry::{
    Casting, DType, Request, ResolveError, Typed, can_cast, promote, promote_all, resolve, resolve_reduction,
};
use ufunx_tests::golden::{doubtful, dtype, rows, typed};
use ufunx_tests::interpret::scalar::knows;
use ufunx_tests::value::{decode, encode};
use ufunx_tests::{Buf, Value};

#[test]
fn promotion_is_numpys() {
    let mut complaints = Complaints::default();
    let rows = rows("promotion.csv");
    for row in &rows {
        let (a, b, expected) = (typed(&row[0]), typed(&row[1]), dtype(&row[2]));
        let mut found = vec![promote_all(&[a, b])];
        if let (Typed::Strong(a), Typed::Strong(b)) = (a, b) {
            found.push(Some(promote(a, b)));
        }
        if found.iter().any(|f| *f != Some(expected)) {
            complaints.add(format!("{row:?}: {found:?}"));
        }
    }
    complaints.finish(rows.len());
}

#[test]
fn casting_is_numpys() {
    let mut complaints = Complaints::default();
    let rows = rows("casting.csv");
    for row in &rows {
        for (casting, cell) in Casting::ALL.into_iter().zip(&row[2..]) {
            if can_cast(dtype(&row[0]), dtype(&row[1]), casting) != (cell == "1") {
                complaints.add(format!(
                    "{} to {} under {}: NumPy says {cell}",
                    row[0],
                    row[1],
                    casting.name()
                ));
            }
        }
    }
    complaints.finish(rows.len());
}

/// Whether the row needs a loop that NumPy has and we do not: complex, and object.
fn beyond_us(row: &[String]) -> bool {
    row.iter().any(|cell| cell.contains("complex") || cell.contains("object"))
}

/// As the golden files spell it.
fn error_word(error: &ResolveError) -> String {
    match error {
        ResolveError::BoolRefused { ufunc, .. } => format!("bool_{ufunc}"),
        _ => "no_loop".to_owned(),
    }
}

#[test]
fn loops_are_chosen_as_numpy_chooses_them() {
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for row in rows("resolve.csv").iter().filter(|row| !beyond_us(row)) {
        let Some(def) = ufunx::table().get(&row[0]) else { continue };
        let inputs: Vec<Typed> = row[1].split(';').map(typed).collect();
        let request = Request { inputs: &inputs, outputs: &[], signature: None, casting: Casting::SameKind };
        let names = |dtypes: &[DType]| dtypes.iter().map(|d| d.name()).collect::<Vec<_>>().join(";");
        let found = match resolve(def, &request) {
            Ok(l) => format!("{}->{}", names(l.inputs), names(l.outputs)),
            Err(error) => error_word(&error),
        };
        let expected = if row[2] == "no_safe_loop" { "no_loop" } else { &row[2] };
        checked += 1;
        if found != expected {
            complaints.add(format!("{row:?}: {found}"));
        }
    }
    complaints.finish(checked);
}

#[test]
fn reductions_choose_numpys_dtype() {
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for row in rows("resolve_reduce.csv").iter().filter(|row| !beyond_us(row)) {
        let Some(def) = ufunx::table().get(&row[0]) else { continue };
        let wanted = if row[2].is_empty() { None } else { Some(dtype(&row[2])) };
        let found = match resolve_reduction(def, dtype(&row[1]), None, wanted) {
            Ok(l) => l.outputs[0].name().to_owned(),
            Err(error) => error_word(&error),
        };
        let expected = if row[3].starts_with("no_") { "no_loop" } else { &row[3] };
        checked += 1;
        if found != expected {
            complaints.add(format!("{row:?}: {found}"));
        }
    }
    complaints.finish(checked);
}

#[test]
fn edge_values_and_flags_are_numpys() {
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for row in rows("edge_values.csv") {
        let Some(def) = ufunx::table().get(&row[0]) else { continue };
        let (given, out_dtype) = (dtype(&row[1]), dtype(&row[2]));
        let Some(l) = def.loop_for(&vec![given; def.nin()]) else {
            complaints.add(format!("{} has no loop for {given}", row[0]));
            continue;
        };
        let bits = |text: &str| u128::from_str_radix(text, 16).unwrap();
        let lists: Vec<Vec<Value>> =
            row[3].split(';').map(|list| list.split(' ').map(|b| decode(bits(b), given)).collect()).collect();
        for (i, (output, flags)) in row[4].split(' ').zip(row[5].split(' ')).enumerate() {
            let ((output, any_output), (flags, any_flags)) = (doubtful(output), doubtful(flags));
            let inputs: Vec<Buf> = lists.iter().map(|list| Buf::of(given, &[1], &list[i..=i])).collect();
            let mut out = Buf::of(out_dtype, &[1], &[]);
            let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
            let report = run_loop(def, l, &views, &mut [out.view_mut()]).unwrap();
            let found = out.at(0);
            let expected =
                if output == "nan" { Value::Float(f64::NAN) } else { decode(bits(output), out_dtype) };
            // Of functions that are not exact, NumPy's own last bits are no law: their bound is tested elsewhere.
            let near = !knows(def.name) && {
                let places = |v: Value| encode(v, out_dtype) as i128;
                (places(expected) - places(found)).abs() <= 2
            };
            let x: Vec<Value> = lists.iter().map(|list| list[i]).collect();
            checked += 1;
            if !any_output && !near && !expected.same(found) {
                complaints.add(format!("{} {given} {x:?}: {found:?}, NumPy {expected:?}", row[0]));
            }
            if !any_flags && flags.parse() != Ok(report.flags.0) {
                complaints
                    .add(format!("{} {given} {x:?} -> {found:?}: {:?}, NumPy {flags}", row[0], report.flags));
            }
        }
    }
    complaints.finish(checked);
}
