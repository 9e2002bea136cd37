//! The code of a loop: kernels, in the forms that programs call for, or an object made at run time.
//!
//! A form is one calling shape of the same function (`abi` has their types). Each is there at some ISA levels, or at none:
//! then the executor does without, by another form. A new form is a field of [`Kernels`], and a line where
//! `engine/src/simd/kernel.rs` derives it for every function that can have it.

use crate::abi::{BlockFn, CoreFn, FoldFn, FpFlags, IndexedFn, Isa, ScanFn, SegmentsFn, StridedFn};
use std::any::Any;
use std::sync::Arc;

/// What runs a loop.
pub enum Code {
    /// Machine code, compiled ahead.
    Kernels(Kernels),
    /// An object that brings what its code needs, and lives as long as its ufunc.
    Object(Object),
}

/// The machine code of a loop, by form.
pub struct Kernels {
    /// Contiguous blocks; the scalar level is there for every loop without a strided form.
    pub block: ByIsa<BlockFn>,
    /// Contiguous blocks that lie in an L1 cache, at the levels that gain there and not from memory.
    pub cached: ByIsa<BlockFn>,
    /// The same as `block` with the first input being the output, element for element; other inputs apart from it.
    pub in_place: ByIsa<BlockFn>,
    /// Strided and strictly sequential.
    pub strided: ByIsa<StridedFn>,
    /// Folds of contiguous data, where order may be chosen.
    pub fold: ByIsa<FoldFn>,
    /// Every partial result, in order.
    pub scan: ByIsa<ScanFn>,
    /// Updates of indexed elements, in order.
    pub indexed: ByIsa<IndexedFn>,
    /// Folds of many stretches.
    pub segments: ByIsa<SegmentsFn>,
    /// Over core axes; the only form of a ufunc that has them.
    pub core: ByIsa<CoreFn>,
}

/// One form at each level; one the family does not gain from is absent, and the next lower one runs.
#[derive(Clone, Copy)]
pub struct ByIsa<F>(pub [Option<F>; Isa::ALL.len()]);

/// Code made at run time: a function, and the object it is called with.
#[derive(Clone)]
pub struct Object {
    /// What the code needs.
    pub data: Arc<dyn Any + Send + Sync>,
    /// The code.
    pub run: ObjectFn,
}

/// A [`BlockFn`] with its object.
///
/// # Safety
/// As for [`BlockFn`], and the object is the one it was made for.
pub type ObjectFn = unsafe fn(data: &(dyn Any + Send + Sync), args: *const *mut u8, n: usize) -> FpFlags;

impl Kernels {
    /// No code yet.
    pub const NONE: Kernels = Kernels {
        block: ByIsa::NONE,
        cached: ByIsa::NONE,
        in_place: ByIsa::NONE,
        strided: ByIsa::NONE,
        fold: ByIsa::NONE,
        scan: ByIsa::NONE,
        indexed: ByIsa::NONE,
        segments: ByIsa::NONE,
        core: ByIsa::NONE,
    };
}

impl<F: Copy> ByIsa<F> {
    /// At no level.
    pub const NONE: ByIsa<F> = ByIsa([None; Isa::ALL.len()]);

    /// At the lowest level only, which serves all: code that no vectors help.
    pub const fn baseline(f: F) -> ByIsa<F> {
        let mut levels = [None; Isa::ALL.len()];
        levels[0] = Some(f);
        ByIsa(levels)
    }

    /// Whether the form is there.
    #[inline]
    pub const fn exists(&self) -> bool {
        self.0[0].is_some()
    }

    /// The code of the highest level not above `isa`.
    #[inline]
    pub fn at(&self, isa: Isa) -> Option<F> {
        self.best(isa).map(|(f, _)| f)
    }

    /// The level that runs under that cap.
    pub fn level_at(&self, isa: Isa) -> Isa {
        self.best(isa).map_or(Isa::Scalar, |(_, level)| level)
    }

    #[inline]
    fn best(&self, cap: Isa) -> Option<(F, Isa)> {
        (0..=cap as usize).rev().find_map(|i| self.0[i].map(|f| (f, Isa::ALL[i])))
    }
}

impl Code {
    /// The kernels; an object has none.
    #[inline]
    pub const fn kernels(&self) -> &Kernels {
        match self {
            Code::Kernels(kernels) => kernels,
            Code::Object(_) => &Kernels::NONE,
        }
    }
}
