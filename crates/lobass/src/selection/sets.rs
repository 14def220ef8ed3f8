//! Vectors of the pool, and of what a selection is to be like.

use std::path::Path;

use lobass_run::{EmbeddingFile, InputRecord, ScoreFile};
use lobass_select::diverse::Vectors;
use lobass_select::{Need, Sets, Strategy, Variety};

use crate::error::{Result, bail};
use crate::settings::{Diversity, SetSettings, available_threads};

/// The default of `--out-of`.
const OUT_OF: f64 = 10.0;
/// Rows that a facility location is judged by.
const N_WITNESSES: usize = 4096;

/// The vectors that settings name, in memory.
pub(super) struct VectorSets {
    pool: Vec<f32>,
    dim: usize,
    tasks: Vec<Vec<f32>>,
}

impl VectorSets {
    /// Reads them, if there are any; refuses those of other data or of another model.
    pub(super) fn open(settings: &SetSettings, table: &ScoreFile) -> Result<Option<Self>> {
        let Some((path, pool)) = settings.embeddings.as_ref().zip(open(settings, &table.manifest().inputs)?)
        else {
            return Ok(None);
        };
        let mut tasks = Vec::new();
        for path in &settings.query_embeddings {
            tasks.push(values(&EmbeddingFile::open(path)?, path)?);
        }
        let dim = pool.manifest().dim;
        Ok(Some(Self { pool: values(&pool, path)?, dim, tasks }))
    }

    /// The queries of each task.
    pub(super) fn tasks(&self) -> Vec<Vectors<'_>> {
        self.tasks.iter().map(|task| Vectors::new(task, self.dim)).collect()
    }

    /// How sets are chosen, if they are.
    pub(super) fn sets<'a>(
        &'a self,
        settings: &SetSettings,
        strategy: &dyn Strategy,
        tasks: &'a [Vectors<'a>],
    ) -> Option<Sets<'a>> {
        let out_of = settings.out_of.unwrap_or(OUT_OF);
        let variety = match settings.diversity {
            // Taking turns is a way to choose by queries; other strategies beside it keep their ranks.
            None if settings.round_robin && strategy.info().needs.contains(&Need::Queries) => {
                Variety::RoundRobin { tasks }
            }
            None => return None,
            Some(Diversity::Cosine(bound)) => Variety::CosineBound(bound),
            Some(Diversity::KCenter) => Variety::KCenter { out_of },
            Some(Diversity::FacilityLocation) => {
                Variety::FacilityLocation { out_of, n_witnesses: N_WITNESSES }
            }
        };
        Some(Sets { vectors: self.rows(), variety, threads: available_threads() })
    }

    /// A vector for every row of the pool.
    pub(super) fn rows(&self) -> Vectors<'_> {
        Vectors::new(&self.pool, self.dim)
    }
}

/// Opens the vectors of the pool, if there are any, and checks all files that settings name.
pub(super) fn open(settings: &SetSettings, inputs: &[InputRecord]) -> Result<Option<EmbeddingFile>> {
    let Some(path) = &settings.embeddings else { return Ok(None) };
    let pool = EmbeddingFile::open(path)?;
    pool.check_pool(inputs)?;
    check_present(&pool, path)?;
    for path in &settings.query_embeddings {
        let queries = EmbeddingFile::open(path)?;
        check_alike(&pool, &queries, path)?;
        check_present(&queries, path)?;
    }
    Ok(Some(pool))
}

fn check_present(file: &EmbeddingFile, path: &Path) -> Result<()> {
    if file.matrix().n_present() == 0 {
        bail!(Selection, "embeddings `{}`: expected rows with a vector, found none", path.display());
    }
    Ok(())
}

/// All values, NaN where a row has none.
fn values(file: &EmbeddingFile, path: &Path) -> Result<Vec<f32>> {
    let matrix = file.matrix();
    check_present(file, path)?;
    let (n_rows, dim) = (matrix.shape().n_rows, matrix.shape().dim);
    let mut values = Vec::with_capacity(n_rows * dim);
    for row in 0..n_rows {
        match matrix.row(row) {
            Some(vector) => values.extend_from_slice(&vector),
            None => values.extend(std::iter::repeat_n(f32::NAN, dim)),
        }
    }
    Ok(values)
}

/// Vectors are like each other only if one model made them of the same kind of text.
fn check_alike(pool: &EmbeddingFile, queries: &EmbeddingFile, path: &Path) -> Result<()> {
    let (ours, theirs) = (pool.manifest(), queries.manifest());
    if ours.model.weights_digest != theirs.model.weights_digest || ours.pooling != theirs.pooling {
        bail!(
            Selection,
            "embeddings `{}`: expected vectors of the pool's model `{}`, found those of `{}`",
            path.display(),
            ours.model.path,
            theirs.model.path
        );
    }
    Ok(())
}
