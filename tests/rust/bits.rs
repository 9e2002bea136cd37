//! The same bits on every machine: at the level v3 each loop gives the same results and flags on every x86-64 that has it,
//! whoever made it and however many threads run. `tests/data/bits_v3.csv` has a hash of each loop over fixed inputs; at other
//! levels, and on other processors, `bits_by_level` says which loops give others, and by how much.

use crate::common::{Complaints, run_loop};
use std::collections::BTreeMap;
use std::path::PathBuf;
use ufunx::registry::{DType, Isa, LoopDef, UfuncDef};
use ufunx::{ReduceOptions, Ufunc, View, ViewMut, with_threads};
use ufunx_tests::layouts::{Layout, values_of};
use ufunx_tests::value::encode;
use ufunx_tests::{Buf, IsaCap, Rng, Value, golden, values};

/// Elements of each input: more than two threads' least share of a heavy loop, and no multiple of anything.
const N: usize = 40_003;

fn all_loops() -> impl Iterator<Item = (&'static UfuncDef, &'static LoopDef)> {
    ufunx::table().elementwise().flat_map(|def| def.loops().map(move |l| (def, l)))
}

/// Ordinary values, any bits, and edges.
fn inputs(l: &LoopDef) -> Vec<Buf> {
    let mut rng = Rng::new(2026);
    let one = |&dtype: &DType| {
        let mut buf = Buf::new(dtype, &[N], Layout::C, false, &mut Rng::new(0));
        buf.fill_with(|| match rng.below(16) {
            0 => values::any_bits(dtype, &mut rng),
            1 => values::random(dtype, &mut rng),
            _ => values::ordinary(dtype, &mut rng),
        });
        buf
    };
    l.inputs.iter().map(one).collect()
}

/// What a loop gives: of the call, and of its fold if it has one.
struct Given {
    values: Vec<(DType, Vec<Value>)>,
    flags: Vec<u8>,
}

fn given(def: &'static UfuncDef, l: &'static LoopDef) -> Given {
    let inputs = inputs(l);
    let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
    let mut outputs: Vec<Buf> = l.outputs.iter().map(|&d| Buf::tiled(d, &[], N)).collect();
    let mut targets: Vec<ViewMut<'_>> = outputs.iter_mut().map(Buf::view_mut).collect();
    let report = run_loop(def, l, &views, &mut targets).unwrap();
    let mut given = Given {
        values: outputs.iter().map(|buf| (buf.dtype, buf.values())).collect(),
        flags: vec![(report.flags | report.cast).0],
    };
    if l.is_reducible() && l.outputs.len() == 1 {
        let options = ReduceOptions { dtype: Some(l.outputs[0]), ..ReduceOptions::default() };
        if let Ok(folded) = Ufunc::from_def(def).reduce(views[1].clone(), &options) {
            let out = &folded.outputs[0];
            given.values.push((out.dtype(), values_of(out.view().operand())));
            given.flags.push((folded.report.flags | folded.report.cast).0);
        }
    }
    given
}

impl Given {
    /// FNV-1a of all bits; NaNs are alike.
    fn hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        let mut byte = |b: u8| hash = (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        for (dtype, values) in &self.values {
            for &value in values {
                let quiet = |x: f64| if x.is_nan() { f64::NAN } else { x };
                let value = match value {
                    Value::Float(x) => Value::Float(quiet(x)),
                    Value::Complex(re, im) => Value::Complex(quiet(re), quiet(im)),
                    exact => exact,
                };
                encode(value, *dtype).to_le_bytes()[..dtype.size()].iter().for_each(|&b| byte(b));
            }
        }
        self.flags.iter().for_each(|&flags| byte(flags));
        hash
    }

    /// The most units in the last place by which a value differs from another's.
    fn most_apart(&self, other: &Given) -> u128 {
        let apart = |dtype: DType, a: Value, b: Value| match (a, b) {
            _ if a.same(b) => 0,
            (Value::Complex(a, c), Value::Complex(b, d)) => {
                let part = if dtype == DType::C64 { DType::F32 } else { DType::F64 };
                steps(a, b, part).max(steps(c, d, part))
            }
            (Value::Float(a), Value::Float(b)) => steps(a, b, dtype),
            _ => encode(a, dtype).abs_diff(encode(b, dtype)),
        };
        let pairs = self.values.iter().zip(&other.values);
        let pairs =
            pairs.flat_map(|((dtype, a), (_, b))| a.iter().zip(b).map(|(&a, &b)| apart(*dtype, a, b)));
        pairs.max().unwrap_or(0)
    }
}

/// How many floats of a dtype one is from another.
fn steps(a: f64, b: f64, dtype: DType) -> u128 {
    let place = |x: f64| {
        let magnitude = encode(Value::Float(x.abs()), dtype) as i128;
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    place(a).abs_diff(place(b))
}

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/bits_v3.csv")
}

#[test]
fn v3_gives_the_same_bits_everywhere() {
    let _cap = IsaCap::lock();
    if ufunx::cap_isa(Isa::V3) != Isa::V3 {
        eprintln!("this processor has no level v3");
        return;
    }
    let found: Vec<(String, u64)> = all_loops()
        .map(|(def, l)| {
            let hash = with_threads(1, || given(def, l).hash());
            let three = with_threads(3, || given(def, l).hash());
            assert_eq!(hash, three, "{} {l} with three threads", def.name);
            (format!("{},{l}", def.name), hash)
        })
        .collect();
    if std::env::var_os("UFUNX_BLESS").is_some() {
        let lines = found.iter().map(|(name, hash)| format!("{name},{hash:016x}\n"));
        std::fs::write(file(), format!("ufunc,loop,hash\n{}", lines.collect::<String>())).unwrap();
        return;
    }
    let known: BTreeMap<String, String> = golden::rows("bits_v3.csv")
        .into_iter()
        .map(|row| (format!("{},{}", row[0], row[1]), row[2].clone()))
        .collect();
    let mut complaints = Complaints::default();
    for (name, hash) in &found {
        match known.get(name) {
            Some(wanted) if *wanted == format!("{hash:016x}") => {}
            Some(_) => complaints.add(format!("{name}: other bits than on the machine that wrote the file")),
            None => complaints.add(format!("{name}: `make bless-bits`")),
        }
    }
    assert_eq!(known.len(), found.len(), "a loop is gone: `make bless-bits`");
    complaints.finish(found.len());
}

/// For `docs/same-bits.md`: each loop that at another level, or on another processor, gives other values than v3 here.
#[test]
#[ignore = "prints a table"]
fn bits_by_level() {
    let cap = IsaCap::lock();
    for (def, l) in all_loops() {
        let mut lowest: Option<Given> = None;
        cap.each(|isa| {
            let found = with_threads(1, || given(def, l));
            match &lowest {
                None => lowest = Some(found),
                Some(lowest) => {
                    let (apart, flags) = (lowest.most_apart(&found), lowest.flags != found.flags);
                    if apart > 0 || flags {
                        println!("{},{l},{},{apart},{flags}", def.name, isa.name());
                    }
                }
            }
        });
    }
}
