//! Vectors of rows: the same by themselves, beside losses, and after a kill; missing where there is none.

use lobass_run::{EmbeddingFile, read_table};
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
    file.check_pool(&table.manifest).unwrap();
    // Different rows have different vectors, and none is zero.
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
