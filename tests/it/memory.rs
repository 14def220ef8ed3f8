//! Memory that does not grow with the data, and loading that does not need the model twice. Linux tells the peak.
#![cfg(target_os = "linux")]

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use lobass_llama::{DeviceName, Dtype, Llama, LlamaConfig, save};
use serde_json::json;

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

#[test]
fn reading_a_large_file_takes_the_memory_of_a_row() {
    let sandbox = Sandbox::new();
    let write = |name: &str, n_rows: usize| {
        let filler = "lamp tree ".repeat(800);
        let row = |at: usize| {
            format!("{}\n", json!({"question": format!("say {at}"), "answer": "x", "filler": filler}))
        };
        sandbox.write(name, (0..n_rows).map(row).collect::<String>());
    };
    write("small.jsonl", 10);
    write("large.jsonl", 12_000); // about 96 MB
    let line = |name: &str, row: usize| format!("inspect --base base --data {name} --row {row}");
    let (small, large) =
        (peak(&sandbox, &line("small.jsonl", 9)), peak(&sandbox, &line("large.jsonl", 11_999)));
    assert!(large < small + 16, "{small} MiB for ten rows, {large} MiB for 96 MB of them");
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
    let size = fs_err::metadata(dir.join("model.safetensors")).unwrap().len() >> 20;
    assert!(size > 250, "{size} MiB");
    drop(model);
    sandbox.write("one.jsonl", "{\"question\": \"q\", \"answer\": \"a\"}\n");
    let without = peak(&sandbox, "inspect --base big --data one.jsonl");
    let with = peak(&sandbox, "inspect --base big --data one.jsonl --losses --dtype bf16");
    assert!(without < size / 2, "opening alone took {without} MiB of {size} MiB");
    assert!(with < size * 5 / 4 + without, "loading took {with} MiB for weights of {size} MiB");
}
