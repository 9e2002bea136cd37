//! One reference per ufunc: a row in the file of its family, which bears the name of the family's file in the engine. A row
//! says what one element must give, exactly, or to high precision where the ufunc states a bound. The interpreter, the
//! tables of the tests and the test that nothing is missing (`tests/rust/references.rs`) take it from here.

mod arith;
mod bitwise;
mod compare;
mod complex;
mod dates;
mod division;
mod error;
mod explog;
mod floats;
mod gcd;
mod hyperbolic;
mod inverse;
mod logical;
mod minmax;
mod power;
mod predicates;
mod rounding;
mod table;
mod trig;

pub use error::{Exactly, Judge, Off};
pub use table::Table;

use crate::high::Exact;
use crate::interpret::ieee::{Operation, operate};
use crate::rng::Rng;
use crate::value::{Format, Value, wrap};
use crate::values;
use ufunx::registry::{Accuracy, DType, FpFlags, Kind, LoopDef, UfuncDef};

/// What a ufunc must answer.
pub struct Row {
    /// The ufunc.
    pub name: &'static str,
    /// An element's results in a loop; `None` for operands it does not know, or that have a bound.
    pub exact: fn(&[Value], &LoopDef) -> Option<Element>,
    /// The real function, for float loops with an error bound.
    pub bounded: Option<fn(&[f64]) -> Precise>,
    /// Whether a NaN result's sign is part of the answer.
    pub keeps_nan_sign: bool,
}

/// One element's results.
#[derive(Clone, Debug)]
pub struct Element {
    /// One value per output, in the loop's output dtypes.
    pub values: Vec<Value>,
    /// What is raised.
    pub flags: FpFlags,
    /// What may be raised as well: underflow, where only an exact result would tell.
    pub may: FpFlags,
    /// Units in the last place by which a result may be off.
    pub bound: f64,
    /// The values at levels that multiply and add in one step, if they may be others.
    pub fused: Option<Vec<Value>>,
}

/// A real function's value.
#[derive(Clone, Copy, Debug)]
pub enum Precise {
    /// Exactly this in any format: zeros, infinities, NaNs; and what is raised.
    Is(f64, FpFlags),
    /// This many digits, for a result that is finite before it is rounded.
    Near(Exact),
    /// The same, of a function whose results are never representable where they are subnormal: then it must raise
    /// underflow.
    NearInexact(Exact),
    /// The same, of a sum that NumPy computes in steps.
    Sum {
        /// The digits.
        exact: Exact,
        /// Whether the operands cancel.
        cancels: bool,
        /// What some step may raise.
        may: FpFlags,
    },
}

/// The error bound that a ufunc states.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Units in the last place; 0 where it is exact.
    pub ulps: f64,
    /// The number whose units count where operands cancel to less.
    pub least: f64,
    /// Units in the last place of the larger part, of complex results.
    pub complex: f64,
}

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let families: &[&[Row]] = &[
        arith::ROWS,
        bitwise::ROWS,
        compare::ROWS,
        division::ROWS,
        explog::ROWS,
        floats::ROWS,
        gcd::ROWS,
        hyperbolic::ROWS,
        inverse::ROWS,
        logical::ROWS,
        minmax::ROWS,
        power::ROWS,
        predicates::ROWS,
        rounding::ROWS,
        trig::ROWS,
    ];
    families.iter().copied().flatten()
}

/// The row of a ufunc.
pub fn row(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.name == name)
}

impl Row {
    const fn exact(name: &'static str, exact: fn(&[Value], &LoopDef) -> Option<Element>) -> Row {
        Row { name, exact, bounded: None, keeps_nan_sign: false }
    }

    const fn with_nan_sign(name: &'static str, exact: fn(&[Value], &LoopDef) -> Option<Element>) -> Row {
        Row { name, exact, bounded: None, keeps_nan_sign: true }
    }

    const fn bounded(name: &'static str, bounded: fn(&[f64]) -> Precise) -> Row {
        Row { name, exact: |_, _| None, bounded: Some(bounded), keeps_nan_sign: false }
    }

    /// The real function, if the loop has a bound.
    pub fn bounded_in(&self, l: &LoopDef) -> Option<fn(&[f64]) -> Precise> {
        self.bounded
            .filter(|_| l.outputs[0].kind() == Kind::Float && !dates::is_one(l) && !self.is_complex_in(l))
    }

    /// Whether the loop is complex and has a bound.
    pub fn is_complex_in(&self, l: &LoopDef) -> bool {
        l.inputs[0].kind() == Kind::Complex && complex::is_known(self.name)
    }

    /// Whether a loop's last bits depend on the level.
    pub fn depends_on_level(&self, l: &LoopDef) -> bool {
        if self.bounded_in(l).is_some() || self.is_complex_in(l) {
            return true; // with a single rounding of a product and a sum, or without
        }
        if dates::is_one(l) {
            return false;
        }
        let sample: Vec<Value> = l.inputs.iter().map(|&d| values::ordinary(d, &mut Rng::new(1))).collect();
        (self.exact)(&sample, l).is_some_and(|element| element.fused.is_some())
    }

    /// What an element must give; `None` if the row does not know such operands.
    pub fn evaluate(&self, l: &LoopDef, x: &[Value], bound: Bound) -> Option<Element> {
        if dates::is_one(l) {
            return dates::evaluate(self.name, x, l);
        }
        if self.is_complex_in(l) {
            return Some(complex::answer(self.name, x, l.inputs[0]).element(l.outputs[0], bound.complex));
        }
        let Some(f) = self.bounded_in(l) else { return (self.exact)(x, l) };
        let reals: Vec<f64> = x.iter().map(|x| x.real()).collect();
        Some(f(&reals).in_dtype(l.outputs[0], bound))
    }
}

impl Bound {
    /// Of a ufunc.
    pub fn of(def: &UfuncDef) -> Bound {
        let pair = |accuracy: Accuracy| match accuracy {
            Accuracy::Exact => (0.0, 0.0),
            Accuracy::Ulp(bound) => (bound, 0.0),
            Accuracy::UlpOrOf(bound, least) => (bound, least),
            Accuracy::Sums => unreachable!("products are compared with sums of their own"),
        };
        let ((ulps, least), (complex, _)) = (pair(def.accuracy), pair(def.complex));
        Bound { ulps, least, complex }
    }

    /// In units of the last place of a value.
    fn units(self, value: f64, dtype: DType, cancels: bool) -> f64 {
        let least = if cancels { self.least } else { 0.0 };
        let among = |dtype: DType| values::ulp(least, dtype).max(values::ulp(value, dtype));
        match dtype.is_narrow_float() {
            // Rounded once from an f32 within its own bound.
            true => 0.5 + (1.0f64 / 32.0).max(self.ulps * among(DType::F32) / values::ulp(value, dtype)),
            false => self.ulps * among(dtype) / values::ulp(value, dtype),
        }
    }
}

impl Precise {
    /// The digits, of a value that is finite before it is rounded; and whether they come of operands that cancel.
    fn digits(self) -> Option<(Exact, bool)> {
        match self {
            Precise::Is(..) => None,
            Precise::Near(exact) | Precise::NearInexact(exact) => Some((exact, false)),
            Precise::Sum { exact, cancels, .. } => Some((exact, cancels)),
        }
    }

    /// Rounded to a dtype, with the flags that a result within `bound` raises.
    fn in_dtype(self, dtype: DType, bound: Bound) -> Element {
        let (format, none) = (Format::of(dtype), FpFlags::NONE);
        let element = |value: f64, flags, may, bound| Element {
            values: vec![Value::Float(value)],
            flags,
            may,
            bound,
            fused: None,
        };
        let Some((exact, cancels)) = self.digits() else {
            let Precise::Is(value, flags) = self else { unreachable!("all others have digits") };
            return element(format.round(value), flags, none, 0.0);
        };
        let (near, least) = (exact.to_f64(), format.least_normal());
        let value = format.round(near);
        let (inexact, steps) = match self {
            Precise::NearInexact(_) => (true, none),
            Precise::Sum { may, .. } => (false, may),
            _ => (false, none),
        };
        let (must, may) = match () {
            () if !value.is_finite() => (FpFlags::OVERFLOW, none),
            () if inexact && near.abs() < least * 0.999 => (FpFlags::UNDERFLOW, none),
            () if near.abs() < least * 1.001 => (none, FpFlags::UNDERFLOW),
            () => (none, none),
        };
        element(value, must, may | steps, bound.units(value, dtype, cancels))
    }
}

/// A value that raises nothing.
fn quiet(value: Value) -> Option<Element> {
    raising(value, FpFlags::NONE)
}

/// A value, and what it raises.
fn raising(value: Value, flags: FpFlags) -> Option<Element> {
    Some(Element { values: vec![value], flags, may: FpFlags::NONE, bound: 0.0, fused: None })
}

/// A bool.
fn truth(t: bool) -> Option<Element> {
    quiet(Value::Bool(t))
}

/// An integer, wrapped to the loop's output.
fn int(i: i128, l: &LoopDef) -> Option<Element> {
    quiet(Value::Int(wrap(i, l.outputs[0])))
}

/// A float that is one of the loop's already.
fn float(x: f64) -> Option<Element> {
    quiet(Value::Float(x))
}

/// An operation that IEEE defines.
fn ieee(operation: Operation, a: f64, b: f64, l: &LoopDef) -> Option<Element> {
    let (x, flags) = operate(operation, a, b, l.inputs[0]);
    raising(Value::Float(x), flags)
}
