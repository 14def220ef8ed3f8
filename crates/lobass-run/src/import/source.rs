//! The losses of one model: a file, or bytes in memory.

use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use lobass_core::{Digest, ExampleKey, ModelRole, Sequence};
use sha2::{Digest as _, Sha256};

use super::entry::{Entries, Entry, Losses, Side, Sum};
use super::logprobs::Logprobs;
use super::{fault, json_lines, parquet};
use crate::{Error, ImportedModel, Provenance};

/// Where losses come from.
#[derive(Debug, Clone)]
pub enum LossInput {
    /// A file of JSON lines or Parquet.
    File(PathBuf),
    /// JSON lines in memory, with a name in place of a path.
    Lines {
        /// The name.
        name: PathBuf,
        /// The lines.
        bytes: Bytes,
    },
}

/// The losses of one model that another program computed: opened, with the rows that they are about.
#[derive(Debug)]
pub struct ImportedLosses {
    input: LossInput,
    /// What entries of the file are called.
    noun: &'static str,
    pub(super) model: ImportedModel,
    entries: Entries,
}

/// The loss of one response of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loss {
    /// In nats, over all scored tokens; infinite if the program said so.
    pub(super) nll: f64,
    /// Of each scored token, if the file has them.
    pub(super) per_token: Option<Vec<f32>>,
}

impl LossInput {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Lines { name: path, .. } => path,
        }
    }

    /// The first bytes of a Parquet file.
    fn is_parquet(&self) -> Result<bool, Error> {
        let Self::File(path) = self else { return Ok(false) };
        let mut magic = Vec::new();
        fs_err::File::open(path)?.take(4).read_to_end(&mut magic)?;
        Ok(magic == b"PAR1")
    }

    fn digest(&self) -> Result<Digest, Error> {
        let mut hash = Sha256::new();
        match self {
            Self::File(path) => {
                let (mut file, mut part) = (fs_err::File::open(path)?, vec![0; 1 << 16]);
                loop {
                    match file.read(&mut part)? {
                        0 => break,
                        n => hash.update(&part[..n]),
                    }
                }
            }
            Self::Lines { bytes, .. } => hash.update(bytes),
        }
        Ok(Digest::of_hash(&hash.finalize()))
    }

    /// Some bytes: a line.
    fn bytes(&self, offset: u64, length: usize) -> Result<Bytes, Error> {
        match self {
            Self::File(path) => {
                let mut file = fs_err::File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                let mut line = vec![0; length];
                file.read_exact(&mut line)?;
                Ok(line.into())
            }
            Self::Lines { bytes, .. } => {
                let start = usize::try_from(offset).expect("bytes in memory have places in memory");
                Ok(bytes.slice(start..start + length))
            }
        }
    }
}

impl ImportedLosses {
    /// Reads which rows losses are about, and their sums. `provenance` says who computed them; its place and digest of the
    /// losses are set here.
    ///
    /// The losses are sums in nats over the scored tokens, `nll` or `ROLE_nll`, with their number `n_scored`; or the
    /// log-probability of each token. Rows are named by `row`, their position from 0, or by `key`. Sums of both models can
    /// be in one file.
    ///
    /// # Errors
    /// [`Error::Losses`] if the file is something else, or names a row twice.
    pub fn open(input: LossInput, role: ModelRole, provenance: Provenance) -> Result<Self, Error> {
        let path = input.path();
        let (noun, entries) = match &input {
            LossInput::Lines { bytes, .. } => ("line", json_lines::read(&bytes[..], path, &role)?),
            LossInput::File(path) if input.is_parquet()? => {
                ("record", parquet::read(fs_err::File::open(path)?.into_parts().0, path, &role)?)
            }
            LossInput::File(path) => {
                ("line", json_lines::read(BufReader::new(fs_err::File::open(path)?), path, &role)?)
            }
        };
        if entries.is_empty() {
            return Err(fault::of_file(path, "expected the losses of at least one row, found none"));
        }
        let (losses, sha256) = (path.display().to_string(), input.digest()?.to_string());
        let model = ImportedModel { role, imported: Provenance { losses, sha256, ..provenance } };
        Ok(Self { input, noun, model, entries })
    }

    /// Whether the file has losses of the reference, `reference_nll`, beside those that were asked for.
    pub fn has_reference(&self) -> bool {
        self.entries.has_reference
    }

    /// The losses with the name of their file.
    pub(super) fn path(&self) -> &Path {
        self.input.path()
    }

    /// Whether there is a loss for every token.
    pub(super) fn are_tokens(&self) -> bool {
        self.entries.are_tokens()
    }

    /// The loss of one response of a row; `None` if the file has none.
    ///
    /// # Errors
    /// [`Error::Losses`] if the loss does not fit the tokens of the row.
    pub(super) fn of(
        &mut self,
        row: u64,
        key: &ExampleKey,
        side: Side,
        sequence: &Sequence,
    ) -> Result<Option<Loss>, Error> {
        // An entry of sums about a chosen response can have those of the rejected one too.
        let (entry, is_beside) = match self.take(row, key, side)? {
            Some(entry) => (entry, false),
            None if side == Side::Rejected => match self.take(row, key, Side::Chosen)? {
                Some(entry) => (entry, true),
                None => return Ok(None),
            },
            None => return Ok(None),
        };
        let wrong = |reason: String| self.wrong(entry.number, format!("row {row} (`{key}`): {reason}"));
        let n_tokens = entry.n_tokens.filter(|_| !is_beside);
        if let Some(found) = n_tokens.filter(|found| *found as usize != sequence.n_tokens()) {
            return Err(wrong(format!("expected {} tokens, found {found}", sequence.n_tokens())));
        }
        match entry.losses {
            Losses::Sums { rejected, .. } if is_beside => {
                rejected.map(|sum| of_sum(sum, sequence).map_err(wrong)).transpose()
            }
            Losses::Sums { chosen, .. } => of_sum(chosen, sequence).map(Some).map_err(wrong),
            Losses::Line { .. } if is_beside => Ok(None),
            Losses::Line { offset, length } => {
                let line = self.input.bytes(offset, length)?;
                let losses = Logprobs::read(&line).and_then(|logprobs| logprobs.losses(sequence));
                Ok(Some(Loss::of_tokens(&losses.map_err(wrong)?)))
            }
        }
    }

    /// Passes over the losses of a row that is not scored.
    ///
    /// # Errors
    /// [`Error::Losses`] if they have the key of another row.
    pub(super) fn skip(&mut self, row: u64, key: &ExampleKey) -> Result<(), Error> {
        self.take(row, key, Side::Chosen)?;
        self.take(row, key, Side::Rejected).map(drop)
    }

    /// Refuses losses of rows that the pool does not have, once all of its rows have asked for theirs.
    pub(super) fn check_left_over(&self) -> Result<(), Error> {
        let Some((name, side, number)) = self.entries.left_over() else { return Ok(()) };
        let shown = json_lines::shown(name, side);
        Err(self.wrong(number, format!("expected a row of the pool, found {shown}")))
    }

    /// The entry of a row; it counts as asked for then.
    fn take(&mut self, row: u64, key: &ExampleKey, side: Side) -> Result<Option<Entry>, Error> {
        let entry = self.entries.take(row, key, side).map(Option::<&_>::cloned);
        let entry = entry.map_err(|(one, other)| {
            let (first, second) = (one.min(other), one.max(other));
            let noun = self.noun;
            self.wrong(
                second,
                format!("row {row} is there twice, first in {noun} {first}; its key is `{key}`"),
            )
        })?;
        let found = entry.as_ref().and_then(|entry| Some((entry.number, entry.key.as_ref()?)));
        match found.filter(|(_, found)| *found != key) {
            Some((number, found)) => {
                Err(self.wrong(number, format!("row {row}: expected key `{key}`, found `{found}`")))
            }
            None => Ok(entry),
        }
    }

    fn wrong(&self, number: u64, reason: String) -> Error {
        fault::of_entry(self.path(), self.noun, number, reason)
    }
}

impl Loss {
    /// Losses of tokens in nats, and their sum.
    fn of_tokens(losses: &[f64]) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "tables keep losses of tokens as f32")]
        let per_token = losses.iter().map(|loss| *loss as f32).collect();
        Self { nll: losses.iter().sum(), per_token: Some(per_token) }
    }
}

/// A summed loss, once it is found to be over the scored tokens of the row.
fn of_sum(sum: Sum, sequence: &Sequence) -> Result<Loss, String> {
    let Sum { nll, n_scored } = sum;
    if n_scored as usize != sequence.n_scored() {
        return Err(format!(
            "expected a loss summed over {} scored tokens, found one over {n_scored}",
            sequence.n_scored()
        ));
    }
    if nll.is_nan() {
        return Err("expected a summed loss in nats, found NaN".to_owned());
    }
    if nll < 0.0 {
        return Err(format!(
            "expected a summed loss of at least 0, found {nll}; a loss is minus the log-probability"
        ));
    }
    Ok(Loss { nll, per_token: None })
}
