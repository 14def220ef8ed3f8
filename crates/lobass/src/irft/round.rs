//! One round: answers, pairs, and a training.

use std::path::{Path, PathBuf};

use lobass_core::Observer as _;
use lobass_core::readable::counted;
use lobass_run::Slice;

use super::record::{RoundRecord, answers, round_dir};
use crate::error::{Context as _, Result, bail};
use crate::generation::{GenerateJob, PairCounts, Unused};
use crate::merge::MergeJob;
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::open_pool;
use crate::settings::{
    ComputeSettings, DataSettings, EncodeSettings, EvalSettings, Method, SamplingSettings, TrainSettings,
};
use crate::train::{TrainOptions, train_with_anchor};

/// What all rounds have in common.
pub(super) struct Rounds<'a> {
    pub(super) model: &'a Path,
    pub(super) anchor: Option<&'a Model>,
    pub(super) data: &'a DataSettings,
    pub(super) sequences: &'a EncodeSettings,
    pub(super) compute: &'a ComputeSettings,
    pub(super) sampling: &'a SamplingSettings,
    pub(super) train: &'a TrainSettings,
    pub(super) eval: &'a EvalSettings,
    pub(super) count: u32,
    pub(super) every_row: bool,
    pub(super) with_previous: bool,
    pub(super) out: &'a Path,
}

/// One round, by its number from 1.
pub(super) struct Round<'a> {
    pub(super) of: &'a Rounds<'a>,
    pub(super) number: u32,
}

impl Round<'_> {
    pub(super) fn dir(&self) -> PathBuf {
        round_dir(self.of.out, self.number)
    }

    /// The checkpoint that the round ends with.
    pub(super) fn model(&self) -> PathBuf {
        self.dir().join("model")
    }

    fn pairs(&self) -> PathBuf {
        self.dir().join("pairs.jsonl")
    }

    fn before(&self) -> Option<Self> {
        (self.number > 1).then(|| Self { number: self.number - 1, ..*self })
    }

    /// The model that the round starts from.
    fn start(&self) -> PathBuf {
        self.before().map_or_else(|| self.of.model.to_owned(), |before| before.model())
    }

    /// Does what is left of the round.
    pub(super) fn run(&self, runtime: &Runtime) -> Result<RoundRecord> {
        let (dir, start) = (self.dir(), self.start());
        runtime.note(&format!("{:16} from {}", format!("round {}", self.number), start.display()));
        fs_err::create_dir_all(&dir)?;
        let mut record = match RoundRecord::read_drawn(&dir)? {
            Some(drawn) => drawn,
            None => self.draw(&start, runtime)?,
        };
        let n_pairs = record.pairs.written;
        self.train(&start, &mut record, runtime)
            .with_context(|| format!("round {}, of {}", self.number, counted(n_pairs, "pair")))?;
        record.finish(&dir)?;
        Ok(record)
    }

    /// Draws an answer to each prompt of the round, and pairs it with the demonstration.
    fn draw(&self, start: &Path, runtime: &Runtime) -> Result<RoundRecord> {
        let (job, samples, pairs) = (self.of, answers(&self.dir()), self.pairs());
        // Pairs are written before samples. Without counts of an earlier attempt, both are made again.
        for leftover in [&samples, &pairs].into_iter().filter(|path| path.exists()) {
            fs_err::remove_file(leftover)?;
        }
        let slice = Slice { index: u64::from(self.number - 1), of: job.count.into() };
        let seed = job.sampling.seed.wrapping_add(u64::from(self.number - 1));
        let sampling = SamplingSettings { seed, ..job.sampling.clone() };
        let generate = GenerateJob {
            model: start,
            base: None,
            reference: None,
            data: job.data,
            sequences: job.sequences,
            compute: job.compute,
            sampling: &sampling,
            slice: (!job.every_row).then_some(slice),
            pairs: Some(&pairs),
            work: None,
            part: None,
            out: &samples,
        };
        let report = generate.run(runtime)?;
        let (Some(manifest), Some((_, counts))) = (report.manifest, report.pairs) else {
            bail!(Output, "`{}`: expected no samples of an earlier attempt", samples.display());
        };
        if counts.written == 0 {
            bail!(
                Training,
                "round {}: expected pairs of a demonstration and an answer, found none: {}",
                self.number,
                why_no_pairs(&counts, &report.unused)
            );
        }
        let record = RoundRecord {
            round: self.number,
            n_rows: manifest.n_rows,
            n_finished: manifest.n_finished,
            n_tokens: manifest.n_tokens,
            unused: report.unused,
            pairs: counts,
            n_trained: 0,
            samples: manifest.digest,
            first_loss: 0.0,
            last_loss: 0.0,
        };
        record.write_drawn(&self.dir())?;
        Ok(record)
    }

    /// Trains on the pairs.
    fn train(&self, start: &Path, record: &mut RoundRecord, runtime: &Runtime) -> Result<()> {
        let job = self.of;
        let previous = self.before().filter(|_| job.with_previous).map(|before| before.pairs());
        let files = previous.into_iter().chain([self.pairs()]);
        let data = DataSettings {
            files: files.map(|path| path.display().to_string()).collect(),
            ..DataSettings::default()
        };
        let pool = open_pool(&data, runtime)?;
        let base = Model::open_as("base", start, job.compute, runtime)?;
        let options = TrainOptions {
            sequences: job.sequences.clone(),
            train: self.of.train.clone(),
            eval: job.eval.clone(),
            data,
            trajectory: false,
            threads: Some(job.compute.threads()),
        };
        let is_lora = self.of.train.method == Method::Lora;
        let trained = if is_lora { self.dir().join("adapter") } else { self.model() };
        let report = train_with_anchor(&pool, &base, self.of.anchor, &options, &trained, runtime)?;
        if is_lora {
            self.merge(start, &trained, runtime)?;
        }
        record.n_trained = report.outcome.n_examples as u64;
        (record.first_loss, record.last_loss) = (report.outcome.first_loss, report.outcome.last_loss);
        Ok(())
    }

    /// Merges the adapter of the round into the model that it started from.
    fn merge(&self, start: &Path, adapter: &Path, runtime: &Runtime) -> Result<()> {
        let out = self.model();
        // What a killed attempt left is ours.
        if out.exists() {
            fs_err::remove_dir_all(&out)?;
        }
        let quantize_base = self.of.compute.quantize_base;
        MergeJob { base: start, adapter, dtype: None, quantize_base, out: &out }.run(runtime).map(|_| ())
    }
}

/// Why no answer became a pair, and what to do.
fn why_no_pairs(counts: &PairCounts, unused: &Unused) -> String {
    let mut found: Vec<String> = [
        (counts.not_finite, "answers ended at a number that is not finite"),
        (counts.unfinished, "answers did not end"),
        (counts.same, "are the demonstration"),
        (counts.other_tokens, "have a text that becomes other tokens"),
        (counts.no_text, "are to rows that do not end with a text of the assistant"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, why)| format!("{n} {why}"))
    .collect();
    found.extend(unused.iter().map(|(status, rows)| {
        format!("{} {status} (row {}: {})", counted(rows.n_rows, "row"), rows.first, rows.reason)
    }));
    let advice = match counts {
        PairCounts { not_finite: 1.., .. } => {
            "; start from a model without such numbers, or try `--dtype f32`"
        }
        PairCounts { unfinished: 1.., .. } => "; a larger `--max-new-tokens` lets more answers end",
        _ => "",
    };
    format!("{}{advice}", found.join(", "))
}
