//! The file of samples: a row for each sample, with its tokens, its text, and its losses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use lobass_core::{ExampleKey, Nll, Sample, SampleEnd};
use lobass_data::EncodeOptions;
use lobass_files::WholeFile;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use serde::{Deserialize, Serialize};

use crate::columns::{Reader, batch, properties};
use crate::commit::TOOL;
use crate::drawn::{end_of, end_word, id_lists};
use crate::manifest::{InputRecord, ModelKey, TemplateRecord, sum_column};
use crate::{DrawnBy, Error, WorkDir};

/// Samples, and the further models that they have losses under.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSet {
    /// What they are drawn by.
    pub by: DrawnBy,
    /// Further models, each in a role that names its column.
    pub under: Vec<ModelKey>,
}

/// Everything that samples depend on; stored with them under the key `lobass`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleManifest {
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
    /// The model that drew, and how.
    pub drawn_by: DrawnBy,
    /// Further models with a column of losses.
    pub models: Vec<ModelKey>,
    /// Rows with samples.
    pub n_rows: u64,
    /// Samples.
    pub n_samples: u64,
    /// Samples that ended by themselves.
    pub n_finished: u64,
    /// Samples that ended because the model gave a number that is not finite.
    #[serde(default)]
    pub n_not_finite: u64,
    /// Tokens of all samples.
    pub n_tokens: u64,
    /// Digest of every token id and every loss.
    pub digest: String,
}

const VERSION: u32 = 1;
const KEY: &str = "lobass";

/// One sample with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRow {
    /// The position of the row in the pool.
    pub row: u64,
    /// The row's name.
    pub key: ExampleKey,
    /// The number of the sample.
    pub number: u32,
    /// Its tokens, its end, and its loss under the model that drew it.
    pub sample: Sample,
    /// Its text, without special tokens.
    pub text: String,
    /// Its losses under the further models, in nats.
    pub further: Vec<f64>,
}

impl WorkDir {
    /// Joins samples into a file, which appears whole or not at all. `text` makes text of tokens.
    ///
    /// # Errors
    /// [`Error::Unfinished`] if a shard is not done, [`Error::Damaged`] if data is not what was committed.
    ///
    /// # Panics
    /// If a sample is of a row that its shard does not have.
    pub fn write_samples(
        &self,
        set: &SampleSet,
        text: &dyn Fn(&[u32]) -> String,
        out: &Path,
    ) -> Result<SampleManifest, Error> {
        let mut manifest = self.sample_manifest(set)?;
        let fail = |source| Error::Parquet { path: out.to_owned(), source };
        let names: Vec<String> = set.under.iter().map(|model| sum_column(&model.role.to_string())).collect();
        let schema = columns(&names, &[]).schema();
        let file = WholeFile::create(out)?;
        let mut writer = ArrowWriter::try_new(file, schema, Some(properties().build())).map_err(fail)?;
        for &shard in &self.plan.shards {
            let rows = self.sample_rows(set, shard, text)?;
            for row in &rows {
                manifest.n_samples += 1;
                manifest.n_finished += u64::from(row.sample.is_finished());
                manifest.n_not_finite += u64::from(row.sample.end == SampleEnd::NotFinite);
                manifest.n_tokens += row.sample.ids.len() as u64;
            }
            manifest.n_rows += rows.iter().filter(|row| row.number == 0).count() as u64;
            writer.write(&columns(&names, &rows)).map_err(fail)?;
        }
        let json = serde_json::to_string(&manifest).expect("a manifest is plain data");
        writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), json));
        writer.into_inner().map_err(fail)?.finish()?;
        Ok(manifest)
    }

    fn sample_rows(
        &self,
        set: &SampleSet,
        shard: crate::Shard,
        text: &dyn Fn(&[u32]) -> String,
    ) -> Result<Vec<SampleRow>, Error> {
        let further: Vec<_> = set
            .under
            .iter()
            .map(|model| self.sample_losses(&set.by, model, shard))
            .collect::<Result<_, _>>()?;
        let mut keys = self.names_of(shard)?.into_iter();
        let mut rows: Vec<SampleRow> = Vec::new();
        for drawn in self.samples(&set.by, shard)? {
            let name = keys.find(|name| name.row == drawn.row).expect("samples are of rows of the shard");
            for (sample, number) in drawn.samples.into_iter().zip(0..) {
                let at = rows.len();
                rows.push(SampleRow {
                    row: drawn.row,
                    key: name.key.clone(),
                    number,
                    text: text(&sample.ids),
                    sample,
                    further: further.iter().map(|losses| losses[at].nll).collect(),
                });
            }
        }
        Ok(rows)
    }

    fn sample_manifest(&self, set: &SampleSet) -> Result<SampleManifest, Error> {
        let plan = &self.plan;
        Ok(SampleManifest {
            version: VERSION,
            tool: TOOL.to_owned(),
            plan: self.plan_id.clone(),
            inputs: plan.inputs.clone(),
            tokenizer: plan.tokenizer.clone(),
            template: plan.template.clone(),
            encoding: plan.encoding,
            drawn_by: set.by.clone(),
            models: set.under.clone(),
            n_rows: 0,
            n_samples: 0,
            n_finished: 0,
            n_not_finite: 0,
            n_tokens: 0,
            digest: self.samples_digest(&set.by, &set.under)?,
        })
    }
}

fn columns(names: &[String], rows: &[SampleRow]) -> RecordBatch {
    let texts = |value: &dyn Fn(&SampleRow) -> String| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(value(row))).collect::<StringArray>())
    };
    let numbers = |value: &dyn Fn(&SampleRow) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(value(row))).collect::<Float64Array>())
    };
    let finished: ArrayRef =
        Arc::new(rows.iter().map(|row| Some(row.sample.is_finished())).collect::<BooleanArray>());
    let mut columns = vec![
        ("row", false, Arc::new(rows.iter().map(|row| Some(row.row)).collect::<UInt64Array>()) as ArrayRef),
        ("key", false, texts(&|row| row.key.to_string())),
        ("sample", false, Arc::new(rows.iter().map(|row| Some(row.number)).collect::<UInt32Array>())),
        ("ids", false, id_lists(rows.iter().map(|row| row.sample.ids.as_slice()))),
        ("text", false, texts(&|row| row.text.clone())),
        ("finished", false, finished),
        ("end", false, texts(&|row| end_word(row.sample.end).to_owned())),
        ("nll", false, numbers(&|row| row.sample.nll.sum)),
    ];
    for (at, name) in names.iter().enumerate() {
        columns.push((name, false, numbers(&|row| row.further[at])));
    }
    batch(columns)
}

/// Samples on disk.
#[derive(Debug)]
pub struct SampleFile {
    path: PathBuf,
    manifest: SampleManifest,
}

impl SampleFile {
    /// Opens a file that [`WorkDir::write_samples`] wrote.
    ///
    /// # Errors
    /// [`Error::NotATable`] if it is something else.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let not_ours = |reason: String| Error::NotATable { path: path.to_owned(), reason };
        let json = Reader::open(path)?.metadata(KEY);
        let json = json.ok_or_else(|| not_ours("expected samples of `lobass generate`".to_owned()))?;
        let manifest: SampleManifest = serde_json::from_str(&json)
            .map_err(|error| not_ours(format!("expected samples of `lobass generate`: {error}")))?;
        if manifest.version != VERSION {
            let found = manifest.version;
            return Err(not_ours(format!("expected version {VERSION} of samples, found {found}")));
        }
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// The manifest of the samples.
    pub fn manifest(&self) -> &SampleManifest {
        &self.manifest
    }

    /// Hands every sample over, in the order of rows and numbers.
    ///
    /// # Errors
    /// If the file cannot be read, or `take` fails.
    pub fn each(&self, take: &mut dyn FnMut(SampleRow) -> Result<(), Error>) -> Result<(), Error> {
        let models = &self.manifest.models;
        let names: Vec<String> = models.iter().map(|model| sum_column(&model.role.to_string())).collect();
        for columns in Reader::open(&self.path)?.batches()? {
            let columns = columns?;
            let (rows, numbers) = (columns.u64s("row")?, columns.u32s("sample")?);
            let (keys, texts) = (columns.texts("key")?, columns.texts("text")?);
            let (ends, nlls) = (columns.texts("end")?, columns.f64s("nll")?);
            let further: Vec<Vec<Option<f64>>> =
                names.iter().map(|name| columns.f64s(name)).collect::<Result<_, _>>()?;
            for (at, ids) in columns.u32_lists("ids")?.into_iter().enumerate() {
                let end = end_of(ends[at].unwrap_or_default());
                let end = end.map_err(|reason| Error::Damaged { path: self.path.clone(), reason })?;
                let nll = Nll { sum: nlls[at].unwrap_or(f64::NAN), n_scored: ids.len() as u64 };
                take(SampleRow {
                    row: rows[at],
                    key: ExampleKey::new(keys[at].unwrap_or_default()),
                    number: numbers[at],
                    sample: Sample { ids, end, nll },
                    text: texts[at].unwrap_or_default().to_owned(),
                    further: further.iter().map(|column| column[at].unwrap_or(f64::NAN)).collect(),
                })?;
            }
        }
        Ok(())
    }
}
