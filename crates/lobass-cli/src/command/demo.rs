//! `lobass demo`: the whole job on what lobass ships.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use lobass::run::{check_directory, run as run_with};
use lobass::settings::{
    ComputeSettings, DataSettings, EvalSettings, ModelSettings, SelectSettings, Settings, TrainSettings,
};
use lobass_core::readable::percent;
use lobass_demo::{Kind, PoolRow};
use serde::Deserialize;
use serde_json::{Value, json};

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
    let mut compute = ComputeSettings::default();
    args.compute.apply(&mut compute);
    let settings = Settings {
        out: Some(args.out.clone()),
        model: ModelSettings { base: Some(shipped.base), reference: None },
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
    };
    let report = run_with(&settings, ui.runtime())?;

    let kinds: Vec<Kind> = read_kinds(&shipped.pool)?;
    let compositions = STRATEGIES
        .iter()
        .map(|strategy| Ok((*strategy, composition(&args.out, strategy, &kinds)?)))
        .collect::<Result<Vec<_>>>()?;
    let shown = shares(&kinds, &compositions, Stream::Out.width());
    let shares = shares(&kinds, &compositions, None);
    let dir = args.out.display();
    let best = chosen(&args.out, STRATEGIES[0])?.first().copied().unwrap_or_default();
    let page = report.page.display();
    let first = report.texts.first().map_or("", |text| text.trim_end());
    let text = format!(
        "{first}\n\nWhat each strategy kept, by kind of row. Only the makers of the pool know the kinds; lobass does not.\n\n\
         {shown}\n\nOpen {page} in a browser to see it. Look next at {dir}/summary.md, at {dir}/selected, or at one \
         row:\n  \
         lobass inspect --base {dir}/shipped/base --reference {dir}/reference --data {dir}/shipped/pool.jsonl \
         --row {best} --losses"
    );
    let kept: serde_json::Map<String, Value> =
        compositions.iter().map(|(strategy, counts)| ((*strategy).to_owned(), json!(counts))).collect();
    append(
        &args.out.join("summary.md"),
        &format!("\n# What each strategy kept, by kind of row\n\n```text\n{shares}\n```\n"),
    )?;
    ui.result(text, &json!({"run": report.json, "kept_by_kind": kept}))?;
    Ok(Outcome::incomplete_if(report.falls_short))
}

fn append(path: &Path, text: &str) -> Result<()> {
    let whole = fs_err::read_to_string(path)? + text;
    Ok(fs_err::write(path, whole)?)
}

/// The kind of every row of the pool.
fn read_kinds(pool: &Path) -> Result<Vec<Kind>> {
    let text = fs_err::read_to_string(pool)?;
    let rows = text.lines().map(serde_json::from_str::<PoolRow>);
    rows.map(|row| Ok(row.context("the shipped pool")?.kind)).collect()
}

/// The rows that a strategy chose, best first.
fn chosen(out: &Path, strategy: &str) -> Result<Vec<usize>> {
    #[derive(Deserialize)]
    struct Chosen {
        row: usize,
    }
    let index = fs_err::read_to_string(out.join("selected").join(strategy).join("index.jsonl"))?;
    index.lines().map(|line| Ok(serde_json::from_str::<Chosen>(line)?.row)).collect()
}

/// How many rows of each kind a strategy kept.
fn composition(out: &Path, strategy: &str, kinds: &[Kind]) -> Result<BTreeMap<Kind, u64>> {
    let mut counts = BTreeMap::new();
    for row in chosen(out, strategy)? {
        let kind = *kinds.get(row).context("the index has a row that is not in the pool")?;
        *counts.entry(kind).or_default() += 1;
    }
    Ok(counts)
}

fn shares(kinds: &[Kind], compositions: &[(&str, BTreeMap<Kind, u64>)], width: Option<usize>) -> String {
    let headings: Vec<&str> =
        ["kind", "pool"].into_iter().chain(compositions.iter().map(|(name, _)| *name)).collect();
    let rows: Vec<Vec<String>> = Kind::COMPOSITION
        .iter()
        .map(|(kind, _)| {
            let in_pool = kinds.iter().filter(|other| *other == kind).count() as u64;
            let mut row = vec![kind.as_str().to_owned(), percent(in_pool, kinds.len() as u64)];
            row.extend(compositions.iter().map(|(_, counts)| {
                let all: u64 = counts.values().sum();
                percent(counts.get(kind).copied().unwrap_or_default(), all)
            }));
            row
        })
        .collect();
    table(&headings, &rows, width)
}
