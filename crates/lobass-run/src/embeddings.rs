//! Joining the vectors of a model into one matrix on disk.

use std::collections::BTreeMap;
use std::path::Path;

use lobass_core::RowStatus;
use lobass_data::{Duplicates, EncodeOptions};
use lobass_matrix::{Format, Matrix, MatrixWriter, Shape};
use serde::{Deserialize, Serialize};

use crate::commit::TOOL;
use crate::manifest::{InputRecord, ModelKey, TemplateRecord};
use crate::{Error, UnreadRecord, WorkDir};

/// Everything that vectors depend on; stored with them under the key `lobass`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmbeddingManifest {
    /// The version of this format.
    pub version: u32,
    /// The tool that wrote them.
    pub tool: String,
    /// The plan they were made by.
    pub plan: String,
    /// The data, file by file.
    pub inputs: Vec<InputRecord>,
    /// Digest of everything that decides token ids.
    pub tokenizer: String,
    /// The chat template.
    pub template: TemplateRecord,
    /// Mask, maximal length, and the policy for longer rows.
    pub encoding: EncodeOptions,
    /// The policy for repeated rows.
    pub duplicates: Duplicates,
    /// The model.
    pub model: ModelKey,
    /// How hidden states became one vector.
    pub pooling: String,
    /// Whether vectors have length one.
    pub normalized: bool,
    /// Values of a vector.
    pub dim: usize,
    /// Rows of the pool.
    pub n_rows: u64,
    /// Rows that have a vector.
    pub n_present: u64,
    /// Rows that have none, by their status; `non_finite` if the model's vector was not finite, or zero and to be
    /// normalized.
    pub missing: BTreeMap<RowStatus, u64>,
    /// Content of rows that the model does not see, by source; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadRecord>,
    /// Digest of every token id and every vector, before they were normalized or rounded.
    pub digest: String,
}

const VERSION: u32 = 1;
/// RDS+, arXiv 2503.01807.
const POOLING: &str = "position-weighted mean of the hidden states after the last norm (RDS+)";

/// How vectors are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmbeddingOptions {
    /// How values are stored.
    pub format: Format,
    /// Whether vectors are scaled to length one first.
    pub normalize: bool,
}

impl WorkDir {
    /// Joins the vectors of a model into a file, which appears whole or not at all: a row for every row of the pool, in
    /// its order. Rows without a vector are marked. One shard is in memory at a time; they are read twice, since the
    /// file says first what is in it.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if a shard is not done, [`Error::Damaged`] if data is not what was committed,
    /// [`Error::Matrix`] if the file cannot be written, or if a number is too large for the format.
    ///
    /// # Panics
    /// If the pool has more rows than memory has addresses.
    pub fn write_embeddings(
        &self,
        model: &ModelKey,
        dim: usize,
        options: EmbeddingOptions,
        out: &Path,
    ) -> Result<EmbeddingManifest, Error> {
        let mut manifest = self.embedding_manifest(model, dim, options)?;
        self.each_vector(model, options, &mut |found| {
            match found {
                Ok(_) => manifest.n_present += 1,
                Err(status) => *manifest.missing.entry(status).or_default() += 1,
            }
            Ok(())
        })?;
        let json = serde_json::to_string(&manifest).expect("a manifest is plain data");
        let n_rows = usize::try_from(manifest.n_rows).expect("a matrix fits into the address space");
        let mut writer = MatrixWriter::create(out, Shape { n_rows, dim }, options.format, &json)?;
        self.each_vector(model, options, &mut |found| Ok(writer.push(found.ok().as_deref())?))?;
        writer.finish()?;
        Ok(manifest)
    }

    /// Hands the vector of every row over, or the status of one that has none, in the order of the pool.
    fn each_vector(
        &self,
        model: &ModelKey,
        options: EmbeddingOptions,
        take: &mut dyn FnMut(Result<Vec<f32>, RowStatus>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for &shard in &self.plan.shards {
            let mut vectors = self.vectors(model, shard)?.into_iter().peekable();
            for row in self.rows(shard)? {
                let vector = vectors.next_if(|vector| vector.row == row.row).map(|found| found.vector);
                let finite = vector.filter(|vector| vector.iter().all(|value| value.is_finite()));
                let wanted = if options.normalize { finite.and_then(normalized) } else { finite };
                let status = if row.status.is_scored() { RowStatus::NonFinite } else { row.status };
                take(wanted.ok_or(status))?;
            }
        }
        Ok(())
    }

    fn embedding_manifest(
        &self,
        model: &ModelKey,
        dim: usize,
        options: EmbeddingOptions,
    ) -> Result<EmbeddingManifest, Error> {
        let plan = &self.plan;
        Ok(EmbeddingManifest {
            version: VERSION,
            tool: TOOL.to_owned(),
            plan: self.plan_id.clone(),
            inputs: plan.inputs.clone(),
            tokenizer: plan.tokenizer.clone(),
            template: plan.template.clone(),
            encoding: plan.encoding,
            duplicates: plan.duplicates,
            model: model.clone(),
            pooling: POOLING.to_owned(),
            normalized: options.normalize,
            dim,
            n_rows: plan.n_rows(),
            n_present: 0,
            missing: BTreeMap::new(),
            unread: self.unread()?,
            digest: self.vectors_digest(model)?,
        })
    }
}

/// A vector of length one in the same direction, if it has one.
#[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
fn normalized(vector: Vec<f32>) -> Option<Vec<f32>> {
    let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    (norm > 0.0).then(|| vector.into_iter().map(|value| (f64::from(value) / norm) as f32).collect())
}

/// Vectors of a pool on disk, mapped into memory.
#[derive(Debug)]
pub struct EmbeddingFile {
    matrix: Matrix,
    manifest: EmbeddingManifest,
}

impl EmbeddingFile {
    /// Opens a file that [`WorkDir::write_embeddings`] wrote.
    ///
    /// # Errors
    /// [`Error::Matrix`] if it is something else, [`Error::Json`] if its manifest is another one's.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let matrix = Matrix::open(path)?;
        let manifest = serde_json::from_str(matrix.metadata()).map_err(|source| Error::Json {
            path: path.to_owned(),
            expected: "a file of embeddings",
            source,
        })?;
        Ok(Self { matrix, manifest })
    }

    /// The vectors.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The manifest of the vectors.
    pub fn manifest(&self) -> &EmbeddingManifest {
        &self.manifest
    }

    /// Refuses a pool of other data than the vectors are of, such as that of a score table: rows are known by their
    /// place.
    ///
    /// # Errors
    /// [`Error::OtherPool`], naming the first file that differs.
    pub fn check_pool(&self, pool: &[InputRecord]) -> Result<(), Error> {
        let content = |input: &InputRecord| (input.sha256.clone(), input.n_rows);
        let (ours, theirs) = (self.manifest.inputs.as_slice(), pool);
        let differs = |at: &usize| ours.get(*at).map(content) != theirs.get(*at).map(content);
        let Some(at) = (0..ours.len().max(theirs.len())).find(differs) else { return Ok(()) };
        let name = |inputs: &[InputRecord]| match inputs.get(at) {
            Some(input) => format!("`{}` ({} rows, {})", input.path, input.n_rows, &input.sha256[..8]),
            None => "none".to_owned(),
        };
        Err(Error::OtherPool {
            path: self.matrix.path().to_owned(),
            file: at + 1,
            expected: name(theirs),
            found: name(ours),
        })
    }
}
