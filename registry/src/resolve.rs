//! From operand dtypes to a loop, as NumPy does it:
//!
//! 1. a loop with exactly the operands' dtypes is taken at once;
//! 2. else, where all inputs of a ufunc's loops share a dtype, the operands' common dtype decides: the first loop to
//!    which it casts safely; where they do not (`ldexp`), and for some ufuncs anyway (`arctan2`), the first loop to which
//!    each input casts safely;
//! 3. `dtype=`/`signature=` leave only the loops that have what they fix; where inputs share a dtype and one is left it is
//!    taken, whatever the inputs, and the call's casting rule judges;
//! 4. every input, and every given output, must be castable under the call's rule.

use crate::derive::derived_loop;
use crate::dtype::{DType, Kind};
use crate::error::ResolveError;
use crate::promote::{Casting, Typed, can_cast, can_cast_typed, promote_all};
use crate::signature::Signature;
use crate::ufunc::{BoolRule, LoopDef, ReduceRule, UfuncDef};

/// What a call brings to resolution.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The inputs' types.
    pub inputs: &'a [Typed],
    /// The dtypes of given outputs, `None` where one is to be made.
    pub outputs: &'a [Option<DType>],
    /// `dtype=` or `signature=`.
    pub signature: Option<&'a Signature>,
    /// `casting=`.
    pub casting: Casting,
}

/// Chooses the loop of a call and checks every cast it implies.
pub fn resolve<'d>(def: &'d UfuncDef, request: &Request<'_>) -> Result<&'d LoopDef, ResolveError> {
    let l = find_loop(def, request)?;
    for (index, (&from, &to)) in request.inputs.iter().zip(l.inputs).enumerate() {
        let as_truth = def.truth && to == DType::Bool;
        if !as_truth && !can_cast_typed(from, to, request.casting) {
            let several = l.inputs.len() > 1;
            let casting = request.casting;
            return Err(ResolveError::InputCast { ufunc: def.name, index, several, from, to, casting });
        }
    }
    check_outputs(def, l, request.outputs, request.casting)?;
    Ok(l)
}

/// Chooses the loop of a reduction: `(accumulator, input) -> accumulator`, all of one dtype. Inputs are cast freely.
pub fn resolve_reduction(
    def: &UfuncDef,
    input: DType,
    out: Option<DType>,
    dtype: Option<DType>,
) -> Result<&LoopDef, ResolveError> {
    let no_loop = || ResolveError::NoMatchingLoop { ufunc: def.name };
    let wanted = match (dtype, def.reduce) {
        (Some(dtype), _) => dtype,
        (None, _) if def.truth => DType::Bool,
        (None, ReduceRule::WidenInts) if out.is_none() => widened(input),
        (None, _) => input,
    };
    let first = if dtype.is_none() && !def.truth { out.unwrap_or(wanted) } else { wanted };
    let operands = [Typed::Strong(first), Typed::Strong(wanted)];
    let signature = dtype.map(|d| Signature::of_output(d, 2, 1));
    let request =
        Request { inputs: &operands, outputs: &[], signature: signature.as_ref(), casting: Casting::Unsafe };
    let mut l = find_loop(def, &request)?;
    // A derived loop takes inputs of any dtype; one to fold by is that of its result's.
    if let (Some(source), [result]) = (&def.derived, l.outputs)
        && !l.is_reducible()
    {
        l = source.derive(&[Typed::Strong(*result); 2])?;
    }
    if !l.is_reducible() {
        return Err(no_loop());
    }
    check_outputs(def, l, &[out], Casting::SameKind)?;
    Ok(l)
}

fn find_loop<'d>(def: &'d UfuncDef, request: &Request<'_>) -> Result<&'d LoopDef, ResolveError> {
    if let Some(source) = &def.derived {
        return derived_loop(def, &**source, request);
    }
    let open = request.signature.is_none_or(Signature::is_open);
    if open && let Some(l) = exact(def, request.inputs) {
        return Ok(l);
    }
    let refused = || ResolveError::NoLoop { ufunc: def.name, inputs: request.inputs.to_vec() };
    let admitted = |l: &&LoopDef| request.signature.is_none_or(|s| s.admits(l.inputs, l.outputs));
    let Some(common) = promote_all(request.inputs) else {
        // Dates beside others: the loop that takes each input.
        let takes = |l: &&LoopDef| {
            request.inputs.iter().zip(l.inputs).all(|(&from, &to)| can_cast_typed(from, to, Casting::Safe))
        };
        return def.loops().filter(admitted).find(takes).ok_or_else(refused);
    };
    let wants_bool = request.signature.is_some_and(|s| s.outputs.first() == Some(&Some(DType::Bool)));
    match def.bool {
        BoolRule::RefusedFor(alternative) if wants_bool || (open && common == DType::Bool) => {
            return Err(ResolveError::BoolRefused { ufunc: def.name, alternative });
        }
        BoolRule::Refused if open && common == DType::Bool => return Err(refused()),
        _ => {}
    }
    // Operands that do not share a dtype with a loop meet as truth values.
    if def.truth && open {
        return def.loop_for(&[DType::Bool; 2]).ok_or_else(refused);
    }
    let common = match def.ints_to_f64 && matches!(common.kind(), Kind::Bool | Kind::Int) {
        true => DType::F64,
        false => common,
    };
    // Where inputs do not share a dtype, and a number is of a higher kind than all that is not one, numbers have the dtypes
    // that they have alone.
    let kinds = |strong: bool| {
        request
            .inputs
            .iter()
            .filter(move |t| matches!(t, Typed::Strong(_)) == strong)
            .map(|t| t.alone().kind())
    };
    let above = kinds(false).max() > kinds(true).max();
    let takes = |l: &&LoopDef| match l.inputs.iter().all(|i| *i == l.inputs[0]) {
        true if def.inputs_apart => request.inputs.iter().all(|&t| match t {
            Typed::Strong(d) => can_cast(d, l.inputs[0], Casting::Safe),
            Typed::Weak(_) => can_cast(common, l.inputs[0], Casting::Safe),
        }),
        true => can_cast(common, l.inputs[0], Casting::Safe),
        false => request.inputs.iter().zip(l.inputs).all(|(&t, &to)| match above {
            true => can_cast(t.alone(), to, Casting::Safe),
            false => can_cast_typed(t, to, Casting::Safe),
        }),
    };
    // The loops of bfloat16 and float8 stand after others that these cast to; NumPy's order says nothing of them.
    let is_numpys = common.numpy_number().is_some();
    let is_common = |l: &&LoopDef| !is_numpys && l.inputs.iter().all(|&i| i == common);
    let mut admitted_loops = def.loops().filter(admitted);
    if let Some(l) = admitted_loops.clone().find(is_common).or_else(|| admitted_loops.find(takes)) {
        return Ok(l);
    }
    if open {
        return Err(refused());
    }
    // Only inputs of one dtype follow that of an output.
    let mut left = def.loops().filter(|_| def.meets_in_one_dtype()).filter(admitted);
    left.next().ok_or(ResolveError::NoMatchingLoop { ufunc: def.name })
}

fn exact<'d>(def: &'d UfuncDef, inputs: &[Typed]) -> Option<&'d LoopDef> {
    let &Typed::Strong(first) = inputs.first()? else { return None };
    let rest = &inputs[1..];
    def.loops().find(|l| {
        l.inputs[0] == first && l.inputs[1..].iter().zip(rest).all(|(&d, &t)| t == Typed::Strong(d))
    })
}

fn check_outputs(
    def: &UfuncDef,
    l: &LoopDef,
    outputs: &[Option<DType>],
    casting: Casting,
) -> Result<(), ResolveError> {
    for (index, (&from, &to)) in l.outputs.iter().zip(outputs).enumerate() {
        if let Some(to) = to
            && !can_cast(from, to, casting)
        {
            let several = l.outputs.len() > 1;
            return Err(ResolveError::OutputCast { ufunc: def.name, index, several, from, to, casting });
        }
    }
    Ok(())
}

/// The dtype in which small integers are summed.
fn widened(input: DType) -> DType {
    match (input.kind(), input.is_signed()) {
        (Kind::Int, false) => DType::U64,
        (Kind::Bool | Kind::Int, _) => DType::I64,
        _ => input,
    }
}
