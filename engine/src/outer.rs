//! `outer`: a binary ufunc on every pair of elements.

use crate::array::{Input, View};
use crate::call::{CallOptions, Called, call};
use crate::error::Error;
use crate::registry::UfuncDef;

/// The result has the axes of `a`, then those of `b`.
pub fn outer(
    def: &UfuncDef,
    a: &Input<'_>,
    b: &Input<'_>,
    options: &CallOptions<'_>,
) -> Result<Called, Error> {
    if def.core.is_some() {
        return Err(Error::Generalized { ufunc: def.name });
    }
    if def.nin() != 2 {
        return Err(Error::NotBinary { ufunc: def.name, method: "outer" });
    }
    let b_ndim = match b {
        Input::View(view) => view.shape().len(),
        Input::Scalar(_) => 0,
    };
    let a = match a {
        Input::Scalar(scalar) => Input::Scalar(*scalar),
        Input::View(view) => {
            let mut operand = view.operand().clone();
            operand.shape.extend(std::iter::repeat_n(1, b_ndim));
            operand.strides.extend(std::iter::repeat_n(0, b_ndim));
            // SAFETY: the same elements, borrowed as long.
            Input::View(unsafe { View::from_operand(operand) })
        }
    };
    call(def, &[a, b.clone()], options)
}
