//! Who answers a call: precedence among foreign objects, as pure logic over any object model.
//!
//! NumPy's protocols let an operand take a call over. The rules are here, generic over [`Objects`], so that they are
//! tested with plain Rust classes; the Python bindings say what an object, a class and a call are.
//!
//! 1. [`arguments`]: the arguments of a call or a method in the one form overrides are handed (NEP 13).
//! 2. [`ufunc`]: `__array_ufunc__` (NEP 13). Inputs, then outputs, then the `where` mask; one candidate per type; an
//!    opt-out ends the call; a subclass goes before what stands left of it.
//! 3. [`function`]: `__array_function__` and `like=` (NEP 18, NEP 35). The same with another way of ordering.
//! 4. [`wrap`]: which input's `__array_wrap__` gives the result its type.

pub mod arguments;
pub mod function;
pub mod ufunc;
pub mod wrap;

use smallvec::SmallVec;

/// Objects with classes.
pub trait Objects {
    /// An object, by reference.
    type Object: Copy;
    /// What goes wrong when objects are asked.
    type Error;

    /// Whether both are of the very same class.
    fn same_class(&self, a: Self::Object, b: Self::Object) -> bool;

    /// Whether `a` is an instance of the class of `b`, which a class may decide for itself (virtual subclasses).
    fn is_instance(&self, a: Self::Object, class_of: Self::Object) -> Result<bool, Self::Error>;

    /// The class's name, for messages.
    fn class_name(&self, object: Self::Object) -> String;
}

/// What an override said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<V> {
    /// The call's result, passed on as it is.
    Value(V),
    /// `NotImplemented`: ask the next.
    Refused,
}

/// The objects that are asked, with the methods that answer.
pub type Candidates<O, M> = SmallVec<[(O, M); 4]>;

/// Why a dispatched call has no result.
#[derive(Debug, PartialEq)]
pub enum Failure<O, E> {
    /// An operand whose class says that ufuncs are not for it.
    OptedOut {
        /// The class's name.
        class: String,
    },
    /// Every override refused; these were asked, in this order.
    AllRefused {
        /// The objects.
        asked: Vec<O>,
    },
    /// More classes with overrides than can be told apart.
    TooMany {
        /// The most there may be.
        most: usize,
    },
    /// `like=` an object that has no `__array_function__`.
    LikeWithoutProtocol,
    /// An override raised.
    Raised(E),
}

impl<O, E> Failure<O, E> {
    /// NumPy's sentence for it, where the sentence needs nothing but this.
    pub fn message(&self) -> Option<String> {
        match self {
            Failure::OptedOut { class } => {
                // Cut where NumPy cuts it.
                let class = String::from_utf8_lossy(&class.as_bytes()[..class.len().min(200)]);
                Some(format!("operand '{class}' does not support ufuncs (__array_ufunc__=None)"))
            }
            Failure::LikeWithoutProtocol => Some(function::LIKE_NEEDS_PROTOCOL.into()),
            Failure::TooMany { most } => Some(format!(
                "maximum number ({most}) of distinct argument types implementing __array_function__ exceeded"
            )),
            Failure::AllRefused { .. } | Failure::Raised(_) => None,
        }
    }
}

/// Asks the candidates one after the other.
#[inline]
fn ask<O: Objects, M, V>(
    order: impl Iterator<Item = Result<(O::Object, M), O::Error>>,
    mut call: impl FnMut(O::Object, &M) -> Result<Answer<V>, O::Error>,
) -> Result<V, Failure<O::Object, O::Error>> {
    let mut asked = vec![];
    for next in order {
        let (object, method) = next.map_err(Failure::Raised)?;
        match call(object, &method).map_err(Failure::Raised)? {
            Answer::Value(value) => return Ok(value),
            Answer::Refused => asked.push(object),
        }
    }
    Err(Failure::AllRefused { asked })
}
