//! Every error a call can give, provoked once, and its sentence.

use crate::common::{in_a_process, ufunc};
use ufunx::registry::{DType, ResolveError};
use ufunx::{Axes, CallOptions, Casting, Error, Initial, Input, ReduceOptions, Scalar};
use ufunx_tests::{Buf, Value};

fn floats(shape: &[usize]) -> Buf {
    Buf::of(DType::F64, shape, &[Value::Float(1.0)])
}

fn of(dtype: DType, shape: &[usize]) -> Buf {
    Buf::of(dtype, shape, &[])
}

fn call(name: &str, inputs: &[&Buf], options: &CallOptions<'_>) -> Error {
    let inputs: Vec<Input<'_>> = inputs.iter().map(|b| b.view().into()).collect();
    ufunc(name).call(&inputs, options).unwrap_err()
}

fn into(inputs: &[&Buf], out: &mut Buf, casting: Casting) -> Error {
    let inputs: Vec<Input<'_>> = inputs.iter().map(|b| b.view().into()).collect();
    let options = CallOptions { casting, ..CallOptions::default() };
    ufunc("add").call_into(&inputs, &mut [out.view_mut()], &options).unwrap_err()
}

fn reduce(name: &str, input: &Buf, options: ReduceOptions<'_>) -> Error {
    ufunc(name).reduce(input.view(), &options).unwrap_err()
}

/// The error is this variant, and says this.
macro_rules! gives {
    ($error:expr, $variant:pat, $sentence:expr) => {{
        let error: Error = $error;
        assert!(matches!(error, $variant), "{error:?}");
        let text = error.to_string();
        assert_eq!(text, $sentence);
        assert!(!text.ends_with('.') && !text.contains('\n') && !text.contains("  "), "{text:?}");
    }};
}

#[test]
fn calls() {
    let (two, three) = (floats(&[2]), floats(&[3]));
    let plain = CallOptions::default();
    gives!(
        ufunx::ufunc("frobnicate").unwrap_err(),
        Error::UnknownUfunc { .. },
        "there is no ufunc named 'frobnicate'"
    );
    gives!(call("add", &[&two], &plain), Error::InputCount { .. }, "add takes 2 inputs but 1 were given");
    let none = ufunc("add").call_into(&[two.view().into(), two.view().into()], &mut [], &plain);
    gives!(none.unwrap_err(), Error::OutputCount { .. }, "add has 1 outputs but 0 were given");
    let text = "operands could not be broadcast together with shapes (2,) (3,)";
    gives!(call("add", &[&two, &three], &plain), Error::Broadcast { .. }, text);
    let text = "non-broadcastable output operand with shape (2,) doesn't match the broadcast shape (3,2)";
    let wide = floats(&[3, 2]);
    gives!(into(&[&wide, &wide], &mut floats(&[2]), Casting::SameKind), Error::OutputShape { .. }, text);
    let text = "an array of 65 dimensions is past the limit of 64";
    gives!(call("add", &[&floats(&[1; 65]), &two], &plain), Error::TooManyDims { found: 65 }, text);
    let options = CallOptions { mask: Some(two.view()), ..CallOptions::default() };
    gives!(
        call("add", &[&two, &two], &options),
        Error::MaskDType { .. },
        "the where mask must be bool, not float64"
    );
    let mut repeats = Buf::with_strides(DType::F64, &[3], &[0], 0);
    let text = "two elements of an output share memory";
    gives!(into(&[&three, &three], &mut repeats, Casting::SameKind), Error::OutputOverlapsItself, text);
    let out_of_range =
        ufunc("add").call(&[of(DType::U8, &[1]).view().into(), Scalar::Int(256).into()], &plain);
    gives!(
        out_of_range.unwrap_err(),
        Error::OutOfRange { value: 256, .. },
        "integer 256 out of bounds for uint8"
    );
    let sum = ufunc("add").call(&[two.view().into(), two.view().into()], &plain).unwrap().one();
    let text = "the array's elements are float64, not float32";
    gives!(sum.to_ndarray::<f32>().unwrap_err(), Error::ElementType { .. }, text);
}

#[test]
fn resolution() {
    let plain = CallOptions::default();
    let bools = of(DType::Bool, &[2]);
    let floats = floats(&[2]);
    let text = "ufunc 'subtract' does not support bool, use 'bitwise_xor' instead";
    gives!(
        call("subtract", &[&bools, &bools], &plain),
        Error::Resolve(ResolveError::BoolRefused { .. }),
        text
    );
    let text = "ufunc 'bitwise_and' did not contain a loop for (float64, float64)";
    gives!(
        call("bitwise_and", &[&floats, &floats], &plain),
        Error::Resolve(ResolveError::NoLoop { .. }),
        text
    );
    let options = CallOptions { dtype: Some(DType::C128), ..CallOptions::default() };
    let text = "no loop of ufunc 'bitwise_and' matches the requested signature";
    gives!(
        call("bitwise_and", &[&bools, &bools], &options),
        Error::Resolve(ResolveError::NoMatchingLoop { .. }),
        text
    );
    let options = CallOptions { dtype: Some(DType::I64), ..CallOptions::default() };
    let text = "cannot cast ufunc 'add' input 0 from float64 to int64 with casting rule 'same_kind'";
    gives!(call("add", &[&floats, &bools], &options), Error::Resolve(ResolveError::InputCast { .. }), text);
    let text = "cannot cast ufunc 'negative' input from float64 to int64 with casting rule 'same_kind'";
    gives!(call("negative", &[&floats], &options), Error::Resolve(ResolveError::InputCast { .. }), text);
    let text = "cannot cast ufunc 'add' output from float64 to int32 with casting rule 'safe'";
    let error = into(&[&floats, &floats], &mut of(DType::I32, &[2]), Casting::Safe);
    gives!(error, Error::Resolve(ResolveError::OutputCast { .. }), text);
}

#[test]
fn methods() {
    let (ints, square) = (of(DType::I64, &[4]), floats(&[3, 3]));
    let axis = |axis: Axes| ReduceOptions { axis, ..ReduceOptions::default() };
    let text = "reduce needs two inputs and one output of one dtype, which negative does not have";
    gives!(reduce("negative", &ints, axis(Axes::All)), Error::NotBinary { .. }, text);
    let text = "axis 2 is out of bounds for array of dimension 2";
    gives!(reduce("add", &square, axis(Axes::One(2))), Error::Axis { axis: 2, ndim: 2 }, text);
    let twice = Axes::Many(vec![0, -2]);
    gives!(reduce("add", &square, axis(twice)), Error::DuplicateAxis { axis: 0 }, "axis 0 is named twice");
    let text = "reduction operation 'subtract' is not reorderable, so at most one axis may be specified";
    gives!(reduce("subtract", &square, axis(Axes::All)), Error::NotReorderable { .. }, text);
    let text = "zero-size array to reduction operation maximum which has no identity";
    gives!(reduce("maximum", &floats(&[0]), axis(Axes::All)), Error::EmptyReduction { .. }, text);
    let no_start = ReduceOptions { initial: Initial::None, ..ReduceOptions::default() };
    let text = "zero-size array to reduction operation add which has no identity";
    gives!(reduce("add", &floats(&[0]), no_start), Error::EmptyReduction { .. }, text);
    let mask = of(DType::Bool, &[3, 3]);
    let masked = ReduceOptions { mask: Some(mask.view()), ..ReduceOptions::default() };
    let text = "reduction operation 'maximum' does not have an identity, so to use a where mask one has to specify 'initial'";
    gives!(reduce("maximum", &square, masked), Error::MaskNeedsInitial { .. }, text);
    let error = ufunc("add").reduce_into(square.view(), &mut floats(&[3, 1]).view_mut(), &axis(Axes::One(0)));
    let text = "output parameter for reduction operation add has the wrong number of dimensions: Found 2 but expected 1";
    gives!(error.unwrap_err(), Error::OutputDims { .. }, text);
    let error = ufunc("add").accumulate(floats(&[]).view(), 0, None).unwrap_err();
    gives!(error, Error::Scalar { method: "accumulate" }, "cannot accumulate on a scalar");
    for (index, text) in [
        (4, "index 4 out-of-bounds in add.reduceat [0, 4)"),
        (-1, "index -1 out-of-bounds in add.reduceat [0, 4)"),
    ] {
        gives!(ufunc("add").reduceat(ints.view(), &[index], 0, None).unwrap_err(), Error::Index { .. }, text);
    }
    let mut target = of(DType::I64, &[4]);
    let mut at = |name: &str, indices: &[isize], values: Option<&Buf>| {
        ufunc(name).at(&mut target.view_mut(), indices, values.map(|v| v.view().into())).unwrap_err()
    };
    gives!(at("add", &[-5], Some(&ints)), Error::Index { .. }, "index -5 out-of-bounds in add.at [0, 4)");
    let text = "values of shape (4,) do not broadcast to 2 indices";
    gives!(at("add", &[0, 1], Some(&ints)), Error::AtShape { .. }, text);
    gives!(at("add", &[0], None), Error::AtValues { needed: true, .. }, "add.at needs a second operand");
    gives!(
        at("negative", &[0], Some(&ints)),
        Error::AtValues { needed: false, .. },
        "negative.at takes no second operand"
    );
}

#[test]
fn what_the_environment_cannot_mean() {
    for (variable, value) in [("UFUNX_NUM_THREADS", "abc"), ("UFUNX_MAX_ISA", "foo")] {
        in_a_process("errors::every_call_with_a_wrong_environment", &[(variable, value)]);
    }
}

#[test]
#[ignore = "run by the test above in a process of its own, whose environment is wrong"]
fn every_call_with_a_wrong_environment() {
    let (mut a, three) = (floats(&[3]), floats(&[3]));
    let wrong = |error: Error| assert!(matches!(error, Error::Environment { .. }), "{error:?}");
    wrong(call("add", &[&a, &three], &CallOptions::default()));
    wrong(into(&[&three, &three], &mut a, Casting::SameKind));
    wrong(reduce("add", &three, ReduceOptions::default()));
    wrong(
        ufunc("add").reduce_into(three.view(), &mut floats(&[]).view_mut(), &Default::default()).unwrap_err(),
    );
    wrong(ufunc("add").accumulate(three.view(), 0, None).unwrap_err());
    wrong(ufunc("add").reduceat(three.view(), &[0], 0, None).unwrap_err());
    wrong(ufunc("add").at(&mut a.view_mut(), &[0], Some(three.view().into())).unwrap_err());
    wrong(ufunx::add(&ndarray::array![1.0], 1.0).unwrap_err());
    assert!(ufunx::num_threads() >= 1 && ufunx::current_isa() == ufunx::detected_isa());
}
