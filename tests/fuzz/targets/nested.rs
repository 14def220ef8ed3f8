//! Values inside of values inside of values: what reads, prints, compares, or drops one after the other must not go
//! deeper than its stack.

use std::path::Path;

use super::rows::{CONVERSATIONS, read};
use super::{Target, command, copy, models, remove, unpack_demo};
use crate::mutate::Kind;

/// A file: its name, a line break, its content. `⟨a|b|c⟩` stands for `b` between many `a` and as many `c`, and `⟨#⟩` for
/// a number.
const SEEDS: &[&str] = &[
    "rows.jsonl\n{\"prompt\": \"a\", \"completion\": \"b\", \"x\": ⟨[|1|]⟩}\n",
    "rows.jsonl\n{\"prompt\": \"a\", \"completion\": \"b\", \"x\": ⟨{\"y\": |1|}⟩}\n",
    "rows.jsonl\n⟨[|1|]⟩\n",
    "rows.jsonl\n{\"prompt\": ⟨[|\"a\"|]⟩, \"completion\": \"b\"}\n",
    "rows.jsonl\n{\"prompt\": \"a\", \"completion\": \"b\", \"tools\": \"⟨[|1|]⟩\"}\n",
    "rows.jsonl\n{\"messages\": ⟨[|{\"role\": \"user\", \"content\": \"a\"}|]⟩}\n",
    "rows.jsonl\n{\"messages\": [{\"role\": \"user\", \"content\": ⟨[{\"type\": \"text\", \"text\": |\"a\"|}]⟩}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n",
    "rows.jsonl\n{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": ⟨{\"a\": |1|}⟩}}]}]}\n",
    "rows.jsonl\n{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": null, \"tool_calls\": [{\"function\": {\"name\": \"f\", \"arguments\": \"⟨{\\\"a\\\": |1|}⟩\"}}]}]}\n",
    "rows.jsonl\n{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"tools\": ⟨[|{}|]⟩}\n",
    "rows.jsonl\n{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"chat_template_kwargs\": {\"x\": ⟨[|1|]⟩}}\n",
    "rows.jsonl\n{\"messages\": \"[{'role': 'user', 'content': ⟨(|'a'|)⟩}]\"}\n",
    "rows.json\n⟨[|{\"prompt\": \"a\", \"completion\": \"b\"}|]⟩\n",
    "rows.json\n⟨{\"data\": |[{\"prompt\": \"a\", \"completion\": \"b\"}]|}⟩\n",
    "rows.json\n[{\"prompt\": \"a\", \"completion\": \"b\", \"x\": ⟨[|1|]⟩}]\n",
    "rows.csv\nprompt,completion,messages\na,b,\"⟨[|1|]⟩\"\n",
    "rows.csv\nmessages\n\"⟨[|{'role': 'user'}|]⟩\"\n",
    "chat.jinja\n{{ ⟨(|1|)⟩ }}",
    "chat.jinja\n{{ ⟨[|1|]⟩ | tojson }}",
    "chat.jinja\n{{ ⟨{'a': |1|}⟩ }}",
    "chat.jinja\n{{ ⟨- |1|⟩ }}{{ ⟨not |1|⟩ }}",
    "chat.jinja\n{{ ⟨range(|1|)⟩ }}{{ 1⟨ + |1|⟩ }}{{ messages⟨[0]||⟩ }}{{ 'a'⟨.upper()||⟩ }}",
    "chat.jinja\n{{ 1⟨ if 1 else |1|⟩ }}{{ 'a'⟨ ~ |'a'|⟩ }}{{ 1⟨ ** |1|⟩ }}{{ 1⟨ and |1|⟩ }}{{ 'a'⟨.strip()||⟩ }}",
    "chat.jinja\n⟨{% if true %}|a|{% endif %}⟩",
    "chat.jinja\n{% if 1 %}⟨{% elif 1 %}||⟩{% endif %}",
    "chat.jinja\n⟨{% for m in messages %}|a|{% endfor %}⟩",
    "chat.jinja\n⟨{% macro f() %}|a|{% endmacro %}⟩",
    "chat.jinja\n⟨{% filter trim %}|a|{% endfilter %}⟩⟨{% set x %}|a|{% endset %}⟩",
    "chat.jinja\n{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x | tojson }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x == [1] }}{{ ns.x == ns.x }}",
    "chat.jinja\n{% set ns = namespace(x=[], y=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = [ns.x] %}{% set ns.y = [ns.y] %}{% endfor %}{{ ns.x == ns.y }}{{ ns.x in [ns.y] }}{{ ns.x < ns.y }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x | string }}{{ ns.x | pprint }}{{ ns.x | join }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}a",
    "chat.jinja\n{% set ns = namespace(x='a') %}{% for i in range(⟨#⟩) %}{% set ns.x = ns.x | map('trim') %}{% endfor %}{{ ns.x | list }}",
    "chat.jinja\n{% set ns = namespace(x=[]) %}{% for i in range(⟨#⟩) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ {ns.x: 1} }}{{ ns.x | length }}",
    "chat.jinja\n{% set ns = namespace(x=messages) %}{% for i in range(⟨#⟩) %}{% set ns.x = ns.x[0:] %}{% endfor %}{{ ns.x }}",
    "chat.jinja\n{% set ns = namespace(x=messages) %}{% for i in range(⟨#⟩) %}{% set ns.x = ns.x | reverse %}{% endfor %}{{ ns.x | list }}",
    "chat.jinja\n{% set ns = namespace(x=messages) %}{% for i in range(⟨#⟩) %}{% set ns.x = ns.x | batch(1) %}{% endfor %}{{ ns.x | list }}",
    "chat.jinja\n{% set ns = namespace(x=messages) %}{% for i in range(⟨#⟩) %}{% set ns.x = ns.x + [i] %}{% endfor %}{{ ns.x }}",
    "chat.jinja\n{% macro f(x, n) %}{% if n %}{{ f([x], n - 1) }}{% else %}{{ x }}{% endif %}{% endmacro %}{{ f(1, ⟨#⟩) }}",
    "chat.jinja\n{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
    "config.yaml\nbase_model: org/name\nx: ⟨[|1|]⟩\n",
    "config.yaml\nbase_model: org/name\nx: ⟨{a: |1|}⟩\n",
    "config.yaml\nbase_model: org/name\nx: ⟨- |1|⟩\n",
    "config.yaml\nbase_model: org/name\nx:\n  ⟨? |1|⟩\n",
    "config.yaml\nbase_model: org/name\nx: {\"a\": ⟨[|1|]⟩}\ndatasets: [{path: a, type: ⟨{a: |1|}⟩}]\n",
    "config.yaml\n{\"base_model\": \"org/name\", \"datasets\": ⟨[|1|]⟩}",
    "config.json\n{\"model_type\": \"llama\", \"x\": ⟨[|1|]⟩}",
    "config.json\n{\"model_type\": \"llama\", \"rope_scaling\": ⟨{\"rope_type\": |\"linear\"|}⟩}",
    "adapter_config.json\n{\"peft_type\": \"LORA\", \"r\": 1, \"target_modules\": ⟨[|\"q_proj\"|]⟩}",
    "tokenizer.json\n{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}, \"normalizer\": ⟨{\"type\": \"Sequence\", \"normalizers\": [|{\"type\": \"NFC\"}|]}⟩}",
    "tokenizer.json\n{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}, \"pre_tokenizer\": ⟨{\"type\": \"Sequence\", \"pretokenizers\": [|{\"type\": \"Whitespace\"}|]}⟩}",
    "tokenizer.json\n{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}, \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"⟨(|a|)⟩\"}, \"behavior\": \"Isolated\", \"invert\": false}}",
    "tokenizer_config.json\n{\"tokenizer_class\": \"LlamaTokenizer\", \"x\": ⟨[|1|]⟩, \"chat_template\": ⟨[|\"a\"|]⟩}",
    "dataset_info.json\n{\"mine\": {\"file_name\": \"rows.jsonl\", \"columns\": ⟨{\"prompt\": |\"a\"|}⟩}}",
    "saved/state.json\n{\"_data_files\": ⟨[|{\"filename\": \"a\"}|]⟩}",
    "scores.jsonl\n{\"source\": \"a\", \"id\": ⟨[|1|]⟩}\n",
    "lobass.toml\nbase = \"a\"\nx = ⟨[|1|]⟩\n",
    "lobass.toml\nbase = \"a\"\nx = ⟨{ a = |1| }⟩\n⟨a.|b = 1|⟩\n[⟨a.|b|⟩]\n",
];

fn run(dir: &Path, name: &str, content: &[u8]) {
    let put = |path: &str| {
        fs_err::write(dir.join(path), content).unwrap();
    };
    match name {
        "config.yaml" => {
            // An error is right; a panic is not.
            let _ = lobass_trainers::parse(&String::from_utf8_lossy(content));
        }
        "lobass.toml" => {
            put(name);
            let _ = command(dir, "run {lobass.toml} --base {nothing} --data {nothing.jsonl} --out {run}");
        }
        "config.json" => models::configure(content),
        "adapter_config.json" => {
            put("adapter/adapter_config.json");
            models::adapt(&dir.join("adapter"));
        }
        "tokenizer.json" | "tokenizer_config.json" => {
            let folder = dir.join("tokenizer");
            copy("chat/llama", &folder);
            put(&format!("tokenizer/{name}"));
            models::tokenize(&folder);
        }
        "chat.jinja" => {
            put(name);
            let line = "inspect --base {base} --data {one.jsonl} --chat-template {chat.jinja} --row 0";
            let _ = command(dir, line);
        }
        "dataset_info.json" => {
            put(name);
            let _ =
                command(dir, "inspect --base {base} --data mine --dataset-info {dataset_info.json} --row 0");
        }
        "scores.jsonl" => {
            put(name);
            remove(dir.join("index.jsonl"));
            let line = "select --scores {scores.jsonl} --strategy random --budget 1 --index {index.jsonl}";
            let _ = command(dir, line);
        }
        "saved/state.json" => {
            put(name);
            read(dir, "saved");
        }
        rows => {
            put(rows);
            read(dir, rows);
        }
    }
}

pub(super) const NESTED: Target = Target {
    name: "nested",
    kind: Kind::Nested,
    prepare: |dir| {
        unpack_demo(dir);
        fs_err::create_dir_all(dir.join("saved")).unwrap();
        copy("lora/llama-gqa-saved", &dir.join("adapter"));
        fs_err::write(dir.join("one.jsonl"), CONVERSATIONS.lines().next().unwrap_or_default()).unwrap();
        SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
    },
    run: |dir, input| {
        let Some(end) = input.iter().position(|&byte| byte == b'\n') else { return };
        run(dir, &String::from_utf8_lossy(&input[..end]), &input[end + 1..]);
    },
};
