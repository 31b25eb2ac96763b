//! Randomness, handed in wherever an id or a key is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use rand::Rng as _;
use uuid::{Builder, Uuid};

/// Letters and digits, so that a key survives being pasted anywhere.
const KEY_ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 43 of 62 letters: 256 bits.
const KEY_LETTERS: usize = 43;

/// Makes ids, keys and nonces.
#[derive(Debug, Clone)]
pub struct Random(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    /// A counter, so that tests see the same ids each time.
    Counting(Arc<AtomicU64>),
    /// `SplitMix64`: the same numbers for the same seed.
    Seeded(Arc<AtomicU64>),
}

impl Random {
    /// A generator of the thread's own, seeded by the operating system and fit for secrets: asking the
    /// system for each id costs a call into it.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A generator that counts: for tests that show whole answers.
    pub fn counting() -> Self {
        Self(Source::Counting(Arc::default()))
    }

    /// A generator of numbers that look random and are the same for the same seed: for made-up data, not for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// A UUIDv7 of the given time: sorts by millisecond, 74 random bits.
    pub fn uuid_v7(&self, at: DateTime<Utc>) -> Uuid {
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// A UUIDv4: 122 random bits.
    pub fn uuid_v4(&self) -> Uuid {
        Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// The `random` of an upload signature: any u32 (protocol.md section 1).
    pub fn u32(&self) -> u32 {
        u32::from_be_bytes(self.bytes())
    }

    /// The salt of a spool, of which its segments' marks are made.
    pub fn u64(&self) -> u64 {
        u64::from_be_bytes(self.bytes())
    }

    /// A secret of 256 bits in letters and digits behind a prefix that tells what it opens.
    pub fn key(&self, prefix: &str) -> String {
        let mut key = String::from(prefix);
        while key.len() < prefix.len() + KEY_LETTERS {
            let [byte] = self.bytes();
            // 248 is four times 62: what lies above would make some letters likelier.
            if byte < 248 {
                key.push(char::from(
                    KEY_ALPHABET[usize::from(byte) % KEY_ALPHABET.len()],
                ));
            }
        }
        key
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => fill(&mut bytes),
            Source::Counting(count) => {
                let count = count.fetch_add(1, Ordering::SeqCst).to_be_bytes();
                for (to, from) in bytes.iter_mut().rev().zip(count.iter().rev()) {
                    *to = *from;
                }
            }
            Source::Seeded(state) => {
                for eight in bytes.chunks_mut(8) {
                    eight.copy_from_slice(&split_mix(state).to_be_bytes()[..eight.len()]);
                }
            }
        }
        bytes
    }
}

/// The smallest UUIDv7 of the millisecond in which a time lies: where tables that grow for ever are cut.
pub fn first_uuid_v7(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}

/// The next number of `SplitMix64`.
fn split_mix(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mixed = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that draws randomness"
)]
fn fill(bytes: &mut [u8]) {
    rand::rng().fill_bytes(bytes);
}
