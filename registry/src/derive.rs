//! Ufuncs without a list of loops: each loop is derived when operands of its dtypes first come, and kept as long as the
//! ufunc. What a program ([`Derive`]) computes depends on its operands' own dtypes, so that no list could hold its loops.

use crate::dtype::DType;
use crate::error::ResolveError;
use crate::promote::{Typed, promote_all};
use crate::resolve::Request;
use crate::signature::Signature;
use crate::ufunc::{LoopDef, UfuncDef};
use std::any::Any;
use std::sync::OnceLock;

/// Where a ufunc's loops come from.
pub trait Derive: Any + Send + Sync {
    /// The loop for inputs of exactly these dtypes.
    fn derive(&self, inputs: &[DType]) -> Result<&LoopDef, ResolveError>;
}

/// Loops derived so far: a list that only grows, read without a lock.
#[derive(Default)]
pub struct Derived(OnceLock<Box<Kept>>);

struct Kept {
    l: LoopDef,
    next: Derived,
}

impl Derived {
    /// The loop with these inputs, if it is there.
    #[inline]
    pub fn find(&self, inputs: &[DType]) -> Option<&LoopDef> {
        self.iter().find(|l| l.inputs == inputs)
    }

    /// Those there are.
    pub fn iter(&self) -> impl Iterator<Item = &LoopDef> {
        std::iter::successors(self.0.get(), |kept| kept.next.0.get()).map(|kept| &kept.l)
    }

    /// Keeps a loop, unless another thread has kept the same first.
    pub fn keep(&self, l: LoopDef) -> &LoopDef {
        let (mut list, mut l) = (self, Some(l));
        loop {
            // The loop goes where nothing is; what another thread put there meanwhile is looked at like any other.
            let kept = list.0.get_or_init(|| match l.take() {
                Some(l) => Box::new(Kept { l, next: Derived::default() }),
                None => unreachable!("it is taken once, and then returned"),
            });
            match &l {
                None => return &kept.l,
                Some(l) if l.inputs == kept.l.inputs => return &kept.l,
                Some(_) => list = &kept.next,
            }
        }
    }
}

/// Chooses the derived loop of a call. A number has the dtype it would have beside the other inputs. `dtype=` and
/// `signature=` take the operands' own loop if that has what they fix, else the first one whose inputs are all of one dtype.
pub(crate) fn derived_loop<'d>(
    def: &'d UfuncDef,
    source: &'d dyn Derive,
    request: &Request<'_>,
) -> Result<&'d LoopDef, ResolveError> {
    let own = own_dtypes(request.inputs);
    let Some(wish) = request.signature.filter(|wish| !wish.is_open()) else { return source.derive(&own) };
    let wished = |i: usize, dtype: DType| wish.inputs.get(i).copied().flatten().unwrap_or(dtype);
    let with = |dtypes: &[DType]| -> Vec<DType> { dtypes.iter().enumerate().map(|(i, &d)| wished(i, d)).collect() };
    let fitting = |dtypes: Vec<DType>| source.derive(&dtypes).ok().filter(|l| admits(wish, l));
    let alike = || alike(def.nin()).filter_map(|dtypes| fitting(with(&dtypes)));
    let no_loop = ResolveError::NoMatchingLoop { ufunc: def.name };
    fitting(with(&own)).or_else(|| alike().next()).ok_or(no_loop)
}

/// Lists of so many inputs of one dtype, in the order in which loops are searched.
pub fn alike(nin: usize) -> impl Iterator<Item = Vec<DType>> {
    DType::ALL.iter().map(move |&dtype| vec![dtype; nin])
}

fn admits(wish: &Signature, l: &LoopDef) -> bool {
    wish.admits(l.inputs, l.outputs)
}

fn own_dtypes(inputs: &[Typed]) -> Vec<DType> {
    let beside = |typed: Typed| match typed {
        Typed::Strong(dtype) => dtype,
        Typed::Weak(weak) => {
            let strong = || inputs.iter().copied().filter(|t| matches!(t, Typed::Strong(_)));
            let strong: Vec<Typed> = strong().collect();
            promote_all(&strong).map_or(weak.default_dtype(), |dtype| weak.beside(dtype))
        }
    };
    inputs.iter().map(|&typed| beside(typed)).collect()
}
