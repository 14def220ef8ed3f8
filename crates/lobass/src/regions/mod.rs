//! What fine-tuning taught, region by region: the job behind `lobass regions`.
//!
//! The statistics are those of [`lobass_regions`].

mod against;
mod by;
mod clusters;
mod cut;
mod report;
mod shown;
mod table;
mod text;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lobass_core::readable::counted;
use lobass_core::{ModelRole, Observer as _};
use lobass_data::Pool;
use lobass_regions::{Beside, Losses, Regions, Settings, Side, compare, measure};
use lobass_select::Strata;

use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::page::TableModels;
use crate::runtime::Runtime;
use crate::table_input::TableInput;

use against::Against;
pub use against::Shared;
pub use by::By;
use cut::Cut;
pub use lobass_regions::Settings as RegionSettings;
pub use report::{CutReport, RegionsReport};
pub use shown::ShownRow;
pub use table::Seen;
use table::Tables;
pub use tokens::KindFound;
use tokens::Parts;

/// Regions that are to be measured.
#[derive(Debug, Clone)]
pub struct RegionsJob<'a> {
    /// Score tables of one pool and one base, whose references differ.
    pub scores: &'a [TableInput],
    /// The data files of the tables, if they have moved.
    pub data: &'a [PathBuf],
    /// What regions go by, each alone.
    pub by: &'a [By],
    /// Bins of regions by a number.
    pub n_bins: usize,
    /// The vectors of the pool, for regions by clusters.
    pub embeddings: Option<&'a Path>,
    /// Clusters at most.
    pub n_clusters: usize,
    /// Whether tokens of format are measured apart from those of content.
    pub format_tokens: bool,
    /// The base of the tables, whose tokenizer cuts the text, and its chat template. Weights are not read.
    pub base: Option<&'a Path>,
    /// The chat template, if it is no longer where the table says.
    pub chat_template: Option<&'a str>,
    /// Score tables to put beside the first ones: after a repair of the data, or under another base.
    pub against: &'a [TableInput],
    /// Their data files, if they have moved.
    pub against_data: &'a [PathBuf],
    /// Intervals, margins, and rows to look at.
    pub settings: Settings,
}

/// The bins and the clusters of the command line.
impl Default for RegionsJob<'_> {
    fn default() -> Self {
        Self {
            scores: &[],
            data: &[],
            by: &[],
            n_bins: 10,
            embeddings: None,
            n_clusters: 20,
            format_tokens: false,
            base: None,
            chat_template: None,
            against: &[],
            against_data: &[],
            settings: Settings::default(),
        }
    }
}

impl RegionsJob<'_> {
    /// Measures all regions.
    ///
    /// # Errors
    /// If settings contradict each other, a table or its data cannot be read, or the table lacks what is asked for.
    pub fn run(&self, runtime: &Runtime) -> Result<RegionsReport> {
        self.settings.check()?;
        self.check()?;
        let missing = Missing::default().tables(self.scores).tables(self.against);
        missing.files("embeddings", self.embeddings).models("base", self.base).end()?;
        let first = self.opened(self.scores, self.data, runtime)?;
        let parts = first.parts(self, runtime)?;
        let against = match self.against.is_empty() {
            true => None,
            false => {
                let Opened { tables, pool } = self.opened(self.against, self.against_data, runtime)?;
                Some(Against::find(&first.tables, &first.pool, tables, pool)?)
            }
        };
        if let Some(against) = against.as_ref().filter(|against| against.shared.n_same == 0) {
            let changed = counted(against.shared.n_changed, "row");
            runtime.warn(&format!(
                "no row is in both tables with the same text ({changed} changed), so there is no paired difference"
            ));
        }
        let cuts = self.by.iter().map(|by| self.cut_report(by, &first, parts.as_ref(), against.as_ref()));
        let cuts: Vec<CutReport> = cuts.collect::<Result<_>>()?;
        cuts.iter().filter_map(CutReport::warning).for_each(|warning| runtime.warn(&warning));
        let wanted: BTreeSet<u64> = cuts.iter().flat_map(CutReport::shown).collect();
        let rows = shown::texts(&wanted, first.tables.first(), &first.pool)?;
        Ok(RegionsReport::new(self, &first.tables, cuts, parts, against.map(|against| against.shared), rows))
    }

    fn check(&self) -> Result<()> {
        let by_clusters = self.by.contains(&By::Clusters);
        if by_clusters && self.embeddings.is_none() {
            bail!(
                Settings,
                "regions by clusters need the vectors of the pool: make them with `lobass embed`, and give them with \
                 `--embeddings FILE`"
            );
        }
        if !by_clusters && self.embeddings.is_some() {
            bail!(Settings, "`--embeddings` only applies to regions by clusters: add `--by clusters`");
        }
        if self.format_tokens && self.base.is_none() {
            bail!(
                Settings,
                "tokens of format are found by their text, so the tokenizer of the base is needed: `--base MODEL`"
            );
        }
        if !self.format_tokens && (self.base.is_some() || self.chat_template.is_some()) {
            bail!(Settings, "`--base` and `--chat-template` only apply to `--format-tokens`");
        }
        if self.against.is_empty() && !self.against_data.is_empty() {
            bail!(Settings, "`--against-data` only applies to `--against`");
        }
        Ok(())
    }

    fn opened(&self, scores: &[TableInput], data: &[PathBuf], runtime: &Runtime) -> Result<Opened> {
        let Some(first) = scores.first() else { bail!(Settings, "expected a score table: `--scores FILE`") };
        let manifest = first.open()?.manifest().clone();
        let reads_rows = self.settings.n_shown > 0
            || self.format_tokens
            || !self.against.is_empty()
            || self.by.iter().any(|by| cut::reads_rows(by, &manifest));
        let pool = first.pool(data, reads_rows, runtime)?;
        let mut further = cut::columns(self.by, &manifest);
        further.ties = true;
        Ok(Opened { tables: Tables::open(scores, &further, self.settings.bootstrap.seed)?, pool })
    }

    /// The regions of one pool.
    fn cut(&self, by: &By, opened: &Opened) -> Result<Cut> {
        let Opened { tables, pool } = opened;
        let columns = &tables.first().columns;
        let manifest = tables.first().file.manifest();
        match (by, self.embeddings) {
            (By::Clusters, Some(path)) => {
                clusters::cut(path, self.n_clusters, columns, manifest, &tables.rows, self.settings.threads)
            }
            _ => cut::cut(by, columns, manifest, pool, &tables.rows, self.n_bins),
        }
    }

    fn cut_report(
        &self,
        by: &By,
        first: &Opened,
        parts: Option<&Parts>,
        against: Option<&Against>,
    ) -> Result<CutReport> {
        let cut = self.cut(by, first)?;
        let tables = &first.tables;
        let hashes = tables.first().columns.ties.as_slice();
        let beside = Beside {
            parts: parts.map(|parts| (parts.format.losses(hashes), parts.content.losses(hashes))),
            base: Some(tables.first().columns.losses(ModelRole::Base)),
            in_sample: tables.in_sample.as_ref(),
        };
        let found = regions(tables, &cut.strata, &beside, &self.settings)?;
        let changes = against.map(|against| self.changes(by, &cut, first, &found, against)).transpose()?;
        let typical = cut.strata.names.iter().zip(&cut.typical);
        let typical: BTreeMap<String, u64> =
            typical.filter_map(|(name, row)| Some((name.clone(), u64::from((*row)?)))).collect();
        Ok(CutReport { by: by.to_string(), found, typical, changes })
    }

    fn changes(
        &self,
        by: &By,
        cut: &Cut,
        first: &Opened,
        found: &Regions,
        against: &Against,
    ) -> Result<Vec<lobass_regions::Change>> {
        let second = &against.second;
        let by_value = match cut.is_by_value {
            true => {
                let columns = &second.first().columns;
                let manifest = second.first().file.manifest();
                let other = cut::cut(by, columns, manifest, &against.pool, &second.rows, self.n_bins)?;
                other.is_by_value.then_some(other.strata)
            }
            false => None,
        };
        let strata = match by_value {
            Some(strata) => strata,
            None => against.regions_of(cut)?,
        };
        let others = regions(second, &strata, &Beside::default(), &self.settings)?;
        let pairs = against.pairs(&cut.strata, &strata);
        let before = Side { losses: losses(&first.tables), regions: found };
        let after = Side { losses: losses(second), regions: &others };
        Ok(compare(&before, &after, &pairs, &self.settings)?)
    }
}

/// The tables of one pool, and its rows.
struct Opened {
    tables: Tables,
    pool: Pool,
}

impl Opened {
    /// The losses of tokens, if they are asked for.
    fn parts(&self, job: &RegionsJob<'_>, runtime: &Runtime) -> Result<Option<Parts>> {
        if !job.format_tokens {
            return Ok(None);
        }
        let models =
            TableModels { base: job.base, chat_template: job.chat_template, ..TableModels::default() };
        let manifest = self.tables.first().file.manifest();
        let Some(encoder) = models.encoder(&self.pool, manifest, runtime)? else { return Ok(None) };
        Parts::read(&self.tables, &self.pool, &encoder).map(Some)
    }
}

fn losses(tables: &Tables) -> Losses<'_> {
    let columns = &tables.first().columns;
    Losses { n_tokens: &columns.n_scored, drops: &tables.drops, hashes: &columns.ties }
}

fn regions(tables: &Tables, strata: &Strata, beside: &Beside<'_>, settings: &Settings) -> Result<Regions> {
    Ok(measure(&losses(tables), strata, &tables.rows, beside, settings)?)
}
