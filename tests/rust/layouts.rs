//! Random calls: any ufunc, dtypes, shapes, layouts, casting, mask, order, with and without given outputs; against the
//! interpreter. A failure names its case; `UFUNX_TEST_SEED` and `UFUNX_TEST_CASES` go further.

use crate::common::{Complaints, guarded, seed};
use ufunx::operand::{Operand, Order};
use ufunx::registry::{Casting, DType, LoopDef, Request, Typed, UfuncDef, resolve};
use ufunx::{CallOptions, Error, FpFlags, Input, Ufunc, ViewMut};
use ufunx_tests::interpret::{self, Answer, Expected, broadcast};
use ufunx_tests::layouts::{Layout, WRITABLE, narrower_shape, random_shape, values_of};
use ufunx_tests::values::random;
use ufunx_tests::{Buf, Rng, Value, has_flags};

/// A random call's operands.
pub struct Case {
    pub def: &'static UfuncDef,
    pub l: &'static LoopDef,
    pub inputs: Vec<Buf>,
    pub mask: Option<Buf>,
    pub shape: Vec<usize>,
    pub casting: Casting,
}

/// Every ufunc.
pub fn known() -> Vec<&'static UfuncDef> {
    ufunx::table().elementwise().collect()
}

/// A random layout of an input.
pub fn any_layout(rng: &mut Rng) -> Layout {
    use Layout::{C, Constant, F, Random, Reversed, Strided, Unaligned};
    *rng.pick(&[C, C, F, Strided, Reversed, Constant, Unaligned, Random, Random, Random])
}

/// A random call that resolves.
pub fn random_case(known: &[&'static UfuncDef], rng: &mut Rng) -> Case {
    loop {
        let def = *rng.pick(known);
        let full = random_shape(5, rng);
        let casting = *rng.pick(&[Casting::SameKind, Casting::Unsafe, Casting::Safe]);
        let same = *rng.pick(DType::ALL);
        let dtypes: Vec<DType> =
            (0..def.nin()).map(|_| if rng.one_in(2) { same } else { *rng.pick(DType::ALL) }).collect();
        let types: Vec<Typed> = dtypes.iter().map(|&d| d.into()).collect();
        let request = Request { inputs: &types, outputs: &[], signature: None, casting };
        let Ok(l) = resolve(def, &request) else { continue };
        let make = |dtype: DType, rng: &mut Rng| {
            let layout = any_layout(rng);
            let mut buf = Buf::new(dtype, &narrower_shape(&full, rng), layout, false, rng);
            let mut values = Rng::new(rng.bits());
            buf.fill_with(|| random(dtype, &mut values));
            buf
        };
        let inputs: Vec<Buf> = dtypes.iter().map(|&d| make(d, rng)).collect();
        let mask = rng.one_in(3).then(|| make(DType::Bool, rng));
        let shapes: Vec<&[usize]> = inputs.iter().chain(&mask).map(|b| &b.shape[..]).collect();
        let Some(shape) = broadcast(&shapes) else { continue };
        return Case { def, l, inputs, mask, shape, casting };
    }
}

impl Case {
    /// What the interpreter says.
    pub fn answer(&self, outputs: &[DType]) -> Answer {
        let operands: Vec<Operand> = self.inputs.iter().map(Buf::operand).collect();
        let mask = self.mask.as_ref().map(Buf::operand);
        interpret::call(self.def.name, self.l, &operands, mask.as_ref(), outputs, &self.shape)
    }

    /// The same, for a message.
    pub fn describe(&self) -> String {
        let operand = |b: &Buf| {
            let shift = b.operand().ptr.addr() % 16;
            format!("{} {:?} strides {:?} at {shift} mod 16", b.dtype, b.shape, b.strides)
        };
        let inputs: Vec<String> = self.inputs.iter().map(operand).collect();
        let mask = self.mask.as_ref().map(operand);
        format!("{} {} ({}) where {mask:?} {}", self.def.name, self.l, inputs.join("; "), self.casting.name())
    }
}

/// What is wrong with `found`, if anything. Elements the mask leaves alone must be `before`.
pub fn compare(
    expected: &[Option<Expected>],
    dtype: DType,
    found: &[Value],
    before: &[Value],
) -> Result<(), String> {
    for (i, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let wanted = expected.unwrap_or_else(|| before[i].into());
        if !wanted.admits(found, dtype) {
            return Err(format!("element {i} is {found:?}, not {wanted:?}"));
        }
    }
    if expected.len() == found.len() { Ok(()) } else { Err("another number of elements".to_owned()) }
}

#[test]
fn random_calls_give_what_the_interpreter_gives() {
    let cases = std::env::var("UFUNX_TEST_CASES").map_or(6000, |n| n.parse().unwrap());
    let mut complaints = Complaints::default();
    let known = known();
    for case_number in 0..cases {
        let mut rng = Rng::new(seed() ^ (case_number as u64) << 20);
        let case = random_case(&known, &mut rng);
        let order = *rng.pick(&[Order::K, Order::C, Order::F, Order::A]);
        let mask = case.mask.as_ref().map(Buf::view);
        let options = CallOptions { casting: case.casting, order, mask, ..CallOptions::default() };
        let inputs: Vec<Input<'_>> = case.inputs.iter().map(|b| Input::View(b.view())).collect();
        let ufunc = Ufunc::from_def(case.def);
        let context = |what: &str| format!("case {case_number}, {what}: {}", case.describe());
        let verdict = guarded(|| {
            if rng.one_in(2) {
                let expected = case.answer(case.l.outputs);
                if expected.flags.contains(FpFlags::REFUSED) {
                    return refused(ufunc.call(&inputs, &options).err());
                }
                ufunc.call(&inputs, &options).map_err(|e| e.to_string()).and_then(|called| {
                    let found: Vec<Vec<Value>> =
                        called.outputs.iter().map(|o| values_of(o.view().operand())).collect();
                    for (k, found) in found.iter().enumerate() {
                        if called.outputs[k].shape() != case.shape {
                            return Err(format!("shape {:?}", called.outputs[k].shape()));
                        }
                        // New elements that the mask leaves alone are zero.
                        let zero = ufunx_tests::value::decode(0, case.l.outputs[k]);
                        compare(&expected.outputs[k], case.l.outputs[k], found, &vec![zero; found.len()])?;
                    }
                    check_report(&expected, called.report)
                })
            } else {
                given_outputs(&case, &inputs, &options, &mut rng)
            }
        });
        complaints.check(verdict, || context("call"));
    }
    complaints.finish(cases);
}

fn given_outputs(
    case: &Case,
    inputs: &[Input<'_>],
    options: &CallOptions<'_>,
    rng: &mut Rng,
) -> Result<(), String> {
    let castable = |from: DType| -> Vec<DType> {
        let all = DType::ALL.iter().copied();
        all.filter(|&to| ufunx::registry::can_cast(from, to, case.casting)).collect()
    };
    let dtypes: Vec<DType> =
        case.l.outputs.iter().map(|&d| if rng.one_in(2) { d } else { *rng.pick(&castable(d)) }).collect();
    let expected = case.answer(&dtypes);
    let mut outputs: Vec<Buf> = vec![];
    for &dtype in &dtypes {
        let layout = if rng.one_in(3) { Layout::Random } else { *rng.pick(&WRITABLE) };
        let mut out = Buf::new(dtype, &case.shape, layout, true, rng);
        out.fill_with(|| random(dtype, rng));
        outputs.push(out);
    }
    let before: Vec<Vec<Value>> = outputs.iter().map(Buf::values).collect();
    let mut targets: Vec<ViewMut<'_>> = outputs.iter_mut().map(Buf::view_mut).collect();
    let result = Ufunc::from_def(case.def).call_into(inputs, &mut targets, options);
    if expected.flags.contains(FpFlags::REFUSED) {
        return refused(result.err());
    }
    let report = result.map_err(|e| e.to_string())?;
    for (k, out) in outputs.iter().enumerate() {
        compare(&expected.outputs[k], out.dtype, &out.values(), &before[k])
            .map_err(|why| format!("{why} in {} strides {:?}", out.dtype, out.strides))?;
        if !out.guards_hold() {
            return Err(format!("bytes beside the output's elements changed, strides {:?}", out.strides));
        }
    }
    check_report(&expected, report)
}

/// Whether a call was refused, as it should be.
fn refused(error: Option<Error>) -> Result<(), String> {
    match error {
        Some(Error::Refused { .. }) => Ok(()),
        other => Err(format!("should be refused, not {other:?}")),
    }
}

fn check_report(expected: &Answer, found: ufunx::Report) -> Result<(), String> {
    let flags = found.flags.contains(expected.flags) && (expected.flags | expected.may).contains(found.flags);
    match !has_flags() || flags && found.cast == expected.cast {
        true => Ok(()),
        false => Err(format!("raised {found:?}, not {:?} and, casting, {:?}", expected.flags, expected.cast)),
    }
}
