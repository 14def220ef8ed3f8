//! Merging of fine-tuned models: what is written, resumed, and refused.

use lobass_run::read_table;
use serde_json::Value;

use crate::resume::kill_at;
use crate::sandbox::Sandbox;

/// Two fine-tunings of the shipped checkpoint that differ in the order of rows, `one` and `two`.
fn tuned(flags: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    for (order, name) in ["one", "two"].into_iter().enumerate() {
        sandbox.expect(
            0,
            &format!(
                "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-2 --order-seed {order} -q \
                 --out {name} {flags}"
            ),
        );
    }
    sandbox
}

fn weights(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    fs_err::read(sandbox.path(name).join("model.safetensors")).unwrap()
}

fn record(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&sandbox.read(&format!("{name}/lobass-merge.json"))).unwrap()
}

#[test]
fn a_merged_model_is_a_reference_like_others() {
    let sandbox = tuned("");
    let merge = "merge --base base --models one two --out merged";
    let said = sandbox.expect(0, merge).stdout;
    assert!(said.contains("linear: the weighted mean") && said.contains("of the parameters"), "{said}");
    sandbox.expect(0, "score --base base --reference merged --data small.jsonl --out s.parquet");
    let records = read_table(&sandbox.path("s.parquet")).unwrap().records;
    let sum = |of: fn(&lobass_core::ScoreRecord) -> Option<lobass_core::Nll>| -> f64 {
        records.iter().filter_map(of).map(|nll| nll.sum).sum()
    };
    let (base, reference) = (sum(|record| record.base), sum(|record| record.reference));
    assert!(reference < 0.95 * base, "{reference} of {base}: it has what both learned");
    // Whose weights it has, and how.
    let record = record(&sandbox, "merged");
    assert_eq!(
        record["recipe"],
        serde_json::json!({"method": "linear", "normalize": true, "weights": [1.0, 1.0]})
    );
    assert_eq!(record["models"][1]["model"], "two");
    assert_ne!(record["models"][0]["digest"], record["models"][1]["digest"]);
    let group = &record["outcome"]["changes"]["model.layers.*.mlp.up_proj.weight"];
    assert!(group["n_changed"].as_u64().unwrap() > 0, "{record}");
    // The same call has nothing left to do, and another one is refused.
    let before = weights(&sandbox, "merged");
    assert!(sandbox.expect(0, merge).stderr.contains("done before"));
    sandbox.fails(&format!("{merge} --weights 1 2"), &["expected an empty directory"]);
    assert!(weights(&sandbox, "merged") == before);
}

#[test]
fn a_config_and_flags_say_the_same() {
    let sandbox = tuned("--method lora --lora-rank 2");
    let selection = "--method parameter-selection --resample --seed 7 --weights 1 3 --dtype bf16";
    sandbox.expect(0, &format!("merge --base base --models one two {selection} --out by-flags"));
    sandbox.write(
        "merge.yml",
        "merge_method: parameter_selection\nbase_model: base\nmodels:\n  - model: base+one\n    parameters: {weight: 1}\n  - model: \
         two\n    parameters:\n      weight: 3\nparameters: {resample: true, normalize: true, seed: 7}\ndtype: bfloat16\n",
    );
    sandbox.expect(0, "merge --config merge.yml --out by-config");
    assert!(weights(&sandbox, "by-flags") == weights(&sandbox, "by-config"));
    // Selecting among adapters is selecting among the checkpoints that they make.
    for name in ["one", "two"] {
        sandbox.expect(0, &format!("merge --base base --models {name} --dtype f32 --out whole-{name}"));
    }
    sandbox.expect(0, &format!("merge --base base --models whole-one whole-two {selection} --out of-whole"));
    assert!(weights(&sandbox, "of-whole") == weights(&sandbox, "by-flags"));
    sandbox.expect(
        0,
        &format!("merge --base base --models one two {selection} --seed 8 --out other")
            .replace("--seed 7 ", ""),
    );
    assert!(weights(&sandbox, "other") != weights(&sandbox, "by-flags"));
}

#[test]
fn a_killed_merge_is_made_again_with_the_same_bits() {
    let sandbox = tuned("");
    let merge = "merge --base base --models one two --method parameter-selection --out";
    sandbox.expect(0, &format!("{merge} whole"));
    let line = format!("{merge} merged");
    let arguments: Vec<&str> = line.split(' ').collect();
    kill_at(&sandbox, &arguments, &sandbox.path("merged.partial"), 2);
    assert!(
        !sandbox.path("merged").join("model.safetensors").exists()
            || !sandbox.path("merged.partial").exists()
    );
    sandbox.expect(0, &line);
    assert!(!sandbox.path("merged.partial").exists());
    for name in ["model.safetensors", "config.json", "lobass-merge.json", "tokenizer.json"] {
        let of = |dir: &str| fs_err::read(sandbox.path(dir).join(name)).unwrap();
        assert!(of("merged") == of("whole"), "{name}");
    }
    // A directory that is not of a merge stays.
    sandbox.write("other.partial/notes.txt", "mine");
    sandbox.fails(&format!("{merge} other"), &["other.partial", "expected an empty directory"]);
    assert_eq!(sandbox.read("other.partial/notes.txt"), "mine");
}

#[test]
fn models_that_do_not_fit_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let merge = "merge --base base --out merged --models base";
    let edited = |name: &str, from: &str, to: &str| {
        let config = sandbox.copy_of_base(name).join("config.json");
        let text = fs_err::read_to_string(&config).unwrap();
        assert!(text.contains(from), "{text}");
        fs_err::write(config, text.replace(from, to)).unwrap();
    };
    edited("eps", "\"rms_norm_eps\": 1e-6", "\"rms_norm_eps\": 1e-3");
    sandbox.fails(&format!("{merge} eps"), &["merged model `eps`", "rms_norm_eps 0.001 instead of"]);
    let model = |name: &str| lobass_tests::fixture("models").join(name).display().to_string();
    let (gqa, mha) = (model("llama-gqa"), model("llama-mha"));
    sandbox.fails(
        &format!("merge --models {gqa} {mha} --out merged"),
        &[
            "llama-mha`: expected the tensors and the config of",
            "`model.layers.0.self_attn.k_proj.weight` of shape",
        ],
    );
    sandbox.fails(&format!("{merge} nowhere"), &["merged model `nowhere`", "found nothing"]);
    let without_base = "merge --models base base --out merged";
    for (line, words) in [
        (format!("{without_base} --method task-arithmetic"), "needs the base"),
        (format!("{without_base} --method parameter-selection --resample"), "needs the base"),
        (format!("{without_base} --method slerp"), "slerp"),
        (format!("{without_base} --seed 3"), "`--seed` only applies to the method `parameter-selection`"),
        (format!("{without_base} --lambda 3"), "`--lambda` only applies to the method `task-arithmetic`"),
        (format!("{without_base} --weights 1"), "expected a weight for each of 2 models, found 1"),
        (format!("{without_base} --weights 1 -1"), "whose sum is not 0"),
        ("merge --base base --out merged".to_owned(), "--models"),
        ("merge --adapter base --out merged".to_owned(), "--base"),
    ] {
        sandbox.fails(&line, &[words]);
    }
    sandbox.write("ties.yml", "merge_method: ties\nmodels: [{model: base}]\n");
    sandbox
        .fails("merge --config ties.yml --out merged", &["merge config `ties.yml`", "merge method `ties`"]);
    assert!(!sandbox.path("merged").exists() && !sandbox.path("merged.partial").exists());
}

#[test]
fn flags_that_a_merge_does_not_use_are_refused_by_name() {
    let sandbox = tuned("--method lora --lora-rank 2");
    let one = "merge --base base --adapter one --out merged";
    for flag in ["--weights 2", "--normalize true", "--lambda 3", "--resample", "--seed 4", "--method linear"]
    {
        let name = format!("`{}`", flag.split(' ').next().unwrap());
        sandbox.fails(&format!("{one} {flag}"), &["one adapter", &name, "`--adapter`"]);
    }
    sandbox.fails(&format!("{one} --lambda 3 --seed 4"), &["`--lambda`, `--seed`"]);
    // Rounding is for the base of adapters.
    sandbox.expect(0, "merge --base base --models one --dtype f32 --out whole");
    let rounded = "merge --base base --out merged --quantize-base nf4 --models";
    sandbox.fails(&format!("{rounded} base whole"), &["`--quantize-base`", "expected an adapter"]);
    assert!(!sandbox.path("merged").exists() && !sandbox.path("merged.partial").exists());
}

#[test]
fn a_merge_that_leaves_the_range_of_numbers_writes_nothing() {
    let sandbox = tuned("");
    let merge = "merge --base base --models one two --out merged";
    for rest in [
        "--method task-arithmetic --lambda 1e300",
        "--normalize false --method linear --weights 1e9 1 --dtype f16",
    ] {
        sandbox
            .fails(&format!("{merge} {rest}"), &["merged tensor `model.", "expected finite numbers", "inf"]);
        assert!(!sandbox.path("merged").exists() && !sandbox.path("merged.partial").exists(), "{rest}");
    }
}
