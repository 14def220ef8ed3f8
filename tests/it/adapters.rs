//! Adapters: trained, scored beside their base, baked in, and refused.

use lobass_run::{ScoreTable, read_table};
use serde_json::Value;

use crate::sandbox::Sandbox;

/// An adapter on the shipped checkpoint, trained in a few steps.
fn with_adapter(flags: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(40);
    let line = "train --model base --data small.jsonl --method lora --batch-size 8 --learning-rate 1e-2 \
                --lora-rank 4 --out adapter";
    sandbox.expect(0, &format!("{line} {flags}"));
    sandbox
}

fn table(sandbox: &Sandbox, name: &str) -> ScoreTable {
    read_table(&sandbox.path(name)).unwrap()
}

fn edit_config(sandbox: &Sandbox, edit: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_str(&sandbox.read("adapter/adapter_config.json")).unwrap();
    edit(&mut config);
    sandbox.write("adapter/adapter_config.json", config.to_string());
}

#[test]
fn an_adapter_is_scored_beside_its_base_and_as_a_checkpoint() {
    let sandbox = with_adapter("--lora-targets q_proj,v_proj,down_proj --modules-to-save norm");
    let config: Value = serde_json::from_str(&sandbox.read("adapter/adapter_config.json")).unwrap();
    assert_eq!((&config["r"], &config["peft_type"]), (&4.into(), &"LORA".into()));
    assert_eq!(config["target_modules"], serde_json::json!(["q_proj", "v_proj", "down_proj"]));
    let line = "score --base base --data small.jsonl";
    sandbox.expect(0, &format!("{line} --adapter adapter --out one.parquet"));
    sandbox.expect(0, &format!("{line} --reference adapter --out two.parquet"));
    sandbox.expect(0, "merge --base base --adapter adapter --out merged");
    sandbox.expect(0, &format!("{line} --reference merged --out three.parquet"));
    let one = table(&sandbox, "one.parquet").records;
    assert_eq!(one, table(&sandbox, "two.parquet").records);
    let mut moved = 0.0f64;
    for (of_adapter, merged) in one.iter().zip(table(&sandbox, "three.parquet").records) {
        assert_eq!(of_adapter.base, merged.base);
        let mean = |record: &lobass_core::ScoreRecord| record.reference.unwrap().mean().unwrap();
        assert!((mean(of_adapter) - mean(&merged)).abs() < 1e-4, "row {}", merged.row);
        moved = moved.max((mean(of_adapter) - of_adapter.base.unwrap().mean().unwrap()).abs());
    }
    assert!(moved > 0.1, "the adapter has learned something: {moved}");
}

#[test]
fn a_frozen_base_of_half_precision_is_trained_on_and_scored() {
    let sandbox = with_adapter("--dtype bf16");
    let line = "score --base base --data small.jsonl --adapter adapter";
    sandbox.expect(0, &format!("{line} --dtype bf16 --out half.parquet"));
    sandbox.expect(0, &format!("{line} --out whole.parquet"));
    let (half, whole) = (table(&sandbox, "half.parquet").records, table(&sandbox, "whole.parquet").records);
    let differ = half.iter().zip(&whole).filter(|(half, whole)| half.base != whole.base).count();
    assert!(differ > 30, "the base was rounded");
    for (half, whole) in half.iter().zip(&whole) {
        let mean = |record: &lobass_core::ScoreRecord| record.reference.unwrap().mean().unwrap();
        assert!((mean(half) - mean(whole)).abs() < 0.3, "row {}", half.row);
    }
}

#[test]
fn what_an_adapter_cannot_be_is_said() {
    let sandbox = with_adapter("");
    let score = "score --base base --data small.jsonl --out scores.parquet --adapter adapter";
    for (field, value, words) in [
        ("peft_type", Value::from("IA3"), ["`peft_type`", "expected LORA, found IA3"]),
        ("use_dora", Value::from(true), ["`use_dora`", "expected false, found true"]),
        ("bias", Value::from("all"), ["`bias`", "expected none, found all"]),
        ("init_lora_weights", Value::from("pissa"), ["`init_lora_weights`", "found pissa"]),
        (
            "alora_invocation_tokens",
            serde_json::json!([5, 6]),
            ["`alora_invocation_tokens`", "not computed here"],
        ),
        (
            "target_parameters",
            serde_json::json!(["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]),
            [
                "`target_parameters`: expected none, since",
                "found mlp.experts.gate_up_proj, mlp.experts.down_proj",
            ],
        ),
        ("r", Value::from(8), ["lora_A.weight", "expected shape [8, "]),
        // PEFT leaves out what its config does not name.
        ("target_modules", serde_json::json!(["q_proj", "lm_head"]), ["unexpected", "v_proj.lora_A"]),
    ] {
        let before = sandbox.read("adapter/adapter_config.json");
        edit_config(&sandbox, |config| config[field] = value.clone());
        sandbox.fails(score, &words);
        sandbox.write("adapter/adapter_config.json", before);
    }
    sandbox.fails("score --base adapter --data small.jsonl --out s.parquet", &["found an adapter", "merge"]);
    sandbox.fails(
        "merge --base base --adapter base --out merged",
        &["expected a directory with adapter_config"],
    );
    sandbox.fails("merge --base base --adapter adapter --out base", &["expected an empty directory"]);
    let bytes = fs_err::read(sandbox.path("adapter/adapter_model.safetensors")).unwrap();
    sandbox.write("adapter/adapter_model.safetensors", &bytes[..bytes.len() / 2]);
    sandbox.fails(score, &["adapter_model.safetensors", "not a valid safetensors file"]);
}

/// transformers would load both together; lobass takes one of them and says which.
#[test]
fn an_adapter_beside_weights_is_said() {
    let sandbox = with_adapter("--epochs 1");
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
        fs_err::copy(sandbox.path("adapter").join(file), sandbox.path("base").join(file)).unwrap();
    }
    let line = "score --base base --data small.jsonl --reference base --out both.parquet";
    let ended = sandbox.run(line);
    assert!(ended.stderr.contains("lobass takes the weights alone"), "{}", ended.stderr);
    assert!(ended.stderr.contains("lobass takes the adapter"), "{}", ended.stderr);
}

#[test]
fn an_adapter_of_another_base_is_refused() {
    let sandbox = with_adapter("");
    sandbox
        .expect(0, "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --out other");
    let line = "score --base other --adapter adapter --data small.jsonl --out scores.parquet";
    sandbox.fails(line, &["expected the base that it was trained on"]);
    sandbox
        .fails("merge --base other --adapter adapter --out m", &["expected the base that it was trained on"]);
    sandbox.fails(
        &line.replace("--adapter adapter", "--adapter base"),
        &["expected a directory with adapter_config"],
    );
    let again = "train --model base --data small.jsonl --method lora --batch-size 8 --learning-rate 1e-2 --lora-rank 4 \
                 --out adapter --dtype bf16";
    sandbox.fails(again, &["dtype of the frozen weights"]);
}

#[test]
fn an_adapter_that_cannot_be_made_is_an_error_before_anything_is_trained() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    let line = "train --model base --data small.jsonl --method lora --batch-size 4 --out adapter";
    for (flags, words) in [
        ("--lora-rank 0", ["`rank`", "at least 1"]),
        ("--lora-rank 99999999999999999", ["`rank`", "at most"]),
        ("--lora-dropout 1", ["`dropout`", "below 1"]),
        ("--lora-targets c_attn", ["`target_modules`", "found c_attn"]),
        ("--modules-to-save score", ["`modules_to_save`", "found score"]),
    ] {
        sandbox.fails(&format!("{line} {flags}"), &words);
    }
    assert!(!sandbox.path("adapter/adapter_config.json").exists());
}
