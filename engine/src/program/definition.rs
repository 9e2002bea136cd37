//! What a program is, as data: a DAG of ufuncs, numbers, casts and choices, and how the ufunc made of it is called.

use crate::array::Scalar;
use crate::registry::{Complex64, DType, Identity, UfuncDef, table};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Most nodes of a program.
pub const MOST_NODES: usize = 4096;
/// Most inputs and outputs together; NumPy's limit.
pub const MOST_OPERANDS: usize = 64;

/// A ufunc made of others, as data. Equal definitions have equal bytes ([`Definition::to_bytes`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The ufunc's name.
    pub name: String,
    /// What it is for.
    pub doc: Option<String>,
    /// Where it was made.
    pub module: Option<String>,
    /// Names of its inputs.
    pub parameters: Vec<String>,
    /// The nodes, each behind those it uses.
    pub nodes: Vec<Node>,
    /// Which nodes are the outputs.
    pub outputs: Vec<u32>,
    /// What a reduction over nothing gives.
    pub identity: Identity,
    /// Whether reductions may run over several axes.
    pub reorderable: bool,
    /// By what a call folds its result.
    pub fold: Option<Named>,
}

/// A value of a program, per element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// An input.
    Input(u32),
    /// A number whose kind counts, as a Python `int` does.
    Int(i128),
    /// A `float`, by its bits.
    Float(u64),
    /// A `complex`, by the bits of its parts.
    Complex(u64, u64),
    /// A number of a dtype, by its bits.
    Strong(DType, u128),
    /// An output of a ufunc.
    Call {
        /// Which ufunc.
        ufunc: Named,
        /// Its inputs.
        inputs: SmallVec<[u32; 2]>,
        /// Which output.
        output: u32,
    },
    /// The second where the first is true, else the third.
    Where([u32; 3]),
    /// Another value in that dtype.
    Cast(DType, u32),
}

/// A registered ufunc. Two are the same if their names are.
#[derive(Clone, Copy)]
pub struct Named(pub &'static UfuncDef);

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants' own lines say what their fields are")]
pub enum DefinitionError {
    /// No ufunc of that name is linked into the program.
    UnknownUfunc { name: String },
    /// A ufunc that computes over whole axes.
    NotElementwise { name: &'static str },
    /// A ufunc with another number of inputs.
    Arity { name: &'static str, expected: usize, found: usize },
    /// A ufunc without such an output.
    NoOutput { name: &'static str, output: u32 },
    /// A node that uses one that is not before it.
    NotBefore { node: usize, uses: u32 },
    /// An input that no parameter names.
    NoParameter { input: u32 },
    /// No input, no output, or too many.
    Operands { inputs: usize, outputs: usize },
    /// Two parameters of one name.
    SameParameter { name: String },
    /// Too many nodes.
    TooManyNodes { found: usize },
    /// A ufunc that cannot fold the result: not of two inputs and one output, or there are several results.
    NoFold { name: String },
    /// A name or a text that C's functions would read half of.
    Text { text: String },
    /// Bytes that are no definition.
    Malformed { at: usize, what: &'static str },
}

impl Definition {
    /// An empty one, to which nodes are [added](Nodes).
    pub fn new(name: &str, parameters: &[&str]) -> Definition {
        Definition {
            name: name.to_owned(),
            doc: None,
            module: None,
            parameters: parameters.iter().map(|&name| name.to_owned()).collect(),
            nodes: vec![],
            outputs: vec![],
            identity: Identity::None,
            reorderable: false,
            fold: None,
        }
    }

    /// Checks it. What no output uses is left out, and what is there twice is there once.
    pub fn checked(mut self) -> Result<Definition, DefinitionError> {
        let (inputs, outputs) = (self.parameters.len(), self.outputs.len());
        if inputs == 0 || outputs == 0 || inputs + outputs > MOST_OPERANDS {
            return Err(DefinitionError::Operands { inputs, outputs });
        }
        let texts = self.parameters.iter().chain([&self.name]).chain(&self.doc).chain(&self.module);
        if let Some(text) = texts.into_iter().find(|text| text.contains('\0')) {
            return Err(DefinitionError::Text { text: text.clone() });
        }
        if let Some(i) = (1..inputs).find(|&i| self.parameters[..i].contains(&self.parameters[i])) {
            return Err(DefinitionError::SameParameter { name: self.parameters[i].clone() });
        }
        for (i, node) in self.nodes.iter().enumerate() {
            node.check(i, inputs)?;
        }
        let nodes = self.nodes.len();
        if let Some(&uses) = self.outputs.iter().find(|&&id| id as usize >= nodes) {
            return Err(DefinitionError::NotBefore { node: nodes, uses });
        }
        if let Some(Named(fold)) = self.fold
            && !(fold.nin() == 2 && fold.nout() == 1 && fold.core.is_none() && outputs == 1)
        {
            return Err(DefinitionError::NoFold { name: fold.name.to_owned() });
        }
        let mut used = vec![false; nodes];
        self.outputs.iter().for_each(|&id| used[id as usize] = true);
        for i in (0..nodes).rev() {
            if used[i] {
                self.nodes[i].uses().iter().for_each(|&id| used[id as usize] = true);
            }
        }
        let (mut kept, mut place) = (Nodes::default(), vec![0; nodes]);
        for (i, node) in self.nodes.into_iter().enumerate().filter(|&(i, _)| used[i]) {
            place[i] = kept.add(node.renumbered(&place));
        }
        if kept.nodes.len() > MOST_NODES {
            return Err(DefinitionError::TooManyNodes { found: kept.nodes.len() });
        }
        self.nodes = kept.nodes;
        self.outputs.iter_mut().for_each(|id| *id = place[*id as usize]);
        Ok(self)
    }
}

/// Nodes, each there once.
#[derive(Default)]
pub struct Nodes {
    nodes: Vec<Node>,
    known: HashMap<Node, u32>,
}

impl Nodes {
    /// The number of that node, which is added if it is not there.
    pub fn add(&mut self, node: Node) -> u32 {
        let next = self.nodes.len() as u32;
        *self.known.entry(node).or_insert_with_key(|node| {
            self.nodes.push(node.clone());
            next
        })
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Node> {
        self.nodes
    }
}

impl Node {
    /// A number whose kind counts.
    pub fn number(scalar: Scalar) -> Node {
        match scalar {
            Scalar::Int(x) => Node::Int(x),
            Scalar::Float(x) => Node::Float(x.to_bits()),
            Scalar::Complex(z) => Node::Complex(z.re.to_bits(), z.im.to_bits()),
        }
    }

    /// Its number, if its kind counts.
    pub fn scalar(&self) -> Option<Scalar> {
        match *self {
            Node::Int(x) => Some(Scalar::Int(x)),
            Node::Float(bits) => Some(Scalar::Float(f64::from_bits(bits))),
            Node::Complex(re, im) => {
                Some(Scalar::Complex(Complex64::new(f64::from_bits(re), f64::from_bits(im))))
            }
            _ => None,
        }
    }

    /// The nodes it uses.
    pub fn uses(&self) -> &[u32] {
        match self {
            Node::Call { inputs, .. } => inputs,
            Node::Where(three) => three,
            Node::Cast(_, one) => std::slice::from_ref(one),
            _ => &[],
        }
    }

    fn check(&self, place: usize, parameters: usize) -> Result<(), DefinitionError> {
        if let Some(&uses) = self.uses().iter().find(|&&id| id as usize >= place) {
            return Err(DefinitionError::NotBefore { node: place, uses });
        }
        match self {
            &Node::Input(input) if input as usize >= parameters => {
                Err(DefinitionError::NoParameter { input })
            }
            Node::Call { ufunc: Named(def), inputs, output } => {
                if def.core.is_some() {
                    return Err(DefinitionError::NotElementwise { name: def.name });
                }
                if inputs.len() != def.nin() {
                    let (expected, found) = (def.nin(), inputs.len());
                    return Err(DefinitionError::Arity { name: def.name, expected, found });
                }
                match (*output as usize) < def.nout() {
                    true => Ok(()),
                    false => Err(DefinitionError::NoOutput { name: def.name, output: *output }),
                }
            }
            _ => Ok(()),
        }
    }

    fn renumbered(mut self, place: &[u32]) -> Node {
        let uses = match &mut self {
            Node::Call { inputs, .. } => &mut inputs[..],
            Node::Where(three) => three,
            Node::Cast(_, one) => std::slice::from_mut(one),
            _ => &mut [],
        };
        uses.iter_mut().for_each(|id| *id = place[*id as usize]);
        self
    }
}

impl Named {
    /// The ufunc of that name.
    pub fn find(name: &str) -> Result<Named, DefinitionError> {
        table().get(name).map(Named).ok_or_else(|| DefinitionError::UnknownUfunc { name: name.to_owned() })
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}
impl Eq for Named {}
impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).hash(state);
    }
}
impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// As Python would write it, a line for each value that is computed.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: u32| match &self.nodes[id as usize] {
            Node::Input(i) => self.parameters[*i as usize].clone(),
            Node::Int(x) => x.to_string(),
            Node::Float(bits) => format!("{:?}", f64::from_bits(*bits)),
            Node::Complex(re, im) => format!("({:?}{:+?}j)", f64::from_bits(*re), f64::from_bits(*im)),
            Node::Strong(dtype, bits) => format!("{dtype}({bits:#x})"),
            _ => format!("t{id}"),
        };
        let names = |ids: &[u32]| ids.iter().map(|&id| name(id)).collect::<Vec<_>>().join(", ");
        writeln!(f, "{}({}):", self.name, self.parameters.join(", "))?;
        for (id, node) in self.nodes.iter().enumerate() {
            match node {
                Node::Call { ufunc: Named(def), inputs, output } => {
                    write!(f, "  t{id} = {}({})", def.name, names(inputs))?;
                    writeln!(f, "{}", if def.nout() > 1 { format!("[{output}]") } else { String::new() })?;
                }
                Node::Where(three) => writeln!(f, "  t{id} = where({})", names(three))?,
                Node::Cast(dtype, from) => writeln!(f, "  t{id} = {}.astype({dtype})", name(*from))?,
                _ => {}
            }
        }
        let fold = self.fold.map_or(String::new(), |Named(def)| format!("{}.reduce of ", def.name));
        write!(f, "  return {fold}{}", names(&self.outputs))
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DefinitionError::UnknownUfunc { name } => write!(f, "there is no ufunc '{name}'"),
            DefinitionError::NotElementwise { name } => {
                write!(f, "'{name}' computes over whole axes, a program one element at a time")
            }
            DefinitionError::Arity { name, expected, found } => {
                write!(f, "'{name}' takes {expected} inputs, not {found}")
            }
            DefinitionError::NoOutput { name, output } => write!(f, "'{name}' has no output {output}"),
            DefinitionError::NotBefore { node, uses } => {
                write!(f, "node {node} uses node {uses}, which is not before it")
            }
            DefinitionError::NoParameter { input } => write!(f, "there is no parameter {input}"),
            DefinitionError::Operands { inputs, outputs } => write!(
                f,
                "a ufunc has inputs and outputs, {MOST_OPERANDS} at most together, not {inputs} and {outputs}"
            ),
            DefinitionError::SameParameter { name } => write!(f, "two parameters are named '{name}'"),
            DefinitionError::Text { text } => write!(f, "{text:?} has a null character"),
            DefinitionError::TooManyNodes { found } => {
                write!(f, "{found} operations are more than the {MOST_NODES} that a program may have")
            }
            DefinitionError::NoFold { name } => write!(f, "'{name}' cannot fold what the program gives"),
            DefinitionError::Malformed { at, what } => {
                write!(f, "the bytes are no definition: {what} at byte {at}")
            }
        }
    }
}

impl std::error::Error for DefinitionError {}
