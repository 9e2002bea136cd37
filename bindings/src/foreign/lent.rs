//! Memory for the short way of small calls, which is a third faster without the two objects NumPy would make: heads of
//! arrays that lie on the stack, and results that are their own DLPack tensors.

use super::abi::{DataType, Device, ManagedTensorVersioned, Tensor, VERSION};
use crate::python::memory::Raised;
use crate::python::numpy_api::NumPy;
use crate::results::fresh::Fresh;
use pyo3::prelude::*;
use ufunx::operand::checked_bytes;
use ufunx::short::head::{Head, Lies};
use ufunx::short::walk::{MOST_AXES, PerAxis};
use ufunx::{DType, memory};

/// What lies behind a head over memory that is lent: a tensor's lengths and byte strides.
#[derive(Default)]
pub struct Extent {
    lengths: PerAxis<usize>,
    strides: PerAxis<isize>,
}

impl Extent {
    /// The head over a tensor's memory; `None` for a tensor that needs a closer look.
    ///
    /// # Safety
    /// Lengths and strides are as many as the tensor says.
    #[inline]
    pub unsafe fn head_over(&mut self, tensor: &Tensor) -> Option<Head<'_>> {
        // A small call has no more; above, sizes could overflow.
        const MOST_LENGTH: i64 = 1 << 20;
        let dtype = tensor.dtype.dtype()?;
        let nd = usize::try_from(tensor.ndim).ok().filter(|&nd| nd <= MOST_AXES)?;
        let null = tensor.shape.is_null() || tensor.strides.is_null();
        if tensor.device != Device::CPU
            || tensor.data.is_null()
            || (nd > 0 && null)
            || tensor.byte_offset != 0
        {
            return None;
        }
        let size = dtype.size() as i64;
        for i in 0..nd {
            // SAFETY: the caller's promise.
            let (length, stride) = unsafe { (*tensor.shape.add(i), *tensor.strides.add(i)) };
            if !(1..=MOST_LENGTH).contains(&length) || stride.unsigned_abs() > MOST_LENGTH as u64 {
                return None;
            }
            (self.lengths[i], self.strides[i]) = (length as usize, (stride * size) as isize);
        }
        let (dims, strides) = (&self.lengths[..nd], &self.strides[..nd]);
        let lies = Lies::of(tensor.data.cast(), dtype, dims, strides);
        Some(Head { ptr: tensor.data.cast(), dims, strides, dtype, lies })
    }
}

/// A new tensor with its memory in one block, not yet given away.
pub struct Block(*mut ManagedTensorVersioned);

/// What the address of the elements is a multiple of: a cache line. Not asked of the allocator, whose aligned blocks cost
/// 100 ns more (glibc 2.36) as no thread keeps freed ones.
const ALIGNMENT: usize = 64;
/// Room for the tensor and its lengths and strides.
const HEAD: usize = size_of::<ManagedTensorVersioned>() + 16 * MOST_AXES;

impl Block {
    /// Elements of the loop's dtype, with byte strides or as rows; and where they are.
    pub fn new(dtype: DType, shape: &[usize], strides: Option<&[isize]>) -> PyResult<(Block, *mut u8)> {
        let bytes = checked_bytes(shape, dtype.size()).map_err(Raised::from)?;
        let out_of_memory = |_| ufunx::Error::OutOfMemory { dtype, shape: shape.into() };
        let words = (bytes + HEAD + ALIGNMENT).div_ceil(size_of::<u128>());
        let mut room = memory::list::<u128>(words, dtype).map_err(out_of_memory).map_err(Raised::from)?;
        let (start, capacity) = (room.as_mut_ptr().cast::<u8>(), room.capacity());
        std::mem::forget(room); // until `free`
        // SAFETY: the block has room for the tensor and, after it, for two numbers an axis.
        unsafe {
            let data = start.add(HEAD).map_addr(|address| address.next_multiple_of(ALIGNMENT));
            let managed = start.cast::<ManagedTensorVersioned>();
            let axes = managed.add(1).cast::<i64>();
            let nd = shape.len();
            let mut row = 1;
            for i in (0..nd).rev() {
                *axes.add(i) = shape[i] as i64;
                *axes.add(nd + i) = strides.map_or(row, |strides| strides[i] as i64 / dtype.size() as i64);
                row *= shape[i] as i64;
            }
            let tensor = Tensor {
                data: data.cast(),
                device: Device::CPU,
                ndim: nd as i32,
                dtype: DataType::of(dtype),
                shape: axes,
                strides: axes.add(nd),
                byte_offset: 0,
            };
            managed.write(ManagedTensorVersioned {
                version: VERSION,
                manager: std::ptr::without_provenance_mut(capacity),
                deleter: Some(free),
                flags: 0,
                tensor,
            });
            Ok((Block(managed), data))
        }
    }

    /// The tensor, for whoever calls its deleter.
    pub fn into_tensor(self) -> *mut ManagedTensorVersioned {
        let tensor = self.0;
        std::mem::forget(self);
        tensor
    }
}

/// Results as tensors for whoever takes them.
pub struct Tensors;

impl<'py> Fresh<'py> for Tensors {
    type Made = Block;

    #[inline]
    fn make(
        _: Python<'py>,
        _: &NumPy,
        dtype: DType,
        shape: &[usize],
        strides: Option<&[isize]>,
    ) -> PyResult<(Block, *mut u8)> {
        Block::new(dtype, shape, strides)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: not given away.
        unsafe { free(self.0) }
    }
}

/// The deleter: plain memory, which any thread may give back.
unsafe extern "C" fn free(managed: *mut ManagedTensorVersioned) {
    if managed.is_null() {
        return;
    }
    // SAFETY: `Block::new` made it, at the start of a list with this much room.
    unsafe {
        let capacity = (*managed).manager.addr();
        drop(Vec::from_raw_parts(managed.cast::<u128>(), 0, capacity));
    }
}

// It lies at the start of a list of these.
const _: () = assert!(align_of::<ManagedTensorVersioned>() <= align_of::<u128>());
