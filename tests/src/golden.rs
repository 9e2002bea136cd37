//! The golden data in `tests/data`: what NumPy answers. `tests/golden/make.py` writes the files and documents them.

use std::path::PathBuf;
use ufunx::registry::{DType, Typed, Weak};

/// The lines of a file as lists of cells, without the header.
///
/// # Panics
/// If the file is not there.
pub fn rows(file: &str) -> Vec<Vec<String>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data").join(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => panic!("{}: {error}; tests/golden/make.py writes it", path.display()),
    };
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// A dtype's name, or `int`, `float` and `complex` for weak scalars.
///
/// # Panics
/// If it is neither.
pub fn typed(name: &str) -> Typed {
    match name {
        "int" => Typed::Weak(Weak::Int),
        "float" => Typed::Weak(Weak::Float),
        "complex" => Typed::Weak(Weak::Complex),
        name => Typed::Strong(dtype(name)),
    }
}

/// The dtype of that name.
///
/// # Panics
/// If there is none.
pub fn dtype(name: &str) -> DType {
    DType::from_name(name).unwrap_or_else(|| panic!("{name} is no dtype"))
}

/// A cell of `edge_values.csv` without its doubt mark, and whether it had one.
pub fn doubtful(cell: &str) -> (&str, bool) {
    match cell.strip_suffix('?') {
        Some(cell) => (cell, true),
        None => (cell, false),
    }
}
