//! Programs written in Rust: a closure on [`Value`]s says what is computed, by operators and by the `_of` functions that
//! `ufunc!` makes beside the others.

use super::Program;
use super::definition::{Definition, DefinitionError, Named, Node, Nodes};
use crate::array::Scalar;
use crate::registry::{Complex64, DType, UfuncDef};
use std::collections::HashMap;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Rem, Shl, Shr, Sub};
use std::rc::Rc;

/// A value of a program that is being written.
#[derive(Clone)]
pub struct Value(Rc<Of>);

enum Of {
    Input(u32),
    Number(Scalar),
    Call(&'static UfuncDef, Vec<Value>, u32),
    Where([Value; 3]),
    Cast(DType, Value),
}

/// What a program gives: a value, or several.
pub trait Results {
    /// All of them.
    fn values(self) -> Vec<Value>;
}

impl Program {
    /// The ufunc that computes what `f` says, of as many inputs as the closure's pattern has.
    ///
    /// ```
    /// use ufunx::{Program, Ufunc, View, exp_of};
    ///
    /// let bell = Program::new("bell", |[x, y]| exp_of(-&x * &x) * y + 1.0)?;
    /// let (x, y) = (ndarray::array![0.0, 1.0], ndarray::array![2.0, 0.0]);
    /// let inputs = [View::from(&x).into(), View::from(&y).into()];
    /// let result = Ufunc::from_def(&bell).call(&inputs, &Default::default())?.one();
    /// assert_eq!(result.to_ndarray::<f64>()?, ndarray::array![3.0, 1.0].into_dyn());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::new_ret_no_self, reason = "what is made is a ufunc")]
    pub fn new<const N: usize, R: Results>(
        name: &str,
        f: impl FnOnce([Value; N]) -> R,
    ) -> Result<UfuncDef, DefinitionError> {
        let names: Vec<String> = (1..=N).map(|i| format!("x{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut definition = Definition::new(name, &names);
        let results = f(std::array::from_fn(|i| Value(Rc::new(Of::Input(i as u32))))).values();
        let (mut nodes, mut known) = (Nodes::default(), HashMap::new());
        definition.outputs = results.iter().map(|value| value.node(&mut nodes, &mut known)).collect();
        definition.nodes = nodes.into_vec();
        Ok(Program::ufunc(definition.checked()?))
    }
}

impl Value {
    /// An output of a ufunc of these inputs.
    pub fn of(def: &'static UfuncDef, inputs: Vec<Value>, output: u32) -> Value {
        Value(Rc::new(Of::Call(def, inputs, output)))
    }

    /// The second where this is true, else the third.
    pub fn choose(&self, a: impl Into<Value>, b: impl Into<Value>) -> Value {
        Value(Rc::new(Of::Where([self.clone(), a.into(), b.into()])))
    }

    /// The value in that dtype.
    pub fn cast(&self, dtype: DType) -> Value {
        Value(Rc::new(Of::Cast(dtype, self.clone())))
    }

    /// Its node, and before it those it uses.
    fn node(&self, nodes: &mut Nodes, known: &mut HashMap<*const Of, u32>) -> u32 {
        let at = Rc::as_ptr(&self.0);
        if let Some(&id) = known.get(&at) {
            return id;
        }
        let mut ids =
            |values: &[Value]| -> Vec<u32> { values.iter().map(|v| v.node(nodes, known)).collect() };
        let node = match &*self.0 {
            &Of::Input(i) => Node::Input(i),
            &Of::Number(number) => Node::number(number),
            Of::Call(def, inputs, output) => {
                Node::Call { ufunc: Named(def), inputs: ids(inputs).into(), output: *output }
            }
            Of::Where(three) => {
                let ids = ids(three);
                Node::Where([ids[0], ids[1], ids[2]])
            }
            Of::Cast(dtype, value) => Node::Cast(*dtype, ids(std::slice::from_ref(value))[0]),
        };
        let id = nodes.add(node);
        known.insert(at, id);
        id
    }
}

impl Results for Value {
    fn values(self) -> Vec<Value> {
        vec![self]
    }
}
impl<const N: usize> Results for [Value; N] {
    fn values(self) -> Vec<Value> {
        self.into()
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

macro_rules! numbers {
    ($($t:ty => $how:expr;)*) => {$(
        impl From<$t> for Value {
            fn from(x: $t) -> Value {
                let how: fn($t) -> Scalar = $how;
                Value(Rc::new(Of::Number(how(x))))
            }
        }
    )*};
}
numbers! {
    i32 => |x| Scalar::Int(x.into());
    i64 => |x| Scalar::Int(x.into());
    f64 => Scalar::Float;
    Complex64 => Scalar::Complex;
}

/// Operators are the ufuncs that they are in Python.
macro_rules! operators {
    ($($operator:ident $method:ident $def:path;)*) => {$(
        impl<T: Into<Value>> $operator<T> for Value {
            type Output = Value;
            fn $method(self, other: T) -> Value {
                Value::of(&$def, vec![self, other.into()], 0)
            }
        }
        impl<T: Into<Value>> $operator<T> for &Value {
            type Output = Value;
            fn $method(self, other: T) -> Value {
                Value::of(&$def, vec![self.clone(), other.into()], 0)
            }
        }
        operators! { @numbers $operator $method $def; i32 i64 f64 Complex64 }
    )*};
    (@numbers $operator:ident $method:ident $def:path; $($t:ty)*) => {$(
        impl $operator<Value> for $t {
            type Output = Value;
            fn $method(self, other: Value) -> Value {
                Value::of(&$def, vec![self.into(), other], 0)
            }
        }
        impl $operator<&Value> for $t {
            type Output = Value;
            fn $method(self, other: &Value) -> Value {
                Value::of(&$def, vec![self.into(), other.clone()], 0)
            }
        }
    )*};
}
operators! {
    Add add crate::kernels::arith::ADD;
    Sub sub crate::kernels::arith::SUBTRACT;
    Mul mul crate::kernels::arith::MULTIPLY;
    Div div crate::kernels::arith::DIVIDE;
    Rem rem crate::kernels::division::REMAINDER;
    BitAnd bitand crate::kernels::bitwise::BITWISE_AND;
    BitOr bitor crate::kernels::bitwise::BITWISE_OR;
    BitXor bitxor crate::kernels::bitwise::BITWISE_XOR;
    Shl shl crate::kernels::bitwise::LEFT_SHIFT;
    Shr shr crate::kernels::bitwise::RIGHT_SHIFT;
}

impl Neg for Value {
    type Output = Value;
    fn neg(self) -> Value {
        Value::of(&crate::kernels::arith::NEGATIVE, vec![self], 0)
    }
}
impl Neg for &Value {
    type Output = Value;
    fn neg(self) -> Value {
        -self.clone()
    }
}
