//! From rows to a sealed table and back: pairs, several references, folds, and tables of earlier versions.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod columns;
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow_array::RecordBatch;
use lobass_core::{Detail, DeviceId, Dtype, LossEngine, Nll, Numbers, RowStatus, Sequence, SequenceLoss};
use lobass_run::{
    Error, Folds, HeldOut, ModelKey, ReferenceMode, ReferenceModel, ScoreFile, ScoreTable, Seal, Store,
    WorkDir, fold_of, losses_by_seed, read_table, seed_columns, write_json_lines,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use support::{Linear, Planned, single};

/// A pool in a separate directory, encoded.
struct Bench {
    dir: tempfile::TempDir,
    work: WorkDir,
}

impl Bench {
    fn new(rows: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let planned = Planned::new(dir.path(), rows);
        let work = planned.encoded(Store::local(&dir.path().join("work")).unwrap());
        Self { dir, work }
    }

    /// A model that has scored everything; its losses are those of [`Linear`] with `nats`.
    fn model(&self, role: &str, nats: u32, detail: Detail) -> ModelKey {
        let key =
            ModelKey::new(role.into(), "path", format!("{nats:016x}").into(), Dtype::F32, DeviceId::CPU);
        self.work.score(&key, &Linear::new(nats.into()), detail, &mut |_| ()).unwrap();
        key
    }

    fn reference(&self, role: &str, nats: u32, seed: u64, fold: Option<usize>) -> ReferenceModel {
        ReferenceModel { model: self.model(role, nats, Detail::Sum), seed: Some(seed), fold }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("scores.parquet")
    }

    /// Seals, and reads what was sealed; as JSON lines it is the same.
    fn table(&self, seal: &Seal) -> ScoreTable {
        let report = self.work.seal(seal, &self.out()).unwrap();
        let table = read_table(&self.out()).unwrap();
        assert_eq!(table.manifest, report.manifest);
        let json = self.dir.path().join("scores.jsonl");
        write_json_lines(&table, &json).unwrap();
        assert_eq!(read_table(&json).unwrap(), table);
        columns::same_as_rows(&table, &self.out());
        columns::same_as_rows(&table, &json);
        let regrouped = self.dir.path().join("regrouped.parquet");
        columns::write_in_small_groups(&self.out(), &regrouped);
        columns::same_as_rows(&table, &regrouped);
        table
    }

    fn by_seed(&self) -> Vec<(u64, Numbers)> {
        let file = ScoreFile::open(&self.out()).unwrap();
        let columns = file.columns(&seed_columns(file.manifest()), 0, 2).unwrap();
        losses_by_seed(file.manifest(), &columns)
    }

    fn columns(&self) -> Vec<String> {
        let file = fs_err::File::open(self.out()).unwrap().into_parts().0;
        let mut batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch: RecordBatch = batches.next().unwrap().unwrap();
        let fields = batch.schema();
        fields.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
    }
}

fn pair(n: u32) -> Value {
    json!({"prompt": format!("what is {n}?"), "chosen": format!("it is {n}"), "rejected": "who knows"})
}

const COMMON: [&str; 7] = [
    "row UInt64",
    "key Utf8",
    "status Utf8",
    "reason Utf8",
    "source Utf8",
    "n_tokens UInt32",
    "n_scored UInt32",
];

fn manifest_keys(table: &ScoreTable) -> BTreeSet<String> {
    let json = serde_json::to_value(&table.manifest).unwrap();
    json.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn one_reference_has_the_columns_it_always_had() {
    let bench = Bench::new(&[single(1), single(2)]);
    let seal = Seal::new(
        bench.model("base", 3, Detail::PerToken),
        vec![bench.model("reference", 1, Detail::PerToken).into()],
    );
    let table = bench.table(&Seal { detail: Detail::PerToken, ..seal });
    let losses = ["base_nll Float64", "reference_nll Float64"];
    let ids = ["input_ids List(UInt32)", "scored_runs List(UInt32)"];
    let tokens = ["base_token_nll List(Float32)", "reference_token_nll List(Float32)"];
    assert_eq!(bench.columns(), [&COMMON[..], &losses, &ids, &tokens].concat());
    let (base, reference) = (table.records[1].base.unwrap(), table.records[1].reference.unwrap());
    assert_eq!((base.sum, base.n_scored), (3.0 * reference.sum, u64::from(table.records[1].n_scored)));
    assert!(table.records.iter().all(|r| (r.in_sample, r.fold, r.rejected) == (None, None, None)));
    assert!(table.further.is_empty());
    assert_eq!(table.manifest.mode, Some(ReferenceMode::FullPool));
    assert!(table.manifest.seeds().is_empty());

    let keys = manifest_keys(&table);
    assert!(["folds", "pairs"].iter().all(|key| !keys.contains(*key)), "{keys:?}");
    let alone = bench.table(&Seal::new(bench.model("base", 3, Detail::Sum), Vec::new()));
    assert!(!manifest_keys(&alone).contains("mode"));
    assert_eq!(bench.columns(), [&COMMON[..], &losses[..1]].concat());
}

#[test]
fn pairs_are_scored_on_both_sides_in_one_call() {
    let long = json!({"prompt": "what?", "chosen": "this", "rejected": "that ".repeat(300)});
    let bench = Bench::new(&[pair(1), long, pair(3)]);
    let (sequences, pairs) = (bench.work.sequences().unwrap(), bench.work.pairs().unwrap());
    assert_eq!(pairs.iter().map(|(row, ..)| *row).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(sequences, pairs.iter().map(|(row, chosen, _)| (*row, chosen.clone())).collect::<Vec<_>>());

    let engine = Linear::new(3.0);
    let base = ModelKey::new("base".into(), "path", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);
    bench.work.score(&base, &engine, Detail::Sum, &mut |_| ()).unwrap();
    assert_eq!(*engine.calls.lock().unwrap(), [4], "two of each side");
    bench.work.score(&base, &engine, Detail::Sum, &mut |_| ()).unwrap();
    assert_eq!(engine.calls.lock().unwrap().len(), 1, "and not again");

    let reference = bench.model("reference", 1, Detail::Sum);
    let table = bench.table(&Seal::new(base, vec![reference.into()]));
    let rejected = ["rejected_n_tokens UInt32", "rejected_n_scored UInt32"];
    let sums = ["base_nll", "reference_nll", "base_rejected_nll", "reference_rejected_nll"];
    let sums = sums.map(|name| format!("{name} Float64"));
    let sums: Vec<&str> = sums.iter().map(String::as_str).collect();
    assert_eq!(bench.columns(), [&COMMON[..], &rejected, &sums].concat());
    assert!(table.manifest.pairs);
    for (row, chosen, other) in &pairs {
        let record = &table.records[usize::try_from(*row).unwrap()];
        let found = record.rejected.unwrap();
        assert_eq!((found.n_tokens as usize, found.n_scored as usize), (other.n_tokens(), other.n_scored()));
        assert_eq!(record.base.unwrap().sum, engine.sum(chosen));
        assert_eq!(found.base.unwrap(), Nll { sum: engine.sum(other), n_scored: found.n_scored.into() });
        assert_eq!(found.reference.unwrap().sum, Linear::new(1.0).sum(other));
        assert_ne!(record.base.unwrap().sum, found.base.unwrap().sum);
    }
    let cut = &table.records[1];
    assert_eq!((cut.status, cut.rejected, cut.base), (RowStatus::Overlong, None, None));
    assert!(cut.reason.as_ref().unwrap().starts_with("rejected: "));
    assert_eq!(table.losses("base_rejected").unwrap()[0], table.records[0].rejected.unwrap().base);
}

/// Not finite on the label that this is given.
struct Broken(Option<u32>);

impl LossEngine for Broken {
    type Error = std::convert::Infallible;

    fn vocab_size(&self) -> usize {
        100_000
    }

    fn losses(&self, sequences: &[Sequence], _: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
        let sum = |sequence: &Sequence| {
            let broken = self.0.is_some_and(|id| sequence.scored_labels().any(|label| label == id));
            if broken { f64::NAN } else { 1.0 }
        };
        let nll = |row: &Sequence| Nll { sum: sum(row), n_scored: row.n_scored() as u64 };
        Ok(sequences.iter().map(|row| SequenceLoss { nll: nll(row), per_token: None }).collect())
    }
}

#[test]
fn a_loss_that_is_not_finite_on_either_side_is_no_loss() {
    let rows = [
        json!({"prompt": "what?", "chosen": "aaa", "rejected": "bbb"}),
        json!({"prompt": "what?", "chosen": "ccc", "rejected": "ddd"}),
    ];
    let bench = Bench::new(&rows);
    let first = |side: &Sequence| side.scored_labels().next().unwrap();
    let of_rejected = first(&bench.work.pairs().unwrap()[1].2);
    let base = ModelKey::new("base".into(), "path", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);
    bench.work.score(&base, &Broken(Some(of_rejected)), Detail::Sum, &mut |_| ()).unwrap();
    let table = bench.table(&Seal::new(base, Vec::new()));
    assert_eq!(table.records[0].status, RowStatus::Ok);
    let bad = &table.records[1];
    assert_eq!((bad.status, bad.base), (RowStatus::NonFinite, None));
    assert_eq!(
        (bad.rejected.unwrap().base, bad.reason.as_deref()),
        (None, Some("a model gave a loss of NaN"))
    );
}

#[test]
fn several_seeds_have_a_column_each_and_a_mean() {
    let bench = Bench::new(&[single(1), single(2), json!({"question": "none"})]);
    let seal = Seal {
        further: vec![bench.model("reference_epoch1", 7, Detail::Sum)],
        ..Seal::new(
            bench.model("base", 9, Detail::Sum),
            vec![
                bench.reference("reference_seed4", 1, 4, None),
                bench.reference("reference_seed5", 2, 5, None),
            ],
        )
    };
    let table = bench.table(&seal);
    let losses =
        ["base_nll", "reference_nll", "reference_seed4_nll", "reference_seed5_nll", "reference_epoch1_nll"];
    let losses = losses.map(|name| format!("{name} Float64"));
    let losses: Vec<&str> = losses.iter().map(String::as_str).collect();
    assert_eq!(bench.columns(), [&COMMON[..], &losses].concat());
    for record in &table.records[..2] {
        let at = usize::try_from(record.row).unwrap();
        let unit = record.base.unwrap().sum / 9.0;
        assert_eq!(record.reference.unwrap().sum, 1.5 * unit);
        let further: Vec<f64> = table.further.iter().map(|(_, losses)| losses[at].unwrap().sum).collect();
        assert_eq!(further, [unit, 2.0 * unit, 7.0 * unit]);
        assert_eq!(table.further[0].1[at].unwrap().n_scored, u64::from(record.n_scored));
    }
    assert!(table.further.iter().all(|(_, losses)| losses[2].is_none()));
    assert_eq!(table.manifest.seeds(), [4, 5]);
    let roles: Vec<(String, Option<u64>)> =
        table.manifest.models.iter().map(|one| (one.role().to_string(), one.seed)).collect();
    let seeds: Vec<_> = roles.iter().map(|(role, seed)| (role.as_str(), *seed)).collect();
    assert_eq!(
        seeds,
        [
            ("base", None),
            ("reference_seed4", Some(4)),
            ("reference_seed5", Some(5)),
            ("reference_epoch1", None)
        ]
    );
    let of_seed_5 = table.losses("reference_seed5").unwrap().iter().map(|nll| Some((*nll)?.sum)).collect();
    assert_eq!(bench.by_seed()[1], (5, of_seed_5));

    let error = bench.work.seal(&Seal { detail: Detail::PerToken, ..seal }, &bench.out()).unwrap_err();
    assert!(matches!(&error, Error::Unsealable { reason } if reason.contains("one reference")), "{error}");
}

#[test]
fn cross_fitted_references_count_where_they_have_not_seen_the_row() {
    let rows: Vec<Value> = (0..24).map(|n| single(n % 20)).collect();
    let bench = Bench::new(&rows);
    let folds = Folds { n_folds: 3, seed: 8 };
    // The model of seed s that left fold f out gives 1 + 3s + f.
    let references = (0..2u32).flat_map(|seed| (0..3u32).map(move |fold| (seed, fold)));
    let references = references.map(|(seed, fold)| {
        let role = format!("reference_seed{seed}_fold{fold}");
        bench.reference(&role, 1 + 3 * seed + fold, seed.into(), Some(fold as usize))
    });
    let seal = Seal {
        folds: Some(folds),
        mode: ReferenceMode::CrossFit,
        held_out: HeldOut::of_training(BTreeSet::from([0])),
        ..Seal::new(bench.model("base", 60, Detail::Sum), references.collect())
    };
    let table = bench.table(&seal);
    assert_eq!(
        bench.columns()[7..11],
        ["fold UInt32", "base_nll Float64", "reference_nll Float64", "in_sample_nll Float64"]
    );
    let by_seed = bench.by_seed();
    for ((row, sequence), record) in bench.work.sequences().unwrap().iter().zip(&table.records) {
        let fold = fold_of(sequence, 3, 8);
        assert_eq!((record.row, record.fold), (*row, Some(u32::try_from(fold).unwrap())));
        let unit = record.base.unwrap().sum / 60.0;
        let unseen = (1.0 + fold as f64 + 4.0 + fold as f64) / 2.0;
        let seen = (21.0 - 2.0 * unseen) / 4.0;
        assert!((record.reference.unwrap().sum - unseen * unit).abs() < 1e-9 * unit);
        let in_sample = record.in_sample.map(|nll| nll.sum);
        assert_eq!(in_sample.is_none(), *row == 0, "no reference saw a row that was held out of all");
        assert!(in_sample.is_none_or(|sum| (sum - seen * unit).abs() < 1e-9 * unit));
        let of_seed_1 = by_seed[1].1.get(usize::try_from(*row).unwrap()).unwrap();
        assert!((of_seed_1 - (4.0 + fold as f64) * unit).abs() < 1e-9 * unit);
    }
    let used: BTreeSet<_> = table.records.iter().map(|record| record.fold).collect();
    assert_eq!(used.len(), 3);
    assert_eq!(table.records[20].fold, table.records[0].fold, "the same text, the same fold");
    assert_eq!((table.manifest.mode, table.manifest.folds), (Some(ReferenceMode::CrossFit), Some(folds)));
    assert_eq!(table.manifest.models[6].fold, Some(2));
    assert_eq!(table.records[0].status, RowStatus::HeldOut);
    assert_eq!(table.records[0].reason.as_deref(), Some("held out of the reference's training"));
}

#[test]
fn several_references_of_pairs_have_both_sides() {
    let bench = Bench::new(&[pair(1), pair(2)]);
    let seal = Seal::new(
        bench.model("base", 9, Detail::Sum),
        vec![bench.reference("reference_seed0", 1, 0, None), bench.reference("reference_seed1", 3, 1, None)],
    );
    let table = bench.table(&seal);
    let rejected = table.records[1].rejected.unwrap();
    let unit = rejected.base.unwrap().sum / 9.0;
    assert_eq!(rejected.reference.unwrap(), Nll { sum: 2.0 * unit, n_scored: rejected.n_scored.into() });
    let of_seed = table.losses("reference_seed1_rejected").unwrap()[1].unwrap();
    assert_eq!(of_seed, Nll { sum: 3.0 * unit, n_scored: rejected.n_scored.into() });
    let names: Vec<&str> = table.further.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["reference_seed0", "reference_seed1", "reference_seed0_rejected", "reference_seed1_rejected"]
    );
}

#[test]
fn rows_that_the_reference_was_trained_on_say_so() {
    let bench = Bench::new(&[single(1), single(2)]);
    let seal = Seal {
        mode: ReferenceMode::Holdout,
        held_out: HeldOut::to_train(BTreeSet::from([1])),
        ..Seal::new(bench.model("base", 2, Detail::Sum), vec![bench.reference("reference", 1, 17, None)])
    };
    let table = bench.table(&seal);
    assert_eq!(table.records[0].status, RowStatus::Ok);
    assert_eq!(table.records[1].status, RowStatus::HeldOut);
    assert_eq!(table.records[1].reason.as_deref(), Some("set aside to train the reference"));
    assert!(table.records[1].reference.is_some());
    assert_eq!((table.manifest.mode, table.manifest.seeds()), (Some(ReferenceMode::Holdout), vec![17]));
}

#[test]
fn a_table_of_an_earlier_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("old.jsonl");
    fs_err::write(&path, include_str!("old-table.jsonl")).unwrap();
    let table = read_table(&path).unwrap();
    let model = &table.manifest.models[1];
    assert_eq!((model.role().to_string().as_str(), model.seed, model.fold), ("reference", None, None));
    assert_eq!((table.manifest.mode, table.manifest.folds, table.manifest.pairs), (None, None, false));
    assert_eq!(table.records[0].base, Some(Nll { sum: 6.5, n_scored: 2 }));
    assert_eq!(table.records[0].reference, Some(Nll { sum: 1.25, n_scored: 2 }));
    assert_eq!((table.records[1].status, table.records[1].base), (RowStatus::Malformed, None));

    // It is written as it was.
    let again = dir.path().join("again.jsonl");
    write_json_lines(&table, &again).unwrap();
    assert_eq!(fs_err::read_to_string(again).unwrap(), include_str!("old-table.jsonl"));
}

#[test]
fn models_that_compute_the_same_are_said_to() {
    let bench = Bench::new(&[single(1), single(2)]);
    let base = bench.model("base", 3, Detail::Sum);
    let agree = |reference: ModelKey| {
        let seal = Seal::new(base.clone(), vec![reference.into()]);
        bench.work.seal(&seal, &bench.out()).unwrap().models_agree
    };
    let other_name =
        ModelKey::new("reference".into(), "path", "ffffffffffffffff".into(), Dtype::F32, DeviceId::CPU);
    bench.work.score(&other_name, &Linear::new(3.0), Detail::Sum, &mut |_| ()).unwrap();
    assert!(agree(other_name));
    assert!(!agree(bench.model("reference", 1, Detail::Sum)));
    let alone = bench.work.seal(&Seal::new(base.clone(), Vec::new()), &bench.out()).unwrap();
    assert!(!alone.models_agree, "one model has nothing to agree with");
}
