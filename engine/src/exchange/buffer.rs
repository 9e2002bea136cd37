//! The element formats of Python's buffer protocol: those of one number, as the `struct` module spells them.

use crate::registry::{DType, Kind};

/// The dtype of a buffer's elements, each of `itemsize` bytes; `None` where it is none that NumPy has too.
pub fn element(format: &str, itemsize: isize) -> Option<DType> {
    let native = if cfg!(target_endian = "little") { '<' } else { '>' };
    let format = format.strip_prefix(['@', '=', native]).unwrap_or(format);
    let kind = match format {
        "?" => Kind::Bool,
        "b" | "h" | "i" | "l" | "q" | "n" | "B" | "H" | "I" | "L" | "Q" | "N" => Kind::Int,
        "e" | "f" | "d" => Kind::Float,
        "Zf" | "Zd" => Kind::Complex,
        _ => return None,
    };
    let signed = format.chars().all(char::is_lowercase);
    DType::ALL.iter().copied().find(|d| {
        d.numpy_number().is_some()
            && d.kind() == kind
            && d.size() as isize == itemsize
            && (kind != Kind::Int || d.is_signed() == signed)
    })
}
