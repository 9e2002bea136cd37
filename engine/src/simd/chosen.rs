//! Moving the elements that a mask chooses: packing them, putting packed ones back, copying them where they are. By AVX-512's
//! compressing, expanding and masked moves of 4 and 8 bytes, a register at a time; else one by one.

use super::level::{Level, Work, enter};
use crate::mask::Bits;
use crate::registry::Isa;
use std::marker::PhantomData;

/// Which way elements move.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Pack,
    Unpack,
    Copy,
}

/// Packs the chosen elements of `from` into `to`, which may be `from`.
///
/// # Safety
/// `from` has as many elements of so many bytes as the mask; `to` has room for those chosen; the CPU has the level.
pub unsafe fn pack(from: *const u8, to: *mut u8, size: usize, bits: &Bits, isa: Isa) {
    // SAFETY: the caller's promise.
    unsafe { moved(Way::Pack, from, to, size, bits, isa) }
}

/// Puts packed elements to the places of those chosen.
///
/// # Safety
/// As [`pack`], the other way round; the two do not overlap.
pub unsafe fn unpack(packed: *const u8, to: *mut u8, size: usize, bits: &Bits, isa: Isa) {
    // SAFETY: the caller's promise.
    unsafe { moved(Way::Unpack, packed, to, size, bits, isa) }
}

/// Copies the chosen elements to the same places.
///
/// # Safety
/// As many elements each as the mask has; the two do not overlap; the CPU has the level.
pub unsafe fn copy(from: *const u8, to: *mut u8, size: usize, bits: &Bits, isa: Isa) {
    // SAFETY: the caller's promise.
    unsafe { moved(Way::Copy, from, to, size, bits, isa) }
}

/// # Safety
/// As [`pack`], [`unpack`] and [`copy`].
unsafe fn moved(way: Way, from: *const u8, to: *mut u8, size: usize, bits: &Bits, isa: Isa) {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => enter(Move::<u8> { way, from, to, bits, item: PhantomData }, isa),
            2 => enter(Move::<u16> { way, from, to, bits, item: PhantomData }, isa),
            4 => enter(Move::<u32> { way, from, to, bits, item: PhantomData }, isa),
            8 => enter(Move::<u64> { way, from, to, bits, item: PhantomData }, isa),
            16 => enter(Move::<u128> { way, from, to, bits, item: PhantomData }, isa),
            _ => unreachable!("no dtype has {size} bytes"),
        }
    }
}

struct Move<'a, T> {
    way: Way,
    from: *const u8,
    to: *mut u8,
    bits: &'a Bits,
    item: PhantomData<T>,
}

impl<T: Copy> Work for Move<'_, T> {
    type Out = ();
    #[inline(always)]
    fn run<L: Level>(self, level: L) {
        #[cfg(target_arch = "x86_64")]
        if let Some(v4) = level.v4()
            && matches!(size_of::<T>(), 4 | 8)
            && !self.bits.is_sparse()
        {
            // SAFETY: whoever made the work promised the elements.
            return unsafe { by_registers::<T>(v4, self.way, self.from, self.to, self.bits) };
        }
        if self.way == Way::Copy && !self.bits.is_sparse() {
            // SAFETY: the same.
            return unsafe { copy_words::<T, L>(level, self.from.cast(), self.to.cast(), self.bits) };
        }
        let (from, to) = (self.from.cast::<T>(), self.to.cast::<T>());
        for (k, place) in self.bits.places().enumerate() {
            let (source, target) = match self.way {
                Way::Pack => (place, k),
                Way::Unpack => (k, place),
                Way::Copy => (place, place),
            };
            // SAFETY: whoever made the work promised the elements. Packing in place, one moves to a place not after its own.
            unsafe { to.add(target).write_unaligned(from.add(source).read_unaligned()) };
        }
    }
}

/// The same, by registers of 8 elements of 8 bytes or 16 of 4. Loads and stores are masked: they touch the elements only.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn by_registers<T>(v4: super::level::V4, way: Way, from: *const u8, to: *mut u8, bits: &Bits) {
    let lanes = 64 / size_of::<T>();
    let bytes = size_of::<T>();
    let mut packed = 0;
    for (k, &word) in bits.words().iter().enumerate() {
        let mut word = word;
        let mut place = 64 * k;
        while word != 0 {
            let chosen = (word & ((1 << lanes) - 1)) as u16;
            if chosen != 0 {
                let count = chosen.count_ones() as usize;
                let first = ((1u32 << count) - 1) as u16;
                // SAFETY: elements that the caller promised.
                unsafe {
                    let (x, y) = match way {
                        Way::Pack => (from.add(place * bytes), to.add(packed * bytes)),
                        Way::Unpack => (from.add(packed * bytes), to.add(place * bytes)),
                        Way::Copy => (from.add(place * bytes), to.add(place * bytes)),
                    };
                    let f = v4.avx512f;
                    match (way, bytes) {
                        (Way::Pack, 8) => {
                            let x = f._mm512_maskz_loadu_epi64(chosen as u8, x.cast());
                            let x = f._mm512_maskz_compress_epi64(chosen as u8, x);
                            f._mm512_mask_storeu_epi64(y.cast(), first as u8, x);
                        }
                        (Way::Pack, _) => {
                            let x = f._mm512_maskz_loadu_epi32(chosen, x.cast());
                            f._mm512_mask_storeu_epi32(
                                y.cast(),
                                first,
                                f._mm512_maskz_compress_epi32(chosen, x),
                            );
                        }
                        (Way::Unpack, 8) => {
                            let x = f._mm512_maskz_loadu_epi64(first as u8, x.cast());
                            let x = f._mm512_maskz_expand_epi64(chosen as u8, x);
                            f._mm512_mask_storeu_epi64(y.cast(), chosen as u8, x);
                        }
                        (Way::Unpack, _) => {
                            let x = f._mm512_maskz_loadu_epi32(first, x.cast());
                            f._mm512_mask_storeu_epi32(
                                y.cast(),
                                chosen,
                                f._mm512_maskz_expand_epi32(chosen, x),
                            );
                        }
                        (Way::Copy, 8) => {
                            let x = f._mm512_maskz_loadu_epi64(chosen as u8, x.cast());
                            f._mm512_mask_storeu_epi64(y.cast(), chosen as u8, x);
                        }
                        (Way::Copy, _) => {
                            let x = f._mm512_maskz_loadu_epi32(chosen, x.cast());
                            f._mm512_mask_storeu_epi32(y.cast(), chosen, x);
                        }
                    }
                }
                packed += count;
            }
            place += lanes;
            word >>= lanes;
        }
    }
}

/// Copies the chosen elements, word by word of the mask.
#[inline(always)]
unsafe fn copy_words<T: Copy, L: Level>(level: L, from: *const T, to: *mut T, bits: &Bits) {
    for (k, &word) in bits.words().iter().enumerate() {
        let (from, to) = (from.wrapping_add(64 * k), to.wrapping_add(64 * k));
        // SAFETY: elements that the caller promised, or masked moves, which touch none but the chosen.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            if let Some(v4) = level.v4() {
                let w = v4.avx512bw;
                if size_of::<T>() == 1 {
                    w._mm512_mask_storeu_epi8(to.cast(), word, w._mm512_maskz_loadu_epi8(word, from.cast()));
                    continue;
                }
                if size_of::<T>() == 2 {
                    for (half, shift) in [(word as u32, 0), ((word >> 32) as u32, 32)] {
                        let x = w._mm512_maskz_loadu_epi16(half, from.wrapping_add(shift).cast());
                        w._mm512_mask_storeu_epi16(to.wrapping_add(shift).cast(), half, x);
                    }
                    continue;
                }
            }
            let _ = level;
            for i in 0..64.min(bits.len() - 64 * k) {
                // Written in any case, which makes vectors of it.
                let (new, old) = (from.add(i).read_unaligned(), to.add(i).read_unaligned());
                to.add(i).write_unaligned(if word >> i & 1 != 0 { new } else { old });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::level::detected_isa;

    #[test]
    fn elements_go_where_the_mask_says() {
        for isa in Isa::ALL.into_iter().filter(|&isa| isa <= detected_isa()) {
            for size in [1, 2, 4, 8, 16] {
                for n in [1usize, 7, 16, 63, 64, 65, 200, 1000, 1024] {
                    for one_in in [2, 3, 40] {
                        let mask: Vec<u8> = (0..n).map(|i| u8::from(i * 7 % 11 % one_in != 1)).collect();
                        for mask in [mask.iter().map(|m| 1 - m).collect(), mask] {
                            check(&mask, size, isa);
                        }
                    }
                }
            }
        }
    }

    fn check(mask: &[u8], size: usize, isa: Isa) {
        let (bits, n) = (Bits::of(mask), mask.len());
        let from: Vec<u8> = (0..n * size).map(|i| (i % 251) as u8 + 1).collect();
        let item = |i: usize| &from[i * size..(i + 1) * size];
        let chosen: Vec<usize> = (0..n).filter(|&i| mask[i] != 0).collect();
        let packed: Vec<u8> = chosen.iter().flat_map(|&i| item(i).to_vec()).collect();
        let placed: Vec<u8> =
            (0..n).flat_map(|i| if mask[i] != 0 { item(i).to_vec() } else { vec![0; size] }).collect();
        // Nothing past the end is written: the memory is as long as it may be.
        let (mut a, mut b, mut c, mut d) =
            (vec![0; packed.len()], vec![0; from.len()], vec![0; from.len()], from.clone());
        // SAFETY: as many elements each; the level is the CPU's or below.
        unsafe {
            pack(from.as_ptr(), a.as_mut_ptr(), size, &bits, isa);
            unpack(packed.as_ptr(), b.as_mut_ptr(), size, &bits, isa);
            copy(from.as_ptr(), c.as_mut_ptr(), size, &bits, isa);
            pack(d.as_ptr(), d.as_mut_ptr(), size, &bits, isa);
        }
        assert_eq!(a, packed);
        assert_eq!(b, placed);
        assert_eq!(c, placed);
        assert_eq!(d[..packed.len()], packed);
    }
}
