//! `lobass check`.

use anyhow::bail;
use lobass::checks::CheckJob;
use lobass::settings::{DataSettings, EncodeSettings, available_threads};
use lobass_check::{CheckName, Options};
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
    let options = Options {
        skip: args.skip.iter().copied().collect(),
        n_shown: args.examples,
        threads: args.threads.map_or_else(available_threads, usize::from),
        ..Options::default()
    };
    let job = CheckJob {
        data: &data,
        base: args.base.as_deref(),
        sequences: &encode,
        evaluation: &args.eval,
        options,
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(!report.findings.is_empty()))
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
