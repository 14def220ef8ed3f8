//! Rounds of IRFT and SPIN: anchors, slices, what continues after a stop, and what is refused.

use serde_json::Value;

use crate::sandbox::Sandbox;

const TRAIN: &str = "--batch-size 8 --learning-rate 3e-4 --max-new-tokens 16";

/// A model that ends its answers, and a small pool.
fn sft(sandbox: &Sandbox) {
    sandbox.small_pool(160);
    let train =
        "train --model base --data small.jsonl --out sft --batch-size 8 --epochs 3 --learning-rate 1e-3 -q";
    sandbox.expect(0, train);
}

fn read(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&sandbox.read(name)).unwrap()
}

fn bytes(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    fs_err::read(sandbox.path(name)).unwrap()
}

#[test]
fn each_round_begins_where_the_one_before_ended() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = format!("irft --model sft --data small.jsonl --rounds 2 {TRAIN}");
    let report = sandbox.json(0, &format!("{line} --out rounds"));
    let rounds = report["rounds"].as_array().unwrap();
    assert_eq!(rounds.len(), 2);
    for round in rounds {
        // The rows are divided, and with a moving anchor every margin is zero at first.
        assert_eq!(round["n_rows"], 80, "{round}");
        let first = round["first_loss"].as_f64().unwrap();
        assert!((first - 2f64.ln()).abs() < 1e-6, "{first}");
        assert_ne!(round["last_loss"], round["first_loss"], "{round}");
        assert_eq!(round["n_trained"], round["pairs"]["written"]);
    }
    assert_ne!(rounds[0]["samples"], rounds[1]["samples"]);
    let record = |name: &str| read(&sandbox, &format!("{name}/lobass-training.json"));
    assert_eq!(record("rounds/round-1/model")["dpo"]["beta"], 0.1);
    assert!(record("rounds/round-1/model").get("anchor").is_none());
    let all = read(&sandbox, "rounds/lobass-irft.json");
    assert_eq!((&all["optimizer"], &all["anchor"]), (&"AdamW".into(), &"moving".into()));

    // Done before, and what a stop between drawing and training leaves.
    let weights = "rounds/round-2/model/model.safetensors";
    let model = bytes(&sandbox, weights);
    assert_eq!(sandbox.json(0, &format!("{line} --out rounds")), report);
    for left in ["model", "lobass-round.json", "pairs.jsonl"] {
        let path = sandbox.path(format!("rounds/round-2/{left}"));
        if path.is_dir() { fs_err::remove_dir_all(path).unwrap() } else { fs_err::remove_file(path).unwrap() }
    }
    assert_eq!(sandbox.json(0, &format!("{line} --out rounds")), report);
    assert_eq!(bytes(&sandbox, weights), model);
    sandbox.fails(&format!("{line} --beta 0.5 --out rounds"), &["rounds", "other settings", "`train`"]);
    sandbox.fails(&format!("{line} --seed 3 --out rounds"), &["`sampling`"]);
    sandbox.fails(&format!("{line} --out sft"), &["sft"]);
}

#[test]
fn spin_takes_every_row_and_the_pairs_of_the_round_before() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = format!("irft --model sft --data small.jsonl --every-row --with-previous {TRAIN} --out spin");
    let one = sandbox.json(0, &format!("{line} --rounds 1"));
    assert_eq!(one["rounds"][0]["n_rows"], 160);
    // A further round is added.
    let two = sandbox.json(0, &format!("{line} --rounds 2"));
    assert_eq!(two["rounds"][0], one["rounds"][0]);
    let written = |at: usize| two["rounds"][at]["pairs"]["written"].as_u64().unwrap();
    assert_eq!(two["rounds"][1]["n_trained"].as_u64().unwrap(), written(0) + written(1));
}

#[test]
fn another_anchor_is_another_algorithm() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = format!("irft --model sft --data small.jsonl {TRAIN}");
    let moving = sandbox.json(0, &format!("{line} --out moving"));
    let fixed = sandbox.json(0, &format!("{line} --anchor base --base base --out fixed"));
    // The same answers; but the margins are not zero at the start.
    assert_eq!(fixed["rounds"][0]["samples"], moving["rounds"][0]["samples"]);
    let first = fixed["rounds"][0]["first_loss"].as_f64().unwrap();
    assert!((first - 2f64.ln()).abs() > 1e-3, "{first}");
    assert!(read(&sandbox, "fixed/round-1/model/lobass-training.json")["anchor"].is_string());
    assert!(read(&sandbox, "fixed/lobass-irft.json")["anchor"]["fixed"].is_string());
    sandbox.fails(&format!("{line} --anchor base --out x"), &["--base"]);
    sandbox.fails(&format!("{line} --base base --out x"), &["--anchor base"]);
    sandbox.fails(
        "irft --model sft --data small.jsonl --max-new-tokens 1 --out x",
        &["expected pairs", "did not end", "--max-new-tokens"],
    );
    sandbox.fails(
        "irft --model sft --data small.jsonl --max-new-tokens 12 --batch-size 500 --out few",
        &["round 1, of ", " pairs", "nothing would be learned"],
    );
}

#[test]
fn adapters_are_merged_before_the_next_round() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = format!(
        "irft --model sft --data small.jsonl --rounds 2 --method lora --lora-rank 4 {TRAIN} --out lora"
    );
    let report = sandbox.json(0, &line);
    assert_ne!(report["rounds"][1]["last_loss"], report["rounds"][1]["first_loss"]);
    for round in [1, 2] {
        assert!(sandbox.path(format!("lora/round-{round}/adapter/adapter_config.json")).exists());
        assert!(sandbox.path(format!("lora/round-{round}/model/model.safetensors")).exists());
    }
    assert_eq!(sandbox.json(0, &line), report);
}
