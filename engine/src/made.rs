//! Loops made at run time, whose code is an object: what a ufunc of a program's own is put together from. The ufunc
//! ([`UfuncDef::made`](crate::registry::UfuncDef::made)) owns its loops, and they go with it.

use crate::registry::{Code, FoldOrder, FpFlags, FpReport, LoopDef, Object};
use crate::simd::pack::{OutPack, Pack};
use std::any::Any;
use std::sync::Arc;

/// A loop that calls a function on each element, on any thread; it raises what the hardware then says.
///
/// ```
/// use ufunx::{made::closure_loop, registry::UfuncDef, Ufunc, View};
///
/// let factor = 3.0;
/// let scaled = UfuncDef::made("scaled", (&["x"], &["y"]), vec![closure_loop(move |(x,): (f64,)| factor * x)]);
/// let y = Ufunc::from_def(&scaled).call(&[View::from(&ndarray::array![1.0, 2.5]).into()], &Default::default())?;
/// assert_eq!(y.one().to_ndarray::<f64>()?, ndarray::array![3.0, 7.5].into_dyn());
/// # Ok::<(), ufunx::Error>(())
/// ```
pub fn closure_loop<I: Pack, O: OutPack, F: Fn(I) -> O + Send + Sync + 'static>(f: F) -> LoopDef {
    LoopDef {
        inputs: I::DTYPES,
        outputs: O::DTYPES,
        fp: FpReport::Hardware,
        folds: FoldOrder::Sequential,
        needs_gil: false,
        code: Code::Object(Object { data: Arc::new(f), run: run::<I, O, F> }),
    }
}

/// # Safety
/// As for [`crate::registry::BlockFn`].
unsafe fn run<I: Pack, O: OutPack, F: Fn(I) -> O + 'static>(
    data: &(dyn Any + Send + Sync),
    args: *const *mut u8,
    n: usize,
) -> FpFlags {
    let Some(f) = data.downcast_ref::<F>() else { unreachable!("the loop was made with this function") };
    // SAFETY: the caller's promise is what both ask for; outputs follow the inputs.
    let (x, mut y) = unsafe { (I::slices(args, n), O::slices(args.add(I::DTYPES.len()), n)) };
    for i in 0..n {
        O::set(&mut y, i, f(I::get(x, i)));
    }
    FpFlags::NONE
}
