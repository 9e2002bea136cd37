//! The short way of `mean`, `var` and `std`: small contiguous arrays as a whole, which only numbers take that raise no flag.

use super::moments::{Divisor, Moment, Moments};
use super::native::Ufuncs;
use crate::python::entry::count_native;
use crate::python::object::{Object, Returned, exact_tuple, is_false};
use crate::results::scalar::scalar;
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS};
use pyo3::prelude::*;
use ufunx::cast::cast_block;
use ufunx::invoke::{call_contiguous, call_strided, with_scratch};
use ufunx::registry::Kind;
use ufunx::tuning::BLOCK;
use ufunx::{DType, FpFlags};

/// The most elements that take the short way: one block of scratch each for the casts and both steps.
const SHORT: usize = BLOCK;

impl<'py> Moments<'_, 'py> {
    /// The short way: all of a small contiguous array, of bools, integers, f32 or f64. Whatever raises a flag, or is not a
    /// normal number in the end, takes the other way.
    ///
    /// # Safety
    /// Nobody's code has run since the arguments were read.
    pub unsafe fn short(&self, moment: Moment, divisor: Option<Divisor>) -> Option<Returned<'py>> {
        const PLAIN: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        let whole = self.axis.is_none() || (self.array.nd() == 1 && !is_empty_tuple(self.axis));
        let defaults = self.given_dtype.is_none() && self.out.is_none() && is_false(self.keepdims);
        if !whole || !defaults || self.count > SHORT || self.array.flags() & PLAIN != PLAIN {
            return None;
        }
        let computed = match (self.dtype, self.dtype.kind()) {
            (DType::F32 | DType::F64, _) => self.dtype,
            (_, Kind::Float) => return None,
            _ => DType::F64,
        };
        let divisor = divisor.map_or(self.count as f64, Divisor::value);
        // SAFETY: `count` elements, all of the array's, as the caller promises.
        let value = unsafe { self.short_value(self.array.data(), computed, moment, divisor) }?;
        let mut bits = bits(value, computed);
        count_native();
        // SAFETY: an element of that dtype.
        Some(unsafe { scalar(self.py, self.np, computed, (&raw mut bits).cast()) })
    }

    /// The value, in the computed dtype.
    ///
    /// # Safety
    /// `data` is all of the array's elements.
    unsafe fn short_value(
        &self,
        data: *mut u8,
        computed: DType,
        moment: Moment,
        divisor: f64,
    ) -> Option<f64> {
        let n = self.count;
        let isa = ufunx::current_isa();
        let room = SHORT * 8;
        with_scratch(3 * room, |scratch| {
            let [cast, deviations, squares] =
                [scratch, scratch.wrapping_add(room), scratch.wrapping_add(2 * room)];
            // SAFETY: `n` elements each, apart, aligned to 16; loops of that dtype.
            unsafe {
                let mut x = data;
                if self.dtype != computed {
                    // Integers are cast without a flag.
                    cast_block(self.dtype, computed, data, cast, n, isa);
                    x = cast;
                }
                let mean = quotient(self.sum(computed, x)?, n as f64, computed)?;
                if moment == Moment::Mean {
                    return Some(mean);
                }
                let mut cell = bits(mean, computed);
                let size = computed.size() as isize;
                let subtract = Ufuncs::inner(self.py, &self.ufuncs.subtract).short.find([computed; 2])?;
                let args = [x, (&raw mut cell).cast(), deviations];
                let mut flags = call_strided(subtract, &args, n, &[size, 0, size]);
                let square = Ufuncs::inner(self.py, &self.ufuncs.square).short.find([computed; 2])?;
                flags |= call_contiguous(square, isa, &[deviations, squares], n);
                let variance = quotient(self.sum(computed, squares)?, divisor, computed)?;
                match (flags == FpFlags::NONE, moment, computed) {
                    (false, ..) => None,
                    (true, Moment::Std, DType::F32) => Some(f64::from((variance as f32).sqrt())),
                    (true, Moment::Std, _) => Some(variance.sqrt()),
                    _ => Some(variance),
                }
            }
        })
    }

    /// The sum of as many elements as there are; `None` if it raises a flag.
    ///
    /// # Safety
    /// `data` is so many elements of that dtype.
    unsafe fn sum(&self, dtype: DType, data: *const u8) -> Option<f64> {
        let fold = Ufuncs::inner(self.py, &self.ufuncs.add).short.fold(dtype)?;
        let mut cell = [0u64];
        let result = cell.as_mut_ptr().cast::<u8>();
        // SAFETY: the caller's promise, for at least one element.
        let flags = unsafe { fold.run(data, self.count, result) }?;
        let value = match dtype {
            DType::F32 => f64::from(f32::from_bits(cell[0] as u32)),
            _ => f64::from_bits(cell[0]),
        };
        (flags == FpFlags::NONE).then_some(value)
    }
}

/// A value's bits in the computed dtype.
fn bits(value: f64, dtype: DType) -> u64 {
    match dtype {
        DType::F32 => u64::from((value as f32).to_bits()),
        _ => value.to_bits(),
    }
}

/// What is divided in f64 and rounded to the dtype, if no flag can come of it: neither of an overflow or a NaN before nor
/// of a quotient too small to be normal.
fn quotient(sum: f64, divisor: f64, dtype: DType) -> Option<f64> {
    let value = sum / divisor;
    let (value, normal) = match dtype {
        DType::F32 => (f64::from(value as f32), (value as f32).is_normal()),
        _ => (value, value.is_normal()),
    };
    (normal || sum == 0.0).then_some(value)
}

/// Whether an `axis=` names no axis, which leaves the shape as it is.
fn is_empty_tuple(axis: Object<'_, '_>) -> bool {
    exact_tuple(axis).is_some_and(|axes| axes.is_empty())
}
