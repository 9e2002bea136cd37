//! `__array_function__` (NEP 18) and `like=` (NEP 35): who may take a function of the namespace over.

use super::{Answer, Candidates, Failure, Objects, ask};

/// What was found, or why the call cannot be.
type Collected<O, M> =
    Result<Candidates<<O as Objects>::Object, M>, Failure<<O as Objects>::Object, <O as Objects>::Error>>;

/// Most classes with the protocol in one call, NumPy's limit.
pub const MOST_CLASSES: usize = 64;

/// The relevant arguments with the protocol, one per class, in the order they are asked: left to right, but an
/// instance of a class that stands already before that one.
pub fn collect<O: Objects, M>(
    objects: &O,
    relevant: impl Iterator<Item = O::Object>,
    look_up: impl Fn(O::Object) -> Option<M>,
) -> Collected<O, M> {
    let mut found: Candidates<O::Object, M> = Candidates::new();
    for object in relevant {
        if found.iter().any(|(known, _)| objects.same_class(object, *known)) {
            continue;
        }
        let Some(method) = look_up(object) else { continue };
        if found.len() >= MOST_CLASSES {
            return Err(Failure::TooMany { most: MOST_CLASSES });
        }
        let mut place = found.len();
        for (i, (known, _)) in found.iter().enumerate() {
            if objects.is_instance(object, *known).map_err(Failure::Raised)? {
                place = i;
                break;
            }
        }
        found.insert(place, (object, method));
    }
    Ok(found)
}

/// Asks those that [`collect`] found.
pub fn dispatch<O: Objects, M, V>(
    found: Candidates<O::Object, M>,
    call: impl FnMut(O::Object, &M) -> Result<Answer<V>, O::Error>,
) -> Result<V, Failure<O::Object, O::Error>> {
    ask::<O, M, V>(found.into_iter().map(Ok), call)
}

/// NumPy's sentence when all refused; `types` is the list of classes as Python prints it.
pub fn no_implementation(function: &str, types: &str) -> String {
    format!("no implementation found for '{function}' on types that implement __array_function__: {types}")
}

/// NumPy's sentence for a `like=` without the protocol.
pub const LIKE_NEEDS_PROTOCOL: &str = "The `like` argument must be an array-like that implements the \
                                       `__array_function__` protocol.";
