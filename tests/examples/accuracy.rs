//! The engine's half of `make accuracy`; `tests/accuracy.py` is the other, and says how they go together.
//!
//! `accuracy points DIR` writes the inputs of each loop with an error bound, and usual ones to time it on; `accuracy judge DIR`
//! reads NumPy's results of them and prints, as CSV, the largest error of ours at each level and of NumPy's, and where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use ufunx::registry::{Accuracy, DType, Isa};
use ufunx::{View, with_threads};
use ufunx_tests::reference::{Judge, Off};
use ufunx_tests::samples::{self, Loop, letters};
use ufunx_tests::value::{decode, encode};
use ufunx_tests::{Buf, IsaCap, Rng, Value, run_loop};

/// Of a real loop some 215,000 elements, of a complex one 48,000.
const TIMES: usize = 8;
/// Elements that are timed.
const TIMED: usize = 10_000;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["points", dir] => points(Path::new(dir)),
        ["judge", dir] => judge(Path::new(dir)),
        _ => Err(io::Error::other("accuracy points|judge DIR")),
    }
}

/// Each loop with a bound whose results are computed in its own format; bfloat16 and float8 are rounded once from float32.
fn loops() -> impl Iterator<Item = Loop> {
    let stated = |(_, l): &Loop| l.inputs[0].numpy_number().is_some();
    samples::real_loops().chain(samples::complex_loops()).filter(stated)
}

fn inputs((_, l): Loop) -> Vec<Vec<Value>> {
    let mut rng = Rng::new(2026);
    match l.inputs[0] {
        DType::C64 | DType::C128 => samples::complex(l, TIMES, &mut rng),
        _ => samples::real(l, TIMES, &mut rng),
    }
}

fn points(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for (def, l) in loops() {
        let all = inputs((def, l));
        let usual = samples::usual((def, l), &all);
        for (kind, lists) in [("in", &all), ("usual", &usual)] {
            for (i, list) in lists.iter().enumerate() {
                let timed = list.iter().cycle().take(if kind == "in" { list.len() } else { TIMED });
                let size = l.inputs[i].size();
                let bytes: Vec<u8> =
                    timed.flat_map(|&x| encode(x, l.inputs[i]).to_le_bytes()[..size].to_vec()).collect();
                fs::write(file(dir, (def, l), &format!("{kind}{i}")), bytes)?;
            }
        }
    }
    Ok(())
}

fn judge(dir: &Path) -> io::Result<()> {
    println!("ufunc,loop,bound,level,part,norm,at");
    let cap = IsaCap::lock();
    for (def, l) in loops() {
        let x = inputs((def, l));
        let n = x[0].len();
        let bufs: Vec<Buf> = l.inputs.iter().zip(&x).map(|(&d, x)| Buf::of(d, &[n], x)).collect();
        let views: Vec<View<'_>> = bufs.iter().map(Buf::view).collect();
        let mut results: Vec<(&str, Vec<Value>)> = vec![];
        cap.each(|isa: Isa| {
            let mut out = Buf::tiled(l.outputs[0], &[], n);
            with_threads(1, || run_loop(def, l, &views, &mut [out.view_mut()])).expect("a plain call");
            results.push((isa.name(), out.values()));
        });
        // What NumPy of this version lacks it has no file of.
        if let Ok(bytes) = fs::read(file(dir, (def, l), "numpy")) {
            results.push(("numpy", values(&bytes, l.outputs[0])));
        }
        let complex = matches!(l.inputs[0], DType::C64 | DType::C128);
        let bound = match if complex { def.complex } else { def.accuracy } {
            Accuracy::Ulp(bound) | Accuracy::UlpOrOf(bound, _) => bound,
            Accuracy::Exact | Accuracy::Sums => 0.0,
        };
        let judge = Judge::new(def, l).expect("a loop with a bound has a reference");
        let mut worst = vec![(Off { part: 0.0, norm: 0.0 }, 0); results.len()];
        for i in 0..n {
            let element: Vec<Value> = x.iter().map(|list| list[i]).collect();
            let exactly = judge.exactly(&element);
            for ((worst, at), (_, y)) in worst.iter_mut().zip(&results) {
                let Some(off) = judge.off(&exactly, y[i]) else { continue };
                if off.norm > worst.norm {
                    *at = i;
                }
                *worst = Off { part: worst.part.max(off.part), norm: worst.norm.max(off.norm) };
            }
        }
        for ((worst, at), (level, _)) in worst.into_iter().zip(results) {
            let at: Vec<String> = x.iter().map(|list| text(list[at])).collect();
            let (name, part, norm) = (def.name, worst.part, worst.norm);
            println!("{name},{l},{bound},{level},{part:.3},{norm:.3},{}", at.join(" "));
        }
    }
    Ok(())
}

/// A file of a loop.
fn file(dir: &Path, (def, l): Loop, kind: &str) -> PathBuf {
    dir.join(format!("{}.{}.{kind}", def.name, letters(l)))
}

fn values(bytes: &[u8], dtype: DType) -> Vec<Value> {
    let one = |bytes: &[u8]| {
        let mut all = [0; 16];
        all[..bytes.len()].copy_from_slice(bytes);
        decode(u128::from_le_bytes(all), dtype)
    };
    bytes.chunks_exact(dtype.size()).map(one).collect()
}

fn text(x: Value) -> String {
    match x {
        Value::Complex(re, im) => format!("{re:e}{im:+e}j"),
        real => format!("{:e}", real.real()),
    }
}
