//! Federated training, simulated on one machine.
//!
//! A simulation shows what averaging does to a model and what it costs in bytes. It shows nothing about privacy: all rows
//! are on this machine.

mod bytes;
mod clients;
mod factors;
mod held_out;
mod low_rank;
mod opened;
mod record;
mod report;
mod rounds;
mod settings;
mod start;
mod store;
mod trained;

use std::path::Path;

use lobass_core::{Digest, Dtype, Observer as _};
use lobass_data::Pool;
use lobass_model::{Decoder, save_adapter};
use lobass_run::{Plan, WorkDir};
use lobass_train::TrainConfig;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::error::{Context as _, Result, bail};
use crate::missing::Missing;
use crate::model::Model;
use crate::outputs::{check_empty, work_beside};
use crate::place::told_in_dir;
use crate::runtime::Runtime;
use crate::scoring::{encode, remove_idle};
use crate::sequences::{Sequences, open_pool};
use crate::settings::{
    ComputeSettings, DataSettings, EncodeSettings, Method, ObjectiveName, TrainContext, TrainSettings,
};
use crate::unused::{self, Unused};

use clients::Clients;
use held_out::HeldOutRows;
use opened::Opened;
use rounds::Rounds;
use start::Stages;
use store::RoundStore;
use trained::ModelRecord;

pub use report::{ClientReport, FederatedTraining, RoundReport};
pub use settings::{Aggregate, ClientWeights, FederatedMethod, FederatedSettings};

/// The record of a simulation, in its directory.
const RECORD: &str = "federation.json";
/// The model at the end, in its directory.
const MODEL: &str = "model";
/// The base of the adapter at the end, if it is not the one that everyone started from.
const BASE: &str = "base";

/// A federated training that is to be simulated.
#[derive(Debug)]
pub struct FederatedTrainJob<'a> {
    /// The checkpoint that everyone starts from.
    pub base: &'a Path,
    /// The pool that is dealt to clients.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The training of a client in a round. Its method is that of [`FederatedSettings`].
    pub train: &'a TrainSettings,
    /// Clients, rounds, and the method.
    pub settings: &'a FederatedSettings,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// The directory: rounds, a report, and the model at the end in `model/`.
    pub out: &'a Path,
}

impl FederatedTrainJob<'_> {
    /// Deals the rows, runs all rounds, and writes the model. An interrupted call is repeated to go on, and ends with
    /// the same bytes.
    ///
    /// # Errors
    /// If settings do not fit, a client gets no rows, the directory holds something else, a training fails, or the
    /// observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<FederatedTraining> {
        self.settings.check()?;
        if self.train.objective != ObjectiveName::Sft || self.train.context != TrainContext::Prompt {
            bail!(
                Settings,
                "federated training is supervised fine-tuning with prompts: expected `--objective sft`"
            );
        }
        if self.train.mixing.is_some() {
            bail!(Settings, "`--mixing` needs all rows in one place: expected none in federated training");
        }
        Missing::default()
            .model("base", self.base)
            .data(self.data, runtime)
            .sequences(self.sequences)
            .end()?;
        let base = Model::open_as("base", self.base, self.compute, runtime)?;
        let method = match self.settings.method {
            FederatedMethod::Full => Method::Full,
            FederatedMethod::Lora | FederatedMethod::Slora => Method::Lora,
        };
        let train = TrainSettings { method, ..self.train.clone() };
        base.check_start(&train, runtime)?;
        base.check_plain()?;
        if self.settings.method == FederatedMethod::Slora {
            // Its first stage trains weights of the base.
            base.check_start(&TrainSettings { method: Method::Full, ..train.clone() }, runtime)?;
        }
        if self.settings.keep_rest && base.key.dtype != Dtype::F32 {
            bail!(
                Settings,
                "`--keep-rest` changes the base, in f32: expected `--dtype f32`, found {}",
                base.key.dtype
            );
        }
        if let Some(adapter) = train.adapter() {
            adapter.check_for(base.checkpoint.spec())?;
        }
        let recipe = train.config_for(&base, runtime)?;
        let work_dir = work_beside(self.out);
        let told = told_in_dir(&work_dir, runtime)?;
        let pool = open_pool(self.data, runtime)?;
        let sequences =
            Sequences::of(pool, self.sequences, base.dir(), base.checkpoint.spec(), told, runtime)?;
        let plan = sequences.plan()?;
        let record = self.record(&base, &plan.id(), &recipe, &train);
        let is_begun = self.is_begun(&record)?;
        if !is_begun {
            remove_idle(&work_dir, &plan, runtime)?;
        }
        let work = encode(&sequences, &plan, &work_dir.as_path().into(), self.compute.threads(), runtime)?;
        let opened = match self.open(base, recipe, train, &work, &sequences.pool) {
            Ok(opened) => opened,
            Err(error) => {
                // What fails here has other settings next time.
                work.remove()?;
                return Err(error);
            }
        };
        let unused = unused::of_work(&sequences, &work, None)?;
        let report = self.simulate(&opened, unused, &self.begin(&record)?, runtime)?;
        self.record_model(&opened, &plan, &work, &report)?;
        work.remove()?;
        Ok(report)
    }

    fn open(
        &self,
        base: Model,
        recipe: TrainConfig,
        train: TrainSettings,
        work: &WorkDir,
        pool: &Pool,
    ) -> Result<Opened> {
        let rows = clients::labelled(work, pool, &self.settings.by)?;
        let (rows, held_out) = lobass_train::hold_out(rows, self.settings.eval_rows, recipe.seed);
        let held_out = HeldOutRows::new(held_out);
        let clients = Clients::deal(&rows, self.settings, recipe.seed)?;
        let opened = Opened { base, recipe, train, clients, held_out };
        Stages { opened: &opened, settings: self.settings }.check()?;
        Ok(opened)
    }

    /// Whether the directory has this simulation.
    ///
    /// # Errors
    /// If it has something else.
    fn is_begun(&self, record: &str) -> Result<bool> {
        let path = self.out.join(RECORD);
        if !path.exists() {
            check_empty(self.out)?;
            return Ok(false);
        }
        let found = fs_err::read_to_string(&path)?;
        if found == record {
            return Ok(true);
        }
        let differences = record::differences(&found, record)
            .with_context(|| format!("`{}` is no record of a federated training", path.display()))?;
        if !differences.is_empty() {
            bail!(
                Training,
                "`{}` holds a federated training with other {}; use another directory",
                self.out.display(),
                differences.join(", ")
            );
        }
        Ok(true)
    }

    /// The directory of the rounds; the record comes first, so that what an interrupted call leaves is known as ours.
    fn begin(&self, record: &str) -> Result<RoundStore> {
        fs_err::create_dir_all(self.out)?;
        lobass_files::write_whole(&self.out.join(RECORD), record.as_bytes())?;
        let digest = Digest::of_hash(&Sha256::digest(record.as_bytes()));
        RoundStore::open(&self.out.join("rounds"), digest.short())
    }

    /// Everything that the bytes of a model depend on.
    fn record(&self, base: &Model, plan: &str, recipe: &TrainConfig, train: &TrainSettings) -> String {
        let key = &base.key;
        let recipe = TrainConfig { recompute: false, ..recipe.clone() };
        let base = json!({
            "path": key.path, "weights_digest": key.weights_digest, "dtype": key.dtype,
            "device": key.device.kind.to_string(), "rounding": key.rounding,
        });
        let record = json!({
            "version": 1, "tool": concat!("lobass ", env!("CARGO_PKG_VERSION")), "plan": plan, "base": base,
            "recipe": recipe, "lora": train.adapter(), "federation": self.settings,
        });
        format!("{record:#}\n")
    }

    /// The path of the base of the adapter; a base that is not the one of the start is written first.
    fn home(&self, opened: &Opened, rest: Option<&Decoder>) -> Result<String> {
        let Some(rest) = rest else { return opened.base.home() };
        let dir = self.out.join(BASE);
        opened.base.checkpoint.save_successor(rest, Dtype::F32, &dir)?;
        Ok(std::path::absolute(dir)?.display().to_string())
    }

    /// Writes the training record of the model, by which scoring knows its base and its held-out rows. It comes last, since
    /// a record with an outcome means that the model is there.
    fn record_model(
        &self,
        opened: &Opened,
        plan: &Plan,
        work: &WorkDir,
        report: &FederatedTraining,
    ) -> Result<()> {
        let record = ModelRecord {
            opened,
            plan,
            work,
            settings: self.settings,
            rounds: &report.rounds,
            base: report.base.as_deref(),
        };
        record.write(&report.model)
    }

    fn simulate(
        &self,
        opened: &Opened,
        unused: Unused,
        store: &RoundStore,
        runtime: &Runtime,
    ) -> Result<FederatedTraining> {
        runtime.note(&format!("{:16} {}", "clients", opened.clients.in_words()));
        let stages = Stages { opened, settings: self.settings };
        let mut rounds: Vec<RoundReport> = Vec::new();
        let mut start_energy = None;
        let mut last: Option<(Decoder, Option<Decoder>)> = None;
        for stage in stages.all() {
            let begun = stages.begin(stage, store, runtime)?;
            start_energy = begun.energy.or(start_energy);
            let stage_rounds = Rounds {
                opened,
                settings: self.settings,
                stage: &begun,
                store,
                threads: self.compute.threads(),
                runtime,
            };
            let (model, reports) = stage_rounds.run(rounds.len())?;
            rounds.extend(reports);
            last = Some((model, begun.rest));
        }
        let (model, rest) = last.expect("there is at least one stage");
        let dir = self.out.join(MODEL);
        match opened.train.adapter() {
            None => {
                opened.base.checkpoint.save_successor(&model, Dtype::F32, &dir)?;
            }
            Some(lora) => save_adapter(&model, lora, &self.home(opened, rest.as_ref())?, &dir)?,
        }
        let report = FederatedTraining {
            base: rest.is_some().then(|| self.out.join(BASE)),
            model: dir,
            method: self.settings.method,
            split: self.settings.split.to_string(),
            clients: opened.clients.reports(),
            labels: opened.clients.labels.clone(),
            n_held_out: opened.held_out.len() as u64,
            unused,
            start_energy,
            rounds,
        };
        let text = format!("{}\n", serde_json::to_string_pretty(&report)?);
        lobass_files::write_whole(&self.out.join("report.json"), text.as_bytes())?;
        Ok(report)
    }
}
