//! `lobass compare`.

mod text;

use anyhow::bail;
use lobass::comparison::{CompareRequest, Comparison, Devices, Overlaps};
use lobass::model::Model;
use lobass::place::told_in_dir;
use lobass::sequences::open_scored_pool;
use lobass::sequences::{Sequences, open_pool};
use lobass::settings::{DataSettings, EncodeSettings, Settings};
use lobass_core::Observer as _;
use lobass_evidence::{Bootstrap, Matching};
use lobass_run::ScoreFile;

use crate::args::CompareArgs;
use crate::exit::Outcome;
use crate::ui::{Stream, Ui};

pub(crate) fn compare(args: &CompareArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let ui = &if args.trial_worker.is_some() { ui.silent() } else { ui.clone() };
    let table = ScoreFile::open(&args.scores)?;
    let settings = settings(args, &table)?;
    let base = Model::open_as("base", &args.base, &settings.compute, ui.runtime())?;
    if !args.eval.is_empty() {
        // They are read once the pool is tokenised; that they can be is checked here.
        open_pool(
            &DataSettings { files: args.eval.clone(), ..DataSettings::default() },
            ui.silent().runtime(),
        )?;
    }
    let sequences = open_sequences(args, &settings.sequences, &base, &table, ui)?;
    let threads = args.trial_threads.unwrap_or_else(|| settings.compute.threads());
    let request = CompareRequest {
        table: &table,
        strategies: &args.strategy,
        select: &settings.select,
        train: &settings.train,
        overlaps: Overlaps { files: &args.eval, policy: args.overlap },
        n_seeds: args.seeds.into(),
        matchings: args.matching.matchings(),
        tokens: args.tokens,
        bootstrap: Bootstrap { n_resamples: args.resamples, ..Bootstrap::default() },
        threads,
        out: &args.out,
    };
    let comparison = Comparison::open(&request, base, &sequences, ui.runtime())?;
    if args.trial_worker.is_some() {
        comparison.serve(std::io::stdin().lock(), std::io::stdout())?;
        return Ok(Outcome::Done);
    }
    if args.devices.is_empty() {
        comparison.run_here(ui.runtime())?;
    } else {
        let devices =
            Devices { names: &args.devices, threads, arguments: ui.arguments(), runtime: ui.runtime() };
        if !devices.run(&comparison)? {
            return Ok(Outcome::Unfinished);
        }
    }
    let report = comparison.report(&table)?;
    comparison.write(&report)?;
    ui.note(&format!("{:16} {}", "results", args.out.join("results.md").display()));
    ui.result(text::text(&report, Stream::Out.width()), &report)?;
    Ok(Outcome::incomplete_if(comparison.falls_short()))
}

/// What was asked for, checked, over what the table says of itself.
fn settings(args: &CompareArgs, table: &ScoreFile) -> anyhow::Result<Settings> {
    let mut settings = Settings::default();
    args.selection.apply(&mut settings.select);
    args.training.apply(&mut settings.train);
    let encoding = &table.manifest().encoding;
    settings.sequences.mask = encoding.mask;
    settings.sequences.max_length = Some(encoding.max_length);
    settings.sequences.overlong = encoding.overlong;
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    if let Some(device) = args.trial_worker.as_ref().or(args.devices.first()) {
        settings.compute.device.clone_from(device);
    }
    if settings.train.dpo().is_some() {
        bail!(
            "a comparison trains on single responses: expected the objective sft, found one of preferences"
        );
    }
    settings.select.check(args.strategy.iter().map(String::as_str))?;
    if settings.select.budget.is_none() {
        bail!(
            "expected `--budget`, found none; `--min-rating` says how many rows of `quality` to keep, not of the others"
        );
    }
    if args.tokens.is_some() && !args.matching.matchings().contains(&Matching::Tokens) {
        bail!("`--tokens` only applies to trainings at equal tokens, found `--match epochs`");
    }
    Ok(settings)
}

/// The rows of the table as the base is to see them.
fn open_sequences(
    args: &CompareArgs,
    encode: &EncodeSettings,
    base: &Model,
    table: &ScoreFile,
    ui: &Ui,
) -> anyhow::Result<Sequences> {
    let manifest = table.manifest();
    let pool = open_scored_pool(&args.scores, &args.data, manifest, true, ui.runtime())?;
    let told = match told_in_dir(&args.out.join("work"), ui.runtime())? {
        None => manifest.template.now.clone(),
        told => told,
    };
    let checkpoint = &base.checkpoint;
    let sequences = Sequences::of(pool, encode, checkpoint.dir(), checkpoint.config(), told, ui.runtime())?;
    let scored_by = manifest.models.iter().find(|record| record.model.role == "base");
    if scored_by.is_some_and(|record| record.model.weights_digest != base.key.weights_digest) {
        ui.warn("the table was scored by another base than the one that is trained here");
    }
    if sequences.encoder.tokenizer().digest() != manifest.tokenizer {
        ui.warn("the table was made with another tokenizer; rows are matched by their place in the data");
    }
    let template = sequences.encoder.template();
    if template.digest() != manifest.template.digest {
        ui.warn(&format!(
            "the table was made with the chat template `{}`, and rows are trained and measured here with `{}`; \
             `--chat-template` says which",
            manifest.template.name,
            template.name()
        ));
    }
    Ok(sequences)
}
