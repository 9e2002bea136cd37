//! `mean`, `var` and `std` of exact arrays: NumPy's own steps, on our ufuncs. What warns, or is not plain, is NumPy's. Small
//! contiguous arrays have a shorter way, in `short_moments`.

use super::bind::Slots;
use super::composed::{self, Composed, ONE_PASS};
use super::native::{Native, Ufuncs};
use super::objects::{call_object, given, given_and_not_none, is_plain_out, reduce};
use crate::arguments::passed::Arguments;
use crate::pipeline;
use crate::python::array_ref::ArrayRef;
use crate::python::number::{float, integer};
use crate::python::numpy_api::NumPy;
use crate::python::object::{Object, Returned, any, boolean, entries, exact_tuple, is_true, none};
use crate::results::scalar::scalar;
use pyo3::intern;
use pyo3::prelude::*;
use ufunx::DType;
use ufunx::dispatch::arguments::Method;
use ufunx::reduce::normalize_axis;
use ufunx::registry::Kind;

/// A result, an error, or `None` where the whole call is NumPy's.
type Attempt<'py> = Option<Returned<'py>>;

/// Which of the three.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Mean,
    Var,
    Std,
}

/// The arguments of a call, read as far as every way needs them.
pub struct Moments<'a, 'py> {
    pub py: Python<'py>,
    pub np: &'a NumPy,
    pub ufuncs: &'a Ufuncs,
    pub array: ArrayRef<'a, 'py>,
    pub dtype: DType,
    /// Elements that go into one result.
    pub count: usize,
    pub axis: Object<'a, 'py>,
    /// As it was passed, if it was.
    pub given_dtype: Option<Object<'a, 'py>>,
    pub out: Option<Object<'a, 'py>>,
    pub keepdims: Object<'a, 'py>,
}

/// `mean`, of an exact array.
pub fn mean<'py>(py: Python<'py>, np: &NumPy, native: &Native, slots: &Slots<'_, 'py>) -> Attempt<'py> {
    let [array, axis, dtype, out, keepdims, mask, ..] = *slots;
    let moments = Moments::new(py, np, native, [array, axis, dtype, out, keepdims])?;
    if let Some(mask) = given(np, mask).filter(|&mask| !is_true(mask)) {
        return moments.masked_mean(mask);
    }
    // SAFETY: they were read just now.
    unsafe { moments.short(Moment::Mean, None) }.or_else(|| moments.mean())
}

/// `var`, of an exact array.
pub fn var<'py>(py: Python<'py>, np: &NumPy, native: &Native, slots: &Slots<'_, 'py>) -> Attempt<'py> {
    spread(py, np, native, slots, Moment::Var)
}

/// `std`, of an exact array.
pub fn std<'py>(py: Python<'py>, np: &NumPy, native: &Native, slots: &Slots<'_, 'py>) -> Attempt<'py> {
    spread(py, np, native, slots, Moment::Std)
}

fn spread<'py>(
    py: Python<'py>,
    np: &NumPy,
    native: &Native,
    slots: &Slots<'_, 'py>,
    moment: Moment,
) -> Attempt<'py> {
    let [array, axis, dtype, out, ddof, keepdims, mask, mean, correction, ..] = *slots;
    let ddof = match (given(np, correction), ddof) {
        (None, ddof) => ddof,
        (correction, None) => correction,
        _ => return None,
    };
    if !given(np, mask).is_none_or(is_true) {
        return None;
    }
    let moments = Moments::new(py, np, native, [array, axis, dtype, out, keepdims])?;
    let divisor = moments.divisor(ddof)?;
    let mean = match given(np, mean) {
        None => None,
        Some(mean) => Some(moments.given_mean(mean)?),
    };
    let short = match mean {
        // SAFETY: they were read just now; numbers and arrays have no code of their own.
        None => unsafe { moments.short(moment, Some(divisor)) },
        Some(_) => None,
    };
    short.or_else(|| moments.spread(moment, divisor, mean))
}

/// What a sum of squares is divided by.
#[derive(Clone, Copy)]
pub enum Divisor {
    Int(i64),
    Float(f64),
}

impl Divisor {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Divisor::Int(n) => n as f64,
            Divisor::Float(x) => x,
        }
    }

    /// As a NumPy scalar.
    fn scalar<'py>(self, py: Python<'py>, np: &NumPy) -> Returned<'py> {
        let (dtype, mut bits) = match self {
            Divisor::Int(n) => (DType::I64, n as u64),
            Divisor::Float(x) => (DType::F64, x.to_bits()),
        };
        // SAFETY: an element of that dtype.
        unsafe { scalar(py, np, dtype, (&raw mut bits).cast()) }
    }
}

impl<'a, 'py: 'a> Moments<'a, 'py> {
    /// Reads the arguments: array, axis, dtype, out, keepdims. `None` where the call is NumPy's: an array
    /// it has no numbers of ours in, an axis it does not have, nothing to take the mean of.
    fn new(
        py: Python<'py>,
        np: &'a NumPy,
        native: &'a Native,
        [array, axis, dtype, out, keepdims]: [Option<Object<'a, 'py>>; 5],
    ) -> Option<Moments<'a, 'py>> {
        if !is_plain_out(np, out) {
            return None;
        }
        let array = np.exact_array(array?)?;
        let own = array.dtype(np)?;
        if array.nd() == 0 || own.kind() == Kind::Complex || own.numpy_number().is_none() {
            return None;
        }
        let count = count_items(array, axis).filter(|&n| n > 0)?;
        Some(Moments {
            py,
            np,
            ufuncs: &native.ufuncs,
            array,
            dtype: own,
            count,
            axis: axis.unwrap_or(none(py)),
            given_dtype: given_and_not_none(np, dtype),
            out: given_and_not_none(np, out),
            keepdims: given(np, keepdims).unwrap_or(boolean(py, false)),
        })
    }

    /// The number of elements less `ddof`; `None` if that is not a positive number, of which NumPy warns.
    fn divisor(&self, ddof: Option<Object<'_, '_>>) -> Option<Divisor> {
        let Some(ddof) = ddof else { return Some(Divisor::Int(self.count as i64)) };
        if let Some(ddof) = float(ddof) {
            let left = self.count as f64 - ddof;
            return (left > 0.0).then_some(Divisor::Float(left));
        }
        let left = (self.count as i64).checked_sub(integer(ddof)? as i64)?;
        (left > 0).then_some(Divisor::Int(left))
    }

    /// A `mean=` that the array's elements can be compared with one by one; `None` where NumPy must look at it.
    fn given_mean(&self, mean: Object<'a, 'py>) -> Option<Object<'a, 'py>> {
        let given = self.np.exact_array(mean)?;
        let fits = given.nd() == self.array.nd()
            && given.dims().zip(self.array.dims()).all(|(m, n)| m == 1 || m == n);
        let plain = given.dtype(self.np)?.kind() == Kind::Float;
        (fits && plain).then_some(mean)
    }

    /// NumPy's `_mean`.
    fn mean(&self) -> Attempt<'py> {
        let half = self.given_dtype.is_none() && self.dtype == DType::F16;
        let dtype = if half { Some(self.descr(DType::F32)) } else { self.sum_dtype() };
        let sum = self.reduce(dtype, self.out, self.keepdims)?;
        let divide = |sum: Bound<'py, PyAny>| {
            let count = Divisor::Int(self.count as i64).scalar(self.py, self.np)?;
            let to_half = |value: Bound<'py, PyAny>| {
                let class = self.np.dtypes.scalar_type(self.py, DType::F16);
                call_object(class, &[value.as_borrowed()], &[])
            };
            if self.np.is_array(sum.as_borrowed()) {
                let mean = divide_in_place(self.py, self.ufuncs, &sum, &count)?;
                return if half && self.out.is_none() { to_half(mean) } else { Ok(mean) };
            }
            let mean = sum.div(&count)?;
            if half { to_half(mean) } else { sum.get_type().call1((mean,)) }
        };
        Some(sum.and_then(divide))
    }

    /// NumPy's `_mean` of the elements that a mask of the array's own shape chooses; `None` where it is another, or there is
    /// nothing to take the mean of, of which NumPy warns.
    fn masked_mean(&self, mask: Object<'_, 'py>) -> Attempt<'py> {
        const INDEX: DType = if cfg!(target_pointer_width = "64") { DType::I64 } else { DType::I32 };
        let chosen = self.np.exact_array(mask)?;
        let plain = chosen.dtype(self.np) == Some(DType::Bool) && chosen.dims().eq(self.array.dims());
        if !plain || self.dtype == DType::F16 {
            return None;
        }
        let count = self.reduce_of([mask, any(self.descr(INDEX)), none(self.py)], None)?;
        let sum = count.and_then(|count| {
            if !count.call_method0(intern!(self.py, "all"))?.is_truthy()? {
                return Ok(None);
            }
            let dtype = self.sum_dtype().unwrap_or(none(self.py));
            let out = self.out.unwrap_or(none(self.py));
            let sum = self.reduce_of([self.array.object(), dtype, out], Some(mask)).transpose()?;
            Ok(sum.map(|sum| (sum, count)))
        });
        let mean = |(sum, count)| quotient(self.py, self.np, self.ufuncs, &sum, &count);
        Some(sum.transpose()?.and_then(mean))
    }

    /// NumPy's `_var`, and `_std` on it.
    fn spread(&self, moment: Moment, divisor: Divisor, mean: Option<Object<'_, 'py>>) -> Attempt<'py> {
        let (py, dtype) = (self.py, self.sum_dtype());
        let mean = match mean {
            Some(mean) => Ok(mean.to_owned()),
            None => self.reduce(dtype, None, boolean(py, true))?.and_then(|sum| {
                let count = Divisor::Int(self.count as i64).scalar(py, self.np)?;
                divide_in_place(py, self.ufuncs, &sum, &count)
            }),
        };
        let sum = mean.and_then(|mean| match self.is_one_pass(&mean) {
            true => self.folded(&mean),
            false => self.squares(&mean).and_then(|squares| self.sum_of(&squares, dtype)),
        });
        let divisor = divisor.scalar(py, self.np);
        Some(sum.and_then(|sum| variance(py, self.np, self.ufuncs, moment, &sum, &divisor?)))
    }

    /// Whether squares are summed up as they are made: there are many, and of the dtype that sums have.
    fn is_one_pass(&self, mean: &Bound<'py, PyAny>) -> bool {
        let of_mean = || self.np.exact_array(mean.as_borrowed()).and_then(|mean| mean.dtype(self.np));
        let large = self.array.dims().product::<usize>() >= ONE_PASS;
        let plain = large && self.out.is_none() && self.given_dtype.is_none() && self.dtype != DType::F16;
        plain && (self.dtype.kind() == Kind::Float || of_mean() == Some(DType::F64))
    }

    /// The sum of the squares of the distances to the mean, which are made piece by piece.
    fn folded(&self, mean: &Bound<'py, PyAny>) -> Returned<'py> {
        let composed = Composed::get(self.py)?;
        let ufunc =
            if self.squares_by_square() { &composed.squares } else { &composed.products_of_distances };
        let inputs = [self.array.object(), mean.as_borrowed()];
        composed::fold(ufunc, self.py, &inputs, Some(self.axis), Some(self.keepdims))
    }

    /// The sum of squares that are there.
    fn sum_of(&self, squares: &Bound<'py, PyAny>, dtype: Option<Object<'_, 'py>>) -> Returned<'py> {
        let (py, none) = (self.py, none(self.py));
        let out = self.out.unwrap_or(none);
        let positional = [squares.as_borrowed(), self.axis, dtype.unwrap_or(none), out, self.keepdims];
        reduce(py, &self.ufuncs.add, &positional)
    }

    /// Whether NumPy squares by `square`, under whose name flags are reported, and not by `multiply`.
    fn squares_by_square(&self) -> bool {
        self.np.version >= (2, 4) && self.dtype.kind() != Kind::Bool
    }

    /// The squares of the distances to the mean.
    fn squares(&self, mean: &Bound<'py, PyAny>) -> Returned<'py> {
        let (py, ufuncs) = (self.py, self.ufuncs);
        let x =
            call_object(ufuncs.subtract.bind_borrowed(py), &[self.array.object(), mean.as_borrowed()], &[])?;
        let (x, out) = (x.as_borrowed(), [(intern!(py, "out"), x.as_borrowed())]);
        match self.squares_by_square() {
            true => call_object(ufuncs.square.bind_borrowed(py), &[x], &out),
            false => call_object(ufuncs.multiply.bind_borrowed(py), &[x, x], &out),
        }
    }

    /// The dtype of the sums: the one passed, f64 for bools and integers, else (`None`) the array's.
    fn sum_dtype(&self) -> Option<Object<'a, 'py>> {
        match self.dtype.kind() {
            _ if self.given_dtype.is_some() => self.given_dtype,
            Kind::Bool | Kind::Int => Some(self.descr(DType::F64)),
            _ => None,
        }
    }

    fn descr(&self, dtype: DType) -> Object<'a, 'py> {
        self.np.dtypes.descr_object(self.py, dtype)
    }

    /// `add.reduce`, natively or not at all.
    fn reduce(
        &self,
        dtype: Option<Object<'_, 'py>>,
        out: Option<Object<'_, 'py>>,
        keepdims: Object<'_, 'py>,
    ) -> Attempt<'py> {
        let none = none(self.py);
        let positional =
            [self.array.object(), self.axis, dtype.unwrap_or(none), out.unwrap_or(none), keepdims];
        self.add_reduce(&positional)
    }

    /// The same of another array, along this one's axes, where a mask says so.
    fn reduce_of(
        &self,
        [array, dtype, out]: [Object<'_, 'py>; 3],
        mask: Option<Object<'_, 'py>>,
    ) -> Attempt<'py> {
        let initial = self.np.no_value.bind_borrowed(self.py);
        let mask = mask.unwrap_or(boolean(self.py, true));
        self.add_reduce(&[array, self.axis, dtype, out, self.keepdims, initial, mask])
    }

    fn add_reduce(&self, positional: &[Object<'_, 'py>]) -> Attempt<'py> {
        let arguments = Arguments::positional(positional);
        let add = Ufuncs::inner(self.py, &self.ufuncs.add);
        pipeline::run_plain(self.py, self.np, add, Method::Reduce, &arguments)
    }
}

/// The variance of a sum of squares, or its root.
pub fn variance<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufuncs: &Ufuncs,
    moment: Moment,
    sum: &Bound<'py, PyAny>,
    divisor: &Bound<'py, PyAny>,
) -> Returned<'py> {
    let variance = quotient(py, np, ufuncs, sum, divisor)?;
    if moment != Moment::Std {
        return Ok(variance);
    }
    let (root, of) = (ufuncs.sqrt.bind_borrowed(py), variance.as_borrowed());
    match np.is_array(of) {
        true => call_object(root, &[of], &[(intern!(py, "out"), of)]),
        false => variance.get_type().call1((call_object(root, &[of], &[])?,)),
    }
}

/// A sum over a count: in the sum's memory where it is an array, else of the sum's class.
pub fn quotient<'py>(
    py: Python<'py>,
    np: &NumPy,
    ufuncs: &Ufuncs,
    sum: &Bound<'py, PyAny>,
    count: &Bound<'py, PyAny>,
) -> Returned<'py> {
    match np.is_array(sum.as_borrowed()) {
        true => divide_in_place(py, ufuncs, sum, count),
        false => sum.get_type().call1((sum.div(count)?,)),
    }
}

/// `divide(a, by, out=a, casting="unsafe", subok=False)`.
fn divide_in_place<'py>(
    py: Python<'py>,
    ufuncs: &Ufuncs,
    a: &Bound<'py, PyAny>,
    by: &Bound<'py, PyAny>,
) -> Returned<'py> {
    let named = [
        (intern!(py, "out"), a.as_borrowed()),
        (intern!(py, "casting"), any(intern!(py, "unsafe").as_borrowed())),
        (intern!(py, "subok"), boolean(py, false)),
    ];
    let positional = [a.as_borrowed(), by.as_borrowed()];
    call_object(ufuncs.divide.bind_borrowed(py), &positional, &named)
}

/// How many elements go into one result; `None` for an axis that NumPy must look at.
pub fn count_items(array: ArrayRef<'_, '_>, axis: Option<Object<'_, '_>>) -> Option<usize> {
    let Some(axis) = axis.filter(|axis| !axis.is_none()) else { return Some(array.dims().product()) };
    let along = |axis| normalize_axis(integer(axis)?, array.nd()).ok();
    let Some(axes) = exact_tuple(axis) else { return along(axis).map(|axis| array.dim(axis)) };
    let (mut seen, mut count) = (0u64, 1usize);
    for axis in entries(axes) {
        let axis = along(axis)?;
        if seen & (1 << axis) != 0 {
            return None;
        }
        seen |= 1 << axis;
        count *= array.dim(axis);
    }
    Some(count)
}
