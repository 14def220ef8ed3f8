//! Null models: trained and scored on responses without their prompts.

use lobass_core::{Nll, RowStatus};
use lobass_run::{ScoreTable, Unseen, read_table};
use serde_json::Value;

use crate::sandbox::Sandbox;

const TRAIN: &str = "train --model base --data small.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 -q";
const UNCONDITIONAL: &str = "--context unconditional";

fn losses(table: &ScoreTable, role: &str) -> Vec<Option<Nll>> {
    table.losses(role).unwrap_or_else(|| panic!("no losses of {role}"))
}

fn table(sandbox: &Sandbox, name: &str) -> ScoreTable {
    read_table(&sandbox.path(name)).unwrap()
}

#[test]
fn a_null_model_is_scored_as_it_was_trained() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    for (method, null) in [("", "null"), ("--method lora --lora-rank 4", "adapter")] {
        sandbox.expect(0, &format!("{TRAIN} {method} --eval-rows 10 {UNCONDITIONAL} --out {null}"));
        let record: Value =
            serde_json::from_str(&sandbox.read(&format!("{null}/lobass-training.json"))).unwrap();
        assert!(record["context"]["unconditional"]["start"].is_u64(), "{record}");
        let [before, after] =
            ["held_out_before", "held_out_after"].map(|name| record["outcome"][name].as_f64().unwrap());
        assert!(after < before, "it learns what responses are like: {before} {after}");
        let again =
            sandbox.expect(0, &format!("{TRAIN} {method} --eval-rows 10 {UNCONDITIONAL} --out {null}"));
        assert!(again.stderr.is_empty(), "{}", again.stderr);
        sandbox.fails(&format!("{TRAIN} {method} --eval-rows 10 --out {null}"), &["other context"]);
    }
    sandbox.expect(0, &format!("{TRAIN} --eval-rows 10 --out tuned"));
    let score = "score --base base --reference tuned --data small.jsonl -q";
    for (null, name) in [("null", "n.parquet"), ("adapter", "a.parquet"), ("adapter", "a.jsonl")] {
        sandbox.run(&format!("{score} --null {null} {UNCONDITIONAL} --out {name}"));
    }
    let full = table(&sandbox, "n.parquet");
    assert_eq!(full.manifest.unseen, Some(Unseen::HeldOut));
    let held_out = full.records.iter().filter(|record| record.status == RowStatus::HeldOut).count();
    assert_eq!(held_out, 10);
    assert_eq!(losses(&table(&sandbox, "a.parquet"), "null"), losses(&table(&sandbox, "a.jsonl"), "null"));
    // The null model as a base, on responses without their prompts, is the same pass.
    sandbox.run(&format!("score --base null --data small.jsonl -q {UNCONDITIONAL} --out alone.parquet"));
    let alone = losses(&table(&sandbox, "alone.parquet"), "base_unconditional");
    assert_eq!(losses(&full, "null"), alone);
    assert_ne!(losses(&full, "null"), losses(&full, "base_unconditional"));
    // With one table, the identity of the two strategies holds row by row.
    for strategy in ["pvi", "pvi-trained", "prompt-gain"] {
        let line = format!(
            "select --scores n.parquet --strategy {strategy} --budget 100% --index {strategy}.jsonl -q"
        );
        sandbox.run(&line);
    }
    let scores = |strategy: &str| -> Vec<(u64, f64)> {
        let text = sandbox.read(&format!("{strategy}.jsonl"));
        let line = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["row"].as_u64().unwrap(), line["score"].as_f64().unwrap())
        };
        let mut rows: Vec<_> = text.lines().map(line).collect();
        rows.sort_by_key(|(row, _)| *row);
        rows
    };
    let (pvi, trained, gain) = (scores("pvi"), scores("pvi-trained"), scores("prompt-gain"));
    assert_eq!(pvi.len(), 50);
    for ((pvi, trained), gain) in pvi.iter().zip(&trained).zip(&gain) {
        assert!((trained.1 - pvi.1 - gain.1).abs() < 1e-9, "row {}", pvi.0);
    }
}

#[test]
fn models_in_each_others_place_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    sandbox.expect(0, &format!("{TRAIN} --out tuned"));
    sandbox.expect(0, &format!("{TRAIN} {UNCONDITIONAL} --out null"));
    let score = "score --base base --data small.jsonl --out t.parquet";
    sandbox.fails(
        &format!("{score} --reference tuned --null tuned"),
        &["null model `tuned`", "found one that was trained with prompts"],
    );
    sandbox
        .fails(&format!("{score} --reference null"), &["reference `null`", "found a null model", "--null"]);
    sandbox.fails(&format!("{score} --reference tuned --null base"), &["other weights than the base's"]);
    sandbox.fails(&format!("{score} --reference tuned --null nowhere"), &["`nowhere`"]);
    // A null model of other rows differs from the reference by more than the prompt.
    let lines: Vec<String> =
        sandbox.read("pool.jsonl").lines().skip(40).take(40).map(|l| format!("{l}\n")).collect();
    sandbox.write("other.jsonl", lines.concat());
    sandbox.expect(0, &format!("{TRAIN} {UNCONDITIONAL} --out other").replace("small", "other"));
    sandbox.fails(
        &format!("{score} --reference tuned --null other"),
        &["expected one that was trained on the rows of the reference"],
    );
    sandbox.run("score --base base --reference tuned --data small.jsonl -q --out plain.parquet");
    for strategy in ["pvi-trained", "prompt-gain"] {
        let line = format!("select --scores plain.parquet --strategy {strategy} --budget 5");
        sandbox.fails(&line, &["--context unconditional"]);
    }
    sandbox.write("pairs.jsonl", "{\"prompt\": \"q\", \"chosen\": \"a\", \"rejected\": \"b\"}\n");
    sandbox.fails(
        &format!("{TRAIN} {UNCONDITIONAL} --objective dpo --out dpo").replace("small", "pairs"),
        &["--context unconditional", "--objective sft"],
    );
    let run = "run --base base --data small.jsonl --budget 5 --out run";
    sandbox.fails(&format!("{run} --reference tuned --strategy pvi-trained"), &["name it with `--null`"]);
    sandbox.fails(&format!("{run} --null null"), &["`--null` needs `--reference`"]);
}

#[test]
fn models_of_other_files_have_seen_no_row() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    sandbox.expect(0, &format!("{TRAIN} --out tuned"));
    sandbox.expect(0, &format!("{TRAIN} {UNCONDITIONAL} --out null"));
    let lines: Vec<String> =
        sandbox.read("pool.jsonl").lines().skip(60).take(20).map(|l| format!("{l}\n")).collect();
    sandbox.write("other.jsonl", lines.concat());
    let unseen = |data: &str| {
        let out = format!("{data}.parquet");
        sandbox.run(&format!("score --base base --reference tuned --null null --data {data} -q --out {out}"));
        table(&sandbox, &out).manifest.unseen
    };
    assert_eq!(unseen("other.jsonl"), Some(Unseen::OtherFiles));
    assert_eq!(unseen("small.jsonl"), Some(Unseen::Nothing));
}

#[test]
fn null_models_are_cross_fitted_on_the_folds_of_the_references() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(80);
    let run = "run --base base --data small.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --budget 20% --method \
               lora --lora-rank 4 --reference-mode cross-fit --seeds 2 --out run --strategy";
    let ended = sandbox.run(&format!("{run} prompt-gain lobass"));
    assert!(ended.code < 2, "{}", ended.stderr);
    let found = table(&sandbox, "run/scores.parquet");
    assert_eq!(found.manifest.unseen, Some(Unseen::CrossFit));
    let by = |seed: u64, fold: u32| losses(&found, &format!("null_seed{seed}_fold{fold}"));
    let all = [[by(0, 0), by(0, 1)], [by(1, 0), by(1, 1)]];
    let null = losses(&found, "null");
    for record in found.records.iter().filter(|record| record.status.is_scored()) {
        let at = usize::try_from(record.row).unwrap();
        let fold = record.fold.unwrap() as usize;
        let mean = all.iter().map(|seed| seed[fold][at].unwrap().sum).sum::<f64>() / 2.0;
        assert!((null[at].unwrap().sum - mean).abs() < 1e-9, "row {at}");
    }
    let record = sandbox.read("run/nulls/seed1-fold1/lobass-training.json");
    assert!(record.contains("unconditional") && record.contains("\"fold\": 1"), "{record}");
    // The references are those of a run without null models, and are not trained again.
    let seeds: Value = serde_json::from_str(&sandbox.read("run/summary.json")).unwrap();
    assert_eq!(
        seeds["references"]["seeds"]["n_pairs"], 1,
        "two seeds of references, whatever null models there are"
    );
    let again = sandbox.run(&format!("{run} lobass --with-null"));
    assert!(again.stderr.contains("null_seed1_fold1 done before"), "{}", again.stderr);
    let digest = table(&sandbox, "run/scores.parquet").manifest.models;
    assert_eq!(digest.iter().filter(|model| model.role().is_null()).count(), 4);
}

#[test]
fn workers_score_null_models_too() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    sandbox.expect(0, &format!("{TRAIN} --out tuned"));
    sandbox.expect(0, &format!("{TRAIN} --method lora --lora-rank 4 {UNCONDITIONAL} --out null"));
    let data = "--base base --reference tuned --null null --data small.jsonl -q";
    sandbox.expect(0, &format!("plan {data} --work work"));
    sandbox.expect(0, "worker --work work --world 1 --rank 0 -q --null null");
    sandbox.run("seal --work work --out sealed.parquet -q");
    sandbox.run(&format!("score {data} --out scored.parquet"));
    let [sealed, scored] = ["sealed.parquet", "scored.parquet"].map(|name| table(&sandbox, name));
    assert_eq!(sealed.further, scored.further);
    assert_eq!(sealed.manifest.unseen, Some(Unseen::Nothing));
}
