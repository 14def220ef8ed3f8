//! IRFT and SPIN: a model learns to tell demonstrations from the samples it drew, round by round.
//!
//! In each round, the model of the round before draws an answer to every prompt. The new model is trained by DPO on pairs
//! of the demonstration (chosen) and that answer (rejected).
//!
//! Source: arXiv 2405.17888 (IRFT; its repository at 4953e70), arXiv 2401.01335 (SPIN; its repository at a12ba80). Both use
//! `RMSprop`; lobass trains with `AdamW`, and its record says so.

mod check;
mod record;
mod report;
mod round;

use std::path::Path;

use lobass_core::Observer as _;
use lobass_model::Checkpoint;

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::open_pool;
use crate::settings::{
    ComputeSettings, DataSettings, EncodeSettings, EvalSettings, ObjectiveName, SamplingSettings,
    TrainSettings,
};
use record::IrftRecord;
pub use record::{Anchor, RoundRecord};
pub use report::IrftReport;
use round::{Round, Rounds};

/// Rounds of IRFT that are to be trained.
#[derive(Debug, Clone)]
pub struct IrftJob<'a> {
    /// The model to start from: a checkpoint after supervised fine-tuning.
    pub model: &'a Path,
    /// The model that margins are measured from in every round; `None` takes the model that the round starts from.
    pub anchor: Option<&'a Path>,
    /// The demonstrations.
    pub data: &'a DataSettings,
    /// The chat template, the mask, and the maximal length.
    pub sequences: &'a EncodeSettings,
    /// The number format and the threads.
    pub compute: &'a ComputeSettings,
    /// How answers are drawn. The seed counts up with the rounds.
    pub sampling: &'a SamplingSettings,
    /// How each round is trained; the objective is DPO, or one like it.
    pub train: &'a TrainSettings,
    /// Held-out pairs, for their loss in each round.
    pub eval: &'a EvalSettings,
    /// The number of rounds.
    pub rounds: u32,
    /// Whether each round takes all rows, as in SPIN; otherwise the rows are divided among the rounds.
    pub every_row: bool,
    /// Whether a round is also trained on the pairs of the round before, as SPIN is.
    pub with_previous: bool,
    /// The directory of the rounds.
    pub out: &'a Path,
}

impl IrftJob<'_> {
    /// Trains the rounds that are not done. An interrupted call is repeated to go on.
    ///
    /// # Errors
    /// If a model or the data cannot be opened, `out` has rounds with other settings, no pair is left to train on, or the
    /// observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<IrftReport> {
        let missing = self.anchor.iter().fold(Missing::default(), |all, anchor| all.model("anchor", anchor));
        let missing = missing.model("starting", self.model).data(self.data, runtime);
        let missing = missing.further_data("evaluation file", &self.eval_files(), runtime);
        missing.apart(self.out, self.data).sequences(self.sequences).end()?;
        let train = self.objective()?;
        if self.rounds == 0 {
            bail!(Settings, "rounds: expected at least 1, found 0");
        }
        let start = Model::open_as("base", self.model, self.compute, runtime)?;
        start.check_plain()?;
        let anchor = self
            .anchor
            .map(|anchor| Model::open_as("anchor", anchor, self.compute, &runtime.silent()))
            .transpose()?;
        let recipe = train.config_for(&start, runtime)?;
        self.check(&start, &train, &recipe, runtime)?;
        self.check_record(&start, anchor.as_ref(), &train.spelled(&recipe), runtime)?;
        let all = Rounds {
            model: self.model,
            anchor: anchor.as_ref(),
            data: self.data,
            sequences: self.sequences,
            compute: self.compute,
            sampling: self.sampling,
            train: &train,
            eval: self.eval,
            count: self.rounds,
            every_row: self.every_row,
            with_previous: self.with_previous,
            out: self.out,
        };
        let mut rounds = Vec::new();
        for number in 1..=self.rounds {
            let round = Round { of: &all, number };
            rounds.push(match RoundRecord::read(&round.dir())? {
                Some(done) => {
                    runtime.note(&format!(
                        "{:16} done before: {}",
                        format!("round {number}"),
                        round.dir().display()
                    ));
                    done
                }
                None => round.run(runtime)?,
            });
        }
        let model = Round { of: &all, number: self.rounds }.model();
        Checkpoint::open(&model)?;
        Ok(IrftReport { model, rounds })
    }

    /// How a round is trained: DPO, unless another objective of preferences is asked for.
    fn objective(&self) -> Result<TrainSettings> {
        let objective = match self.train.objective {
            ObjectiveName::Sft => ObjectiveName::Dpo,
            other => other,
        };
        if self.sampling.samples != 1 {
            bail!(
                Settings,
                "a round draws one answer to each prompt, found {} samples",
                self.sampling.samples
            );
        }
        Ok(TrainSettings { objective, ..self.train.clone() })
    }

    /// Refuses a directory with rounds of other settings, and writes down those of this call, of which training is spelled out.
    fn check_record(
        &self,
        start: &Model,
        anchor: Option<&Model>,
        train: &TrainSettings,
        runtime: &Runtime,
    ) -> Result<()> {
        let pool = open_pool(self.data, runtime)?;
        let files = pool.files().iter().map(lobass_data::DataFile::fingerprint).collect::<Result<_, _>>()?;
        let record = IrftRecord {
            tool: concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned(),
            optimizer: "AdamW".to_owned(),
            start: start.key.weights_digest.clone(),
            anchor: anchor.map_or(Anchor::Moving, |anchor| Anchor::Fixed(anchor.key.weights_digest.clone())),
            data: files,
            sequences: self.sequences.clone(),
            sampling: self.sampling.clone(),
            train: train.clone(),
            rounds: self.rounds,
            every_row: self.every_row,
            with_previous: self.with_previous,
        };
        record.check_and_write(self.out, runtime)
    }
}
