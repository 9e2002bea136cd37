//! The short way of `reduce` and `accumulate`: small, exact, C-contiguous arrays in their own dtype, along the last axis, the
//! first or all of them, everything else at its default. Whatever does not fit returns `None`, having done nothing.

use crate::arguments::passed::Arguments;
use crate::python::array_ref::ArrayRef;
use crate::python::number::integer;
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, is_false, is_true};
use crate::results::scalar::scalar;
use crate::ufunc::loops::ShortFold;
use crate::ufunc::record::Ufunc;
use numpy::npyffi::{NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS};
use pyo3::prelude::*;
use ufunx::dispatch::arguments::{Keyword, Method};
use ufunx::exec::{call_contiguous, call_strided};
use ufunx::simd::fold::pairwise_least;
use ufunx::stage::copy_row;
use ufunx::tuning::{FOLD_PIECE, FOLD_ROWS, WIDE_KEPT};
use ufunx::{DType, FpFlags};

/// Most elements of one fold; more are cut into pieces, and summed otherwise.
const MOST: usize = FOLD_PIECE / 4;

/// Calls the method the short way, if it can.
pub fn call<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufunc: &Ufunc,
    method: Method,
    arguments: &Arguments<'_, 'py>,
) -> Option<Returned<'py>> {
    // SAFETY: live arguments.
    unsafe {
        let (array, axis) = plain_arguments(np, method, arguments)?;
        let small = Small::new(np, ufunc, array)?;
        match method {
            Method::Reduce => small.reduce(py, np, ufunc, axis),
            _ => small.accumulate(py, np, ufunc, axis),
        }
    }
}

const REDUCE: [Keyword; 6] =
    [Keyword::Axis, Keyword::Dtype, Keyword::Out, Keyword::Keepdims, Keyword::Initial, Keyword::Where];
const ACCUMULATE: [Keyword; 3] = [Keyword::Axis, Keyword::Dtype, Keyword::Out];

/// The array and the axis, if nothing else is asked for. `numpy.sum` and its like pass every parameter by
/// position, most at their defaults.
fn plain_arguments<'a, 'py>(
    np: &NumPy,
    method: Method,
    arguments: &Arguments<'a, 'py>,
) -> Option<(ArrayRef<'a, 'py>, Option<Object<'a, 'py>>)> {
    let parameters = match method {
        Method::Reduce => &REDUCE[..],
        Method::Accumulate => &ACCUMULATE[..],
        _ => return None,
    };
    let [object, rest @ ..] = arguments.positional else { return None };
    let array = np.exact_array(*object)?;
    if rest.len() > parameters.len() {
        return None;
    }
    let mut axis = None;
    let by_position = parameters.iter().copied().zip(rest.iter().copied());
    let by_name = arguments.named().map(|(name, value)| (Keyword::of(name.to_bytes()), value));
    for (keyword, value) in by_position {
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    for (keyword, value) in by_name {
        let keyword = keyword.filter(|k| parameters[rest.len()..].contains(k))?;
        if !is_default(np, keyword, value, &mut axis) {
            return None;
        }
    }
    Some((array, axis))
}

/// Whether a parameter says what is so anyway. The axis is only kept.
fn is_default<'a, 'py>(
    np: &NumPy,
    keyword: Keyword,
    value: Object<'a, 'py>,
    axis: &mut Option<Object<'a, 'py>>,
) -> bool {
    match keyword {
        Keyword::Axis => {
            *axis = Some(value);
            true
        }
        Keyword::Dtype | Keyword::Out => value.is_none(),
        Keyword::Keepdims => is_false(value),
        Keyword::Initial => np.is_no_value(value),
        Keyword::Where => is_true(value),
        _ => false,
    }
}

/// A C-contiguous, aligned array with a fold in its own dtype.
struct Small<'a> {
    fold: &'a ShortFold,
    dtype: DType,
    data: *const u8,
    dims: &'a [usize],
}

impl<'a> Small<'a> {
    /// # Safety
    /// Nobody gives the array another shape, or other memory, as long as this is used.
    unsafe fn new(np: &NumPy, ufunc: &'a Ufunc, array: ArrayRef<'a, '_>) -> Option<Small<'a>> {
        const PLAIN: i32 = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        // SAFETY: a live array's dimensions have an entry per axis.
        unsafe {
            let fields = &(*array.as_ptr()).fields;
            if fields.nd == 0 || fields.flags & PLAIN != PLAIN {
                return None;
            }
            let dims = std::slice::from_raw_parts(fields.dimensions.cast::<usize>(), fields.nd as usize);
            let dtype = array.dtype(np)?;
            let fold = ufunc.short.fold(dtype)?;
            let total: usize = dims.iter().product();
            (1..=MOST).contains(&total).then(|| Small { fold, dtype, data: fields.data.cast(), dims })
        }
    }

    /// Along the last axis, or all.
    unsafe fn reduce<'py>(
        &self,
        py: Python<'py>,
        np: &NumPy,
        ufunc: &Ufunc,
        axis: Option<Object<'_, 'py>>,
    ) -> Option<Returned<'py>> {
        let total: usize = self.dims.iter().product();
        let nd = self.dims.len();
        let (none, last) = (axis.is_some_and(|axis| axis.is_none()), self.is_last(axis));
        let all = none || (nd == 1 && (last || axis.is_none()));
        if !all && !last {
            // SAFETY: as above.
            return unsafe { self.reduce_first(py, np, ufunc, axis) };
        }
        let dtype = self.fold.l.outputs[0];
        if all {
            let mut cell = [0u128];
            // SAFETY: `total` elements; the cell holds one.
            return unsafe {
                let flags = self.fold.run(self.data, total, cell.as_mut_ptr().cast())?;
                Some(
                    ufunc
                        .report(py, np, "reduce", flags)
                        .and_then(|()| scalar(py, np, dtype, cell.as_mut_ptr().cast())),
                )
            };
        }
        let (n, outer) = (self.dims[nd - 1], &self.dims[..nd - 1]);
        let (array, data) = match np.new_array(py, dtype, outer, None) {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        };
        let mut flags = FpFlags::NONE;
        for i in 0..total / n {
            // SAFETY: run `i` of `n` elements, and its place in the new array.
            flags |=
                unsafe { self.fold.run(self.data.add(i * n * dtype.size()), n, data.add(i * dtype.size()))? };
        }
        Some(ufunc.report(py, np, "reduce", flags).map(|()| array))
    }

    /// Along the first axis: rows are taken in one after the other, as the engine does with so few.
    unsafe fn reduce_first<'py>(
        &self,
        py: Python<'py>,
        np: &NumPy,
        ufunc: &Ufunc,
        axis: Option<Object<'_, 'py>>,
    ) -> Option<Returned<'py>> {
        let [rows, kept @ ..] = self.dims else { return None };
        let n: usize = kept.iter().product();
        let first = axis.is_none_or(|axis| integer(axis) == Some(0));
        let in_order = *rows < FOLD_ROWS && (n >= WIDE_KEPT || *rows < pairwise_least(self.dtype));
        let ShortFold { l, start, has_start } = *self.fold;
        if !first || !in_order || !l.code.kernels().in_place.exists() {
            return None;
        }
        let (array, data) = match np.new_array(py, self.dtype, kept, None) {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        };
        let size = self.dtype.size();
        let mut flags = FpFlags::NONE;
        // SAFETY: `rows` rows of `n` elements, and one such row that is the result.
        unsafe {
            match has_start {
                true => copy_row((&raw const start).cast(), 0, data, size as isize, size, n),
                false => std::ptr::copy_nonoverlapping(self.data, data, n * size),
            }
            for i in usize::from(!has_start)..*rows {
                let row = self.data.cast_mut().add(i * n * size);
                flags |= call_contiguous(l, ufunx::current_isa(), &[data, row, data], n);
            }
        }
        Some(ufunc.report(py, np, "reduce", flags).map(|()| array))
    }

    /// One dimension only.
    unsafe fn accumulate<'py>(
        &self,
        py: Python<'py>,
        np: &NumPy,
        ufunc: &Ufunc,
        axis: Option<Object<'_, 'py>>,
    ) -> Option<Returned<'py>> {
        let [n] = *self.dims else { return None };
        if axis.is_some() && !self.is_last(axis) {
            return None;
        }
        let l = ufunc.short.reducible(self.dtype).filter(|l| std::ptr::eq(*l, self.fold.l))?;
        let (array, data) = match np.new_array(py, self.dtype, &[n], None) {
            Ok(made) => made,
            Err(error) => return Some(Err(error)),
        };
        let size = self.dtype.size();
        // SAFETY: `n` elements each; the first is copied, each other computed from the one before.
        let flags = unsafe {
            std::ptr::copy_nonoverlapping(self.data, data, size);
            let args = [data, self.data.cast_mut().wrapping_add(size), data.wrapping_add(size)];
            call_strided(l, &args, n - 1, &[size as isize; 3])
        };
        Some(ufunc.report(py, np, "accumulate", flags).map(|()| array))
    }

    /// Whether the axis is the last one, or the only one.
    fn is_last(&self, axis: Option<Object<'_, '_>>) -> bool {
        axis.and_then(integer).is_some_and(|a| a == -1 || a == self.dims.len() as isize - 1)
    }
}
