//! The golden data: what NumPy says of promotion, casting, loop choice and edge values.

use crate::common::{Complaints, run_loop};
use ufunx::registry::{
    Casting, DType, Kind, LoopDef, Request, ResolveError, Typed, UfuncDef, can_cast, promote, promote_all,
    resolve, resolve_reduction,
};
use ufunx::{FpFlags, View, ViewMut};
use ufunx_tests::golden::{doubtful, dtype, rows, typed};
use ufunx_tests::interpret::ieee::TINY_BEFORE_ROUNDING;
use ufunx_tests::reference::row as reference;
use ufunx_tests::value::{Format, decode, encode};
use ufunx_tests::values::ulp;
use ufunx_tests::{Buf, Value};

#[test]
fn promotion_is_numpys() {
    let mut complaints = Complaints::default();
    let rows = rows("promotion.csv");
    for row in &rows {
        let (a, b, expected) = (typed(&row[0]), typed(&row[1]), dtype(&row[2]));
        let mut found = vec![promote_all(&[a, b])];
        if let (Typed::Strong(a), Typed::Strong(b)) = (a, b) {
            found.push(promote(a, b));
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

/// Whether NumPy answers with a loop of a class that the ufunc does not have here: complex, object, powers of floats.
fn beyond_us(def: &UfuncDef, result: &str) -> bool {
    let inputs = result.split("->").next().unwrap_or_default();
    let has = |name: &str| {
        let class = DType::from_name(name).map(DType::class);
        class.is_some() && def.loops().any(|l| l.inputs.iter().any(|d| Some(d.class()) == class))
    };
    !result.contains("no_") && !result.starts_with("bool_") && !inputs.split(';').all(has)
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
    for row in rows("resolve.csv") {
        let Some(def) = ufunx::table().get(&row[0]).filter(|def| !beyond_us(def, &row[2])) else { continue };
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
    for row in rows("resolve_reduce.csv") {
        let Some(def) = ufunx::table().get(&row[0]).filter(|def| !beyond_us(def, &row[3])) else { continue };
        // NumPy reduces by `(f16, i32) -> f16` too, casting each step's operand; we leave that to it.
        if !def.loops().any(LoopDef::is_reducible) {
            continue;
        }
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

/// A value of `edge_values.csv`.
fn value(text: &str, dtype: DType) -> Value {
    let bits = |text: &str| u128::from_str_radix(text, 16).unwrap();
    match text.split_once(':') {
        Some((re, im)) => {
            let part = if dtype == DType::C64 { DType::F32 } else { DType::F64 };
            Value::Complex(value(re, part).real(), value(im, part).real())
        }
        None if text == "nan" => Value::Float(f64::NAN),
        None => decode(bits(text), dtype),
    }
}

/// Whether two complex results, or magnitudes, are as good as the same: within some units of the larger part.
fn alike(a: Value, b: Value, dtype: DType, units: f64) -> bool {
    let parts = |x: Value| match x {
        Value::Complex(re, im) => [re, im],
        other => [other.real(), 0.0],
    };
    let (a, b) = (parts(a), parts(b));
    let part = if [DType::C64, DType::F32].contains(&dtype) { DType::F32 } else { DType::F64 };
    let size = a.iter().filter(|x| x.is_finite()).fold(0.0, |size: f64, x| size.max(x.abs()));
    a.iter().zip(b).all(|(&a, b)| {
        let near = (a - b).abs() <= units * ulp(size, part) && (a != 0.0 || b != 0.0);
        near || Value::Float(a).same(Value::Float(b))
    })
}

#[test]
fn edge_values_and_flags_are_numpys() {
    let mut complaints = Complaints::default();
    let mut checked = 0;
    for row in rows("edge_values.csv") {
        let Some(def) = ufunx::table().get(&row[0]) else { continue };
        let given = dtype(&row[1]);
        let out_dtypes: Vec<DType> = row[2].split(';').map(dtype).collect();
        let Some(l) = def.loop_for(&vec![given; def.nin()]) else {
            // A class of loops that is NumPy's alone yet: powers of floats.
            if def.loops().any(|l| l.inputs[0].class() == given.class()) {
                complaints.add(format!("{} has no loop for {given}", def.name));
            }
            continue;
        };
        let lists = |text: &str| -> Vec<Vec<String>> {
            text.split(';').map(|list| list.split(' ').map(str::to_owned).collect()).collect()
        };
        let (inputs, outputs) = (lists(&row[3]), lists(&row[4]));
        // Of functions that are not exact, NumPy's own last bits are no law: their bound is tested elsewhere.
        let is_bounded = reference(def.name).is_some_and(|r| r.bounded_in(l).is_some());
        // Of complex ones signs, infinities and NaNs are; underflow is raised by function and by CPU. What NumPy's own formulas
        // lose docs/complex.md tells.
        let is_complex = reference(def.name).is_some_and(|r| r.is_complex_in(l));
        let is_rough = is_complex && ["exp2", "expm1", "log1p"].contains(&def.name);
        let is_power = is_complex && def.nin() == 2;
        for (i, flags) in row[5].split(' ').enumerate() {
            let (flags, any_flags) = doubtful(flags);
            let x: Vec<Value> = inputs.iter().map(|list| value(&list[i], given)).collect();
            let operands: Vec<Buf> = x.iter().map(|&x| Buf::of(given, &[1], &[x])).collect();
            let mut targets: Vec<Buf> = out_dtypes.iter().map(|&d| Buf::of(d, &[1], &[])).collect();
            let views: Vec<View<'_>> = operands.iter().map(Buf::view).collect();
            let mut outs: Vec<ViewMut<'_>> = targets.iter_mut().map(Buf::view_mut).collect();
            checked += 1;
            let raised = run_loop(def, l, &views, &mut outs).unwrap().flags;
            // NumPy's flags are those of an x86: what was rounded up to the least normal number is no longer tiny there.
            let is_least = || targets[0].at(0).real().abs() == Format::of(out_dtypes[0]).least_normal();
            let rounded_up = TINY_BEFORE_ROUNDING && out_dtypes[0].kind() == Kind::Float && is_least();
            let finite =
                x.iter().all(|x| matches!(x, Value::Complex(re, im) if re.is_finite() && im.is_finite()));
            // (Of a huge angle times log 2 no digit is NumPy's.)
            let huge = matches!(x[0], Value::Complex(_, im) if im.is_finite() && im.abs() > 1e12);
            let own = is_rough && (finite || huge) || is_power && !finite;
            let open = match () {
                () if own => FpFlags(15).0,
                () if rounded_up || is_complex => FpFlags::UNDERFLOW.0,
                () => 0,
            };
            if !any_flags && flags.parse().map(|flags: u8| flags & !open) != Ok(raised.0 & !open) {
                complaints.add(format!("{} {given} {x:?}: {raised:?}, NumPy {flags}", def.name));
            }
            if raised.contains(FpFlags::REFUSED) {
                continue;
            }
            for ((list, &dtype), target) in outputs.iter().zip(&out_dtypes).zip(&targets) {
                let (output, any_output) = doubtful(&list[i]);
                let (expected, found) = (value(output, dtype), target.at(0));
                if is_complex {
                    if !any_output
                        && !own
                        && !alike(expected, found, dtype, if is_power { 400.0 } else { 8.0 })
                    {
                        complaints.add(format!("{} {given} {x:?}: {found:?}, NumPy {expected:?}", def.name));
                    }
                    continue;
                }
                let near = is_bounded && {
                    let places = |v: Value| encode(v, dtype) as i128;
                    (places(expected) - places(found)).abs() <= 2
                };
                if !any_output && !near && !expected.same(found) {
                    complaints.add(format!("{} {given} {x:?}: {found:?}, NumPy {expected:?}", def.name));
                }
            }
        }
    }
    complaints.finish(checked);
}
