//! The score table that is selected from, made once and kept.

use anyhow::Result;
use xshell::Shell;

use super::material::kept;
use super::{DIR, build, run_binary};

const GENERATOR: &str = "benches/peers/make_table.rs";

/// A table of so many random rows.
pub(super) fn table(shell: &Shell, n_rows: u64) -> Result<String> {
    build(shell, "make-table")?;
    let made_of = (shell.read_file(GENERATOR)?, n_rows);
    let dir = kept(shell, "table", &made_of, |dir| {
        shell.create_dir(dir)?;
        run_binary(shell, "make-table", &[n_rows.to_string(), format!("{dir}/scores.parquet")])
    })?;
    let path = format!("{dir}/scores.parquet");
    let bytes = fs_err::metadata(shell.current_dir().join(&path))?.len();
    eprintln!("==> {path}: {n_rows} rows, {:.2} GB; remove {DIR} when you are done", bytes as f64 / 1e9);
    Ok(path)
}
