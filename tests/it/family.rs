//! Strategies beside the paper's, selection by token, and the shape of a subset.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use lobass_run::{IGNORE_INDEX, ScoreFile, TokenLosses};
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::workers::{digest, sealed};

/// A table of the shipped pool's first rows under the base and a reference, with tokens and without prompts.
fn tables(sandbox: &Sandbox) -> Value {
    sandbox.small_pool(64);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out tuned --batch-size 16 --learning-rate 1e-3 -q",
    );
    let score = "score --base base --reference tuned --data small.jsonl --context unconditional -q";
    sandbox.expect(0, &format!("{score} --per-token --out tokens.parquet"));
    sandbox.json(0, &format!("{score} --out sums.parquet"))
}

fn token_losses(sandbox: &Sandbox, models: &[&str]) -> Vec<TokenLosses> {
    let mut rows = Vec::new();
    let table = ScoreFile::open(&sandbox.path("tokens.parquet")).unwrap();
    table
        .token_losses(models, 1, |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
    rows
}

#[test]
fn losses_without_the_prompt_are_those_of_the_response_alone() {
    let sandbox = Sandbox::new();
    let scored = tables(&sandbox);
    let models = scored["manifest"]["models"].as_array().unwrap();
    let start = models[2]["context"]["unconditional"]["start"].as_u64().unwrap();
    assert_eq!(models[2]["role"], "base_unconditional");
    assert!(models[0].get("context").is_none(), "{}", models[0]);

    let model =
        Checkpoint::open(sandbox.path("base")).unwrap().load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
    let engine = Engine::new(model, 1);
    let rows = token_losses(&sandbox, &["base", "base_unconditional"]);
    assert_eq!(rows.len(), 64);
    for row in rows {
        let alone = row.sequence.unconditional(u32::try_from(start).unwrap());
        for (sequence, losses) in [(row.sequence, &row.losses[0]), (alone, &row.losses[1])] {
            let found = engine.losses(&[sequence], Detail::PerToken).unwrap().remove(0);
            assert_eq!(found.per_token.as_ref(), Some(losses), "row {}", row.row);
        }
    }
}

#[test]
fn workers_score_without_prompts_too() {
    let sandbox = Sandbox::new();
    let expected = digest(&tables(&sandbox));
    let plan = "plan --base base --reference tuned --data small.jsonl --context unconditional --work run -q";
    sandbox.expect(0, plan);
    sandbox.expect(0, "worker --work run --rank 0 --world 2 -q");
    sandbox.expect(0, "worker --work run --rank 1 --world 2 -q");
    assert_eq!(sealed(&sandbox, "run"), expected);
}

#[test]
fn a_run_scores_what_its_strategies_ask_for() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let run = "run --base base --data small.jsonl --batch-size 8 --budget 50% --out run -q";
    let report = sandbox.json(0, &format!("{run} --strategy lobass ifd pvi length-matched-random grape"));
    let roles: Vec<&Value> =
        report["manifest"]["models"].as_array().unwrap().iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["base", "reference", "base_unconditional"]);
    assert!(sandbox.path("run/selected/length-matched-random/small.jsonl").exists());
    // So do those whose lengths are wanted.
    let lengths = "run --base base --data small.jsonl --batch-size 8 --budget 50% --out lengths -q";
    let report = sandbox.json(0, &format!("{lengths} --strategy length-matched-random --lengths-of ifd"));
    assert_eq!(report["manifest"]["models"][2]["role"], "base_unconditional");
    // Another strategy, later, continues from there.
    let again = sandbox.run(&format!("{run} --strategy superfiltering"));
    assert_eq!(again.code, 0, "{}", again.stderr);
    sandbox.fails(
        "select --scores run/scores.parquet --strategy s-ifd --budget 1 --out o.jsonl",
        &["--per-token"],
    );
}

#[test]
fn masks_keep_what_the_reference_learned() {
    let sandbox = Sandbox::new();
    tables(&sandbox);
    let mask = "mask --scores tokens.parquet --keep 50%";
    let report = sandbox.json(0, &format!("{mask} --out rho.jsonl"));
    let labels: BTreeMap<u64, Vec<i64>> = sandbox.read("rho.jsonl").lines().map(row_of).collect();
    for row in token_losses(&sandbox, &["base", "reference"]) {
        let n_kept = labels[&row.row].iter().filter(|&&label| label != i64::from(IGNORE_INDEX)).count();
        assert!(2 * n_kept >= row.sequence.n_scored(), "at least half of each row");
        let (base, reference) = (&row.losses[0], &row.losses[1]);
        let gains: Vec<f32> = base.iter().zip(reference).map(|(base, reference)| base - reference).collect();
        let is_kept = |position: usize| labels[&row.row][position + 1] != i64::from(IGNORE_INDEX);
        let positions: Vec<usize> = row.sequence.scored_positions().collect();
        let (kept, dropped): (Vec<_>, Vec<_>) =
            positions.into_iter().zip(gains).partition(|(at, _)| is_kept(*at));
        let least = kept.iter().map(|(_, gain)| *gain).fold(f32::INFINITY, f32::min);
        assert!(dropped.iter().all(|(_, gain)| *gain < least), "row {}", row.row);
    }
    let kept = report["n_kept"].as_u64().unwrap();
    assert_eq!(kept, labels.values().flatten().filter(|&&label| label != -100).count() as u64);

    sandbox.expect(0, "select --scores sums.parquet --strategy lobass --budget 10 --index best.jsonl -q");
    let clean = format!("{mask} --method token-cleaning --index best.jsonl --out clean.parquet");
    let report = sandbox.json(0, &clean);
    assert_eq!(report["n_rows"].as_u64().unwrap() + report["n_rows_without_tokens"].as_u64().unwrap(), 10);
    assert!(report["threshold"].is_number());
    sandbox.fails("mask --scores sums.parquet --out m.parquet", &["sums.parquet", "--per-token"]);
    sandbox.fails(&format!("{mask} --out tokens.parquet"), &["is the score table"]);
    sandbox.fails("mask --scores tokens.parquet --keep 0% --out m.parquet", &["above 0"]);
    sandbox.write("bad.jsonl", "{\"row\": 1}\nnothing\n");
    sandbox.fails(&format!("{mask} --index bad.jsonl --out m.parquet"), &["bad.jsonl", "line 2"]);
}

fn row_of(line: &str) -> (u64, Vec<i64>) {
    let value: Value = serde_json::from_str(line).unwrap();
    let list = |name: &str| -> Vec<i64> { serde_json::from_value(value[name].clone()).unwrap() };
    let (ids, labels) = (list("input_ids"), list("labels"));
    assert_eq!(list("attention_mask"), vec![1; ids.len()]);
    assert!(ids.iter().zip(&labels).all(|(id, label)| *label == i64::from(IGNORE_INDEX) || label == id));
    (value["row"].as_u64().unwrap(), labels)
}

#[test]
fn a_selection_has_the_shape_that_is_asked_for() {
    let sandbox = Sandbox::new();
    tables(&sandbox);
    let select = "select --scores sums.parquet --budget 20 --index chosen.jsonl";
    let report = sandbox.json(0, &format!("{select} --quota-by kind --temperature inf"));
    let parts = report["quota"].as_array().unwrap();
    assert!(parts.len() > 2, "{parts:?}");
    assert_eq!(parts.iter().map(|part| part["n_selected"].as_u64().unwrap()).sum::<u64>(), 20);
    let report = sandbox.json(0, &format!("{select} --quota-by length --length-bins 4"));
    assert!(report["quota"][0]["name"].as_str().unwrap().contains("scored tokens"));
    let report =
        sandbox.json(0, &format!("{select} --min-scored 4 --max-reference-quantile 0.8 --shrinkage 5"));
    assert_eq!(report["left_out"].as_array().unwrap().len(), 2, "{report}");
    let report = sandbox.json(0, &format!("{select} --quota-by kind --shares known=1,noise=1"));
    let selected = |name: &str| {
        report["quota"].as_array().unwrap().iter().find(|part| part["name"] == name).unwrap()["n_selected"]
            .clone()
    };
    assert_eq!((selected("learnable"), selected("duplicate")), (0.into(), 0.into()));

    sandbox.fails(&format!("{select} --temperature 2"), &["--quota-by"]);
    sandbox.fails(&format!("{select} --quota-by nothing"), &["`nothing`", "no row that has it"]);
    sandbox.fails(&format!("{select} --quota-by kind --shares unknown=1"), &["one of", "noise", "`unknown`"]);
    sandbox.fails(
        &format!("{select} --quota-by length --shares a=1"),
        &["`--shares` needs parts with names", "`--quota-by length`"],
    );
    sandbox.fails(&format!("{select} --strategy gap --shrinkage 5"), &["shrinkage", "`lobass`", "`gap`"]);
    sandbox.fails(&format!("{select} --max-reference-quantile 2"), &["0 to 1", "2"]);
    sandbox.fails(&format!("{select} --lengths-of longest"), &["length-matched-random"]);
    let matched = format!("{select} --strategy length-matched-random --lengths-of");
    for other in ["s2l", "rds", "lark", "grape"] {
        sandbox.fails(
            &format!("{matched} {other}"),
            &["`--lengths-of` needs a strategy computed from loss sums", &format!("`{other}`")],
        );
    }
    // Beside others, shrinkage is for lobass.
    sandbox.expect(
        0,
        "report --scores sums.parquet --budget 20 --strategy lobass gap --shrinkage 5 --out page.html -q",
    );
}

#[test]
fn how_fast_a_response_would_be_learned() {
    let sandbox = Sandbox::new();
    let answer = |text: &str| format!("{{\"question\": \"how many?\", \"answer\": \"{text}\"}}\n");
    let pool =
        ["one", "two", "three"].map(answer).concat() + "{\"question\": \"who?\", \"answer\": \"me\"}\n";
    sandbox.write("pool.jsonl", pool);
    sandbox.expect(0, "score --base base --data pool.jsonl --brier --out scores.jsonl -q");
    let rows: Vec<Value> = sandbox
        .read("scores.jsonl")
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for row in &rows {
        let (brier, n) = (row["base_brier"].as_f64().unwrap(), row["n_scored"].as_f64().unwrap());
        assert!(brier > 0.0 && brier < 2.0 * n, "{row}");
    }
    // The plan and its workers give the same table.
    let digest_of = |report: &Value| report["manifest"]["digest"].as_str().unwrap().to_owned();
    let expected =
        digest_of(&sandbox.json(0, "score --base base --data pool.jsonl --brier --out again.parquet -q"));
    sandbox.expect(0, "plan --base base --base-only --data pool.jsonl --brier --work run -q");
    sandbox.expect(0, "worker --work run --rank 0 --world 1 -q");
    assert_eq!(sealed(&sandbox, "run"), expected);

    let select = "select --scores scores.jsonl --strategy lark --budget 100% --index chosen.jsonl -q";
    let report = sandbox.json(1, select);
    assert_eq!((&report["n_selected"], &report["left_out"][0]["n_rows"]), (&2.into(), &2.into()), "{report}");
    let mean = |row: &Value, name: &str| row[name].as_f64().unwrap() / row["n_scored"].as_f64().unwrap();
    let sum = |name: &str| rows[..3].iter().map(|row| mean(row, name)).sum::<f64>();
    let (losses, briers) = (sum("base_nll"), sum("base_brier"));
    let gain = |row: &Value| {
        2.0 * mean(row, "base_brier") / losses - mean(row, "base_nll") * briers / (losses * losses)
    };
    let best = rows[..3].iter().map(gain).fold(f64::MIN, f64::max);
    let scores: Vec<f64> = sandbox
        .read("chosen.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["score"].as_f64().unwrap())
        .collect();
    assert!(scores.iter().any(|score| (score - best).abs() < 1e-9), "{scores:?} {best}");
    sandbox.expect(0, "score --base base --data pool.jsonl --out plain.parquet -q");
    sandbox.fails("select --scores plain.parquet --strategy lark --budget 1 --index i.jsonl", &["--brier"]);
}

#[test]
fn what_texts_say_leaves_rows_out() {
    let sandbox = Sandbox::new();
    let answers = [
        "Paris is the capital of France, and has been for most of the last thousand years.",
        "Paris is the capital of France, and it has been for most of the last thousand years.",
        "As an AI language model, I cannot answer questions about capitals.",
        "Rome is where the government of Italy sits.",
    ];
    let row = |answer: &&str| format!("{{\"question\": \"Which city is it?\", \"answer\": \"{answer}\"}}\n");
    sandbox.write("pool.jsonl", answers.iter().map(row).collect::<String>());
    sandbox.expect(0, "score --base base --data pool.jsonl --out scores.parquet -q");
    let select = "select --scores scores.parquet --strategy longest --budget 100% --index chosen.jsonl -q";
    let report = sandbox.json(1, &format!("{select} --rules"));
    let left_out = &report["left_out"][0];
    assert_eq!(left_out["n_rows"], 1, "{report}");
    assert!(left_out["why"].as_str().unwrap().contains("row 2"), "{left_out}");
    let report = sandbox.json(1, &format!("{select} --near-duplicates 0.5"));
    assert_eq!((&report["n_selected"], &report["left_out"][0]["n_rows"]), (&3.into(), &1.into()), "{report}");
    assert_eq!(sandbox.json(0, select)["n_selected"], 4);
    sandbox.fails(&format!("{select} --rules nonsense"), &["rules", "nonsense"]);
    sandbox.fails(&format!("{select} --near-duplicates 2"), &["0.1 to 1", "2"]);
}

#[test]
fn rows_differ_and_resemble_queries() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    // The first rows again, so that there is something to pass over.
    let pool = sandbox.read("small.jsonl");
    let again: String = pool.lines().take(20).map(|line| format!("{line}\n")).collect();
    sandbox.write("small.jsonl", format!("{pool}{again}"));
    sandbox.write("query.jsonl", again.lines().take(2).map(|line| format!("{line}\n")).collect::<String>());
    sandbox.expect(
        0,
        "score --base base --data small.jsonl --out scores.parquet --embeddings pool.safetensors -q",
    );
    sandbox.expect(0, "embed --base base --data query.jsonl --out query.safetensors -q");
    let rows = |name: &str| -> Vec<u64> {
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap()["row"].as_u64().unwrap();
        sandbox.read(name).lines().map(row).collect()
    };
    let select = "select --scores scores.parquet --index chosen.jsonl -q --embeddings pool.safetensors";
    let copies = |rows: &[u64]| rows.iter().filter(|&&row| row < 20 && rows.contains(&(row + 40))).count();
    let line = format!("{select} --strategy perplexity-high --budget 30");
    sandbox.expect(0, &format!("{line} --diversity cosine:1"));
    assert!(copies(&rows("chosen.jsonl")) > 0, "a bound of 1 lets copies through");
    for how in ["cosine:0.999", "k-center", "facility-location"] {
        sandbox.json(0, &format!("{line} --diversity {how}"));
        assert_eq!(copies(&rows("chosen.jsonl")), 0, "{how}");
    }
    let rds = format!("{select} --strategy rds --budget 4 --query-embeddings query.safetensors");
    sandbox.expect(0, &rds);
    let found: std::collections::BTreeSet<u64> = rows("chosen.jsonl").into_iter().collect();
    assert_eq!(found, [0, 1, 40, 41].into(), "the queries themselves, and their copies");
    sandbox.expect(0, &format!("{rds} --round-robin"));
    assert_eq!(rows("chosen.jsonl").len(), 4);
    // Taking turns affects rds alone: strategies beside it keep the rows that they keep without it.
    let page = "report --scores scores.parquet --budget 4";
    let both = "--strategy rds longest --embeddings pool.safetensors --query-embeddings query.safetensors";
    let chosen = |line: &str| sandbox.json(0, line)["strategies"][1].clone();
    let with = chosen(&format!("{page} {both} --round-robin --out with.html"));
    assert_eq!(with["strategy"], "longest");
    assert_eq!(with, chosen(&format!("{page} {both} --out without.html")));

    sandbox.fails(&format!("{line} --diversity near"), &["`cosine:BOUND`", "`near`"]);
    sandbox.fails(&line, &["--diversity", "rds"]);
    sandbox.fails(&format!("{line} --diversity cosine:0.9 --out-of 3"), &["k-center"]);
    sandbox.fails(
        "select --scores scores.parquet --strategy rds --budget 1 --index i.jsonl",
        &["--query-embeddings"],
    );
    let other = format!("{select} --strategy random --budget 2 --diversity cosine:0.9");
    sandbox.fails(
        &other.replace("pool.safetensors", "query.safetensors"),
        &["query.safetensors", "small.jsonl"],
    );
}

#[test]
fn clusters_of_trajectories() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let run = "run --base base --data small.jsonl --batch-size 8 --epochs 2 --budget 50% --out run -q";
    let report = sandbox.json(0, &format!("{run} --strategy s2l lobass --trajectory"));
    assert_eq!(report["selections"][0]["n_selected"], 20);
    // Without its epochs, a training has a beginning and an end.
    sandbox.expect(0, "score --base base --reference run/reference --data small.jsonl --out two.parquet -q");
    sandbox.expect(0, "select --scores two.parquet --strategy s2l --budget 5 --index i.jsonl -q");
    sandbox.expect(0, "score --base base --data small.jsonl --out one.parquet -q");
    sandbox.fails("select --scores one.parquet --strategy s2l --budget 5 --index i.jsonl", &["--trajectory"]);
}

#[test]
fn scores_of_another_tool_are_ratings() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(10);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet -q");
    // What a selection lists, by another strategy, is a file of ratings.
    sandbox
        .expect(0, "select --scores scores.parquet --strategy longest --budget 6 --index longest.jsonl -q");
    let select = "select --scores scores.parquet --strategy quality --budget 3 --index best.jsonl";
    let report = sandbox.json(0, &format!("{select} --ratings longest.jsonl"));
    assert_eq!(report["n_eligible"], 6, "rows without a rating are no candidates");
    let first = |name: &str| sandbox.read(name).lines().next().unwrap().to_owned();
    assert_eq!(first("best.jsonl"), first("longest.jsonl"));

    sandbox.fails(
        "select --scores scores.parquet --strategy quality --budget 3 --ratings best.jsonl --index best.jsonl",
        &["best.jsonl", "the ratings"],
    );
    sandbox.write("by_row.jsonl", "{\"row\": 7, \"stars\": 1}\n{\"row\": 2, \"stars\": \"4.5\"}\n");
    let report = sandbox.json(1, &format!("{select} --ratings by_row.jsonl --rating stars"));
    assert_eq!(
        (&report["n_eligible"], &report["n_selected"]),
        (&2.into(), &2.into()),
        "two of the three asked for"
    );
    assert_eq!(serde_json::from_str::<Value>(&first("best.jsonl")).unwrap()["row"], 2);

    sandbox
        .fails(&format!("{select} --ratings by_row.jsonl"), &["by_row.jsonl", "row 1", "`score`", "`stars`"]);
    sandbox.write("far.jsonl", "{\"row\": 70, \"score\": 1}\n");
    sandbox.fails(&format!("{select} --ratings far.jsonl"), &["far.jsonl", "below 10", "70"]);
    sandbox.write("twice.jsonl", "{\"row\": 7, \"score\": 1}\n".repeat(2));
    sandbox.fails(&format!("{select} --ratings twice.jsonl"), &["row 7 is rated twice"]);
    sandbox.write("other.jsonl", "{\"row\": 7, \"key\": \"k\", \"score\": 1}\n");
    sandbox.fails(&format!("{select} --ratings other.jsonl"), &["row 7", "`k`", "other data"]);
    sandbox.write("unknown.jsonl", "{\"key\": \"k\", \"score\": 1}\n");
    sandbox.fails(&format!("{select} --ratings unknown.jsonl"), &["no row", "`k`"]);
    sandbox.write("nameless.jsonl", "{\"score\": 1}\n");
    sandbox.fails(&format!("{select} --ratings nameless.jsonl"), &["`row` or a `key`"]);
    sandbox.fails(
        "select --scores scores.parquet --strategy longest --ratings far.jsonl --budget 1 --index i.jsonl",
        &["`--ratings` only applies to the strategy `quality`"],
    );
}

#[test]
fn one_response_to_each_prompt() {
    let sandbox = Sandbox::new();
    let rows = ["one", "two", "three"]
        .map(|answer| format!("{{\"question\": \"how many?\", \"answer\": \"{answer}\"}}\n"));
    sandbox.write("pool.jsonl", format!("{}{{\"question\": \"who?\", \"answer\": \"me\"}}\n", rows.concat()));
    sandbox.expect(0, "score --base base --data pool.jsonl --out scores.parquet -q");
    let select = "select --scores scores.parquet --budget 100% --index chosen.jsonl -q";
    let report = sandbox.json(1, &format!("{select} --strategy grape"));
    assert_eq!((&report["n_selected"], &report["left_out"][0]["n_rows"]), (&2.into(), &2.into()));
    let grape = sandbox.read("chosen.jsonl");
    let report = sandbox.json(1, &format!("{select} --strategy perplexity-high --responses most-probable"));
    assert_eq!(report["n_selected"], 2);
    let rows = |text: &str| {
        let row = |line: &str| serde_json::from_str::<Value>(line).unwrap()["row"].as_u64().unwrap();
        text.lines().map(row).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(rows(&grape), rows(&sandbox.read("chosen.jsonl")), "the same responses, in another order");
    sandbox.json(1, &format!("{select} --strategy perplexity-high --responses best"));
    assert_ne!(rows(&grape), rows(&sandbox.read("chosen.jsonl")));
}
