//! What can be wrong with a call, as data; `Display` says it in one sentence.

use crate::operand::MAX_DIMS;
use crate::registry::{DType, ResolveError};
use std::fmt;

/// Why a call was not made.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants' own lines say what their fields are")]
pub enum Error {
    /// No ufunc of that name is linked into the program.
    UnknownUfunc { name: String },
    /// Called one element at a time, while it computes over whole axes.
    Generalized { ufunc: &'static str },
    /// Too few or too many inputs.
    InputCount { ufunc: &'static str, expected: usize, found: usize },
    /// Too few or too many outputs.
    OutputCount { ufunc: &'static str, expected: usize, found: usize },
    /// No loop, or a cast that is not permitted.
    Resolve(ResolveError),
    /// Shapes that do not go together.
    Broadcast { shapes: Vec<Vec<usize>> },
    /// An output into which the result does not fit.
    OutputShape { found: Vec<usize>, expected: Vec<usize> },
    /// More dimensions than an array may have.
    TooManyDims { found: usize },
    /// A `where` mask of another dtype than bool.
    MaskDType { found: DType },
    /// An output two of whose elements share memory.
    OutputOverlapsItself,
    /// An integer that the loop's dtype cannot hold.
    OutOfRange { value: i128, dtype: DType },
    /// An array used as another element type than it has.
    ElementType { expected: DType, found: DType },
    /// A method that wants two inputs and one output.
    NotBinary { ufunc: &'static str, method: &'static str },
    /// An axis that is not there.
    Axis { axis: isize, ndim: usize },
    /// An axis named twice.
    DuplicateAxis { axis: usize },
    /// Several axes, for a function whose order matters.
    NotReorderable { ufunc: &'static str },
    /// Nothing to reduce, and no identity.
    EmptyReduction { ufunc: &'static str },
    /// A `where` mask may leave nothing to reduce, and there is no identity.
    MaskNeedsInitial { ufunc: &'static str },
    /// An output of a reduction with the wrong number of dimensions.
    OutputDims { ufunc: &'static str, found: usize, expected: usize },
    /// Accumulating a zero-dimensional array.
    Scalar { method: &'static str },
    /// An index past the end.
    Index { ufunc: &'static str, method: &'static str, index: isize, len: usize },
    /// Operands of `at` that do not match the indices.
    AtShape { indices: usize, values: Vec<usize> },
    /// An element that a loop refuses.
    Refused { ufunc: &'static str, why: &'static str },
    /// `at` on a binary function without values, or on a unary one with them.
    AtValues { ufunc: &'static str, needed: bool },
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Error {
        Error::Resolve(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::UnknownUfunc { name } => write!(f, "there is no ufunc named '{name}'"),
            Error::Generalized { ufunc } => write!(f, "{ufunc} computes over core axes, not by element"),
            Error::InputCount { ufunc, expected, found } => {
                write!(f, "{ufunc} takes {expected} inputs but {found} were given")
            }
            Error::OutputCount { ufunc, expected, found } => {
                write!(f, "{ufunc} has {expected} outputs but {found} were given")
            }
            Error::Resolve(error) => error.fmt(f),
            Error::Broadcast { shapes } => {
                f.write_str("operands could not be broadcast together with shapes ")?;
                for (i, shape) in shapes.iter().enumerate() {
                    write!(f, "{}{}", if i == 0 { "" } else { " " }, Tuple(shape))?;
                }
                Ok(())
            }
            Error::OutputShape { found, expected } => write!(
                f,
                "non-broadcastable output operand with shape {} doesn't match the broadcast shape {}",
                Tuple(found),
                Tuple(expected)
            ),
            Error::TooManyDims { found } => {
                write!(f, "an array of {found} dimensions is past the limit of {MAX_DIMS}")
            }
            Error::MaskDType { found } => write!(f, "the where mask must be bool, not {found}"),
            Error::OutputOverlapsItself => f.write_str("two elements of an output share memory"),
            Error::OutOfRange { value, dtype } => write!(f, "integer {value} out of bounds for {dtype}"),
            Error::ElementType { expected, found } => {
                write!(f, "the array's elements are {found}, not {expected}")
            }
            Error::NotBinary { ufunc, method } => {
                write!(
                    f,
                    "{method} needs two inputs and one output of one dtype, which {ufunc} does not have"
                )
            }
            Error::Axis { axis, ndim } => {
                write!(f, "axis {axis} is out of bounds for array of dimension {ndim}")
            }
            Error::DuplicateAxis { axis } => write!(f, "axis {axis} is named twice"),
            Error::NotReorderable { ufunc } => write!(
                f,
                "reduction operation '{ufunc}' is not reorderable, so at most one axis may be specified"
            ),
            Error::EmptyReduction { ufunc } => {
                write!(f, "zero-size array to reduction operation {ufunc} which has no identity")
            }
            Error::MaskNeedsInitial { ufunc } => write!(
                f,
                "reduction operation '{ufunc}' does not have an identity, so to use a where mask one has to \
                 specify 'initial'"
            ),
            Error::OutputDims { ufunc, found, expected } => write!(
                f,
                "output parameter for reduction operation {ufunc} has the wrong number of dimensions: Found \
                 {found} but expected {expected}"
            ),
            Error::Scalar { method } => write!(f, "cannot {method} on a scalar"),
            Error::Index { ufunc, method, index, len } => {
                write!(f, "index {index} out-of-bounds in {ufunc}.{method} [0, {len})")
            }
            Error::AtShape { indices, values } => {
                write!(f, "values of shape {} do not broadcast to {indices} indices", Tuple(values))
            }
            Error::Refused { why, .. } => f.write_str(why),
            Error::AtValues { ufunc, needed: true } => write!(f, "{ufunc}.at needs a second operand"),
            Error::AtValues { ufunc, needed: false } => write!(f, "{ufunc}.at takes no second operand"),
        }
    }
}

impl std::error::Error for Error {}

/// A shape as Python writes it.
struct Tuple<'a>(&'a [usize]);

impl fmt::Display for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(usize::to_string).collect();
        match parts.as_slice() {
            [one] => write!(f, "({one},)"),
            _ => write!(f, "({})", parts.join(",")),
        }
    }
}
