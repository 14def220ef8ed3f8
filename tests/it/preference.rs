//! Pairs of a chosen and a rejected response, from the file to the margin.

use lobass_run::read_table;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Questions of the shipped pool with their own answer and that of another row.
fn with_pairs(n: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let pool: Vec<Value> =
        sandbox.read("pool.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let pair = |at: usize| {
        let (row, other) = (&pool[at], &pool[at + 701]);
        let turn = |role: &str, content: &Value| json!({"role": role, "content": content});
        json!({
            "prompt": [turn("user", &row["question"])],
            "chosen": [turn("assistant", &row["answer"])],
            "rejected": [turn("assistant", &json!(format!("{} Or not.", other["answer"].as_str().unwrap())))],
        })
    };
    let lines: Vec<String> = (0..n).map(|at| format!("{}\n", pair(at))).collect();
    sandbox.write("pairs.jsonl", lines.concat());
    sandbox
}

#[test]
fn preference_training_widens_margins_and_they_are_selected_by() {
    let sandbox = with_pairs(48);
    let train =
        "train --model base --data pairs.jsonl --batch-size 8 --epochs 3 --learning-rate 1e-3 --eval-rows 8";
    for (name, flags) in [
        ("dpo", "--objective dpo"),
        ("davir", "--objective davir-dpo"),
        ("adapter", "--objective dpo --beta 0.5 --method lora --lora-rank 4"),
    ] {
        sandbox.expect(0, &format!("{train} {flags} --out {name}"));
        let metrics = sandbox.read(&format!("{name}/metrics.jsonl"));
        let steps: Vec<Value> = metrics
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|event| event["type"] == "step")
            .collect();
        let first = steps[0]["loss"].as_f64().unwrap();
        assert!((first - std::f64::consts::LN_2).abs() < 1e-6, "{name} begins without margins: {first}");
        let last = steps.last().unwrap();
        assert!(last["loss"].as_f64().unwrap() < first, "{name}: {last}");
        assert!(last["margin"].as_f64().unwrap() > 0.0, "{name}: {last}");
    }
    let score = "score --base base --data pairs.jsonl --reference dpo --out scores.parquet";
    let report = sandbox.json(0, score);
    assert!(report["margins"]["mean"].as_f64().unwrap() > 0.0, "{report}");
    let table = read_table(&sandbox.path("scores.parquet")).unwrap();
    assert!(table.manifest.pairs && table.records.iter().all(|record| record.rejected.is_some()));
    sandbox.expect(
        0,
        "select --scores scores.parquet --strategy reward-margin --budget 10 --out best.jsonl --index best.index",
    );
    let best: Vec<Value> =
        sandbox.read("best.index").lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let margin = |row: u64| {
        let record = &table.records[usize::try_from(row).unwrap()];
        let rejected = record.rejected.unwrap();
        let drop = |base: Option<lobass_core::Nll>, tuned: Option<lobass_core::Nll>| {
            base.unwrap().sum - tuned.unwrap().sum
        };
        drop(record.base, record.reference) - drop(rejected.base, rejected.reference)
    };
    for one in &best {
        assert_eq!(one["score"].as_f64().unwrap(), margin(one["row"].as_u64().unwrap()));
    }
    let kept = sandbox.read("best.jsonl");
    assert_eq!(kept.lines().count(), 10);
    assert!(
        kept.lines().all(|line| sandbox.read("pairs.jsonl").contains(line)),
        "rows are copied as they are"
    );
}

#[test]
fn chosen_responses_alone_are_fine_tuned_on_by_default() {
    let sandbox = with_pairs(24);
    let run = "run --base base --data pairs.jsonl --batch-size 4 --learning-rate 1e-3 --budget 25% --out run \
               --reference-mode cross-fit";
    sandbox.expect(0, run);
    let table = read_table(&sandbox.path("run/scores.parquet")).unwrap();
    assert!(table.records.iter().all(|record| record.fold.is_some() && record.rejected.is_some()));
    assert_eq!(sandbox.read("run/selected/lobass/pairs.jsonl").lines().count(), 6);
}

#[test]
fn single_rows_beside_pairs_are_trained_on_too() {
    let sandbox = with_pairs(20);
    sandbox.small_pool(30);
    let line = "train --model base --data pairs.jsonl small.jsonl --batch-size 4";
    let ended = sandbox.expect(0, &format!("{line} --out tuned"));
    assert!(ended.stdout.contains("50 trained on"), "{}", ended.stdout);
    let ended = sandbox.expect(0, &format!("{line} --objective dpo --out preferred"));
    assert!(ended.stdout.contains("20 trained on"), "{}", ended.stdout);
    assert!(ended.stderr.contains("30 rows with one response only"), "{}", ended.stderr);
}

#[test]
fn pairs_with_one_chosen_response_share_a_fold() {
    let sandbox = with_pairs(30);
    let twins: String = sandbox
        .read("pairs.jsonl")
        .lines()
        .flat_map(|line| [format!("{line}\n"), format!("{}\n", line.replace(" Or not.", " Or so."))])
        .collect();
    sandbox.write("twins.jsonl", twins);
    sandbox.expect(
        0,
        "run --base base --data twins.jsonl --batch-size 4 --learning-rate 1e-3 --budget 25% --out run \
         --reference-mode cross-fit",
    );
    let table = read_table(&sandbox.path("run/scores.parquet")).unwrap();
    for twins in table.records.chunks(2) {
        assert_eq!(twins[0].fold, twins[1].fold, "row {}", twins[0].row);
    }
}

#[test]
fn pairs_that_are_none_have_a_status() {
    let sandbox = with_pairs(4);
    let good = sandbox.read("pairs.jsonl");
    let turn = |role: &str, content: &str| json!({"role": role, "content": content});
    let row = |chosen: Value, rejected: Value| json!({"prompt": [turn("user", "why?")], "chosen": chosen, "rejected": rejected});
    let same = row(json!([turn("assistant", "so")]), json!([turn("assistant", "so")]));
    let empty = row(json!([turn("assistant", "so")]), json!([turn("assistant", "")]));
    sandbox.write("pairs.jsonl", format!("{good}{same}\n{empty}\n"));
    let ended = sandbox.expect(1, "score --base base --data pairs.jsonl --out scores.parquet");
    assert!(
        ended.stdout.contains("1 malformed") && ended.stdout.contains("1 empty_response"),
        "{}",
        ended.stdout
    );
    let table = read_table(&sandbox.path("scores.parquet")).unwrap();
    for row in [4, 5] {
        assert!(table.records[row].base.is_none() && table.records[row].reason.is_some());
    }
    assert!(table.records[5].reason.as_deref().unwrap().contains("reject"), "it says which side");
}
