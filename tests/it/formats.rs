//! Our output files, read with types from their documentation only.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, UInt32Type, UInt64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;
use serde_json::Value;

use crate::sandbox::Sandbox;

/// The manifest as `docs/reference/formats.md` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    version: u32,
    tool: String,
    plan: String,
    inputs: Vec<Input>,
    tokenizer: String,
    template: Template,
    encoding: Encoding,
    duplicates: String,
    models: Vec<Model>,
    per_token: bool,
    n_rows: u64,
    counts: BTreeMap<String, u64>,
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    path: String,
    source: String,
    sha256: String,
    n_rows: u64,
    layout: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    name: String,
    digest: String,
    now: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoding {
    mask: String,
    max_length: u64,
    overlong: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    role: String,
    path: String,
    weights_digest: String,
    dtype: String,
    device: String,
}

fn check(manifest: &Manifest) {
    assert_eq!(manifest.version, 1);
    assert!(manifest.tool.starts_with("lobass "));
    assert_eq!(manifest.inputs[0].source, "small");
    assert!(manifest.inputs[0].path.ends_with("small.jsonl"));
    assert_eq!(manifest.inputs[0].layout["pair"]["prompt"], "question");
    assert_eq!((manifest.n_rows, manifest.inputs[0].n_rows), (5, 5));
    assert_eq!(manifest.counts, BTreeMap::from([("malformed".to_owned(), 1), ("ok".to_owned(), 4)]));
    assert_eq!(manifest.digest.len(), 64);
    let encoding = &manifest.encoding;
    assert_eq!((&*encoding.mask, encoding.max_length, &*encoding.overlong), ("response", 128, "drop"));
    assert_eq!((&*manifest.template.name, manifest.template.now.as_deref()), ("chat_template.jinja", None));
    assert_eq!(manifest.duplicates, "keep");
    let model = &manifest.models[0];
    assert_eq!((&*model.role, &*model.path, &*model.dtype, &*model.device), ("base", "base", "f32", "cpu"));
    for digest in [
        &manifest.plan,
        &manifest.tokenizer,
        &manifest.template.digest,
        &manifest.inputs[0].sha256,
        &model.weights_digest,
    ] {
        assert_eq!(digest.len(), 64, "{digest}");
    }
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    let pool = sandbox.read("small.jsonl");
    sandbox.write("small.jsonl", format!("{pool}{{\"question\": 5}}\n"));
    sandbox
}

#[test]
fn the_score_table_in_parquet() {
    let sandbox = sandbox();
    sandbox.expect(1, "score --base base --data small.jsonl --out scores.parquet --per-token");
    let file = fs_err::File::open(sandbox.path("scores.parquet")).unwrap().into_parts().0;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let manifest = pairs.iter().find(|pair| pair.key == "lobass").unwrap().value.as_ref().unwrap();
    let manifest: Manifest = serde_json::from_str(manifest).unwrap();
    check(&manifest);
    assert!(manifest.per_token);

    let columns: Vec<String> = reader
        .schema()
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name(), field.data_type()))
        .collect();
    assert_eq!(
        columns,
        [
            "row UInt64",
            "key Utf8",
            "status Utf8",
            "reason Utf8",
            "source Utf8",
            "n_tokens UInt32",
            "n_scored UInt32",
            "base_nll Float64",
            "input_ids List(UInt32)",
            "scored_runs List(UInt32)",
            "base_token_nll List(Float32)"
        ]
    );
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.len(), 1);
    let batch = &batches[0];
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("row").as_primitive::<UInt64Type>().values(), &[0, 1, 2, 3, 4]);
    let status: Vec<_> = column("status").as_string::<i32>().iter().flatten().collect();
    assert_eq!(status, ["ok", "ok", "ok", "ok", "malformed"]);
    let reasons: Vec<_> = column("reason").as_string::<i32>().iter().collect();
    assert_eq!(reasons[..4], [None; 4]);
    assert!(reasons[4].unwrap().contains("`question`"), "{reasons:?}");

    // A mean is never stored, and the sum is the sum of the tokens.
    let sums: Vec<_> = column("base_nll").as_primitive::<Float64Type>().iter().collect();
    let counts = column("n_scored").as_primitive::<UInt32Type>().values().to_vec();
    for (row, tokens) in column("base_token_nll").as_list::<i32>().iter().enumerate() {
        match tokens {
            None => assert_eq!((sums[row], counts[row]), (None, 0)),
            Some(tokens) => {
                let tokens = tokens.as_primitive::<Float32Type>().values().to_vec();
                assert_eq!(u32::try_from(tokens.len()).unwrap(), counts[row]);
                assert_eq!(tokens.iter().map(|&token| f64::from(token)).sum::<f64>(), sums[row].unwrap());
            }
        }
    }
}

#[test]
fn the_score_table_as_json_lines() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        r#type: String,
        row: u64,
        key: String,
        status: String,
        reason: Option<String>,
        source: String,
        n_tokens: u32,
        n_scored: u32,
        base_nll: Option<f64>,
    }
    let sandbox = sandbox();
    sandbox.expect(1, "score --base base --data small.jsonl --out scores.jsonl");
    let text = sandbox.read("scores.jsonl");
    let mut lines = text.lines();
    let mut manifest: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(manifest.as_object_mut().unwrap().remove("type").unwrap(), "manifest");
    check(&serde_json::from_value(manifest).unwrap());
    let rows: Vec<Row> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert!(
        rows.iter().zip(0..).all(|(row, at)| row.r#type == "row" && row.row == at && row.source == "small")
    );
    assert!(rows[..4].iter().all(|row| row.base_nll.is_some() && row.reason.is_none() && row.n_scored > 0));
    assert!(
        rows[..4].iter().all(|row| row.key.len() == 32 && row.n_tokens > row.n_scored && row.status == "ok")
    );
    assert!(rows[4].base_nll.is_none() && rows[4].status == "malformed");

    // Selecting from it is selecting from the same numbers in Parquet.
    sandbox.expect(1, "score --base base --data small.jsonl --out scores.parquet");
    for table in ["scores.jsonl", "scores.parquet"] {
        let line =
            format!("select --scores {table} --strategy perplexity-high --budget 2 --index {table}.index -q");
        sandbox.expect(0, &line);
    }
    assert_eq!(sandbox.read("scores.jsonl.index"), sandbox.read("scores.parquet.index"));
}

#[test]
fn the_index_of_a_selection() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Chosen {
        row: u64,
        key: String,
        source: String,
        score: f64,
        rank: u64,
    }
    let sandbox = sandbox();
    sandbox.expect(1, "score --base base --data small.jsonl --out scores.parquet");
    sandbox.expect(0, "select --scores scores.parquet --strategy longest --budget 3 --index index.jsonl");
    let chosen: Vec<Chosen> =
        sandbox.read("index.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(chosen.iter().map(|row| row.rank).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(chosen.is_sorted_by(|one, next| one.score >= next.score));
    assert!(chosen.iter().all(|row| row.row < 4 && row.source == "small" && row.key.len() == 32));
}

#[test]
fn the_record_of_a_merge() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Record {
        tool: String,
        recipe: Recipe,
        base: Option<Model>,
        models: Vec<Model>,
        dtype: String,
        outcome: Outcome,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Recipe {
        method: String,
        resample: bool,
        seed: u64,
        weights: Vec<f64>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Model {
        model: String,
        digest: String,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outcome {
        n_tensors: usize,
        #[serde(default)]
        changes: BTreeMap<String, Changes>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Changes {
        n_parameters: u64,
        n_changed: u64,
        sum_of_squares: f64,
        models: Vec<Unmoved>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Unmoved {
        n_unmoved: u64,
        sum_of_squares: f64,
    }
    let sandbox = Sandbox::new();
    let method = "--method parameter-selection --resample --seed 4";
    sandbox.expect(0, &format!("merge --base base --models base base {method} --out merged"));
    let record: Record = serde_json::from_str(&sandbox.read("merged/lobass-merge.json")).unwrap();
    assert!(record.tool.starts_with("lobass ") && record.dtype == "f32");
    let Recipe { method, resample, seed, weights } = record.recipe;
    assert_eq!((method.as_str(), resample, seed, weights), ("parameter_selection", true, 4, vec![1.0, 1.0]));
    let base = record.base.unwrap();
    assert_eq!((base.model.as_str(), base.digest.len(), record.models.len()), ("base", 64, 2));
    assert!(record.models.iter().all(|model| model.model == "base" && model.digest == base.digest));
    assert_eq!(record.outcome.n_tensors, 2 + 4 * 9);
    let norms = &record.outcome.changes["model.layers.*.input_layernorm.weight"];
    assert_eq!((norms.n_parameters, norms.n_changed, norms.sum_of_squares), (4 * 96, 0, 0.0));
    assert!(norms.models.iter().all(|model| model.n_unmoved == 4 * 96 && model.sum_of_squares == 0.0));
    // Without a base nothing can be counted.
    sandbox.expect(0, &format!("merge --models base base {} --out alone", "--method parameter-selection"));
    let record: Value = serde_json::from_str(&sandbox.read("alone/lobass-merge.json")).unwrap();
    assert_eq!((&record["base"], &record["outcome"]), (&Value::Null, &serde_json::json!({"n_tensors": 38})));
}
