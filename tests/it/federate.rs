//! Selecting across owners through the command line.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Three owners with a part of a pool each, and the whole pool; all scored by the same models.
fn owners() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(90);
    let pool = sandbox.read("small.jsonl");
    let lines: Vec<&str> = pool.lines().collect();
    sandbox.expect(
        0,
        "train --base base --data small.jsonl --out reference --method lora --lora-rank 4 --batch-size 16 \
         --learning-rate 0.01 -q",
    );
    for (name, rows) in [("one", 0..20), ("two", 20..75), ("three", 75..90)] {
        let part: String = lines[rows].iter().map(|line| format!("{line}\n")).collect();
        sandbox.write(&format!("{name}.jsonl"), part);
        score(&sandbox, name);
    }
    sandbox.expect(
        0,
        "score --base base --reference reference --data one.jsonl two.jsonl three.jsonl --out all.parquet -q",
    );
    sandbox
}

fn score(sandbox: &Sandbox, name: &str) {
    let line = format!("score --base base --reference reference --data {name}.jsonl --out {name}.parquet -q");
    sandbox.expect(0, &line);
}

const TABLES: &str = "--scores one.parquet two.parquet three.parquet";

/// The rows of all owners, as they are written.
fn rows(sandbox: &Sandbox, file: impl Fn(&str) -> String) -> Vec<String> {
    let of = |name: &&str| sandbox.read(&file(name)).lines().map(str::to_owned).collect::<Vec<_>>();
    ["one", "two", "three"].iter().flat_map(of).collect()
}

#[test]
fn the_union_is_the_selection_of_the_joined_table() {
    let sandbox = owners();
    for (at, flags) in [
        "--budget 20%",
        "--budget 1",
        "--budget 100%",
        "--budget 900tok",
        "--budget 7 --strategy gap --ascending",
        "--budget 30 --strategy longest --seed 5",
        "--budget 20 --min-base-loss 1.5 --shrinkage 2",
    ]
    .iter()
    .enumerate()
    {
        sandbox.run(&format!("select --scores all.parquet {flags} --out joined-{at}/ -q"));
        let said = sandbox.run(&format!("federate select {TABLES} {flags} --out kept-{at} -q --format json"));
        let said: Value = serde_json::from_str(&said.stdout).unwrap();
        let joined = rows(&sandbox, |name| format!("joined-{at}/{name}.jsonl"));
        assert_eq!(rows(&sandbox, |name| format!("kept-{at}/{name}/rows/{name}.jsonl")), joined, "{flags}");
        assert_eq!(said["n_kept"], joined.len(), "{flags}");
        assert_eq!(said["is_exact"], true);
    }
}

#[test]
fn messages_are_counts_and_few_rows_are_not_told_apart() {
    let sandbox = owners();
    let line =
        format!("federate-select {TABLES} --budget 30 --out kept --messages said.jsonl --min-count 10");
    let said = sandbox.run(&format!("{line} -q --format json"));
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let n_kept = said["n_kept"].as_u64().unwrap();
    assert!(n_kept <= 30 && n_kept > 0, "{said}");
    assert_eq!((&said["is_exact"], &said["min_count"]), (&Value::from(false), &Value::from(10)));
    let text = sandbox.read("said.jsonl");
    let messages: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answered = |owner: &Value| owner["n_answers"].as_u64().unwrap();
    let n_answers: u64 = said["owners"].as_array().unwrap().iter().map(answered).sum();
    assert_eq!(messages.len() as u64, n_answers);
    for owner in ["one", "two", "three"] {
        let answers =
            messages.iter().filter(|message| message["owner"] == owner && message["question"] != "totals");
        let rows: BTreeSet<u64> =
            answers.map(|message| message["answer"]["rows"].as_u64().unwrap()).collect();
        let rows: Vec<u64> = rows.into_iter().collect();
        assert!(rows.windows(2).all(|pair| pair[1] - pair[0] >= 10), "{owner}: {rows:?}");
    }
    // No text of a row is in what was said.
    assert!(!text.contains("instruction") && !text.contains("key"), "{text}");
    let index = sandbox.read("kept/two/index.jsonl");
    assert!(index.lines().count() as u64 <= n_kept);
}

#[test]
fn an_owner_may_have_a_reference_of_the_others() {
    let sandbox = owners();
    for (name, others) in
        [("one", "two.jsonl three.jsonl"), ("two", "one.jsonl three.jsonl"), ("three", "one.jsonl two.jsonl")]
    {
        sandbox.expect(
            0,
            &format!("train --base base --data {others} --out without-{name} --method lora --lora-rank 4 --batch-size 16 --learning-rate 0.01 -q"),
        );
        sandbox.expect(
            0,
            &format!(
                "score --base base --reference without-{name} --data {name}.jsonl --out own-{name}.parquet -q"
            ),
        );
    }
    let line =
        "federate select --scores own-one.parquet own-two.parquet own-three.parquet --budget 10 --out own";
    sandbox.fails(line, &["expected the models of", "--own-references"]);
    let said = sandbox.json(0, &format!("{line} --own-references -q"));
    assert_eq!(said["n_kept"], 10);
}

#[test]
fn what_looks_at_other_rows_is_refused() {
    let sandbox = owners();
    let fails = |flags: &str, words: &[&str]| {
        sandbox.fails(&format!("federate select {TABLES} --out no {flags}"), words);
    };
    fails("--budget 5 --strategy random", &["random", "depends on that row alone"]);
    fails("--budget 5 --strategy perplexity-middle", &["perplexity-middle", "depends on that row alone"]);
    fails("--budget 5 --max-reference-quantile 0.9", &["--max-reference-quantile", "whole pool"]);
    fails("--budget 5 --near-duplicates 0.8", &["--near-duplicates"]);
    fails("", &["--budget"]);
    sandbox.expect(0, "score --base base --data one.jsonl --out base-only.parquet -q");
    sandbox.fails(
        "federate select --scores one.parquet base-only.parquet --budget 5",
        &["base-only.parquet", "models"],
    );
    assert!(!sandbox.path("no").exists());
}
