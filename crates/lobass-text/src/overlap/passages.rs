//! Passages that another text holds, told by runs of 13 words.

use std::collections::HashMap;

use crate::windows::{WORD, Windows};

/// Words in a run: 13, as in GPT-3's search for its benchmarks in its training data. In scripts without spaces 22
/// letters make one.
const RUN: u32 = 13 * WORD;
/// A run in more passages than these is boilerplate and does not count, as GPT-3 left out runs of more than ten
/// documents.
const BOILERPLATE: usize = 10;

/// Passages that are searched for in other texts.
///
/// Memory: 24 bytes or so for each word of the passages; the searched texts need none.
#[derive(Debug, Clone, Default)]
pub(super) struct Passages {
    /// For each run, the range of its passages in `postings`.
    runs: HashMap<u64, (u32, u32)>,
    postings: Vec<u32>,
    /// For each passage, the number of its runs that count.
    n_runs: Vec<u32>,
}

impl Passages {
    /// Makes passages ready to be searched for. Those of fewer than 13 words are never found.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are fewer than 4 billion words of evaluation data"
    )]
    pub(super) fn new<'t>(passages: impl IntoIterator<Item = &'t str>) -> Self {
        let mut all: Vec<(u64, u32)> = Vec::new();
        let mut n_passages = 0;
        for text in passages {
            Windows::of(text).each(RUN, |hash| all.push((hash, n_passages)));
            n_passages += 1;
        }
        all.sort_unstable();
        all.dedup();
        let mut found = Self { n_runs: vec![0; n_passages as usize], ..Self::default() };
        for of_run in
            all.chunk_by(|left, right| left.0 == right.0).filter(|of_run| of_run.len() <= BOILERPLATE)
        {
            let start = found.postings.len() as u32;
            found.postings.extend(of_run.iter().map(|(_, passage)| passage));
            found.runs.insert(of_run[0].0, (start, found.postings.len() as u32));
            for &(_, passage) in of_run {
                found.n_runs[passage as usize] += 1;
            }
        }
        found
    }

    /// The passages of whose runs a text holds at least a share, each with that share.
    pub(super) fn find<'t>(
        &self,
        parts: impl IntoIterator<Item = &'t str>,
        least: f64,
    ) -> impl Iterator<Item = (usize, f64)> {
        let mut runs: Vec<u64> = Vec::new();
        for part in parts {
            Windows::of(part).each(RUN, |hash| runs.extend(self.runs.contains_key(&hash).then_some(hash)));
        }
        runs.sort_unstable();
        runs.dedup();
        let passages_of = |hash: &u64| {
            let (start, end) = self.runs[hash];
            &self.postings[start as usize..end as usize]
        };
        let mut held: Vec<u32> = runs.iter().flat_map(passages_of).copied().collect();
        held.sort_unstable();
        let shares: Vec<(usize, f64)> = held
            .chunk_by(|left, right| left == right)
            .map(|of_passage| {
                let passage = of_passage[0] as usize;
                (passage, of_passage.len() as f64 / f64::from(self.n_runs[passage]))
            })
            .filter(|(_, share)| *share >= least)
            .collect();
        shares.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn words(range: std::ops::Range<usize>) -> String {
        range.map(|at| format!("w{at} ")).collect()
    }

    fn found(passages: &[String], text: &str, least: f64) -> Vec<(usize, f64)> {
        Passages::new(passages.iter().map(String::as_str)).find([text], least).collect()
    }

    #[test]
    fn a_share_of_the_runs_is_what_counts() {
        // 24 words have 12 runs; a text that holds 18 of the words in a row holds 6 of them.
        let passage = [words(0..24)];
        assert_eq!(found(&passage, &words(6..100), 0.5), [(0, 0.5)]);
        assert_eq!(found(&passage, &words(7..100), 0.5), []);
        assert_eq!(found(&passage, &format!("Well: {}!", words(0..24)), 0.5), [(0, 1.0)]);
        assert_eq!(found(&[words(0..12)], &words(0..100), 0.1), [], "too short to say");
        assert_eq!(found(&[String::new()], "", 0.1), []);
    }

    #[test]
    fn boilerplate_does_not_count() {
        let shared = words(0..40);
        let with = |n: usize| {
            (0..n).map(|at| format!("{shared} {}", words(1000 * (at + 1)..1000 * (at + 1) + 20))).collect()
        };
        let few: Vec<String> = with(10);
        assert_eq!(found(&few, &shared, 0.5).len(), 10);
        let many: Vec<String> = with(11);
        assert_eq!(found(&many, &shared, 0.1), []);
        assert_eq!(found(&many, &many[3], 0.9), [(3, 1.0)]);
    }

    /// The runs of a text, counted out.
    fn runs(text: &str) -> HashSet<Vec<&str>> {
        let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        words.windows(13).map(<[&str]>::to_vec).collect()
    }

    proptest! {
        #[test]
        fn as_one_by_one(
            passages in prop::collection::vec("([ab] ){0,24}", 1..6),
            text in "([ab] ){0,30}",
            least in 0.1..1.0_f64,
        ) {
            let expected: Vec<(usize, f64)> = (0..passages.len())
                .filter_map(|at| {
                    let (mine, theirs) = (runs(&passages[at]), runs(&text));
                    let n_shared = mine.intersection(&theirs).count();
                    let share = n_shared as f64 / mine.len() as f64;
                    (n_shared > 0 && share >= least).then_some((at, share))
                })
                .collect();
            prop_assert_eq!(found(&passages, &text, least), expected);
        }
    }
}
