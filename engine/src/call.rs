//! A call: resolve → broadcast → overlap → plan → execute.

use crate::array::{Array, Input, Scalar, View, ViewMut, check_ndim};
use crate::environment;
use crate::error::Error;
use crate::exec::{self, Report};
use crate::generalized::{CoreOptions, PreparedCore};
use crate::operand::{
    Operand, Order, Shape, broadcast_shape, checked_bytes, output_strides, single_call_order,
};
use crate::overlap::{may_overlap, overlaps_itself};
use crate::plan::Plan;
use crate::program::numbers;
use crate::registry::{
    Casting, Cost, DType, FpFlags, Kind, LoopDef, Request, Signature, Typed, UfuncDef, resolve,
};
use crate::short::head::Head;
use crate::short::{MOST_INPUTS, MOST_OUTPUTS, Short};
use smallvec::SmallVec;

/// The keywords of a call.
#[derive(Clone, Debug, Default)]
pub struct CallOptions<'a> {
    /// The dtype to compute in.
    pub dtype: Option<DType>,
    /// The loop to use, in whole or in part.
    pub signature: Option<Signature>,
    /// Which casts are permitted.
    pub casting: Casting,
    /// How new outputs lie in memory.
    pub order: Order,
    /// Where to compute; elsewhere an output keeps what it holds (zero if it is new).
    pub mask: Option<View<'a>>,
    /// Where the core axes are, of a ufunc that has some.
    pub core: CoreOptions,
}

impl CallOptions<'_> {
    /// `dtype` and `signature` as one wish.
    pub(crate) fn wish(&self, def: &UfuncDef) -> Option<Signature> {
        match self.dtype {
            Some(dtype) => Some(Signature::of_output(dtype, def.nin(), def.nout())),
            None => self.signature.clone(),
        }
    }
}

/// Results, and the IEEE exceptions met on the way.
#[derive(Debug)]
pub struct Called {
    /// One array per output.
    pub outputs: Vec<Array>,
    /// What was raised.
    pub report: Report,
}

impl Called {
    /// The only output.
    ///
    /// # Panics
    /// If there are several.
    pub fn one(mut self) -> Array {
        match (self.outputs.pop(), self.outputs.is_empty()) {
            (Some(array), true) => array,
            _ => panic!("the ufunc has several outputs"),
        }
    }
}

/// Calls `def` on `inputs`, making new outputs.
pub fn call(def: &UfuncDef, inputs: &[Input<'_>], options: &CallOptions<'_>) -> Result<Called, Error> {
    let nothing_given: SmallVec<[Option<&Operand>; 2]> = smallvec::smallvec![None; def.nout()];
    run_call(def, inputs, &nothing_given, options)
}

/// Calls `def` on `inputs`, writing into `outputs`, which the inputs may overlap.
pub fn call_into(
    def: &UfuncDef,
    inputs: &[Input<'_>],
    outputs: &mut [ViewMut<'_>],
    options: &CallOptions<'_>,
) -> Result<Report, Error> {
    let given: SmallVec<[Option<&Operand>; 2]> = outputs.iter().map(|o| Some(o.operand())).collect();
    Ok(run_call(def, inputs, &given, options)?.report)
}

fn run_call(
    def: &UfuncDef,
    inputs: &[Input<'_>],
    outputs: &[Option<&Operand>],
    options: &CallOptions<'_>,
) -> Result<Called, Error> {
    environment::check()?;
    check_counts(def, inputs.len(), outputs.len())?;
    let types: SmallVec<[Typed; 3]> = inputs.iter().map(typed).collect();
    let out_types: SmallVec<[Option<DType>; 2]> = outputs.iter().map(|o| o.map(|o| o.dtype)).collect();
    let signature = options.wish(def);
    let request = Request {
        inputs: &types,
        outputs: &out_types,
        signature: signature.as_ref(),
        casting: options.casting,
    };
    let l = resolve(def, &request)?;
    for &(i, dtype) in numbers(l) {
        if let Input::Scalar(Scalar::Int(value)) = inputs[i]
            && dtype.kind() == Kind::Int
            && !dtype.int_range().contains(&value)
        {
            return Err(Error::OutOfRange { value, dtype });
        }
    }
    let mut scalars: SmallVec<[Array; 1]> = SmallVec::new();
    for (input, &dtype) in inputs.iter().zip(l.inputs) {
        if let Input::Scalar(scalar) = input {
            scalars.push(scalar.to_array(dtype)?);
        }
    }
    let mut scalars = scalars.iter();
    let operands: SmallVec<[&Operand; 3]> = inputs
        .iter()
        .map(|input| match input {
            Input::View(view) => view.operand(),
            Input::Scalar(_) => scalars.next().map_or_else(|| unreachable!("made above"), Array::operand),
        })
        .collect();
    if def.core.is_some() {
        if options.mask.is_some() {
            return Err(Error::Generalized { ufunc: def.name });
        }
        let mut made: Vec<Array> = vec![];
        let prepared = PreparedCore::new(def, l, &operands, outputs, &options.core, options.order)?;
        // SAFETY: inputs are borrowed by the caller for the call, given outputs mutably; new outputs are ours.
        let report = unsafe {
            let planned = prepared.plan(|_, dtype, shape, strides| {
                made.push(Array::with_strides(dtype, shape, || strides.into())?);
                Ok::<_, Error>(made[made.len() - 1].operand().ptr)
            })?;
            planned.run()
        };
        return Ok(Called { outputs: made, report: report.unless_refused(def)? });
    }
    if options.mask.is_none() && options.order == Order::K {
        // SAFETY: inputs are borrowed by the caller for the call, given outputs mutably.
        if let Some((outputs, report)) = unsafe { run_short(def.cost, l, &operands, outputs) }? {
            return Ok(Called { outputs, report: report.unless_refused(def)? });
        }
    }
    let mask = options.mask.as_ref().map(View::operand);
    let mut made: Vec<Array> = vec![];
    let prepared = Prepared::new(def, l, &operands, outputs, mask, options.order)?;
    let planned = prepared.plan(|_, dtype, shape, strides| {
        made.push(Array::with_strides(dtype, shape, || strides.into())?);
        Ok::<_, Error>(made[made.len() - 1].operand().ptr)
    })?;
    // SAFETY: as above, and the mask is borrowed too; new outputs are ours.
    let report = unsafe { planned.run() }.unless_refused(def)?;
    Ok(Called { outputs: made, report })
}

/// The call by the short way; `None`, having done nothing, where it is not for that.
///
/// # Safety
/// All operands are valid for the call.
unsafe fn run_short(
    cost: Cost,
    l: &LoopDef,
    inputs: &[&Operand],
    outputs: &[Option<&Operand>],
) -> Result<Option<(Vec<Array>, Report)>, Error> {
    if inputs.len() > MOST_INPUTS || outputs.len() > MOST_OUTPUTS {
        return Ok(None);
    }
    let mut heads = [Head::EMPTY; MOST_INPUTS];
    for (head, operand) in heads.iter_mut().zip(inputs) {
        *head = Head::of(operand);
    }
    let mut short = Short::new(l, &heads[..inputs.len()]);
    if !short.lay_out(cost) {
        return Ok(None);
    }
    let mut made = vec![];
    let mut targets = [std::ptr::null_mut(); MOST_OUTPUTS];
    for (i, (target, given)) in targets.iter_mut().zip(outputs).enumerate() {
        *target = match given {
            Some(out) => match short.usable(i, &Head::of(out)) {
                Some(target) => target,
                None => return Ok(None),
            },
            None => {
                let dtype = l.outputs[i];
                let strides = short.output_strides(dtype);
                let strides = || strides[..short.walk.nd].into();
                made.push(Array::with_strides(dtype, short.shape(), strides)?);
                made[made.len() - 1].operand().ptr
            }
        };
    }
    let targets = &targets[..outputs.len()];
    if !short.are_apart(targets) {
        return Ok(None);
    }
    // SAFETY: the caller's promise; new outputs are ours, given ones were found usable.
    Ok(Some((made, unsafe { short.run(targets) })))
}

/// Whether a ufunc takes so many operands.
pub(crate) fn check_counts(def: &UfuncDef, nin: usize, nout: usize) -> Result<(), Error> {
    if nin != def.nin() {
        return Err(Error::InputCount { ufunc: def.name, expected: def.nin(), found: nin });
    }
    if nout != def.nout() {
        return Err(Error::OutputCount { ufunc: def.name, expected: def.nout(), found: nout });
    }
    Ok(())
}

fn typed(input: &Input<'_>) -> Typed {
    match input {
        Input::View(view) => Typed::Strong(view.dtype()),
        Input::Scalar(scalar) => Typed::Weak(scalar.weak()),
    }
}

/// A resolved call whose shapes agree, before its outputs exist.
pub struct Prepared<'a> {
    def: &'a UfuncDef,
    l: &'a LoopDef,
    inputs: &'a [&'a Operand],
    outputs: &'a [Option<&'a Operand>],
    mask: Option<&'a Operand>,
    shape: Shape,
    order: Order,
}

impl<'a> Prepared<'a> {
    /// Broadcasts all operands to one shape.
    pub fn new(
        def: &'a UfuncDef,
        l: &'a LoopDef,
        inputs: &'a [&'a Operand],
        outputs: &'a [Option<&'a Operand>],
        mask: Option<&'a Operand>,
        order: Order,
    ) -> Result<Prepared<'a>, Error> {
        if let Some(m) = mask
            && m.dtype != DType::Bool
        {
            return Err(Error::MaskDType { found: m.dtype });
        }
        let given = || outputs.iter().copied().flatten();
        let all = || inputs.iter().copied().chain(mask).chain(given()).map(|o| &o.shape[..]);
        let disagree = || Error::Broadcast { shapes: all().map(<[usize]>::to_vec).collect() };
        let shape = broadcast_shape(all()).ok_or_else(disagree)?;
        check_ndim(shape.len())?;
        let of_operands = inputs.iter().copied().chain(given()).map(|o| o.dtype);
        let dtypes = l.inputs.iter().chain(l.outputs).copied().chain(of_operands);
        let widest = dtypes.map(DType::size).max().unwrap_or(1);
        checked_bytes(&shape, widest)?;
        for out in given() {
            if out.shape != shape {
                let (found, expected) = (out.shape.to_vec(), shape.to_vec());
                return Err(Error::OutputShape { found, expected });
            }
            if overlaps_itself(out) {
                return Err(Error::OutputOverlapsItself);
            }
        }
        Ok(Prepared { def, l, inputs, outputs, mask, shape, order })
    }

    /// The shape of every output.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Makes the outputs that were not given, by `alloc(index, dtype, shape, strides)`, and plans the loop.
    pub fn plan<E: From<Error>>(
        self,
        mut alloc: impl FnMut(usize, DType, &[usize], &[isize]) -> Result<*mut u8, E>,
    ) -> Result<PlannedCall<'a>, E> {
        let Prepared { def, l, inputs, outputs, mask, shape, order } = self;
        let mut copies: Vec<Array> = vec![];
        let broadcast = |o: &Operand| {
            o.broadcast(&shape).unwrap_or_else(|| unreachable!("checked when the call was prepared"))
        };
        let mut all: SmallVec<[Operand; 5]> = SmallVec::new();
        let given: SmallVec<[&Operand; 2]> = outputs.iter().copied().flatten().collect();
        for input in inputs {
            all.push(broadcast(&apart(input, &given, &shape, &mut copies)?));
        }
        let order = match single_call_order(inputs, l.inputs, order) {
            Some(single) if outputs.len() == 1 && mask.is_none() => single,
            _ => order,
        };
        let mask = match mask {
            Some(mask) => Some(broadcast(&apart(mask, &given, &shape, &mut copies)?)),
            None => None,
        };
        // A new output lies as the inputs do, and as the given one of two.
        let lying: SmallVec<[&Operand; 4]> = inputs.iter().chain(&given).copied().collect();
        for (i, out) in outputs.iter().enumerate() {
            match out {
                Some(out) => all.push((*out).clone()),
                None => {
                    let dtype = l.outputs[i];
                    let strides = output_strides(&lying, &shape, dtype.size(), order);
                    let ptr = alloc(i, dtype, &shape, &strides)?;
                    all.push(Operand { ptr, dtype, shape: Shape::from_slice(&shape), strides });
                }
            }
        }
        let plan = Plan::new(l, def.cost, &all, mask.as_ref(), &shape);
        Ok(PlannedCall { plan, _copies: copies })
    }
}

/// A call ready to be executed: a plan and the copies it reads.
pub struct PlannedCall<'d> {
    /// The plan.
    pub plan: Plan<'d>,
    _copies: Vec<Array>,
}

impl PlannedCall<'_> {
    /// Executes the call.
    ///
    /// # Safety
    /// Inputs, mask and given outputs are valid until it returns, as [`Operand`] demands, and so are the outputs that were
    /// made for the plan, new memory that overlaps nothing.
    pub unsafe fn run(&self) -> Report {
        // SAFETY: the caller's promise.
        unsafe { exec::run(&self.plan) }
    }
}

/// `input`, or a copy of it if writing an output could change what is still to be read. An input that is an output,
/// element for element, needs none: each element is read before it is written.
fn apart(
    input: &Operand,
    outputs: &[&Operand],
    shape: &[usize],
    copies: &mut Vec<Array>,
) -> Result<Operand, Error> {
    let clash = outputs.iter().any(|out| {
        may_overlap(input, out) && !input.broadcast(shape).is_some_and(|input| input.is_same_as(out))
    });
    if !clash {
        return Ok(input.clone());
    }
    // SAFETY: the input is valid for the call.
    copies.push(unsafe { Array::copy_operand(input) }?);
    Ok(copies[copies.len() - 1].operand().clone())
}

/// A copy in another dtype, C-contiguous, and what the cast raised.
///
/// # Safety
/// The source is valid for the call.
pub unsafe fn cast_copy(source: &Operand, dtype: DType) -> Result<(Array, FpFlags), Error> {
    let out = Array::zeros(dtype, &source.shape)?;
    // SAFETY: the caller vouches for the source; the copy is new.
    let flags = unsafe { cast_into(source, out.operand()) };
    Ok((out, flags))
}

/// Copies the elements to a target of the same shape, cast to its dtype; what the cast raised.
///
/// # Safety
/// Both are valid for the call and do not overlap.
pub unsafe fn cast_into(source: &Operand, target: &Operand) -> FpFlags {
    let operands = [source.clone(), target.clone()];
    let plan = Plan::new(copy_loop(target.dtype), Cost::Light, &operands, None, &source.shape);
    // SAFETY: the caller's promise.
    let report = unsafe { exec::run(&plan) };
    report.flags | report.cast
}

/// The loop that copies elements of a dtype, for casts of whole arrays.
pub(crate) fn copy_loop(dtype: DType) -> &'static LoopDef {
    use crate::registry::for_each_dtype;
    use crate::registry::{B8, Complex32, Complex64, DateTime64, F8E4M3FN, F8E5M2, TimeDelta64, bf16, f16};
    use crate::simd::kernel::{Each, Lane, Quiet, UpToV3, loop_of};
    use crate::simd::level::Madd;
    struct Copy;
    impl<T: crate::registry::Element + crate::simd::pack::OutPack> Lane<(T,)> for Copy {
        type Out = T;
        #[inline(always)]
        fn lane<M: Madd>(_: M, (x,): (T,)) -> T {
            x
        }
    }
    macro_rules! by_dtype {
        ($($v:ident: $t:ident { $($row:tt)* })*) => {
            match dtype { $(DType::$v => const { &loop_of::<Each<Copy, ($t,), Quiet>, UpToV3>() },)* }
        };
    }
    for_each_dtype!(by_dtype)
}
