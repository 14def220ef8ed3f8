//! `lobass demo`: the whole job on what lobass ships.

use std::path::{Path, PathBuf};

use anyhow::Result;
use lobass::run::{check_directory, run as run_with};
use lobass::settings::{
    ComputeSettings, DataSettings, EvalSettings, ModelSettings, SelectSettings, Settings, TrainSettings,
};
use lobass_core::readable::percent;
use lobass_demo::{Kept, Kind, Unpacked, kinds_of};
use serde_json::{Map, Value, json};

use crate::args::DemoArgs;
use crate::exit::Outcome;
use crate::layout::table;
use crate::stream::Stream;
use crate::ui::Ui;

/// The paper's score, the score without its normalization, and the two baselines that are hard to beat.
const STRATEGIES: [&str; 4] = ["lobass", "gap", "random", "longest"];

pub(crate) fn demo(args: &DemoArgs, ui: &Ui) -> Result<Outcome> {
    check_directory(&args.out)?;
    fs_err::create_dir_all(&args.out)?;
    let shipped = lobass_demo::unpack(&args.out.join("shipped"))?;
    let report = run_with(&settings(args, &shipped), ui.runtime())?;

    let kinds = kinds_of(&shipped.pool)?;
    let kept: Vec<(&str, Kept)> = STRATEGIES
        .iter()
        .map(|name| Ok((*name, Kept::read(&index(&args.out, name), &kinds)?)))
        .collect::<Result<_>>()?;
    let (shown, shares) = (shares(&kinds, &kept, Stream::Out.width()), shares(&kinds, &kept, None));
    let (dir, page) = (args.out.display(), report.page.display());
    let best = kept[0].1.rows.first().copied().unwrap_or_default();
    let first = report.texts.first().map_or("", |text| text.trim_end());
    let text = format!(
        "{first}\n\nWhat each strategy kept, by kind of row. Only the makers of the pool know the kinds; lobass does not.\n\n\
         {shown}\n\nOpen {page} in a browser to see it. Look next at {dir}/summary.md, at {dir}/selected, or at one \
         row:\n  \
         lobass inspect --base {dir}/shipped/base --reference {dir}/reference --data {dir}/shipped/pool.jsonl \
         --row {best} --losses"
    );
    append(
        &args.out.join("summary.md"),
        &format!("\n# What each strategy kept, by kind of row\n\n```text\n{shares}\n```\n"),
    )?;
    let by_kind: Map<String, Value> =
        kept.iter().map(|(name, kept)| ((*name).to_owned(), json!(kept.by_kind))).collect();
    ui.result(text, &json!({"run": report.json, "kept_by_kind": by_kind}))?;
    Ok(Outcome::incomplete_if(report.falls_short))
}

fn settings(args: &DemoArgs, shipped: &Unpacked) -> Settings {
    let mut compute = ComputeSettings::default();
    args.compute.apply(&mut compute);
    Settings {
        out: Some(args.out.clone()),
        model: ModelSettings { base: Some(shipped.base.clone()), reference: None, null: None },
        data: DataSettings { files: vec![shipped.pool.display().to_string()], ..DataSettings::default() },
        train: TrainSettings {
            epochs: Some(3),
            batch_size: Some(32),
            learning_rate: Some(1e-3),
            ..TrainSettings::default()
        },
        eval: EvalSettings { rows: 100, ..EvalSettings::default() },
        select: SelectSettings {
            strategies: STRATEGIES.map(str::to_owned).to_vec(),
            budget: Some(args.budget.clone()),
            ..SelectSettings::default()
        },
        compute,
        ..Settings::default()
    }
}

/// The list of the rows that a strategy chose.
fn index(out: &Path, strategy: &str) -> PathBuf {
    out.join("selected").join(strategy).join("index.jsonl")
}

fn append(path: &Path, text: &str) -> Result<()> {
    let whole = fs_err::read_to_string(path)? + text;
    Ok(fs_err::write(path, whole)?)
}

fn shares(kinds: &[Kind], kept: &[(&str, Kept)], width: Option<usize>) -> String {
    let headings: Vec<&str> =
        ["kind", "pool"].into_iter().chain(kept.iter().map(|(name, _)| *name)).collect();
    let rows: Vec<Vec<String>> = Kind::COMPOSITION
        .iter()
        .map(|(kind, _)| {
            let in_pool = kinds.iter().filter(|other| *other == kind).count() as u64;
            let mut row = vec![kind.as_str().to_owned(), percent(in_pool, kinds.len() as u64)];
            row.extend(kept.iter().map(|(_, kept)| {
                let n_of_kind = kept.by_kind.get(kind).copied().unwrap_or_default();
                percent(n_of_kind, kept.rows.len() as u64)
            }));
            row
        })
        .collect();
    table(&headings, &rows, width)
}
