//! The dynamic interface: ufuncs by name, every method, arrays of any dtype.

use crate::array::{Input, View, ViewMut};
use crate::call::{CallOptions, Called};
use crate::error::Error;
use crate::exec::Report;
use crate::reduce::ReduceOptions;
use crate::registry::{DType, UfuncDef};
use crate::{accumulate, at, call, outer, reduce, reduceat};

/// A ufunc: a registered one, or one made at run time, borrowed from whoever keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Ufunc<'d>(&'d UfuncDef);

/// The ufunc of that name or alias.
pub fn ufunc(name: &str) -> Result<Ufunc<'static>, Error> {
    crate::table().get(name).map(Ufunc).ok_or_else(|| Error::UnknownUfunc { name: name.to_owned() })
}

impl<'d> Ufunc<'d> {
    /// A ufunc from its definition.
    pub const fn from_def(def: &'d UfuncDef) -> Ufunc<'d> {
        Ufunc(def)
    }

    /// Its definition.
    pub const fn def(self) -> &'d UfuncDef {
        self.0
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Number of inputs.
    pub const fn nin(self) -> usize {
        self.0.nin()
    }

    /// Number of outputs.
    pub const fn nout(self) -> usize {
        self.0.nout()
    }

    /// Element by element, inputs broadcast against each other, into new arrays.
    pub fn call(self, inputs: &[Input<'_>], options: &CallOptions<'_>) -> Result<Called, Error> {
        call::call(self.0, inputs, options)
    }

    /// The same into given arrays, which the inputs may overlap.
    pub fn call_into(
        self,
        inputs: &[Input<'_>],
        outputs: &mut [ViewMut<'_>],
        options: &CallOptions<'_>,
    ) -> Result<Report, Error> {
        call::call_into(self.0, inputs, outputs, options)
    }

    /// Folds over axes.
    pub fn reduce<'a>(
        self,
        input: impl Into<View<'a>>,
        options: &ReduceOptions<'_>,
    ) -> Result<Called, Error> {
        reduce::reduce(self.0, &input.into(), options)
    }

    /// Folds over axes, into a given array.
    pub fn reduce_into<'a>(
        self,
        input: impl Into<View<'a>>,
        out: &mut ViewMut<'_>,
        options: &ReduceOptions<'_>,
    ) -> Result<Report, Error> {
        reduce::reduce_into(self.0, &input.into(), out, options)
    }

    /// Every partial result of a fold along an axis.
    pub fn accumulate<'a>(
        self,
        input: impl Into<View<'a>>,
        axis: isize,
        dtype: Option<DType>,
    ) -> Result<Called, Error> {
        accumulate::accumulate(self.0, &input.into(), axis, dtype)
    }

    /// A fold of each slice between consecutive indices along an axis.
    pub fn reduceat<'a>(
        self,
        input: impl Into<View<'a>>,
        indices: &[isize],
        axis: isize,
        dtype: Option<DType>,
    ) -> Result<Called, Error> {
        reduceat::reduceat(self.0, &input.into(), indices, axis, dtype)
    }

    /// On every pair of elements.
    pub fn outer<'a, 'b>(
        self,
        a: impl Into<Input<'a>>,
        b: impl Into<Input<'b>>,
        options: &CallOptions<'_>,
    ) -> Result<Called, Error> {
        outer::outer(self.0, &a.into(), &b.into(), options)
    }

    /// Updates the elements at `indices` of the first axis, one after the other.
    pub fn at(
        self,
        target: &mut ViewMut<'_>,
        indices: &[isize],
        values: Option<Input<'_>>,
    ) -> Result<Report, Error> {
        at::at(self.0, target, indices, values.as_ref())
    }
}
