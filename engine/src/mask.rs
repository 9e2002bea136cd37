//! What a mask chooses in a block, as bits, and the way that costs least: run by run where it chooses long runs, all of the
//! block where it chooses much of it, else the chosen elements packed. `simd/chosen.rs` moves the elements.

use crate::registry::Cost;
use crate::tuning::BLOCK;

/// The way to compute the chosen elements of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// There are none.
    None,
    /// They are all.
    All,
    /// Each run by itself.
    Runs,
    /// The block as a whole, if that raises nothing.
    Whole,
    /// They by themselves.
    Packed,
}

/// Elements for which a call of a kernel of their own costs less than to copy them from the whole block's results.
const RUN: usize = 128;

/// A block of which less than one in so many is chosen is packed; else it costs less to compute the whole (add and log of
/// 100,000 f64 by random masks).
const fn sparse(cost: Cost) -> usize {
    match cost {
        Cost::Light => 8,
        Cost::Medium | Cost::Heavy => 3,
    }
}

/// Elements of a word.
const WORD: usize = 64;

/// The mask of a block, one bit for each of at most [`BLOCK`] elements.
pub struct Bits {
    words: [u64; BLOCK / WORD],
    len: usize,
    chosen: usize,
}

impl Bits {
    /// Of a mask of bytes, where every one that is not 0 chooses.
    pub fn of(mask: &[u8]) -> Bits {
        let mut bits = Bits { words: [0; BLOCK / WORD], len: mask.len(), chosen: 0 };
        let (whole, rest) = mask.as_chunks::<WORD>();
        for (word, bytes) in bits.words.iter_mut().zip(whole) {
            *word = word_of(bytes);
        }
        if !rest.is_empty() {
            let mut bytes = [0; WORD];
            bytes[..rest.len()].copy_from_slice(rest);
            bits.words[whole.len()] = word_of(&bytes);
        }
        bits.chosen = bits.words.iter().map(|word| word.count_ones() as usize).sum();
        bits
    }

    /// How many are chosen.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// How many there are to choose from.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to choose from.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether so few are chosen that each is moved by itself.
    pub fn is_sparse(&self) -> bool {
        self.chosen * 8 < self.len
    }

    /// The words that have a bit for some element.
    pub fn words(&self) -> &[u64] {
        &self.words[..self.len.div_ceil(WORD)]
    }

    /// The way for the block.
    pub fn choice(&self, cost: Cost) -> Choice {
        match self.chosen {
            0 => Choice::None,
            chosen if chosen == self.len => Choice::All,
            chosen if chosen >= RUN && chosen >= RUN * self.count_runs() => Choice::Runs,
            chosen if chosen >= self.len / sparse(cost) => Choice::Whole,
            _ => Choice::Packed,
        }
    }

    fn count_runs(&self) -> usize {
        let mut before = 0;
        let starts = self.words().iter().map(|&word| {
            let starts = word & !(word << 1 | before);
            before = word >> (WORD - 1);
            starts.count_ones() as usize
        });
        starts.sum()
    }

    /// Where the runs of chosen elements begin and end.
    pub fn runs(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = self.next(at, 0).filter(|&start| start < self.len)?;
            let end = self.next(start, !0).map_or(self.len, |end| end.min(self.len));
            at = end;
            Some((start, end))
        })
    }

    /// The first element from `at` on that is chosen; with all bits inverted, that is not.
    fn next(&self, at: usize, inverted: u64) -> Option<usize> {
        let first = at / WORD;
        let word = |k: usize| self.words.get(k).map(|word| word ^ inverted);
        let here = word(first)? & (!0 << (at % WORD));
        if here != 0 {
            return Some(first * WORD + here.trailing_zeros() as usize);
        }
        let k = (first + 1..self.words.len()).find(|&k| word(k) != Some(0))?;
        Some(k * WORD + word(k)?.trailing_zeros() as usize)
    }

    /// The places of the chosen elements.
    #[inline(always)]
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.words().iter().enumerate().flat_map(|(k, &word)| {
            let mut left = word;
            std::iter::from_fn(move || {
                let place = (left != 0).then(|| k * WORD + left.trailing_zeros() as usize);
                left &= left.wrapping_sub(1);
                place
            })
        })
    }
}

/// A bit for each byte that is not 0.
#[cfg(target_arch = "x86_64")]
fn word_of(bytes: &[u8; WORD]) -> u64 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_setzero_si128};
    let quarter = |i: usize| {
        // SAFETY: SSE2 is part of x86-64; 16 bytes of 64.
        let zeros = unsafe {
            let x = _mm_loadu_si128(bytes.as_ptr().add(16 * i).cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128()))
        };
        u64::from(zeros as u32 & 0xffff) << (16 * i)
    };
    !(quarter(0) | quarter(1) | quarter(2) | quarter(3))
}

/// A bit for each byte that is not 0.
#[cfg(not(target_arch = "x86_64"))]
fn word_of(bytes: &[u8; WORD]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| word << 1 | u64::from(byte != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_the_same_every_way() {
        let mut state = 1u64;
        for n in (1..600).chain([1023, 1024]) {
            let dense = n % 7;
            let mask: Vec<u8> = (0..n)
                .map(|i| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let random = (state >> 33) % 8;
                    if n % 3 == 0 { u8::from(i / 150 % 2 == 0) } else { u8::from(random <= dense) * 3 }
                })
                .collect();
            let expected: Vec<usize> = (0..n as usize).filter(|&i| mask[i] != 0).collect();
            let bits = Bits::of(&mask);
            assert_eq!((bits.len(), bits.chosen()), (mask.len(), expected.len()));
            assert_eq!(bits.places().collect::<Vec<_>>(), expected);
            assert_eq!(bits.runs().flat_map(|(a, b)| a..b).collect::<Vec<_>>(), expected);
            assert_eq!(bits.count_runs(), bits.runs().count());
            match bits.choice(Cost::Light) {
                Choice::None => assert!(expected.is_empty()),
                Choice::All => assert_eq!(expected.len(), mask.len()),
                Choice::Runs => assert!(expected.len() >= RUN * bits.runs().count()),
                Choice::Whole | Choice::Packed => {
                    assert!(!expected.is_empty() && expected.len() < mask.len())
                }
            }
        }
    }
}
