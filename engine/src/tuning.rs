//! Every threshold of the executor, with what chose it.

use crate::registry::Cost;

/// Elements per staged block. Three 8-byte operands of 1024 are 24 KiB, half of a 48 KiB L1; with 256 the per-block
/// work showed (add of f64 and a scalar: 0.31 against 0.24 ns an element), with 4096 blocks left L1 (0.29).
pub const BLOCK: usize = 1024;

/// Elements gathered at a time: with more, the next copies do not overlap the last divisions (1024: 1.04 ns for every second
/// f64 of a quotient, 256: 0.72).
pub const GATHERED: usize = 256;

/// Rows shorter than this are walked as one flat sequence and gathered into blocks, so that the kernel still sees 1024
/// elements at a time; longer ones are given to the kernel where they lie.
pub const SHORT_ROW: usize = 32;

/// An innermost axis shorter than `SHORT_ROW` gives way to an axis this many times longer.
pub const LONGER_AXIS: usize = 8;

/// Outputs of at least this many bytes are written past the caches by memory-bound loops: they would push out
/// everything else, and a normal store reads each line before overwriting it.
pub const STREAM_BYTES: usize = 16 << 20;

/// Fewest elements worth a thread. Waking a worker costs 5 to 20 us (rayon#648); a chunk of this many elements runs
/// for at least twice that.
pub const fn elements_per_thread(cost: Cost) -> usize {
    match cost {
        Cost::Light => 128 << 10,
        Cost::Medium => 64 << 10,
        Cost::Heavy => 16 << 10,
    }
}

/// Steps of the innermost loop of a ufunc over core axes that take as long as an element: a product of a matrix product takes
/// 0.02 to 0.2 ns, an addition 0.2 to 0.3.
pub const CORE_STEPS: usize = 8;

/// Shortest stretch of a core axis that is a thread's work.
pub const CORE_PIECE: usize = 48;

/// Chunks per thread, so that a thread that was held up does not hold up the call.
pub const CHUNKS_PER_THREAD: usize = 4;

/// Longest piece folded by one call of a fold kernel. Longer runs are divided where pairwise summation divides them,
/// whatever the number of threads, so that the result does not depend on it.
pub const FOLD_PIECE: usize = 64 << 10;

/// Rows summed one after the other before their sum joins the tree, when the reduced axis is the slow one; the block
/// size of pairwise summation.
pub const FOLD_ROWS: usize = 128;

/// Fewer neighbouring outputs are not worth a block of their own: their runs are folded one by one.
pub const WIDE_KEPT: usize = SHORT_ROW / 4;

/// NumPy's buffer size: a reduction that casts sums blocks of this many elements, so ours does too.
pub const CAST_FOLD_BLOCK: usize = 8192;
