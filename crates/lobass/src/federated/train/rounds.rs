//! The rounds of a stage: clients train, the server averages.

use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::{Digest, Dtype, Observer as _, ProgressUnit, StageProgress};
use lobass_federate::averaged;
use lobass_model::Decoder;
use lobass_train::{Session, TrainConfig, TrainData, fine_tune, fine_tune_masked};
use sha2::{Digest as _, Sha256};

use super::bytes::both_ways;
use super::factors::Updates;
use super::opened::Opened;
use super::report::RoundReport;
use super::settings::{Aggregate, FederatedSettings};
use super::start::Stage;
use super::store::{ClientOutcome, RoundStore};
use crate::error::{Context as _, Result};
use crate::runtime::Runtime;

/// A stage and everything that its rounds read.
pub(super) struct Rounds<'a> {
    pub(super) opened: &'a Opened,
    pub(super) settings: &'a FederatedSettings,
    pub(super) stage: &'a Stage,
    pub(super) store: &'a RoundStore,
    pub(super) threads: usize,
    pub(super) runtime: &'a Runtime,
}

impl Rounds<'_> {
    /// Runs all rounds; returns the model at the end, and a report of each round. Round 0 is the start.
    ///
    /// - `done_before`: rounds of earlier stages, with their round 0
    pub(super) fn run(&self, done_before: usize) -> Result<(Decoder, Vec<RoundReport>)> {
        let mut reports = Vec::new();
        let mut weights = self.stage.parameters.values(&self.stage.model);
        for round in 0..=self.stage.n_rounds {
            self.tell(round);
            self.runtime.go_on()?;
            let name = self.stage.name.as_str();
            let (after, report) = match self.store.round(name, round)? {
                Some(done) => done,
                None => {
                    let (after, report) = self.round(round, &weights, done_before)?;
                    self.store.write_round(name, round, &after, &report)?;
                    (after, report)
                }
            };
            if let Some(loss) = report.held_out {
                self.runtime.note(&format!("{:16} {name} {round}: held-out loss {loss:.4}", "round"));
            }
            weights = after;
            reports.push(report);
        }
        Ok((self.model(&weights), reports))
    }

    fn round(&self, round: usize, weights: &[f32], done_before: usize) -> Result<(Vec<f32>, RoundReport)> {
        let clients = self.clients(round, done_before);
        let from = digest(weights);
        let mut parts = Vec::new();
        for &client in &clients {
            self.runtime.go_on()?;
            let part = self.client(round, client, weights, &from, done_before).with_context(|| {
                format!("client {client}, round {round} of the stage {}", self.stage.name.as_str())
            })?;
            parts.push((client, part));
        }
        let weighted = |(client, (weights, _)): &'_ (usize, (Vec<f32>, ClientOutcome))| {
            (self.opened.clients.weight(*client, self.settings.weights), weights.clone())
        };
        let weighted: Vec<(f64, Vec<f32>)> = parts.iter().map(weighted).collect();
        let (after, factor_error) = self.averaged(weights, &weighted);
        let held_out = self.opened.held_out.measure(&self.model(&after), self.threads)?;
        let losses =
            |of: fn(&ClientOutcome) -> f64| parts.iter().map(|(_, (_, outcome))| of(outcome)).collect();
        let report = RoundReport {
            stage: self.stage.name.as_str().to_owned(),
            round,
            bytes: both_ways(self.stage.n_sent) * clients.len() as u64,
            clients,
            first_losses: losses(|outcome| outcome.first_loss),
            last_losses: losses(|outcome| outcome.last_loss),
            factor_error,
            held_out: held_out.all,
            by_label: held_out.by_label,
        };
        Ok((after, report))
    }

    /// The weights after a round, and how far averaging factors was from averaging products.
    fn averaged(&self, before: &[f32], clients: &[(f64, Vec<f32>)]) -> (Vec<f32>, Option<f64>) {
        if clients.is_empty() {
            return (before.to_vec(), None);
        }
        let clients: Vec<(f64, &[f32])> =
            clients.iter().map(|(weight, values)| (*weight, values.as_slice())).collect();
        let mut mean = averaged(clients.iter().copied());
        let updates = Updates::of(&self.stage.parameters);
        let error = updates.error(&clients, &mean);
        if self.settings.aggregate == Aggregate::Products {
            updates.put_products(&clients, &mut mean);
        }
        (mean, error)
    }

    /// The clients of a round, ascending; none in round 0.
    fn clients(&self, round: usize, done_before: usize) -> Vec<usize> {
        let n_clients = self.opened.clients.rows.len();
        if round == 0 {
            return Vec::new();
        }
        let n = self.settings.n_in_round(n_clients);
        let all: Vec<usize> = (0..n_clients).collect();
        // What is held out is a seeded choice as well.
        let (_, mut chosen) = match n == n_clients {
            true => (Vec::new(), all),
            false => lobass_train::hold_out(all, n, self.seed(round, 0, done_before)),
        };
        chosen.sort_unstable();
        chosen
    }

    /// The seed of a client's order of rows in a round; that of the recipe for the first client in the first round.
    fn seed(&self, round: usize, client: usize, done_before: usize) -> u64 {
        let round = (done_before + round).saturating_sub(1) as u64;
        self.stage.recipe.seed.wrapping_add(round << 32).wrapping_add(client as u64)
    }

    fn client(
        &self,
        round: usize,
        client: usize,
        weights: &[f32],
        from: &str,
        done_before: usize,
    ) -> Result<(Vec<f32>, ClientOutcome)> {
        let Stage { name, parameters, recipe, mask, .. } = self.stage;
        if let Some(done) = self.store.client(name.as_str(), round, client, from)? {
            return Ok(done);
        }
        let recipe =
            TrainConfig { seed: self.seed(round, client, done_before), order_seed: None, ..recipe.clone() };
        let data = TrainData::sft(&self.opened.clients.rows[client]);
        let stop = AtomicBool::new(self.runtime.is_interrupted());
        let session = Session { threads: self.threads, stop: Some(&stop), ..Session::default() };
        let mut observe = |_: lobass_train::Event<'_>| {
            stop.store(self.runtime.is_interrupted(), Ordering::Relaxed);
        };
        let model = parameters.put(self.stage.model.clone(), weights);
        let trained = match mask {
            None => fine_tune(model, &data, &recipe, session, &mut observe),
            Some(mask) => fine_tune_masked(model, &data, &recipe, mask, session, &mut observe),
        };
        let (model, report) = self.runtime.stopped(trained)?;
        let weights = parameters.values(&model);
        let outcome = ClientOutcome {
            from: from.to_owned(),
            n_steps: report.n_steps,
            first_loss: report.losses.first().copied().unwrap_or_default(),
            last_loss: report.losses.last().copied().unwrap_or_default(),
        };
        self.store.write_client(name.as_str(), round, client, &weights, &outcome)?;
        Ok((weights, outcome))
    }

    /// The model with these weights, as it scores.
    fn model(&self, weights: &[f32]) -> Decoder {
        let model = self.stage.parameters.put(self.stage.model.clone(), weights);
        model.with_products(Dtype::F32).expect("every device has products in f32")
    }

    fn tell(&self, round: usize) {
        self.runtime.progress(&StageProgress {
            stage: self.stage.name.as_str(),
            unit: ProgressUnit::Steps,
            done: round as u64,
            before: 0,
            all: self.stage.n_rounds as u64,
            n_tokens: 0,
            facts: &[],
        });
    }
}

fn digest(weights: &[f32]) -> String {
    let mut hash = Sha256::new();
    for weight in weights {
        hash.update(weight.to_le_bytes());
    }
    Digest::of_hash(&hash.finalize()).as_str().to_owned()
}
