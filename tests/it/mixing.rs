//! Losses of sources, laws of them, and trainings that mix sources.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// The shipped pool as a file for each kind of some rows.
fn kinds(sandbox: &Sandbox, n_rows: usize) -> String {
    let mut files = std::collections::BTreeMap::<String, String>::new();
    for line in sandbox.read("pool.jsonl").lines().take(n_rows) {
        let row: Value = serde_json::from_str(line).unwrap();
        let kind = row["kind"].as_str().unwrap();
        let kind = if matches!(kind, "learnable" | "noise") { kind } else { "others" };
        files.entry(kind.to_owned()).or_default().push_str(&format!("{line}\n"));
    }
    for (kind, rows) in &files {
        sandbox.write(&format!("{kind}.jsonl"), rows);
    }
    files.keys().map(|kind| format!("{kind}.jsonl")).collect::<Vec<_>>().join(" ")
}

fn lines(sandbox: &Sandbox, path: &str, kind: &str) -> Vec<Value> {
    let lines = sandbox.read(path);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == kind).collect()
}

#[test]
fn sources_of_a_training_have_laws_beside_the_loss_that_they_shed() {
    let sandbox = Sandbox::new();
    let data = kinds(&sandbox, 800);
    let train = "train --model base --batch-size 4 --learning-rate 1e-3 --epochs 2 --save-every 0 -q";
    sandbox.expect(0, &format!("{train} --data {data} --eval-data noise.jsonl --eval-every 0 --out tuned"));
    // The losses of sources sum up to those of the steps.
    for step in lines(&sandbox, "tuned/metrics.jsonl", "step") {
        let of = |field: &str| -> f64 {
            step["by_source"].as_object().unwrap().values().map(|of| of[field].as_f64().unwrap()).sum()
        };
        let loss = step["loss"].as_f64().unwrap();
        assert!((of("nll") / of("n_scored") - loss).abs() < 1e-9 * loss, "{step}");
        assert!(step["by_source"].as_object().unwrap().values().all(|of| of["pass"] == step["epoch"]));
    }
    let held_out = &lines(&sandbox, "tuned/metrics.jsonl", "held_out")[0];
    assert_eq!(held_out["by_source"]["noise"]["n_scored"], held_out["n_scored"]);
    // The source of the metrics is that of the score table.
    sandbox.expect(0, &format!("score --base base --reference tuned --data {data} --out scores.parquet -q"));
    let sources = "sources --metrics tuned --scores scores.parquet --bootstrap 20";
    let report: Value =
        serde_json::from_str(&sandbox.expect(0, &format!("{sources} --format json")).stdout).unwrap();
    assert_eq!((&report["n_taken"], &report["n_first_pass"]), (&400.into(), &200.into()));
    let found = report["sources"].as_array().unwrap();
    let of = |name: &str| found.iter().find(|source| source["source"] == name).unwrap();
    let sum = |field: &str| found.iter().map(|source| source[field].as_f64().unwrap()).sum::<f64>();
    assert_eq!((found.len(), sum("n_rows")), (3, 800.0));
    assert!((sum("ado_share") - 1.0).abs() < 1e-9);
    let (learnable, noise) = (of("learnable"), of("noise"));
    assert_eq!((learnable["status"].as_str(), noise["status"].as_str()), (Some("ok"), Some("ok")));
    for field in ["potential", "loss_shed"] {
        assert!(learnable[field].as_f64() > noise[field].as_f64(), "{field}: {report}");
    }
    assert!(learnable["ado_share"].as_f64() > learnable["share"].as_f64(), "{report}");
    let interval = &learnable["intervals"]["potential"];
    assert!(interval["low"].as_f64().unwrap() < interval["high"].as_f64().unwrap());
    let text = sandbox.expect(0, sources).stdout;
    assert!(text.contains("400 of 400, 200 of them in the first pass") && text.contains("shed"), "{text}");
    // A short training has no law, which is worth a look.
    sandbox.expect(
        0,
        &format!("{train} --data noise.jsonl --out short").replace("--batch-size 4", "--batch-size 32"),
    );
    let mixed = sandbox.expect(0, &format!("{train} --data noise.jsonl --mixing even --out alone"));
    assert!(mixed.stderr.contains("all rows are of one source, so `--mixing`"), "{}", mixed.stderr);
    let ended = sandbox.expect(1, "sources --metrics short/metrics.jsonl");
    assert!(
        ended.stdout.contains("few points") && ended.stdout.contains("expected at least 40"),
        "{}",
        ended.stdout
    );
    // Metrics of earlier versions have no sources.
    sandbox.write("old.jsonl", r#"{"type":"step","step":1,"n_steps":9,"epoch":1,"loss":2.0}"#);
    sandbox.fails("sources --metrics old.jsonl", &["line 1", "expected `by_source`", "train again"]);
    sandbox
        .fails("sources --metrics base", &["`base`: expected a `metrics.jsonl` of a training, found none"]);
    sandbox.write("run/reference/metrics.jsonl", "");
    sandbox.fails("sources --metrics run", &["expected a `metrics.jsonl`", "reference` has one"]);
    sandbox.fails("sources --metrics tuned --prior noise=1", &["expected a weight for"]);
    sandbox.fails("sources --metrics tuned --floor 0", &["`--floor`", "above 0"]);
}

#[test]
fn the_loss_that_sources_shed_is_that_of_their_own_rows() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(64);
    let rows: Vec<String> = sandbox.read("pool.jsonl").lines().map(|line| format!("{line}\n")).collect();
    sandbox.write("named/small.jsonl", rows[100..140].concat());
    sandbox.write("more/small.jsonl", rows[100..180].concat());
    sandbox.write("part.jsonl", rows[..40].concat());
    let train = "train --model base --data small.jsonl --batch-size 8 -q";
    sandbox.expect(0, &format!("{train} --out tuned"));
    let score = |name: &str, data: &str| {
        sandbox
            .expect(0, &format!("score --base base --reference tuned --data {data} --out {name}.parquet -q"));
    };
    score("own", "small.jsonl");
    score("named", "named/small.jsonl");
    score("more", "more/small.jsonl");
    score("part", "part.jsonl");
    score("both", "small.jsonl part.jsonl");
    let sources = |metrics: &str, name: &str| format!("sources --metrics {metrics} --scores {name}.parquet");
    assert!(sandbox.expect(1, &sources("tuned", "own")).stdout.contains("shed"));
    // The record beside the metrics names the files.
    for other in ["named", "more", "part", "both"] {
        for metrics in ["tuned", "tuned/metrics.jsonl"] {
            let words = [
                &format!("`{other}.parquet`"),
                "expected the data files of the training",
                "leave out `--scores`",
            ];
            sandbox.fails(&sources(metrics, other), &words);
        }
    }
    // Of metrics alone, sources and rows are compared.
    fs_err::copy(sandbox.path("tuned/metrics.jsonl"), sandbox.path("alone.jsonl")).unwrap();
    sandbox.expect(1, &sources("alone.jsonl", "own"));
    sandbox
        .fails(&sources("alone.jsonl", "part"), &["expected rows of the source `small`", "those of `part`"]);
    sandbox.fails(&sources("alone.jsonl", "both"), &["found `part` beside them"]);
    sandbox.fails(&sources("alone.jsonl", "named"), &["source `small`", "expected at least", "found 40"]);
}

#[test]
fn a_mixed_training_is_drawn_by_its_shares_and_recorded() {
    let sandbox = Sandbox::new();
    let data = kinds(&sandbox, 800);
    let line = format!("train --model base --data {data} --batch-size 4 --learning-rate 1e-3 -q --out");
    sandbox.expect(0, &format!("{line} ado --mixing ado --prior learnable=2,noise=1,others=1"));
    let steps = lines(&sandbox, "ado/metrics.jsonl", "step");
    assert_eq!(steps[0]["shares"]["learnable"], 0.5);
    let share = |step: &Value, source: &str| step["shares"][source].as_f64().unwrap();
    assert!(share(&steps[199], "learnable") > 0.5 && share(&steps[199], "noise") < 0.25, "{}", steps[199]);
    let record: Value = serde_json::from_str(&sandbox.read("ado/lobass-training.json")).unwrap();
    assert_eq!(record["recipe"]["mixing"]["prior"], "learnable=2,noise=1,others=1");
    let mixed = record["outcome"]["mixed"].as_array().unwrap();
    let drawn: u64 = mixed.iter().map(|source| source["n_drawn"].as_u64().unwrap()).sum();
    assert_eq!((mixed.len(), drawn), (3, 800));
    // Rows are seen again only after all of their source were.
    sandbox.expect(0, &format!("{line} even --mixing even --mixing-max-passes 2"));
    let record: Value = serde_json::from_str(&sandbox.read("even/lobass-training.json")).unwrap();
    for source in record["outcome"]["mixed"].as_array().unwrap() {
        assert!(source["n_drawn"].as_u64() <= source["n_rows"].as_u64().map(|rows| 2 * rows), "{source}");
    }
    // The mixture decides the training.
    sandbox.fails(&format!("{line} even --mixing rows"), &["trained with other mixing"]);
    sandbox.fails(&format!("{line} even"), &["trained with other mixing", "now null"]);
    for (flags, said) in [
        ("--prior even", "`--prior` needs `--mixing`"),
        ("--mixing even --prior rows", "`--prior` needs `--mixing ado`"),
        ("--mixing rows --mixing-floor 1", "`--mixing-floor` needs `--mixing ado`"),
        ("--mixing ado --prior noise=1", "expected a weight for `learnable`"),
        ("--mixing ado --epochs 5", "cannot fill 5 epochs"),
        ("--mixing ado --mixing-floor=-1", "`mixing floor`"),
    ] {
        sandbox.fails(&format!("{line} other {flags}"), &[said]);
        assert!(!sandbox.path("other").exists(), "{flags}");
    }
}

#[test]
fn a_run_trains_its_references_by_the_mixture() {
    let sandbox = Sandbox::new();
    let data = kinds(&sandbox, 200);
    let line = "--batch-size 4 --learning-rate 1e-3 --mixing even --order-seed 7 -q";
    sandbox.expect(0, &format!("train --model base --data {data} {line} --out tuned"));
    sandbox.expect(0, &format!("run --base base --data {data} {line} --budget 20 --out run"));
    let weights = |dir: &str| fs_err::read(sandbox.path(format!("{dir}/model.safetensors"))).unwrap();
    assert!(weights("run/reference") == weights("tuned"), "the same reference");
    sandbox.expect(
        0,
        &format!("run --base base --data {data} {line} --budget 20 --reference-mode cross-fit --out folds"),
    );
    let record: Value =
        serde_json::from_str(&sandbox.read("folds/references/fold1/lobass-training.json")).unwrap();
    assert_eq!(record["outcome"]["mixed"].as_array().unwrap().len(), 3);
}
