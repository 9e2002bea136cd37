//! What other libraries say of their memory, read and checked: DLPack tensors and the element formats of buffers. Nothing of
//! it depends on Python; the bindings get the structures from Python's objects, and have the prose.

pub mod buffer;
pub mod dlpack;

use dlpack::{DataType, Device, Version};

/// Why memory cannot be an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is laid out as another major version says.
    Version(Version),
    /// The processor does not reach it.
    Device(Device),
    /// Elements of no dtype of ours.
    DType(DataType),
    /// A number of dimensions that no array has.
    Dimensions(i32),
    /// Dimensions without their lengths.
    NoLengths(usize),
    /// A length below 0.
    Length(i64),
    /// More bytes than addresses, or strides that lead past them.
    TooLarge,
    /// Elements, but no memory.
    NoMemory,
}
