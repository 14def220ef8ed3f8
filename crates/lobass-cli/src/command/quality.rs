//! `lobass quality`.

use lobass::checks::QualityJob;
use lobass::settings::{DataSettings, available_threads};
use lobass_text::{Rule, Rules};
use serde_json::{Value, json};

use crate::args::QualityArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn quality(args: &QualityArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let rules = args.rules.clone().unwrap_or_default();
    if args.list {
        return list(&rules, ui);
    }
    let mut data = DataSettings::default();
    args.data.apply(&mut data);
    let job = QualityJob {
        data: &data,
        rules,
        n_examples: args.examples,
        out: args.out.as_deref(),
        threads: args.threads.map_or_else(available_threads, usize::from),
    };
    let report = job.run(ui.runtime())?;
    ui.result(&report, &report)?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}

/// Every rule, on or off.
fn list(rules: &Rules, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut text = String::new();
    let mut json: Vec<Value> = Vec::new();
    for rule in Rule::ALL {
        let info = rule.info();
        let (on, threshold) = (rules.is_on(rule), rules.threshold(rule));
        let state = if on { "" } else { " (off)" };
        text += &format!("{:18} {}{state}\n", info.name, info.finds);
        if info.thresholds.0 < info.thresholds.1 {
            text += &format!("{:18} threshold {threshold}: {}\n", "", info.meaning);
        }
        text += &format!("{:18} {}\n", "", info.source);
        json.push(json!({
            "name": info.name, "on": on, "threshold": threshold, "meaning": info.meaning, "finds": info.finds,
            "source": info.source,
        }));
    }
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}
