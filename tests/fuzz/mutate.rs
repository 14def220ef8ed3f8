//! Inputs made from seeds by small damages. The same seed of the generator gives the same inputs.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::json;

/// The kind of an input, so that damages get past the first check of a reader.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Json,
    /// JSON objects, one a line.
    Lines,
    /// Text with words that mean something.
    Text(&'static [&'static str]),
    /// A length of eight bytes, a JSON header, and data: safetensors.
    Framed,
    /// Text with places where something is repeated: see [`repeat`].
    Nested,
    /// Anything else.
    Bytes,
}

/// Makes inputs.
pub(crate) struct Mutator {
    rng: ChaCha8Rng,
    kind: Kind,
}

impl Mutator {
    pub(crate) fn new(seed: u64, kind: Kind) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), kind }
    }

    /// A damaged copy of one of the seeds.
    pub(crate) fn input(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let seed = pick(&mut self.rng, seeds).clone();
        let other = pick(&mut self.rng, seeds).clone();
        let rng = &mut self.rng;
        match self.kind {
            Kind::Json => damage_json(rng, seed),
            Kind::Lines => damage_lines(rng, &seed),
            Kind::Text(words) => damage_text(rng, seed, &other, words),
            Kind::Framed => damage_framed(rng, &seed),
            Kind::Nested => repeat(rng, &String::from_utf8_lossy(&seed)).into_bytes(),
            Kind::Bytes => damage_bytes(rng, seed, &other),
        }
    }
}

pub(crate) fn pick<'a, T>(rng: &mut ChaCha8Rng, items: &'a [T]) -> &'a T {
    &items[rng.random_range(0..items.len())]
}

fn chance(rng: &mut ChaCha8Rng, of: u32) -> bool {
    rng.random_range(0..of) == 0
}

fn damage_json(rng: &mut ChaCha8Rng, seed: Vec<u8>) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice(&seed) else { return damage_bytes(rng, seed, &[]) };
    for _ in 0..rng.random_range(1..5) {
        json::damage(rng, &mut value);
    }
    let bytes = serde_json::to_vec(&value).unwrap();
    // Mostly as a tree, since damaged syntax does not get far.
    if chance(rng, 12) { damage_bytes(rng, bytes, &seed) } else { bytes }
}

fn damage_lines(rng: &mut ChaCha8Rng, seed: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = seed.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..lines.len());
        match rng.random_range(0..8) {
            0 => lines.insert(at, Vec::new()),
            1 => lines.insert(at, b"\xef\xbb\xbf{}\r".to_vec()),
            2 => lines[at].push(b'\r'),
            3 if lines.len() > 1 => {
                lines.remove(at);
            }
            _ => lines[at] = damage_json(rng, std::mem::take(&mut lines[at])),
        }
    }
    lines.join(&b'\n')
}

fn damage_text(rng: &mut ChaCha8Rng, mut text: Vec<u8>, other: &[u8], words: &[&str]) -> Vec<u8> {
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=text.len());
        match rng.random_range(0..8) {
            0 => text = damage_bytes(rng, text, other),
            1 => {
                let end = (at + rng.random_range(0..40)).min(text.len());
                text.drain(at..end);
            }
            2 => {
                let end = (at + rng.random_range(0..60)).min(text.len());
                let part = text[at..end].to_vec().repeat(rng.random_range(1..20));
                text.splice(at..at, part);
            }
            _ => {
                let word = pick(rng, words).as_bytes().to_vec();
                text.splice(at..at, word);
            }
        }
    }
    text
}

fn damage_framed(rng: &mut ChaCha8Rng, seed: &[u8]) -> Vec<u8> {
    let length = seed.first_chunk::<8>().map_or(0, |length| u64::from_le_bytes(*length));
    let end = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(8).min(seed.len());
    let header = damage_json(rng, seed[8.min(end)..end].to_vec());
    let mut length = header.len() as u64;
    if chance(rng, 10) {
        length = *pick(rng, &[0, 1, length + 1, length / 2, u64::MAX, 1 << 40]);
    }
    let mut data = seed[end..].to_vec();
    match rng.random_range(0..6) {
        0 => data.truncate(rng.random_range(0..=data.len())),
        1 => data.extend([0; 16]),
        2 => data = damage_bytes(rng, data, &[]),
        _ => {}
    }
    [&length.to_le_bytes()[..], &header, &data].concat()
}

/// Puts `b` between many `a` and mostly as many `c` for `⟨a|b|c⟩`, and a number for `⟨#⟩`.
fn repeat(rng: &mut ChaCha8Rng, text: &str) -> String {
    const DEPTHS: [usize; 14] =
        [1, 2, 50, 100, 120, 127, 128, 129, 200, 1000, 5000, 20_000, 100_000, 500_000];
    let mut repeated = String::new();
    let mut rest = text;
    while let Some((before, (inside, after))) =
        rest.split_once('⟨').and_then(|(before, rest)| Some((before, rest.split_once('⟩')?)))
    {
        let depth = *pick(rng, &DEPTHS);
        repeated += before;
        match inside.splitn(3, '|').collect::<Vec<_>>().as_slice() {
            [open, inner, close] => {
                let n_closed = if chance(rng, 8) { rng.random_range(0..=depth) } else { depth };
                repeated += &format!("{}{inner}{}", open.repeat(depth), close.repeat(n_closed));
            }
            _ => repeated += &depth.to_string(),
        }
        rest = after;
    }
    repeated + rest
}

/// Flips, cuts, and numbers at the edge of what fits. Half of them near the end, where Parquet has its footer.
fn damage_bytes(rng: &mut ChaCha8Rng, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
    const EDGES: [u64; 12] =
        [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 62, u64::MAX];
    for _ in 0..rng.random_range(1..6) {
        if bytes.is_empty() {
            return vec![rng.random()];
        }
        let near_end = chance(rng, 2);
        let from = if near_end { bytes.len().saturating_sub(400) } else { 0 };
        let at = rng.random_range(from..bytes.len());
        match rng.random_range(0..9) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.random()),
            2 => {
                bytes.remove(at);
            }
            3 => {
                let width = *pick(rng, &[1, 2, 4, 8]);
                let edge = pick(rng, &EDGES).to_le_bytes();
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&edge[..end - at]);
            }
            4 if !other.is_empty() => {
                let start = rng.random_range(0..other.len());
                let part = other[start..(start + 64).min(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            5 => {
                let end = (at + rng.random_range(1..64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => bytes[at] ^= 1 << rng.random_range(0..8),
        }
    }
    bytes
}
