//! Which axes of a call's operands are core axes, and what shape remains for the loop: pure logic, as NumPy has it.

use crate::error::Error;
use crate::operand::{Shape, broadcast_shape};
use crate::registry::{CoreSignature, UfuncDef};
use smallvec::SmallVec;

/// The keywords of a call that say where core axes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreOptions {
    /// For each operand its core axes, in the signature's order; the last ones by default. Outputs may be left out if none of
    /// them has core axes.
    pub axes: Option<Vec<Vec<isize>>>,
    /// The one core axis of every operand.
    pub axis: Option<isize>,
    /// Leave an axis of length 1 in the place of each core axis of the inputs.
    pub keepdims: bool,
}

/// The places of an operand's core axes.
pub type Places = SmallVec<[usize; 2]>;

/// A call's core axes, found.
#[derive(Clone, Debug)]
pub struct CoreAxes {
    /// For each operand, inputs then outputs, the places of the core axes that it has, in its order.
    pub places: SmallVec<[Places; 3]>,
    /// The length of each core axis; 1 for those that operands do without.
    pub lengths: SmallVec<[usize; 4]>,
    /// Which core axes operands do without.
    pub missing: SmallVec<[bool; 4]>,
    /// What the inputs' other axes broadcast to.
    pub loops: Shape,
    /// The shape of each output.
    pub outputs: SmallVec<[Shape; 1]>,
}

impl CoreAxes {
    /// Finds them for operands of these shapes; `None` for an output that is to be made.
    pub fn new(
        def: &UfuncDef,
        inputs: &[&[usize]],
        outputs: &[Option<&[usize]>],
        options: &CoreOptions,
    ) -> Result<CoreAxes, Error> {
        let refused = |why| Error::CoreAxes { ufunc: def.name, why };
        let core = def.core_signature().ok_or(refused("it has no core signature"))?;
        let nin = inputs.len();
        let shapes: SmallVec<[Option<&[usize]>; 3]> =
            inputs.iter().map(|s| Some(*s)).chain(outputs.iter().copied()).collect();
        if options.keepdims {
            let first = core.operands[0].len();
            if core.inputs().iter().any(|i| i.len() != first) || core.outputs().iter().any(|o| !o.is_empty())
            {
                return Err(refused("keepdims needs inputs of equally many core axes, and outputs without"));
            }
        }
        let missing = missing_axes(def, core, &shapes)?;
        let has = |operand: usize| present(core, &missing, operand, options.keepdims);
        // What the inputs' axes before, or around, their core axes broadcast to.
        let ndim = |i: usize| inputs[i].len() - has(i);
        let loop_ndim = (0..nin).map(ndim).max().unwrap_or(0);
        let ndims: SmallVec<[usize; 3]> = (shapes.iter().enumerate())
            .map(|(i, shape)| shape.map_or(loop_ndim + has(i), <[usize]>::len))
            .collect();
        let places = places(def, core, &ndims, &has, options)?;
        let around = |i: usize| -> Shape {
            let shape = inputs[i].iter().enumerate();
            shape.filter(|(axis, _)| !places[i].contains(axis)).map(|(_, &n)| n).collect()
        };
        let rests: SmallVec<[Shape; 2]> = (0..nin).map(around).collect();
        let loops = broadcast_shape(rests.iter().map(|s| &s[..]))
            .ok_or_else(|| Error::Broadcast { shapes: inputs.iter().map(|s| s.to_vec()).collect() })?;
        let lengths = lengths(def, core, &shapes, &places, &missing, options.keepdims)?;
        let mut axes = CoreAxes { places, lengths, missing, loops, outputs: SmallVec::new() };
        for (i, given) in outputs.iter().enumerate() {
            let shape = axes.output_shape(core, nin + i, options.keepdims);
            if let Some(given) = given
                && **given != shape[..]
            {
                return Err(Error::OutputShape { found: given.to_vec(), expected: shape.to_vec() });
            }
            axes.outputs.push(shape);
        }
        Ok(axes)
    }

    /// The shape that an output has.
    fn output_shape(&self, core: &CoreSignature, operand: usize, keepdims: bool) -> Shape {
        let places = &self.places[operand];
        let mut rest = self.loops.iter();
        let ndim = self.loops.len() + places.len();
        let present: SmallVec<[usize; 2]> =
            core_of(core, operand).iter().copied().filter(|&axis| !self.missing[axis]).collect();
        let length = |axis: usize| match places.iter().position(|&place| place == axis) {
            Some(_) if keepdims => 1,
            Some(place) => self.lengths[present[place]],
            None => rest.next().copied().unwrap_or(1),
        };
        (0..ndim).map(length).collect()
    }
}

/// The core axes of an operand.
pub fn core_of(core: &CoreSignature, operand: usize) -> &[usize] {
    &core.operands[operand]
}

/// How many core axes an operand of the call has.
fn present(core: &CoreSignature, missing: &[bool], operand: usize, keepdims: bool) -> usize {
    let operand = if keepdims && operand >= core.nin { 0 } else { operand };
    core_of(core, operand).iter().filter(|&&axis| !missing[axis]).count()
}

/// Which optional axes operands of few dimensions do without.
fn missing_axes(
    def: &UfuncDef,
    core: &CoreSignature,
    shapes: &[Option<&[usize]>],
) -> Result<SmallVec<[bool; 4]>, Error> {
    let mut missing: SmallVec<[bool; 4]> = smallvec::smallvec![false; core.axes.len()];
    for (i, shape) in shapes.iter().enumerate() {
        let Some(shape) = shape else { continue };
        let axes = core_of(core, i);
        for &axis in axes {
            let has = axes.iter().filter(|&&axis| !missing[axis]).count();
            if shape.len() < has && core.axes[axis].is_optional {
                missing[axis] = true;
            }
        }
        let required = axes.iter().filter(|&&axis| !missing[axis]).count();
        if shape.len() < required {
            let (found, signature) = (shape.len(), def.core.unwrap_or(""));
            let (output, index) = side(core, i);
            return Err(Error::CoreDims { ufunc: def.name, output, index, found, required, signature });
        }
    }
    Ok(missing)
}

/// Whether an operand is an output, and which of its side.
fn side(core: &CoreSignature, operand: usize) -> (bool, usize) {
    match operand.checked_sub(core.nin) {
        None => (false, operand),
        Some(output) => (true, output),
    }
}

fn places(
    def: &UfuncDef,
    core: &CoreSignature,
    ndims: &[usize],
    has: &impl Fn(usize) -> usize,
    options: &CoreOptions,
) -> Result<SmallVec<[Places; 3]>, Error> {
    let refused = |why| Error::CoreAxes { ufunc: def.name, why };
    let last = |i: usize| (ndims[i] - has(i)..ndims[i]).collect::<Places>();
    let normal = |axis: isize, ndim: usize| crate::reduce::normalize_axis(axis, ndim);
    let nin = core.nin;
    let mut places: SmallVec<[Places; 3]> = (0..ndims.len()).map(last).collect();
    if let Some(axis) = options.axis {
        let single = |axes: &Vec<usize>| axes.len() <= 1;
        if core.axes.len() != 1 || !core.operands.iter().all(single) {
            return Err(refused("axis needs operands with one core axis, which they share"));
        }
        for (place, &ndim) in places.iter_mut().zip(ndims).filter(|(place, _)| !place.is_empty()) {
            place[0] = normal(axis, ndim)?;
        }
    }
    let Some(axes) = &options.axes else { return Ok(places) };
    let outputs_have_none = || (nin..ndims.len()).all(|i| has(i) == 0);
    if axes.len() != ndims.len() && !(axes.len() == nin && outputs_have_none()) {
        return Err(refused("axes needs an entry for each operand"));
    }
    for (i, axes) in axes.iter().enumerate() {
        if axes.len() != has(i) {
            return Err(refused("an entry of axes has as many axes as the operand has core axes"));
        }
        let mut found = Places::new();
        for &axis in axes {
            let axis = normal(axis, ndims[i])?;
            if found.contains(&axis) {
                return Err(Error::DuplicateAxis { axis });
            }
            found.push(axis);
        }
        places[i] = found;
    }
    Ok(places)
}

fn lengths(
    def: &UfuncDef,
    core: &CoreSignature,
    shapes: &[Option<&[usize]>],
    places: &[Places],
    missing: &[bool],
    keepdims: bool,
) -> Result<SmallVec<[usize; 4]>, Error> {
    let mut known: SmallVec<[Option<usize>; 4]> = (core.axes.iter().zip(missing))
        .map(|(axis, &missing)| if missing { Some(1) } else { axis.length })
        .collect();
    for (i, shape) in shapes.iter().enumerate() {
        let (output, index) = side(core, i);
        let Some(shape) = shape.filter(|_| !(keepdims && output)) else { continue };
        let axes = core_of(core, i).iter().filter(|&&axis| !missing[axis]);
        for (dimension, (&axis, &place)) in axes.zip(&places[i]).enumerate() {
            match known[axis] {
                None => known[axis] = Some(shape[place]),
                Some(expected) if expected == shape[place] => {}
                Some(expected) => {
                    let (found, signature) = (shape[place], def.core.unwrap_or(""));
                    let ufunc = def.name;
                    return Err(Error::CoreLength {
                        ufunc,
                        output,
                        index,
                        dimension,
                        found,
                        expected,
                        signature,
                    });
                }
            }
        }
    }
    let unknown = Error::CoreAxes { ufunc: def.name, why: "a length is said by no operand" };
    known.into_iter().collect::<Option<_>>().ok_or(unknown)
}
