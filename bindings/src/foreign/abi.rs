//! DLPack's C exchange API, as `dlpack.h` 1.3 lays it out. The tensors themselves are the engine's to read.

use pyo3::ffi;
use std::ffi::{c_char, c_int, c_void};
pub use ufunx::exchange::dlpack::*;

/// Sets the error of an exchange function that is not Python's.
pub type SetError = unsafe extern "C" fn(context: *mut c_void, kind: *const c_char, message: *const c_char);

/// `DLPackExchangeAPIHeader`.
#[repr(C)]
pub struct ExchangeHeader {
    pub version: Version,
    /// The table of an older version, or null.
    pub previous: *mut ExchangeHeader,
}

/// `DLPackExchangeAPI`: a type's functions for its objects, which return 0, or -1 with a Python error set.
#[repr(C)]
pub struct ExchangeApi {
    pub header: ExchangeHeader,
    pub allocate: Option<
        unsafe extern "C" fn(*mut Tensor, *mut *mut ManagedTensorVersioned, *mut c_void, SetError) -> c_int,
    >,
    pub from_object:
        Option<unsafe extern "C" fn(*mut ffi::PyObject, *mut *mut ManagedTensorVersioned) -> c_int>,
    /// Takes the tensor over.
    pub to_object:
        Option<unsafe extern "C" fn(*mut ManagedTensorVersioned, *mut *mut ffi::PyObject) -> c_int>,
    /// The memory is the object's: good until the control returns to it. May be null.
    pub borrow: Option<unsafe extern "C" fn(*mut ffi::PyObject, *mut Tensor) -> c_int>,
    pub current_stream: Option<unsafe extern "C" fn(i32, i32, *mut *mut c_void) -> c_int>,
}

/// The size that readers of the ABI count on (64-bit).
const _: () = assert!(size_of::<ExchangeApi>() == 56);
