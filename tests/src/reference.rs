//! What a loop must answer on a list of inputs: from the interpreter, or, for functions with a stated error bound, from
//! the high-precision reference.

use crate::high;
use crate::interpret::scalar;
use crate::rng::Rng;
use crate::value::{Format, Value};
use crate::values;
use ufunx::registry::{Accuracy, DType, FpFlags, LoopDef, UfuncDef};

/// A loop's inputs, and what may come of them.
pub struct Table {
    name: &'static str,
    /// One list per input.
    pub inputs: Vec<Vec<Value>>,
    /// One list per output; empty for functions within a bound.
    pub outputs: Vec<Vec<Value>>,
    /// The flags each element must raise.
    pub must: Vec<FpFlags>,
    /// Flags each element may raise as well: underflow, where only an exact result would tell.
    pub may: Vec<FpFlags>,
    out_dtypes: &'static [DType],
    bound: Option<f64>,
}

impl Table {
    /// The table of a loop: all edges, and `random_count` random elements. An error for a ufunc that nothing here can
    /// judge.
    pub fn new(
        def: &UfuncDef,
        l: &'static LoopDef,
        random_count: usize,
        rng: &mut Rng,
    ) -> Result<Table, String> {
        Table::of(def, l, values::inputs(l.inputs, random_count, rng))
    }

    /// The table of given inputs.
    pub fn of(def: &UfuncDef, l: &'static LoopDef, inputs: Vec<Vec<Value>>) -> Result<Table, String> {
        let n = inputs[0].len();
        let mut table = Table {
            name: def.name,
            inputs,
            outputs: vec![vec![]; l.outputs.len()],
            must: vec![],
            may: vec![FpFlags::NONE; n],
            out_dtypes: l.outputs,
            bound: None,
        };
        match def.accuracy {
            Accuracy::Ulp(bound) if !scalar::knows(def.name) => {
                if l.inputs.len() != 1 || std_function(def.name, 1.0).is_none() {
                    return Err(format!("{} has no reference: give it one in high.rs or here", def.name));
                }
                table.bound = Some(bound);
                for i in 0..n {
                    let (must, may) = math_flags(def.name, l.outputs[0], table.inputs[0][i].real());
                    table.must.push(must);
                    table.may[i] = may;
                }
            }
            _ => {
                for i in 0..n {
                    let x: Vec<Value> = table.inputs.iter().map(|list| list[i]).collect();
                    let Some(element) = scalar::evaluate(def.name, l, &x) else {
                        return Err(format!("the interpreter does not know {} {l}", def.name));
                    };
                    table.outputs.iter_mut().zip(element.values).for_each(|(list, value)| list.push(value));
                    table.must.push(element.flags);
                }
            }
        }
        Ok(table)
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.inputs[0].len()
    }

    /// Never: there are always edges.
    pub fn is_empty(&self) -> bool {
        self.inputs[0].is_empty()
    }

    /// Whether `found` will do as output `k` of element `i`; else what is wrong with it.
    pub fn judge(&self, k: usize, i: usize, found: Value) -> Result<(), String> {
        let inputs: Vec<Value> = self.inputs.iter().map(|list| list[i]).collect();
        let verdict = match self.bound {
            Some(bound) => judge_math(self.name, self.out_dtypes[k], inputs[0].real(), found.real(), bound),
            None => {
                let expected = self.outputs[k][i];
                let nan = matches!((expected, found), (Value::Float(a), Value::Float(b))
                    if scalar::keeps_nan_sign(self.name) && a.is_sign_negative() != b.is_sign_negative());
                if expected.same(found) && !nan { Ok(()) } else { Err(format!("not {expected:?}")) }
            }
        };
        verdict.map_err(|why| format!("{} {inputs:?} -> {found:?}: {why}", self.name))
    }

    /// Whether `found` will do as the flags of the elements at `range`.
    pub fn judge_flags(&self, range: impl Iterator<Item = usize>, found: FpFlags) -> Result<(), String> {
        let (mut must, mut may) = (FpFlags::NONE, FpFlags::NONE);
        for i in range {
            must |= self.must[i];
            may |= self.may[i];
        }
        match found.contains(must) && (must | may).contains(found) {
            true => Ok(()),
            false => Err(format!("{} raised {found:?}, not {must:?} (perhaps {may:?})", self.name)),
        }
    }
}

/// The function in f64 by the standard library, right to about a unit in the last place and at every special value.
pub fn std_function(name: &str, x: f64) -> Option<f64> {
    Some(match name {
        "exp" => x.exp(),
        "exp2" => x.exp2(),
        "expm1" => x.exp_m1(),
        "log" => x.ln(),
        "log2" => x.log2(),
        "log10" => x.log10(),
        "log1p" => x.ln_1p(),
        "cbrt" => x.cbrt(),
        "sin" => x.sin(),
        "cos" => x.cos(),
        "tan" => x.tan(),
        "arcsin" => x.asin(),
        "arccos" => x.acos(),
        "arctan" => x.atan(),
        "sinh" => x.sinh(),
        "cosh" => x.cosh(),
        "tanh" => x.tanh(),
        "arcsinh" => x.asinh(),
        "arccosh" => x.acosh(),
        "arctanh" => x.atanh(),
        _ => return None,
    })
}

fn judge_math(name: &str, dtype: DType, x: f64, y: f64, bound: f64) -> Result<(), String> {
    let format = Format::of(dtype);
    let Some(near) = std_function(name, x) else { return Err("no reference".to_owned()) };
    let rounded = format.round(near);
    if near.is_nan() || x.is_infinite() || (near.is_infinite() && std_pole(name, x)) {
        let expected = if near.is_nan() { near } else { rounded };
        return if Value::Float(expected).same(Value::Float(y)) {
            Ok(())
        } else {
            Err(format!("not {expected:e}"))
        };
    }
    if !y.is_finite() {
        // Too large: right if the exact value is, or is within the bound of it.
        let enough = format.max - bound * values::ulp(format.max, dtype);
        let same_sign = y.is_nan() || y.is_sign_negative() == near.is_sign_negative();
        return if near.abs() >= enough && same_sign { Ok(()) } else { Err(format!("not about {near:e}")) };
    }
    if near.abs() < f64::MAX && (y.is_sign_negative() != near.is_sign_negative()) {
        return Err(format!("the sign is wrong, it is about {near:e}"));
    }
    let unit = values::ulp(if rounded.is_finite() { rounded } else { y }, dtype);
    // The narrow floats are rounded once from an f32 within its own bound.
    let bound = if dtype.is_narrow_float() { 0.5 + 1.0 / 32.0 } else { bound };
    // Far below the least number there is nothing but zero to compare with.
    let (error, slack) = match high::evaluate(name, x).filter(|e| x != 0.0 && e.scale > -1080) {
        Some(exact) => (exact.error(y, unit), 1e-6),
        None => ((y - near).abs() / unit, if dtype == DType::F64 { 1.0 } else { 1e-6 }),
    };
    if error <= bound + slack {
        Ok(())
    } else {
        Err(format!("{error:.3} units off about {near:e}, bound {bound}"))
    }
}

fn std_pole(name: &str, x: f64) -> bool {
    match name {
        "log" | "log2" | "log10" => x == 0.0,
        "log1p" => x == -1.0,
        "arctanh" => x.abs() == 1.0,
        _ => false,
    }
}

/// Flags that the function must raise, and may raise as well.
fn math_flags(name: &str, dtype: DType, x: f64) -> (FpFlags, FpFlags) {
    let format = Format::of(dtype);
    let near = std_function(name, x).unwrap_or(f64::NAN);
    let rounded = format.round(near);
    if x.is_nan() {
        return (FpFlags::NONE, FpFlags::NONE);
    }
    if near.is_nan() {
        return (FpFlags::INVALID, FpFlags::NONE);
    }
    if x.is_infinite() {
        return (FpFlags::NONE, FpFlags::NONE);
    }
    if std_pole(name, x) {
        return (FpFlags::DIVIDE, FpFlags::NONE);
    }
    if !rounded.is_finite() {
        return (FpFlags::OVERFLOW, FpFlags::NONE);
    }
    let least = format.least_normal();
    match name {
        // Positive everywhere, so a tiny result is inexact, but for powers of two.
        "exp" if near < least * 0.999 => (FpFlags::UNDERFLOW, FpFlags::NONE),
        _ if near.abs() < least * 1.001 => (FpFlags::NONE, FpFlags::UNDERFLOW),
        _ => (FpFlags::NONE, FpFlags::NONE),
    }
}
