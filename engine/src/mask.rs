//! What a mask chooses in a block, and the way that costs least: run by run where it chooses long runs, all of the block where
//! it chooses much of it, else the chosen elements packed.

use crate::registry::Cost;

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

/// Elements that are worth a call of a kernel (5 to 10 ns).
const RUN: usize = 32;

/// A block of which less than one in so many is chosen is packed; else it costs less to compute the whole (add and log of
/// 100,000 f64 by random masks).
const fn sparse(cost: Cost) -> usize {
    match cost {
        Cost::Light => 8,
        Cost::Medium | Cost::Heavy => 3,
    }
}

impl Choice {
    /// The way for a block under that mask.
    pub fn of(mask: &[u8], cost: Cost) -> Choice {
        let count = total(mask.chunks(PART), |part| part.iter().fold(0, |sum, &m| sum + u8::from(m != 0)));
        if count == 0 || count == mask.len() {
            return if count == 0 { Choice::None } else { Choice::All };
        }
        let pairs = mask[1..].chunks(PART).zip(mask.chunks(PART));
        let edges = total(pairs, |(after, before)| {
            after.iter().zip(before).fold(0, |sum, (&a, &b)| sum + u8::from((a != 0) != (b != 0)))
        });
        match edges / 2 + 1 {
            runs if count >= RUN * runs => Choice::Runs,
            _ if count >= mask.len() / sparse(cost) => Choice::Whole,
            _ => Choice::Packed,
        }
    }
}

/// Bytes counted at a time: whole vectors, and no more than a byte can count.
const PART: usize = 240;

/// The sum over parts, each in a byte: so vectors hold as many counts as bytes.
#[inline(always)]
fn total<P>(parts: impl Iterator<Item = P>, count: impl Fn(P) -> u8) -> usize {
    parts.map(|part| usize::from(count(part))).sum()
}

/// Where the runs of chosen elements begin and end.
pub fn runs(mask: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + mask[at..].iter().position(|&m| m != 0)?;
        let end = mask[start..].iter().position(|&m| m == 0).map_or(mask.len(), |n| start + n);
        at = end;
        Some((start, end))
    })
}

/// The places that a mask chooses; there is room for as many as it has.
pub fn places<'a>(mask: &[u8], places: &'a mut [u32]) -> &'a [u32] {
    let mut count = 0;
    for (k, part) in mask.chunks(8).enumerate() {
        if part.iter().fold(0, |any, &m| any | m) == 0 {
            continue;
        }
        for (i, &chosen) in part.iter().enumerate() {
            places[count] = (8 * k + i) as u32;
            count += usize::from(chosen != 0);
        }
    }
    &places[..count]
}

/// Copies the elements that a mask chooses.
///
/// # Safety
/// As many elements each as the mask has; the target overlaps no other.
pub unsafe fn copy_chosen(from: *const u8, to: *mut u8, mask: &[u8], size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => copy_items::<u8>(from, to, mask),
            2 => copy_items::<u16>(from, to, mask),
            4 => copy_items::<u32>(from, to, mask),
            8 => copy_items::<u64>(from, to, mask),
            16 => copy_items::<u128>(from, to, mask),
            _ => unreachable!("no dtype has {size} bytes"),
        }
    }
}

/// # Safety
/// As [`copy_chosen`].
unsafe fn copy_items<T: Copy>(from: *const u8, to: *mut u8, mask: &[u8]) {
    let (from, to) = (from.cast::<T>(), to.cast::<T>());
    for (i, &chosen) in mask.iter().enumerate() {
        // SAFETY: the caller's promise. Written in any case, which makes vectors of it.
        unsafe {
            let (new, old) = (from.add(i).read_unaligned(), to.add(i).read_unaligned());
            to.add(i).write_unaligned(if chosen != 0 { new } else { old });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_the_same_every_way() {
        let mut state = 1u64;
        for n in 1..600 {
            let dense = n % 7;
            let mask: Vec<u8> = (0..n)
                .map(|i| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let random = (state >> 33) % 8;
                    if n % 3 == 0 { u8::from(i / 50 % 2 == 0) } else { u8::from(random <= dense) * 3 }
                })
                .collect();
            let expected: Vec<u32> = (0..n as u32).filter(|&i| mask[i as usize] != 0).collect();
            let mut room = vec![0; mask.len()];
            assert_eq!(places(&mask, &mut room), expected);
            assert_eq!(runs(&mask).flat_map(|(a, b)| a as u32..b as u32).collect::<Vec<_>>(), expected);
            match Choice::of(&mask, Cost::Light) {
                Choice::None => assert!(expected.is_empty()),
                Choice::All => assert_eq!(expected.len(), mask.len()),
                Choice::Runs => assert!(expected.len() >= RUN * runs(&mask).count().max(1) / 2),
                Choice::Whole | Choice::Packed => {
                    assert!(!expected.is_empty() && expected.len() < mask.len())
                }
            }
        }
    }
}
