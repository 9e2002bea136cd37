//! A DLPack tensor with every field free: what is read of it is what plain arithmetic on wide integers says, or it is refused
//! for a reason that holds. What was taken is planned, so that no later product of lengths and strides overflows either.

use super::Bytes;
use std::ffi::c_void;
use ufunx::call::Prepared;
use ufunx::exchange::Refused;
use ufunx::exchange::dlpack::{
    DataType, Device, ManagedTensor, ManagedTensorVersioned, Tensor, VERSION, Version,
};
use ufunx::operand::{MAX_DIMS, Operand, Order};
use ufunx::overlap::{may_overlap, overlaps_itself};
use ufunx::registry::{DType, UfuncDef};

// Long, as a tensor is made, field by field, and judged in one go.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let versioned = bytes.one_in(2);
    let version = match bytes.one_in(8) {
        true => Version { major: bytes.u8().into(), minor: bytes.u8().into() },
        false => VERSION,
    };
    let flags = if bytes.one_in(4) { bytes.u64() } else { bytes.below(8) as u64 };
    let device = match bytes.one_in(4) {
        true => Device { kind: bytes.i64() as i32, id: bytes.i64() as i32 },
        false => Device::CPU,
    };
    let dtype = match bytes.one_in(4) {
        true => DataType { code: bytes.u8(), bits: bytes.u8(), lanes: bytes.u8().into() },
        false => DataType::of(bytes.pick(DType::ALL)),
    };
    let ndim = if bytes.one_in(8) { bytes.i64() as i32 } else { bytes.below(MAX_DIMS / 8) as i32 };
    // As many as the tensor says, so that one more would be past the end; none are read of more than are possible.
    let axes = usize::try_from(ndim).map_or(0, |n| n.min(MAX_DIMS));
    let address = match bytes.below(4) {
        0 => 0,
        1 => bytes.u64() as usize,
        _ => 0x10000 + usize::from(bytes.u8()),
    };
    let byte_offset = if bytes.one_in(4) { bytes.u64() } else { 0 };
    let nulls = if bytes.one_in(4) { bytes.u8() } else { 2 };
    let mut shape: Vec<i64> = (0..axes).map(|_| bytes.i64()).collect();
    let mut strides: Vec<i64> = (0..axes).map(|_| bytes.i64()).collect();
    let or_null =
        |list: &mut Vec<i64>, null: bool| if null { std::ptr::null_mut() } else { list.as_mut_ptr() };
    let tensor = Tensor {
        data: std::ptr::without_provenance_mut::<c_void>(address),
        device,
        ndim,
        dtype,
        shape: or_null(&mut shape, nulls & 1 == 1),
        strides: or_null(&mut strides, nulls & 2 == 0),
        byte_offset,
    };
    let (has_shape, has_strides) = (!tensor.shape.is_null(), !tensor.strides.is_null());
    // SAFETY: lengths and strides are as many as the tensor says, as far as it may be believed.
    let found = unsafe {
        match versioned {
            true => ManagedTensorVersioned::read(&ManagedTensorVersioned {
                version,
                manager: std::ptr::null_mut(),
                deleter: None,
                flags,
                tensor,
            }),
            false => {
                let managed = ManagedTensor { tensor, manager: std::ptr::null_mut(), deleter: None };
                managed.read().map(|operand| (operand, false))
            }
        }
    };
    let said = Said { shape: &shape, strides: &strides, has_shape, has_strides };
    match found {
        Ok((operand, writable)) => {
            assert_eq!(writable, versioned && flags & 1 == 0);
            assert!(!versioned || version.major == VERSION.major);
            assert!(device.is_host() && DataType::of(operand.dtype) == dtype);
            said.check(&tensor, &operand);
            plan(&operand);
        }
        Err(refused) => assert!(holds(refused, &tensor, &said, versioned.then_some(version)), "{refused:?}"),
    }
    // Whatever it is, it has a name.
    assert!(!dtype.name().is_empty() && !device.name().is_empty());
}

/// The lists of a tensor, and whether it names them.
struct Said<'a> {
    shape: &'a [i64],
    strides: &'a [i64],
    has_shape: bool,
    has_strides: bool,
}

impl Said<'_> {
    fn is_empty(&self) -> bool {
        self.has_shape && self.shape.contains(&0)
    }

    /// Byte strides, wide.
    fn steps(&self, size: i128) -> Vec<i128> {
        match self.has_strides && !self.is_empty() {
            true => self.strides.iter().map(|&s| i128::from(s) * size).collect(),
            false => (0..self.shape.len())
                .map(|i| {
                    self.shape[i + 1..].iter().fold(size, |step, &n| step.saturating_mul(n.max(1).into()))
                })
                .collect(),
        }
    }

    /// Whether every distance fits an `isize`, so does the size of as many elements side by side, and no address wraps.
    fn fits(&self, tensor: &Tensor, size: i128) -> bool {
        let start = tensor.data.addr() as i128 + i128::from(tensor.byte_offset);
        const MOST: i128 = isize::MAX as i128;
        let bytes = self.shape.iter().fold(size, |bytes, &n| bytes.saturating_mul(n.max(1).into()));
        let reach = |forwards: bool| {
            let axes =
                self.shape.iter().zip(self.steps(size)).filter(|(n, s)| **n > 1 && (*s > 0) == forwards);
            axes.fold(0i128, |sum, (&n, s)| sum.saturating_add(s.saturating_mul(i128::from(n) - 1)))
        };
        let steps_fit = |n: i64, s: i128| n < 2 || i64::try_from(s).is_ok();
        bytes <= MOST
            && (self.is_empty()
                || (reach(true) + size <= MOST
                    && start + reach(true) + size <= usize::MAX as i128
                    && start + reach(false) >= 0
                    && reach(false) >= -MOST - 1
                    && self.shape.iter().zip(self.steps(size)).all(|(&n, s)| steps_fit(n, s))))
    }

    /// Whether the operand is what was said.
    fn check(&self, tensor: &Tensor, operand: &Operand) {
        let size = operand.dtype.size() as i128;
        assert!(self.fits(tensor, size), "{operand:?}");
        assert_eq!(operand.shape.len(), tensor.ndim as usize);
        for (i, (&n, step)) in self.shape.iter().zip(self.steps(size)).enumerate() {
            assert_eq!(operand.shape[i] as i64, n);
            assert!(n == 1 || operand.strides[i] as i128 == step, "{operand:?}");
        }
        if !self.is_empty() || !tensor.data.is_null() {
            assert_eq!(operand.ptr.addr(), tensor.data.addr().wrapping_add(tensor.byte_offset as usize));
            assert!(!tensor.data.is_null());
        }
    }
}

/// Whether a tensor has what it is refused for.
fn holds(refused: Refused, tensor: &Tensor, said: &Said<'_>, version: Option<Version>) -> bool {
    let size = tensor.dtype.dtype().map_or(0, DType::size) as i128;
    match refused {
        Refused::Version(found) => version == Some(found) && found.major != VERSION.major,
        Refused::Device(found) => found == tensor.device && !found.is_host(),
        Refused::DType(found) => found == tensor.dtype && found.dtype().is_none(),
        Refused::Dimensions(n) => n == tensor.ndim && !(0..=MAX_DIMS as i32).contains(&n),
        Refused::NoLengths(n) => n == tensor.ndim as usize && n > 0 && !said.has_shape,
        Refused::Length(n) => n < 0 && said.shape.contains(&n),
        Refused::TooLarge => !said.fits(tensor, size) || isize::try_from(tensor.byte_offset).is_err(),
        Refused::NoMemory => tensor.data.is_null() && !said.is_empty(),
    }
}

/// Plans a call on it, without touching any memory.
fn plan(operand: &Operand) {
    let def: &'static UfuncDef = match ufunx::table().get("negative") {
        Some(def) if operand.dtype != DType::Bool => def,
        _ => return,
    };
    let Some(l) = def.loop_for(&[operand.dtype]) else { return };
    let _ = (operand.extent(), overlaps_itself(operand), may_overlap(operand, operand), operand.is_aligned());
    let nowhere = std::ptr::without_provenance_mut(64);
    let inputs = [operand];
    if let Ok(prepared) = Prepared::new(def, l, &inputs, &[None], None, Order::K) {
        let planned = prepared.plan(|_, _, _, _| Ok::<_, ufunx::Error>(nowhere));
        assert_eq!(planned.map(|planned| planned.plan.total), Ok(operand.len()));
    }
}
