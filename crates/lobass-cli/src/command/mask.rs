//! `lobass mask`: which tokens are trained on.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use lobass::outputs;
use lobass::sequences::{Named, check_named};
use lobass::settings::available_threads;
use lobass_core::readable::{Labelled, count, counted, percent};
use lobass_run::{MaskWriter, ScoreFile, TokenLosses};
use lobass_select::{Scope, Threshold, TokenMask, TokenScore};
use serde_json::json;

use crate::args::{MaskArgs, MaskMethod, ScopeArg};
use crate::exit::Outcome;
use crate::ui::Ui;

/// The models whose losses are compared.
const MODELS: [&str; 2] = ["base", "reference"];

pub(crate) fn mask(args: &MaskArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let index = args.index.iter().map(|index| ("the selection", index.as_path()));
    let inputs: Vec<_> = index.chain([("the score table", args.scores.as_path())]).collect();
    outputs::check(std::slice::from_ref(&args.out), &inputs)?;
    let table = ScoreFile::open(&args.scores)?;
    let chosen = args.index.as_deref().map(|index| read_index(index, &table)).transpose()?;
    let is_wanted = |row: &TokenLosses| {
        row.status.is_eligible() && chosen.as_ref().is_none_or(|chosen| chosen.contains(&row.row))
    };
    let mask = token_mask(args);
    let threshold = match mask.scope {
        Scope::Row => None,
        Scope::Pool => pool_threshold(&table, &mask)?,
    };
    outputs::note_replaced(std::slice::from_ref(&args.out), ui.runtime());
    let mut writer = MaskWriter::create(&args.out)?;
    let mut tally = Tally::default();
    table.token_losses(&MODELS, available_threads(), |row| {
        if !is_wanted(&row) {
            return Ok(());
        }
        let kept = mask.of_row(&row.losses[0], &row.losses[1], threshold);
        tally.n_scored += kept.len() as u64;
        let n_kept = kept.iter().filter(|&&kept| kept).count() as u64;
        tally.n_kept += n_kept;
        if n_kept == 0 {
            tally.n_empty += 1;
            return Ok(());
        }
        tally.n_rows += 1;
        writer.write(row.row, &row.sequence, &kept)
    })?;
    if tally.n_rows == 0 {
        bail!("`{}`: expected rows with tokens to train on, found none", args.scores.display());
    }
    if let Some(chosen) = &chosen
        && tally.n_rows + tally.n_empty < chosen.len() as u64
    {
        let found = tally.n_rows + tally.n_empty;
        bail!(
            "the selection has {} rows, of which the table has losses of tokens for {found}; make it from this table",
            chosen.len()
        );
    }
    writer.finish()?;
    tally.say(args, &mask, threshold, ui)
}

fn token_mask(args: &MaskArgs) -> TokenMask {
    let (score, scope) = match args.method {
        MaskMethod::Rho1 => (TokenScore::Rho1, Scope::Row),
        MaskMethod::TokenCleaning => (TokenScore::TokenCleaning, Scope::Pool),
    };
    let scope = match args.scope {
        None => scope,
        Some(ScopeArg::Pool) => Scope::Pool,
        Some(ScopeArg::Row) => Scope::Row,
    };
    TokenMask { score, keep: args.keep, scope }
}

/// Over all rows that may be selected, so that it does not depend on a selection.
fn pool_threshold(table: &ScoreFile, mask: &TokenMask) -> anyhow::Result<Option<f32>> {
    Ok(Threshold::of_largest(mask.keep, |take| {
        table.token_losses(&MODELS, available_threads(), |row| {
            if row.status.is_eligible() {
                let pairs = row.losses[0].iter().zip(&row.losses[1]);
                pairs.for_each(|(&base, &reference)| take(TokenMask::score(base, reference)));
            }
            Ok(())
        })
    })?)
}

/// The rows of a selection, which have to be those of the table by their keys and sources too.
fn read_index(path: &Path, table: &ScoreFile) -> anyhow::Result<HashSet<u64>> {
    let mut chosen: Vec<Named> = Vec::new();
    let mut rows = HashSet::new();
    for (line, number) in fs_err::read_to_string(path)?.lines().zip(1..) {
        let at = || format!("`{}`, line {number}", path.display());
        let named: Named = serde_json::from_str(line)
            .with_context(|| format!("{}: expected a row of a selection's list", at()))?;
        if !rows.insert(named.row) {
            bail!("{}: row {} is there twice", at(), named.row);
        }
        chosen.push(named);
    }
    if rows.is_empty() {
        bail!("`{}`: expected the rows of a selection, found none", path.display());
    }
    check_named(&chosen, table).with_context(|| format!("selection `{}`", path.display()))?;
    Ok(rows)
}

#[derive(Default)]
struct Tally {
    n_rows: u64,
    /// Rows of which no token is kept.
    n_empty: u64,
    n_scored: u64,
    n_kept: u64,
}

impl Tally {
    fn say(
        &self,
        args: &MaskArgs,
        mask: &TokenMask,
        threshold: Option<f32>,
        ui: &Ui,
    ) -> anyhow::Result<Outcome> {
        let Self { n_rows, n_empty, n_scored, n_kept } = *self;
        let mut text = Labelled::default();
        let competes = match mask.scope {
            Scope::Pool => "with the whole pool",
            Scope::Row => "within its row",
        };
        let method = match mask.score {
            TokenScore::Rho1 => "rho-1: base - reference, in nats",
            TokenScore::TokenCleaning => "token-cleaning: base - reference, in nats, above 0",
        };
        text.line("method", format!("{method}; each token competes {competes}"));
        if let Some(threshold) = threshold {
            text.line("threshold", format!("{threshold:.4} nats"));
        }
        text.line(
            "tokens",
            format!(
                "{} of {} ({}) are trained on",
                count(n_kept),
                count(n_scored),
                percent(n_kept, n_scored)
            ),
        );
        if n_empty > 0 {
            text.line("left out", format!("{} without a token to train on", counted(n_empty, "row")));
        }
        text.line("wrote", format!("{} ({})", args.out.display(), counted(n_rows, "row")));
        let json = json!({
            "n_rows": n_rows, "n_rows_without_tokens": n_empty, "n_scored": n_scored, "n_kept": n_kept,
            "threshold": threshold, "out": args.out,
        });
        ui.result(text, &json)?;
        Ok(Outcome::Done)
    }
}
