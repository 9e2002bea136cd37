//! The cases that are timed, made from the registry: every loop of every ufunc, in every layout and size.
//!
//! A case's name is `{ufunc}/{dtype}/{size}/{layout}`, or `{ufunc}.reduce/...`; `bench_vs_numpy.py` says what the
//! layouts are, and means the same by them.

use std::fmt;
use ufunx::cast::cast_block;
use ufunx::operand::Operand;
use ufunx::registry::{Identity, Isa, LoopDef};
use ufunx::{Array, Axes, CallOptions, DType, Input, ReduceOptions, Ufunc, View, ViewMut};

/// Numbers of elements, and what names call them: a call, a few vectors, a core's caches, the last-level cache, memory.
pub const SIZES: [(usize, &str); 5] =
    [(1, "1"), (100, "100"), (10_000, "10k"), (1_000_000, "1M"), (10_000_000, "10M")];

/// Columns of a two-dimensional case.
const ROW: usize = 1000;

/// How the operands lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Every operand contiguous.
    Contig,
    /// Every second element of each input, the output contiguous.
    Strided,
    /// The second input is one number.
    Scalar,
    /// The output is the first input.
    Inplace,
    /// Reduce a one-dimensional array.
    AxisContig,
    /// Reduce axis 1 of a table.
    AxisContig2d,
    /// Reduce axis 0 of a table.
    AxisSlow,
}

use Layout::*;

impl Layout {
    const ALL: [Layout; 7] = [Contig, Strided, Scalar, Inplace, AxisContig, AxisContig2d, AxisSlow];

    /// As names have it.
    pub fn name(self) -> &'static str {
        match self {
            Contig => "contig",
            Strided => "strided",
            Scalar => "scalar",
            Inplace => "inplace",
            AxisContig => "axis_contig",
            AxisContig2d => "axis_contig2d",
            AxisSlow => "axis_slow",
        }
    }

    fn is_reduction(self) -> bool {
        matches!(self, AxisContig | AxisContig2d | AxisSlow)
    }

    /// Whether a loop can be called so.
    fn suits(self, ufunc: Ufunc, l: &LoopDef, n: usize) -> bool {
        match self {
            Contig | Strided => true,
            Scalar => l.inputs.len() == 2,
            Inplace => l.outputs == [l.inputs[0]],
            // `logical_and` reduces whatever it takes, to bool.
            AxisContig => l.is_reducible() || ufunc.def().truth && l.inputs.len() == 2,
            AxisContig2d | AxisSlow => n > ROW && AxisContig.suits(ufunc, l, n),
        }
    }
}

/// One thing to time.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is called.
    pub ufunc: Ufunc<'static>,
    /// The loop.
    pub l: &'static LoopDef,
    /// Elements.
    pub n: usize,
    size: &'static str,
    /// How they lie.
    pub layout: Layout,
}

/// Every case there is.
pub fn cases() -> impl Iterator<Item = Case> {
    let loops =
        ufunx::table().elementwise().flat_map(|def| def.loops().map(move |l| (Ufunc::from_def(def), l)));
    loops.flat_map(|(ufunc, l)| {
        let sized = move |layout| SIZES.map(|(n, size)| Case { ufunc, l, n, size, layout });
        Layout::ALL.into_iter().flat_map(sized).filter(|c| c.layout.suits(c.ufunc, c.l, c.n))
    })
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.layout.is_reduction() { ".reduce" } else { "" };
        write!(f, "{}{method}/{}/{}/{}", self.ufunc.name(), self.dtypes(), self.size, self.layout.name())
    }
}

impl Case {
    /// The dtypes of the inputs, once if they are all the same: `f64`, `f64,i32`.
    fn dtypes(&self) -> String {
        let (first, inputs) = (self.l.inputs[0], self.l.inputs);
        let shown = if inputs.iter().all(|d| *d == first) { &inputs[..1] } else { inputs };
        shown.iter().map(|d| short_name(*d)).collect::<Vec<_>>().join(",")
    }

    /// Whether all inputs have one dtype, so that one name tells another program what they are.
    pub fn is_homogeneous(&self) -> bool {
        self.l.inputs.iter().all(|d| *d == self.l.inputs[0])
    }

    /// Whether a run that was asked for nothing in particular takes this one: f64, f32 and i32 where a core's caches
    /// hold them; f64 in every layout there and in every size when contiguous; and, as memory is much the same to all,
    /// 10M elements only for functions that have an identity.
    pub fn is_brief(&self) -> bool {
        let dtype = self.l.inputs[0];
        let plain = matches!(self.layout, Contig | AxisContig);
        match self.size {
            "10k" => dtype == DType::F64 || plain && matches!(dtype, DType::F32 | DType::I32),
            "10M" => {
                dtype == DType::F64 && self.layout == Contig && self.ufunc.def().identity != Identity::None
            }
            _ => dtype == DType::F64 && plain,
        }
    }

    /// Sets the case up, and gives `measure` the call to time and what must run, untimed, before each such call.
    pub fn run<R>(&self, measure: impl FnOnce(&mut dyn FnMut(), &mut dyn FnMut()) -> R) -> R {
        if self.layout.is_reduction() { self.run_reduce(measure) } else { self.run_call(measure) }
    }

    fn run_call<R>(&self, measure: impl FnOnce(&mut dyn FnMut(), &mut dyn FnMut()) -> R) -> R {
        let step = if self.layout == Strided { 2 } else { 1 };
        let arrays: Vec<Array> =
            (0..).zip(self.l.inputs).map(|(seed, &dtype)| random(dtype, self.n * step, seed)).collect();
        let mut outputs: Vec<Array> =
            self.l.outputs.iter().map(|&d| Array::zeros(d, &[self.n]).expect("memory")).collect();
        let operands: Vec<Operand> = (0..)
            .zip(&arrays)
            .map(|(i, a)| {
                let mut operand = a.view().operand().clone();
                if self.layout == Scalar && i == 1 {
                    return Operand::scalar(operand.ptr, operand.dtype);
                }
                operand.shape[0] = self.n;
                operand.strides[0] *= step as isize;
                operand
            })
            .collect();
        // SAFETY: the operands are in `arrays`, which live to the end; the first is written by the call it is an input
        // of, and by `refill` between calls.
        let inputs: Vec<Input<'_>> =
            operands.iter().map(|o| Input::View(unsafe { View::from_operand(o.clone()) })).collect();
        let mut targets: Vec<ViewMut<'_>> = match self.layout {
            // SAFETY: as above.
            Inplace => vec![unsafe { ViewMut::from_operand(operands[0].clone()) }],
            _ => outputs.iter_mut().map(Array::view_mut).collect(),
        };
        let source = Array::copy_of(&arrays[0].view()).expect("memory");
        let (from, to, bytes) = match self.layout {
            Inplace => (source.view().operand().ptr, operands[0].ptr, self.n * operands[0].dtype.size()),
            _ => (std::ptr::null_mut(), std::ptr::null_mut(), 0),
        };
        let options = CallOptions::default();
        let mut call = || {
            if let Err(error) = self.ufunc.call_into(&inputs, &mut targets, &options) {
                panic!("{self}: {error}");
            }
        };
        let mut refill = || {
            if bytes > 0 {
                // SAFETY: `source` is a copy of the array at `to`, in other memory.
                unsafe { std::ptr::copy_nonoverlapping(from, to, bytes) }
            }
        };
        measure(&mut call, &mut refill)
    }

    fn run_reduce<R>(&self, measure: impl FnOnce(&mut dyn FnMut(), &mut dyn FnMut()) -> R) -> R {
        let array = random(self.l.inputs[0], self.n, 0);
        let axis = Axes::One(if self.layout == AxisContig2d { 1 } else { 0 });
        let options = ReduceOptions { axis, ..ReduceOptions::default() };
        let failed = |error| -> ! { panic!("{self}: {error}") };
        if self.layout == AxisContig {
            let mut call = || match self.ufunc.reduce(&array, &options) {
                Ok(called) => drop(called),
                Err(error) => failed(error),
            };
            return measure(&mut call, &mut || {});
        }
        let table = Operand::contiguous(array.view().operand().ptr, array.dtype(), &[self.n / ROW, ROW]);
        // SAFETY: the table is the array's elements in another shape, and the array lives to the end.
        let view = unsafe { View::from_operand(table) };
        let mut out = match self.ufunc.reduce(view.clone(), &options) {
            Ok(called) => called.one(),
            Err(error) => failed(error),
        };
        let mut target = out.view_mut();
        let mut call = || {
            if let Err(error) = self.ufunc.reduce_into(view.clone(), &mut target, &options) {
                failed(error)
            }
        };
        measure(&mut call, &mut || {})
    }
}

/// `f64` for float64, `bf16` for bfloat16, `f8_e5m2` for float8_e5m2.
fn short_name(dtype: DType) -> String {
    let name = dtype.name();
    for (long, short) in [("bfloat", "bf"), ("float", "f"), ("uint", "u"), ("int", "i"), ("complex", "c")] {
        if let Some(rest) = name.strip_prefix(long) {
            return format!("{short}{rest}");
        }
    }
    name.to_owned()
}

/// Floats from 0.1 to 10, integers from 1 to 99, evenly spread.
fn random(dtype: DType, n: usize, seed: u64) -> Array {
    use ufunx::registry::Kind;
    let mut state = seed;
    let mut uniform = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    };
    let values: Vec<f64> = (0..n)
        .map(|_| match dtype.kind() {
            Kind::Bool => (uniform() * 2.0).floor(),
            Kind::Int | Kind::Date => (1.0 + uniform() * 99.0).floor(),
            Kind::Float | Kind::Complex => 0.1 + uniform() * 9.9,
        })
        .collect();
    let mut array = Array::zeros(dtype, &[n]).expect("memory");
    let to = array.view_mut().operand().ptr;
    // SAFETY: both hold `n` aligned elements, and every CPU has the scalar level.
    unsafe { cast_block(DType::F64, dtype, values.as_ptr().cast(), to, n, Isa::Scalar) };
    array
}
