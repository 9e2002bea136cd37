//! Arrays of other libraries: read in place, answered in kind.
//!
//! A call with foreign operands goes one way: `class` (which protocol) → `view` (an array over the same memory, by
//! `import` where it is DLPack's) → the call as if it had been made with arrays → `give` (the result to the library of
//! the operand that wins, by `export`). `translate` is that way, with `replace` for the arguments and `short` for small calls;
//! `minis` is for bfloat16 and float8 where NumPy must run the call after all, `refuse` words why an array cannot be read.
//! `array` is `ufunx.Array`, `table` the exchange API of that, `functions` what makes them. `abi` has DLPack's structures.

mod abi;
pub mod array;
mod class;
mod exchange;
pub mod export;
mod give;
pub mod import;
mod lent;
pub mod refuse;
pub mod table;
mod translate;
pub mod view;

pub use abi::Device;
pub use class::{Class, Exchange, class_of, has_exchange};
pub use translate::{Translated, are_arrays, call_shortly, function_on_views};
