//! Memory that does not grow with the data, and loading that does not need the model twice. Linux tells the peak.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt32Array, UInt64Array};
use lobass_data::{DataFile, FormatChoice};
use lobass_model::{Decoder, DecoderSpec, DeviceName, Dtype, save};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use safetensors::SafeTensors;
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;

/// The largest resident size of a command, in MiB, as far as one can see by looking every few milliseconds.
fn peak(sandbox: &Sandbox, line: &str) -> u64 {
    let arguments: Vec<&str> = line.split(' ').collect();
    let mut child = sandbox.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = fs_err::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kib.unwrap_or_default() / 1024);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "`{line}`: {status}");
            return peak;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Rows of 8 kB, of which the last is short enough to be looked at.
fn questions(n_rows: usize) -> impl Iterator<Item = String> {
    let long = "lamp tree ".repeat(800);
    (1..=n_rows).map(move |at| if at == n_rows { "say it".to_owned() } else { format!("{at} {long}") })
}

fn write_json_lines(path: &Path, n_rows: usize) {
    let rows =
        questions(n_rows).map(|question| json!({"question": question, "answer": "x"}).to_string() + "\n");
    fs_err::write(path, rows.collect::<String>()).unwrap();
}

fn write_parquet(path: &Path, n_rows: usize) {
    let batch = |questions: &[String]| {
        let answers = vec!["x"; questions.len()];
        let column = |texts: Vec<&str>| Arc::new(StringArray::from(texts)) as ArrayRef;
        let questions = column(questions.iter().map(String::as_str).collect());
        RecordBatch::try_from_iter([("question", questions), ("answer", column(answers))]).unwrap()
    };
    let all: Vec<String> = questions(n_rows).collect();
    let file = fs_err::File::create(path).unwrap().into_parts().0;
    let mut writer = ArrowWriter::try_new(file, batch(&all[..1]).schema(), None).unwrap();
    all.chunks(100).for_each(|rows| writer.write(&batch(rows)).unwrap());
    writer.close().unwrap();
}

#[test]
fn reading_a_large_file_takes_the_memory_of_a_row() {
    let sandbox = Sandbox::new();
    for (name, write) in
        [("jsonl", write_json_lines as fn(&Path, usize)), ("parquet", write_parquet as fn(&Path, usize))]
    {
        let peak_of = |n_rows: usize| {
            let file = format!("{n_rows}.{name}");
            write(&sandbox.path(&file), n_rows);
            peak(&sandbox, &format!("inspect --base base --data {file} --row {}", n_rows - 1))
        };
        let (small, large) = (peak_of(1_000), peak_of(12_000)); // about 8 MB and 96 MB
        assert!(large < small + 16, "{name}: {small} MiB for 8 MB, {large} MiB for 96 MB");
    }
}

/// A data file of equal rows, and a score table of it with a manifest like another one's.
fn write_scored(sandbox: &Sandbox, name: &str, n_rows: u32, manifest: &Value) {
    let data = sandbox.write(
        &format!("{name}.jsonl"),
        "{\"question\": \"q\", \"answer\": \"a\"}\n".repeat(n_rows as usize),
    );
    let mut manifest = manifest.clone();
    let input = &mut manifest["inputs"][0];
    input["path"] = json!(data);
    input["sha256"] = json!(DataFile::open(&data, name, &FormatChoice::Auto).unwrap().fingerprint().unwrap());
    manifest["n_rows"] = json!(n_rows);
    let batch = |rows: std::ops::Range<u32>| {
        let texts = |text: &dyn Fn(u32) -> Option<String>| {
            Arc::new(rows.clone().map(text).collect::<StringArray>()) as ArrayRef
        };
        let counts =
            || Arc::new(UInt32Array::from_iter_values(rows.clone().map(|row| 1 + row % 900))) as ArrayRef;
        let losses = Float64Array::from_iter_values(rows.clone().map(|row| f64::from(row % 7919)));
        RecordBatch::try_from_iter_with_nullable([
            ("row", Arc::new(UInt64Array::from_iter_values(rows.clone().map(u64::from))) as ArrayRef, false),
            ("key", texts(&|row| Some(format!("{row:032x}"))), false),
            ("status", texts(&|_| Some("ok".to_owned())), false),
            ("reason", texts(&|_| None), true),
            ("source", texts(&|_| Some(name.to_owned())), true),
            ("n_tokens", counts(), false),
            ("n_scored", counts(), false),
            ("base_nll", Arc::new(losses) as ArrayRef, true),
        ])
        .unwrap()
    };
    let file = fs_err::File::create(sandbox.path(format!("{name}.parquet"))).unwrap().into_parts().0;
    let mut writer = ArrowWriter::try_new(file, batch(0..0).schema(), None).unwrap();
    for first in (0..n_rows).step_by(1 << 16) {
        writer.write(&batch(first..n_rows.min(first + (1 << 16)))).unwrap();
        writer.flush().unwrap();
    }
    writer.append_key_value_metadata(KeyValue::new("lobass".to_owned(), manifest.to_string()));
    writer.close().unwrap();
}

#[test]
fn selecting_takes_some_bytes_a_row() {
    let sandbox = Sandbox::new();
    sandbox.write("one.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
    sandbox.expect(0, "score --base base --data one.jsonl --out one-scores.jsonl");
    let manifest = sandbox.read("one-scores.jsonl").lines().next().unwrap().to_owned();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let peak_of = |name: &str, n_rows: u32| {
        write_scored(&sandbox, name, n_rows, &manifest);
        let line = "select --strategy perplexity-high --budget 1% --index index.jsonl";
        peak(&sandbox, &format!("{line} --scores {name}.parquet --out {name}-chosen.jsonl"))
    };
    let (small, large) = (peak_of("small", 150_000), peak_of("large", 900_000));
    let per_row = ((large - small.min(large)) << 20) / 750_000;
    // Columns, scores, ranks, and what sorts them; a row as such has more than 200 bytes beside its texts.
    assert!(per_row < 120, "{per_row} bytes a row: {small} MiB for 150,000, {large} MiB for 900,000");
}

/// A checkpoint of a config with random weights in bf16, beside the tokenizer of the base.
fn random_checkpoint(sandbox: &Sandbox, name: &str, config: &Value, seed: u64) -> PathBuf {
    let config = config.to_string();
    let model = Decoder::random(&DecoderSpec::from_json(&config).unwrap(), seed, &DeviceName::Cpu.open());
    let dir = sandbox.copy_of_base(name);
    fs_err::remove_file(dir.join("model.safetensors")).unwrap();
    save(&model, &config, Dtype::Bf16, &dir).unwrap();
    dir
}

#[test]
fn loading_a_sharded_bf16_checkpoint_peaks_near_its_own_size() {
    let sandbox = Sandbox::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 8, "num_attention_heads": 8, "max_position_embeddings": 128,
    });
    let dir = random_checkpoint(&sandbox, "big", &config, 1);
    let size = cut_into_shards(&dir, 4) >> 20;
    assert!(size > 250, "{size} MiB");
    sandbox.write("one.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
    let without = peak(&sandbox, "inspect --base big --data one.jsonl");
    let with = peak(&sandbox, "inspect --base big --data one.jsonl --losses --dtype bf16");
    assert!(without < size / 2, "opening alone took {without} MiB of {size} MiB");
    assert!(with < size * 5 / 4 + without, "loading took {with} MiB for weights of {size} MiB");

    let score = "score --base big --data one.jsonl --dtype bf16 --threads 1";
    let whole = peak(&sandbox, &format!("{score} --out whole.jsonl"));
    let streamed = peak(&sandbox, &format!("{score} --out streamed.jsonl --memory 400MiB"));
    assert!(streamed + size / 2 < whole, "{streamed} MiB layer by layer, {whole} MiB at once");
    assert_eq!(sandbox.read("streamed.jsonl"), sandbox.read("whole.jsonl"), "the same table, to the bit");
    let plan = sandbox.json(0, "plan --base big --data one.jsonl --explain --threads 1");
    let [dtype, memory] = plan["memory"][1].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!(dtype, "bf16");
    let least = memory["weights_streamed"].as_u64().unwrap() + memory["beside"].as_u64().unwrap();
    sandbox.expect(0, &format!("{score} --out least.jsonl --memory {}KiB", least.div_ceil(1024)));
    assert_eq!(sandbox.read("least.jsonl"), sandbox.read("whole.jsonl"), "with the smallest batches");
    let below = format!("{score} --out below.jsonl --memory {}KiB", least.div_ceil(1024) - 1);
    sandbox.fails(&below, &["expected a limit on memory of at least"]);
    sandbox.fails(
        &format!("{score} --out small.jsonl --memory 100MiB"),
        &[
            "base model `big`",
            "expected a limit on memory of at least",
            "found 100.00 MiB",
            "embedding, head",
        ],
    );
    sandbox.fails(&format!("{score} --out small.jsonl --memory 4"), &["`4GiB`", "found `4`"]);
}

#[test]
fn an_adapter_is_trained_within_a_limit_on_layers_from_disk() {
    let sandbox = Sandbox::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 512, "intermediate_size": 2048,
        "num_hidden_layers": 20, "num_attention_heads": 8, "max_position_embeddings": 128,
    });
    random_checkpoint(&sandbox, "big", &config, 1);
    sandbox.small_pool(12);
    let train = "train --data small.jsonl --method lora --lora-rank 2 --dtype bf16 --threads 1 --batch-size 4 \
                 --micro-batch-tokens 64 --eval-rows 4";
    let big = format!("{train} --model big --recompute");
    let whole = peak(&sandbox, &format!("{big} --out whole"));
    let small = &format!("{big} --out small --memory 100MiB");
    let refused =
        sandbox.fails(small, &["base model `big`: expected a limit on memory of at least", "to train"]);
    assert!(!sandbox.path("small").exists(), "nothing was begun");
    let least = number_of_mib(&refused.stderr);
    let streamed = peak(&sandbox, &format!("{big} --out streamed --memory {}MiB", least + 1));
    assert!(streamed + 60 < whole, "{streamed} MiB layer by layer, {whole} MiB at once");
    assert!(streamed < least, "{streamed} MiB within {least} MiB");
    let adapter = |dir: &str| fs_err::read(sandbox.path(format!("{dir}/adapter_model.safetensors"))).unwrap();
    assert!(adapter("streamed") == adapter("whole"), "the same adapter, to the bit");
    assert_eq!(sandbox.read("streamed/metrics.jsonl"), sandbox.read("whole/metrics.jsonl"));

    // The layers of a base are read once for its adapter, too.
    let score = "score --base big --adapter whole --data small.jsonl --dtype bf16 --threads 1";
    sandbox.expect(0, &format!("{score} --out apart.jsonl"));
    let said = sandbox.expect(0, &format!("{score} --out together.jsonl --memory 350MiB")).stderr;
    assert!(said.contains("once for it and reference"), "{said}");
    assert_eq!(sandbox.read("together.jsonl"), sandbox.read("apart.jsonl"), "the same table, to the bit");

    let full = train.replace("--method lora --lora-rank 2", "") + " --model big --out full --memory 8GiB";
    sandbox.fails(&full, &["expected an adapter to train within a limit on memory", "`--method lora`"]);
    let run = "run --base big --data small.jsonl --budget 50% --out run --memory 8GiB";
    sandbox.fails(run, &["expected an adapter to train within a limit on memory"]);
    let run = format!("{run} --method lora --dtype bf16").replace("8GiB", "100MiB");
    sandbox.fails(&run, &["expected a limit on memory of at least", "to train"]);
    let plan = sandbox.json(0, "plan --base big --data small.jsonl --explain --threads 1");
    let [dtype, memory] = plan["training"][1].as_array().unwrap().as_slice() else { panic!("{plan}") };
    assert_eq!(dtype, "bf16");
    let of = |name: &str| memory[name].as_u64().unwrap();
    assert!(of("weights_streamed") < of("weights") && of("batches_streamed") < of("batches"), "{memory}");
    // Within the least limit, layers are run again for their gradients, and read there and back.
    let measure = "plan --base big --data small.jsonl --explain --threads 1 --dtype bf16 --measure 0.2";
    let least: u64 = of("weights_streamed") + of("batches_streamed").max(of("trained")) + of("trained");
    let limit = (least >> 20) + 257;
    let time = sandbox.json(0, &format!("{measure} --memory {limit}MiB"))["training_time"].clone();
    assert_eq!(time["passes"], 3, "{time}");
    assert!(
        time["seconds"].as_f64().unwrap() > 0.0 && time["n_read"].as_u64().unwrap() > 2 * (150 << 20),
        "{time}"
    );
    let whole = sandbox.json(0, &format!("{measure} --memory 8GiB"))["training_time"].clone();
    assert_eq!((&whole["passes"], &whole["n_read"]), (&2.into(), &Value::Null), "{whole}");
}

/// The first amount of memory in a message, in MiB, rounded up.
fn number_of_mib(text: &str) -> u64 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| word.starts_with("MiB")).unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundreds")]
    let number = words[at - 1].parse::<f64>().unwrap().ceil() as u64;
    number
}

#[test]
fn merging_takes_the_memory_of_a_tensor() {
    let sandbox = Sandbox::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 2, "num_attention_heads": 8, "max_position_embeddings": 128,
    });
    for (seed, name) in [(0, "big"), (1, "one")] {
        random_checkpoint(&sandbox, name, &config, seed);
    }
    let size = fs_err::metadata(sandbox.path("big/model.safetensors")).unwrap().len() >> 20;
    assert!(size > 64, "{size} MiB");
    let without = peak(&sandbox, "merge --base base --models base --out small");
    let merge = "merge --base big --models one big --method parameter-selection --resample";
    let with = peak(&sandbox, &format!("{merge} --out merged"));
    // The largest tensor has 8 MiB, or 16 MiB as f32.
    assert!(
        with < without + 32,
        "merging took {with} MiB for models of {size} MiB, and {without} MiB for small ones"
    );
    cut_into_shards(&sandbox.path("one"), 3);
    sandbox.expect(0, &format!("{merge} --out of-shards"));
    let weights = |name: &str| fs_err::read(sandbox.path(name).join("model.safetensors")).unwrap();
    assert!(weights("merged") == weights("of-shards"), "the same bytes from other files");
}

/// Cuts `model.safetensors` into shards with an index, as `save_pretrained` does; returns the bytes of the weights.
fn cut_into_shards(dir: &Path, n_shards: usize) -> u64 {
    let whole = dir.join("model.safetensors");
    let bytes = fs_err::read(&whole).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    let mut weight_map = Map::new();
    for (at, names) in names.chunks(names.len().div_ceil(n_shards)).enumerate() {
        let file = format!("model-{:05}-of-{n_shards:05}.safetensors", at + 1);
        let views = names.iter().map(|name| (*name, tensors.tensor(name).unwrap()));
        safetensors::serialize_to_file(views, None, &dir.join(&file)).unwrap();
        weight_map.extend(names.iter().map(|name| ((*name).to_owned(), Value::from(file.as_str()))));
    }
    let index = json!({"metadata": {}, "weight_map": weight_map}).to_string();
    fs_err::write(dir.join("model.safetensors.index.json"), index).unwrap();
    fs_err::remove_file(whole).unwrap();
    bytes.len() as u64
}
