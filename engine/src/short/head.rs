//! What a short call reads of an operand, wherever it has it from: an array object, a tensor, a view, a value.

use crate::operand::{Operand, lies_aligned, lies_packed};
use crate::registry::DType;

/// How memory lies. The bits are those of NumPy's flags, so that an array's are taken as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lies(pub i32);

impl Lies {
    /// Row by row, without gaps.
    pub const ROWS: Lies = Lies(1);
    /// Column by column, without gaps.
    pub const COLUMNS: Lies = Lies(2);
    /// Every element's address suits its dtype.
    pub const ALIGNED: Lies = Lies(0x100);
    /// It may be written.
    pub const WRITABLE: Lies = Lies(0x400);

    /// Whether all of these hold.
    #[inline(always)]
    pub const fn has(self, all: Lies) -> bool {
        self.0 & all.0 == all.0
    }

    /// Of memory of such a shape, which may be written.
    pub fn of(ptr: *mut u8, dtype: DType, dims: &[usize], strides: &[isize]) -> Lies {
        let (size, axes) = (dtype.size(), 0..dims.len());
        let mut lies = Lies::WRITABLE;
        for (holds, what) in [
            (lies_packed(dims, strides, size, axes.clone().rev()), Lies::ROWS),
            (lies_packed(dims, strides, size, axes), Lies::COLUMNS),
            (lies_aligned(ptr, dtype, dims, strides), Lies::ALIGNED),
        ] {
            lies = if holds { lies.and(what) } else { lies };
        }
        lies
    }

    /// Both.
    pub const fn and(self, other: Lies) -> Lies {
        Lies(self.0 | other.0)
    }
}

/// The head of an operand. Whoever makes one promises what an [`Operand`]'s maker does, and that `lies` is true.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The first element.
    pub ptr: *mut u8,
    /// Lengths; none for a value.
    pub dims: &'a [usize],
    /// Byte strides, as many.
    pub strides: &'a [isize],
    /// Element type.
    pub dtype: DType,
    /// How the memory lies.
    pub lies: Lies,
}

impl<'a> Head<'a> {
    /// Of nothing yet.
    pub const EMPTY: Head<'a> = Head::value(std::ptr::null_mut(), DType::F64);

    /// A single element, aligned.
    pub const fn value(ptr: *mut u8, dtype: DType) -> Head<'a> {
        let lies = Lies::ROWS.and(Lies::COLUMNS).and(Lies::ALIGNED);
        Head { ptr, dims: &[], strides: &[], dtype, lies }
    }

    /// Of an operand, which may be written if it is an output.
    pub fn of(operand: &'a Operand) -> Head<'a> {
        let Operand { ptr, dtype, ref shape, ref strides } = *operand;
        Head { ptr, dims: shape, strides, dtype, lies: Lies::of(ptr, dtype, shape, strides) }
    }

    /// As an operand, for what is not short.
    pub fn operand(&self) -> Operand {
        Operand { ptr: self.ptr, dtype: self.dtype, shape: self.dims.into(), strides: self.strides.into() }
    }
}
