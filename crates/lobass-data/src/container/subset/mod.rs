//! Writing some rows of a file to a new one, in the same container, byte for byte.

mod columns;
#[cfg(test)]
mod tests;
mod text;

use std::path::Path;

use lobass_files::WholeFile;

use super::{Compression, Container};
use crate::Error;
use crate::original::Original;

/// The result of [`DataFile::write_subset`](crate::DataFile::write_subset).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubsetReport {
    /// Rows in the input.
    pub n_read: u64,
    /// Rows in the output.
    pub n_written: u64,
}

impl SubsetReport {
    /// Counts a row, and says whether it is kept.
    pub(super) fn count(&mut self, keep: &mut dyn FnMut(u64) -> bool) -> bool {
        let is_kept = keep(self.n_read);
        self.n_read += 1;
        self.n_written += u64::from(is_kept);
        is_kept
    }
}

/// Copies the rows for which `keep` says so, by their 0-based position, in the order of the input.
pub(crate) fn write_subset(
    input: &Original,
    container: &Container,
    output: &Path,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    check_name(input.path(), container, output)?;
    let whole = WholeFile::create(output)?;
    // Compressing writers own the file that they write to.
    let file = fs_err::File::create(whole.partial())?;
    let report = match container {
        Container::Parquet => columns::copy_parquet(input, file, keep),
        Container::Arrow(kind) => columns::copy_arrow(input, *kind, file, keep),
        Container::JsonTable { cells, compression } => {
            text::copy_table(input, *cells, *compression, file, keep)
        }
        _ => text::copy(input, container, file, keep),
    }?;
    input.check()?;
    whole.finish()?;
    Ok(report)
}

/// Endings that promise a container.
const ENDINGS: [&str; 8] = ["json", "jsonl", "ndjson", "csv", "tsv", "arrow", "feather", "parquet"];

/// Refuses `selected.parquet` for JSON lines and the like. Names without a known ending are free, and so is the
/// input's own.
fn check_name(input: &Path, container: &Container, output: &Path) -> Result<(), Error> {
    let name = output.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    let compression = match &name[stem.len()..] {
        ".gz" => Compression::Gzip,
        ".zst" => Compression::Zstd,
        _ => Compression::None,
    };
    let ending = stem.rsplit_once('.').map(|(_, ending)| ending).filter(|ending| ENDINGS.contains(ending));
    let fits: &[&str] = match container {
        // JSON lines are often called `.json`.
        Container::JsonLines(_) => &["json", "jsonl", "ndjson"],
        Container::JsonArray(_)
        | Container::JsonObject { .. }
        | Container::JsonTable { .. }
        | Container::JsonValues(_) => &["json"],
        Container::Csv { .. } => &["csv", "tsv"],
        Container::Arrow(_) => &["arrow", "feather"],
        Container::Parquet => &["parquet"],
    };
    let is_promised = ending.is_some() || compression != Compression::None;
    let fits = ending.is_none_or(|ending| fits.contains(&ending)) && compression == container.compression();
    if !is_promised || fits || input.file_name() == output.file_name() {
        return Ok(());
    }
    Err(Error::OutputName { path: output.to_owned(), input: input.to_owned(), expected: container.suffix() })
}
