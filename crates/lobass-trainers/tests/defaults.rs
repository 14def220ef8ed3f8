//! Keys that are not there, keys without a value, and the words of YAML 1.1.

use lobass_trainers::{Reading, parse, read};
use serde_json::json;

fn reading(text: &str) -> Reading {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn differs(reading: &Reading, key: &str) -> bool {
    reading.differing.iter().any(|difference| difference.key == key)
}

fn left_out(reading: &Reading, key: &str) -> bool {
    reading.left_out.iter().any(|left| left.key == key)
}

const AXOLOTL: &str =
    "base_model: m\nlearning_rate: 1e-5\ndatasets: [{path: a.jsonl, type: chat_template}]\n";
const LLAMA_FACTORY: &str = "model_name_or_path: m\nstage: sft\ndo_train: true\ndataset: one\n";
const TRL: &str = "model_name_or_path: m\ndataset_name: a.jsonl\n";

#[test]
fn the_longest_row_where_the_file_is_silent() {
    for (text, length) in [(AXOLOTL, 512), (LLAMA_FACTORY, 2048), (TRL, 1024)] {
        let silent = reading(text);
        let taken = silent.taken.iter().find(|taken| taken.setting == "sequences.max_length").unwrap();
        assert_eq!((&taken.value, taken.keys.len()), (&json!(length), 0), "{text}");
    }
    assert_eq!(
        reading(&format!("{AXOLOTL}sequence_len: '64'\n")).get("sequences.max_length"),
        Some(&json!(64))
    );
}

#[test]
fn formats_of_products_are_said() {
    for text in [AXOLOTL, LLAMA_FACTORY, TRL] {
        for (line, key) in [("bf16: true", "bf16"), ("bf16: auto", "bf16"), ("fp16: true", "fp16")] {
            assert!(differs(&reading(&format!("{text}{line}\n")), key), "{text}{line}");
        }
        assert!(!differs(&reading(&format!("{text}bf16: false\nfp16: null\n")), "bf16"), "{text}");
    }
}

#[test]
fn a_key_without_a_value_is_not_a_key_that_is_absent() {
    let uncut = reading(&format!("{TRL}max_length: null\n"));
    assert!(uncut.get("sequences.max_length").is_none() && differs(&uncut, "max_length"));
    assert!(uncut.get("sequences.overlong").is_none(), "nothing is cut");
    let old = reading(&format!("{TRL}max_length:\nmax_seq_length: 99\n"));
    assert_eq!(old.get("sequences.max_length"), Some(&json!(99)));

    for text in [LLAMA_FACTORY, TRL] {
        let free = reading(&format!("{text}max_grad_norm: null\nlearning_rate:\n"));
        assert_eq!(free.get("train.max_grad_norm"), Some(&json!(0.0)), "transformers then does not clip");
        assert!(differs(&free, "learning_rate") && !differs(&free, "max_grad_norm"), "{free:?}");
    }
    // axolotl drops such keys, and its template of a config has many.
    let empty = reading(&format!("{AXOLOTL}max_grad_norm:\nsequence_len:\nadapter:\n"));
    assert_eq!(empty.get("train.max_grad_norm"), Some(&json!(1.0)));
    assert_eq!(empty.get("sequences.max_length"), Some(&json!(512)));
    assert!(!differs(&empty, "max_grad_norm"));

    let thinking = |value: &str| {
        left_out(&reading(&format!("{LLAMA_FACTORY}enable_thinking: {value}\n")), "enable_thinking")
    };
    assert!(thinking("null") && thinking("no") && !thinking("true"));
    let dump = parse(
        "{\"model_name_or_path\": \"m\", \"dataset_name\": \"a.jsonl\", \"max_completion_length\": null}",
    );
    assert!(dump.is_ok(), "a key without a value tells nothing about the job");
}

#[test]
fn a_value_that_cannot_be_read_is_not_where_a_setting_comes_from() {
    let odd = reading(&format!("{TRL}num_train_epochs: many\n"));
    let epochs = odd.taken.iter().find(|taken| taken.setting == "train.epochs").unwrap();
    assert_eq!((&epochs.value, epochs.keys.len()), (&json!(3), 0));
    assert!(left_out(&odd, "num_train_epochs"));
}

#[test]
fn words_of_yaml_1_1_are_what_their_keys_expect() {
    let names = reading(&LLAMA_FACTORY.replace("dataset: one", "dataset: [n, no, y, 'on']"));
    assert_eq!(names.get("data.files"), Some(&json!(["n", "no", "y", "on"])));
    assert_eq!(reading(&LLAMA_FACTORY.replace(": one", ": n")).get("data.files"), Some(&json!(["n"])));
    for (word, mask) in [("yes", "all"), ("On", "all"), ("TRUE", "all"), ("y", "all"), ("1", "all")] {
        let found = reading(&format!("{AXOLOTL}train_on_inputs: {word}\n"));
        assert_eq!(found.get("sequences.mask"), Some(&json!(mask)), "{word}");
    }
    for word in ["no", "Off", "FALSE", "n", "0", "'no'"] {
        let off =
            reading(&format!("{AXOLOTL}train_on_inputs: {word}\nload_in_4bit: {word}\nstreaming: {word}\n"));
        assert_eq!(off.get("sequences.mask"), Some(&json!("response")), "{word}");
        assert!(!differs(&off, "load_in_4bit") && !left_out(&off, "streaming"), "{word}");
    }
}

#[test]
fn dpo_is_told_by_its_keys() {
    let of = |keys: &str| reading(&format!("{TRL}{keys}\n"));
    let objective = |keys: &str| of(keys).get("train.objective").cloned();
    let dpo = Some(json!("dpo"));
    assert_eq!(objective("loss_type: [sigmoid]"), dpo);
    assert_eq!(objective("loss_type: sigmoid"), dpo);
    assert_eq!(objective("precompute_ref_log_probs: false"), dpo);
    assert_eq!(objective("loss_type: dft"), None);
    assert_eq!(objective("beta: null"), None);
    assert!(!left_out(&of("beta: 0.2\nloss_type: [sigmoid]"), "loss_type"));
    assert!(left_out(&of("beta: 0.2\nloss_type: [sigmoid, sft]"), "loss_type"));
    assert!(
        left_out(&of("loss_type: dft"), "loss_type") && !left_out(&of("loss_type: chunked_nll"), "loss_type")
    );
    assert!(left_out(&of("loss_type: [sigmoid]\nlabel_smoothing: 0.1"), "label_smoothing"));
}

#[test]
fn batches_template_arguments_and_shards_of_axolotl() {
    let of = |keys: &str| reading(&format!("{AXOLOTL}{keys}\n"));
    let size = |keys: &str| of(keys).get("train.batch_size").cloned();
    assert_eq!(size("micro_batch_size: 4\nbatch_size: 18"), Some(json!(16)), "whole steps");
    assert_eq!(size("micro_batch_size: 4\ngradient_accumulation_steps: 2"), Some(json!(8)));
    let arguments = of("chat_template_kwargs: {enable_thinking: false}");
    assert_eq!(arguments.get("sequences.template_arguments"), Some(&json!({"enable_thinking": false})));
    let parts = of("dataset_shard_num: 4\ndataset_shard_idx: 0\npeft: {loftq_config: {loftq_bits: 4}}");
    assert!(left_out(&parts, "dataset_shard_num") && left_out(&parts, "peft"));
}

#[test]
fn an_error_says_its_cause_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yml");
    fs_err::write(&path, "name: x\n").unwrap();
    let error = read(&path).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("found `name`") && !error.to_string().contains(&cause), "{error}");
    assert!(error.to_string().contains("c.yml"), "{error}");
}
