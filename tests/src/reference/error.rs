//! How far results of functions with a bound are from the exact ones, for the tables of `docs/accuracy.md`.

use super::{Bound, Precise, complex, row};
use crate::value::{Format, Value};
use crate::values;
use ufunx::registry::{DType, LoopDef, UfuncDef};

/// What a loop's results are judged by, one element after the other.
pub struct Judge {
    name: &'static str,
    l: &'static LoopDef,
    /// The real function; none of a complex loop.
    f: Option<fn(&[f64]) -> Precise>,
    bound: Bound,
}

/// An exact answer.
pub enum Exactly {
    /// Of a real function.
    Real(Precise),
    /// Of a complex one.
    Complex(complex::Answer),
}

/// An error in units of the last place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Off {
    /// Of the part itself, the worse one.
    pub part: f64,
    /// Of the larger part; the same for real results.
    pub norm: f64,
}

impl Judge {
    /// Of a loop with a bound.
    pub fn new(def: &UfuncDef, l: &'static LoopDef) -> Option<Judge> {
        let row = row(def.name)?;
        let f = row.bounded_in(l);
        (f.is_some() || row.is_complex_in(l)).then(|| Judge { name: row.name, l, f, bound: Bound::of(def) })
    }

    /// The exact answer of an element.
    pub fn exactly(&self, x: &[Value]) -> Exactly {
        match self.f {
            None => Exactly::Complex(complex::answer(self.name, x, self.l.inputs[0])),
            Some(f) => Exactly::Real(f(&x.iter().map(|x| x.real()).collect::<Vec<f64>>())),
        }
    }

    /// The error of an answer to that; `None` where the exact one has no digits (a zero, an infinity, no number), or is too
    /// large to be finite.
    pub fn off(&self, exactly: &Exactly, found: Value) -> Option<Off> {
        let dtype = self.l.outputs[0];
        match exactly {
            Exactly::Complex(answer) => answer.off(found, dtype),
            Exactly::Real(precise) => {
                let (exact, cancels) = precise.digits()?;
                let near = Format::of(dtype).round(exact.to_f64());
                let least = if cancels { self.bound.least } else { 0.0 };
                let unit = values::ulp(near, dtype).max(values::ulp(least, dtype));
                let off = distance(|| exact.error(found.real(), unit), found.real());
                near.is_finite().then_some(Off { part: off, norm: off })
            }
        }
    }
}

/// An error, infinite where a finite result was to be had.
pub(super) fn distance(error: impl FnOnce() -> f64, y: f64) -> f64 {
    if y.is_finite() { error() } else { f64::INFINITY }
}

/// The real dtype of a result's parts.
pub(super) fn part(dtype: DType) -> DType {
    match dtype {
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        real => real,
    }
}
