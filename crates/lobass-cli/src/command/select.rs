//! `lobass select`.

use anyhow::bail;
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use lobass_run::{Manifest, ScoreFile};

use crate::args::SelectArgs;
use crate::exit::Outcome;
use crate::settings::{SelectSettings, available_threads};
use crate::stages::{SelectionTarget, columns_of, reads_rows, select_and_write};
use crate::ui::Ui;

pub(crate) fn select(args: &SelectArgs, ui: Ui) -> anyhow::Result<Outcome> {
    let mut settings = SelectSettings::default();
    args.selection.apply(&mut settings);
    settings.check([args.strategy.as_str()])?;
    let table = ScoreFile::open(&args.scores)?;
    let wanted = columns_of([args.strategy.as_str()], &settings)?;
    let columns = table.columns(&wanted, settings.seed, available_threads())?;
    let reads_rows = args.out.is_some() || reads_rows(&args.strategy, &settings)?;
    let pool = open_pool(args, table.manifest(), reads_rows)?;
    let target = SelectionTarget { out: args.out.clone(), index: args.index.clone() };
    target.check(&pool, &args.scores)?;
    let report = select_and_write(&table, &columns, &pool, &args.strategy, &settings, &target)?;
    ui.result(report.text(), &report.json())?;
    Ok(Outcome::incomplete_if(report.falls_short()))
}

/// The files a table was made from, where they were or where they are now. Those that are gone are missed only if
/// their rows are read.
fn open_pool(args: &SelectArgs, manifest: &Manifest, reads_rows: bool) -> anyhow::Result<Pool> {
    if !args.data.is_empty() && args.data.len() != manifest.inputs.len() {
        bail!(
            "score table `{}` was made from {} data files, {} are given; name them all, in the same order",
            args.scores.display(),
            manifest.inputs.len(),
            args.data.len()
        );
    }
    let mut files = Vec::new();
    for (at, input) in manifest.inputs.iter().enumerate() {
        let path = args.data.get(at).cloned().unwrap_or_else(|| (&input.path).into());
        if !path.exists() && !reads_rows && args.data.is_empty() {
            continue;
        }
        if !path.exists() {
            bail!(
                "data file `{}` of the score table is not there; say where it is with `--data`",
                path.display()
            );
        }
        let layout = input.layout.clone();
        let file = DataFile::open(&path, &input.source, &FormatChoice::Layout { layout, named: Vec::new() })?;
        let found = file.fingerprint()?;
        if found != input.sha256 {
            bail!(
                "data file `{}` is not the one that was scored: expected SHA-256 {}, found {}",
                path.display(),
                input.sha256,
                found
            );
        }
        files.push(file);
    }
    Ok(Pool::new(files, Duplicates::Keep))
}
