//! Rows where they lie: the walk of a plan whose operands need no staging, each either packed along the rows or the same
//! element all along one (`a - a.mean(axis=1, keepdims=True)`, inner parts of images).
//!
//! A row costs a call of the kernel and little else: addresses are carried from row to row, the status register is read once,
//! and an element that is repeated fills a block only when it is another.

use crate::invoke::{watched, with_scratch};
use crate::plan::{Access, Plan};
use crate::registry::{BlockFn, Code, FpFlags, Isa};
use crate::stage;
use crate::tuning::{BLOCK, SHORT_ROW};
use smallvec::SmallVec;

/// Blocks of an element that is repeated are as long as those of 8 bytes: the calls of a loop of bytes would cost more than it.
const BLOCK_BYTES: usize = 8 * BLOCK;

/// Most operands of a plan that is walked so.
const MOST: usize = 6;

/// A plan that is walked so.
pub(crate) struct Rows<'p> {
    plan: &'p Plan<'p>,
    kernel: BlockFn,
    args: SmallVec<[Row; 4]>,
    /// Most elements of a call of the kernel.
    most: usize,
}

/// An operand along a row.
#[derive(Clone, Copy)]
struct Row {
    size: usize,
    /// Whether it is one element.
    repeated: bool,
}

impl<'p> Rows<'p> {
    /// `None` for any other plan.
    pub(crate) fn of(plan: &'p Plan<'p>, isa: Isa) -> Option<Rows<'p>> {
        let Code::Kernels(kernels) = &plan.l.code else { return None };
        let (last, nin) = (plan.shape.len() - 1, plan.l.inputs.len());
        if plan.args.len() > MOST || plan.mask.is_some() || last > 0 && plan.shape[last] < SHORT_ROW {
            return None;
        }
        let mut args: SmallVec<[Row; 4]> = SmallVec::new();
        for (i, arg) in plan.args.iter().enumerate() {
            let (size, step) = (arg.dtype.size(), arg.strides[last]);
            let repeated = i < nin && step == 0;
            if arg.access != Access::Direct || !repeated && step != size as isize {
                return None;
            }
            args.push(Row { size, repeated });
        }
        let overwrites = !args[0].repeated && plan.args[0].ptr == plan.args[nin].ptr;
        let form = if overwrites { &kernels.in_place } else { &kernels.block };
        let widest = args.iter().map(|row| row.size).max().unwrap_or(1);
        let most =
            if args.iter().any(|row| row.repeated) { BLOCK.max(BLOCK_BYTES / widest) } else { usize::MAX };
        Some(Rows { plan, kernel: form.at(isa)?, args, most })
    }

    /// Runs elements `start..end`, of which there is one.
    ///
    /// # Safety
    /// The plan's elements are valid; no other thread writes what these read.
    pub(crate) unsafe fn run(&self, start: usize, end: usize) -> FpFlags {
        // Blocks start a little past a multiple of their size, so that they do not fall on the same cache sets.
        const STAGGER: usize = 192;
        let widest = self.args.iter().map(|row| row.size).max().unwrap_or(0);
        let repeats = self.args.iter().any(|row| row.repeated);
        let room = if repeats { self.most * widest + STAGGER } else { 0 };
        with_scratch(self.args.len() * room, |scratch| {
            // SAFETY: the caller's promise; a block of its own for each operand.
            watched(self.plan.l.fp, || unsafe { self.walk(start, end, |i| scratch.wrapping_add(i * room)) })
        })
    }

    /// # Safety
    /// As [`Rows::run`]; each operand's block holds as many elements as are given at a time.
    unsafe fn walk(&self, start: usize, end: usize, block: impl Fn(usize) -> *mut u8) -> FpFlags {
        let (rows, shape): (&[Row], &[usize]) = (&self.args, &self.plan.shape);
        let last = shape.len() - 1;
        let mut coords = stage::coords_of(start, shape);
        let mut begin = std::mem::take(&mut coords[last]);
        let coords: &mut [usize] = &mut coords;
        let null = [std::ptr::null_mut(); MOST];
        let (mut at, mut filled, mut given) = (null, null, null);
        for (i, (arg, row)) in self.plan.args.iter().zip(rows).enumerate() {
            at[i] = arg.address(coords);
            given[i] = if row.repeated { block(i) } else { at[i].wrapping_add(begin * row.size) };
        }
        let (mut flags, mut left) = (FpFlags::NONE, end - start);
        loop {
            let n = (shape[last] - begin).min(left);
            for (i, row) in rows.iter().enumerate() {
                if row.repeated && filled[i] != at[i] {
                    let count = shape[last].min(self.most);
                    // SAFETY: an element of the plan's, and a block.
                    unsafe { stage::copy_row(at[i], 0, given[i], row.size as isize, row.size, count) };
                    filled[i] = at[i];
                }
            }
            let mut todo = n;
            loop {
                let m = self.most.min(todo);
                // SAFETY: `m` elements each, aligned, packed, outputs apart from inputs but for what the form overwrites.
                flags |= unsafe { (self.kernel)(given.as_ptr(), m) };
                todo -= m;
                if todo == 0 {
                    break;
                }
                for (given, row) in given.iter_mut().zip(rows).filter(|(_, row)| !row.repeated) {
                    *given = given.wrapping_add(m * row.size);
                }
            }
            left -= n;
            if left == 0 {
                return flags;
            }
            begin = 0;
            self.next_row(coords, &mut at);
            for (i, _) in rows.iter().enumerate().filter(|(_, row)| !row.repeated) {
                given[i] = at[i];
            }
        }
    }

    /// The next row's coordinates and addresses, of which there is one.
    #[inline]
    fn next_row(&self, coords: &mut [usize], at: &mut [*mut u8]) {
        let mut axis = coords.len() - 2;
        coords[axis] += 1;
        for (address, arg) in at.iter_mut().zip(self.plan.args.as_slice()) {
            *address = address.wrapping_offset(arg.strides.as_slice()[axis]);
        }
        if coords[axis] < self.plan.shape[axis] {
            return;
        }
        while coords[axis] == self.plan.shape[axis] {
            coords[axis] = 0;
            axis -= 1;
            coords[axis] += 1;
        }
        for (address, arg) in at.iter_mut().zip(self.plan.args.as_slice()) {
            *address = arg.address(coords);
        }
    }
}
