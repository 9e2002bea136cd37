//! The element formats of buffers: any text and any size of an element.

use super::Bytes;
use ufunx::exchange::buffer::element;
use ufunx::registry::{DType, Kind};

/// What the `struct` module says of each character: its kind, whether it is signed, and its size on this machine.
const CHARACTERS: [(&str, Kind, bool); 17] = [
    ("?", Kind::Bool, false),
    ("b", Kind::Int, true),
    ("B", Kind::Int, false),
    ("h", Kind::Int, true),
    ("H", Kind::Int, false),
    ("i", Kind::Int, true),
    ("I", Kind::Int, false),
    ("l", Kind::Int, true),
    ("L", Kind::Int, false),
    ("q", Kind::Int, true),
    ("Q", Kind::Int, false),
    ("n", Kind::Int, true),
    ("N", Kind::Int, false),
    ("e", Kind::Float, true),
    ("f", Kind::Float, true),
    ("d", Kind::Float, true),
    ("Z", Kind::Complex, true),
];

pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let itemsize = bytes.i64() as isize;
    let Ok(format) = std::str::from_utf8(bytes.0) else { return };
    let found = element(format, itemsize);
    let bare = format.strip_prefix(['@', '=', '<']).unwrap_or(format);
    let first = bare.get(..1).and_then(|first| CHARACTERS.iter().find(|row| row.0 == first));
    let meant = first.filter(|row| match row.1 {
        Kind::Complex => matches!(bare, "Zf" | "Zd"),
        _ => bare.len() == 1,
    });
    let fits = |dtype: &DType| {
        meant.is_some_and(|&(_, kind, signed)| {
            dtype.kind() == kind
                && dtype.size() as isize == itemsize
                && (kind != Kind::Int || dtype.is_signed() == signed)
                && !matches!(dtype, DType::BF16 | DType::F8E4M3FN | DType::F8E5M2)
        })
    };
    assert_eq!(found, DType::ALL.iter().copied().find(fits), "{format:?} of {itemsize} bytes");
}
