//! Which template and which tokenizer: the base's, or those of a model that was tuned from it.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const MINE: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}";

/// The shipped base without its template, a few rows, and an adapter on it.
fn without_template() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    sandbox.copy_of_base("bare");
    edit(&sandbox, "bare/tokenizer_config.json", |config| {
        config.as_object_mut().unwrap().remove("chat_template");
    });
    let template = sandbox.path("bare/chat_template.jinja");
    if template.exists() {
        fs_err::remove_file(template).unwrap();
    }
    // With the long template that stands in, longer rows would not fit into the model.
    let rows = sandbox.read("small.jsonl");
    let mut lengths: Vec<usize> = rows.lines().map(str::len).collect();
    lengths.sort_unstable();
    let short = rows.lines().filter(|row| row.len() < lengths[20]).map(|row| format!("{row}\n"));
    sandbox.write("small.jsonl", short.collect::<String>());
    sandbox.expect(
        0,
        "train --model bare --data small.jsonl --method lora --batch-size 8 --learning-rate 1e-2 --lora-rank 4 \
         --out adapter",
    );
    // What lobass wrote beside the adapter goes: what another trainer leaves is to be looked at.
    for name in ["chat_template.jinja", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json"]
    {
        let path = sandbox.path(format!("adapter/{name}"));
        if path.exists() {
            fs_err::remove_file(path).unwrap();
        }
    }
    sandbox
}

fn edit(sandbox: &Sandbox, name: &str, edit: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&sandbox.read(name)).unwrap();
    edit(&mut value);
    sandbox.write(name, value.to_string());
}

fn template_of(sandbox: &Sandbox, table: &str) -> String {
    lobass_run::read_table(&sandbox.path(table)).unwrap().manifest.template.name
}

#[test]
fn a_template_that_only_the_adapter_brings_is_used_for_both() {
    let sandbox = without_template();
    let line = "score --base bare --data small.jsonl --adapter adapter";
    let ended = sandbox.expect(0, &format!("{line} --out none.parquet"));
    assert!(ended.stderr.contains("alpaca (the checkpoint brings no template)"), "{}", ended.stderr);
    sandbox.write("adapter/chat_template.jinja", MINE);
    let ended = sandbox.expect(0, &format!("{line} --out its.parquet"));
    assert!(ended.stderr.contains("since the base has none"), "{}", ended.stderr);
    assert!(template_of(&sandbox, "its.parquet").contains("adapter"), "{}", ended.stderr);
    // A choice by name or directory goes first, and means the same.
    sandbox.expect(0, &format!("{line} --chat-template ./adapter --out chosen.parquet"));
    let digest = |name: &str| lobass_run::read_table(&sandbox.path(name)).unwrap().manifest.template.digest;
    assert_eq!(digest("its.parquet"), digest("chosen.parquet"));
    assert_ne!(digest("its.parquet"), digest("none.parquet"));
    let ended = sandbox.expect(0, &format!("{line} --chat-template alpaca --out alpaca.parquet"));
    assert!(!ended.stderr.contains("since the base has none"), "{}", ended.stderr);
    // The other commands decide as `score` does.
    let ended =
        sandbox.expect(0, "inspect --base bare --data small.jsonl --row 0 --losses --reference adapter");
    assert!(ended.stdout.contains("<user>") && ended.stderr.contains("since the base has none"));
    let ended = sandbox.expect(0, "plan --base bare --data small.jsonl --adapter adapter --work work");
    assert!(ended.stderr.contains("since the base has none"), "{}", ended.stderr);
    sandbox.expect(0, "run --base bare --data small.jsonl --reference adapter --budget 50% --out run");
    assert!(template_of(&sandbox, "run/scores.parquet").contains("adapter"));
    // A merged model is for what the adapter was tuned with.
    sandbox.expect(0, "merge --base bare --adapter adapter --out merged");
    assert_eq!(sandbox.read("merged/chat_template.jinja"), MINE);
}

#[test]
fn a_reference_keeps_all_templates_of_its_base() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(16);
    sandbox.copy_of_base("two");
    sandbox.write("two/additional_chat_templates/tool_use.jinja", MINE);
    let train = "train --model two --data small.jsonl --batch-size 8 --learning-rate 1e-3 --out tuned";
    sandbox.expect(0, train);
    assert_eq!(sandbox.read("tuned/additional_chat_templates/tool_use.jinja"), MINE);
    sandbox.expect(0, "score --base two --data small.jsonl --reference tuned --out scores.parquet");
}

#[test]
fn two_templates_are_a_question() {
    let sandbox = without_template();
    sandbox.write("adapter/chat_template.jinja", MINE);
    sandbox.write("bare/chat_template.jinja", MINE);
    let line = "score --base bare --data small.jsonl --adapter adapter";
    let same = sandbox.expect(0, &format!("{line} --out same.parquet"));
    assert!(!same.stderr.contains("since the base has none"), "{}", same.stderr);
    sandbox.write("bare/chat_template.jinja", MINE.replace("<{{ m.role }}>", "{{ m.role }}: "));
    let ended = sandbox.expect(2, &format!("{line} --out two.parquet"));
    assert!(ended.stderr.contains("--chat-template") && ended.stderr.contains("adapter"), "{}", ended.stderr);
    assert!(!sandbox.path("two.parquet").exists());
    sandbox.expect(0, &format!("{line} --chat-template ./bare --out two.parquet"));
    let ended = sandbox.expect(2, &format!("{line} --chat-template ./base/../small.jsonl.d --out x.parquet"));
    assert!(ended.stderr.contains("small.jsonl.d"), "{}", ended.stderr);
}

#[test]
fn another_tokenizer_beside_an_adapter_is_refused_and_a_longer_one_reported() {
    let sandbox = without_template();
    let line = "score --base bare --data small.jsonl --adapter adapter";
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        fs_err::copy(sandbox.path(format!("bare/{name}")), sandbox.path(format!("adapter/{name}"))).unwrap();
    }
    let ended = sandbox.expect(0, &format!("{line} --out same.parquet"));
    assert!(!ended.stderr.contains("its tokenizer"), "{}", ended.stderr);
    edit(&sandbox, "adapter/tokenizer_config.json", |config| config["pad_token"] = json!("<padding>"));
    let ended = sandbox.expect(0, &format!("{line} --out further.parquet"));
    assert!(ended.stderr.contains("`<padding>`"), "{}", ended.stderr);
    edit(&sandbox, "adapter/tokenizer.json", |tokenizer| {
        tokenizer["normalizer"] = json!({"type": "Lowercase"});
    });
    let ended = sandbox.expect(2, &format!("{line} --out other.parquet"));
    assert!(ended.stderr.contains("expected the tokenizer of the base"), "{}", ended.stderr);
}

#[test]
fn bos_is_decided_by_a_flag_and_found_again() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(12);
    let line = "score --base base --data small.jsonl --chat-template plain --per-token";
    let ids = |name: &str| {
        let table = lobass_run::read_table(&sandbox.path(name)).unwrap();
        (table.records[0].n_tokens, table.manifest.tokenizer)
    };
    for bos in ["auto", "yes", "no"] {
        sandbox.expect(0, &format!("{line} --bos {bos} --out {bos}.parquet"));
    }
    let (with, without) = (ids("yes.parquet"), ids("no.parquet"));
    assert_eq!(with.0, without.0 + 1);
    assert_ne!(with.1, without.1, "another beginning is another tokenizer");
    assert!([&with, &without].contains(&&ids("auto.parquet")));
    // The report finds out which it was.
    for bos in ["yes", "no"] {
        sandbox.expect(0, &format!("report --scores {bos}.parquet --base base --out {bos}.html"));
    }
    let ended = sandbox.expect(2, &format!("{line} --bos perhaps --out x.parquet"));
    assert!(ended.stderr.contains("auto"), "{}", ended.stderr);
}

#[test]
fn a_run_begins_with_the_config_of_another_trainer() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    let config = "base_model: ./base\ndatasets:\n  - {path: small.jsonl}\nsequence_len: 96\nadapter: lora\nlora_r: 4\n\
                  lora_alpha: 8\nlora_target_linear: true\nmicro_batch_size: 4\nnum_epochs: 1\nlearning_rate: 1e-2\n\
                  val_set_size: 0.1\nmade_up: 1\n";
    sandbox.write("axolotl.yml", config);
    let ended = sandbox.expect(0, "run --from axolotl.yml --budget 50% --max-length 64 --out run");
    for words in [
        "train.lora.rank = 4 (lora_r)",
        "(default of axolotl)",
        "not taken over: val_set_size",
        "not taken over: made_up",
        "micro_batch_size:",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let settings = sandbox.read("run/settings.toml");
    // Flags go over what the config says.
    for line in ["rank = 4", "batch_size = 4", "max_length = 64", "method = \"lora\""] {
        assert!(settings.lines().any(|found| found == line), "{line}: {settings}");
    }
    let ended = sandbox.expect(2, "run --from small.jsonl --budget 50% --out other");
    assert!(ended.stderr.contains("small.jsonl"), "{}", ended.stderr);
    sandbox.write("rewards.yml", "base_model: ./base\nrl: grpo\n");
    let ended = sandbox.expect(2, "run --from rewards.yml --budget 50% --out other");
    assert!(ended.stderr.contains("rl: grpo"), "{}", ended.stderr);
}
