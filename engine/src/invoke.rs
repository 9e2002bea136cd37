//! Calls of a loop's code: the form that fits, at the level there is, and what it raised.

use crate::fperr;
use crate::mask;
use crate::registry::{Code, FpFlags, FpReport, Isa, LoopDef, Segments};
use crate::simd::level::current_isa;
use smallvec::SmallVec;
use std::cell::Cell;

/// Runs a loop's code, and says what it raised.
#[inline(always)]
pub fn watched(fp: FpReport, code: impl FnOnce() -> FpFlags) -> FpFlags {
    match fp {
        FpReport::Hardware => {
            fperr::clear();
            let returned = code();
            returned | fperr::take()
        }
        FpReport::Returned | FpReport::Never => code(), // (Loops that never raise return no flags.)
    }
}

/// Calls a loop on contiguous operands through its block kernel, or its strided one where that is all it has.
///
/// # Safety
/// As for [`crate::registry::BlockFn`], but the first input may be the output, element for element, if the loop can do so.
pub unsafe fn call_contiguous(l: &LoopDef, isa: Isa, args: &[*mut u8], n: usize) -> FpFlags {
    let kernel = match &l.code {
        Code::Kernels(kernels) if args[0] == args[l.inputs.len()] => kernels.in_place.at(isa),
        Code::Kernels(kernels) => kernels.block.at(isa),
        // SAFETY: the caller's promise; the object is the code's own.
        Code::Object(made) => return watched(l.fp, || unsafe { (made.run)(&*made.data, args.as_ptr(), n) }),
    };
    if let Some(kernel) = kernel {
        // SAFETY: the caller's promise; an in-place kernel wants the first input to be the output.
        return watched(l.fp, || unsafe { kernel(args.as_ptr(), n) });
    }
    let steps: SmallVec<[isize; 4]> = l.inputs.iter().chain(l.outputs).map(|d| d.size() as isize).collect();
    // SAFETY: contiguous operands are strided ones with these steps.
    unsafe { call_strided(l, args, n, &steps) }
}

/// Calls a loop on the runs of contiguous operands that a mask chooses.
///
/// # Safety
/// As for [`call_contiguous`], for as many elements as the mask has.
pub unsafe fn call_runs(l: &LoopDef, isa: Isa, args: &[*mut u8], mask: &[u8]) -> FpFlags {
    let dtypes = || l.inputs.iter().chain(l.outputs);
    let mut flags = FpFlags::NONE;
    for (start, end) in mask::runs(mask) {
        let here: SmallVec<[*mut u8; 4]> =
            args.iter().zip(dtypes()).map(|(arg, dtype)| arg.wrapping_add(start * dtype.size())).collect();
        // SAFETY: the caller's promise, for a part of them.
        flags |= unsafe { call_contiguous(l, isa, &here, end - start) };
    }
    flags
}

/// Calls a loop one element after the other, outputs being inputs of later elements as the pointers have it.
///
/// # Safety
/// As for [`crate::registry::StridedFn`].
pub unsafe fn call_strided(l: &LoopDef, args: &[*mut u8], n: usize, strides: &[isize]) -> FpFlags {
    let Some(kernel) = l.code.kernels().strided.at(current_isa()) else {
        // SAFETY: the caller's promise.
        return unsafe { call_singly(l, args, n, strides) };
    };
    // SAFETY: the caller's promise.
    watched(l.fp, || unsafe { kernel(args.as_ptr(), n, strides.as_ptr()) })
}

/// The same by the block kernel, an element at a time.
unsafe fn call_singly(l: &LoopDef, args: &[*mut u8], n: usize, strides: &[isize]) -> FpFlags {
    let isa = current_isa();
    let nin = l.inputs.len();
    let mut flags = FpFlags::NONE;
    let mut cells: SmallVec<[[u128; 1]; 2]> = smallvec::smallvec![[0]; l.outputs.len()];
    for i in 0..n {
        let address = |k: usize| args[k].wrapping_offset(i as isize * strides[k]);
        let out_cells = cells.iter_mut().map(|c| c.as_mut_ptr().cast::<u8>());
        let single: SmallVec<[*mut u8; 4]> = (0..nin).map(address).chain(out_cells).collect();
        // SAFETY: one valid, aligned element each; outputs are cells of their own, copied out afterwards.
        unsafe {
            flags |= call_contiguous(l, isa, &single, 1);
            for (k, d) in l.outputs.iter().enumerate() {
                std::ptr::copy_nonoverlapping(single[nin + k], address(nin + k), d.size());
            }
        }
    }
    flags
}

/// Folds contiguous elements into an accumulator and says what it raised; `None` if the loop has no fold kernel.
///
/// # Safety
/// As for [`crate::registry::FoldFn`].
pub unsafe fn call_fold(l: &LoopDef, isa: Isa, acc: *mut u8, x: *const u8, n: usize) -> Option<FpFlags> {
    let kernel = l.code.kernels().fold.at(isa)?;
    // SAFETY: the caller's promise.
    Some(watched(l.fp, || unsafe { kernel(acc, x, n) }))
}

/// Folds stretches of contiguous elements, if the loop has a form for that, and says what it raised.
///
/// # Safety
/// As for [`crate::registry::SegmentsFn`].
pub unsafe fn call_segments(l: &LoopDef, isa: Isa, on: &Segments<'_>) -> Option<FpFlags> {
    let kernel = l.code.kernels().segments.at(isa)?;
    // SAFETY: the caller's promise.
    Some(watched(l.fp, || unsafe { kernel(on) }))
}

/// The partial results of `n` elements, at least one, in order: the first one itself, each other computed from the one before.
///
/// # Safety
/// As for [`crate::registry::ScanFn`].
pub unsafe fn call_scan(l: &LoopDef, [x, y]: [*mut u8; 2], steps: [isize; 2], n: usize) -> FpFlags {
    let next = [x.wrapping_offset(steps[0]), y.wrapping_offset(steps[1])];
    // SAFETY: the caller's promise; a copy over itself changes nothing.
    unsafe {
        std::ptr::copy(x, y, l.outputs[0].size());
        match l.code.kernels().scan.at(current_isa()) {
            Some(kernel) => watched(l.fp, || kernel(y, next, steps, n - 1)),
            None => call_strided(l, &[y, next[0], next[1]], n - 1, &[steps[1], steps[0], steps[1]]),
        }
    }
}

thread_local! {
    static SCRATCH: Cell<Vec<u128>> = const { Cell::new(Vec::new()) };
}

/// Gives `f` at least `bytes` bytes of scratch, aligned to a cache line, kept by the thread for the next call. A loop's code may be
/// somebody's, who calls ufuncs in turn: such a call has scratch of its own.
pub fn with_scratch<R>(bytes: usize, f: impl FnOnce(*mut u8) -> R) -> R {
    const ALIGNMENT: usize = 64;
    let mut scratch = SCRATCH.take();
    let needed = (bytes + ALIGNMENT).div_ceil(16);
    if scratch.len() < needed {
        scratch.resize(needed, 0);
    }
    let start = scratch.as_mut_ptr().cast::<u8>();
    let result = f(start.wrapping_add(start.align_offset(ALIGNMENT)));
    SCRATCH.set(scratch);
    result
}
