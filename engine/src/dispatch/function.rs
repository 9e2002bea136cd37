//! `__array_function__` (NEP 18) and `like=` (NEP 35): who may take a function of the namespace over.

use super::{Answer, Candidates, Failure, Objects, ask};

/// An answer, or why the call has none.
type Answered<O, T> = Result<T, Failure<<O as Objects>::Object, <O as Objects>::Error>>;

/// Most classes with the protocol in one call, NumPy's limit.
pub const MOST_CLASSES: usize = 64;

/// How many classes with the protocol there are.
pub enum Classes<O, M> {
    /// None.
    None,
    /// One; this is its first instance.
    One(O, M),
    /// More, among whom to [`decide`].
    More,
}

/// A look at the relevant arguments: most calls have one class with the protocol at most, and then there is no order to
/// find.
#[inline]
pub fn classes<O: Objects, M>(
    objects: &O,
    relevant: impl Iterator<Item = O::Object>,
    look_up: impl Fn(O::Object) -> Option<M>,
) -> Classes<O::Object, M> {
    let mut one: Option<(O::Object, M)> = None;
    for object in relevant {
        match &one {
            Some((known, _)) if objects.same_class(object, *known) => {}
            Some(_) if look_up(object).is_some() => return Classes::More,
            Some(_) => {}
            None => one = look_up(object).map(|method| (object, method)),
        }
    }
    one.map_or(Classes::None, |(object, method)| Classes::One(object, method))
}

/// The relevant arguments with the protocol, one per class, in the order they are asked: left to right, but an
/// instance of a class that stands already before that one.
pub fn collect<O: Objects, M>(
    objects: &O,
    relevant: impl Iterator<Item = O::Object>,
    look_up: impl Fn(O::Object) -> Option<M>,
) -> Answered<O, Candidates<O::Object, M>> {
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

/// What becomes of a call of a function of the namespace.
#[derive(Debug)]
pub enum Decision<O, M> {
    /// Nobody but `ndarray` has a say: the implementation runs, with the arguments as they are.
    Implementation,
    /// These are asked, in this order; among them may be `ndarray`'s own method, see [`default_takes`]. Their classes
    /// are the `types` they are told.
    Ask(Candidates<O, M>),
}

/// Who answers, given what the dispatcher says is relevant. `is_default` tells `ndarray`'s own method.
pub fn decide<O: Objects, M>(
    objects: &O,
    relevant: impl Iterator<Item = O::Object>,
    look_up: impl Fn(O::Object) -> Option<M>,
    is_default: impl Fn(&M) -> bool,
) -> Answered<O, Decision<O::Object, M>> {
    let found = collect(objects, relevant, look_up)?;
    if found.iter().all(|(_, method)| is_default(method)) {
        return Ok(Decision::Implementation);
    }
    Ok(Decision::Ask(found))
}

/// Who makes an array `like=` this one. Who is asked is handed the call without `like`.
pub fn decide_like<O: Objects, M>(
    like: O::Object,
    look_up: impl Fn(O::Object) -> Option<M>,
    is_default: impl Fn(&M) -> bool,
) -> Answered<O, Decision<O::Object, M>> {
    match look_up(like) {
        None => Err(Failure::LikeWithoutProtocol),
        Some(method) if is_default(&method) => Ok(Decision::Implementation),
        Some(method) => Ok(Decision::Ask(Candidates::from_iter([(like, method)]))),
    }
}

/// Whether `ndarray`'s own method takes a call with these candidates, and so runs the implementation: it refuses as soon
/// as a class is none of its subclasses.
pub fn default_takes<O: Copy, E>(
    found: impl Iterator<Item = O>,
    mut is_array: impl FnMut(O) -> Result<bool, E>,
) -> Result<bool, E> {
    for object in found {
        if !is_array(object)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks those that [`collect`] found, or [`decide`].
pub fn dispatch<O: Objects, M, V>(
    found: Candidates<O::Object, M>,
    call: impl FnMut(O::Object, &M) -> Result<Answer<V>, O::Error>,
) -> Answered<O, V> {
    ask::<O, M, V>(found.into_iter().map(Ok), call)
}

/// NumPy's sentence when all refused; `types` is the list of classes as Python prints it.
pub fn no_implementation(function: &str, types: &str) -> String {
    format!("no implementation found for '{function}' on types that implement __array_function__: {types}")
}

/// NumPy's sentence for a `like=` without the protocol.
pub const LIKE_NEEDS_PROTOCOL: &str = "The `like` argument must be an array-like that implements the \
                                       `__array_function__` protocol.";
