//! Second operands that repeat, for which kernels have a way of their own: every divisor of 8 bits, and those of more that
//! stand beside a power of two or an end of the range, against dividends beside their multiples.

use crate::common::{Complaints, run_loop};
use ufunx::View;
use ufunx::registry::{DType, Kind};
use ufunx_tests::reference::Table;
use ufunx_tests::value::wrap;
use ufunx_tests::{Buf, IsaCap, Rng, Value};

/// Numbers beside zero, powers of two and the ends of a dtype's range; all of them of 8 bits.
fn edges(dtype: DType) -> Vec<i128> {
    let range = dtype.int_range();
    if dtype.size() == 1 {
        return range.collect();
    }
    let near = |x: i128| [x - 1, x, x + 1];
    let powers = (0..=dtype.precision()).flat_map(|k| near(1 << k)).chain([3, 7, 10, 100, 1000, 641, 12_345]);
    let mut all: Vec<i128> = powers.flat_map(|x| [x, -x]).chain([range.start, range.end - 1, 0]).collect();
    all.retain(|x| range.contains(x));
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn a_second_operand_that_repeats_gives_what_an_array_of_it_gives() {
    let cap = IsaCap::lock();
    let (mut complaints, mut checked) = (Complaints::default(), 0);
    let mut rng = Rng::new(5);
    for def in
        ["floor_divide", "remainder", "fmod", "divmod", "power"].map(|name| ufunx::table().get(name).unwrap())
    {
        for l in def.loops().filter(|l| l.inputs[0].kind() == Kind::Int) {
            let dtype = l.inputs[0];
            for b in edges(dtype) {
                let mut a = edges(dtype);
                for _ in 0..40 {
                    let multiple = (rng.bits() as i128 >> rng.below(64)) * b;
                    a.extend([multiple - 1, multiple, multiple + 1].map(|x| wrap(x, dtype)));
                }
                // Some blocks of small dividends only, which 64 bits divide otherwise.
                if rng.one_in(2) {
                    a.retain(|x| x.abs() < 1 << 50);
                }
                let n = a.len();
                let lists = [a, vec![b; n]].map(|list| list.into_iter().map(Value::Int).collect::<Vec<_>>());
                let table = Table::of(def, l, lists.to_vec()).unwrap();
                let inputs = lists.map(|list| Buf::of(dtype, &[n], &list));
                cap.each(|isa| {
                    let mut outputs: Vec<Buf> = l.outputs.iter().map(|&d| Buf::tiled(d, &[], n)).collect();
                    let views: Vec<View<'_>> = inputs.iter().map(Buf::view).collect();
                    let mut targets: Vec<_> = outputs.iter_mut().map(Buf::view_mut).collect();
                    let report = run_loop(def, l, &views, &mut targets).unwrap();
                    checked += n;
                    for (k, out) in outputs.iter().enumerate() {
                        for (i, value) in out.values().into_iter().enumerate() {
                            complaints
                                .check(table.judge(k, i, value), || format!("{} {l} at {isa:?}", def.name));
                        }
                    }
                    complaints
                        .check(table.judge_flags(0..n, report.flags), || format!("{l} by {b} at {isa:?}"));
                });
            }
        }
    }
    complaints.finish(checked);
}
