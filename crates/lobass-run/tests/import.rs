//! Tables of losses that another program computed: what is read, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[expect(dead_code, reason = "nothing is scored here")]
mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use lobass_core::{Detail, ModelRole, RowStatus};
use lobass_run::{Error, ImportRequest, ImportedLosses, LossInput, Provenance, ScoreTable, read_table};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use support::{Planned, single};

/// A pool, and losses beside it.
struct Case {
    dir: tempfile::TempDir,
    planned: Planned,
}

impl Case {
    fn new(rows: &[Value]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let planned = Planned::new(dir.path(), rows);
        Self { dir, planned }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes losses as JSON lines.
    fn lines(&self, name: &str, lines: &[Value]) -> PathBuf {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs_err::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn import(&self, base: &Path, reference: Option<&Path>, detail: Detail) -> Result<ScoreTable, Error> {
        let open =
            |path: &Path, role| ImportedLosses::open(LossInput::File(path.to_owned()), role, provenance());
        let request = ImportRequest {
            pool: &self.planned.pool,
            encoder: &self.planned.encoder,
            plan: &self.planned.plan,
            base: open(base, ModelRole::Base)?,
            reference: reference.map(|path| open(path, ModelRole::REFERENCE)).transpose()?,
            detail,
            threads: 2,
        };
        let out = self.path("scores.parquet");
        request.write(&out, &mut || true, &mut |_| ())?;
        read_table(&out)
    }

    /// Imports sums under a base, which are refused, and gives the error.
    #[track_caller]
    fn refused(&self, lines: &[Value], words: &[&str]) {
        let losses = self.lines("bad.jsonl", lines);
        self.refused_file(&losses, words);
    }

    #[track_caller]
    fn refused_file(&self, losses: &Path, words: &[&str]) {
        let error = self.import(losses, None, Detail::Sum).unwrap_err();
        assert!(matches!(error, Error::Losses { .. }), "{error:?}");
        for word in words {
            assert!(error.to_string().contains(word), "expected `{word}` in: {error}");
        }
        assert!(!self.path("scores.parquet").exists(), "there is no table");
    }

    /// The number of scored tokens of each row.
    fn n_scored(&self) -> Vec<u64> {
        let scored = |row: lobass_data::PoolRow| self.planned.encoder.encode(&row.example.ok()?).sequence;
        let rows = self.planned.pool.rows().map(|row| scored(row.unwrap()));
        rows.map(|sequence| sequence.map_or(0, |sequence| sequence.n_scored() as u64)).collect()
    }
}

fn provenance() -> Provenance {
    Provenance {
        program: "a test".to_owned(),
        version: Some("1.2".to_owned()),
        model: "org/name".to_owned(),
        dtype: None,
        losses: String::new(),
        sha256: String::new(),
    }
}

fn three() -> Case {
    Case::new(&[single(1), single(22), single(333)])
}

#[test]
fn sums_by_row_or_key_in_any_order() {
    let case =
        Case::new(&[single(1), json!({"id": "mine", "question": "why?", "answer": "so"}), single(333)]);
    let n = case.n_scored();
    let lines = [
        json!({"key": "mine", "base_nll": 2.5, "reference_nll": 1.5, "n_scored": n[1]}),
        json!({"row": 2, "base_nll": 3.5, "reference_nll": null, "n_scored": n[2]}),
        json!({"row": 0, "base_nll": 1.25, "reference_nll": 0.5, "n_scored": n[0], "note": "unread"}),
    ];
    let losses = case.lines("both.jsonl", &lines);
    let table = case.import(&losses, Some(&losses), Detail::Sum).unwrap();
    let sums: Vec<_> = table
        .records
        .iter()
        .map(|row| (row.base.map(|nll| nll.sum), row.reference.map(|nll| nll.sum)))
        .collect();
    assert_eq!(sums, [(Some(1.25), Some(0.5)), (Some(2.5), Some(1.5)), (None, None)]);
    let statuses: Vec<_> = table.records.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [RowStatus::Ok, RowStatus::Ok, RowStatus::NoLoss]);
    assert!(
        table.records[2].reason.as_ref().unwrap().ends_with("has no loss of it"),
        "{:?}",
        table.records[2].reason
    );
    assert_eq!(table.manifest.counts[&RowStatus::NoLoss], 1);
    let models = &table.manifest.models;
    assert_eq!(
        models.iter().map(|model| model.role().to_string()).collect::<Vec<_>>(),
        ["base", "reference"]
    );
    for model in models {
        let imported = model.imported().unwrap();
        assert_eq!((imported.program.as_str(), imported.version.as_deref()), ("a test", Some("1.2")));
        assert_eq!((imported.losses.as_str(), imported.sha256.len()), (losses.to_str().unwrap(), 64));
        assert!(model.key().is_none(), "nothing says that lobass ran a model");
    }
}

#[test]
fn parquet_has_the_same_sums() {
    let case = three();
    let n: Vec<i64> = case.n_scored().into_iter().map(|n| i64::try_from(n).unwrap()).collect();
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
        let file = fs_err::File::create(case.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        case.path(name)
    };
    let numbers = |values: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(values.to_vec())) };
    let sums: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.5), None, Some(1.0)]));
    let good = write(
        "sums.parquet",
        vec![("row", numbers(&[2, 1, 0])), ("nll", sums.clone()), ("n_scored", numbers(&[n[2], n[1], n[0]]))],
    );
    let table = case.import(&good, None, Detail::Sum).unwrap();
    let found: Vec<_> = table.records.iter().map(|row| row.base.map(|nll| nll.sum)).collect();
    assert_eq!(found, [Some(1.0), None, Some(2.5)]);
    assert_eq!(table.records[1].status, RowStatus::NoLoss);
    fs_err::remove_file(case.path("scores.parquet")).unwrap();

    let rows = || ("row", numbers(&[0, 1, 2]));
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a"]));
    let counts = || ("n_scored", numbers(&n));
    case.refused_file(
        &write("a.parquet", vec![rows(), counts()]),
        &["expected column `base_nll` or `nll`, found neither"],
    );
    case.refused_file(
        &write("b.parquet", vec![("nll", sums.clone()), counts()]),
        &["expected column `row` or `key`"],
    );
    case.refused_file(
        &write("c.parquet", vec![rows(), ("nll", sums.clone())]),
        &["expected column `n_scored`"],
    );
    case.refused_file(
        &write("d.parquet", vec![rows(), ("nll", numbers(&n)), counts()]),
        &["`nll`: expected floating-point"],
    );
    let nan: ArrayRef = Arc::new(Float32Array::from(vec![1.0, f32::NAN, 1.0]));
    case.refused_file(
        &write("e.parquet", vec![rows(), ("nll", nan), counts()]),
        &["record 2", "row 1", "found NaN"],
    );
    let all: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 1.0, 1.0]));
    case.refused_file(
        &write("f.parquet", vec![("key", keys), ("nll", all.clone()), counts()]),
        &["record 3: key `a` is there twice, first in record 1"],
    );
    let below = ("row", numbers(&[0, -1, 2]));
    case.refused_file(
        &write("g.parquet", vec![below, ("nll", all), counts()]),
        &["`row`: expected numbers from 0"],
    );
    let infinite: ArrayRef = Arc::new(Float64Array::from(vec![1.0, f64::INFINITY, 1.0]));
    let table = case
        .import(&write("h.parquet", vec![rows(), ("nll", infinite), counts()]), None, Detail::Sum)
        .unwrap();
    assert_eq!((table.records[1].status, table.records[1].base), (RowStatus::NonFinite, None));
}

#[test]
fn what_does_not_fit_is_refused() {
    let case = three();
    let n = case.n_scored();
    let good = |row: usize| json!({"row": row, "nll": 1.0, "n_scored": n[row]});
    case.refused(&[], &["bad.jsonl", "expected the losses of at least one row"]);
    case.refused(
        &[good(0), json!({"nll": 1.0, "n_scored": 2})],
        &["line 2: expected `row` or `key`, found neither"],
    );
    case.refused(&[good(0), good(1), good(0)], &["line 3: row 0 is there twice, first in line 1"]);
    case.refused(
        &[good(0), json!({"row": 3, "nll": 1.0, "n_scored": 2})],
        &["line 2: expected a row of the pool, found row 3"],
    );
    case.refused(&[json!({"key": "who?", "nll": 1.0, "n_scored": 2})], &["line 1", "found key `who?`"]);
    case.refused(
        &[json!({"row": 1, "key": "who?", "nll": 1.0, "n_scored": n[1]})],
        &["row 1: expected key `", "found `who?`"],
    );
    case.refused(&[json!({"row": 1, "nll": 1.0})], &["expected `n_scored`"]);
    case.refused(
        &[json!({"row": 1, "n_tokens": 4})],
        &["expected `base_nll` or `nll`, or `prompt_logprobs`"],
    );
    case.refused(
        &[json!({"row": 1, "nll": -1.0, "n_scored": n[1]})],
        &["expected a summed loss of at least 0, found -1"],
    );
    case.refused(
        &[json!({"row": 1, "nll": 1.0, "n_scored": n[1] + 1})],
        &["row 1 (`", &format!("summed over {} scored tokens, found one over {}", n[1], n[1] + 1)],
    );
    case.refused(&[json!({"row": 1, "nll": 1.0, "n_scored": n[1], "n_tokens": 2})], &["tokens, found 2"]);
    case.refused(&[json!({"row": 1, "nll": 1.0, "n_scored": n[1], "logprobs": [null]})], &["found both"]);
    case.refused(
        &[json!({"row": 1, "input_ids": [1, 2], "logprobs": [null, -1.0]})],
        &["row 1", "token 0: expected id", "found 1"],
    );
    fs_err::write(case.path("nan.jsonl"), "{\"row\": 0, \"nll\": NaN, \"n_scored\": 2}\n").unwrap();
    case.refused_file(&case.path("nan.jsonl"), &["line 1: expected finite numbers, found `NaN`"]);
    fs_err::write(case.path("not.jsonl"), "row 0 1.5\n").unwrap();
    case.refused_file(&case.path("not.jsonl"), &["line 1: expected"]);
}

#[test]
fn a_row_and_its_key_are_one_row() {
    let case = Case::new(&[json!({"id": "mine", "question": "why?", "answer": "so"})]);
    let n = case.n_scored();
    let lines = [
        json!({"row": 0, "nll": 1.0, "n_scored": n[0]}),
        json!({"key": "mine", "nll": 1.0, "n_scored": n[0]}),
    ];
    case.refused(&lines, &["line 2: row 0 is there twice, first in line 1; its key is `mine`"]);
}

#[test]
fn rows_that_lobass_does_not_score_keep_their_status() {
    let case = Case::new(&[single(1), json!({"question": "and?", "answer": ""})]);
    let n = case.n_scored();
    let lines =
        [json!({"row": 0, "nll": 1.0, "n_scored": n[0]}), json!({"row": 1, "nll": 1.0, "n_scored": 3})];
    let table = case.import(&case.lines("l.jsonl", &lines), None, Detail::Sum).unwrap();
    assert_eq!((table.records[1].status, table.records[1].base), (RowStatus::EmptyResponse, None));
}

#[test]
fn both_responses_of_a_pair() {
    let pair = |n: u32| json!({"prompt": format!("{n}?"), "chosen": format!("yes {n}"), "rejected": "no"});
    let case = Case::new(&[pair(1), pair(22), pair(333)]);
    let encoded: Vec<_> = case
        .planned
        .pool
        .rows()
        .map(|row| case.planned.encoder.encode(&row.unwrap().example.unwrap()))
        .collect();
    let [chosen, rejected] = [
        |row: &lobass_data::Encoded| row.sequence.clone().unwrap(),
        |row: &lobass_data::Encoded| row.rejected.clone().unwrap(),
    ]
    .map(|side| encoded.iter().map(side).collect::<Vec<_>>());
    let lines = [
        json!({
            "row": 0, "nll": 4.0, "n_scored": chosen[0].n_scored(),
            "rejected_nll": 6.0, "rejected_n_scored": rejected[0].n_scored(),
        }),
        json!({"row": 1, "side": "rejected", "nll": 7.0, "n_scored": rejected[1].n_scored()}),
        json!({"row": 1, "side": "chosen", "nll": 5.0, "n_scored": chosen[1].n_scored()}),
        json!({"row": 2, "nll": 5.0, "n_scored": chosen[2].n_scored()}),
    ];
    let table = case.import(&case.lines("pairs.jsonl", &lines), None, Detail::Sum).unwrap();
    let sums = |at: usize| {
        let record = &table.records[at];
        Some((record.base?.sum, record.rejected?.base?.sum))
    };
    assert_eq!([sums(0), sums(1), sums(2)], [Some((4.0, 6.0)), Some((5.0, 7.0)), None]);
    let reason = table.records[2].reason.as_deref().unwrap();
    assert!(reason.ends_with("has no loss of its rejected response"), "{reason}");
    assert!(table.manifest.pairs);
}

#[test]
fn losses_of_tokens_are_kept_where_they_are_known() {
    let case = three();
    let sequences: Vec<_> = case
        .planned
        .pool
        .rows()
        .map(|row| case.planned.encoder.encode(&row.unwrap().example.unwrap()).sequence.unwrap())
        .collect();
    let line = |row: usize, nats: f64| {
        let n = sequences[row].n_tokens();
        let logprobs: Vec<Option<f64>> = (0..n).map(|at| (at > 0).then_some(-nats)).collect();
        json!({"row": row, "input_ids": sequences[row].input_ids(), "logprobs": logprobs})
    };
    let base = case.lines("base.jsonl", &[line(0, 2.0), line(1, 2.0), line(2, 2.0)]);
    let reference = case.lines("reference.jsonl", &[line(2, 1.5), line(1, 1.5), line(0, 1.5)]);
    let table = case.import(&base, Some(&reference), Detail::PerToken).unwrap();
    assert!(table.manifest.per_token);
    let file = lobass_run::ScoreFile::open(&case.path("scores.parquet")).unwrap();
    let tokens = file.token_losses_of(&[0, 1, 2], &["base", "reference"], 2).unwrap();
    for (row, tokens) in tokens.into_iter().enumerate() {
        let n = sequences[row].n_scored();
        assert_eq!(tokens.unwrap(), [vec![2.0; n], vec![1.5; n]]);
        assert_eq!(table.records[row].base.unwrap().sum, 2.0 * n as f64);
    }
    fs_err::remove_file(case.path("scores.parquet")).unwrap();
    let sums =
        case.lines("sums.jsonl", &[json!({"row": 0, "nll": 1.0, "n_scored": sequences[0].n_scored()})]);
    let error = case.import(&sums, Some(&reference), Detail::PerToken).unwrap_err().to_string();
    assert!(
        error.contains("sums.jsonl")
            && error.contains("expected the log-probability of each token, found sums"),
        "{error}"
    );
}

#[test]
fn the_digest_depends_on_tokens_and_losses_alone() {
    let case = three();
    let n = case.n_scored();
    let line = |row: usize, nll: f64| json!({"row": row, "nll": nll, "n_scored": n[row]});
    let digest = |name: &str, lines: &[Value]| {
        let losses = case.lines(name, lines);
        case.import(&losses, None, Detail::Sum).unwrap().manifest.digest.unwrap()
    };
    let one = digest("one.jsonl", &[line(0, 1.0), line(1, 2.0), line(2, 3.0)]);
    assert_eq!(digest("other.jsonl", &[line(2, 3.0), line(1, 2.0), line(0, 1.0)]), one);
    assert_ne!(digest("third.jsonl", &[line(0, 1.0), line(1, 2.0), line(2, 4.0)]), one);
}
