//! The typed interface: `ufunx::exp(&a)?` on `ndarray` arrays, the element type of the result known to the compiler.
//!
//! [`crate::ufunc!`] makes three functions of each one- and two-input ufunc: `exp` (a new array), `exp_into` (a given
//! one), `exp_inplace` (over the first input). They exist for the element types the ufunc has a loop of its own for;
//! other combinations, and the narrow floats, go through [`crate::ufunc()`], which promotes.

use crate::array::{Input, View, ViewMut, operand_of};
use crate::call::{CallOptions, call_into};
use crate::error::Error;
use crate::operand::{Operand, Shape, Strides};
use crate::registry::{
    Casting, Complex32, Complex64, Element, F8E4M3FN, F8E5M2, UfuncDef, UserElement, bf16, f16,
};
use crate::simd::kernel::Lane;
use crate::simd::pack::{OutPack, Pack};
use ndarray::{Array, ArrayBase, Data, DataMut, DimMax, Dimension, Ix0, ShapeBuilder};

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
    let views = [a.view(), b.view()];
    let shapes = || views.iter().map(View::shape);
    let shape = crate::operand::broadcast_shape(shapes())
        .ok_or_else(|| Error::Broadcast { shapes: shapes().map(<[usize]>::to_vec).collect() })?;
    let mut dim = <Both<A::Dim, B::Dim> as Dimension>::zeros(shape.len());
    dim.slice_mut().copy_from_slice(&shape);
    let column_major = (a.is_column_major() || a.view().shape().is_empty())
        && (b.is_column_major() || b.view().shape().is_empty());
    make(def, &views, dim, column_major)
}

fn make<U: UserElement, D: Dimension>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    dim: D,
    column_major: bool,
) -> Result<Array<U, D>, Error> {
    let mut out = Array::<U, D>::uninit(dim.set_f(column_major));
    let ptr = out.as_mut_ptr().cast::<U>();
    let strides: Strides = out.strides().iter().map(|s| s * size_of::<U>() as isize).collect();
    let operand =
        Operand { ptr: ptr.cast(), dtype: U::Lane::DTYPE, shape: Shape::from_slice(out.shape()), strides };
    // SAFETY: the memory is `out`'s, which nothing else uses; a call only writes its outputs.
    run(def, inputs, unsafe { ViewMut::from_operand(operand) })?;
    // SAFETY: the call wrote every element.
    Ok(unsafe { out.assume_init() })
}

/// Calls a ufunc into a given array.
pub fn into<U: UserElement, S: DataMut<Elem = U>, D: Dimension>(
    def: &UfuncDef,
    inputs: &[View<'_>],
    out: &mut ArrayBase<S, D>,
) -> Result<(), Error> {
    run(def, inputs, ViewMut::from(out))
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
    run(def, &inputs, out)
}

/// The loop is the one with exactly the inputs' dtypes; no output is cast.
fn run(def: &UfuncDef, inputs: &[View<'_>], mut out: ViewMut<'_>) -> Result<(), Error> {
    let options = CallOptions { casting: Casting::No, ..CallOptions::default() };
    let inputs: smallvec::SmallVec<[Input<'_>; 2]> = inputs.iter().cloned().map(Input::View).collect();
    call_into(def, &inputs, std::slice::from_mut(&mut out), &options).map(drop)
}
