//! The report page of a score table, whose models may be elsewhere.

use std::path::{Path, PathBuf};

use lobass_data::Encoder;
use lobass_evidence::Bootstrap;
use lobass_run::{Manifest, ScoreFile};
use lobass_select::Strategy;

use super::commands::Spelled;
use super::heat::{Heat, Tokens};
use super::models::{OpenedModels, TableModels};
use super::request::{DEFAULT_STRATEGIES, PageReport, PageRequest};
use crate::error::{Result, bail};
use crate::missing::Missing;
use crate::outputs;
use crate::regions::{By, RegionSettings, RegionsJob, RegionsReport};
use crate::runtime::Runtime;
use crate::selection::Selector;
use crate::sequences::open_scored_pool;
use crate::settings::{SelectSettings, available_threads};
use crate::shell::{quoted, quoted_path};
use crate::table_input::TableInput;

/// A page that is to be made of a score table.
#[derive(Debug)]
pub struct PageJob<'a> {
    /// The file of the table.
    pub scores: &'a Path,
    /// The data files of the table, if they have moved.
    pub data: &'a [PathBuf],
    /// The names of the strategies that are shown; if empty, [`DEFAULT_STRATEGIES`] as far as the table has their columns.
    pub strategies: &'a [String],
    /// The budget and what else applies to every selection.
    pub select: &'a SelectSettings,
    /// The number of example rows of each kind for each strategy.
    pub n_examples: usize,
    /// What regions go by, each alone; if empty, the page has none.
    pub regions: &'a [By],
    /// Score tables whose regions are put beside: after a repair of the data, or under another base.
    pub against: &'a [PathBuf],
    /// The models of the table, for the losses of single tokens.
    pub models: TableModels<'a>,
    /// The file of the page.
    pub out: &'a Path,
}

impl PageJob<'_> {
    /// Selects with every strategy, and writes the page.
    ///
    /// # Errors
    /// If settings contradict each other, the table or its data cannot be read, the models are not those of the table,
    /// or the page cannot be written.
    pub fn run(&self, runtime: &Runtime) -> Result<PageReport> {
        let settings = self.select;
        let TableModels { base, references, adapter, .. } = &self.models;
        let missing = Missing::default().file("score table", self.scores).models("base", *base);
        missing.models("reference", *references).models("adapter", *adapter).select(settings).end()?;
        let names = || self.strategies.iter().map(String::as_str);
        match self.strategies.is_empty() {
            true => settings.check(DEFAULT_STRATEGIES.map(Strategy::name))?,
            false => settings.check(names())?,
        }
        let strategies: Vec<&dyn Strategy> =
            names().map(|name| Ok(settings.strategy(name)? as _)).collect::<Result<_>>()?;
        let table = ScoreFile::open(self.scores)?;
        let manifest = table.manifest();
        self.check_models(manifest)?;
        let wanted = PageRequest::columns(strategies.iter().copied(), settings, manifest)?;
        let columns = table.columns(&wanted, settings.seed, available_threads())?;
        let pool = open_scored_pool(self.scores, self.data, manifest, true, runtime)?;
        PageRequest::check(self.out, self.scores, &pool)?;
        outputs::note_replaced(&[self.out.to_owned()], runtime);
        let encoder = self.models.encoder(&pool, manifest, runtime)?;
        let opened = self.models.open(encoder.as_ref(), manifest, runtime)?;
        let selector = Selector::open(&table, &pool, strategies.iter().copied(), settings)?;
        let choose = |&strategy| Ok((strategy, selector.choose(&columns, strategy, settings)?));
        let chosen = strategies.iter().map(choose).collect::<Result<Vec<_>>>()?;
        let regions = self.measured_regions(manifest, runtime)?;
        drop(selector); // vectors can be large, and the page does not need them
        let page = PageRequest {
            table: &table,
            scores: self.scores,
            columns: &columns,
            pool: &pool,
            settings,
            chosen: &chosen,
            beside: if strategies.is_empty() { &DEFAULT_STRATEGIES } else { &[] },
            n_examples: self.n_examples,
            heat: heat(manifest, encoder.as_ref(), opened.as_ref(), self.models.compute.threads()),
            regions,
            title: self.scores.display().to_string(),
            commands: Spelled {
                whole: None,
                data: self.data.to_vec(),
                models: self.models.spelled(),
                regions: self.spelled_regions(),
                n_examples: self.n_examples,
                out: self.out.to_owned(),
            },
            out: self.out,
        };
        page.write(runtime)
    }

    /// The regions of the table. With losses of tokens and a base, tokens of format are measured apart.
    fn measured_regions(&self, manifest: &Manifest, runtime: &Runtime) -> Result<Option<RegionsReport>> {
        if self.regions.is_empty() {
            return match self.against.is_empty() {
                true => Ok(None),
                false => bail!(Settings, "`--against` only applies to regions: add `--regions`"),
            };
        }
        let format_tokens = manifest.per_token && self.models.base.is_some();
        let job = RegionsJob {
            scores: &[TableInput::File(self.scores.to_owned())],
            data: self.data,
            by: self.regions,
            embeddings: self
                .select
                .sets
                .embeddings
                .as_deref()
                .filter(|_| self.regions.contains(&By::Clusters)),
            format_tokens,
            base: self.models.base.filter(|_| format_tokens),
            chat_template: self.models.chat_template.filter(|_| format_tokens),
            against: &TableInput::files(self.against),
            settings: RegionSettings {
                bootstrap: Bootstrap { seed: self.select.seed, ..Bootstrap::default() },
                n_shown: self.n_examples.min(2),
                threads: available_threads(),
                ..RegionSettings::default()
            },
            ..RegionsJob::default()
        };
        job.run(runtime).map(Some)
    }

    /// The flags of regions, as a command line.
    fn spelled_regions(&self) -> String {
        let mut flags = String::new();
        if !self.regions.is_empty() {
            let by: Vec<String> = self.regions.iter().map(|by| quoted(&by.to_string())).collect();
            flags += &format!(" --regions {}", by.join(" "));
        }
        if !self.against.is_empty() {
            let against: Vec<String> = self.against.iter().map(|path| quoted_path(path)).collect();
            flags += &format!(" --against {}", against.join(" "));
        }
        flags
    }

    /// Refuses a base that would show nothing.
    fn check_models(&self, manifest: &Manifest) -> Result<()> {
        if self.models.base.is_some() && !self.models.has_tuned() && !manifest.per_token {
            bail!(
                Settings,
                "`--base` alone shows losses of tokens of a table with `--per-token`; for this table add `--reference` or \
                 `--adapter`"
            );
        }
        Ok(())
    }
}

/// The losses of tokens: from the models, or else from the table, or else a text that says how to get them.
fn heat<'a>(
    manifest: &Manifest,
    encoder: Option<&'a Encoder>,
    models: Option<&'a OpenedModels>,
    threads: usize,
) -> Heat<'a> {
    let has_reference = manifest.models.iter().any(|model| model.role().reference().is_some());
    match (encoder, models) {
        (Some(encoder), Some((base, references))) => {
            Heat::Of(encoder, Tokens::Models { base, references, threads })
        }
        (Some(encoder), None) if manifest.per_token && has_reference => Heat::Of(encoder, Tokens::Table),
        _ if !has_reference => Heat::Missing(
            "The table has the losses of one model, so there is no change of a token’s loss to show.".to_owned(),
        ),
        _ if manifest.per_token => Heat::Missing(
            "With --base DIR, whose tokenizer cuts the text as it was scored, the loss of each token is shown.".to_owned(),
        ),
        _ => Heat::Missing(
            "With --base DIR and --reference DIR (or --adapter DIR), the loss of each token of these rows is computed and shown."
                .to_owned(),
        ),
    }
}
