//! What can be wrong with a call, as data; `Display` says it in one sentence.

use crate::operand::{MAX_DIMS, Shape};
use crate::registry::{DType, ResolveError};
use std::fmt;

/// Why a call was not made.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants' own lines say what their fields are")]
pub enum Error {
    /// A variable of the environment that cannot be meant so.
    Environment { variable: &'static str, value: String, expected: &'static str },
    /// No ufunc of that name is linked into the program.
    UnknownUfunc { name: String },
    /// Asked for what only ufuncs have that compute one element at a time.
    Generalized { ufunc: &'static str },
    /// An operand of fewer dimensions than it has core axes.
    CoreDims {
        ufunc: &'static str,
        output: bool,
        index: usize,
        found: usize,
        required: usize,
        signature: &'static str,
    },
    /// A core axis of another length than the same one of another operand.
    CoreLength {
        ufunc: &'static str,
        output: bool,
        index: usize,
        dimension: usize,
        found: usize,
        expected: usize,
        signature: &'static str,
    },
    /// Core axes that cannot be where the call says.
    CoreAxes { ufunc: &'static str, why: &'static str },
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
    /// More elements than memory could hold.
    TooLarge { shape: Shape },
    /// No memory for as much as an operand.
    OutOfMemory { dtype: DType, shape: Shape },
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

// A sentence for each error, however many lines that takes.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Environment { variable, value, expected } => {
                write!(f, "{variable} is '{value}', it must be {expected}")
            }
            Error::UnknownUfunc { name } => write!(f, "there is no ufunc named '{name}'"),
            Error::Generalized { ufunc } => write!(f, "{ufunc} computes over core axes, not by element"),
            Error::CoreDims { ufunc, output, index, found, required, signature } => write!(
                f,
                "{ufunc}: {} operand {index} does not have enough dimensions (has {found}, gufunc core with signature \
                 {signature} requires {required})",
                side(*output)
            ),
            Error::CoreLength { ufunc, output, index, dimension, found, expected, signature } => write!(
                f,
                "{ufunc}: {} operand {index} has a mismatch in its core dimension {dimension}, with gufunc signature \
                 {signature} (size {found} is different from {expected})",
                side(*output)
            ),
            Error::CoreAxes { ufunc, why } => write!(f, "{ufunc}: {why}"),
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
            Error::TooLarge { shape } => {
                write!(f, "an array of shape {} is larger than memory can be", Tuple(shape))
            }
            Error::OutOfMemory { dtype, shape } => {
                let bytes = shape.iter().fold(dtype.size() as f64, |bytes, &n| bytes * n as f64);
                let (size, shape) = (BinarySize(bytes), Spaced(shape));
                write!(f, "Unable to allocate {size} for an array with shape {shape} and data type {dtype}")
            }
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

fn side(output: bool) -> &'static str {
    if output { "Output" } else { "Input" }
}

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

/// A shape as Python's `repr` has it.
struct Spaced<'a>(&'a [usize]);

impl fmt::Display for Spaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [one] => write!(f, "({one},)"),
            all => write!(f, "({})", all.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// A number of bytes as NumPy's `_ArrayMemoryError` says it: three digits, and no fewer before the point.
struct BinarySize(f64);

impl fmt::Display for BinarySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let (mut n, mut unit) = (self.0, 0);
        while unit + 1 < UNITS.len() && n.round_ties_even() >= 1024.0 {
            (n, unit) = (n / 1024.0, unit + 1);
        }
        let digits = match n.round_ties_even() {
            _ if unit == 0 => return write!(f, "{n:.0} bytes"),
            whole if whole >= 1000.0 => 0,
            _ => (2 - n.log10().floor() as i32).clamp(0, 2) as usize,
        };
        // 9.996 has three digits as 10.0, not as 10.00.
        let digits = if digits > 0 && format!("{n:.digits$}").len() > 4 { digits - 1 } else { digits };
        // Python's `#` keeps the point.
        write!(f, "{n:.digits$}{} {}", if digits == 0 { "." } else { "" }, UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `numpy._core._exceptions._ArrayMemoryError._size_to_string` says them.
    #[test]
    fn sizes_are_numpys() {
        let k = 1024f64;
        for (bytes, text) in [
            (1.0, "1 bytes"),
            (1023.0, "1023 bytes"),
            (k, "1.00 KiB"),
            (9.996 * k, "10.0 KiB"),
            (99.96 * k, "100. KiB"),
            (381.47 * k * k, "381. MiB"),
            (1000.0 * k, "1000. KiB"),
            (1023.7 * k, "1.00 MiB"),
            (8e9, "7.45 GiB"),
            (4096.0 * k.powi(6), "4096. EiB"),
        ] {
            assert_eq!(BinarySize(bytes).to_string(), text);
        }
    }
}
