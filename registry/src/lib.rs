//! What a ufunc is.
//!
//! Vocabulary, one word per idea: a **ufunc** is a named function with its **loops**; a *loop* is one signature of it
//! (`dd->d`); a **kernel** is the machine code of a loop at one ISA level; an **operand** is an input or an output.
//!
//! This crate knows names, dtypes, signatures and promotion; it runs nothing. Any crate may define ufuncs and
//! [`submit!`] them; they meet in one sorted, checked [`table()`]. [`resolve()`] picks the loop for the operands of a call.

#![forbid(unsafe_code)]

pub mod abi;
pub mod code;
pub mod core;
mod define;
pub mod derive;
pub mod dtype;
pub mod element;
pub mod error;
pub mod intern;
pub mod promote;
pub mod resolve;
pub mod signature;
pub mod table;
pub mod ufunc;

pub use self::core::{CoreAxis, CoreError, CoreSignature};
pub use abi::{
    BlockFn, CoreFn, Cores, FoldFn, FpFlags, Indexed, IndexedFn, Isa, ScanFn, Segments, SegmentsFn, StridedFn,
};
pub use code::{ByIsa, Code, Kernels, Object, ObjectFn};
pub use derive::{Derive, Derived};
pub use dtype::{Class, DType, Kind, LONG_LONG};
pub use element::{B8, DateTime64, Element, F8E4M3FN, F8E5M2, NOT_A_TIME, TimeDelta64, UserElement};
pub use error::{ResolveError, TableError};
pub use half::{bf16, f16};
pub use num_complex::{Complex, Complex32, Complex64};
pub use promote::{Casting, Typed, Weak, can_cast, can_cast_typed, promote, promote_all};
pub use resolve::{Request, resolve, resolve_reduction};
pub use signature::{Signature, SignatureError};
pub use table::{Table, table};
pub use ufunc::{
    Accuracy, BoolRule, Cost, FoldOrder, FpReport, Identity, LoopDef, ReduceRule, Registration, UfuncDef,
};

#[doc(hidden)]
pub use inventory;
