//! Repetition, by the measures of Gopher (arXiv 2112.11446, table A1), fitted to responses.
//!
//! The limits were made for pages, where a few repeated words are a small share. A short response that says the same
//! name three times is fine. So the limits depend on the number `n` of words of a response: for phrases `1 + 100 / n`
//! times the page's limit, for passages `1 + 200 / n` times. That is twice and three times as much at 100 words, and
//! hardly more for a page. A few repeats are always allowed ([`MIN_REPEATS`]).
//!
//! Lists have frames, such as `is the second most spoken language in`, so passages are of 8 to 10 words; Gopher also
//! has 5 to 7. Code, markup, formulas, and songs repeat themselves and are not measured. In scripts without spaces two
//! letters count as a word.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use xxhash_rust::xxh3::xxh3_64;

use super::passage::Passage;
use super::{Turn, percent, quoted};
use crate::words::words;

/// How often a phrase or a line has to be there again.
const MIN_REPEATS: usize = 3;

/// Words of a prompt that allow repetitions in the answer.
const ASKS_FOR_REPEATS: &str = "song songs lyrics lyric chorus poem poems verse verses jingle anthem rap ballad hymn rhyme \
    rhymes sonnet haiku villanelle limerick music musical tune melody melodies chord chords chant mantra repeat repeats \
    repeated repeating repetition repetitive refrain anaphora pattern tongue twister";

/// Whether repeats are no fault.
fn may_repeat(turn: &Turn<'_>) -> bool {
    turn.response.is_code() || turn.asked.mentions(ASKS_FOR_REPEATS)
}

/// The limit of a share in a response, if it may be twice as large at `twice_at` words.
fn limit(most: f64, passage: &Passage<'_>, twice_at: f64) -> f64 {
    most * (1.0 + twice_at / passage.n_words().max(1) as f64)
}

/// Repeated lines.
pub(super) fn lines(turn: &Turn<'_>, most: f64) -> Option<String> {
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let (mut n_lines, mut n_bytes, mut n_repeated, mut n_repeated_bytes) =
        (0_usize, 0_usize, 0_usize, 0_usize);
    let mut worst = (0, "");
    for line in turn.response.text.lines().map(str::trim) {
        let Some(name) = name_of_line(line) else { continue };
        n_lines += 1;
        n_bytes += line.len();
        let times = seen.entry(name).or_default();
        *times += 1;
        if *times > 1 {
            n_repeated += 1;
            n_repeated_bytes += line.len();
            if *times > worst.0 {
                worst = (*times, line);
            }
        }
    }
    let (of_lines, of_text) = (share(n_repeated, n_lines), share(n_repeated_bytes, n_bytes));
    let (line, times) = (quoted(worst.1), worst.0);
    if n_repeated < MIN_REPEATS || may_repeat(turn) {
        None
    } else if of_lines > most {
        let (found, most) = (percent(of_lines), percent(most));
        Some(format!(
            "{found} of {n_lines} lines repeat earlier ones, at most {most} allowed; {line} occurs {times} times"
        ))
    } else if of_text > most * 2.0 / 3.0 {
        let (found, most) = (percent(of_text), percent(most * 2.0 / 3.0));
        Some(format!(
            "repeated lines make up {found} of the text, at most {most} allowed; {line} occurs {times} times"
        ))
    } else {
        None
    }
}

/// A hash of a line's words, if it says anything: a brace or a rule may come as often as it likes.
fn name_of_line(line: &str) -> Option<u64> {
    let mut bytes = Vec::new();
    let mut n_words = 0;
    for word in words(line) {
        bytes.extend_from_slice(&word.hash.to_le_bytes());
        n_words += 1;
    }
    (n_words > 1).then(|| xxh3_64(&bytes))
}

/// The phrase of two, three, or four words that makes the most of a response.
pub(super) fn phrase(turn: &Turn<'_>, most: f64) -> Option<String> {
    let passage = turn.response;
    let (n_bytes, most) = (passage.n_bytes(), limit(most, passage, 100.0));
    let found = [(2, most), (3, 0.9 * most), (4, 0.8 * most)].into_iter().find_map(|(n, most)| {
        let (times, at) = most_frequent(passage, n * passage.letters_per_word())?;
        let length = n * passage.letters_per_word();
        let phrase_bytes: usize =
            passage.words[at..at + length].iter().map(crate::words::Word::n_bytes).sum();
        let found = share(times * phrase_bytes, n_bytes);
        let is_topic = || turn.asked.mentions_all(&passage.words[at..at + length]);
        (times > MIN_REPEATS && found > most && !is_topic()).then(|| {
            let phrase = quoted(passage.span(at, at + length));
            let (found, most) = (percent(found), percent(most));
            format!(
                "the {n} words {phrase}, {times} times, make up {found} of the response, at most {most} allowed"
            )
        })
    });
    found.filter(|_| !may_repeat(turn))
}

/// How often the most frequent run of `n` words is there without overlapping itself, and where it is first.
fn most_frequent(passage: &Passage<'_>, n: usize) -> Option<(usize, usize)> {
    /// For each run: its first place, its number of occurrences, and the end of the last one.
    type Runs = HashMap<u64, (usize, usize, usize)>;
    let mut runs = Runs::new();
    let mut best: Option<(usize, usize)> = None;
    for (at, hash) in run_hashes(passage, n).enumerate() {
        let (first, times, end) = runs.entry(hash).or_insert((at, 0, 0));
        if at < *end {
            continue;
        }
        *times += 1;
        *end = at + n;
        if best.is_none_or(|(most, _)| *times > most) {
            best = Some((*times, *first));
        }
    }
    best
}

/// Repeated passages.
pub(super) fn passages(turn: &Turn<'_>, most: f64) -> Option<String> {
    let passage = turn.response;
    let (n_bytes, most) = (passage.n_bytes(), limit(most, passage, 200.0));
    let found = (8..=10_u8).find_map(|n| {
        let most = most * (1.0 - f64::from(n - 8) / 12.0);
        let length = usize::from(n) * passage.letters_per_word();
        let repeated = repeated_words(passage, length);
        if repeated.n_runs < MIN_REPEATS {
            return None;
        }
        let found = share(repeated.n_bytes, n_bytes);
        (found > most).then(|| {
            let (found, most) = (percent(found), percent(most));
            let run = quoted(passage.span(repeated.first, repeated.first + length));
            format!("repeated runs of {n} words, such as {run}, make up {found} of the response, at most {most} allowed")
        })
    });
    found.filter(|_| !may_repeat(turn))
}

/// The part of a response in runs of words that occurred before.
struct Repeated {
    /// Bytes of the words in such runs, each counted once.
    n_bytes: usize,
    /// Runs that do not overlap.
    n_runs: usize,
    /// Where the first one begins.
    first: usize,
}

fn repeated_words(passage: &Passage<'_>, n: usize) -> Repeated {
    let mut ends: HashMap<u64, usize> = HashMap::new();
    let mut repeated = Repeated { n_bytes: 0, n_runs: 0, first: 0 };
    let mut counted_to = 0;
    for (at, hash) in run_hashes(passage, n).enumerate() {
        match ends.entry(hash) {
            Entry::Vacant(free) => {
                free.insert(at + n);
            }
            Entry::Occupied(before) if *before.get() <= at => {
                if at >= counted_to {
                    repeated.n_runs += 1;
                }
                if repeated.n_bytes == 0 {
                    repeated.first = at;
                }
                let new = counted_to.max(at)..at + n;
                counted_to = at + n;
                repeated.n_bytes += passage.words[new].iter().map(crate::words::Word::n_bytes).sum::<usize>();
            }
            Entry::Occupied(_) => {} // it overlaps itself
        }
    }
    repeated
}

/// A hash of every run of `n` words, in order.
fn run_hashes<'p>(passage: &'p Passage<'_>, n: usize) -> impl Iterator<Item = u64> + 'p {
    passage.words.windows(n).map(|run| {
        run.iter()
            .fold(0, |hash: u64, word| (hash ^ word.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
    })
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
