//! `lobass check`.

use std::path::Path;

use anyhow::bail;
use lobass::hub::find_tokenizer;
use lobass::sequences::{ModelSize, open_encoder, open_pool};
use lobass::settings::{DataSettings, EncodeSettings, available_threads};
use lobass_check::{CheckName, Inputs, Options, check as check_rows};
use lobass_data::{Encoder, Pool};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::exit::Outcome;
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
    let pool = open_pool(&data, ui.runtime())?;
    let encoder = args.base.as_deref().map(|base| tokenizer(base, &pool, &encode, ui)).transpose()?;
    let evaluation = match args.eval.is_empty() {
        true => None,
        false => Some(open_pool(
            &DataSettings { files: args.eval.clone(), ..DataSettings::default() },
            ui.runtime(),
        )?),
    };
    let inputs = Inputs { pool: &pool, encoder: encoder.as_ref(), evaluation: evaluation.as_ref() };
    let options = Options {
        skip: args.skip.iter().copied().collect(),
        n_shown: args.examples,
        threads: args.threads.map_or_else(available_threads, usize::from),
        ..Options::default()
    };
    let report = check_rows(&inputs, &options)?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(!report.findings.is_empty()))
}

/// A model's tokenizer and chat template.
fn tokenizer(base: &Path, pool: &Pool, encode: &EncodeSettings, ui: &Ui) -> anyhow::Result<Encoder> {
    let dir = find_tokenizer(base, ui.runtime())?.dir;
    if !dir.is_dir() {
        bail!(
            "base model `{}`: expected a directory with a tokenizer, or `org/name` on the hub, found none",
            dir.display()
        );
    }
    Ok(open_encoder(pool, encode, &dir, size(&dir), None, ui.runtime())?.0)
}

/// The length of a model's input, if its config has it.
fn size(dir: &Path) -> ModelSize {
    let text = fs_err::read_to_string(dir.join("config.json")).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    let number = |key: &str| config[key].as_u64().and_then(|number| usize::try_from(number).ok());
    ModelSize { positions: number("max_position_embeddings"), vocabulary: number("vocab_size") }
}

/// Every check.
fn list(ui: &Ui) -> anyhow::Result<Outcome> {
    let mut json: Vec<Value> = Vec::new();
    let mut text = String::new();
    for check in CheckName::ALL {
        let info = check.info();
        text += &format!("{:17} {}\n", info.name, info.looks_for);
        text += &format!("{:17} from: {}\n{:17} source: {}\n", "", info.threshold, "", info.source);
        json.push(json!({
            "name": info.name, "looks_for": info.looks_for, "threshold": info.threshold, "source": info.source,
            "advice": info.advice,
        }));
    }
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}
