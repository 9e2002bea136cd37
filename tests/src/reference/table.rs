//! What a loop must answer on a list of inputs.

use super::{Bound, Precise, Row, complex, row};
use crate::rng::Rng;
use crate::value::{Format, Value};
use crate::values;
use ufunx::registry::{DType, FpFlags, LoopDef, UfuncDef};

/// A loop's inputs, and what may come of them.
pub struct Table {
    row: &'static Row,
    l: &'static LoopDef,
    bound: Bound,
    /// One list per input.
    pub inputs: Vec<Vec<Value>>,
    /// One list per output; of functions within a bound the value nearest to the exact one.
    pub outputs: Vec<Vec<Value>>,
    /// The same at levels that multiply and add in one step, where they may be others.
    fused: Vec<Option<Vec<Value>>>,
    /// The flags each element must raise.
    pub must: Vec<FpFlags>,
    /// Flags each element may raise as well: underflow, where only an exact result would tell.
    pub may: Vec<FpFlags>,
}

impl Table {
    /// The table of a loop: all edges, and `random_count` random elements. An error for a ufunc without a reference.
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
        let name = def.name;
        let row = row(name)
            .ok_or_else(|| format!("{name} has no row in the file of its family in tests/src/reference"))?;
        let n = inputs[0].len();
        let (outputs, bound) = (vec![vec![]; l.outputs.len()], Bound::of(def));
        let mut table = Table { row, l, bound, inputs, outputs, fused: vec![], must: vec![], may: vec![] };
        for i in 0..n {
            let element = row.evaluate(l, &table.element(i), bound);
            let element = element.ok_or_else(|| format!("the reference of {name} does not know {l}"))?;
            table.outputs.iter_mut().zip(element.values).for_each(|(list, value)| list.push(value));
            table.must.push(element.flags);
            table.may.push(element.may);
            table.fused.push(element.fused);
        }
        Ok(table)
    }

    /// The inputs of element `i`.
    fn element(&self, i: usize) -> Vec<Value> {
        self.inputs.iter().map(|list| list[i]).collect()
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
        if self.must[i].contains(FpFlags::REFUSED) {
            return Ok(()); // then nothing is promised of it
        }
        let inputs = self.element(i);
        if self.row.is_complex_in(self.l) {
            let answer = complex::answer(self.row.name, &inputs, self.l.inputs[0]);
            return answer
                .judge(found, self.l.outputs[k], self.bound.complex)
                .map_err(|why| format!("{} {inputs:?} -> {found:?}: {why}", self.row.name));
        }
        let verdict = match self.row.bounded_in(self.l) {
            Some(f) => {
                let reals: Vec<f64> = inputs.iter().map(|x| x.real()).collect();
                judge_bounded(f(&reals), self.l.outputs[k], found.real(), self.bound)
            }
            None => {
                let expected = self.outputs[k][i];
                let nan = matches!((expected, found), (Value::Float(a), Value::Float(b))
                    if self.row.keeps_nan_sign && a.is_sign_negative() != b.is_sign_negative());
                let fused = self.fused[i].as_ref().is_some_and(|values| values[k].same(found));
                let right = expected.same(found) && !nan || fused;
                if right { Ok(()) } else { Err(format!("not {expected:?}")) }
            }
        };
        verdict.map_err(|why| format!("{} {inputs:?} -> {found:?}: {why}", self.row.name))
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
            false => Err(format!("{} raised {found:?}, not {must:?} (perhaps {may:?})", self.row.name)),
        }
    }
}

fn judge_bounded(precise: Precise, dtype: DType, y: f64, bound: Bound) -> Result<(), String> {
    let format = Format::of(dtype);
    let Some((exact, cancels)) = precise.digits() else {
        let Precise::Is(value, _) = precise else { unreachable!("all others have digits") };
        let expected = format.round(value);
        return match Value::Float(expected).same(Value::Float(y)) {
            true => Ok(()),
            false => Err(format!("not {expected:e}")),
        };
    };
    let near = exact.to_f64();
    let same_sign = cancels || y.is_sign_negative() == exact.pair.0.is_sign_negative();
    if !y.is_finite() {
        // Too large: right if the exact value is, or is within the bound of it.
        let enough = format.max - bound.ulps * values::ulp(format.max, dtype);
        let right = near.abs() >= enough && (y.is_nan() != format.infinite) && (same_sign || y.is_nan());
        return if right { Ok(()) } else { Err(format!("not about {near:e}")) };
    }
    if !same_sign {
        return Err(format!("the sign is wrong, it is about {near:e}"));
    }
    let rounded = format.round(near);
    let measure = if rounded.is_finite() { rounded } else { y };
    let (error, bound) = (exact.error(y, values::ulp(measure, dtype)), bound.units(measure, dtype, cancels));
    // The reference itself is right to some 30 digits.
    match error <= bound + 1e-6 {
        true => Ok(()),
        false => Err(format!("{error:.3} units off about {near:e}, bound {bound}")),
    }
}
