//! Rows in memory are scored and selected as the same rows in a file.

use lobass::settings::{DataSettings, SelectSettings};
use lobass::{Budget, Model, Runtime, ScoreOptions, Scored};
use lobass_core::RowStatus;
use serde_json::{Value, json};

use crate::support::shipped;

fn scored(rows: &impl lobass::Rows, options: &ScoreOptions) -> Scored {
    let (shipped, runtime) = (shipped(), Runtime::default());
    let base = Model::open(&shipped.base, &runtime).unwrap();
    let tuned = base.tuned(&shipped.tuned, &runtime).unwrap();
    lobass::score(rows, &base, Some(&tuned), options, &runtime).unwrap()
}

#[test]
fn memory_and_files_have_the_same_bits() {
    let rows = &shipped().rows;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.jsonl");
    let lines: Vec<String> = rows.iter().map(|row| json!(row).to_string() + "\n").collect();
    fs_err::write(&path, lines.concat()).unwrap();
    let data = DataSettings { files: vec![path.display().to_string()], ..DataSettings::default() };
    let pool = lobass::sequences::open_pool(&data, &Runtime::default()).unwrap();

    let options = ScoreOptions::default();
    let (memory, file) = (scored(rows, &options), scored(&pool, &options));
    assert_eq!(memory.records().unwrap(), file.records().unwrap());
    assert_eq!(memory.manifest().digest, file.manifest().digest);
    let records = memory.records().unwrap();
    assert_eq!((memory.len(), records[7].status, records[7].base), (rows.len(), RowStatus::Malformed, None));
    assert!(
        records.iter().filter(|record| record.base.is_some() && record.reference.is_some()).count() > 100
    );

    // The table can be kept, and read again as any other.
    let out = dir.path().join("new/scores.parquet");
    memory.write(&out).unwrap();
    let kept = lobass_run::ScoreFile::open(&out).unwrap();
    assert_eq!(kept.records().unwrap(), records);
    assert_eq!(kept.manifest(), memory.manifest());
}

#[test]
fn values_and_maps_are_the_same_rows() {
    let rows = &shipped().rows;
    let values: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
    let options = ScoreOptions::default();
    assert_eq!(scored(rows, &options).manifest().digest, scored(&values, &options).manifest().digest);
    let error = lobass::Rows::pool(&[json!({"a": 1}), json!("text")]).unwrap_err().to_string();
    assert_eq!(error, "row 1: expected a JSON object, found `\"text\"`");
}

#[test]
fn strategies_select_in_memory() {
    let rows = &shipped().rows;
    let options =
        ScoreOptions { per_token: true, unconditional: true, brier: true, ..ScoreOptions::default() };
    let scored = scored(rows, &options);
    for strategy in ["lobass", "gap", "ifd", "s-ifd", "lark", "longest", "random"] {
        let kept = lobass::select(&scored, strategy, Budget::Rows(9)).unwrap();
        assert_eq!(kept.len(), 9, "{strategy}");
        assert!(kept.rows().all(|row| row < rows.len() && row != 7), "{strategy}");
    }
    let records = scored.records().unwrap();
    let shed = |row: usize| {
        let (base, reference) = (records[row].base.unwrap().sum, records[row].reference.unwrap().sum);
        (base - reference) / base
    };
    let kept: Vec<f64> =
        lobass::select(&scored, "lobass", Budget::Fraction(0.2)).unwrap().rows().map(shed).collect();
    assert_eq!(kept.len(), rows.len() / 5);
    assert!(kept.is_sorted_by(|one, other| one >= other), "{kept:?}");

    let settings = SelectSettings {
        strategies: vec!["lobass".to_owned()],
        budget: Some("10%".to_owned()),
        min_rating: Some(1.0),
        ..SelectSettings::default()
    };
    let error = lobass::select_with(&scored, &settings).unwrap_err().to_string();
    assert!(error.starts_with("`--min-rating` only applies to"), "{error}");
    let error = lobass::select(&scored, "lobas", Budget::Rows(1)).unwrap_err().chain();
    assert!(error.contains("strategy `lobas`"), "{error}");
}

#[test]
fn models_that_are_no_pair_are_refused() {
    let (shipped, runtime) = (shipped(), Runtime::default());
    let base = Model::open(&shipped.base, &runtime).unwrap();
    let error = base.tuned(&shipped.base, &runtime).err().unwrap();
    assert!(matches!(error.cause(), lobass::Error::Model(text) if text.contains("other weights")), "{error}");
    let tuned = Model::open(&shipped.tuned, &runtime).unwrap();
    let error = tuned.tuned(&shipped.base, &runtime).err().unwrap().to_string();
    assert!(error.contains("swapped"), "{error}");
}
