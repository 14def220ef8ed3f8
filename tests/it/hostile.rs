//! Damage, lies, and misunderstandings: a clear error with the place, or a row with a status. Never a panic, never a
//! number that was not computed.

use std::path::PathBuf;

use lobass_model::{Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype, save};
use lobass_tests::fixture;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const ROW: &str = "{\"question\": \"say lamp\", \"answer\": \"lamp\"}\n";

fn score(base: &str) -> String {
    format!("score --base {base} --data small.jsonl --out scores.parquet")
}

/// Status and reason of each row.
fn statuses(sandbox: &Sandbox, data: &str) -> Vec<(String, String, bool)> {
    sandbox.expect(1, &format!("score --base base --data {data} --out statuses.jsonl -q"));
    let text = sandbox.read("statuses.jsonl");
    let row = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    text.lines()
        .skip(1)
        .map(row)
        .map(|row| (word(&row["status"]), word(&row["reason"]), row["base_nll"].is_number()))
        .collect()
}

fn damaged(sandbox: &Sandbox, name: &str, damage: impl Fn(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let dir = sandbox.copy_of_base(name);
    let file = dir.join("model.safetensors");
    let bytes = damage(fs_err::read(&file).unwrap());
    fs_err::write(&file, bytes).unwrap();
    dir
}

/// A damage to a weight file, and its name.
type Damage = (&'static str, Box<dyn Fn(Vec<u8>) -> Vec<u8>>);

#[test]
fn damaged_and_lying_weights() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let header_of = |length: u64, header: &str| [&length.to_le_bytes()[..], header.as_bytes()].concat();
    let lie = r#"{"a":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}"#;
    let overlap = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
    let overflow =
        r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,0]}}"#;
    let cases: [Damage; 9] = [
        ("empty", Box::new(|_| Vec::new())),
        ("four-bytes", Box::new(|bytes| bytes[..4].to_vec())),
        ("truncated", Box::new(|bytes| bytes[..bytes.len() / 2].to_vec())),
        ("huge-header", Box::new(move |_| header_of(u64::MAX, "{}"))),
        ("long-header", Box::new(move |_| header_of(1 << 20, "{}"))),
        ("no-json", Box::new(move |_| header_of(4, "{{{{"))),
        ("not-there", Box::new(move |_| header_of(lie.len() as u64, lie))),
        ("overlap", Box::new(move |_| [header_of(overlap.len() as u64, overlap), vec![0; 12]].concat())),
        ("overflow", Box::new(move |_| header_of(overflow.len() as u64, overflow))),
    ];
    for (name, damage) in cases {
        damaged(&sandbox, name, damage);
        sandbox.fails(&score(name), &[name, "model.safetensors", "because"]);
    }
    assert!(!sandbox.path("scores.parquet").exists());
}

#[test]
fn tensors_that_do_not_fit_are_listed_at_once() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let dir = sandbox.copy_of_base("misfit");
    let config = fs_err::read_to_string(dir.join("config.json")).unwrap();
    let wider = config.replace("\"intermediate_size\": 256", "\"intermediate_size\": 300");
    fs_err::write(
        dir.join("config.json"),
        wider.replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 5"),
    )
    .unwrap();
    let ended = sandbox.fails(
        &score("misfit"),
        &[
            "checkpoint `misfit`",
            "`model.layers.0.mlp.gate_proj.weight`: expected shape [300, 96], found [256, 96]",
            "missing `model.layers.4.self_attn.q_proj.weight` [96, 96]",
        ],
    );
    assert_eq!(ended.stderr.matches("expected shape").count(), 12, "three matrices of each of four layers");
    assert_eq!(ended.stderr.matches("missing").count(), 9, "every tensor of the fifth layer");

    let fewer = config.replace("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3");
    fs_err::write(dir.join("config.json"), &fewer).unwrap();
    sandbox.fails(&score("misfit"), &["unexpected `model.layers.3.self_attn.q_proj.weight` [96, 96]"]);

    // A renamed tensor is missing under one name and unexpected under another, and the two are put together.
    let renamed = damaged(&sandbox, "renamed", |bytes| {
        let from = b"model.layers.0.mlp.gate_proj.weight";
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        let mut bytes = bytes;
        bytes[at..at + from.len()].copy_from_slice(b"model.layers.0.mlp.gate_porj.weight");
        bytes
    });
    assert!(renamed.exists());
    sandbox.fails(
        &score("renamed"),
        &["missing `model.layers.0.mlp.gate_proj.weight`", "similar `model.layers.0.mlp.gate_porj.weight`"],
    );
}

#[test]
fn configs_that_are_not_supported() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let dir = sandbox.copy_of_base("other");
    let config = fs_err::read_to_string(dir.join("config.json")).unwrap();
    for (from, to, word) in [
        ("\"model_type\": \"llama\"", "\"model_type\": \"mamba2\"", "`mamba2`"),
        ("\"hidden_act\": \"silu\"", "\"hidden_act\": \"softsign\"", "`softsign`"),
        ("\"hidden_size\": 96,", "", "`hidden_size`"),
        ("{", "", "config"),
        ("\"vocab_size\": 512", "\"vocab_size\": \"many\"", "many"),
    ] {
        fs_err::write(dir.join("config.json"), config.replacen(from, to, 1)).unwrap();
        sandbox.fails(&score("other"), &["config.json", word]);
    }
    fs_err::write(dir.join("config.json"), &config).unwrap();
    fs_err::rename(dir.join("model.safetensors"), dir.join("pytorch_model.bin")).unwrap();
    sandbox.fails(&score("other"), &["pytorch_model.bin", "safe_serialization"]);
    fs_err::remove_file(dir.join("config.json")).unwrap();
    sandbox.fails(&score("other"), &["config.json"]);
}

#[test]
fn tokenizers_that_do_not_belong() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let dir = sandbox.copy_of_base("other");
    // Its words are below 400, the model's vocabulary has 48: ids without an embedding.
    let small = fixture("models/llama-gqa");
    for file in ["config.json", "model.safetensors"] {
        fs_err::copy(small.join(file), dir.join(file)).unwrap();
    }
    let ended = sandbox.expect(1, "score --base other --data small.jsonl --out rows.jsonl");
    assert!(ended.stderr.contains("the model has embeddings for 48 tokens"), "{}", ended.stderr);
    assert!(ended.stdout.contains("2 out_of_vocabulary"), "{}", ended.stdout);
    assert!(sandbox.read("rows.jsonl").contains("and the model has embeddings for 48 tokens"));
    fs_err::write(dir.join("tokenizer.json"), "{\"version\": \"1.0\"}").unwrap();
    sandbox.fails(&score("other"), &["tokenizer.json"]);
    fs_err::write(dir.join("tokenizer.json"), "nonsense").unwrap();
    sandbox.fails(&score("other"), &["tokenizer.json", "not a tokenizer"]);
    fs_err::remove_file(dir.join("tokenizer.json")).unwrap();
    sandbox.fails(&score("other"), &["tokenizer.json"]);
}

#[test]
fn references_that_do_not_belong() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let line = |reference: &str| format!("{} --reference {reference}", score("base"));
    let config = fs_err::read_to_string(sandbox.path("base/config.json")).unwrap();
    let config = config.replace("\"hidden_size\": 96", "\"hidden_size\": 48");
    let model = Decoder::random(&DecoderSpec::from_json(&config).unwrap(), 1, &DeviceName::Cpu.open());
    save(&model, &config, Dtype::F32, &sandbox.path("narrow")).unwrap();
    sandbox.fails(
        &line("narrow"),
        &["reference `narrow`", "shape of the base `base`", "hidden_size 48 instead of 96"],
    );

    let dir = sandbox.copy_of_base("retold");
    let tokenizer = fs_err::read_to_string(dir.join("tokenizer.json")).unwrap();
    fs_err::write(dir.join("tokenizer.json"), tokenizer.replacen("<|user|>", "<|uzer|>", 1)).unwrap();
    sandbox.fails(&line("retold"), &["reference `retold`", "tokenizer"]);
    sandbox.fails(&line("gone"), &["reference model `gone`", "found nothing"]);
}

#[test]
fn templates_that_fail() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(3);
    let line = |name: &str| format!("{} --chat-template {name}", score("base"));
    sandbox.write("broken.jinja", "{% for message in messages %}{{ message.content }}");
    sandbox.fails(&line("broken.jinja"), &["chat template `broken.jinja`", "because"]);
    // A template that rejects rows at run time costs the rows and not the run.
    sandbox.write("picky.jinja", "{{ raise_exception('no such thing as ' + messages[0].content) }}");
    let ended = sandbox.expect(1, &line("picky.jinja"));
    assert!(ended.stdout.contains("3 template_error"), "{}", ended.stdout);
    let ended = sandbox.run("select --scores scores.parquet --strategy longest --budget 1 --out x.jsonl");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("found none among 3 rows: no row was scored"), "{}", ended.stderr);
    // One that leaves the answer out hides what is to be scored.
    sandbox.write("silent.jinja", "{{ messages[0].content }}");
    let ended = sandbox.expect(1, &line("silent.jinja").replace("scores.parquet", "silent.parquet"));
    assert!(ended.stdout.contains("3 template_error"), "{}", ended.stdout);
}

#[test]
fn bad_rows_cost_themselves_only() {
    let sandbox = Sandbox::new();
    let mut bytes = ROW.as_bytes().to_vec();
    bytes.extend(b"{\"question\": \"\xff\xfe\", \"answer\": \"x\"}\n"); // not UTF-8
    bytes.extend(b"{\"question\": \"half a\n"); // half a line
    bytes.extend(b"[1, 2]\n7\n");
    bytes.extend(b"{\"question\": \"q\"}\n{\"question\": \"q\", \"answer\": 5}\n{\"question\": \"q\", \"answer\": null}\n");
    bytes.extend(b"{\"question\": \"\", \"answer\": \"a\"}\n{\"question\": \"q\", \"answer\": \"  \"}\n");
    bytes.extend(ROW.as_bytes());
    sandbox.write("bad.jsonl", bytes);
    let rows = statuses(&sandbox, "bad.jsonl");
    let expected = [
        ("ok", ""),
        ("malformed", "line 2: expected UTF-8, found other bytes at byte 14"),
        ("malformed", "line 3: not JSON"),
        ("malformed", "line 4: expected an object, found a list"),
        ("malformed", "line 5: expected an object, found a number"),
        ("malformed", "expected field `answer`, found `question`"),
        ("malformed", "field `answer`: expected a string, found a number"),
        ("empty_response", "the response is empty"),
        ("no_prompt", "nothing comes before the response"),
        ("empty_response", "the response is empty"),
        ("ok", ""),
    ];
    assert_eq!(rows.len(), expected.len());
    for ((status, reason, has_number), (expected_status, expected_reason)) in rows.iter().zip(expected) {
        assert_eq!((status.as_str(), *has_number), (expected_status, expected_status == "ok"), "{reason}");
        assert!(reason.contains(expected_reason), "{reason}");
    }
}

#[test]
fn conversations_that_are_none() {
    let sandbox = Sandbox::new();
    let fine = json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]});
    let rows = [
        fine.clone(),
        json!({"messages": []}),
        json!({"messages": "hello"}),
        json!({"messages": [{"role": "user", "content": "q"}]}),
        json!({"messages": [{"role": "narrator", "content": "q"}, {"role": "assistant", "content": "a"}]}),
        json!({"messages": [{"role": "user"}, {"role": "assistant", "content": "a"}]}),
        json!({"messages": [{"role": "user", "content": [{"type": "image"}]}, {"role": "assistant", "content": "a"}]}),
    ];
    sandbox.write("chat.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let found = statuses(&sandbox, "chat.jsonl");
    let expected = [
        ("ok", ""),
        ("empty_response", "there is no response"),
        ("malformed", "`messages`: expected a list of turns, found a string"),
        ("empty_response", "there is no response"),
        ("malformed", "turn 1: expected a role of"),
        ("malformed", "turn 1: expected field `content`"),
        ("media", "a part of type `image`"),
    ];
    for ((status, reason, _), (expected_status, expected_reason)) in found.iter().zip(expected) {
        assert_eq!(status, expected_status, "{reason}");
        assert!(reason.contains(expected_reason), "{reason}");
    }
}

#[test]
fn a_line_of_a_hundred_megabytes() {
    let sandbox = Sandbox::new();
    let long = format!("{{\"question\": \"q\", \"answer\": \"{}\"}}\n", "x".repeat(100 << 20));
    sandbox.write("long.jsonl", [ROW, &long, ROW].concat());
    let rows = statuses(&sandbox, "long.jsonl");
    assert_eq!(rows.iter().map(|(status, ..)| status.as_str()).collect::<Vec<_>>(), ["ok", "overlong", "ok"]);
    assert!(rows[1].1.contains("line 2: 104857631 bytes"), "{}", rows[1].1);
}

#[test]
fn files_that_are_no_data() {
    let sandbox = Sandbox::new();
    let line = |data: &str| format!("score --base base --data {data} --out scores.parquet");
    sandbox.write("empty.jsonl", "");
    sandbox.write("blank.jsonl", "\n  \n\n");
    sandbox.write("nothing.json", "[]");
    for name in ["empty.jsonl", "blank.jsonl", "nothing.json"] {
        sandbox.fails(&line(name), &[name, "expected rows"]);
    }
    sandbox.write("half.json", format!("[{}, {{\"question\": \"q", ROW.trim_end()));
    sandbox.fails(
        &line("half.json"),
        &["half.json", "the JSON array is damaged", "after element 1", "end of the file"],
    );
    sandbox.write("comma.json", format!("[{} {}]", ROW.trim_end(), ROW.trim_end()));
    sandbox.fails(&line("comma.json"), &["comma.json", "expected `,` or `]`", "after element 1"]);
    sandbox.write("binary.jsonl", [0u8, 159, 146, 150, 255, 0, 1, 2]);
    sandbox.fails(&line("binary.jsonl"), &["binary.jsonl", "no row can be read", "line 1: expected UTF-8"]);
    sandbox.write("broken.jsonl.gz", [0x1f, 0x8b, 8, 0, 1, 2, 3]);
    sandbox.fails(&line("broken.jsonl.gz"), &["broken.jsonl.gz"]);
    sandbox.write("broken.jsonl.zst", [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3]);
    sandbox.fails(&line("broken.jsonl.zst"), &["broken.jsonl.zst"]);
    sandbox.write("broken.parquet", b"PAR1 and then nothing of the kind PAR1");
    sandbox.fails(&line("broken.parquet"), &["broken.parquet"]);
    sandbox.fails(&line("base"), &["base"]);
}

#[test]
fn a_pool_of_which_nothing_can_be_scored() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    let ended = sandbox.expect(1, "score --base base --data small.jsonl --max-length 5 --out scores.parquet");
    assert!(ended.stdout.contains("4 overlong"), "{}", ended.stdout);
    sandbox.fails(
        "select --scores scores.parquet --strategy longest --budget 50% --out x.jsonl",
        &["`longest`", "found none among 4"],
    );
    sandbox.fails(
        "train --model base --data small.jsonl --max-length 5 --out reference",
        &["no row of the pool can be trained on: 4 overlong"],
    );
    let run = "run --base base --data small.jsonl --max-length 5 --budget 1 --out run";
    sandbox.fails(run, &["no row of the pool can be trained on: 4 overlong"]);
}

#[test]
fn a_loss_that_is_not_finite_is_a_status_and_not_a_number() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(3);
    let checkpoint = Checkpoint::open(sandbox.path("base")).unwrap();
    assert_eq!(checkpoint.dtype(), Dtype::F32);
    damaged(&sandbox, "nan", |mut bytes| {
        let start = bytes.len() - 4 * 512;
        for value in bytes[start..].chunks_exact_mut(4) {
            value.copy_from_slice(&f32::NAN.to_le_bytes());
        }
        bytes
    });
    let ended = sandbox.expect(1, "score --base nan --data small.jsonl --out scores.jsonl");
    assert!(ended.stdout.contains("3 non_finite"), "{}", ended.stdout);
    let rows = sandbox.read("scores.jsonl");
    assert!(
        rows.lines().skip(1).all(|line| !line.contains("_nll") && line.contains("loss of NaN")),
        "{rows}"
    );
    sandbox.fails(
        "train --model nan --data small.jsonl --batch-size 1 --out t",
        &["step 1", "NaN", "learning rate"],
    );
    assert!(!sandbox.path("t/model.safetensors").exists());
}

#[test]
fn outputs_that_cannot_be_written() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(3);
    sandbox.write("file", "in the way");
    sandbox.fails("score --base base --data small.jsonl --out file/scores.parquet", &["file/scores.parquet"]);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet");
    sandbox
        .fails("select --scores scores.parquet --strategy longest --budget 1 --out file/x.jsonl", &["file"]);
    sandbox.fails("train --model base --data small.jsonl --out file", &["file"]);
    sandbox.fails("train --model base --data small.jsonl --out base", &["`base`", "did not train"]);
    assert_eq!(sandbox.read("file"), "in the way");
}

#[test]
fn shards_that_do_not_belong_together() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(2);
    let copy = |name: &str| {
        let dir = sandbox.path(name);
        fs_err::create_dir_all(&dir).unwrap();
        for entry in fs_err::read_dir(fixture("models/llama-sharded")).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), dir.join(entry.file_name())).unwrap();
        }
        dir
    };
    let gone = copy("gone");
    fs_err::remove_file(gone.join("model-00002-of-00005.safetensors")).unwrap();
    sandbox.fails(&score("gone"), &["model-00002-of-00005.safetensors"]);

    let outside = copy("outside");
    let index = outside.join("model.safetensors.index.json");
    let text = fs_err::read_to_string(&index).unwrap();
    fs_err::write(&index, text.replace("model-00001-of", "../model-00001-of")).unwrap();
    sandbox.fails(&score("outside"), &["model.safetensors.index.json", "inside the checkpoint"]);

    let astray = copy("astray");
    let index = astray.join("model.safetensors.index.json");
    fs_err::write(&index, text.replace("model.norm.weight", "model.norm.height")).unwrap();
    sandbox.fails(&score("astray"), &["1 tensors are not where it says", "model.norm.height"]);
    fs_err::write(&index, "{}").unwrap();
    sandbox.fails(&score("astray"), &["model.safetensors.index.json", "weight_map"]);

    let twice = copy("twice");
    fs_err::copy(
        twice.join("model-00001-of-00005.safetensors"),
        twice.join("model-00002-of-00005.safetensors"),
    )
    .unwrap();
    sandbox.fails(&score("twice"), &["is in two shards"]);
}
