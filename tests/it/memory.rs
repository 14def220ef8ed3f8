//! Memory that does not grow with the data, and loading that does not need the model twice. Linux tells the peak.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use lobass_llama::{DeviceName, Dtype, Llama, LlamaConfig, save};
use parquet::arrow::ArrowWriter;
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

#[test]
fn loading_a_sharded_bf16_checkpoint_peaks_near_its_own_size() {
    let sandbox = Sandbox::new();
    let config = json!({
        "model_type": "llama", "vocab_size": 512, "hidden_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 8, "num_attention_heads": 8, "max_position_embeddings": 128,
    });
    let config = config.to_string();
    let model = Llama::random(&LlamaConfig::from_json(&config).unwrap(), 1, &DeviceName::Cpu.open());
    let dir = sandbox.copy_of_base("big");
    fs_err::remove_file(dir.join("model.safetensors")).unwrap();
    save(&model, &config, Dtype::Bf16, &dir).unwrap();
    drop(model);
    let size = cut_into_shards(&dir, 4) >> 20;
    assert!(size > 250, "{size} MiB");
    sandbox.write("one.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
    let without = peak(&sandbox, "inspect --base big --data one.jsonl");
    let with = peak(&sandbox, "inspect --base big --data one.jsonl --losses --dtype bf16");
    assert!(without < size / 2, "opening alone took {without} MiB of {size} MiB");
    assert!(with < size * 5 / 4 + without, "loading took {with} MiB for weights of {size} MiB");
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
