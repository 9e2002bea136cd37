//! Products of two matrices: which way they are walked, by their shapes and strides.
//!
//! Each sum is taken in one order, from the first product to the last, whichever way is taken and wherever a matrix is cut
//! for threads; but where there is a single row or column, and the elements summed lie side by side, in lanes. So no bit
//! depends on the number of threads.

use super::element::Chunk;
use crate::registry::Isa;
use crate::simd::level::{Level, Work};
use crate::stage;
#[cfg(target_arch = "x86_64")]
use pulp::x86::V4;
use std::marker::PhantomData;

/// Two matrices, n by k and k by m, and their product, n by m.
#[derive(Clone, Copy)]
pub struct Matrices {
    /// First elements.
    pub a: *const u8,
    /// See `a`.
    pub b: *const u8,
    /// See `a`.
    pub c: *mut u8,
    /// Rows of the product.
    pub n: usize,
    /// Products in each sum.
    pub k: usize,
    /// Columns of the product.
    pub m: usize,
    /// Byte strides of rows and of columns.
    pub a_steps: [isize; 2],
    /// See `a_steps`.
    pub b_steps: [isize; 2],
    /// See `a_steps`.
    pub c_steps: [isize; 2],
    /// Whether the elements of the first are conjugated.
    pub conj: bool,
    /// Whether sums go on from what the product holds.
    pub goes_on: bool,
}

/// Up to so many rows, or columns, a matrix is read where it lies rather than packed, if it can be.
const FEW: usize = 3;

/// Up to so many rows, and so many products in a sum, rows of the first matrix are not packed.
const SMALL_ROWS: usize = 32;
/// See [`SMALL_ROWS`].
const SMALL_DEPTH: usize = 64;

/// Rows, and products of a sum, of a packed block of the first matrix; bytes of a row of one of the second. Both blocks are
/// 0.9 MB at most, of which a level-2 cache has one or two.
const BLOCK_ROWS: usize = 192;
/// See [`BLOCK_ROWS`].
const BLOCK_DEPTH: usize = 256;
/// See [`BLOCK_ROWS`].
const BLOCK_BYTES: usize = 2048;

/// To which packed blocks are aligned.
const CACHE_LINE: usize = 64;

/// `count` products, each operand so many bytes further on.
pub struct Products<C> {
    /// The first.
    pub first: Matrices,
    /// How many.
    pub count: usize,
    /// Bytes to the next.
    pub strides: [isize; 3],
    /// Memory for packed blocks, as much as [`scratch_bytes`] says.
    pub scratch: *mut u8,
    /// What they are computed in.
    pub chunk: PhantomData<C>,
}

impl<C: Chunk> Work for Products<C> {
    type Out = ();
    #[inline(always)]
    fn run<L: Level>(self, level: L) {
        let mut x = self.first;
        for _ in 0..self.count {
            // SAFETY: whoever made this promises every element.
            unsafe { product::<L, C>(level, &x, self.scratch) };
            x.a = x.a.wrapping_offset(self.strides[0]);
            x.b = x.b.wrapping_offset(self.strides[1]);
            x.c = x.c.wrapping_offset(self.strides[2]);
        }
    }
}

/// One product.
///
/// # Safety
/// The matrices' elements are there, aligned, and those of the product overlap no other.
#[inline(always)]
unsafe fn product<L: Level, C: Chunk>(level: L, x: &Matrices, scratch: *mut u8) {
    if x.n == 0 || x.m == 0 {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if C::HAS_MASKS
        && let Some(v4) = level.v4()
        && x.is_tiny::<C>()
    {
        // SAFETY: the caller's promise.
        return unsafe { tiny::<C>(v4, x) };
    }
    // SAFETY: the caller's promise, in each case.
    unsafe {
        match x.way::<C>() {
            Way::Sums => sums_of::<L, C>(level, x, scratch),
            Way::Rows => match tile_for::<L, C>(x) {
                (8, 2) => blocked::<L, C, 8, 2>(level, x, scratch),
                (8, _) => blocked::<L, C, 8, 1>(level, x, scratch),
                (6, _) => blocked::<L, C, 6, 1>(level, x, scratch),
                (4, _) => blocked::<L, C, 4, 1>(level, x, scratch),
                (2, _) => blocked::<L, C, 2, 1>(level, x, scratch),
                (_, 2) => blocked::<L, C, 1, 2>(level, x, scratch),
                _ => blocked::<L, C, 1, 1>(level, x, scratch),
            },
        }
    }
}

/// How a product is walked.
enum Way {
    /// Each sum by itself, along rows of the first matrix and columns of the second.
    Sums,
    /// By rows of tiles.
    Rows,
}

/// Rows of a tile, and chunks of one, at most. There are 32 registers at AVX-512 and 16 below; a chunk takes one, two at AVX2,
/// four at the baseline, and a complex one twice as many.
const fn tile<L: Level, C: Chunk>() -> (usize, usize) {
    match (L::ISA, C::PARTS) {
        (Isa::V4, 1) => (8, 2),
        (Isa::V4, _) => (8, 1),
        (Isa::V3, 1) => (6, 1),
        (Isa::Scalar, 1) => (2, 1),
        (Isa::V3 | Isa::Scalar, _) => (1, 1),
    }
}

/// The same for a product: lower tiles where that is all there is (4 by 4 f64: 60 ns, and 140 by tiles of 8).
#[inline(always)]
fn tile_for<L: Level, C: Chunk>(x: &Matrices) -> (usize, usize) {
    let (rows, wide) = const { tile::<L, C>() };
    match x.n {
        1 => (1, wide),
        _ if rows > 4 && x.m <= C::LANES && !x.packs_a() => (4, 1),
        _ => (rows, wide),
    }
}

/// How the matrices are cut into blocks.
struct Cut {
    /// Panels of tiles' columns in a block.
    panels: usize,
    /// Tiles' rows.
    tiles: usize,
    /// Products of each sum.
    depth: usize,
    /// Bytes of packed panels, and of packed rows.
    bytes: [usize; 2],
}

impl Cut {
    #[inline(always)]
    fn of<C: Chunk>(x: &Matrices, rows: usize, wide: usize) -> Cut {
        let panel = wide * size_of::<C>();
        let panels = (BLOCK_BYTES / panel).min(x.m.div_ceil(wide * C::LANES));
        let (tiles, depth) = ((BLOCK_ROWS / rows).min(x.n.div_ceil(rows)), BLOCK_DEPTH.min(x.k));
        let a_bytes = if x.packs_a() { tiles * depth * rows * size_of::<C::Lane>() } else { 0 };
        Cut { panels, tiles, depth, bytes: [panels * depth * panel, a_bytes] }
    }
}

/// Memory that the product wants. (Not asked for by a kernel: a closure has not its level's instructions.)
pub fn scratch_bytes<L: Level, C: Chunk>(x: &Matrices) -> usize {
    let (rows, wide) = tile_for::<L, C>(x);
    match x.way::<C>() {
        Way::Sums => 2 * SUM_PIECE * size_of::<C::Lane>() + CACHE_LINE,
        Way::Rows => Cut::of::<C>(x, rows, wide).bytes.iter().sum::<usize>() + CACHE_LINE,
    }
}

/// Elements of a row, or of a column, gathered at a time where they do not lie side by side.
const SUM_PIECE: usize = 1024;

impl Matrices {
    #[inline(always)]
    fn way<C: Chunk>(&self) -> Way {
        let size = size_of::<C::Lane>() as isize;
        let along = self.n == 1 && self.m > 1 && self.b_steps[1] == size && self.b_steps[0] != size;
        match (self.n == 1 || self.m == 1) && !along {
            true => Way::Sums,
            false => Way::Rows,
        }
    }

    /// Whether a row of the product is a chunk at most, read and written where it lies, and there are few.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn is_tiny<C: Chunk>(&self) -> bool {
        let size = size_of::<C::Lane>() as isize;
        let side_by_side = (self.b_steps[1] == size && self.c_steps[1] == size) || self.m == 1;
        self.m <= C::LANES && self.n <= 16 && self.k <= 16 && side_by_side && !self.goes_on
    }

    /// Whether each element is read often enough for a look at all of them.
    pub fn reads_often(&self) -> bool {
        self.n.min(self.m) >= 16 && self.k >= 16
    }

    /// Whether all elements of both fit in 32 bits, sign included; they are 64-bit integers.
    ///
    /// # Safety
    /// They are there.
    pub unsafe fn fits_in_32(&self) -> bool {
        let fits = |at: *const u8, [rows, columns]: [usize; 2], [down, along]: [isize; 2]| {
            let (lines, n, down, along) = match along == 8 {
                true => (rows, columns, down, along),
                false => (columns, rows, along, down),
            };
            let mut lost = 0;
            for i in 0..lines {
                let line = at.wrapping_offset(i as isize * down);
                for j in 0..n {
                    let step = if along == 8 { 8 } else { along };
                    // SAFETY: the caller's promise.
                    let x = unsafe { *line.wrapping_offset(j as isize * step).cast::<i64>() };
                    lost |= x ^ i64::from(x as i32);
                }
                if lost != 0 {
                    return false;
                }
            }
            true
        };
        fits(self.a, [self.n, self.k], self.a_steps) && fits(self.b, [self.k, self.m], self.b_steps)
    }

    /// Whether rows of the first matrix are packed.
    #[inline(always)]
    fn packs_a(&self) -> bool {
        self.conj || self.n > SMALL_ROWS || self.k > SMALL_DEPTH
    }

    /// The same product, of rows and columns swapped, where few columns are better walked as rows; else none.
    pub fn turned<C: Chunk>(&self) -> Option<Matrices> {
        let size = size_of::<C::Lane>() as isize;
        let along = self.a_steps[0] == size && self.a_steps[1] != size;
        if self.m > FEW || self.n == 1 || !along || self.conj || C::PARTS == 2 {
            return None;
        }
        let swapped = |[row, column]: [isize; 2]| [column, row];
        let (a_steps, b_steps) = (swapped(self.b_steps), swapped(self.a_steps));
        let c_steps = swapped(self.c_steps);
        Some(Matrices { a: self.b, b: self.a, n: self.m, m: self.n, a_steps, b_steps, c_steps, ..*self })
    }

    /// An element of the first.
    #[inline(always)]
    pub(super) fn a_at(&self, i: usize, p: usize) -> *const u8 {
        self.a.wrapping_offset(i as isize * self.a_steps[0] + p as isize * self.a_steps[1])
    }

    /// An element of the second.
    #[inline(always)]
    pub(super) fn b_at(&self, p: usize, j: usize) -> *const u8 {
        self.b.wrapping_offset(p as isize * self.b_steps[0] + j as isize * self.b_steps[1])
    }

    /// An element of the product.
    #[inline(always)]
    pub(super) fn c_at(&self, i: usize, j: usize) -> *mut u8 {
        self.c.wrapping_offset(i as isize * self.c_steps[0] + j as isize * self.c_steps[1])
    }
}

// What only moves elements is not compiled for each level.

/// Lanes of elements that lie so many bytes apart; those past `n` are the last one again, for their products are computed
/// too and may raise nothing that none of the product's does.
///
/// # Safety
/// There are `n`, at least one.
#[inline(always)]
unsafe fn lanes<C: Chunk>(at: *const u8, step: isize, n: usize, to: &mut C) {
    // SAFETY: the caller's promise.
    unsafe {
        if C::PARTS == 1 && n >= C::LANES && step == size_of::<C::Lane>() as isize {
            *to = at.cast::<C>().read_unaligned();
            return;
        }
        let n = n.min(C::LANES);
        let at_lane = |l: usize| *at.wrapping_offset(l as isize * step).cast::<C::Lane>();
        *to = C::splat(at_lane(n - 1));
        for l in 0..n - 1 {
            to.set(l, at_lane(l));
        }
    }
}

/// Columns of the second matrix from `from` on, `k` products deep, as panels of chunks.
#[inline(never)]
unsafe fn pack_b<C: Chunk>(
    x: &Matrices,
    [p, j]: [usize; 2],
    k: usize,
    columns: usize,
    wide: usize,
    to: *mut C,
) {
    let mut to = to;
    for panel in (0..columns).step_by(wide * C::LANES) {
        for q in 0..k {
            for w in 0..wide {
                // Chunks past the last column are that column again.
                let column = (panel + w * C::LANES).min(columns - 1);
                // SAFETY: the caller has room for every panel, and columns are within the matrix.
                unsafe {
                    lanes(x.b_at(p + q, j + column), x.b_steps[1], columns - column, &mut *to);
                    to = to.add(1);
                }
            }
        }
    }
}

/// Rows of the first matrix from `from` on, `k` products deep, as tiles; rows past the last one are that again.
#[inline(never)]
unsafe fn pack_a<C: Chunk>(
    x: &Matrices,
    [i, p]: [usize; 2],
    n: usize,
    k: usize,
    rows: usize,
    to: *mut C::Lane,
) {
    let mut to = to;
    for tile in (0..n).step_by(rows) {
        for q in 0..k {
            for r in 0..rows {
                let at = x.a_at(i + (tile + r).min(n - 1), p + q);
                // SAFETY: the caller has room for every tile, and rows are within the matrix.
                unsafe {
                    let a = *at.cast::<C::Lane>();
                    to.write(if x.conj { C::conj(a) } else { a });
                    to = to.add(1);
                }
            }
        }
    }
}

/// Takes a tile's sums to the product, or from there.
#[inline(never)]
unsafe fn move_tile<C: Chunk>(
    x: &Matrices,
    [i, j]: [usize; 2],
    [rows, columns]: [usize; 2],
    sums: *mut C,
    wide: usize,
    back: bool,
) {
    let step = x.c_steps[1];
    for r in 0..rows {
        for w in 0..wide.min(columns.div_ceil(C::LANES)) {
            let (at, n) = (x.c_at(i + r, j + w * C::LANES), columns - w * C::LANES);
            // SAFETY: rows and columns of the product; the tile has as many chunks.
            unsafe {
                let sums = &mut *sums.add(r * wide + w);
                if back {
                    lanes(at, step, n, sums);
                } else if C::PARTS == 1 && n >= C::LANES && step == size_of::<C::Lane>() as isize {
                    at.cast::<C>().write_unaligned(*sums);
                } else {
                    for l in 0..n.min(C::LANES) {
                        at.wrapping_offset(l as isize * step).cast::<C::Lane>().write(sums.get(l));
                    }
                }
            }
        }
    }
}

/// Each sum by itself, in lanes.
#[inline(always)]
unsafe fn sums_of<L: Level, C: Chunk>(level: L, x: &Matrices, scratch: *mut u8) {
    let size = size_of::<C::Lane>();
    let (a_step, b_step) = (x.a_steps[1], x.b_steps[0]);
    let scratch = scratch.map_addr(|address| address.next_multiple_of(CACHE_LINE));
    let rooms = [scratch, scratch.wrapping_add(SUM_PIECE * size)];
    for i in 0..x.n {
        for j in 0..x.m {
            let to = x.c_at(i, j).cast::<C::Lane>();
            // SAFETY: within the matrices; there is room for a piece of each.
            unsafe {
                let mut total = if x.goes_on { *to } else { C::ZEROS.get(0) };
                let mut p = 0;
                while p < x.k {
                    let n = if a_step == size as isize && b_step == size as isize {
                        x.k
                    } else {
                        SUM_PIECE.min(x.k - p)
                    };
                    let (mut a, mut b) = (x.a_at(i, p), x.b_at(p, j));
                    if a_step != size as isize {
                        stage::copy_row(a, a_step, rooms[0], size as isize, size, n);
                        a = rooms[0];
                    }
                    if b_step != size as isize {
                        stage::copy_row(b, b_step, rooms[1], size as isize, size, n);
                        b = rooms[1];
                    }
                    total = C::add(total, C::dot(level, a.cast(), b.cast(), n, x.conj));
                    p += n;
                }
                to.write(total);
            }
        }
    }
}

/// A small product, in place: lanes past the last column are not there, and raise nothing.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn tiny<C: Chunk>(v4: V4, x: &Matrices) {
    let mask = ((1u32 << x.m) - 1) as u16;
    let mut i = 0;
    while i < x.n {
        let last = x.n - 1;
        let [mut a0, mut a1, mut a2, mut a3] = [
            x.a_at(i, 0),
            x.a_at((i + 1).min(last), 0),
            x.a_at((i + 2).min(last), 0),
            x.a_at((i + 3).min(last), 0),
        ];
        let [mut s0, mut s1, mut s2, mut s3] = [C::ZEROS; 4];
        let mut b = x.b;
        // SAFETY: rows of both, as many lanes of the second's as it has columns; the last row again past the end.
        unsafe {
            for _ in 0..x.k {
                let row = C::some(v4, mask, b.cast());
                s0 = C::madd_some(v4, mask, *a0.cast(), &row, s0);
                s1 = C::madd_some(v4, mask, *a1.cast(), &row, s1);
                s2 = C::madd_some(v4, mask, *a2.cast(), &row, s2);
                s3 = C::madd_some(v4, mask, *a3.cast(), &row, s3);
                b = b.wrapping_offset(x.b_steps[0]);
                a0 = a0.wrapping_offset(x.a_steps[1]);
                a1 = a1.wrapping_offset(x.a_steps[1]);
                a2 = a2.wrapping_offset(x.a_steps[1]);
                a3 = a3.wrapping_offset(x.a_steps[1]);
            }
            s0.store_some(v4, mask, x.c_at(i, 0).cast());
            s1.store_some(v4, mask, x.c_at((i + 1).min(last), 0).cast());
            s2.store_some(v4, mask, x.c_at((i + 2).min(last), 0).cast());
            s3.store_some(v4, mask, x.c_at((i + 3).min(last), 0).cast());
        }
        i += 4;
    }
}

/// By blocks of both matrices.
#[inline(always)]
unsafe fn blocked<L: Level, C: Chunk, const ROWS: usize, const WIDE: usize>(
    level: L,
    x: &Matrices,
    scratch: *mut u8,
) {
    let Cut { panels, tiles, depth, bytes: [b_bytes, _] } = Cut::of::<C>(x, ROWS, WIDE);
    let b_room: *mut C = scratch.map_addr(|address| address.next_multiple_of(CACHE_LINE)).cast();
    let a_room: *mut C::Lane = b_room.wrapping_byte_add(b_bytes).cast();
    let columns = WIDE * C::LANES;
    let size = size_of::<C::Lane>() as isize;
    // One row of tiles reads the second matrix once: where it lies, if its rows have no gaps.
    let lies = C::PARTS == 1 && x.n <= ROWS && x.b_steps[1] == size;
    for j in (0..x.m).step_by(panels * columns) {
        let m = (x.m - j).min(panels * columns);
        let whole = if lies { m - m % columns } else { 0 };
        for p in (0..x.k.max(1)).step_by(depth.max(1)) {
            let k = depth.min(x.k - p);
            // SAFETY: the caller's promise, for these columns.
            unsafe {
                if whole < m {
                    pack_b(x, [p, j + whole], k, m - whole, WIDE, b_room);
                }
            }
            for i in (0..x.n).step_by(tiles * ROWS) {
                let n = (x.n - i).min(tiles * ROWS);
                // SAFETY: the same, for these rows.
                unsafe {
                    if x.packs_a() {
                        pack_a::<C>(x, [i, p], n, k, ROWS, a_room);
                    }
                }
                for column in (0..m).step_by(columns) {
                    let (b, b_step) = match column < whole {
                        true => (x.b_at(p, j + column), x.b_steps[0]),
                        false => {
                            let panel = (column - whole) / columns;
                            (
                                b_room.wrapping_add(panel * k * WIDE).cast_const().cast(),
                                size_of::<[C; WIDE]>() as isize,
                            )
                        }
                    };
                    for tile in (0..n).step_by(ROWS) {
                        let (mut a, mut a_step) = ([std::ptr::null::<u8>(); ROWS], x.a_steps[1]);
                        #[allow(
                            clippy::needless_range_loop,
                            reason = "by index, whole arrays stay in registers"
                        )]
                        for r in 0..ROWS {
                            a[r] = x.a_at(i + (tile + r).min(n - 1), p);
                        }
                        if x.packs_a() {
                            #[allow(
                                clippy::needless_range_loop,
                                reason = "by index, whole arrays stay in registers"
                            )]
                            for r in 0..ROWS {
                                a[r] = a_room.wrapping_add(tile * k + r).cast_const().cast();
                            }
                            a_step = ROWS as isize * size;
                        }
                        let (to, part) = ([i + tile, j + column], [ROWS.min(n - tile), m - column]);
                        let part = [part[0], part[1].min(columns)];
                        let mut sums = [[C::ZEROS; WIDE]; ROWS];
                        let first = sums.as_mut_ptr().cast::<C>();
                        // SAFETY: packed just now, or where they lie; rows and columns of the product.
                        unsafe {
                            // Sums go on where they have begun.
                            if x.goes_on || p > 0 {
                                move_tile(x, to, part, first, WIDE, true);
                            }
                            match ROWS {
                                8 => {
                                    tile_of_8::<L, C, ROWS, WIDE>(level, &a, a_step, b, b_step, k, &mut sums)
                                }
                                6 => {
                                    tile_of_6::<L, C, ROWS, WIDE>(level, &a, a_step, b, b_step, k, &mut sums)
                                }
                                4 => {
                                    tile_of_4::<L, C, ROWS, WIDE>(level, &a, a_step, b, b_step, k, &mut sums)
                                }
                                2 => {
                                    tile_of_2::<L, C, ROWS, WIDE>(level, &a, a_step, b, b_step, k, &mut sums)
                                }
                                _ => {
                                    tile_of_1::<L, C, ROWS, WIDE>(level, &a, a_step, b, b_step, k, &mut sums)
                                }
                            }
                            move_tile(x, to, part, sums.as_mut_ptr().cast::<C>(), WIDE, false);
                        }
                    }
                }
            }
        }
    }
}

/// The sums of a tile: each a variable by itself, which stays in its registers. (Of an array of them, where a loop goes over
/// it, LLVM makes memory: 2 ns for a product that takes 0.02.)
macro_rules! tiles {
    ($($name:ident: $($row:ident $i:literal)+;)*) => {$(
        #[inline(always)]
        #[allow(clippy::too_many_arguments, reason = "two matrices, their steps, and the sums")]
        unsafe fn $name<L: Level, C: Chunk, const ROWS: usize, const WIDE: usize>(
            level: L,
            a: &[*const u8; ROWS],
            a_step: isize,
            mut b: *const u8,
            b_step: isize,
            k: usize,
            sums: &mut [[C; WIDE]; ROWS],
        ) {
            $(let mut $row = sums[$i];)+
            let mut ahead = 0;
            for _ in 0..k {
                // SAFETY: the caller promises so many rows, and chunks of a panel.
                unsafe {
                    let b0 = b.cast::<C>().read_unaligned();
                    let b1 = if WIDE == 2 { b.cast::<C>().add(1).read_unaligned() } else { b0 };
                    $(
                        let at = *a[$i].wrapping_offset(ahead).cast::<C::Lane>();
                        $row[0] = C::madd(level, at, &b0, $row[0]);
                        if WIDE == 2 {
                            $row[WIDE - 1] = C::madd(level, at, &b1, $row[WIDE - 1]);
                        }
                    )+
                }
                b = b.wrapping_offset(b_step);
                ahead += a_step;
            }
            $(sums[$i] = $row;)+
        }
    )*};
}
tiles! {
    tile_of_8: r0 0 r1 1 r2 2 r3 3 r4 4 r5 5 r6 6 r7 7;
    tile_of_6: r0 0 r1 1 r2 2 r3 3 r4 4 r5 5;
    tile_of_4: r0 0 r1 1 r2 2 r3 3;
    tile_of_2: r0 0 r1 1;
    tile_of_1: r0 0;
}
