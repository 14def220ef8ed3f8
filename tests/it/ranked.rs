//! A number that is shown is the number that rows were ranked by, and what is printed to be repeated can be.

use std::collections::BTreeSet;
use std::process::Command;

use lobass_core::ColumnSet;
use lobass_run::ScoreFile;
use serde_json::Value;

use crate::sandbox::Sandbox;

/// A run over a few rows with a trajectory: a table under base, reference, and its epochs.
fn run(n_rows: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(n_rows);
    sandbox.expect(
        0,
        "run --base base --data small.jsonl --budget 10 --strategy lobass --epochs 2 --trajectory --batch-size 16 \
         --learning-rate 1e-3 --out run -q",
    );
    sandbox
}

/// The rows of a list, in its order.
fn listed(sandbox: &Sandbox, name: &str) -> Vec<u64> {
    let row = |line: &str| serde_json::from_str::<Value>(line).unwrap()["row"].as_u64().unwrap();
    sandbox.read(name).lines().map(row).collect()
}

/// Base losses, reference losses, and scored tokens of every row.
fn numbers(sandbox: &Sandbox) -> Vec<(f64, f64, f64)> {
    let table = ScoreFile::open(&sandbox.path("run/scores.parquet")).unwrap();
    let columns = table.columns(&ColumnSet::of_losses(["base", "reference"]), 0, 1).unwrap();
    let loss = |name: &str, row| columns.losses(name).get(row).unwrap();
    (0..columns.len())
        .map(|row| (loss("base", row), loss("reference", row), f64::from(columns.n_scored[row])))
        .collect()
}

/// Spearman's rank correlation, in the plainest way.
fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |of: fn(&(f64, f64)) -> f64| -> Vec<f64> {
        let below = |one: f64| pairs.iter().filter(|other| of(other) < one).count() as f64;
        let same = |one: f64| pairs.iter().filter(|other| of(other) == one).count() as f64;
        pairs.iter().map(|pair| below(of(pair)) + (same(of(pair)) - 1.0) / 2.0).collect()
    };
    let (left, right) = (ranks(|pair| pair.0), ranks(|pair| pair.1));
    let mean = |ranks: &[f64]| ranks.iter().sum::<f64>() / ranks.len() as f64;
    let (l, r) = (mean(&left), mean(&right));
    let product = |one: &[f64], a: f64, other: &[f64], b: f64| -> f64 {
        one.iter().zip(other).map(|(x, y)| (x - a) * (y - b)).sum()
    };
    product(&left, l, &right, r) / (product(&left, l, &left, l) * product(&right, r, &right, r)).sqrt()
}

#[test]
fn what_is_told_of_a_selection_is_of_the_scores_that_ranked_it() {
    let sandbox = run(96);
    let rows = numbers(&sandbox);
    for (shrinkage, least) in [(0.0, 0.0), (20.0, 0.0), (2000.0, 0.0), (20.0, 6.0)] {
        let line = format!(
            "select --scores run/scores.parquet --budget 10 --shrinkage {shrinkage} --min-scored {least} --index i.jsonl -q"
        );
        let told = sandbox.json(0, &line)["length_correlation"].as_f64().unwrap();
        let candidates = rows.iter().filter(|(base, _, n)| base + shrinkage > 0.0 && *n >= least);
        let pairs: Vec<(f64, f64)> =
            candidates.map(|(base, reference, n)| ((base - reference) / (base + shrinkage), *n)).collect();
        assert!((told - spearman(&pairs)).abs() < 1e-9, "{shrinkage} {least}: {told} {}", spearman(&pairs));
    }
    // The page, with a guard and shrinkage: what strategies share is what their lists share.
    let shape = "--budget 12 --shrinkage 500 --min-scored 3 -q";
    let page = sandbox.json(
        0,
        &format!("report --scores run/scores.parquet --strategy lobass gap-sum longest --out r.html {shape}"),
    );
    let strategies = ["lobass", "gap-sum", "longest"];
    for strategy in strategies {
        let shape = if strategy == "lobass" { shape } else { "--budget 12 --min-scored 3 -q" };
        let line = format!(
            "select --scores run/scores.parquet --strategy {strategy} --index {strategy}.jsonl {shape}"
        );
        sandbox.expect(0, &line);
    }
    let kept = |at: u64| -> BTreeSet<u64> {
        let name = format!("{}.jsonl", strategies[usize::try_from(at).unwrap()]);
        listed(&sandbox, &name).into_iter().collect()
    };
    for overlap in page["overlaps"].as_array().unwrap() {
        let [left, right] = ["left", "right"].map(|side| kept(overlap[side].as_u64().unwrap()));
        let shared = left.intersection(&right).count() as f64 / 12.0;
        assert!((overlap["shared"].as_f64().unwrap() - shared).abs() < 1e-12, "{overlap}");
    }
    let view = &page["strategies"][0];
    let bins = view["histogram"]["bins"].as_array().unwrap();
    let n_candidates: u64 = bins.iter().map(|bin| bin["n_pool"].as_u64().unwrap()).sum();
    assert_eq!(Some(n_candidates), view["n_eligible"].as_u64(), "only candidates are counted");
    let worst_kept = view["kept_scores"][1].as_f64().unwrap();
    for one in view["picks"]["worst"].as_array().unwrap() {
        assert!(one["score"].as_f64().unwrap() <= worst_kept, "{one} is worse than what is kept");
    }
}

#[test]
fn a_training_is_paid_for_once() {
    let sandbox = run(64);
    sandbox.expect(
        0,
        "compare --scores run/scores.parquet --base base --strategy s2l lobass --budget 10 --eval held-out/known.jsonl \
         --seeds 1 --match epochs --batch-size 2 --epochs 1 --resamples 100 --out compared -q",
    );
    let found: Value = serde_json::from_str(&sandbox.read("compared/results.json")).unwrap();
    let cost = |name: &str| {
        let arms = found["arms"].as_array().unwrap();
        arms.iter().find(|arm| arm["strategy"] == name).unwrap()["cost"].clone()
    };
    let tokens: Value = serde_json::from_str(&sandbox.read("run/reference/lobass-training.json")).unwrap();
    let tokens = tokens["outcome"]["n_tokens"].as_f64().unwrap();
    let expected = 3.0 * tokens / found["pool"]["n_tokens"].as_f64().unwrap();
    for name in ["lobass", "s2l"] {
        assert!(
            (cost(name)["references"].as_f64().unwrap() - expected).abs() < 1e-9,
            "{name}: {}",
            cost(name)
        );
    }
    assert_eq!((&cost("s2l")["scoring"], &cost("lobass")["scoring"]), (&3.0.into(), &2.0.into()));
}

#[cfg(unix)]
#[test]
fn commands_of_a_page_run_as_they_are_printed() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let names = ["a=b.jsonl", "it's $HOME.jsonl", "-dash.jsonl"];
    for name in names {
        sandbox.write(name, sandbox.read("small.jsonl"));
    }
    let scored = sandbox
        .command(&["score", "--base", "base", "--out", "s.parquet", "-q", "--data", "a=b.jsonl"])
        .args(["it's $HOME.jsonl", "./-dash.jsonl"])
        .output()
        .unwrap();
    assert!(scored.status.success(), "{}", String::from_utf8_lossy(&scored.stderr));
    let before = sandbox.json(
        0,
        "report --scores s.parquet --strategy longest --budget 5 --min-base-loss -1e9 -q --out r.html",
    );
    let page = sandbox.read("r.html");
    let unescaped = |text: &str| {
        let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
        signs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    };
    let commands: Vec<String> = page
        .split("<pre><code>lobass ")
        .skip(1)
        .map(|rest| unescaped(rest.split("</code>").next().unwrap()))
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    fs_err::remove_file(sandbox.path("s.parquet")).unwrap();
    for command in commands {
        let shell = Command::new("sh")
            .args(["-c", &format!("\"$LOBASS\" {command}")])
            .current_dir(sandbox.path(""))
            .env("LOBASS", env!("CARGO_BIN_EXE_lobass-under-test"))
            .output()
            .unwrap();
        assert!(shell.status.success(), "{command}\n{}", String::from_utf8_lossy(&shell.stderr));
    }
    let after = sandbox.json(
        0,
        "report --scores s.parquet --strategy longest --budget 5 --min-base-loss -1e9 -q --out q.html",
    );
    assert_eq!(before["strategies"], after["strategies"]);
}
