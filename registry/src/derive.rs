//! Ufuncs without a list of loops: each loop is derived when operands of its dtypes first come, and kept as long as the
//! ufunc. What a program ([`Derive`]) computes depends on its operands' own dtypes, so that no list could hold its loops.

use crate::dtype::DType;
use crate::error::ResolveError;
use crate::promote::Typed;
use crate::resolve::Request;
use crate::ufunc::{LoopDef, UfuncDef};
use std::any::Any;
use std::sync::OnceLock;

/// Where a ufunc's loops come from.
pub trait Derive: Any + Send + Sync {
    /// The loop for inputs of exactly these types. A number's input has the dtype of its kind.
    fn derive(&self, inputs: &[Typed]) -> Result<&LoopDef, ResolveError>;

    /// Those derived so far.
    fn derived(&self) -> &Derived;
}

/// Loops derived so far: a list that only grows, read without a lock.
#[derive(Default)]
pub struct Derived(OnceLock<Box<Kept>>);

struct Kept {
    inputs: Box<[Typed]>,
    l: LoopDef,
    next: Derived,
}

impl Drop for Derived {
    /// One after the other: a long list would not fit the stack.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut kept) = next {
            next = kept.next.0.take();
        }
    }
}

impl Derived {
    /// The loop for these inputs, if it is there.
    #[inline]
    pub fn find(&self, inputs: &[Typed]) -> Option<&LoopDef> {
        self.iter().find(|kept| *kept.inputs == *inputs).map(|kept| &kept.l)
    }

    /// The loop for inputs of these dtypes, none of them a number, if it is there.
    #[inline]
    pub fn find_strong(&self, inputs: &[DType]) -> Option<&LoopDef> {
        let is = |kept: &&Kept| kept.inputs.iter().zip(inputs).all(|(&t, &dtype)| t == Typed::Strong(dtype));
        self.iter().find(is).map(|kept| &kept.l)
    }

    fn iter(&self) -> impl Iterator<Item = &Kept> {
        std::iter::successors(self.0.get(), |kept| kept.next.0.get()).map(|kept| &**kept)
    }

    /// Keeps a loop, unless another thread has kept the same first.
    pub fn keep(&self, inputs: &[Typed], l: LoopDef) -> &LoopDef {
        let (mut list, mut l) = (self, Some(l));
        loop {
            // The loop goes where nothing is; what another thread put there meanwhile is looked at like any other.
            let kept = list.0.get_or_init(|| match l.take() {
                Some(l) => Box::new(Kept { inputs: inputs.into(), l, next: Derived::default() }),
                None => unreachable!("it is taken once, and then returned"),
            });
            match &l {
                None => return &kept.l,
                Some(_) if *kept.inputs == *inputs => return &kept.l,
                Some(_) => list = &kept.next,
            }
        }
    }
}

/// Chooses the derived loop of a call. `dtype=` and `signature=` take the operands' own loop if that has what they fix, else the
/// first one whose inputs are all of one dtype.
pub(crate) fn derived_loop<'d>(
    def: &'d UfuncDef,
    source: &'d dyn Derive,
    request: &Request<'_>,
) -> Result<&'d LoopDef, ResolveError> {
    let Some(wish) = request.signature.filter(|wish| !wish.is_open()) else {
        return source.derive(request.inputs);
    };
    let wished = |i: usize, t: Typed| wish.inputs.get(i).copied().flatten().map_or(t, Typed::Strong);
    let with =
        |types: &[Typed]| -> Vec<Typed> { types.iter().enumerate().map(|(i, &t)| wished(i, t)).collect() };
    let fitting = |types: Vec<Typed>| source.derive(&types).ok().filter(|l| wish.admits(l.inputs, l.outputs));
    let mut alike = alike(def.nin()).filter_map(|types| fitting(with(&types)));
    let no_loop = ResolveError::NoMatchingLoop { ufunc: def.name };
    fitting(with(request.inputs)).or_else(|| alike.next()).ok_or(no_loop)
}

/// Lists of so many inputs of one dtype, in the order in which loops are searched.
pub fn alike(nin: usize) -> impl Iterator<Item = Vec<Typed>> {
    DType::ALL.iter().map(move |&dtype| vec![Typed::Strong(dtype); nin])
}
