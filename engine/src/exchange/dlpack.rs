//! DLPack's C structures, as `dlpack.h` 1.3 lays them out, and what a tensor of others says, checked before it is believed.

#![allow(missing_docs, reason = "the fields are the C header's")]

use super::Refused;
use crate::operand::{MAX_DIMS, Operand, Shape, Strides};
use crate::registry::DType;
use std::ffi::c_void;

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
    /// A dtype of ours; one that DLPack has no code for is opaque.
    pub fn of(dtype: DType) -> DataType {
        let code = dtype.dlpack_code().unwrap_or(OPAQUE);
        DataType { code, bits: 8 * dtype.size() as u8, lanes: 1 }
    }

    /// The dtype of ours that is meant.
    pub fn dtype(self) -> Option<DType> {
        let known = DType::ALL.iter().copied().filter(|dtype| dtype.dlpack_code().is_some());
        known.into_iter().find(|&dtype| DataType::of(dtype) == self)
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

/// [`DataType::code`] of what only its owner can read.
const OPAQUE: u8 = 3;

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

impl Tensor {
    /// The memory as an operand. No product of lengths and strides of it overflows, the distance in bytes from the first to
    /// any other element is an `isize`, no address wraps, and memory that has no elements may be anywhere.
    ///
    /// # Safety
    /// Lengths and strides, where they are not null, are as many as the tensor says.
    pub unsafe fn read(&self) -> Result<Operand, Refused> {
        if !self.device.is_host() {
            return Err(Refused::Device(self.device));
        }
        let dtype = self.dtype.dtype().ok_or(Refused::DType(self.dtype))?;
        let nd = usize::try_from(self.ndim).ok().filter(|&nd| nd <= MAX_DIMS);
        let nd = nd.ok_or(Refused::Dimensions(self.ndim))?;
        if nd > 0 && self.shape.is_null() {
            return Err(Refused::NoLengths(nd));
        }
        let size = dtype.size() as isize;
        let mut shape = Shape::new();
        for i in 0..nd {
            // SAFETY: the caller's promise.
            let n = unsafe { self.shape.add(i).read_unaligned() };
            shape.push(usize::try_from(n).map_err(|_| Refused::Length(n))?);
        }
        let mut strides: Strides = smallvec::smallvec![size; nd];
        let mut bytes = size;
        for i in (0..nd).rev() {
            strides[i] = bytes;
            // NumPy wants that of arrays without elements too.
            bytes = bytes.checked_mul(shape[i].max(1) as isize).ok_or(Refused::TooLarge)?;
        }
        let offset = isize::try_from(self.byte_offset).map_err(|_| Refused::TooLarge)?;
        let mut ptr: *mut u8 = self.data.wrapping_byte_offset(offset).cast();
        if shape.contains(&0) {
            // NumPy takes no address for a wish to allocate.
            if self.data.is_null() {
                ptr = std::ptr::dangling_mut::<u128>().cast();
            }
            return Ok(Operand { ptr, dtype, shape, strides });
        }
        // From the first element to the furthest ones before and after it.
        let (mut before, mut after) = (0isize, bytes);
        if !self.strides.is_null() {
            after = size;
            for i in 0..nd {
                // SAFETY: the caller's promise.
                let stride = unsafe { self.strides.add(i).read_unaligned() } as isize;
                if shape[i] == 1 {
                    strides[i] = stride.wrapping_mul(size); // it leads nowhere
                    continue;
                }
                strides[i] = stride.checked_mul(size).ok_or(Refused::TooLarge)?;
                let span = strides[i].checked_mul(shape[i] as isize - 1).ok_or(Refused::TooLarge)?;
                let reach = if span < 0 { &mut before } else { &mut after };
                *reach = reach.checked_add(span).ok_or(Refused::TooLarge)?;
            }
        }
        if self.data.is_null() {
            return Err(Refused::NoMemory);
        }
        let ends = ptr.addr().checked_add_signed(before).and(ptr.addr().checked_add_signed(after));
        if ptr.addr().checked_sub(self.byte_offset as usize).is_none() || ends.is_none() {
            return Err(Refused::TooLarge);
        }
        Ok(Operand { ptr, dtype, shape, strides })
    }
}

impl ManagedTensor {
    /// The memory; a tensor of before 1.0 cannot say whether it may be written to.
    ///
    /// # Safety
    /// As [`Tensor::read`].
    pub unsafe fn read(&self) -> Result<Operand, Refused> {
        // SAFETY: the caller's promise.
        unsafe { self.tensor.read() }
    }
}

impl ManagedTensorVersioned {
    /// The memory, and whether it may be written to.
    ///
    /// # Safety
    /// A tensor that lives; of another major version only what comes before the flags is looked at. Otherwise as
    /// [`Tensor::read`].
    pub unsafe fn read(managed: *const ManagedTensorVersioned) -> Result<(Operand, bool), Refused> {
        // SAFETY: the caller's promise.
        unsafe {
            let version = (*managed).version;
            if version.major != VERSION.major {
                return Err(Refused::Version(version));
            }
            Ok(((*managed).tensor.read()?, (*managed).flags & READ_ONLY == 0))
        }
    }
}

/// The sizes that readers of the ABI count on (64-bit).
const _: () = {
    assert!(size_of::<Tensor>() == 48 && size_of::<ManagedTensor>() == 64);
    assert!(size_of::<ManagedTensorVersioned>() == 80);
};
