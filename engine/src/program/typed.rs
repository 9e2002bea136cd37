//! A definition for inputs of certain dtypes: every node resolved by the registry's own rules, in the dtypes its operands
//! have by themselves, so that a program gives what its ufuncs give one after the other.

use super::definition::{Definition, Named, Node};
use crate::array::Scalar;
use crate::cast::{can_raise, cast_block};
use crate::registry::{
    Casting, DType, FpFlags, Isa, Kind, LoopDef, Request, ResolveError, Typed, UfuncDef, Weak, promote_all,
    resolve,
};
use smallvec::SmallVec;
use std::collections::HashMap;

/// A value of a program, in a dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Its dtype.
    pub dtype: DType,
    /// Where it comes from.
    pub from: From,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// An input.
    Input(usize),
    /// It is the same everywhere: its bits.
    Constant(u128),
    /// What a step computes.
    Step,
}

/// A computation over blocks.
pub struct Step {
    /// What it runs.
    pub what: What,
    /// The values it reads.
    pub inputs: SmallVec<[usize; 3]>,
    /// The values it makes.
    pub outputs: SmallVec<[usize; 1]>,
    /// Under which of [`TypedProgram::names`] its flags are reported.
    pub name: usize,
}

/// What a step runs.
pub enum What {
    /// A ufunc's loop.
    Loop(&'static LoopDef),
    /// A cast between two dtypes.
    Cast(DType, DType),
    /// The same of a number that was passed: one that is too small for its dtype is no underflow.
    Number(DType, DType),
    /// A choice.
    Where,
    /// A copy.
    Copy,
}

/// A definition with a dtype for each value.
#[derive(Default)]
pub struct TypedProgram {
    /// The values.
    pub values: Vec<Value>,
    /// The steps, each behind those that make what it reads.
    pub steps: Vec<Step>,
    /// For each output the step's value that it is.
    pub outputs: Vec<usize>,
    /// What reports name: for each computing node the ufunc.
    pub names: Vec<&'static str>,
    /// What every call raises: numbers that lose by taking their dtype.
    pub always: Vec<(usize, FpFlags)>,
    /// Inputs that are numbers, and the dtypes they are cast to.
    pub numbers: Vec<(usize, DType)>,
}

/// What NumPy calls a cast in its warnings.
const CAST: &str = "cast";

impl TypedProgram {
    /// Resolves every node.
    pub fn new(definition: &Definition, inputs: &[Typed]) -> Result<TypedProgram, ResolveError> {
        let mut typing = Typing {
            program: TypedProgram::default(),
            nodes: vec![],
            known: HashMap::new(),
            calls: HashMap::new(),
        };
        for (i, input) in inputs.iter().enumerate() {
            typing.program.values.push(Value { dtype: input.alone(), from: From::Input(i) });
        }
        for node in &definition.nodes {
            let typed = match *node {
                Node::Input(i) => match inputs[i as usize] {
                    Typed::Strong(_) => Of::Value(i as usize),
                    Typed::Weak(weak) => Of::Operand(i as usize, weak),
                },
                _ => typing.node(node)?,
            };
            typing.nodes.push(typed);
        }
        for &id in &definition.outputs {
            let value = match typing.nodes[id as usize] {
                Of::Value(value) | Of::Operand(value, _) => value,
                Of::Number(number) => typing.number(number, number.weak().default_dtype())?,
            };
            let copied = !matches!(typing.program.values[value].from, From::Step);
            let is_output = typing.program.outputs.contains(&value);
            let value = if copied || is_output { typing.copy(value) } else { value };
            typing.program.outputs.push(value);
        }
        Ok(typing.program)
    }

    /// The dtype of a value.
    pub fn dtype(&self, value: usize) -> DType {
        self.values[value].dtype
    }
}

/// What a node is in the program made so far.
#[derive(Clone, Copy)]
enum Of {
    /// A value of a dtype.
    Value(usize),
    /// A number that has none yet.
    Number(Scalar),
    /// An input that is such a number.
    Operand(usize, Weak),
}

/// The nodes that a call has as inputs.
type Ids = SmallVec<[u32; 2]>;

struct Typing {
    program: TypedProgram,
    /// By node.
    nodes: Vec<Of>,
    /// Casts that raise nothing and numbers in a dtype, by node: each is made once.
    known: HashMap<(u32, DType), usize>,
    /// The outputs of ufuncs called, of which each output is a node.
    calls: HashMap<(Named, Ids), SmallVec<[usize; 1]>>,
}

impl Typing {
    fn node(&mut self, node: &Node) -> Result<Of, ResolveError> {
        if let Some(scalar) = node.scalar() {
            return Ok(Of::Number(scalar));
        }
        Ok(Of::Value(match node {
            &Node::Strong(dtype, bits) => self.value(dtype, From::Constant(bits)),
            Node::Call { ufunc, inputs, output } => self.call(*ufunc, inputs)?[*output as usize],
            Node::Where(three) => self.choice(*three)?,
            &Node::Cast(dtype, id) => self.astype(id, dtype)?,
            Node::Input(_) | Node::Int(_) | Node::Float(_) | Node::Complex(..) => {
                unreachable!("they are no steps")
            }
        }))
    }

    fn value(&mut self, dtype: DType, from: From) -> usize {
        self.program.values.push(Value { dtype, from });
        self.program.values.len() - 1
    }

    fn name(&mut self, name: &'static str) -> usize {
        self.program.names.push(name);
        self.program.names.len() - 1
    }

    fn typed(&self, id: u32) -> Typed {
        match self.nodes[id as usize] {
            Of::Value(value) => Typed::Strong(self.program.dtype(value)),
            Of::Number(number) => Typed::Weak(number.weak()),
            Of::Operand(_, weak) => Typed::Weak(weak),
        }
    }

    fn call(&mut self, ufunc: Named, ids: &Ids) -> Result<SmallVec<[usize; 1]>, ResolveError> {
        if let Some(outputs) = self.calls.get(&(ufunc, ids.clone())) {
            return Ok(outputs.clone());
        }
        let def = ufunc.0;
        let numbers = self.compared(def, ids);
        let types: SmallVec<[Typed; 3]> = ids
            .iter()
            .zip(&numbers)
            .map(|(&id, number)| number.map_or_else(|| self.typed(id), |(dtype, _)| Typed::Strong(dtype)))
            .collect();
        let request = Request { inputs: &types, outputs: &[], signature: None, casting: Casting::SameKind };
        let l = resolve(def, &request)?;
        let is_date = |dtype: &DType| dtype.kind() == Kind::Date;
        if l.needs_gil || l.inputs.iter().chain(l.outputs).any(is_date) {
            return Err(ResolveError::NoLoop { ufunc: def.name, inputs: types.to_vec() });
        }
        let name = self.name(def.name);
        let mut inputs = SmallVec::new();
        for ((&id, number), &dtype) in ids.iter().zip(numbers).zip(l.inputs) {
            inputs.push(match number {
                Some((own, bits)) => {
                    let value = self.value(own, From::Constant(bits));
                    self.cast(value, dtype, name)
                }
                None => self.in_dtype(id, dtype, name)?,
            });
        }
        let outputs: SmallVec<[usize; 1]> =
            l.outputs.iter().map(|&dtype| self.value(dtype, From::Step)).collect();
        self.program.steps.push(Step { what: What::Loop(l), inputs, outputs: outputs.clone(), name });
        self.calls.insert((ufunc, ids.clone()), outputs.clone());
        Ok(outputs)
    }

    /// The numbers that are out of bounds for the integers they are compared with: there are loops that compare integers of
    /// either sign exactly, and beyond those an infinity is as good.
    fn compared(&self, def: &UfuncDef, ids: &[u32]) -> SmallVec<[Option<(DType, u128)>; 3]> {
        let beside = ids.iter().find_map(|&id| match self.typed(id) {
            Typed::Strong(dtype) if dtype.kind() == Kind::Int => Some(dtype),
            _ => None,
        });
        let number = |&id: &u32| match (self.nodes[id as usize], beside) {
            (Of::Number(Scalar::Int(x)), Some(dtype))
                if !dtype.int_range().contains(&x) && def.mixes_signs() =>
            {
                Some(match [DType::I64, DType::U64].into_iter().find(|d| d.int_range().contains(&x)) {
                    Some(own) => (own, u128::from(x as u64)),
                    None if x < 0 => (DType::F64, u128::from(f64::NEG_INFINITY.to_bits())),
                    None => (DType::F64, u128::from(f64::INFINITY.to_bits())),
                })
            }
            _ => None,
        };
        ids.iter().map(number).collect()
    }

    fn choice(&mut self, ids: [u32; 3]) -> Result<usize, ResolveError> {
        let types = [self.typed(ids[1]), self.typed(ids[2])];
        let refused = || ResolveError::NoLoop { ufunc: "where", inputs: types.to_vec() };
        let dtype = promote_all(&types).filter(|dtype| dtype.kind() != Kind::Date).ok_or_else(refused)?;
        let name = self.name("where");
        let condition = self.in_dtype(ids[0], DType::Bool, name)?;
        let sides = [self.side(ids[1], dtype, name)?, self.side(ids[2], dtype, name)?];
        let output = self.value(dtype, From::Step);
        let inputs = [condition, sides[0], sides[1]].into_iter().collect();
        self.program.steps.push(Step {
            what: What::Where,
            inputs,
            outputs: smallvec::smallvec![output],
            name,
        });
        Ok(output)
    }

    /// What is chosen from, in that dtype; an integer that it cannot hold wraps, as NumPy has it there.
    fn side(&mut self, id: u32, dtype: DType, name: usize) -> Result<usize, ResolveError> {
        match self.nodes[id as usize] {
            Of::Number(Scalar::Int(x)) if dtype.kind() == Kind::Int && i64::try_from(x).is_ok() => {
                Ok(self.value(dtype, From::Constant(u128::from(x as u64))))
            }
            Of::Operand(value, _) => {
                let name = self.name(CAST);
                Ok(self.cast(value, dtype, name))
            }
            _ => self.in_dtype(id, dtype, name),
        }
    }

    fn astype(&mut self, id: u32, dtype: DType) -> Result<usize, ResolveError> {
        let refused = |from| ResolveError::NoLoop { ufunc: "astype", inputs: vec![from] };
        let from = self.typed(id).alone().kind();
        // NumPy warns of imaginary parts that are lost.
        let loses = from == Kind::Complex && !matches!(dtype.kind(), Kind::Complex | Kind::Bool);
        if loses || dtype.kind() == Kind::Date || from == Kind::Date {
            return Err(refused(self.typed(id)));
        }
        let value = match self.nodes[id as usize] {
            Of::Value(value) | Of::Operand(value, _) => value,
            Of::Number(number) => self.number(number, number.weak().default_dtype())?,
        };
        let name = self.name(CAST);
        Ok(self.cast(value, dtype, name))
    }

    /// A node's value in that dtype.
    fn in_dtype(&mut self, id: u32, dtype: DType, name: usize) -> Result<usize, ResolveError> {
        if let Some(&known) = self.known.get(&(id, dtype)) {
            return Ok(known);
        }
        let (value, raises) = match self.nodes[id as usize] {
            Of::Number(number) => (self.number(number, dtype)?, false),
            Of::Operand(value, _) => {
                self.program.numbers.push((value, dtype));
                let number = self.cast(value, dtype, name);
                if number != value
                    && let Some(step) = self.program.steps.last_mut()
                    && let What::Cast(from, to) = step.what
                {
                    step.what = What::Number(from, to);
                }
                (number, false)
            }
            Of::Value(value) => (self.cast(value, dtype, name), can_raise(self.program.dtype(value), dtype)),
        };
        // What raises is reported with each ufunc that has it cast.
        if !raises {
            self.known.insert((id, dtype), value);
        }
        Ok(value)
    }

    /// A number in a dtype.
    fn number(&mut self, number: Scalar, dtype: DType) -> Result<usize, ResolveError> {
        if dtype == DType::Bool {
            let truth = match number {
                Scalar::Int(x) => x != 0,
                Scalar::Float(x) => x != 0.0,
                Scalar::Complex(z) => z.re != 0.0 || z.im != 0.0,
            };
            return Ok(self.value(dtype, From::Constant(truth.into())));
        }
        let array = number.to_array(dtype).map_err(|_| match number {
            Scalar::Int(value) => ResolveError::OutOfRange { value, dtype },
            _ => ResolveError::NoLoop { ufunc: CAST, inputs: vec![Typed::Weak(number.weak())] },
        })?;
        let bits = bits_at(array.operand().ptr, dtype);
        if overflows(number, dtype, bits) {
            let name = self.name(CAST);
            self.program.always.push((name, FpFlags::OVERFLOW));
        }
        Ok(self.value(dtype, From::Constant(bits)))
    }

    fn cast(&mut self, value: usize, dtype: DType, name: usize) -> usize {
        let Value { dtype: own, from } = self.program.values[value];
        if own == dtype {
            return value;
        }
        if let From::Constant(bits) = from {
            let mut result = [0u128];
            let source = [bits];
            // SAFETY: one aligned element each; the scalar level is always there.
            let flags = unsafe {
                cast_block(own, dtype, source.as_ptr().cast(), result.as_mut_ptr().cast(), 1, Isa::Scalar)
            };
            if flags.is_empty() {
                return self.value(dtype, From::Constant(result[0]));
            }
        }
        let output = self.value(dtype, From::Step);
        let (inputs, outputs) = (smallvec::smallvec![value], smallvec::smallvec![output]);
        self.program.steps.push(Step { what: What::Cast(own, dtype), inputs, outputs, name });
        output
    }

    fn copy(&mut self, value: usize) -> usize {
        let output = self.value(self.program.dtype(value), From::Step);
        let (inputs, outputs) = (smallvec::smallvec![value], smallvec::smallvec![output]);
        // It raises nothing, so that no report names it.
        self.program.steps.push(Step { what: What::Copy, inputs, outputs, name: 0 });
        output
    }
}

/// An element's bits.
fn bits_at(element: *const u8, dtype: DType) -> u128 {
    let mut bits = [0u128];
    // SAFETY: one element of the dtype, of at most 16 bytes.
    unsafe { std::ptr::copy_nonoverlapping(element, bits.as_mut_ptr().cast::<u8>(), dtype.size()) };
    bits[0]
}

/// Whether a finite number became an infinity.
fn overflows(number: Scalar, dtype: DType, bits: u128) -> bool {
    let finite = match number {
        Scalar::Int(_) => true,
        Scalar::Float(x) => x.is_finite(),
        Scalar::Complex(z) => z.is_finite(),
    };
    if !finite || !matches!(dtype.kind(), Kind::Float | Kind::Complex) {
        return false;
    }
    let mut wide = [0u128];
    let source = [bits];
    // SAFETY: one aligned element each; the scalar level is always there.
    unsafe {
        cast_block(dtype, DType::C128, source.as_ptr().cast(), wide.as_mut_ptr().cast(), 1, Isa::Scalar);
    }
    let part = |shift: u32| f64::from_bits((wide[0] >> shift) as u64);
    !part(0).is_finite() || !part(64).is_finite()
}
