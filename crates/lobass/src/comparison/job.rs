//! A comparison as it is asked for: checked, and opened.

use std::path::Path;

use lobass_core::ModelRole;
use lobass_core::Observer as _;
use lobass_data::Pool;
use lobass_evidence::{Bootstrap, Matching};
use lobass_run::ScoreFile;

use super::{Comparison, HeldOutRequest};
use crate::error::{Result, bail};
use crate::model::Model;
use crate::place::told_in_dir;
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::{EncodeSettings, MatchedTokens, Settings};

/// A comparison: its models, data, and amounts of training.
#[derive(Debug)]
pub struct CompareJob<'a> {
    /// The score table that strategies select by.
    pub table: &'a ScoreFile,
    /// The rows of the table.
    pub pool: &'a Pool,
    /// The model that every training starts from.
    pub base: &'a Path,
    /// The strategies; random rows, all rows, and the untrained base are compared too.
    pub strategies: &'a [String],
    /// How rows are selected, trained on, and encoded, and on which device: [`CompareJob::settings_of`] a table,
    /// changed as wanted.
    pub settings: &'a Settings,
    /// The examples that trainings are measured on.
    pub held_out: HeldOutRequest<'a>,
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
        settings.select.check(self.strategies.iter().map(String::as_str))?;
        if settings.select.budget.is_none() {
            bail!(
                Settings,
                "expected `--budget`, found none; `--min-rating` says how many rows of `quality` to keep, not of the \
                 others"
            );
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
        let sequences = self.sequences(&base, runtime)?;
        Comparison::open(self, base, &sequences, runtime)
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
