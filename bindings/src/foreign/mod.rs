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
mod export;
mod functions;
mod give;
mod import;
mod minis;
mod refuse;
mod replace;
mod short;
mod table;
mod translate;
mod view;

pub use class::has_exchange;
pub use functions::{aligned_rows, asarray, from_dlpack};
pub use minis::{stood_for, to_numpy};
pub use replace::Replaced;
pub use short::Block;
pub use translate::{Translated, call_plainly, function_on_views};
