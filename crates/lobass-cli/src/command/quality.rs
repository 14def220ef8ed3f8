//! `lobass quality`.

use std::collections::BTreeMap;
use std::time::Instant;

use lobass::outputs::{self, Lines};
use lobass::scoring::{Reasons, n_skipped};
use lobass::sequences::open_pool;
use lobass::settings::{DataSettings, available_threads};
use lobass_check::{RowFinding, RuleCounts, each_row, findings};
use lobass_core::RowStatus;
use lobass_core::readable::{Labelled, count, counted, duration, percent};
use lobass_data::Pool;
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
    let pool = open_pool(&data, ui.runtime())?;
    let inputs: Vec<_> = pool.files().iter().map(|file| ("a data file", file.path())).collect();
    outputs::check(args.out.as_slice(), &inputs)?;
    outputs::note_replaced(args.out.as_slice(), ui.runtime());
    let mut lines = args.out.as_deref().map(Lines::create).transpose()?;
    let started = Instant::now();
    let mut seen = Seen { counts: RuleCounts::keeping(args.examples), ..Seen::default() };
    let threads = args.threads.map_or_else(available_threads, usize::from);
    each_row(
        &pool,
        threads,
        |example| findings(&rules, example),
        |row, found| {
            seen.n_rows += 1;
            if let Err(fault) = &row.example {
                *seen.statuses.entry(fault.status).or_default() += 1;
                seen.reasons.entry(fault.status).or_insert_with(|| (row.row, fault.reason.clone()));
            }
            let found = found.unwrap_or_default();
            if found.is_empty() {
                return Ok(());
            }
            seen.n_fired += 1;
            seen.counts.add(row, &found);
            match &mut lines {
                Some(lines) => {
                    lines.write(&as_json(row.row, row.key.as_str(), source(&pool, row.file), &found))
                }
                None => Ok(()),
            }
        },
    )?;
    ui.note(&format!("{:16} {} in {}", "rules", counted(seen.n_rows, "row"), duration(started.elapsed())));
    if let Some(lines) = lines {
        lines.finish()?;
    }
    ui.result(seen.text(&rules, args), &seen.json(&rules, args))?;
    Ok(Outcome::incomplete_if(n_skipped(&seen.statuses) > 0))
}

fn source(pool: &Pool, file: usize) -> &str {
    pool.files()[file].source()
}

fn as_json(row: u64, key: &str, source: &str, found: &[RowFinding]) -> Value {
    let mut rules: Vec<Rule> = found.iter().map(|found| found.finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    let findings: Vec<Value> = found
        .iter()
        .map(|found| json!({"rule": found.finding.rule.name(), "turn": found.turn, "detail": found.finding.detail}))
        .collect();
    json!({"row": row, "key": key, "source": source, "n_rules": rules.len(), "findings": findings})
}

/// The findings in a pool.
#[derive(Default)]
struct Seen {
    n_rows: u64,
    /// Rows on which any rule fires.
    n_fired: u64,
    counts: RuleCounts,
    /// Rows without a response to look at.
    statuses: BTreeMap<RowStatus, u64>,
    reasons: Reasons,
}

impl Seen {
    fn text(&self, rules: &Rules, args: &QualityArgs) -> String {
        let mut text = Labelled::default();
        text.line("pool", counted(self.n_rows, "row"));
        for (status, n) in &self.statuses {
            let (row, reason) = &self.reasons[status];
            text.line("not read", format!("{} {status}, the first of them row {row}: {reason}", count(*n)));
        }
        let share = percent(self.n_fired, self.n_rows);
        text.line("found", format!("{} ({share}) on which a rule fires", counted(self.n_fired, "row")));
        for rule in rules.on() {
            let Some(found) = self.counts.by_rule.get(&rule) else { continue };
            let share = percent(found.n_rows, self.n_rows);
            text.line("rule", format!("{rule}: {} ({share})", counted(found.n_rows, "row")));
            for example in &found.examples {
                text.line("", format!("  row {}: {}", example.row, example.detail));
            }
        }
        let silent: Vec<&str> =
            rules.on().filter(|rule| !self.counts.by_rule.contains_key(rule)).map(Rule::name).collect();
        if !silent.is_empty() {
            text.line("silent", silent.join(", "));
        }
        if let Some(out) = &args.out {
            text.line("wrote", format!("{} ({})", out.display(), counted(self.n_fired, "row")));
        }
        text.to_string()
    }

    fn json(&self, rules: &Rules, args: &QualityArgs) -> Value {
        let of_rule = |rule: Rule| {
            let found = self.counts.by_rule.get(&rule);
            let examples: Vec<_> = found.into_iter().flat_map(|found| &found.examples).collect();
            let n_rows = found.map_or(0, |found| found.n_rows);
            json!({"rule": rule.name(), "threshold": rules.threshold(rule), "n_rows": n_rows, "examples": examples})
        };
        let statuses: serde_json::Map<String, Value> =
            self.statuses.iter().map(|(status, n)| (status.to_string(), json!(n))).collect();
        json!({
            "n_rows": self.n_rows,
            "n_fired": self.n_fired,
            "not_read": statuses,
            "rules": rules.on().map(of_rule).collect::<Vec<_>>(),
            "out": args.out,
        })
    }
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
