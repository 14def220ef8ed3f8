//! Whether a model has seen a benchmark.
//!
//! Every question is scored with its options in every order. The statistics are those of [`lobass_leakage`].

mod files;
mod input;
mod report;
mod scores;
mod store;

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_data::{Bos, TextTokenizer};
pub use lobass_leakage::{Format, FormatError};

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::model::{Model, check_pair};
use crate::outputs::{self, Lines};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;
use files::{Questions, Reading};
pub use input::QuestionInput;
pub use report::{LeakageReport, ModelFound, SetFound};
use store::Store;

/// A benchmark and the models that may have seen it.
#[derive(Debug, Clone)]
pub struct LeakageJob<'a> {
    /// The model: a checkpoint directory or a hub id.
    pub base: &'a Path,
    /// The same model after fine-tuning: a checkpoint, or an adapter of the base. It is compared question by question.
    pub reference: Option<&'a Path>,
    /// Files of questions.
    pub data: &'a [QuestionInput],
    /// Files of questions that the models have certainly not seen.
    pub control: &'a [QuestionInput],
    /// How questions stand in rows; `None` goes by the columns of each row.
    pub format: Option<Format>,
    /// The most orders of a question; `None` takes all of up to 5 options, and none of more.
    pub orders: Option<usize>,
    /// The seed of orders that are drawn.
    pub seed: u64,
    /// The device, the number format, and the threads.
    pub compute: &'a ComputeSettings,
    /// A file for the numbers of each question, as JSON lines.
    pub out: Option<&'a Path>,
}

impl<'a> LeakageJob<'a> {
    /// Scores all questions under each model, and sums them up. With [`LeakageJob::out`], an interrupted call is repeated
    /// to go on: scores are kept beside that file until it is complete.
    ///
    /// # Errors
    /// If a model or a file cannot be opened, no question can be tested, or the observer asks to stop.
    pub fn run(&self, runtime: &Runtime) -> Result<LeakageReport> {
        let missing = Missing::default().model("base", self.base).models("reference", self.reference);
        let files = |inputs: &'a [QuestionInput]| inputs.iter().filter_map(QuestionInput::file);
        missing.files("benchmark", files(self.data)).files("control", files(self.control)).end()?;
        if let Some(orders) = self.orders.filter(|orders| *orders < 2) {
            bail!(Settings, "expected at least 2 orders of a question (`--orders`), found {orders}");
        }
        self.check_out()?;
        let base = Model::open_as("base", self.base, self.compute, runtime)?;
        let tokenizer = TextTokenizer::open(base.dir(), Bos::default())?;
        let mut models = vec![base];
        if let Some(reference) = self.reference {
            let reference = models[0].open_tuned("reference", reference, runtime)?;
            check_pair(&models[0], &reference, &tokenizer, runtime)?;
            models.push(reference);
        }
        let reading = Reading {
            format: self.format.clone(),
            orders: self.orders,
            seed: self.seed,
            tokenizer: &tokenizer,
            max_tokens: models[0].checkpoint.spec().max_positions,
        };
        let mut questions = Questions::read(self.data, &reading)?;
        let n_data = questions.all.len();
        questions.append(Questions::read(self.control, &reading)?);
        if questions.all[..n_data].iter().all(|question| question.texts.is_err()) {
            bail!(Data, "no question can be tested: {}", questions.why_not(n_data));
        }
        runtime.note(&format!("{:16} {}", "questions", questions.in_words(n_data)));
        if let Some(out) = self.out {
            outputs::note_replaced(&[out.to_owned()], runtime);
        }
        let mut store = Store::open(self.out)?;
        let mut found = Vec::new();
        for model in &models {
            found.push(scores::under(model, &questions, self.compute.threads(), &mut store, runtime)?);
        }
        let report = LeakageReport::of(&models, &questions, n_data, found, self.out);
        if let Some(out) = self.out {
            let mut lines = Lines::create(out)?;
            report.each_question(&questions, |question| lines.write(&question))?;
            lines.finish()?;
        }
        store.remove()?;
        Ok(report)
    }

    fn check_out(&self) -> Result<()> {
        let inputs = self.data.iter().chain(self.control).filter_map(QuestionInput::file);
        let inputs: Vec<(&str, &Path)> = inputs.map(|path| ("the benchmark", path)).collect();
        let out: Vec<PathBuf> = self.out.map(Path::to_owned).into_iter().collect();
        out.iter().try_for_each(|out| outputs::check_ending(out, &["jsonl"]))?;
        outputs::check(&out, &inputs)
    }
}
