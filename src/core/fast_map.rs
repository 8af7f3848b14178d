//! Hash maps for looking up words. All keys come from files that staff write, so nobody outside can choose them to collide,
//! and the standard library's careful hasher would cost more than the rest of a look-up.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map from words.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// A set of words.
pub(crate) type FastSet<K> = HashSet<K, BuildHasherDefault<Quick>>;

/// Eight bytes at a time: a word costs one or two multiplications.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Quick(u64);

/// The golden ratio of 64-bit numbers: its multiples spread evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Quick {
    fn mix(&mut self, eight: u64) {
        self.0 = (self.0.rotate_left(23) ^ eight).wrapping_mul(GOLDEN);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
            self.mix(u64::from_le_bytes(*eight));
            rest = behind;
        }
        // The ends of what is left overlap where it is short; its length tells such words apart.
        let last = match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
            (Some(head), Some(tail)) => {
                u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
            }
            _ => rest.iter().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)),
        };
        self.mix(last ^ (rest.len() as u64) << 61);
    }

    fn write_u8(&mut self, byte: u8) {
        // What ends every word of text tells no two of them apart.
        self.0 ^= u64::from(byte);
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn finish(&self) -> u64 {
        // The map takes its buckets from the low bits and its tags from the high ones: mix both.
        self.0 ^ (self.0 >> 32)
    }
}
