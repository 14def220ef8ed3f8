//! `lobass check`.

mod text;

use std::path::Path;

use anyhow::bail;
use lobass_check::{CheckName, Inputs, Options, Report, check as check_rows};
use lobass_core::Observer as _;
use lobass_data::{Encoder, Pool};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::exit::Outcome;
use crate::hub::find_tokenizer;
use crate::inputs::{open_encoder, open_pool};
use crate::settings::{DataSettings, EncodeSettings, available_threads};
use crate::text::counted;
use crate::ui::Ui;

pub(crate) fn check(args: &CheckArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    if args.list {
        return list(ui);
    }
    let mut data = DataSettings::default();
    args.data.apply(&mut data);
    let mut encode = EncodeSettings::default();
    args.encode.apply(&mut encode);
    if args.base.is_none() && encode != EncodeSettings::default() {
        bail!(
            "`--chat-template`, `--mask`, `--max-length`, and `--overlong` need a tokenizer: add `--base MODEL`"
        );
    }
    let pool = open_pool(&data, ui)?;
    let encoder = args.base.as_deref().map(|base| tokenizer(base, &pool, &encode, ui)).transpose()?;
    let evaluation = match args.eval.is_empty() {
        true => None,
        false => Some(open_pool(&DataSettings { files: args.eval.clone(), ..DataSettings::default() }, ui)?),
    };
    let inputs = Inputs { pool: &pool, encoder: encoder.as_ref(), evaluation: evaluation.as_ref() };
    let options = Options {
        skip: args.skip.iter().copied().collect(),
        n_shown: args.examples,
        threads: args.threads.map_or_else(available_threads, usize::from),
        ..Options::default()
    };
    let report = check_rows(&inputs, &options)?;
    ui.result(text::report(&report), &report)?;
    Ok(Outcome::incomplete_if(!report.findings.is_empty()))
}

/// A model's tokenizer and chat template.
fn tokenizer(base: &Path, pool: &Pool, encode: &EncodeSettings, ui: &Ui) -> anyhow::Result<Encoder> {
    let dir = find_tokenizer(base, ui)?.dir;
    if !dir.is_dir() {
        bail!(
            "base model `{}`: expected a directory with a tokenizer, or `org/name` on the hub, found none",
            dir.display()
        );
    }
    Ok(open_encoder(pool, encode, &dir, positions(&dir), None, ui)?.0)
}

/// The longest sequence that a model was made for, if its config is there and says so.
fn positions(dir: &Path) -> Option<usize> {
    let text = fs_err::read_to_string(dir.join("config.json")).ok()?;
    let config: Value = serde_json::from_str(&text).ok()?;
    usize::try_from(config.get("max_position_embeddings")?.as_u64()?).ok()
}

/// Rows of each source that a run looks at before it begins.
const FIRST: u64 = 1000;

/// Says in a few lines what needs a look in the first rows of each source.
pub(super) fn short(pool: &Pool, encoder: &Encoder, threads: usize, ui: &Ui) -> anyhow::Result<()> {
    let options = Options { first_rows: Some(FIRST), n_shown: 0, threads, ..Options::default() };
    let report = check_rows(&Inputs { pool, encoder: Some(encoder), evaluation: None }, &options)?;
    for finding in &report.findings {
        ui.note(&format!("{:16} {}", "check", text::finding(finding)));
    }
    ui.note(&format!("{:16} {}", "check", summary(&report)));
    Ok(())
}

fn summary(report: &Report) -> String {
    let looked_at = format!("the first {} of each source", counted(FIRST, "row"));
    match report.findings.len() {
        0 => format!("nothing in {looked_at} needs a look"),
        n => format!(
            "{} in {looked_at}; `lobass check` with the same data shows rows and what to do",
            counted(n as u64, "finding")
        ),
    }
}

/// Every check.
fn list(ui: &Ui) -> anyhow::Result<Outcome> {
    let mut json: Vec<Value> = Vec::new();
    for check in CheckName::ALL {
        let info = check.info();
        json.push(json!({
            "name": info.name, "looks_for": info.looks_for, "threshold": info.threshold, "source": info.source,
            "advice": info.advice,
        }));
    }
    ui.result(text::list(), &json)?;
    Ok(Outcome::Done)
}
