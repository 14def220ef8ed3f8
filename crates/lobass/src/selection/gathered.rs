//! Inputs of strategies beside the columns of a score table.

use lobass_core::{Numbers, ScoreColumns};
use lobass_data::Pool;
use lobass_run::ScoreFile;
use lobass_select::diverse::Vectors;
use lobass_select::{Inputs, Need, Needs, Queries, Ratings};

use super::epochs::{epochs, roles};
use super::keys::TableKeys;
use super::samples::{self, SampleFacts, Sampled};
use super::sets::VectorSets;
use super::tokens::TableTokens;
use super::{prompts, ratings, shape};
use crate::error::Result;
use crate::settings::{SelectSettings, available_threads};

/// Inputs of strategies and settings beside the columns of a score table, in memory.
pub(super) struct Gathered<'a> {
    keys: TableKeys<'a>,
    tokens: TableTokens<'a>,
    ratings: Option<Ratings>,
    samples: Option<Sampled>,
    prompts: Option<Vec<u32>>,
    vectors: Option<VectorSets>,
    epochs: Vec<String>,
}

impl<'a> Gathered<'a> {
    /// Reads what strategies need, and what settings ask for whatever the strategy.
    pub(super) fn read(
        needs: &Needs,
        settings: &SelectSettings,
        table: &'a ScoreFile,
        pool: &Pool,
    ) -> Result<Self> {
        let n_rows = usize::try_from(table.manifest().n_rows)?;
        let by_prompt = needs.contains(Need::Prompts) || shape::asks_for_prompts(&settings.shape);
        let ratings = match needs.contains(Need::Rating) {
            true => read_ratings(settings, table, pool)?,
            false => None,
        };
        let samples = settings.samples.as_ref().filter(|_| needs.contains(Need::Samples));
        let samples = samples.map(|path| samples::read(path, table)).transpose()?;
        let by_vector = needs.contains(Need::Queries) || settings.sets.diversity.is_some();
        let vectors = match by_vector {
            true => VectorSets::open(&settings.sets, table)?,
            false => None,
        };
        Ok(Self {
            keys: TableKeys { table, threads: available_threads() },
            tokens: TableTokens { table, threads: available_threads() },
            ratings,
            samples,
            prompts: by_prompt.then(|| prompts::of_pool(pool, n_rows)).transpose()?,
            vectors,
            epochs: epochs(&roles(table.manifest())),
        })
    }

    /// All of it, with the columns of the table.
    ///
    /// - `tasks`: what [`VectorSets::tasks`] gives
    pub(super) fn inputs<'b>(&'b self, columns: &'b ScoreColumns, tasks: &'b [Vectors<'b>]) -> Inputs<'b> {
        let mut inputs = Inputs::new(columns)
            .with_late_hashes(&self.keys)
            .with_tokens(&self.tokens)
            .with_epochs(&self.epochs)
            .with_threads(available_threads());
        if let Some(ratings) = &self.ratings {
            inputs = inputs.with_ratings(ratings);
        }
        if let Some(samples) = &self.samples {
            inputs = inputs.with_samples(&samples.gaps);
        }
        if let Some(prompts) = &self.prompts {
            inputs = inputs.with_prompts(prompts);
        }
        if let Some(vectors) = &self.vectors {
            inputs = inputs.with_queries(Queries { rows: vectors.rows(), tasks });
        }
        inputs
    }

    /// The ratings that settings name, if a strategy reads them.
    pub(super) fn ratings(&self) -> Option<&Numbers> {
        self.ratings.as_ref().map(|ratings| &ratings.values)
    }

    /// Facts of the samples that a strategy reads.
    pub(super) fn sample_facts(&self) -> Option<&SampleFacts> {
        self.samples.as_ref().map(|samples| &samples.facts)
    }

    /// The vectors that settings name.
    pub(super) fn vectors(&self) -> Option<&VectorSets> {
        self.vectors.as_ref()
    }
}

/// The ratings that settings name, if they name any.
fn read_ratings(settings: &SelectSettings, table: &ScoreFile, pool: &Pool) -> Result<Option<Ratings>> {
    let values = match (&settings.ratings, &settings.rating) {
        (Some(file), column) => ratings::of_file(file, column.as_deref(), table)?,
        (None, Some(column)) => ratings::of_data(pool, column)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(Ratings { values, at_least: settings.min_rating }))
}
