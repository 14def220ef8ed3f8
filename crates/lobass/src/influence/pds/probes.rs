//! Losses of the pool on both sides of the weights along the way, and scores from them.

use std::collections::BTreeMap;

use lobass_core::{Detail, ModelRole, Nll, Numbers, Observer as _, RowStatus};
use lobass_influence::pds::{Descent, Probe};
use lobass_loss::Engine;
use lobass_run::{ModelKey, Part, RowName, RowScore, RowScoreWriter, Shard, WorkDir};
use lobass_select::spearman;

use super::report::ProbeRecord;
use super::settings::PdsSettings;
use super::states::{States, digest};
use crate::error::Result;
use crate::model::Model;
use crate::progress;
use crate::runtime::Runtime;

/// All scored steps of a training.
pub(super) struct Probes<'a> {
    pub(super) settings: &'a PdsSettings,
    pub(super) descent: &'a Descent<'a>,
    pub(super) states: &'a States,
    pub(super) base: &'a Model,
    pub(super) pool: &'a WorkDir,
    pub(super) part: Part,
    pub(super) threads: usize,
    pub(super) runtime: &'a Runtime,
}

/// What was written.
pub(super) struct Written {
    pub(super) n_scored: u64,
    pub(super) missing: BTreeMap<RowStatus, u64>,
    /// Spearman's correlation of scores with scored tokens.
    pub(super) length_correlation: Option<f64>,
}

impl Probes<'_> {
    /// Computes the losses that are missing in this part, as units of the pool's work directory.
    pub(super) fn run(&self) -> Result<Vec<ProbeRecord>> {
        self.settings.probed().map(|step| self.probe(step)).collect()
    }

    fn probe(&self, step: usize) -> Result<ProbeRecord> {
        let (weights, costate) = (self.states.weights(step)?, self.states.costate(step)?);
        let probe = Probe::new(&weights, &costate.vector, self.settings.radius);
        let [plus, minus] = probe.weights(&weights, &costate.vector);
        let keys = [("plus", plus), ("minus", minus)].map(|(side, weights)| -> Result<ModelKey> {
            let key = self.key(step, side, &weights);
            self.score(&key, &format!("step {step}, {side}"), &weights)?;
            Ok(key)
        });
        let [plus, minus] = keys;
        Ok(ProbeRecord {
            step,
            distance: probe.step,
            norm: costate.norm(),
            agreement: costate.agreement(),
            models: [plus?, minus?],
        })
    }

    /// The name of the losses under other weights.
    fn key(&self, step: usize, side: &str, weights: &[f32]) -> ModelKey {
        let base = &self.base.key;
        let role = ModelRole::Other(format!("probe_{step}_{side}"));
        let digest = lobass_core::Digest::new(format!("{}", digest(weights)));
        // Weights of an adapter are those of its base as well.
        let digest = lobass_core::Digest::of_hash(&sha(&[base.weights_digest.as_str(), digest.as_str()]));
        ModelKey::new(role, &base.path, digest, base.dtype, base.device).rounded(base.rounding)
    }

    fn score(&self, key: &ModelKey, stage: &str, weights: &[f32]) -> Result<()> {
        let runtime = self.runtime;
        if self.pool.is_scored(key, Detail::Sum)? {
            runtime.note(&format!("{stage:16} done before"));
            return Ok(());
        }
        let engine = Engine::new(self.descent.with(weights), self.threads);
        let observe = &mut progress::stage(runtime, stage.to_owned(), self.pool.plan().n_rows());
        let mut goes_on = |_| !runtime.is_interrupted();
        runtime.stopped(self.pool.score_part((key, &engine), Detail::Sum, self.part, &mut goes_on, observe))
    }

    /// Writes the score of every row: the sum of what it has at each scored step.
    pub(super) fn write(&self, probes: &[ProbeRecord], writer: &mut RowScoreWriter) -> Result<Written> {
        let mut written = Written { n_scored: 0, missing: BTreeMap::new(), length_correlation: None };
        let (mut scores, mut lengths) = (Numbers::new(), Numbers::new());
        for &shard in &self.pool.plan().shards {
            let counts: BTreeMap<u64, usize> = self
                .pool
                .sequences_of(shard)?
                .into_iter()
                .map(|(row, found)| (row, found.n_scored()))
                .collect();
            let parts = probes.iter().map(|probe| self.parts(probe, shard)).collect::<Result<Vec<_>>>()?;
            let names = self.pool.names_of(shard)?;
            let rows: Vec<RowScore> = names.into_iter().map(|name| row_score(name, &parts)).collect();
            for row in &rows {
                match row.score {
                    Some(_) => written.n_scored += 1,
                    None => *written.missing.entry(row.name.status).or_default() += 1,
                }
            }
            scores.append(&rows.iter().map(|row| row.score).collect());
            let length = |row: &RowScore| counts.get(&row.name.row).map(|&count| count as f64);
            lengths.append(&rows.iter().map(length).collect());
            writer.write(&rows)?;
        }
        written.length_correlation = spearman(&scores, &lengths);
        Ok(written)
    }

    /// What each row of a shard has at a scored step.
    fn parts(&self, record: &ProbeRecord, shard: Shard) -> Result<BTreeMap<u64, f64>> {
        let [plus, minus] = &record.models;
        let losses = |key| self.pool.losses(key, Detail::Sum, shard);
        let probe = Probe { step: record.distance };
        let factor = self.settings.every as f64 * self.settings.learning_rate;
        let loss = |nll: Nll| self.settings.row_loss.of(nll, self.descent.mean_scored());
        let rows = losses(plus)?.into_iter().zip(losses(minus)?);
        Ok(rows
            .map(|((row, plus), (_, minus))| (row, factor * probe.product(loss(plus), loss(minus))))
            .collect())
    }
}

/// The score of a row from what it has at each scored step; none if a loss was not finite.
fn row_score(mut name: RowName, parts: &[BTreeMap<u64, f64>]) -> RowScore {
    let of_row: Vec<Option<f64>> = parts.iter().map(|parts| parts.get(&name.row).copied()).collect();
    let found: Option<Vec<f64>> = of_row.iter().copied().collect();
    match found.filter(|found| found.iter().all(|part| part.is_finite())) {
        Some(found) => RowScore { name, score: Some(found.iter().sum()), parts: of_row },
        None => {
            if name.status.is_scored() {
                name.status = RowStatus::NonFinite;
            }
            RowScore { name, score: None, parts: vec![None; of_row.len()] }
        }
    }
}

fn sha(texts: &[&str]) -> Vec<u8> {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
    }
    hash.finalize().to_vec()
}
