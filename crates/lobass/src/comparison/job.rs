//! A comparison as it is asked for: checked, and opened.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::Observer as _;
use lobass_core::{ColumnSet, Dtype, ModelRole, RowStatus, ScoreColumns, Sequence};
use lobass_data::{Pool, TextTokenizer};
use lobass_evidence::{Bootstrap, Matching};
use lobass_run::ScoreFile;
use lobass_select::Strategy as _;
use lobass_select::strategies::Random;
use lobass_train::TrainConfig;

use super::amounts::{matched_tokens, pool_record};
use super::answers::{AnswerSettings, Questions};
use super::baseline::Baseline;
use super::decided::{Decided, check_directory, keep};
use super::files::TrialFiles;
use super::held_out::{HeldOut, HeldOutRequest};
use super::opened::Comparison;
use super::subset::{SubsetRequest, is_eligible};
use crate::error::{Result, bail};
use crate::generation::stop_ids;
use crate::model::Model;
use crate::place::told_in_dir;
use crate::runtime::Runtime;
use crate::scoring::encode;
use crate::sequences::Sequences;
use crate::settings::{EncodeSettings, MatchedTokens, SelectSettings, Settings, TrainContext, TrainSettings};

/// A comparison: its models, data, and amounts of training.
#[derive(Debug)]
pub struct CompareJob<'a> {
    /// The score table that strategies select by.
    pub table: &'a ScoreFile,
    /// The rows of the table.
    pub pool: &'a Pool,
    /// The model that every training starts from.
    pub base: &'a Path,
    /// The strategies.
    pub strategies: &'a [String],
    /// What they are compared with.
    pub baselines: &'a [Baseline],
    /// How rows are selected, trained on, and encoded, and on which device: [`CompareJob::settings_of`] a table,
    /// changed as wanted.
    pub settings: &'a Settings,
    /// The examples that trainings are measured on.
    pub held_out: HeldOutRequest<'a>,
    /// How answers to the held-out prompts are asked for; `None` asks for none.
    pub answers: Option<&'a AnswerSettings>,
    /// Seeds, one after the other: of ties and random subsets, and of training.
    pub n_seeds: u64,
    /// The ways in which trainings are made comparable.
    pub matchings: Vec<Matching>,
    /// Tokens of every training at equal tokens; without a number, as many as a random subset of the budget has.
    pub tokens: Option<MatchedTokens>,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// Threads of each training.
    pub threads: usize,
    /// The directory of the comparison. Trainings that are done in it are not done again.
    pub out: &'a Path,
}

impl CompareJob<'_> {
    /// Settings that train on the rows of a table as they were scored: the same mask and the same maximal length.
    pub fn settings_of(table: &ScoreFile) -> Settings {
        let encoding = &table.manifest().encoding;
        let sequences = EncodeSettings {
            mask: encoding.mask,
            max_length: Some(encoding.max_length),
            overlong: encoding.overlong,
            transform: encoding.transform,
            ..EncodeSettings::default()
        };
        Settings { sequences, ..Settings::default() }
    }

    /// Checks what settings say by themselves.
    ///
    /// # Errors
    /// If they contradict each other, or mean nothing in a comparison.
    pub fn check(&self) -> Result<()> {
        let settings = self.settings;
        if settings.train.dpo().is_some() {
            bail!(
                Settings,
                "a comparison trains on single responses: expected the objective sft, found one of preferences"
            );
        }
        if let Some(mixing) = settings.train.mixing {
            bail!(
                Settings,
                "a comparison trains on each selection as it is: expected no `mixing`, found `{mixing}`"
            );
        }
        if settings.train.context != TrainContext::Prompt {
            bail!(
                Settings,
                "a comparison trains with prompts: expected the context prompt, found unconditional"
            );
        }
        if let Some(answers) = self.answers {
            answers.check(&settings.compute)?;
        }
        settings.select.check(self.strategies.iter().map(String::as_str))?;
        if settings.select.budget.is_none() {
            bail!(
                Settings,
                "expected `--budget`, found none; `--min-rating` says how many rows of `quality` to keep, not of the \
                 others"
            );
        }
        if self.strategies.is_empty() && self.baselines.is_empty() {
            bail!(Settings, "expected a strategy or a baseline, found nothing to compare");
        }
        if self.tokens.is_some() && !self.matchings.contains(&Matching::Tokens) {
            bail!(Settings, "`--tokens` only applies to trainings at equal tokens, found `--match epochs`");
        }
        Ok(())
    }

    /// Reads, encodes, selects, and looks at the held-out examples: everything before the first training.
    ///
    /// # Errors
    /// If settings, data, and models do not fit together, or the directory holds another comparison.
    pub fn open(&self, runtime: &Runtime) -> Result<Comparison> {
        self.check()?;
        let base = Model::open_as("base", self.base, &self.settings.compute, runtime)?;
        base.check_start(&self.settings.train, runtime)?;
        base.check_plain()?;
        let sequences = self.sequences(&base, runtime)?;
        self.open_with(base, &sequences, runtime)
    }

    /// Reads, encodes, selects, and looks at the held-out examples.
    fn open_with(&self, base: Model, sequences: &Sequences, runtime: &Runtime) -> Result<Comparison> {
        let (table, settings) = (self.table, self.settings);
        settings.train.check_for(base.checkpoint.spec(), &sequences.pool)?;
        check_directory(self.out)?;
        fs_err::create_dir_all(self.out)?;
        let plan = sequences.plan()?;
        let place = self.out.join("work").as_path().into();
        let work = encode(sequences, &plan, &place, self.threads, runtime)?;
        let columns = table.columns(&ColumnSet::default(), settings.select.seed, self.threads)?;
        let sequences_of: BTreeMap<u64, Sequence> = work
            .sequences()?
            .into_iter()
            .filter(|(row, _)| at(&columns, *row).is_some_and(is_eligible))
            .collect();
        let held_out = HeldOut::open(self.held_out, sequences, &columns.statuses, runtime)?;
        let questions = self.questions(&held_out, &base, sequences)?;
        let record = pool_record(table, &plan, &columns, &sequences_of);
        let recipe = settings.train.config_for(&base, runtime)?;
        let matched_tokens = matched_tokens(self.tokens, settings.select.budget()?, &recipe, &record)?;
        let decided = Decided {
            version: 1,
            base: base.key.weights_digest.clone(),
            dtype: dtype_of(&base, &settings.train),
            plan: plan.id(),
            table: table.manifest().digest.clone(),
            select: SelectSettings { strategies: Vec::new(), ..settings.select.clone() },
            recipe: TrainConfig { recompute: false, ..recipe.clone() },
            adapter: settings.train.adapter().map(|adapter| adapter.on(base.checkpoint.spec())),
            matched_tokens,
            held_out: held_out.digest.clone(),
            answers: self.answers.cloned(),
        };
        keep(&decided, self.out)?;
        let strategies = with_random(self.strategies, self.baselines.contains(&Baseline::Random));
        let request = SubsetRequest {
            table,
            pool: &sequences.pool,
            strategies: &strategies,
            select: &settings.select,
            n_seeds: self.n_seeds,
            sequences_of: &sequences_of,
            threads: self.threads,
            out: self.out,
        };
        let subsets = request.select(runtime)?;
        Ok(Comparison {
            base,
            sequences_of,
            held_out,
            questions,
            strategies,
            baselines: self.baselines.to_owned(),
            subsets,
            select: settings.select.clone(),
            train: settings.train.clone(),
            recipe,
            save_every: settings.train.save_every,
            n_seeds: self.n_seeds,
            matchings: self.matchings.clone(),
            matched_tokens,
            bootstrap: self.bootstrap,
            record,
            decided,
            threads: self.threads,
            files: TrialFiles::new(self.out),
            out: self.out.to_owned(),
        })
    }

    /// What models are asked, if they are.
    fn questions(
        &self,
        held_out: &HeldOut,
        base: &Model,
        sequences: &Sequences,
    ) -> Result<Option<Questions>> {
        let Some(answers) = self.answers else { return Ok(None) };
        let tokenizer = TextTokenizer::open(base.dir(), self.settings.sequences.bos)?;
        let stops = stop_ids(&sequences.encoder, base.dir(), base.checkpoint.spec())?;
        Questions::new(answers, &held_out.sequences, tokenizer, stops).map(Some)
    }

    /// The rows of the table as the base is to see them.
    fn sequences(&self, base: &Model, runtime: &Runtime) -> Result<Sequences> {
        let manifest = self.table.manifest();
        let told = match told_in_dir(&self.out.join("work"), runtime)? {
            None => manifest.template.now.clone(),
            told => told,
        };
        let (checkpoint, encode) = (&base.checkpoint, &self.settings.sequences);
        let pool = self.pool.clone();
        let sequences = Sequences::of(pool, encode, checkpoint.dir(), checkpoint.spec(), told, runtime)?;
        self.warn_of_base(base, runtime);
        if sequences.encoder.tokenizer().digest() != manifest.tokenizer {
            runtime.warn(
                "the table was made with another tokenizer; rows are matched by their place in the data",
            );
        }
        let template = sequences.encoder.template();
        if template.digest() != manifest.template.digest {
            runtime.warn(&format!(
                "the table was made with the chat template `{}`, and rows are trained and measured here with `{}`; \
                 `--chat-template` says which",
                manifest.template.name,
                template.name()
            ));
        }
        Ok(sequences)
    }

    /// Warns if the base that is trained is not known to be the one that scored the table.
    fn warn_of_base(&self, base: &Model, runtime: &Runtime) {
        let mut models = self.table.manifest().models.iter();
        let Some(scored_by) = models.find(|record| *record.role() == ModelRole::Base) else { return };
        if let Some(provenance) = scored_by.imported() {
            runtime.warn(&format!(
                "the losses of the table were computed by {} under `{}`; lobass cannot check that this is the base that is \
                 trained here",
                provenance.program, provenance.model
            ));
        } else if scored_by.key().is_some_and(|key| key.weights_digest != base.key.weights_digest) {
            runtime.warn("the table was scored by another base than the one that is trained here");
        }
    }
}

/// The strategies without repetition; `random` comes first if it is a baseline.
fn with_random(strategies: &[String], is_baseline: bool) -> Vec<String> {
    let mut all: Vec<String> = is_baseline.then(|| Random.name().to_owned()).into_iter().collect();
    for strategy in strategies {
        if !all.contains(strategy) {
            all.push(strategy.clone());
        }
    }
    all
}

fn at(columns: &ScoreColumns, row: u64) -> Option<RowStatus> {
    columns.statuses.get(usize::try_from(row).ok()?).copied()
}

/// The number format of the weights that training leaves frozen; what is trained is in f32.
fn dtype_of(base: &Model, train: &TrainSettings) -> Dtype {
    train.adapter().map_or(Dtype::F32, |_| base.key.dtype)
}
