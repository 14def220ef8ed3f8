//! RDS+ vectors of tiny random checkpoints equal those of transformers.

use lobass_core::{EmbeddingEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use lobass_tests::{assert_close, fixture, read_json};
use serde::Deserialize;

/// f32 against f32.
const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Expected {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    input_ids: Vec<u32>,
    pooled: Vec<f64>,
}

#[test]
fn vectors_of_every_family() {
    let mut n_files = 0;
    for entry in fs_err::read_dir(fixture("embeddings")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let expected: Expected = read_json(&path);
        let checkpoint = Checkpoint::open(fixture("models").join(&name)).unwrap();
        let engine = Engine::new(checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap(), 2);
        // Nothing has to be scored for it.
        let sequences: Vec<_> = expected
            .rows
            .iter()
            .map(|row| {
                Sequence::from_scored_tokens(row.input_ids.clone(), &vec![false; row.input_ids.len()])
                    .unwrap()
            })
            .collect();
        for (row, found) in expected.rows.iter().zip(engine.embeddings(&sequences).unwrap()) {
            assert_eq!(found.len(), engine.dim());
            let found: Vec<f64> = found.into_iter().map(f64::from).collect();
            let what = format!("{name}, {} tokens", row.input_ids.len());
            assert_close(&what, &found, &row.pooled, TOLERANCE);
        }
        n_files += 1;
    }
    assert_eq!(n_files, fs_err::read_dir(fixture("models")).unwrap().count(), "a file for every checkpoint");
}
