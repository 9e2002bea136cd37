//! Which input's `__array_wrap__` gives a result its type: the highest `__array_priority__`, of equals the first.

/// An input, as far as wrapping looks at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Holder {
    /// An exact array: keeps results plain, unless a class of the same priority is there.
    Array,
    /// A scalar: as an array, but of the lowest priority.
    Scalar,
    /// Nothing to say.
    Nothing,
    /// An object with `__array_wrap__`, and its priority.
    Wrap(f64),
    /// An object whose `__array_wrap__` is `None`, and its priority: keeps results plain if it wins.
    Refuses(f64),
}

impl Holder {
    /// Whether it is neither a plain array nor a scalar.
    fn is_object(self) -> bool {
        matches!(self, Holder::Wrap(_) | Holder::Refuses(_))
    }
}

/// Priority of arrays, and of objects that state none.
pub const DEFAULT_PRIORITY: f64 = 0.0;
/// Priority of scalars.
pub const SCALAR_PRIORITY: f64 = -1_000_000.0;

/// The place of the input whose wrap is called; `None` if results stay plain.
pub fn choose(holders: impl Iterator<Item = Holder>) -> Option<usize> {
    // What is there so far: nothing, a placeholder that keeps results plain, or a wrap.
    enum Best {
        Nothing,
        Plain,
        Wrap(usize),
    }
    let (mut best, mut priority) = (Best::Nothing, f64::NEG_INFINITY);
    for (i, holder) in holders.enumerate() {
        let (candidate, its) = match holder {
            Holder::Nothing => continue,
            Holder::Array => (Best::Plain, DEFAULT_PRIORITY),
            Holder::Scalar => (Best::Plain, SCALAR_PRIORITY),
            Holder::Wrap(priority) => (Best::Wrap(i), priority),
            Holder::Refuses(priority) => (Best::Plain, priority),
        };
        let takes = match best {
            // Even a priority of -inf or NaN will do if nothing else is there.
            Best::Nothing => true,
            Best::Plain if its == DEFAULT_PRIORITY && holder.is_object() => true,
            _ => priority < its,
        };
        if takes {
            (best, priority) = (candidate, its);
        }
    }
    match best {
        Best::Wrap(i) => Some(i),
        Best::Nothing | Best::Plain => None,
    }
}
