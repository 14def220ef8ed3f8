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

#[test]
fn no_message_replaces_what_an_owner_has() {
    let sandbox = owners();
    let names = ["one", "two", "three", "all"];
    let files: Vec<String> =
        names.iter().flat_map(|name| [format!("{name}.jsonl"), format!("{name}.parquet")]).collect();
    let content = || -> Vec<Option<Vec<u8>>> {
        files.iter().map(|file| fs_err::read(sandbox.path(file)).ok()).collect()
    };
    let before = content();
    for out in ["", "--out kept"] {
        let line = format!("federate select {TABLES} --budget 20% {out} -q");
        let refused = |file: &str, what: &str| {
            let ended = sandbox.fails(&format!("{line} --messages {file}"), &[file, what, "another name"]);
            assert_eq!(ended.stdout, "");
        };
        refused("two.parquet", "a score table");
        refused("./three.parquet", "a score table");
        refused("one.jsonl", "a data file");
        refused("three.jsonl", "a data file");
    }
    let line = format!("federate select {TABLES} --budget 20% --out kept");
    sandbox.fails(&format!("{line} --messages kept/two/index.jsonl"), &["kept/two/index.jsonl", "twice"]);
    assert!(content() == before && !sandbox.path("kept").exists(), "nothing was written");
}

#[test]
fn rows_of_an_owner_never_go_over_the_data_of_another() {
    let sandbox = owners();
    // The data of `other` lies where the rows of `one` would go.
    sandbox.write("kept/one/rows/one.jsonl", sandbox.read("two.jsonl"));
    sandbox.expect(
        0,
        "score --base base --reference reference --data kept/one/rows/one.jsonl --out other.parquet -q",
    );
    sandbox.fails(
        "federate select --scores one.parquet other.parquet --budget 20% --out kept",
        &["kept/one/rows/one.jsonl", "a data file"],
    );
    assert_eq!(sandbox.read("kept/one/rows/one.jsonl"), sandbox.read("two.jsonl"));
}

#[test]
fn files_that_are_replaced_are_named() {
    let sandbox = owners();
    let line = format!("federate select {TABLES} --budget 20% --out kept --messages said.jsonl");
    let first = sandbox.expect(0, &line);
    assert!(!first.stderr.contains("replaces"), "{}", first.stderr);
    let again = sandbox.expect(0, &line);
    for file in ["said.jsonl", "kept/one/index.jsonl", "kept/three/rows/three.jsonl"] {
        let says = |line: &str| line.contains("replaces") && line.contains(file);
        assert!(again.stderr.lines().any(says), "{file}: {}", again.stderr);
    }
}

#[test]
fn a_selection_without_some_owners_is_not_called_that_of_the_joined_table() {
    let sandbox = owners();
    // Two of the owners have fewer candidates than 30, and then all have.
    for (least, budget, left_out) in [
        (30, "100%", vec!["one", "three"]),
        (30, "10", vec!["one", "three"]),
        (1000, "10", vec!["one", "two", "three"]),
    ] {
        let line = format!("federate select {TABLES} --budget {budget} --min-count {least} -q");
        let ended = sandbox.run(&line);
        assert!(!ended.stdout.contains("exactly"), "{}", ended.stdout);
        assert!(ended.stdout.contains("not those of the joined table"), "{}", ended.stdout);
        assert!(ended.stdout.contains(&left_out.join(", ")), "{}", ended.stdout);
        let said: Value =
            serde_json::from_str(&sandbox.run(&format!("{line} --format json")).stdout).unwrap();
        assert_eq!(said["is_exact"], false);
        assert_eq!(said["left_out"], serde_json::json!(left_out));
    }
    let whole = sandbox.json(0, &format!("federate select {TABLES} --budget 100% --min-count 10 -q"));
    assert_eq!((&whole["is_exact"], &whole["left_out"]), (&true.into(), &serde_json::json!([])));
}
