//! What stands inside the lists and maps of a config: every key is taken over, left out by name, or without effect.

use lobass_trainers::{Place, Reading, parse, parse_here};
use serde_json::{Value, json};

fn reading(text: &str) -> Reading {
    parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// An axolotl config with keys at the top, and keys in each of its data sets.
fn axolotl(top: &str, entries: &[&str]) -> Reading {
    let entries: String = entries.iter().map(|entry| format!("- {{{entry}}}\n")).collect();
    reading(&format!("base_model: m\nlearning_rate: 1e-5\n{top}\ndatasets:\n{entries}"))
}

fn left_out(reading: &Reading) -> Vec<&str> {
    reading.left_out.iter().map(|left| left.key.as_str()).collect()
}

fn reason<'a>(reading: &'a Reading, key: &str) -> &'a str {
    let left = reading.left_out.iter().find(|left| left.key == key);
    left.map_or_else(|| panic!("{key}: {:?}", reading.left_out), |left| left.reason.as_str())
}

fn effect<'a>(reading: &'a Reading, key: &str) -> &'a str {
    let differing = reading.differing.iter().find(|difference| difference.key == key);
    differing
        .map_or_else(|| panic!("{key}: {:?}", reading.differing), |difference| difference.effect.as_str())
}

fn template(reading: &Reading) -> Option<&str> {
    reading.get("sequences.chat_template").and_then(Value::as_str)
}

#[test]
fn every_key_of_a_data_set_is_followed_or_named() {
    let followed = "path: a.jsonl, type: chat_template, field_messages: talk, field_tools: api, ds_type: json, \
                    trust_remote_code: false, split: train, drop_system_message: false, split_thinking: null, \
                    message_property_mappings: {role: from, content: value}, train_on_eos: turn";
    let plain = axolotl("", &[followed]);
    assert!(left_out(&plain).is_empty(), "{:?}", plain.left_out);
    assert_eq!(plain.get("data.columns"), Some(&json!("messages=talk,tools=api")));

    let other = "path: a.jsonl, type: chat_template, split: 'train[:9]', shards: 4, shards_idx: 1, \
                 drop_system_message: true, split_thinking: yes, field_thinking: thoughts, field: text, \
                 message_property_mappings: {role: speaker, content: value}, message_field_training: keep, \
                 train_on_split: a, field_system: sys, roles_to_train: [user]";
    let other = axolotl("", &[other]);
    let mut keys = left_out(&other);
    keys.sort_unstable();
    let expected = [
        "drop_system_message",
        "field",
        "field_system",
        "field_thinking",
        "message_field_training",
        "message_property_mappings",
        "roles_to_train",
        "shards",
        "split",
        "split_thinking",
        "train_on_split",
    ];
    assert_eq!(keys, expected.map(|key| format!("datasets.{key}")));
    assert!(reason(&other, "datasets.message_property_mappings").contains("`speaker` for `role`"));
    assert_eq!(reason(&other, "datasets.train_on_split"), "lobass does not know this key");
}

#[test]
fn a_list_of_data_sets_has_maps_in_it() {
    let mixed =
        reading("base_model: m\nlearning_rate: 1e-5\ndatasets: [a.jsonl, {path: b.jsonl, type: alpaca}]\n");
    assert_eq!(mixed.get("data.files"), Some(&json!(["b.jsonl"])));
    assert!(left_out(&mixed).contains(&"datasets"));
    let unnamed = axolotl("", &["type: alpaca", "path: json, type: alpaca"]);
    assert_eq!(unnamed.get("data.files"), Some(&json!([])));
    let reasons: Vec<&str> = unnamed.left_out.iter().map(|left| left.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("a data set has none")), "{reasons:?}");
    assert!(reasons.iter().any(|reason| reason.contains("`json` without `data_files`")), "{reasons:?}");
}

#[test]
fn a_data_set_may_bring_its_template() {
    let own = axolotl("", &["path: a.jsonl, type: chat_template, chat_template: chatml"]);
    assert_eq!(template(&own), Some("chatml"));
    let over =
        axolotl("chat_template: llama3", &["path: a.jsonl, type: chat_template, chat_template: chatml"]);
    assert_eq!(template(&over), Some("chatml"));
    assert!(reason(&over, "chat_template").contains("renders no data set with it"));
    let default = axolotl(
        "chat_template: llama3",
        &["path: a.jsonl, type: chat_template, chat_template: tokenizer_default"],
    );
    assert_eq!(template(&default), Some("llama3"), "axolotl gives it to the tokenizer");
    let several = axolotl(
        "chat_template: llama3",
        &["path: a.jsonl, type: chat_template", "path: b.jsonl, type: chat_template, chat_template: chatml"],
    );
    assert_eq!(template(&several), Some("llama3"));
    assert!(effect(&several, "datasets.chat_template").contains("(llama3, chatml)"));
    let unknown = axolotl("", &["path: a.jsonl, type: chat_template, chat_template: gemma"]);
    assert_eq!(template(&unknown), None);
    assert!(reason(&unknown, "datasets.chat_template").contains("`gemma`"));
}

#[test]
fn a_jinja_template_counts_without_a_name_and_not_beside_another() {
    let entry = "path: a.jsonl, type: chat_template";
    assert_eq!(template(&axolotl("chat_template_jinja: ./x.jinja", &[entry])), Some("./x.jinja"));
    let beside = axolotl("chat_template_jinja: ./x.jinja\nchat_template: chatml", &[entry]);
    assert_eq!(template(&beside), Some("chatml"));
    assert!(reason(&beside, "chat_template_jinja").contains("only with `chat_template: jinja`"));
    let inside = axolotl("chat_template_jinja: '{{ messages }}'", &[entry]);
    assert_eq!(template(&inside), None);
    assert!(reason(&inside, "chat_template_jinja").contains("write the template to a file"));
    let of_entry = axolotl("", &[&format!("{entry}, chat_template_jinja: mine")]);
    assert_eq!(template(&of_entry), Some("./mine"));
}

#[test]
fn alpaca_rows_have_their_own_prompt() {
    let alone = axolotl("chat_template: chatml", &["path: a.jsonl, type: alpaca"]);
    assert_eq!(template(&alone), Some("alpaca"));
    assert!(reason(&alone, "chat_template").contains("renders no data set with it"));
    for entries in [
        ["path: a.jsonl, type: alpaca", "path: b.jsonl, type: chat_template"],
        ["path: b.jsonl, type: chat_template", "path: a.jsonl, type: alpaca"],
    ] {
        let mixed = axolotl("chat_template: chatml", &entries);
        let first = if entries[0].contains("alpaca") { "alpaca" } else { "chatml" };
        assert_eq!(template(&mixed), Some(first));
        assert!(effect(&mixed, "datasets.chat_template").contains(&format!("with one ({first})")));
    }
    let own = axolotl("", &["path: a.jsonl, type: alpaca, chat_template: chatml"]);
    assert_eq!(template(&own), Some("alpaca"));
    assert!(reason(&own, "datasets.chat_template").contains("bring their own prompt"));
    assert!(
        effect(&axolotl("", &["path: a, type: alpaca_w_system.load"]), "datasets.type").contains("System")
    );
}

#[test]
fn pairs_may_bring_their_prompt_and_name_their_columns() {
    let rl = "rl: dpo\nchat_template: llama3";
    let written = axolotl(rl, &["path: org/set, type: chatml.intel, split: train"]);
    assert_eq!(template(&written), Some("chatml"));
    let turns = "path: org/set, type: chat_template.default, field_messages: talk, field_chosen: good, field_rejected: bad";
    let turns = axolotl(rl, &[turns]);
    assert_eq!(template(&turns), Some("llama3"));
    assert_eq!(turns.get("data.columns"), Some(&json!("messages=talk,chosen=good,rejected=bad")));
}

#[test]
fn a_type_may_be_a_map() {
    let entry = "path: a.jsonl, type: {field_instruction: ask, field_output: say, format: '[X] {instruction}', more: 1}";
    let fields = axolotl("", &[entry]);
    assert_eq!(fields.get("data.columns"), Some(&json!("prompt=ask,response=say")));
    assert_eq!(left_out(&fields), ["datasets.type.format", "datasets.type.more"]);
}

#[test]
fn words_for_roles_are_taken_over() {
    let entry = |roles: &str| format!("path: a.jsonl, type: chat_template, roles: {{{roles}}}");
    let usual = axolotl("", &[&entry("user: [human, user], assistant: [gpt]")]);
    assert!(usual.get("data.roles").is_none() && left_out(&usual).is_empty());
    let other = axolotl("", &[&entry("user: [asker], assistant: [bot, gpt], narrator: [x]")]);
    assert_eq!(other.get("data.roles"), Some(&json!(["asker=user", "bot=assistant"])));
    assert!(reason(&other, "datasets.roles").contains("not `narrator`"));
    let both = axolotl("", &[&entry("user: [x]"), &entry("assistant: [x]")]);
    assert!(both.get("data.roles").is_none());
    assert!(reason(&both, "datasets.roles").contains("two roles"));
}

#[test]
fn data_sets_with_different_ends_are_told() {
    let of = |one: &str, other: &str| {
        let entry = |ends: &str| format!("path: a.jsonl, type: chat_template, {ends}");
        axolotl("", &[&entry(one), &entry(other)])
    };
    let (first, second) = (of("", "train_on_eos: none"), of("train_on_eos: none", ""));
    assert_eq!(first.get("sequences.mask"), Some(&json!("response")));
    assert_eq!(second.get("sequences.mask"), Some(&json!("text")));
    for reading in [&first, &second] {
        assert!(effect(reading, "datasets.train_on_eos").contains("one rule for all rows"));
    }
    let same = of("train_on_eos: none", "train_on_eos: none");
    assert!(!same.differing.iter().any(|difference| difference.key == "datasets.train_on_eos"));
    let turns = axolotl("", &["path: a, type: chat_template, train_on_eos: turn, train_on_eot: none"]);
    assert!(reason(&turns, "datasets.train_on_eot").contains("`none`"));
}

#[test]
fn what_is_on_the_disk_comes_before_the_hub() {
    let place = |path: &str| match path {
        "data/mine" | "set" => Some(Place::Folder),
        "org/rows" => Some(Place::File),
        _ => None,
    };
    let files = |text: &str| {
        let reading = parse_here(text, &place).unwrap();
        reading.get("data.files").cloned().unwrap_or_else(|| panic!("{:?}", reading.left_out))
    };
    let axolotl = |entry: &str| {
        files(&format!("base_model: m\nlearning_rate: 1e-5\ndatasets:\n- {{type: alpaca, {entry}}}\n"))
    };
    assert_eq!(axolotl("path: data/mine"), json!(["data/mine"]));
    assert_eq!(axolotl("path: data/other"), json!(["hf://datasets/data/other"]));
    assert_eq!(axolotl("path: org/rows, data_files: x.jsonl"), json!(["org/rows"]));
    assert_eq!(axolotl("path: set, data_files: [x.jsonl]"), json!(["x.jsonl"]), "of the working directory");
    assert_eq!(axolotl("path: org/set, data_files: x.jsonl"), json!(["hf://datasets/org/set/x.jsonl"]));
    assert_eq!(
        axolotl("path: org/set, name: [one, two], revision: v1"),
        json!(["hf://datasets/org/set@v1/one", "hf://datasets/org/set@v1/two"])
    );
    let trl = |keys: &str| files(&format!("model_name_or_path: m\n{keys}\n"));
    assert_eq!(trl("dataset_name: data/mine"), json!(["data/mine"]));
    assert_eq!(trl("dataset_name: data/other"), json!(["hf://datasets/data/other"]));
    assert_eq!(
        trl("datasets: [{path: set, data_files: x.jsonl}]"),
        json!(["set/x.jsonl"]),
        "as `datasets` does"
    );
    assert_eq!(trl("datasets: [{path: json, data_files: {train: x.jsonl}}]"), json!(["x.jsonl"]));
    assert_eq!(trl("datasets: [{path: org/set, data_dir: part}]"), json!(["hf://datasets/org/set/part"]));
}

#[test]
fn the_list_of_trl_is_read_whole() {
    let list = "datasets: [{path: org/set, split: 'test', fraction: 0.5, columns: [a], data_files: {test: x}, own: 1}]";
    let of_list = reading(&format!("model_name_or_path: m\ndataset_name: org/other\n{list}\n"));
    assert_eq!(of_list.get("data.files"), Some(&json!(["hf://datasets/org/set"])));
    let mut keys = left_out(&of_list);
    keys.sort_unstable();
    let expected = [
        "dataset_name",
        "datasets.columns",
        "datasets.data_files",
        "datasets.fraction",
        "datasets.own",
        "datasets.split",
    ];
    assert_eq!(keys, expected);
    let here = reading("model_name_or_path: m\ndataset_name: ./folder\ndataset_config: main\n");
    assert!(reason(&here, "dataset_config").contains("reads a folder whole"));
}

#[test]
fn the_adapter_of_llama_factory_1_is_read_whole() {
    let of = |peft: &str| {
        reading(&format!("model: m\nmodel_class: llm\ntrain_dataset: a.jsonl\npeft_config: {{{peft}}}\n"))
    };
    let all = of("name: lora, r: '8', lora_alpha: 16, target_modules: all, export_dir: x");
    assert_eq!(all.get("train.lora.rank"), Some(&json!(8)));
    assert_eq!(all.get("train.lora.target_modules"), Some(&json!(["all-linear"])));
    assert_eq!(left_out(&all), ["peft_config.export_dir"]);
    assert_eq!(
        left_out(&of("r: many, target_modules: [lm_head]")),
        ["peft_config.r", "peft_config.target_modules"]
    );
    assert_eq!(left_out(&of("name: freeze, freeze_trainable_layers: 2")).len(), 2);
}
