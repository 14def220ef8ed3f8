//! Rounds of IRFT and SPIN: anchors, slices, what continues after a stop, and what is refused.

use serde_json::Value;

use crate::generate::model_of_nans;
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

#[test]
fn what_cannot_work_is_refused_before_an_answer_is_drawn() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let line = "irft --model base --data small.jsonl --max-new-tokens 8 --out out";
    for (flags, words) in [
        ("--beta -1", ["`--beta`", "found -1"]),
        ("--quantize-base nf4", ["expected an adapter to train", "nf4"]),
        ("--eval-data small.jsonl", ["`--eval-data`", "expected pairs"]),
        ("--eval-data missing.jsonl", ["missing.jsonl", "No such file"]),
        ("--batch-size 40", ["round 1, of at most 40 pairs", "nothing would be learned"]),
        ("--rounds 41 --batch-size 1 --warmup-ratio 0", ["`--rounds 41`", "none in round 41"]),
        ("--rounds 4 --eval-rows 10", ["`--eval-rows`", "found 10"]),
        ("--temperature -1", ["`--temperature`", "found -1"]),
        ("--objective sft", ["sft", "dpo"]),
    ] {
        let said = sandbox.fails(&format!("{line} {flags}"), &words);
        assert!(!said.stderr.contains("generate  "), "{flags}: {}", said.stderr);
        assert!(!sandbox.path("out").exists(), "{flags}");
    }
    let help = sandbox.expect(0, "irft --help").stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("[default: dpo]") && !help.contains("[default: sft]"), "{help}");
    let several = sandbox.fails(&format!("{line} --beta 0 --top-p 2"), &["`--beta`", "`--top-p`"]);
    assert!(several.stderr.contains("2 things are wrong") || several.stderr.contains("3 things"));
}

#[test]
fn drawn_answers_are_kept_for_other_settings_of_training() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = "irft --model sft --data small.jsonl --max-new-tokens 12 --learning-rate 3e-4 --out kept";
    // Of 160 answers, some become no pair, so that one batch is left.
    let said =
        sandbox.fails(&format!("{line} --batch-size 159"), &["round 1, of ", "nothing would be learned"]);
    assert!(said.stderr.contains("generate  "), "{}", said.stderr);
    let answers = bytes(&sandbox, "kept/round-1/samples.parquet");
    sandbox.fails(&format!("{line} --batch-size 8 --seed 3"), &["`sampling`", "another directory"]);
    let said = sandbox.expect(0, &format!("{line} --batch-size 8"));
    assert!(!said.stderr.contains("generate  ") && said.stderr.contains("`train`"), "{}", said.stderr);
    assert_eq!(bytes(&sandbox, "kept/round-1/samples.parquet"), answers);
    sandbox.fails(&format!("{line} --batch-size 4"), &["`train`", "another directory"]);

    // Without a pair there is nothing to keep.
    let other = line.replace("kept", "other");
    sandbox.fails(&other.replace("tokens 12", "tokens 1"), &["expected pairs", "--max-new-tokens"]);
    sandbox.expect(0, &format!("{other} --batch-size 8"));
}

#[test]
fn a_model_that_training_ruins_is_refused() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let line = "irft --model sft --data small.jsonl --max-new-tokens 12 --out out";
    // A loss of a later step shows it, or none does.
    sandbox.fails(
        &format!("{line} --learning-rate 1e10 --batch-size 16 --warmup-ratio 0"),
        &["expected finite numbers", "smaller learning rate"],
    );
    let said = sandbox.fails(
        &format!("{line} --learning-rate 1e10 --batch-size 159 --warmup-ratio 0 --schedule constant"),
        &["after the last of 1 steps", "smaller learning rate, now 1e10"],
    );
    assert!(!said.stderr.contains("generate  "), "{}", said.stderr);
    assert!(!sandbox.path("out/round-1/model/model.safetensors").exists());
    sandbox.expect(0, &format!("{line} --learning-rate 3e-4 --batch-size 8"));
}

#[test]
fn rows_that_cannot_be_answered_are_counted_in_their_round() {
    let sandbox = Sandbox::new();
    sft(&sandbox);
    let rows = sandbox.read("small.jsonl");
    sandbox.write("some.jsonl", format!("no json\n{rows}"));
    let line = format!("irft --model sft --data some.jsonl --rounds 2 {TRAIN} --out some");
    let said = sandbox.expect(1, &line);
    assert!(said.stdout.contains("1 malformed, the first of them row 0: line 1"), "{}", said.stdout);
    let again = sandbox.json(1, &line);
    assert_eq!(again["rounds"][0]["unused"]["malformed"]["n_rows"], 1);
    assert_eq!(again["rounds"][1]["unused"], serde_json::json!({}));
    sandbox.write("none.jsonl", "{\"question\":\"a?\",\"answer\":[7]}\n".repeat(2));
    sandbox.fails(
        "irft --model sft --data none.jsonl --out none",
        &["no row of the pool can be used", "2 malformed"],
    );
    let all_long = sandbox.fails(
        "irft --model sft --data small.jsonl --max-length 3 --batch-size 8 --out long",
        &["expected pairs", "160 rows overlong", "row 0: "],
    );
    assert!(!all_long.stderr.contains("lets more answers end"), "{}", all_long.stderr);
}

#[test]
fn a_model_without_finite_numbers_gets_no_advice_about_lengths() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    model_of_nans(&sandbox, "nans");
    let said = sandbox.fails(
        "irft --model nans --data small.jsonl --max-new-tokens 8 --batch-size 8 --out out",
        &["20 answers ended at a number that is not finite", "start from a model without such numbers"],
    );
    assert!(!said.stderr.contains("lets more answers end"), "{}", said.stderr);
}
