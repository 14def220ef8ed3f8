//! Responses that stop at a generation cap.

use lobass_text::{Rule, Rules};

use super::{Check, rule};
use crate::row::Row;
use crate::tally::{Found, Least, Tally};
use crate::{CheckName, Finding, RowAt, Shown, SourceReport};

/// Prose without an end in this share of the rows.
const PROSE: Least = Least { n: 5, share: 0.02 };
/// Responses of exactly one length in this share of the rows.
const ONE_LENGTH: Least = Least { n: 5, share: 0.01 };
/// Shorter responses may well have one length.
const SHORT: u32 = 64;
/// How many times as many rows have the length as each of the lengths around it has.
const TIMES: f64 = 10.0;

/// Looks for lengths that many responses have, and for prose without an end.
///
/// Memory: 32 bytes a row.
pub(super) struct CutOff {
    prose: Tally,
    truncated: Rules,
    by_source: Vec<Lengths>,
    n_shown: usize,
}

/// The last response of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Length {
    length: u32,
    has_end: bool,
    row: u64,
}

#[derive(Debug, Clone, Default)]
struct Lengths {
    characters: Vec<Length>,
    tokens: Vec<Length>,
}

/// The stored part of a row.
pub(super) struct Seen {
    characters: u32,
    tokens: Option<u32>,
    has_end: bool,
    prose: Option<String>,
}

impl CutOff {
    pub(super) fn new(n_shown: usize) -> Self {
        let (prose, truncated) = (Tally::new(CheckName::CutOff, n_shown), rule::only(Rule::Truncated));
        Self { prose, truncated, by_source: Vec::new(), n_shown }
    }
}

impl Check for CutOff {
    type Seen = Option<Seen>;

    fn look(&self, row: &Row<'_>) -> Option<Seen> {
        let last = row.responses().last()?.content.trim();
        // With several responses, what is scored is the sum of their lengths.
        let is_only = row.responses().count() == 1;
        let sequence = row.encoded.as_ref().and_then(|encoded| encoded.sequence.as_ref());
        let tokens =
            sequence.filter(|_| is_only).and_then(|sequence| u32::try_from(sequence.n_scored()).ok());
        Some(Seen {
            characters: u32::try_from(last.chars().count()).unwrap_or(u32::MAX),
            tokens,
            has_end: has_end(last),
            prose: rule::first(&self.truncated, row),
        })
    }

    fn take(&mut self, row: &Row<'_>, sources: &[SourceReport], seen: Option<Seen>) {
        let Some(seen) = seen else { return };
        self.by_source.resize_with(sources.len(), Lengths::default);
        let lengths = &mut self.by_source[row.source];
        let length = |length| Length { length, has_end: seen.has_end, row: row.row.row };
        lengths.characters.push(length(seen.characters));
        lengths.tokens.extend(seen.tokens.map(length));
        if let Some(detail) = seen.prose {
            self.prose.add(
                row,
                sources,
                Found { what: "prose that stops before its end".to_owned(), detail },
            );
        }
    }

    fn findings(self: Box<Self>, sources: &mut [SourceReport]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (lengths, source) in self.by_source.into_iter().zip(&*sources) {
            let capped = [(lengths.tokens, "scored tokens"), (lengths.characters, "characters")];
            let capped = capped.into_iter().find_map(|(lengths, unit)| Some((peak(lengths)?, unit)));
            let Some((rows, unit)) = capped else { continue };
            let what = format!("a last response of exactly {} {unit}", rows[0].length);
            let show = |row: &Length| Shown {
                at: RowAt { source: source.source.clone(), row: row.row, key: None, text: None },
                detail: if row.has_end { "has an end".to_owned() } else { "has no end".to_owned() },
                other: None,
            };
            findings.push(Finding {
                check: CheckName::CutOff,
                source: source.source.clone(),
                what,
                n_rows: rows.len() as u64,
                n_of: source.n_rows,
                advice: CheckName::CutOff.info().advice.to_owned(),
                examples: rows.iter().take(self.n_shown).map(show).collect(),
            });
        }
        findings.extend(self.prose.findings(sources, PROSE));
        findings
    }
}

/// Whether a text ends with a sign that ends a sentence, a quotation, a list, or a block of code.
fn has_end(text: &str) -> bool {
    let goes_on = |sign: char| {
        sign.is_alphanumeric()
            || matches!(sign, ',' | '(' | '[' | '{' | '=' | '-' | '+' | '/' | '\\' | '_' | '<' | '&')
    };
    text.chars().next_back().is_none_or(|last| !goes_on(last))
}

/// The rows of the one length that far more rows have than the lengths around it, if at least half of them have no end.
fn peak(mut rows: Vec<Length>) -> Option<Vec<Length>> {
    rows.sort_unstable_by_key(|row| (row.length, row.row));
    let n_below = |length: u32| rows.partition_point(|row| row.length < length);
    let stands_out = |same: &&[Length]| {
        let (n, length) = (same.len(), same[0].length);
        let reach = length / 10;
        let n_around = n_below(length + reach + 1) - n_below(length - reach) - n;
        let each = n_around as f64 / f64::from(2 * reach);
        let n_without_end = same.iter().filter(|row| !row.has_end).count();
        ONE_LENGTH.reached(n as u64, rows.len() as u64) && n as f64 >= TIMES * each && 2 * n_without_end >= n
    };
    let of_one_length = rows.chunk_by(|left, right| left.length == right.length);
    let capped =
        of_one_length.filter(|same| (SHORT..u32::MAX / 2).contains(&same[0].length)).filter(stands_out);
    capped.max_by_key(|same| same.len()).map(<[Length]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lengths: impl IntoIterator<Item = (u32, bool)>) -> Vec<Length> {
        (0..).zip(lengths).map(|(row, (length, has_end))| Length { length, has_end, row }).collect()
    }

    #[test]
    fn a_cap_stands_out() {
        let natural = (0..400).map(|at| (50 + at, at % 9 != 0));
        assert_eq!(peak(rows(natural.clone())), None);
        let capped = natural.clone().chain((0..20).map(|at| (300, at % 3 == 0)));
        let found = peak(rows(capped)).unwrap();
        assert_eq!((found[0].length, found.len()), (300, 21));
        assert_eq!(peak(rows(natural.clone().chain((0..20).map(|_| (300, true))))), None, "they have an end");
        assert_eq!(peak(rows(natural.chain((0..3).map(|_| (300, false))))), None, "too few");
        let labels = (0..100).map(|at| (8 + at % 3, false));
        assert_eq!(peak(rows(labels)), None, "labels have one length");
        let at_the_end = (0..300).map(|at| ((50 + at).min(256), at < 200));
        assert_eq!(peak(rows(at_the_end)).unwrap().len(), 94);
        assert_eq!(peak(Vec::new()), None);
    }

    #[test]
    fn ends() {
        for text in ["Yes.", "(so)", "```", "おわり。", "\"Go!\"", "1. a\n2. b;", ""] {
            assert!(has_end(text), "{text}");
        }
        for text in ["and then", "one, two,", "x = ", "f(", "を読む"] {
            assert!(!has_end(text.trim()), "{text}");
        }
    }
}
