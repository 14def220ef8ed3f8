//! Vectors of rows: the same by themselves, beside losses, and after a kill; missing where there is none.

use std::time::{Duration, Instant};

use lobass_run::{EmbeddingFile, read_table};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

use crate::sandbox::Sandbox;

fn bytes(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    fs_err::read(sandbox.path(name)).unwrap()
}

#[test]
fn the_pass_that_scores_makes_the_same_vectors_and_the_same_losses() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    let models = "--base base --data small.jsonl -q";
    sandbox.expect(0, &format!("embed {models} --out alone.safetensors --threads 1"));
    sandbox.expect(0, &format!("score {models} --out plain.parquet"));
    sandbox
        .expect(0, &format!("score {models} --out both.parquet --embeddings both.safetensors --threads 3"));
    assert_eq!(bytes(&sandbox, "alone.safetensors"), bytes(&sandbox, "both.safetensors"));
    let digest = |name: &str| read_table(&sandbox.path(name)).unwrap().manifest.digest.unwrap();
    assert_eq!(digest("plain.parquet"), digest("both.parquet"));

    let file = EmbeddingFile::open(&sandbox.path("alone.safetensors")).unwrap();
    assert_eq!(file.manifest().n_present, 300);
    let table = read_table(&sandbox.path("plain.parquet")).unwrap();
    file.check_pool(&table.manifest.inputs).unwrap();
    // Different rows have different vectors, and no vector is zero.
    let (first, second) = (file.matrix().row(0).unwrap(), file.matrix().row(1).unwrap());
    assert_ne!(first, second);
    assert!(first.iter().any(|value| value.abs() > 1e-3));
    assert!(!sandbox.path("alone.safetensors.work").exists());

    // Done before, and something else before.
    let again = sandbox.expect(0, &format!("embed {models} --out alone.safetensors --format json"));
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["manifest"]["n_present"], 300);
    let other = sandbox.expect(2, &format!("embed {models} --out alone.safetensors --normalize-embeddings"));
    assert!(other.stderr.contains("other settings"), "{}", other.stderr);
    let late = sandbox.expect(2, &format!("score {models} --out plain.parquet --embeddings new.safetensors"));
    assert!(late.stderr.contains("lobass embed"), "{}", late.stderr);
    let idle = sandbox.expect(2, &format!("score {models} --out new.parquet --embedding-format f16"));
    assert!(idle.stderr.contains("--embeddings"), "{}", idle.stderr);
}

#[test]
fn rows_without_a_vector_are_marked_and_counted() {
    let sandbox = Sandbox::new();
    let long = "far too long ".repeat(400);
    let row = |instruction: &str, output: &str| {
        format!("{}\n", serde_json::json!({"instruction": instruction, "input": "", "output": output}))
    };
    let rows =
        [row("Say yes.", "yes"), row("Say much.", &long), row("Say nothing.", ""), row("Say no.", "no")];
    sandbox.write("odd.jsonl", rows.concat());
    let line = "embed --base base --data odd.jsonl --chat-template alpaca";
    let ended =
        sandbox.expect(1, &format!("{line} --out odd.safetensors --normalize-embeddings --format json -q"));
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    let manifest = &said["manifest"];
    assert_eq!((&manifest["n_present"], &manifest["n_rows"]), (&2.into(), &4.into()));
    assert_eq!(manifest["missing"], serde_json::json!({"overlong": 1, "empty_response": 1}));
    let file = EmbeddingFile::open(&sandbox.path("odd.safetensors")).unwrap();
    let present: Vec<bool> = (0..4).map(|row| file.matrix().is_present(row)).collect();
    assert_eq!(present, [true, false, false, true]);
    assert!(file.matrix().values(1..3).iter().all(|value| value.is_nan()));
    let square = |row: usize| file.matrix().row(row).unwrap().iter().map(|value| value * value).sum::<f32>();
    assert!((square(0) - 1.0).abs() < 1e-5 && (square(3) - 1.0).abs() < 1e-5);

    sandbox.expect(
        1,
        &format!("{line} --out half.safetensors --embedding-format f16 --normalize-embeddings -q"),
    );
    let half = EmbeddingFile::open(&sandbox.path("half.safetensors")).unwrap();
    for (exact, rounded) in file.matrix().row(0).unwrap().iter().zip(half.matrix().row(0).unwrap().iter()) {
        assert!((exact - rounded).abs() <= exact.abs() / 1024.0 + 1e-6, "{exact} {rounded}");
    }
}

#[test]
fn another_reader_finds_what_the_page_says() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    sandbox.expect(0, "embed --base base --data small.jsonl --out e.safetensors -q");
    let file = bytes(&sandbox, "e.safetensors");
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let (vectors, present) = (tensors.tensor("vectors").unwrap(), tensors.tensor("present").unwrap());
    assert_eq!((vectors.dtype(), vectors.shape()[0]), (Dtype::F32, 20));
    assert_eq!((present.dtype(), present.shape(), present.data()), (Dtype::U8, &[20][..], &[1; 20][..]));
    let length = usize::try_from(u64::from_le_bytes(file[..8].try_into().unwrap())).unwrap();
    assert!((8 + length).is_multiple_of(64), "values can be mapped");
    let (_, header) = SafeTensors::read_metadata(&file).unwrap();
    let manifest: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["lobass"]).unwrap();
    let fields = [
        "version",
        "tool",
        "plan",
        "inputs",
        "tokenizer",
        "template",
        "encoding",
        "duplicates",
        "model",
        "pooling",
        "normalized",
        "dim",
        "n_rows",
        "n_present",
        "missing",
        "digest",
    ];
    let found: Vec<&str> = manifest.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, fields);
    assert_eq!(manifest["dim"], vectors.shape()[1]);
}

#[test]
fn being_killed_changes_nothing() {
    let sandbox = Sandbox::new();
    let line = "embed --base base --data pool.jsonl --threads 1 -q --out";
    sandbox.expect(0, &format!("{line} whole.safetensors"));
    let commits = sandbox.path("killed.safetensors.work/commits");
    let n_commits = || {
        let stages = fs_err::read_dir(&commits).into_iter().flatten().flatten();
        stages.flat_map(|stage| fs_err::read_dir(stage.path())).map(Iterator::count).sum::<usize>()
    };
    let killed = format!("{line} killed.safetensors");
    let words: Vec<&str> = killed.split(' ').collect();
    let (mut n_killed, started) = (0, Instant::now());
    for _ in 0..3 {
        let before = n_commits();
        let mut child = sandbox.spawn(&words);
        while n_commits() < before + 2 && child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_mins(2), "no progress");
            std::thread::sleep(Duration::from_millis(1));
        }
        n_killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(n_killed > 0, "it was always done before it could be killed");
    sandbox.expect(0, &killed);
    assert_eq!(bytes(&sandbox, "killed.safetensors"), bytes(&sandbox, "whole.safetensors"));
    assert!(!sandbox.path("killed.safetensors.work").exists());
}
