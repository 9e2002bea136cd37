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
        if plan.mask.is_some() || last > 0 && plan.shape[last] < SHORT_ROW {
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
        let most = if args.iter().any(|row| row.repeated) { BLOCK } else { usize::MAX };
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
        let room = BLOCK * widest + STAGGER;
        with_scratch(self.args.len() * room, |scratch| {
            // SAFETY: the caller's promise; a block of its own for each operand.
            watched(self.plan.l.fp, || unsafe { self.walk(start, end, |i| scratch.wrapping_add(i * room)) })
        })
    }

    /// # Safety
    /// As [`Rows::run`]; each operand's block holds [`BLOCK`] elements.
    unsafe fn walk(&self, start: usize, end: usize, block: impl Fn(usize) -> *mut u8) -> FpFlags {
        let (plan, last) = (self.plan, self.plan.shape.len() - 1);
        let mut coords = stage::coords_of(start, &plan.shape);
        let mut begin = std::mem::take(&mut coords[last]);
        let mut at: SmallVec<[*mut u8; 4]> = plan
            .args
            .iter()
            .map(|arg| arg.ptr.wrapping_offset(stage::offset_of(&coords, &arg.strides)))
            .collect();
        let mut filled: SmallVec<[*mut u8; 4]> = smallvec::smallvec![std::ptr::null_mut(); at.len()];
        let mut given = filled.clone();
        let (mut flags, mut left) = (FpFlags::NONE, end - start);
        loop {
            let n = (plan.shape[last] - begin).min(left);
            for (i, row) in self.args.iter().enumerate().filter(|(_, row)| row.repeated) {
                if filled[i] != at[i] {
                    let count = plan.shape[last].min(BLOCK);
                    // SAFETY: an element of the plan's, and a block.
                    unsafe { stage::copy_row(at[i], 0, block(i), row.size as isize, row.size, count) };
                    filled[i] = at[i];
                }
            }
            let mut done = 0;
            while done < n {
                let m = self.most.min(n - done);
                for (i, row) in self.args.iter().enumerate() {
                    given[i] = match row.repeated {
                        true => block(i),
                        false => at[i].wrapping_add((begin + done) * row.size),
                    };
                }
                // SAFETY: `m` elements each, aligned, packed, outputs apart from inputs but for what the form overwrites.
                flags |= unsafe { (self.kernel)(given.as_ptr(), m) };
                done += m;
            }
            left -= n;
            if left == 0 {
                return flags;
            }
            begin = 0;
            self.next_row(&mut coords, &mut at);
        }
    }

    /// The next row's coordinates and addresses, of which there is one.
    #[inline]
    fn next_row(&self, coords: &mut [usize], at: &mut [*mut u8]) {
        let mut axis = coords.len() - 1;
        loop {
            axis -= 1;
            let n = self.plan.shape[axis];
            coords[axis] += 1;
            let back = if coords[axis] == n { n as isize } else { 0 };
            for (address, arg) in at.iter_mut().zip(&self.plan.args) {
                *address = address.wrapping_offset(arg.strides[axis].wrapping_mul(1 - back));
            }
            if back == 0 {
                return;
            }
            coords[axis] = 0;
        }
    }
}
