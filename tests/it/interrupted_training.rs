//! A training that is killed, and taken up again, ends with the same bits.

use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;

/// Runs a training and kills it with SIGKILL once its metrics have so many lines; whether it was still running.
fn kill_after(sandbox: &Sandbox, line: &str, out: &str, lines: usize) -> bool {
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let mut child = sandbox.spawn(&arguments);
    let started = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let metrics =
            fs_err::read_to_string(sandbox.path(format!("{out}/metrics.jsonl"))).unwrap_or_default();
        if metrics.lines().count() >= lines {
            child.kill().unwrap(); // SIGKILL
            child.wait().unwrap();
            return true;
        }
        assert!(started.elapsed() < Duration::from_mins(2), "no progress");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn check(method: &str, weights: &str) {
    let sandbox = Sandbox::new();
    sandbox.small_pool(120);
    let more: String =
        sandbox.read("pool.jsonl").lines().skip(120).take(60).map(|line| format!("{line}\n")).collect();
    sandbox.write("more.jsonl", more);
    let line = format!(
        "train --model base --data small.jsonl --batch-size 4 --epochs 12 --learning-rate 1e-3 --eval-rows 20 \
         --save-every 9 -q {method} --out"
    );
    sandbox.expect(0, &format!("{line} whole"));
    let mut kills = 0;
    for lines in [1, 12, 40, 100, 200] {
        kills += usize::from(kill_after(&sandbox, &format!("{line} killed"), "killed", lines));
    }
    assert!(kills >= 3, "only {kills} trainings were killed");
    let ended = sandbox.expect(0, &format!("{line} killed").replace(" -q", ""));
    assert!(ended.stderr.contains("resumed after step"), "{}", ended.stderr);
    for file in [weights, "metrics.jsonl", "lobass-training.json"] {
        let bytes = |dir: &str| fs_err::read(sandbox.path(format!("{dir}/{file}"))).unwrap();
        assert!(bytes("killed") == bytes("whole"), "{file} differs");
    }
    assert!(!sandbox.path("killed/state").exists(), "states are removed in the end");
}

#[test]
fn full_training_survives_kill_9() {
    check("", "model.safetensors");
}

#[test]
fn a_mixture_survives_kill_9() {
    check("--mixing ado --mixing-max-passes 12 --data more.jsonl", "model.safetensors");
}

#[test]
fn an_adapter_survives_kill_9_with_its_dropout() {
    check("--method lora --lora-rank 4 --lora-dropout 0.1", "adapter_model.safetensors");
}

#[test]
fn a_null_model_survives_kill_9() {
    check("--context unconditional", "model.safetensors");
}

#[test]
fn full_training_in_mixed_precision_survives_kill_9() {
    check("--dtype bf16", "model.safetensors");
}

#[test]
fn an_adapter_in_mixed_precision_survives_kill_9() {
    check("--products bf16 --method lora --lora-rank 4 --lora-dropout 0.1", "adapter_model.safetensors");
}

#[test]
fn products_of_another_format_make_another_training() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    let line =
        "train --model base --data small.jsonl --batch-size 4 --learning-rate 1e-3 --save-every 2 --out t";
    sandbox.expect(0, &format!("{line} --dtype bf16"));
    let record: serde_json::Value =
        serde_json::from_slice(&fs_err::read(sandbox.path("t/lobass-training.json")).unwrap()).unwrap();
    assert_eq!(record["recipe"]["products"], "bf16");
    sandbox.fails(line, &["products (\"bf16\", now \"f32\")"]);
    assert!(sandbox.expect(0, &format!("{line} --products bf16")).stderr.contains("done before"));
    sandbox.expect(0, &line.replace("--out t", "--out u"));
    sandbox.fails(
        &format!("{line} --dtype bf16").replace("--out t", "--out u"),
        &["products (\"f32\", now \"bf16\")"],
    );
    let record = fs_err::read_to_string(sandbox.path("u/lobass-training.json")).unwrap();
    assert!(!record.contains("products"), "records of trainings in f32 are as they were");
    let weights = |dir: &str| fs_err::read(sandbox.path(format!("{dir}/model.safetensors"))).unwrap();
    assert!(weights("t") != weights("u"));
}

#[test]
fn a_state_that_cannot_be_taken_up_says_why() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(120);
    let line =
        "train --model base --data small.jsonl --batch-size 4 --learning-rate 1e-3 --save-every 2 --out t";
    assert!(kill_after(&sandbox, line, "t", 9));
    let mut states: Vec<_> =
        fs_err::read_dir(sandbox.path("t/state")).unwrap().map(|entry| entry.unwrap().path()).collect();
    states.sort();
    assert!((1..=3).contains(&states.len()), "two are kept, and one may be half-written: {states:?}");
    let last = states.iter().rfind(|path| path.extension().unwrap() == "safetensors").unwrap();
    let bytes = fs_err::read(last).unwrap();
    fs_err::write(last, &bytes[..bytes.len() - 100]).unwrap();
    sandbox.fails(line, &["state/step-", "remove it to take up an earlier one"]);
    fs_err::remove_file(last).unwrap();
    sandbox.expect(0, line);
    // Another recipe does not take up the state of this one.
    assert!(kill_after(&sandbox, &line.replace("--out t", "--out u"), "u", 9));
    let other = line.replace("--out t", "--out u").replace("1e-3", "2e-3");
    assert!(sandbox.expect(0, &other).stderr.contains("training starts again"));
}
