//! Samples: the same in parts, on any number of threads, and after a kill; their losses; and pairs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use lobass_run::{SampleFile, SampleRow, ScoreFile};
use serde_json::Value;

use crate::sandbox::Sandbox;

fn rows(sandbox: &Sandbox, name: &str) -> Vec<SampleRow> {
    let mut rows = Vec::new();
    let file = SampleFile::open(&sandbox.path(name)).unwrap();
    file.each(&mut |row| {
        rows.push(row);
        Ok(())
    })
    .unwrap();
    rows
}

fn digest(sandbox: &Sandbox, name: &str) -> String {
    SampleFile::open(&sandbox.path(name)).unwrap().manifest().digest.clone()
}

const DRAW: &str = "generate --model base --data small.jsonl --samples 3 --max-new-tokens 12 --seed 5 -q";

#[test]
fn parts_threads_and_kills_change_no_sample() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    sandbox.expect(0, &format!("{DRAW} --out one.parquet --threads 1"));
    sandbox.expect(0, &format!("{DRAW} --out four.parquet --threads 4"));
    assert_eq!(digest(&sandbox, "one.parquet"), digest(&sandbox, "four.parquet"));
    assert_eq!(
        fs_err::read(sandbox.path("one.parquet")).unwrap(),
        fs_err::read(sandbox.path("four.parquet")).unwrap()
    );
    // Two processes, and one that joins.
    sandbox.fails(&format!("{DRAW} --out parts.parquet --rank 0 --world 2"), &["--work"]);
    let parts = format!("{DRAW} --out parts.parquet --work shared");
    sandbox.expect(0, &format!("{parts} --rank 1 --world 2"));
    sandbox.fails(&format!("{parts} --rank 2 --world 2"), &["below `--world` 2"]);
    assert!(!sandbox.path("parts.parquet").exists());
    sandbox.expect(0, &format!("{parts} --rank 0 --world 2"));
    sandbox.expect(0, &parts);
    assert_eq!(digest(&sandbox, "parts.parquet"), digest(&sandbox, "one.parquet"));

    // Killed while the second shard is under way.
    let line = format!("{DRAW} --out killed.parquet --threads 1");
    let arguments: Vec<&str> = line.split(' ').collect();
    let mut child = sandbox.spawn(&arguments);
    let commits = sandbox.path("killed.parquet.work/commits");
    let started = Instant::now();
    let drawn = || {
        let stages = fs_err::read_dir(&commits).into_iter().flatten().flatten();
        stages.filter(|stage| stage.file_name().to_string_lossy().starts_with("generated")).count()
    };
    while drawn() == 0 && started.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.expect(0, &line);
    assert_eq!(digest(&sandbox, "killed.parquet"), digest(&sandbox, "one.parquet"));
    assert!(!sandbox.path("killed.parquet.work").exists());

    // A sample depends on its row alone: in a smaller pool it is the same.
    let all = rows(&sandbox, "one.parquet");
    sandbox.small_pool(20);
    sandbox.expect(0, &format!("{DRAW} --out few.parquet"));
    let few = rows(&sandbox, "few.parquet");
    assert_eq!(few.len(), 60);
    assert_eq!(few, all[..60]);
    // Another seed draws others; done before; and something else before.
    sandbox.expect(0, &format!("{} --out other.parquet", DRAW.replace("--seed 5", "--seed 6")));
    assert_ne!(rows(&sandbox, "other.parquet"), few);
    let again = sandbox.json(0, &format!("{DRAW} --out few.parquet"));
    assert_eq!(again["manifest"]["n_samples"], 60);
    sandbox.fails(
        &format!("{} --out few.parquet", DRAW.replace("--seed 5", "--seed 6")),
        &["few.parquet", "other settings"],
    );
    sandbox.fails("select --scores few.parquet --budget 2", &["few.parquet"]);
    sandbox.fails(&format!("{DRAW} --out x.csv"), &["output `x.csv`", "expected `.parquet`, found `.csv`"]);
    sandbox.fails(&format!("{DRAW} --temperature 0 --out x.parquet"), &["`--temperature 0`", "one sample"]);
    sandbox.fails(&format!("{DRAW} --top-p 0 --out x.parquet"), &["`--top-p`", "found 0"]);
    sandbox.fails(&format!("{DRAW} --temperature -1 --out x.parquet"), &["`--temperature`", "found -1"]);
    sandbox.fails(&format!("{DRAW} --mask all --out x.parquet"), &["`all`"]);
    sandbox.fails(&format!("{DRAW} --out small.jsonl"), &["small.jsonl"]);
}

#[test]
fn losses_are_those_of_the_engine_under_every_model() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out tuned --batch-size 8 --learning-rate 1e-3 -q",
    );
    let line = "generate --base base --model tuned --data small.jsonl --samples 2 --max-new-tokens 16 --out s.parquet";
    let report = sandbox.json(0, line);
    let manifest = &report["manifest"];
    assert_eq!((&manifest["n_rows"], &manifest["n_samples"]), (&24.into(), &48.into()));
    assert_eq!(manifest["drawn_by"]["sampling"]["temperature"], 1.0);
    assert_eq!(manifest["models"][0]["role"], "base");
    assert!(manifest["n_finished"].as_u64().unwrap() > 0, "{manifest}");

    sandbox.expect(0, "score --base base --data small.jsonl --per-token --out t.parquet -q");
    let mut prompts = BTreeMap::new();
    let table = ScoreFile::open(&sandbox.path("t.parquet")).unwrap();
    table
        .token_losses(&["base"], 1, |row| {
            prompts.insert(row.row, row.sequence.prompt().to_vec());
            Ok(())
        })
        .unwrap();
    let engine = |name: &str| {
        let checkpoint = Checkpoint::open(sandbox.path(name)).unwrap();
        Engine::new(checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap(), 1)
    };
    let (base, tuned) = (engine("base"), engine("tuned"));
    let stops = manifest["drawn_by"]["sampling"]["stop_ids"].as_array().unwrap();
    for SampleRow { row, sample, further, .. } in rows(&sandbox, "s.parquet") {
        let prompt = &prompts[&row];
        let ids = [prompt.as_slice(), &sample.ids].concat();
        let scored: Vec<bool> = (0..ids.len()).map(|at| at >= prompt.len()).collect();
        let sequence = [Sequence::from_scored_tokens(ids, &scored).unwrap()];
        assert_eq!(tuned.losses(&sequence, Detail::Sum).unwrap()[0].nll, sample.nll, "row {row}");
        assert_eq!(base.losses(&sequence, Detail::Sum).unwrap()[0].nll.sum, further[0], "row {row}");
        let last = sample.ids.last().copied().map(Value::from).unwrap();
        assert_eq!(sample.is_finished(), stops.contains(&last), "row {row}");
    }
}

#[test]
fn pairs_have_the_prompt_and_the_tokens_that_were_drawn() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(200);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out tuned --batch-size 8 --epochs 3 --learning-rate 1e-3 -q",
    );
    let line = "generate --model tuned --data small.jsonl --max-new-tokens 16 --seed 2 --out s.parquet --pairs pairs.jsonl";
    let report = sandbox.json(0, line);
    let counts = &report["pairs"][1];
    let count = |name: &str| counts[name].as_u64().unwrap();
    let all: u64 = ["written", "unfinished", "same", "other_tokens", "no_text"].map(count).iter().sum();
    assert_eq!(all, 200, "{counts}");
    assert!(count("written") > 20 && count("same") > 0, "{counts}");

    let samples: BTreeMap<String, SampleRow> =
        rows(&sandbox, "s.parquet").into_iter().map(|row| (format!("{}#0", row.key), row)).collect();
    let pairs: Vec<Value> =
        sandbox.read("pairs.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(pairs.len() as u64, count("written"));
    // As training reads them, the rejected side is what was drawn, and the chosen one is the row's own.
    let scored = sandbox.json(0, "score --base tuned --data pairs.jsonl --out p.parquet");
    assert_eq!(scored["manifest"]["pairs"], true);
    assert_eq!(scored["manifest"]["counts"], serde_json::json!({"ok": pairs.len()}));
    let table = lobass_run::read_table(&sandbox.path("p.parquet")).unwrap();
    for record in &table.records {
        let sample = &samples[record.key.as_str()].sample;
        let rejected = record.rejected.unwrap().base.unwrap();
        assert_eq!(rejected, sample.nll, "{}", record.key);
    }
    sandbox.expect(0, "train --model tuned --data pairs.jsonl --objective dpo --out dpo --batch-size 8 -q");
}

#[test]
fn a_selection_by_samples_subtracts_what_they_gained() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out tuned --batch-size 8 --epochs 2 --learning-rate 1e-3 -q",
    );
    let draw = "generate --base base --model tuned --data small.jsonl --max-new-tokens 16 -q";
    sandbox.expect(0, &format!("{draw} --samples 4 --out four.parquet"));
    sandbox.expect(0, "score --base base --reference tuned --data small.jsonl --out t.parquet -q");
    let select = "select --scores t.parquet --budget 10 --strategy demonstration-advantage";
    let report = sandbox.json(0, &format!("{select} --samples four.parquet --index best.jsonl"));
    let facts = &report["samples"];
    assert_eq!((&facts["per_row"], &facts["is_estimate"]), (&4.into(), &true.into()), "{facts}");
    assert_eq!(facts["by_reference"], true);
    assert!(facts["median_error"].as_f64().unwrap() > 0.0, "{facts}");

    // By hand, from the file of samples and the table.
    let table = lobass_run::read_table(&sandbox.path("t.parquet")).unwrap();
    let mut gaps: BTreeMap<u64, Vec<(f64, bool)>> = BTreeMap::new();
    for row in rows(&sandbox, "four.parquet") {
        let gap = row.further[0] - row.sample.nll.sum;
        gaps.entry(row.row).or_default().push((gap, row.sample.is_finished()));
    }
    for line in sandbox.read("best.jsonl").lines() {
        let chosen: Value = serde_json::from_str(line).unwrap();
        let row = chosen["row"].as_u64().unwrap();
        let record = &table.records[usize::try_from(row).unwrap()];
        let own = record.base.unwrap().sum - record.reference.unwrap().sum;
        let of_samples = &gaps[&row];
        assert!(of_samples.iter().any(|(_, is_finished)| *is_finished), "row {row}");
        let mean = of_samples.iter().map(|(gap, _)| gap).sum::<f64>() / 4.0;
        assert!((chosen["score"].as_f64().unwrap() - (own - mean)).abs() < 1e-9, "row {row}");
    }
    let mean = select.replace("advantage", "advantage-mean");
    sandbox.expect(0, &format!("{mean} --samples four.parquet --index mean.jsonl -q"));
    assert_ne!(sandbox.read("mean.jsonl"), sandbox.read("best.jsonl"));

    sandbox.fails(select, &["demonstration-advantage", "--samples"]);
    sandbox.fails(
        "select --scores t.parquet --budget 10 --samples four.parquet",
        &["`--samples` only applies", "`demonstration-advantage`"],
    );
    sandbox.expect(0, &format!("{draw} --samples 3 --out three.parquet"));
    sandbox.fails(&format!("{select} --samples three.parquet"), &["at least 4", "found 3"]);
    let alone = draw.replace("--base base ", "");
    sandbox.expect(0, &format!("{alone} --samples 4 --out alone.parquet"));
    sandbox
        .fails(&format!("{select} --samples alone.parquet"), &["expected losses under base and reference"]);
    let fewer: String =
        sandbox.read("small.jsonl").lines().take(40).map(|line| format!("{line}\n")).collect();
    sandbox.write("fewer.jsonl", fewer);
    let other = draw.replace("small.jsonl", "fewer.jsonl");
    sandbox.expect(0, &format!("{other} --samples 4 --out other.parquet"));
    sandbox.fails(&format!("{select} --samples other.parquet"), &["other data"]);
    sandbox.fails(&format!("{select} --samples small.jsonl"), &["small.jsonl"]);
}

/// A copy of the shipped checkpoint whose weights are no numbers.
pub(crate) fn model_of_nans(sandbox: &Sandbox, name: &str) {
    let weights = sandbox.copy_of_base(name).join("model.safetensors");
    let mut bytes = fs_err::read(&weights).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    // Of each f32 of the shipped checkpoint.
    let nan = f32::NAN.to_le_bytes();
    bytes[8 + header..].chunks_exact_mut(4).for_each(|value| value.copy_from_slice(&nan));
    fs_err::write(weights, bytes).unwrap();
}

#[test]
fn rows_without_samples_are_counted_and_decide_the_exit_code() {
    let sandbox = Sandbox::new();
    let good = r#"{"question":"What is 2+2?","answer":"4"}"#;
    let empty = r#"{"question":"And this?","answer":""}"#;
    sandbox.write("some.jsonl", format!("{good}\nno json\n{empty}\n{empty}\n"));
    let line = "generate --model base --data some.jsonl --max-new-tokens 4 --out some.parquet";
    let said = sandbox.expect(1, line);
    // Drawn, and done before.
    for said in [said, sandbox.expect(1, line)] {
        for words in [
            "1 sample of 1 row,",
            "1 malformed, the first of them row 1: line 2",
            "2 empty_response, the first of them row 2",
        ] {
            assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
        }
    }
    let json = sandbox.json(1, line);
    assert_eq!(json["unused"]["malformed"]["first"], 1, "{json}");
    assert_eq!(json["unused"]["empty_response"]["n_rows"], 2, "{json}");
    // Where no row can be used at all, and where rows are left out on request.
    let long = sandbox.expect(1, &line.replace("some.parquet", "none.parquet --max-length 3"));
    assert!(long.stdout.contains("1 overlong, the first of them row 0"), "{}", long.stdout);
    sandbox.write("twice.jsonl", format!("{good}\n{good}\n"));
    let twice = line.replace("some.", "twice.");
    let said = sandbox.expect(0, &format!("{twice} --duplicates drop"));
    assert!(said.stdout.contains("1 duplicate, the first of them row 1"), "{}", said.stdout);
}

#[test]
fn a_model_without_finite_numbers_is_said() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(10);
    model_of_nans(&sandbox, "nans");
    let line = "generate --model nans --data small.jsonl --max-new-tokens 8 --out nans.parquet";
    let said = sandbox.expect(1, &format!("{line} --pairs pairs.jsonl"));
    for words in ["0 by themselves, 0 at the limit", "10 samples ended where", "not finite", "--dtype f32"] {
        assert!(said.stdout.contains(words), "{words}: {}", said.stdout);
    }
    assert!(!said.stdout.contains("did not end"), "{}", said.stdout);
    assert_eq!(sandbox.json(1, line)["manifest"]["n_not_finite"], 10);
}

#[test]
fn samples_behind_the_positions_of_the_model_are_said_once() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    let line = "generate --model base --data small.jsonl --out long.parquet --max-new-tokens";
    let said = sandbox.expect(0, &format!("{line} 130"));
    let words = "behind the model's 128 tokens";
    assert_eq!(said.stderr.matches(words).count(), 1, "{}", said.stderr);
    assert!(
        said.stderr.contains("`--max-new-tokens 130`") && said.stderr.contains("in 4 rows"),
        "{}",
        said.stderr
    );
    let short = sandbox.expect(0, &line.replace("long.", "short.").replace("tokens", "tokens 4"));
    assert!(!short.stderr.contains(words), "{}", short.stderr);
}
