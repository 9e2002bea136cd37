//! DLPack's C structures, as `dlpack.h` 1.3 lays them out, and the dtypes they name. Nothing here does anything.

use pyo3::ffi;
use std::ffi::{c_char, c_int, c_void};
use ufunx::DType;

/// The version we speak: 1.0 brought flags, 1.1 to 1.3 device and dtype codes and the exchange API.
pub const VERSION: Version = Version { major: 1, minor: 3 };

/// `DLPackVersion`: another major means another layout after the deleter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

/// `DLDevice`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Device {
    pub kind: i32,
    pub id: i32,
}

impl Device {
    /// Plain memory.
    pub const CPU: Device = Device { kind: 1, id: 0 };

    /// Whether the processor reads and writes its memory as its own: plain memory, a GPU's pinned host memory, and what
    /// CUDA moves to where it is used.
    pub fn is_host(self) -> bool {
        const HOST: [i32; 4] = [Device::CPU.kind, 3, 11, 13];
        HOST.contains(&self.kind)
    }

    /// The name users know, with its number where there may be several.
    pub fn name(self) -> String {
        const NAMES: [&str; 19] = [
            "",
            "cpu",
            "cuda",
            "cuda_host",
            "opencl",
            "",
            "",
            "vulkan",
            "metal",
            "vpi",
            "rocm",
            "rocm_host",
            "ext_dev",
            "cuda_managed",
            "oneapi",
            "webgpu",
            "hexagon",
            "maia",
            "trainium",
        ];
        let name =
            usize::try_from(self.kind).ok().and_then(|kind| NAMES.get(kind)).filter(|name| !name.is_empty());
        match name {
            None => format!("device type {}, number {}", self.kind, self.id),
            Some(name) if self == Device::CPU => name.to_string(),
            Some(name) => format!("{name}:{}", self.id),
        }
    }
}

/// `DLDataType`: `bits` of all lanes' one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct DataType {
    pub code: u8,
    pub bits: u8,
    pub lanes: u16,
}

impl DataType {
    /// A dtype of ours.
    pub fn of(dtype: DType) -> DataType {
        DataType { code: dtype.dlpack_code(), bits: 8 * dtype.size() as u8, lanes: 1 }
    }

    /// The dtype of ours that is meant.
    pub fn dtype(self) -> Option<DType> {
        DType::ALL.iter().copied().find(|&dtype| DataType::of(dtype) == self)
    }

    /// The name users know, also of what is not ours: `float8_e8m0fnu`, `int4`, `float32x4`.
    pub fn name(self) -> String {
        const FLOATS: [&str; 11] = [
            "float8_e3m4",
            "float8_e4m3",
            "float8_e4m3b11fnuz",
            "float8_e4m3fn",
            "float8_e4m3fnuz",
            "float8_e5m2",
            "float8_e5m2fnuz",
            "float8_e8m0fnu",
            "float6_e2m3fn",
            "float6_e3m2fn",
            "float4_e2m1fn",
        ];
        let bits = self.bits;
        let name = match self.code {
            0 => format!("int{bits}"),
            1 => format!("uint{bits}"),
            2 => format!("float{bits}"),
            3 => "opaque handles".to_owned(),
            4 => format!("bfloat{bits}"),
            5 => format!("complex{bits}"),
            6 if bits == 8 => "bool".to_owned(),
            6 => format!("bool of {bits} bits"),
            code => match FLOATS.get(usize::from(code) - 7) {
                Some(name) => (*name).to_owned(),
                None => format!("dtype code {code} of {bits} bits"),
            },
        };
        if self.lanes == 1 { name } else { format!("{name}x{}", self.lanes) }
    }
}

/// [`DataType::code`] of complex numbers.
pub const COMPLEX: u8 = 5;

/// `DLTensor`: strides in elements.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Tensor {
    pub data: *mut c_void,
    pub device: Device,
    pub ndim: i32,
    pub dtype: DataType,
    pub shape: *mut i64,
    pub strides: *mut i64,
    pub byte_offset: u64,
}

impl Tensor {
    /// Nothing yet.
    pub const EMPTY: Tensor = Tensor {
        data: std::ptr::null_mut(),
        device: Device::CPU,
        ndim: 0,
        dtype: DataType { code: 0, bits: 0, lanes: 0 },
        shape: std::ptr::null_mut(),
        strides: std::ptr::null_mut(),
        byte_offset: 0,
    };
}

/// `DLManagedTensor`, of before 1.0.
#[repr(C)]
pub struct ManagedTensor {
    pub tensor: Tensor,
    pub manager: *mut c_void,
    pub deleter: Option<unsafe extern "C" fn(*mut ManagedTensor)>,
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
pub struct ManagedTensorVersioned {
    pub version: Version,
    pub manager: *mut c_void,
    pub deleter: Option<unsafe extern "C" fn(*mut ManagedTensorVersioned)>,
    pub flags: u64,
    pub tensor: Tensor,
}

/// Of [`ManagedTensorVersioned::flags`]: nobody may write.
pub const READ_ONLY: u64 = 1;
/// Of the same: the memory is the consumer's alone.
pub const IS_COPIED: u64 = 2;

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

/// The sizes that readers of the ABI count on (64-bit).
const _: () = {
    assert!(size_of::<Tensor>() == 48 && size_of::<ManagedTensor>() == 64);
    assert!(size_of::<ManagedTensorVersioned>() == 80 && size_of::<ExchangeApi>() == 56);
};
