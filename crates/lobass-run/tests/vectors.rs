//! Vectors as units: beside losses or alone, the same, and computed once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use lobass_core::{Detail, DeviceId, Dtype, EmbeddingEngine, LossEngine, RowStatus, Sequence, SequenceLoss};
use lobass_run::{EmbeddingFile, EmbeddingOptions, Error, ModelKey, Seal, Store, read_table};
use serde_json::json;

use support::{Linear, Planned, single};

/// Vectors that can be computed by hand: the number of tokens, and the last of them. A long one has none.
struct Counting(Linear);

impl Counting {
    fn vector(sequence: &Sequence) -> Vec<f32> {
        let last = f32::from(u16::try_from(*sequence.input_ids().last().unwrap()).unwrap());
        let length = f32::from(u16::try_from(sequence.n_tokens()).unwrap());
        if length > 60.0 { vec![f32::NAN, last] } else { vec![length, last] }
    }

    fn n_asked(&self) -> usize {
        self.0.calls.lock().unwrap().iter().sum()
    }
}

impl LossEngine for Counting {
    type Error = std::convert::Infallible;

    fn vocab_size(&self) -> usize {
        self.0.vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
        self.0.losses(sequences, detail)
    }
}

impl EmbeddingEngine for Counting {
    fn dim(&self) -> usize {
        2
    }

    fn embeddings(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Self::Error> {
        self.0.calls.lock().unwrap().push(sequences.len());
        Ok(sequences.iter().map(Self::vector).collect())
    }

    fn losses_and_embeddings(
        &self,
        sequences: &[Sequence],
        detail: Detail,
    ) -> Result<Vec<(SequenceLoss, Vec<f32>)>, Self::Error> {
        Ok(self.losses(sequences, detail)?.into_iter().zip(sequences.iter().map(Self::vector)).collect())
    }
}

fn key() -> ModelKey {
    ModelKey::new("base".into(), "somewhere", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU)
}

#[test]
fn both_are_one_pass_and_nothing_is_done_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows: Vec<_> = (0..600).map(single).collect();
    rows[7] = json!({"question": "Much?", "answer": "more ".repeat(20)});
    rows[8] = json!({"question": "Too much?", "answer": "more ".repeat(400)});
    let planned = Planned::new(dir.path(), &rows);
    let work = planned.encoded(Store::local(&dir.path().join("work")).unwrap());
    let engine = Counting(Linear::new(3.0));
    let out = |name: &str| dir.path().join(name);
    let options = EmbeddingOptions::default();
    let early = work.write_embeddings(&key(), 2, options, &out("early")).unwrap_err();
    assert!(matches!(early, Error::Unfinished { .. }) && !out("early").exists());

    let mut last = 0;
    work.embed(&key(), &engine, Some(Detail::Sum), &mut |progress| last = progress.rows_done).unwrap();
    assert_eq!((last, engine.n_asked()), (600, 599), "the row that is too long has no sequence");
    assert!(work.is_scored(&key(), Detail::Sum).unwrap() && work.is_embedded(&key()).unwrap());
    work.embed(&key(), &engine, Some(Detail::Sum), &mut |_| ()).unwrap();
    work.embed(&key(), &engine, None, &mut |_| ()).unwrap();
    work.score(&key(), &engine, Detail::Sum, &mut |_| ()).unwrap();
    assert_eq!(engine.n_asked(), 599);

    let manifest = work.write_embeddings(&key(), 2, options, &out("both")).unwrap();
    assert_eq!(manifest.n_present, 598);
    assert_eq!(
        manifest.missing.into_iter().collect::<Vec<_>>(),
        [(RowStatus::Overlong, 1), (RowStatus::NonFinite, 1)]
    );
    let file = EmbeddingFile::open(&out("both")).unwrap();
    let sequences = work.sequences().unwrap();
    for (row, sequence) in &sequences {
        let expected = Some(Counting::vector(sequence)).filter(|vector| vector[0].is_finite());
        let found = file.matrix().row(usize::try_from(*row).unwrap()).map(std::borrow::Cow::into_owned);
        assert_eq!(found, expected, "row {row}");
    }

    // Vectors first, losses later: the same files.
    let other = planned.encoded(Store::local(&dir.path().join("other")).unwrap());
    other.embed(&key(), &engine, None, &mut |_| ()).unwrap();
    assert!(!other.is_scored(&key(), Detail::Sum).unwrap());
    other.embed(&key(), &engine, Some(Detail::Sum), &mut |_| ()).unwrap();
    assert_eq!(engine.n_asked(), 3 * 599, "vectors once, losses once");
    other.write_embeddings(&key(), 2, options, &out("later")).unwrap();
    assert_eq!(fs_err::read(out("both")).unwrap(), fs_err::read(out("later")).unwrap());
    for (work, name) in [(&work, "one"), (&other, "two")] {
        work.seal(&Seal::new(key(), Vec::new()), &out(name)).unwrap();
    }
    let table = read_table(&out("one")).unwrap();
    assert_eq!(table.manifest.digest, read_table(&out("two")).unwrap().manifest.digest);
    assert_eq!(table.records[0].base.map(|nll| nll.sum), Some(engine.0.sum(&sequences[0].1)));
    file.check_pool(&table.manifest.inputs).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    let less = Planned::new(elsewhere.path(), &rows[..599]);
    let mut manifest = table.manifest;
    manifest.inputs.clone_from(&less.plan.inputs);
    let error = file.check_pool(&manifest.inputs).unwrap_err().to_string();
    assert!(
        error.contains("data file 1") && error.contains("599 rows") && error.contains("600 rows"),
        "{error}"
    );
}
