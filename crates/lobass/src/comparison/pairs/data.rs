//! The pairs to train on, and held-out pairs that share no prompt with them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lobass_core::readable::{count, counted};
use lobass_core::{Digest, Observer as _};
use lobass_data::Pool;
use lobass_evidence::ALL;
use lobass_evidence::pairs::{HeldOutPair, MIXED, PairFacts, PairSource, hold_out_prompts};
use lobass_text::Twin;

use super::super::held_out::{digest, twins};
use super::rows::{PairRow, PairRows};
use super::status::PairStatus;
use crate::error::{Result, bail};
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::OverlapPolicy;

/// Where held-out pairs come from.
#[derive(Debug, Clone, Copy)]
pub struct HeldOutPairs<'a> {
    /// Rows to measure on; each source has separate results. Without any, a part of the pool.
    pub rows: Option<&'a Pool>,
    /// The share of the pool's prompts that is held out if there are no such rows, between 0 and 1.
    pub share: f64,
    /// The policy for pairs that are also trained on.
    pub policy: OverlapPolicy,
}

/// One side of a comparison: pairs, and what was left out.
pub(super) struct Side {
    pub(super) sources: Vec<String>,
    pub(super) rows: Vec<PairRow>,
    left_out: Vec<BTreeMap<PairStatus, u64>>,
}

/// The pairs of a comparison.
pub(super) struct PairData {
    pub(super) train: Side,
    pub(super) held_out: Side,
    pub(super) n_same_prompt: u64,
    pub(super) n_near: u64,
}

impl PairData {
    pub(super) fn open(
        sequences: &Sequences,
        held_out: HeldOutPairs<'_>,
        seed: u64,
        runtime: &Runtime,
    ) -> Result<Self> {
        let PairRows { sources, rows, left_out } = PairRows::read(&sequences.pool, &sequences.encoder)?;
        if sources.iter().any(|source| source == MIXED || source == ALL) {
            bail!(
                Comparison,
                "sources called `{MIXED}` or `{ALL}`: these names are those of all sources together; use `NAME=FILE`"
            );
        }
        let (train, held_out_side) = match held_out.rows {
            Some(pool) => {
                let PairRows { sources: names, rows: aside, left_out: faults } =
                    PairRows::read(pool, &sequences.encoder)?;
                (Side { sources, rows, left_out }, Side { sources: names, rows: aside, left_out: faults })
            }
            None => {
                let (train, aside) = split(rows, held_out.share, seed);
                let nothing = vec![BTreeMap::new(); sources.len()];
                (
                    Side { sources: sources.clone(), rows: train, left_out },
                    Side { sources, rows: aside, left_out: nothing },
                )
            }
        };
        let mut data = Self { train, held_out: held_out_side, n_same_prompt: 0, n_near: 0 };
        data.check()?;
        data.drop_twins(&sequences.pool, held_out.policy, runtime)?;
        data.warn(runtime);
        Ok(data)
    }

    /// Checks that there is something to train on and something to measure on.
    fn check(&self) -> Result<()> {
        for (what, side) in [("pool", &self.train), ("held-out part", &self.held_out)] {
            if side.rows.is_empty() {
                let statuses = side.left_out_in_words();
                let found = if statuses.is_empty() { "no row".to_owned() } else { statuses };
                bail!(
                    Comparison,
                    "the {what}: expected pairs of a chosen and a rejected response, found {found}"
                );
            }
        }
        Ok(())
    }

    /// Leaves out held-out pairs that are also trained on.
    fn drop_twins(&mut self, pool: &Pool, policy: OverlapPolicy, runtime: &Runtime) -> Result<()> {
        let trained: HashSet<u64> = self.train.rows.iter().map(|pair| pair.row).collect();
        let texts: Vec<&[String; 2]> = self.held_out.rows.iter().map(|pair| &pair.texts).collect();
        let twins = twins(&texts, pool, &|row| !trained.contains(&row))?;
        self.n_same_prompt = twins.iter().filter(|twin| **twin == Some(Twin::SamePrompt)).count() as u64;
        self.n_near = twins.iter().flatten().count() as u64 - self.n_same_prompt;
        if self.n_same_prompt + self.n_near == 0 {
            return Ok(());
        }
        let what = format!(
            "{} of {} held-out pairs are in the pool too: {} have the prompt of a pair, {} have nearly its text",
            count(self.n_same_prompt + self.n_near),
            count(twins.len() as u64),
            count(self.n_same_prompt),
            count(self.n_near)
        );
        match policy {
            OverlapPolicy::Refuse => {
                bail!(Comparison, "{what}; remove them, or leave them out with `--overlap drop`")
            }
            OverlapPolicy::Drop => runtime.warn(&format!("{what}; they are left out")),
        }
        let mut twins = twins.into_iter();
        self.held_out.rows.retain(|_| twins.next().is_some_and(|twin| twin.is_none()));
        if self.held_out.rows.is_empty() {
            bail!(Comparison, "no held-out pair is left to measure on: {what}");
        }
        Ok(())
    }

    fn warn(&self, runtime: &Runtime) {
        for (what, side) in [("the pool", &self.train), ("the held-out files", &self.held_out)] {
            if side.n_left_out() > 0 {
                let rows = counted(side.n_left_out(), "row");
                runtime.warn(&format!(
                    "{rows} of {what} cannot be used and are left out: {}",
                    side.left_out_in_words()
                ));
            }
        }
    }

    /// SHA-256 of the tokens of all held-out pairs, as hexadecimal digits.
    pub(super) fn held_out_digest(&self) -> Digest {
        let sides = self.held_out.rows.iter().flat_map(|pair| [&pair.chosen, &pair.rejected]);
        Digest::new(digest(sides))
    }
}

/// The rows to train on, and the rows of the held-out prompts.
fn split(rows: Vec<PairRow>, share: f64, seed: u64) -> (Vec<PairRow>, Vec<PairRow>) {
    let prompts: Vec<u128> = rows.iter().map(|pair| pair.prompt).collect();
    let sources: Vec<usize> = rows.iter().map(|pair| pair.source).collect();
    let mut is_aside = hold_out_prompts(&prompts, &sources, share, seed).into_iter();
    let (aside, train) = rows.into_iter().partition(|_| is_aside.next().unwrap_or_default());
    (train, aside)
}

impl Side {
    pub(super) fn n_left_out(&self) -> u64 {
        self.left_out.iter().flat_map(BTreeMap::values).sum()
    }

    fn left_out_in_words(&self) -> String {
        let mut counts: BTreeMap<PairStatus, u64> = BTreeMap::new();
        for (&status, n) in self.left_out.iter().flatten() {
            *counts.entry(status).or_default() += n;
        }
        let words: Vec<String> = counts.iter().map(|(status, n)| format!("{} {status}", count(*n))).collect();
        words.join(", ")
    }

    /// The pairs with their losses under the base, as measures read them.
    pub(super) fn with_losses(&self, base: &[[f64; 2]]) -> Vec<HeldOutPair> {
        let pair = |(pair, &base): (&PairRow, &[f64; 2])| HeldOutPair {
            source: pair.source,
            n_chosen: pair.chosen.n_scored() as u64,
            n_rejected: pair.rejected.n_scored() as u64,
            base,
        };
        self.rows.iter().zip(base).map(pair).collect()
    }

    /// What a report says of each source.
    pub(super) fn records(&self, pairs: &[HeldOutPair], rule_prefers_longer: bool) -> Vec<PairSource> {
        let record = |(at, source): (usize, &String)| {
            let rows = || self.rows.iter().filter(move |pair| pair.source == at);
            let mut statuses: BTreeMap<String, u64> =
                self.left_out[at].iter().map(|(status, n)| (status.to_string(), *n)).collect();
            for pair in rows() {
                *statuses.entry(pair.status.to_string()).or_default() += 1;
            }
            let prompts: BTreeSet<u128> = rows().map(|pair| pair.prompt).collect();
            let of_source = pairs.iter().filter(|pair| pair.source == at);
            PairSource {
                source: source.clone(),
                statuses,
                n_prompts: prompts.len() as u64,
                facts: PairFacts::of(&of_source, rule_prefers_longer),
            }
        };
        self.sources.iter().enumerate().map(record).collect()
    }
}
