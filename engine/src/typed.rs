//! The typed interface: `ufunx::exp(&a)?` on `ndarray` arrays, the element type of the result known to the compiler.
//!
//! [`crate::ufunc!`] makes three functions of each one- and two-input ufunc: `exp` (a new array), `exp_into` (a given
//! one), `exp_inplace` (over the first input); of one with two outputs the first two. They exist for the element types the ufunc has a loop of its own for;
//! other combinations, and the narrow floats, go through [`crate::ufunc()`], which promotes.

use crate::array::{Input, View, ViewMut, operand_of};
use crate::call::{CallOptions, call_into};
use crate::error::Error;
use crate::memory;
use crate::operand::{Operand, Shape, Strides, checked_bytes};
use crate::registry::{
    Casting, Complex32, Complex64, DateTime64, Element, F8E4M3FN, F8E5M2, TimeDelta64, UfuncDef, UserElement,
    bf16, f16,
};
use crate::simd::kernel::Lane;
use crate::simd::pack::{OutPack, Pack};
use ndarray::{Array, ArrayBase, Data, DataMut, DimMax, Dimension, Ix0, ShapeBuilder};
use std::mem::MaybeUninit;

/// An operation that takes these inputs natively, whatever its kernel is.
pub trait Takes<I: Pack>: 'static {
    /// The output.
    type Out: OutPack;
}

impl<O: Lane<I>, I: Pack> Takes<I> for O {
    type Out = O::Out;
}

/// The element type users see of an operation's result.
pub type OutOf<O, I> = <<O as Takes<I>>::Out as Element>::User;

/// Two outputs of one element.
pub trait Pair: OutPack {
    /// The first one's type, as users see it.
    type First: UserElement;
    /// The second one's.
    type Second: UserElement;
}

impl<A: Element + OutPack, B: Element + OutPack> Pair for (A, B) {
    type First = A::User;
    type Second = B::User;
}

/// The types of an operation's two results.
pub type OutsOf<O, I> = <O as Takes<I>>::Out;
/// The first one's.
pub type FirstOf<O, I> = <OutsOf<O, I> as Pair>::First;
/// The second one's.
pub type SecondOf<O, I> = <OutsOf<O, I> as Pair>::Second;
/// Two results of one shape.
pub type Two<P, D> = (Array<<P as Pair>::First, D>, Array<<P as Pair>::Second, D>);

/// An operand of a typed call: a reference to an array, or a number.
pub trait TypedInput<T: UserElement> {
    /// Its number of axes as a type.
    type Dim: Dimension;
    /// To be read.
    fn view(&self) -> View<'_>;
    /// Its shape.
    fn dim(&self) -> Self::Dim;
    /// Whether it lies column by column.
    fn is_column_major(&self) -> bool;
}

impl<T: UserElement, S: Data<Elem = T>, D: Dimension> TypedInput<T> for &ArrayBase<S, D> {
    type Dim = D;
    fn view(&self) -> View<'_> {
        View::from(*self)
    }
    fn dim(&self) -> D {
        self.raw_dim()
    }
    fn is_column_major(&self) -> bool {
        self.ndim() > 1 && self.t().is_standard_layout() && !self.is_standard_layout()
    }
}

macro_rules! numbers {
    (Bool: B8 { $($bool:tt)* } $($variant:ident: $t:ident { $($row:tt)* })*) => {
        numbers! { @impl bool $($t)* }
    };
    (@impl $($t:ty)*) => {$(
        impl TypedInput<$t> for $t {
            type Dim = Ix0;
            fn view(&self) -> View<'_> {
                let ptr = std::ptr::from_ref(self).cast_mut().cast();
                // SAFETY: one element, borrowed as long as the view lives.
                unsafe { View::from_operand(Operand::scalar(ptr, <$t as UserElement>::Lane::DTYPE)) }
            }
            fn dim(&self) -> Ix0 {
                Ix0()
            }
            fn is_column_major(&self) -> bool {
                false
            }
        }
    )*};
}
crate::registry::for_each_dtype!(numbers);

/// The shape of a result of two operands; as the shapes broadcast.
pub type Both<A, B> = <A as DimMax<B>>::Output;

/// Calls a one-input ufunc, making the result.
pub fn unary<T: UserElement, U: UserElement, A: TypedInput<T>>(
    def: &UfuncDef,
    x: &A,
) -> Result<Array<U, A::Dim>, Error> {
    make(def, &[x.view()], x.dim(), x.is_column_major())
}

/// The same with two results.
pub fn unary2<T: UserElement, P: Pair, A: TypedInput<T>>(
    def: &UfuncDef,
    x: &A,
) -> Result<Two<P, A::Dim>, Error> {
    make2::<P, _>(def, &[x.view()], x.dim(), x.is_column_major())
}

/// Calls a two-input ufunc, making the result.
#[allow(clippy::type_complexity, reason = "the shape of the result is a type of its own")]
pub fn binary<T: UserElement, U: UserElement, A: TypedInput<T>, B: TypedInput<T>>(
    def: &UfuncDef,
    a: &A,
    b: &B,
) -> Result<Array<U, Both<A::Dim, B::Dim>>, Error>
where
    A::Dim: DimMax<B::Dim>,
{
    let (dim, column_major) = broadcast::<T, A, B>(a, b)?;
    make(def, &[a.view(), b.view()], dim, column_major)
}

/// The same with two results.
#[allow(clippy::type_complexity, reason = "the shape of the results is a type of its own")]
pub fn binary2<T: UserElement, P: Pair, A: TypedInput<T>, B: TypedInput<T>>(
    def: &UfuncDef,
    a: &A,
    b: &B,
) -> Result<Two<P, Both<A::Dim, B::Dim>>, Error>
where
    A::Dim: DimMax<B::Dim>,
{
    let (dim, column_major) = broadcast::<T, A, B>(a, b)?;
    make2::<P, _>(def, &[a.view(), b.view()], dim, column_major)
}

/// The shape of a result of two operands, and whether it lies column by column.
#[allow(clippy::type_complexity, reason = "the shape of the result is a type of its own")]
fn broadcast<T: UserElement, A: TypedInput<T>, B: TypedInput<T>>(
    a: &A,
    b: &B,
) -> Result<(Both<A::Dim, B::Dim>, bool), Error>
where
    A::Dim: DimMax<B::Dim>,
{
    let views = [a.view(), b.view()];
    let shapes = || views.iter().map(View::shape);
    let shape = crate::operand::broadcast_shape(shapes())
        .ok_or_else(|| Error::Broadcast { shapes: shapes().map(<[usize]>::to_vec).collect() })?;
    let mut dim = <Both<A::Dim, B::Dim> as Dimension>::zeros(shape.len());
    dim.slice_mut().copy_from_slice(&shape);
    let column_major = (a.is_column_major() || a.view().shape().is_empty())
        && (b.is_column_major() || b.view().shape().is_empty());
    Ok((dim, column_major))
}

fn make<U: UserElement, D: Dimension>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    dim: D,
    column_major: bool,
) -> Result<Array<U, D>, Error> {
    let mut out = uninit(dim, column_major)?;
    // SAFETY: the memory is `out`'s, which nothing else uses; a call only writes its outputs.
    run(def, inputs, &mut [unsafe { unwritten(&mut out) }])?;
    // SAFETY: the call wrote every element.
    Ok(unsafe { out.assume_init() })
}

fn make2<P: Pair, D: Dimension>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    dim: D,
    column_major: bool,
) -> Result<Two<P, D>, Error> {
    let mut first = uninit(dim.clone(), column_major)?;
    let mut second = uninit(dim, column_major)?;
    // SAFETY: the memory is theirs, which nothing else uses; a call only writes its outputs.
    run(def, inputs, &mut unsafe { [unwritten(&mut first), unwritten(&mut second)] })?;
    // SAFETY: the call wrote every element.
    Ok(unsafe { (first.assume_init(), second.assume_init()) })
}

/// Memory for a new array, if there is so much.
fn uninit<U: UserElement, D: Dimension>(
    dim: D,
    column_major: bool,
) -> Result<Array<MaybeUninit<U>, D>, Error> {
    checked_bytes(dim.slice(), size_of::<U>())?;
    let n = dim.size();
    let mut items: Vec<MaybeUninit<U>> = memory::list(n, U::Lane::DTYPE)?;
    // SAFETY: there is room for `n`, and what may be uninitialised needs no value.
    unsafe { items.set_len(n) };
    let made = Array::from_shape_vec(dim.set_f(column_major), items);
    Ok(made.unwrap_or_else(|_| unreachable!("as many items as the shape has")))
}

/// A new array as an output.
///
/// # Safety
/// It is written before it is read, and outlives the view.
unsafe fn unwritten<'a, U: UserElement, D: Dimension>(out: &mut Array<MaybeUninit<U>, D>) -> ViewMut<'a> {
    let ptr = out.as_mut_ptr().cast::<U>();
    let strides: Strides = out.strides().iter().map(|s| s * size_of::<U>() as isize).collect();
    let operand =
        Operand { ptr: ptr.cast(), dtype: U::Lane::DTYPE, shape: Shape::from_slice(out.shape()), strides };
    // SAFETY: the caller's promise.
    unsafe { ViewMut::from_operand(operand) }
}

/// Calls a ufunc into a given array.
pub fn into<U: UserElement, S: DataMut<Elem = U>, D: Dimension>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    out: &mut ArrayBase<S, D>,
) -> Result<(), Error> {
    run(def, inputs, &mut [ViewMut::from(out)])
}

/// Calls a ufunc into two given arrays.
pub fn into2<U, V, S, R, D>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    first: &mut ArrayBase<S, D>,
    second: &mut ArrayBase<R, D>,
) -> Result<(), Error>
where
    U: UserElement,
    V: UserElement,
    S: DataMut<Elem = U>,
    R: DataMut<Elem = V>,
    D: Dimension,
{
    run(def, inputs, &mut [ViewMut::from(first), ViewMut::from(second)])
}

/// Calls a ufunc over its first input; `rest` are the others.
pub fn inplace<T: UserElement, S: DataMut<Elem = T>, D: Dimension>(
    def: &UfuncDef,
    x: &mut ArrayBase<S, D>,
    rest: &[View<'_>],
) -> Result<(), Error> {
    let ptr = x.as_mut_ptr();
    let operand = operand_of(x, ptr);
    // SAFETY: both are the array borrowed mutably here; calls allow an input that is the output.
    let (input, out) = unsafe { (View::from_operand(operand.clone()), ViewMut::from_operand(operand)) };
    let inputs: smallvec::SmallVec<[View<'_>; 2]> = [input].into_iter().chain(rest.iter().cloned()).collect();
    run(def, &inputs, &mut [out])
}

/// The loop is the one with exactly the inputs' dtypes; no output is cast.
fn run(def: &UfuncDef, inputs: &[View<'_>], outputs: &mut [ViewMut<'_>]) -> Result<(), Error> {
    let options = CallOptions { casting: Casting::No, ..CallOptions::default() };
    let inputs: smallvec::SmallVec<[Input<'_>; 2]> = inputs.iter().cloned().map(Input::View).collect();
    call_into(def, &inputs, outputs, &options).map(drop)
}
