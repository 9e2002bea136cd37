//! `__array_ufunc__` (NEP 13): which operands may take a ufunc call over, and in which order they are asked.

use super::{Answer, Candidates, Failure, Objects, ask};

/// What an operand's class says of ufuncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Override<M> {
    /// Nothing, or what `ndarray` says.
    Absent,
    /// `__array_ufunc__ = None`.
    OptOut,
    /// A method of its own.
    Method(M),
}

/// Asks the operands (inputs, outputs, mask, in that order) to take the call over. `None` if none of them can.
///
/// A class is looked at once, by its first instance. `call` runs one override; what it returns or raises is the call's.
pub fn dispatch<O: Objects, M, V>(
    objects: &O,
    operands: impl Iterator<Item = O::Object>,
    look_up: impl Fn(O::Object) -> Override<M>,
    call: impl FnMut(O::Object, &M) -> Result<Answer<V>, O::Error>,
) -> Result<Option<V>, Failure<O::Object, O::Error>> {
    let mut candidates: Candidates<O::Object, M> = Candidates::new();
    for object in operands {
        if candidates.iter().any(|(known, _)| objects.same_class(object, *known)) {
            continue;
        }
        match look_up(object) {
            Override::Absent => {}
            Override::OptOut => return Err(Failure::OptedOut { class: objects.class_name(object) }),
            Override::Method(method) => candidates.push((object, method)),
        }
    }
    if candidates.is_empty() {
        return Ok(None);
    }
    let order = std::iter::from_fn(move || match candidates.len() {
        0 => None,
        1 => candidates.pop().map(Ok),
        _ => Some(next(objects, &candidates).map(|i| candidates.remove(i))),
    });
    ask::<O, M, V>(order, call).map(Some)
}

/// The leftmost candidate without an instance of its class to the right of it.
fn next<O: Objects, M>(objects: &O, candidates: &Candidates<O::Object, M>) -> Result<usize, O::Error> {
    'candidates: for (i, (object, _)) in candidates.iter().enumerate() {
        for (other, _) in &candidates[i + 1..] {
            if objects.is_instance(*other, *object)? {
                continue 'candidates;
            }
        }
        return Ok(i);
    }
    // The last one has nothing to the right of it.
    Ok(candidates.len() - 1)
}
