//! What can go wrong in the registry, as data; each error also says itself in one sentence.

use crate::dtype::DType;
use crate::promote::{Casting, Typed};
use std::fmt;

/// A definition the table refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Two ufuncs claim one name or alias.
    DuplicateName {
        /// The name.
        name: &'static str,
    },
    /// A loop with other counts than the ufunc's.
    WrongArity {
        /// The ufunc.
        ufunc: &'static str,
        /// Which loop.
        index: usize,
    },
    /// Two loops with the same inputs.
    DuplicateLoop {
        /// The ufunc.
        ufunc: &'static str,
        /// Which loop.
        index: usize,
    },
    /// A core signature that cannot be read, or has other counts than the ufunc.
    BadCore {
        /// The ufunc.
        ufunc: &'static str,
        /// What is written.
        core: &'static str,
    },
    /// A loop with no code for the scalar level.
    NoKernel {
        /// The ufunc.
        ufunc: &'static str,
        /// Which loop.
        index: usize,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableError::DuplicateName { name } => write!(f, "two ufuncs are named '{name}'"),
            TableError::WrongArity { ufunc, index } => {
                write!(f, "loop {index} of '{ufunc}' has other operand counts than the ufunc")
            }
            TableError::DuplicateLoop { ufunc, index } => {
                write!(f, "loop {index} of '{ufunc}' has the inputs of an earlier one")
            }
            TableError::BadCore { ufunc, core } => {
                write!(f, "the core signature '{core}' of '{ufunc}' does not fit it")
            }
            TableError::NoKernel { ufunc, index } => {
                write!(f, "loop {index} of '{ufunc}' has no kernel for the scalar level")
            }
        }
    }
}

impl std::error::Error for TableError {}

/// Why no loop could be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// No loop takes these operands.
    NoLoop {
        /// The ufunc.
        ufunc: &'static str,
        /// The operands.
        inputs: Vec<Typed>,
    },
    /// No loop has what `dtype=` or `signature=` asked for.
    NoMatchingLoop {
        /// The ufunc.
        ufunc: &'static str,
    },
    /// Bool is refused by name, and something else is meant.
    BoolRefused {
        /// The ufunc.
        ufunc: &'static str,
        /// What to call instead.
        alternative: &'static str,
    },
    /// An input may not be cast to the loop's dtype.
    InputCast {
        /// The ufunc.
        ufunc: &'static str,
        /// Which input.
        index: usize,
        /// Whether the ufunc has other inputs.
        several: bool,
        /// From.
        from: Typed,
        /// To.
        to: DType,
        /// Under this rule.
        casting: Casting,
    },
    /// A number in a program that the dtype beside it cannot hold.
    OutOfRange {
        /// The number.
        value: i128,
        /// The dtype.
        dtype: DType,
    },
    /// A result may not be cast to the output it goes to.
    OutputCast {
        /// The ufunc.
        ufunc: &'static str,
        /// Which output.
        index: usize,
        /// Whether the ufunc has other outputs.
        several: bool,
        /// From.
        from: DType,
        /// To.
        to: DType,
        /// Under this rule.
        casting: Casting,
    },
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResolveError::NoLoop { ufunc, inputs } => {
                let names: Vec<_> = inputs.iter().map(|t| type_name(*t)).collect();
                write!(f, "ufunc '{ufunc}' did not contain a loop for ({})", names.join(", "))
            }
            ResolveError::NoMatchingLoop { ufunc } => {
                write!(f, "no loop of ufunc '{ufunc}' matches the requested signature")
            }
            ResolveError::BoolRefused { ufunc, alternative } => {
                write!(f, "ufunc '{ufunc}' does not support bool, use '{alternative}' instead")
            }
            ResolveError::InputCast { ufunc, index, several, from, to, casting } => {
                write_cast(f, ufunc, "input", *index, *several, type_name(*from), *to, *casting)
            }
            ResolveError::OutOfRange { value, dtype } => {
                write!(f, "Python integer {value} out of bounds for {dtype}")
            }
            ResolveError::OutputCast { ufunc, index, several, from, to, casting } => {
                write_cast(f, ufunc, "output", *index, *several, from.name(), *to, *casting)
            }
        }
    }
}

impl std::error::Error for ResolveError {}

fn type_name(t: Typed) -> &'static str {
    match t {
        Typed::Strong(d) => d.name(),
        Typed::Weak(weak) => weak.name(),
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one sentence")]
fn write_cast(
    f: &mut fmt::Formatter<'_>,
    ufunc: &str,
    side: &str,
    index: usize,
    several: bool,
    from: &str,
    to: DType,
    casting: Casting,
) -> fmt::Result {
    write!(f, "cannot cast ufunc '{ufunc}' {side} ")?;
    if several {
        write!(f, "{index} ")?;
    }
    write!(f, "from {from} to {to} with casting rule '{}'", casting.name())
}
