//! ufunx: NumPy's universal functions for Rust programs.
//!
//! ```
//! use ndarray::array;
//!
//! let a = array![[0.0, 1.0], [2.0, 3.0]];
//! let y = ufunx::exp(&a)?; // typed: an Array2<f64>
//! let z = ufunx::add(&y, 1.0)?; // broadcasting
//! let total = ufunx::ufunc("add")?.reduce(&z, &Default::default())?.one(); // by name, any dtype
//! assert_eq!(total.shape(), [2]);
//! # Ok::<(), ufunx::Error>(())
//! ```
//!
//! A call goes one way: resolve (in [`registry`]) → overlap and plan ([`call`], [`plan`]) → execute ([`exec`]), each
//! stage a function of the one before; what is small takes the [`short`] way. [`kernels`] holds the functions themselves, one file per family; [`simd`] turns
//! them into machine code per ISA level.

pub use ndarray;
pub use pastey;
pub use ufunx_registry as registry;

pub mod accumulate;
mod api;
mod array;
pub mod at;
pub mod call;
pub mod cast;
mod define;
pub mod dispatch;
pub mod environment;
mod error;
pub mod exchange;
pub mod exec;
pub mod fperr;
pub mod generalized;
pub mod invoke;
pub mod kernels;
pub mod made;
pub mod mask;
pub mod memory;
pub mod operand;
pub mod outer;
pub mod overlap;
pub mod plan;
pub mod program;
pub mod reduce;
pub mod reduceat;
pub mod select;
pub mod short;
pub mod simd;
pub mod stage;
pub mod threads;
pub mod tuning;
pub mod typed;

pub use api::{Ufunc, ufunc};
pub use array::{Array, Input, Scalar, View, ViewMut};
pub use call::{CallOptions, Called};
pub use error::Error;
pub use exec::Report;
pub use generalized::CoreOptions;
pub use kernels::functions::*;
pub use operand::Order;
pub use program::Program;
pub use reduce::{Axes, Initial, ReduceOptions};
pub use registry::{Casting, DType, FpFlags, Isa, Signature, table};
pub use simd::level::{cap_isa, current_isa, detected_isa};
pub use threads::{num_threads, set_num_threads, with_threads};
