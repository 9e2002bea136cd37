//! Programs: ufuncs made of ufuncs. A DAG of registered ufuncs, numbers, casts and choices is itself a ufunc, whose loops run
//! it block by block, so that nothing but its inputs and outputs touches memory. To the executor it is code of a loop like
//! any other: broadcasting, strides, masks, threads and methods come from there.
//!
//! `definition` is a program as data, `bytes` writes and reads that; `typed` resolves it for inputs of certain dtypes;
//! `lowered` makes steps over blocks of it, which `machine` runs; `raised` says which step raised what;
//! `fold` folds what a program computes. `value` writes programs in Rust.

mod bytes;
pub mod definition;
mod fold;
mod lowered;
mod machine;
mod raised;
mod typed;
mod value;

pub use definition::{Definition, DefinitionError, Named, Node, Nodes};
pub use fold::{FoldReport, Folded};
pub use raised::take as take_raised;
pub(crate) use raised::{Raised, take_noted};
pub use value::{Results, Value};

use crate::registry::derive::alike;
use crate::registry::{
    Code, Cost, DType, Derive, Derived, FoldOrder, FpReport, LoopDef, Object, ResolveError, Typed, UfuncDef,
    intern,
};
use lowered::{Lowered, cost_of};
use smallvec::SmallVec;
use std::any::Any;
use std::sync::Arc;
use typed::TypedProgram;

/// A definition, and the loops derived of it so far.
pub struct Program {
    definition: Definition,
    loops: Derived,
    cost: Cost,
}

impl Program {
    /// The ufunc of a checked definition.
    pub fn ufunc(definition: Definition) -> UfuncDef {
        let outputs: Vec<String> = match definition.outputs.len() {
            1 => vec!["out".to_owned()],
            n => (1..=n).map(|i| format!("out{i}")).collect(),
        };
        let inputs: Vec<&str> = definition.parameters.iter().map(String::as_str).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let mut def = UfuncDef::made(&definition.name, (&inputs, &outputs), vec![]);
        let called = definition.nodes.iter().filter_map(|node| match node {
            Node::Call { ufunc: Named(def), .. } => Some(def.cost),
            Node::Where(_) | Node::Cast(..) => Some(Cost::Light),
            _ => None,
        });
        def.cost = cost_of(called);
        let refusals = definition.nodes.iter().filter_map(|node| match node {
            Node::Call { ufunc: Named(def), .. } => def.refusal,
            _ => None,
        });
        def.refusal = refusals.into_iter().next();
        def.identity = definition.identity;
        def.reorderable = definition.reorderable;
        def.derived = Some(Box::new(Program { definition, loops: Derived::default(), cost: def.cost }));
        def
    }

    /// The program of a ufunc, if it is one.
    pub fn of(def: &UfuncDef) -> Option<&Program> {
        let source: &dyn Any = &**def.derived.as_ref()?;
        source.downcast_ref()
    }

    /// What it is made of.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The loops for inputs of one dtype: of each that the program takes, the dtypes of its inputs and outputs.
    pub fn signatures(&self) -> Vec<(Vec<DType>, Vec<DType>)> {
        let signature = |inputs: Vec<Typed>| {
            let typed = TypedProgram::new(&self.definition, &inputs).ok()?;
            let outputs = typed.outputs.iter().map(|&value| typed.dtype(value)).collect();
            Some((inputs.iter().map(|input| input.alone()).collect(), outputs))
        };
        alike(self.definition.parameters.len()).filter_map(signature).collect()
    }
}

/// In which dtypes a loop of a program has its inputs that are numbers, by input.
pub fn numbers(l: &LoopDef) -> &[(usize, DType)] {
    let lowered = match &l.code {
        Code::Object(object) => object.data.downcast_ref::<Lowered>(),
        Code::Kernels(_) => None,
    };
    lowered.map_or(&[], |lowered| &lowered.numbers)
}

impl Derive for Program {
    #[inline]
    fn derive(&self, inputs: &[Typed]) -> Result<&LoopDef, ResolveError> {
        match self.loops.find(inputs) {
            Some(known) => Ok(known),
            None => Ok(self.loops.keep(inputs, self.lower(inputs)?)),
        }
    }

    fn derived(&self) -> &Derived {
        &self.loops
    }
}

impl Program {
    #[cold]
    fn lower(&self, inputs: &[Typed]) -> Result<LoopDef, ResolveError> {
        let typed = TypedProgram::new(&self.definition, inputs)?;
        let outputs: SmallVec<[DType; 2]> = typed.outputs.iter().map(|&value| typed.dtype(value)).collect();
        let dtypes: SmallVec<[DType; 4]> = inputs.iter().map(|input| input.alone()).collect();
        Ok(LoopDef {
            inputs: intern::dtypes(&dtypes),
            outputs: intern::dtypes(&outputs),
            // Each step's are read by itself.
            fp: FpReport::Returned,
            folds: FoldOrder::Sequential,
            needs_gil: false,
            code: Code::Object(Object {
                data: Arc::new(Lowered::new(typed, inputs.len(), self.cost)),
                run: machine::run,
            }),
        })
    }
}
