//! What Python sees of `ufunx.Array`, whose making is `foreign::array`'s: `attributes`, `convert` has other dtypes and numbers,
//! `display` its text, `index` elements and parts, `operators` arithmetic, `protocols` NumPy's ufuncs and functions, `share`
//! the ways its memory gets out.

mod attributes;
mod convert;
mod display;
mod index;
mod operators;
mod protocols;
mod share;

pub use convert::{cast, dtype_argument};
