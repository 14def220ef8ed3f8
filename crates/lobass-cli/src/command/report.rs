//! `lobass report`.

use std::path::Path;

use anyhow::{Context as _, bail};
use lobass::hub::find_model;
use lobass::model::{Model, check_pair};
use lobass::outputs;
use lobass::page::{DEFAULT_STRATEGIES, Heat, PageRequest, Spelled, Tokens};
use lobass::selection::Selector;
use lobass::sequences::open_scored_pool;
use lobass::settings::{ComputeSettings, SelectSettings, available_threads};
use lobass::shell::{quoted, quoted_path};
use lobass_data::{Bos, ChatTemplate, DateTime, Encoder, Pool, TemplateChoice, TextTokenizer};
use lobass_run::{Manifest, ScoreFile};
use lobass_select::Strategy;

use crate::args::ReportArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

/// The default of `--budget`.
const DEFAULT_BUDGET: &str = "10%";

pub(crate) fn report(args: &ReportArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = SelectSettings::default();
    args.selection.apply(&mut settings);
    if settings.min_rating.is_none() {
        settings.budget.get_or_insert_with(|| DEFAULT_BUDGET.to_owned());
    }
    let names = || args.strategy.iter().map(String::as_str);
    match args.strategy.is_empty() {
        true if settings.direction.is_some() => {
            bail!("`--ascending` and `--descending` apply to named strategies; name them with `--strategy`")
        }
        true => settings.check(DEFAULT_STRATEGIES.map(Strategy::name))?,
        false => settings.check(names())?,
    }
    let strategies: Vec<&dyn Strategy> =
        names().map(|name| Ok(settings.strategy(name)? as _)).collect::<anyhow::Result<_>>()?;
    let table = ScoreFile::open(&args.scores)?;
    check_models(args, table.manifest())?;
    let wanted = PageRequest::columns(strategies.iter().copied(), &settings, table.manifest())?;
    let columns = table.columns(&wanted, settings.seed, available_threads())?;
    let pool = open_scored_pool(&args.scores, &args.data, table.manifest(), true, ui.runtime())?;
    PageRequest::check(&args.out, &args.scores, &pool)?;
    outputs::note_replaced(std::slice::from_ref(&args.out), ui.runtime());
    let encoder = args.base.is_some().then(|| encoder(args, &pool, table.manifest(), ui)).transpose()?;
    let models = models(args, encoder.as_ref(), table.manifest(), ui)?;
    let selector = Selector::open(&table, &pool, strategies.iter().copied(), &settings)?;
    let choose = |&strategy| Ok((strategy, selector.choose(&columns, strategy, &settings)?));
    let chosen: Vec<_> = strategies.iter().map(choose).collect::<anyhow::Result<_>>()?;
    drop(selector); // vectors can be large, and the page does not need them
    let page = PageRequest {
        table: &table,
        scores: &args.scores,
        columns: &columns,
        pool: &pool,
        settings: &settings,
        chosen: &chosen,
        beside: if args.strategy.is_empty() { &DEFAULT_STRATEGIES } else { &[] },
        n_examples: args.examples.into(),
        heat: heat(&table, encoder.as_ref(), models.as_ref()),
        title: args.scores.display().to_string(),
        commands: spelled(args),
        out: &args.out,
    };
    let written = page.write(ui.runtime())?;
    ui.result(written.text(), &written.json())?;
    Ok(Outcome::Done)
}

/// Refuses flags about models that would show nothing.
fn check_models(args: &ReportArgs, manifest: &Manifest) -> anyhow::Result<()> {
    if !args.reference.is_empty() || args.adapter.is_some() {
        return Ok(());
    }
    if args.base.is_some() && !manifest.per_token {
        bail!(
            "`--base` alone shows losses of tokens of a table with `--per-token`; for this table add `--reference` or \
             `--adapter`"
        );
    }
    match args.compute.given() {
        Some(flag) => {
            bail!("`{flag}` only applies to the models of `--base` with `--reference` or `--adapter`")
        }
        None => Ok(()),
    }
}

/// The models whose losses the table has.
struct Models {
    base: Model,
    references: Vec<(Model, Option<usize>)>,
    threads: usize,
}

fn heat<'a>(table: &ScoreFile, encoder: Option<&'a Encoder>, models: Option<&'a Models>) -> Heat<'a> {
    let manifest = table.manifest();
    let has_reference = manifest.models.iter().any(|model| model.model.role.starts_with("reference"));
    match (encoder, models) {
        (Some(encoder), Some(Models { base, references, threads })) => {
            Heat::Of(encoder, Tokens::Models { base, references, threads: *threads })
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

/// The encoder of the table's sequences: the same tokenizer and template, or an error.
fn encoder(args: &ReportArgs, pool: &Pool, manifest: &Manifest, ui: &Ui) -> anyhow::Result<Encoder> {
    let dir = &find_model(args.base.as_deref().context("a base model")?, ui.runtime())?.dir;
    let tokenizer = tokenizer(dir, manifest)?;
    let now = match &manifest.template.now {
        Some(told) => told.parse().context("the time that the chat template was told")?,
        None => DateTime::ZERO,
    };
    let given = args.chat_template.as_deref();
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
            return Ok(Encoder::new(tokenizer, template, manifest.encoding)?);
        }
    }
    bail!(
        "chat template: expected that of the score table, `{}` with digest {}, found others under {}; say with \
         `--chat-template` where it is now",
        manifest.template.name,
        manifest.template.digest,
        words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" and ")
    );
}

/// The tokenizer of the table. The table does not say what was decided on BOS, but its digest does.
fn tokenizer(dir: &Path, manifest: &Manifest) -> anyhow::Result<TextTokenizer> {
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

/// The models that were named, which are those of the table.
fn models(
    args: &ReportArgs,
    encoder: Option<&Encoder>,
    manifest: &Manifest,
    ui: &Ui,
) -> anyhow::Result<Option<Models>> {
    let dirs: Vec<_> = args.reference.iter().chain(&args.adapter).collect();
    let (Some(base), Some(encoder), false) = (&args.base, encoder, dirs.is_empty()) else { return Ok(None) };
    let mut compute = ComputeSettings {
        dtype: manifest.models.first().map(|model| model.model.dtype.clone()),
        ..ComputeSettings::default()
    };
    args.compute.apply(&mut compute);
    let base = Model::open_as("base", base, &compute, ui.runtime())?;
    let known = |model: &Model, is_base: bool| {
        let found = manifest.models.iter().find(|record| {
            (record.model.role == "base") == is_base
                && record.model.weights_digest == model.key.weights_digest
        });
        found.with_context(|| {
            let role = &model.key.role;
            format!(
                "{role} model `{}`: expected weights that the score table knows, found others",
                model.key.path
            )
        })
    };
    known(&base, true)?;
    let mut references = Vec::new();
    for dir in dirs {
        let reference = base.open_tuned("reference", dir, ui.runtime())?;
        check_pair(&base, &reference, encoder.tokenizer(), ui.runtime())?;
        let fold = known(&reference, false)?.fold;
        references.push((reference, fold));
    }
    Ok(Some(Models { base, references, threads: compute.threads() }))
}

fn spelled(args: &ReportArgs) -> Spelled {
    let path = quoted_path;
    let mut models = String::new();
    if let Some(base) = &args.base {
        models += &format!(" --base {}", path(base));
    }
    if !args.reference.is_empty() {
        let all: Vec<_> = args.reference.iter().map(|dir| path(dir)).collect();
        models += &format!(" --reference {}", all.join(" "));
    }
    if let Some(adapter) = &args.adapter {
        models += &format!(" --adapter {}", path(adapter));
    }
    if let Some(template) = &args.chat_template {
        models += &format!(" --chat-template {}", quoted(template));
    }
    Spelled {
        whole: None,
        data: args.data.clone(),
        models,
        n_examples: args.examples.into(),
        out: args.out.clone(),
    }
}
