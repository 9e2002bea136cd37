//! Reductions that may know their result early: whether any element, or every one, is true. Elements are looked at where they
//! lie, in their own dtype, a page at a time, until one decides.

use crate::registry::{B8, Complex, Complex32, Complex64, DType, Isa};
use crate::simd::level::{Level, Work, enter};

/// Bytes looked at before it is asked whether one has decided.
const PAGE: usize = 4096;

/// Whether an element is as `wanted`, true or false; `None` for a dtype that is not looked at so.
///
/// # Safety
/// `n` aligned elements; the CPU has the level.
pub(super) unsafe fn is_any(wanted: bool, dtype: DType, x: *const u8, n: usize, isa: Isa) -> Option<bool> {
    macro_rules! typed {
        ($($dtype:ident $t:ty;)*) => {
            match dtype {
                $(DType::$dtype => {
                    // SAFETY: the caller's promise.
                    let x = unsafe { std::slice::from_raw_parts(x.cast::<$t>(), n) };
                    // SAFETY: the same.
                    x.chunks(PAGE / size_of::<$t>()).any(|x| unsafe { enter(IsAny { wanted, x }, isa) })
                })*
                _ => return None,
            }
        };
    }
    Some(typed! {
        Bool B8; I8 i8; I16 i16; I32 i32; I64 i64; U8 u8; U16 u16; U32 u32; U64 u64; F32 f32; F64 f64;
        C64 Complex32; C128 Complex64;
    })
}

struct IsAny<'a, T> {
    wanted: bool,
    x: &'a [T],
}

impl<T: Truth> Work for IsAny<'_, T> {
    type Out = bool;
    #[inline(always)]
    fn run<L: Level>(self, _: L) -> bool {
        // Two loops, and no branch in either: so they are vectors.
        match self.wanted {
            true => self.x.iter().fold(false, |any, &x| any | x.is_true()),
            false => self.x.iter().fold(false, |any, &x| any | !x.is_true()),
        }
    }
}

/// A zero is false.
trait Truth: Copy {
    fn is_true(self) -> bool;
}
impl Truth for B8 {
    #[inline(always)]
    fn is_true(self) -> bool {
        self.get()
    }
}
macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Truth for $t {
            #[inline(always)]
            fn is_true(self) -> bool {
                self != 0 as $t
            }
        }
    )*};
}
numbers! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }
impl<T: Truth> Truth for Complex<T> {
    #[inline(always)]
    fn is_true(self) -> bool {
        self.re.is_true() | self.im.is_true()
    }
}
