//! Data files that are edited while a command uses them: it stops, and writes nothing of them.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;

#[test]
fn a_file_that_is_edited_while_the_reference_trains_is_not_selected_from() {
    let sandbox = Sandbox::new();
    let path = sandbox.small_pool(40);
    let edited = sandbox.read("small.jsonl").replace("\"answer\"", "\"edited\": 1, \"answer\"");
    let line =
        "run --base base --data small.jsonl --budget 10 --out r --batch-size 4 --epochs 20 --threads 1";
    let arguments: Vec<&str> = line.split(' ').collect();
    let child = sandbox.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let metrics = || fs_err::read_to_string(sandbox.path("r/reference/metrics.jsonl")).unwrap_or_default();
    while metrics().lines().count() < 3 {
        assert!(started.elapsed() < Duration::from_mins(2), "no progress");
        std::thread::sleep(Duration::from_millis(1));
    }
    fs_err::write(&path, edited).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("small.jsonl") && stderr.contains("has changed"), "{stderr}");
    assert!(!sandbox.path("r/selected/lobass/small.jsonl").exists());
}

#[test]
fn a_table_is_never_used_with_other_rows_than_it_was_made_from() {
    let sandbox = Sandbox::new();
    let path = sandbox.small_pool(20);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet");
    let text = sandbox.read("small.jsonl");
    fs_err::write(&path, text.replacen("question", "question ", 1)).unwrap();
    let select = "select --scores scores.parquet --strategy longest --budget 5 --out kept.jsonl";
    sandbox.fails(select, &["small.jsonl", "is not the one that was scored"]);
    fs_err::write(&path, &text).unwrap();
    sandbox.expect(0, select);
}
