//! Resolution and promotion over any dtypes: what is chosen obeys the rules that `registry/src/resolve.rs` states, and what
//! is refused has no choice that does.

use super::Bytes;
use ufunx::registry::{
    BoolRule, Casting, DType, Kind, Request, ResolveError, Signature, Typed, UfuncDef, Weak, can_cast,
    can_cast_typed, promote, promote_all, resolve, resolve_reduction,
};

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let ufuncs: Vec<&'static UfuncDef> = ufunx::table().iter().collect();
    let def = ufuncs[bytes.u64() as usize % ufuncs.len()];
    let typed = |bytes: &mut Bytes<'_>| match bytes.one_in(4) {
        true => Typed::Weak(bytes.pick(&[Weak::Int, Weak::Float, Weak::Complex])),
        false => Typed::Strong(bytes.pick(DType::ALL)),
    };
    let maybe = |bytes: &mut Bytes<'_>| bytes.one_in(2).then(|| bytes.pick(DType::ALL));
    let inputs: Vec<Typed> = (0..def.nin()).map(|_| typed(&mut bytes)).collect();
    let outputs: Vec<Option<DType>> = (0..def.nout()).map(|_| maybe(&mut bytes)).collect();
    let signature = bytes.one_in(2).then(|| Signature {
        inputs: (0..def.nin()).map(|_| maybe(&mut bytes)).collect(),
        outputs: (0..def.nout()).map(|_| maybe(&mut bytes)).collect(),
    });
    let casting = bytes.pick(&Casting::ALL);
    promotion(&inputs);
    let request = Request { inputs: &inputs, outputs: &outputs, signature: signature.as_ref(), casting };
    call(def, &request);
    let [input, out, dtype] =
        [bytes.pick(DType::ALL); 1].map(|d| [Some(d), maybe(&mut bytes), maybe(&mut bytes)])[0];
    if let (Some(input), 2, 1) = (input, def.nin(), def.nout()) {
        reduction(def, input, out, dtype);
    }
}

/// The common dtype is one that all cast to safely, the first such of two, and does not depend on the order.
fn promotion(inputs: &[Typed]) {
    let common = promote_all(inputs);
    let reversed: Vec<Typed> = inputs.iter().rev().copied().collect();
    assert_eq!(common, promote_all(&reversed), "{inputs:?}");
    let strong = |t: &Typed| if let Typed::Strong(dtype) = t { Some(*dtype) } else { None };
    for a in inputs.iter().filter_map(strong) {
        for b in inputs.iter().filter_map(strong) {
            let both = |d: &DType| can_cast(a, *d, Casting::Safe) && can_cast(b, *d, Casting::Safe);
            assert_eq!(promote(a, b), DType::ALL.iter().copied().find(both), "{a} {b}");
        }
        let apart = inputs.iter().filter_map(strong).any(|dtype| dtype.kind() == Kind::Date);
        assert!(common.map_or(apart, |c| can_cast(a, c, Casting::Safe)), "{inputs:?}");
    }
}

/// The loop chosen for a call.
fn call(def: &'static UfuncDef, request: &Request<'_>) {
    let open = request.signature.is_none_or(Signature::is_open);
    let exact =
        def.loops().find(|l| l.inputs.iter().zip(request.inputs).all(|(&d, &t)| t == Typed::Strong(d)));
    let castable = |from: DType, to: &Option<DType>| to.is_none_or(|to| can_cast(from, to, request.casting));
    match resolve(def, request) {
        Ok(l) => {
            assert!(def.loops().any(|other| std::ptr::eq(other, l)));
            let truth = def.truth;
            for (&from, &to) in request.inputs.iter().zip(l.inputs) {
                assert!(
                    (truth && to == DType::Bool) || can_cast_typed(from, to, request.casting),
                    "{request:?}"
                );
            }
            assert!(l.outputs.iter().zip(request.outputs).all(|(&d, out)| castable(d, out)), "{request:?}");
            assert!(request.signature.is_none_or(|s| s.admits(l.inputs, l.outputs)), "{request:?} {l}");
            assert!(!open || exact.is_none_or(|exact| std::ptr::eq(exact, l)), "{request:?} {l}");
        }
        Err(ResolveError::InputCast { index, from, to, casting, .. }) => {
            assert_eq!((request.inputs[index], request.casting), (from, casting));
            assert!(!can_cast_typed(from, to, casting), "{request:?}");
        }
        Err(ResolveError::OutputCast { index, from, to, casting, .. }) => {
            assert_eq!((request.outputs[index], request.casting), (Some(to), casting));
            assert!(!can_cast(from, to, casting), "{request:?}");
        }
        Err(ResolveError::BoolRefused { .. }) => assert!(matches!(def.bool, BoolRule::RefusedFor(_))),
        Err(ResolveError::NoMatchingLoop { .. }) => {
            let none_admitted =
                || def.loops().all(|l| request.signature.is_some_and(|s| !s.admits(l.inputs, l.outputs)));
            assert!(!open && none_admitted(), "{request:?}");
        }
        Err(ResolveError::OutOfRange { .. }) => unreachable!("only programs have numbers within"),
        Err(ResolveError::NoLoop { .. }) => assert!(!open || exact.is_none(), "{request:?}"),
    }
}

/// The loop chosen for a reduction folds, and gives what was asked for.
fn reduction(def: &'static UfuncDef, input: DType, out: Option<DType>, dtype: Option<DType>) {
    if let Ok(l) = resolve_reduction(def, input, out, dtype) {
        assert!(l.is_reducible());
        assert!(dtype.is_none_or(|dtype| l.outputs[0] == dtype), "{} {input} {dtype:?} {l}", def.name);
        assert!(
            out.is_none_or(|out| can_cast(l.outputs[0], out, Casting::SameKind)),
            "{} {input} {out:?}",
            def.name
        );
    }
}
