//! The models of a score table, wherever they are now.

use std::path::{Path, PathBuf};

use lobass_core::ModelRole;
use lobass_data::{Bos, ChatTemplate, DateTime, Encoder, Pool, TemplateChoice, TextTokenizer};
use lobass_run::{Manifest, ModelRecord};

use crate::error::{Context as _, Error, Result, bail};
use crate::hub::find_model;
use crate::model::{Model, check_pair};
use crate::runtime::Runtime;
use crate::settings::ComputeSettings;
use crate::shell::{quoted, quoted_path};

/// The models of a score table.
#[derive(Debug, Clone, Default)]
pub struct TableModels<'a> {
    /// The base. If the table has losses of tokens, only its tokenizer is read.
    pub base: Option<&'a Path>,
    /// The references.
    pub references: &'a [PathBuf],
    /// An adapter of the base, as the reference.
    pub adapter: Option<&'a Path>,
    /// The chat template, if it is no longer where the table says.
    pub chat_template: Option<&'a str>,
    /// The device, the number format, and the threads; without a number format, that of the table.
    pub compute: ComputeSettings,
}

impl TableModels<'_> {
    /// Whether there is a tuned model.
    pub fn has_tuned(&self) -> bool {
        !self.references.is_empty() || self.adapter.is_some()
    }

    /// The tuned models.
    fn tuned(&self) -> impl Iterator<Item = &Path> {
        self.references.iter().map(PathBuf::as_path).chain(self.adapter)
    }

    /// The flags of the models, as a command line.
    pub(super) fn spelled(&self) -> String {
        let mut models = String::new();
        if let Some(base) = self.base {
            models += &format!(" --base {}", quoted_path(base));
        }
        if !self.references.is_empty() {
            let all: Vec<_> = self.references.iter().map(|dir| quoted_path(dir)).collect();
            models += &format!(" --reference {}", all.join(" "));
        }
        if let Some(adapter) = self.adapter {
            models += &format!(" --adapter {}", quoted_path(adapter));
        }
        if let Some(template) = self.chat_template {
            models += &format!(" --chat-template {}", quoted(template));
        }
        models
    }

    /// What made the sequences of the table: the same tokenizer and the same template. `None` without a base.
    pub(crate) fn encoder(
        &self,
        pool: &Pool,
        manifest: &Manifest,
        runtime: &Runtime,
    ) -> Result<Option<Encoder>> {
        let Some(base) = self.base else { return Ok(None) };
        let dir = &find_model(base, runtime)?.dir;
        let tokenizer = tokenizer(dir, manifest)?;
        let now = match &manifest.template.now {
            Some(told) => told.parse().map_err(|error| {
                Error::Table(format!("the time that the chat template saw, `{told}`: {error}"))
            })?,
            None => DateTime::ZERO,
        };
        let given = self.chat_template;
        // Where it came from is in the table, as a preset's name, a file's, or neither if the checkpoint brings it.
        let mut words = vec!["auto"];
        words.extend(manifest.template.name.split(' ').next());
        let words = given.map_or(words, |given| vec![given]);
        for word in &words {
            let Ok(choice) = word.parse::<TemplateChoice>() else { continue };
            if matches!(&choice, TemplateChoice::File(path) if given.is_none() && !path.exists()) {
                continue;
            }
            let template = ChatTemplate::load(&choice, dir, pool.fallback(), now)?
                .with_arguments(&manifest.template.arguments)?;
            if template.digest() == manifest.template.digest {
                return Ok(Some(Encoder::new(tokenizer, template, manifest.encoding)?));
            }
        }
        bail!(
            Model,
            "chat template: expected that of the score table, `{}` with digest {}, found others under {}; say with \
             `--chat-template` where it is now",
            manifest.template.name,
            manifest.template.digest,
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" and ")
        );
    }

    /// The base and its references with their folds, all of the table. `None` without a tuned model.
    pub(super) fn open(
        &self,
        encoder: Option<&Encoder>,
        manifest: &Manifest,
        runtime: &Runtime,
    ) -> Result<Option<OpenedModels>> {
        let (Some(base), Some(encoder), true) = (self.base, encoder, self.has_tuned()) else {
            return Ok(None);
        };
        let mut compute = self.compute.clone();
        if compute.dtype.is_none() {
            compute.dtype =
                manifest.models.first().and_then(ModelRecord::key).map(|key| key.dtype.to_string());
        }
        let base = Model::open_as(ModelRole::Base, base, &compute, runtime)?;
        known(&base, manifest, true)?;
        let mut references = Vec::new();
        for dir in self.tuned() {
            let reference = base.open_tuned("reference", dir, runtime)?;
            check_pair(&base, &reference, encoder.tokenizer(), runtime)?;
            let fold = known(&reference, manifest, false)?.fold;
            references.push((reference, fold));
        }
        Ok(Some((base, references)))
    }
}

/// A base, and its references with the fold that each was not trained on.
pub(super) type OpenedModels = (Model, Vec<(Model, Option<usize>)>);

/// The record of a model in the table.
fn known<'a>(model: &Model, manifest: &'a Manifest, is_base: bool) -> Result<&'a ModelRecord> {
    let found = manifest.models.iter().find(|record| {
        (*record.role() == ModelRole::Base) == is_base
            && record.key().is_some_and(|key| key.weights_digest == model.key.weights_digest)
    });
    found.with_context(|| {
        let role = &model.key.role;
        format!(
            "{role} model `{}`: expected weights that the score table knows, found others",
            model.key.path
        )
    })
}

/// The tokenizer of the table. The table does not say whether a BOS token was added, but its digest decides.
fn tokenizer(dir: &Path, manifest: &Manifest) -> Result<TextTokenizer> {
    let tokenizer = TextTokenizer::from_dir(dir)?;
    if tokenizer.digest() == manifest.tokenizer {
        return Ok(tokenizer);
    }
    let decided = [Bos::Yes, Bos::No].into_iter().filter_map(|bos| TextTokenizer::open(dir, bos).ok());
    decided.into_iter().find(|decided| decided.digest() == manifest.tokenizer).with_context(|| {
        format!(
            "base model `{}`: expected the tokenizer of the score table, {}, found {}",
            dir.display(),
            manifest.tokenizer,
            tokenizer.digest()
        )
    })
}
