//! LESS through the command line: warm-up, gradients, scores; interrupted, and taken up.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// A sandbox with a pool, two tasks of some of its rows, and two epochs of an adapter.
fn warmed_up() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    let pool = sandbox.read("small.jsonl");
    let rows = |places: &[usize]| {
        let lines: Vec<&str> = pool.lines().collect();
        places.iter().map(|&at| format!("{}\n", lines[at])).collect::<String>()
    };
    sandbox.write("one.jsonl", rows(&[3, 40]));
    sandbox.write("two.jsonl", rows(&[120, 121, 200]));
    sandbox.expect(
        0,
        "train --base base --data small.jsonl --out warm-up --method lora --lora-rank 4 --epochs 2 --batch-size 32 \
         --trajectory -q",
    );
    sandbox
}

const LINE: &str = "less --base base --data small.jsonl --target first=one.jsonl two.jsonl --projection-dim 512 \
    --checkpoints warm-up/epochs/epoch-1 warm-up/epochs/epoch-2 -q";

fn scores(sandbox: &Sandbox, name: &str) -> BTreeMap<u64, Value> {
    let text = sandbox.read(name);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == "row").map(|line| (line["row"].as_u64().unwrap(), line)).collect()
}

#[test]
fn rows_help_themselves_and_a_run_that_stops_goes_on() {
    let sandbox = warmed_up();
    let said = sandbox.json(0, &format!("{LINE} --out less.jsonl --work kept --threads 1"));
    assert_eq!(said["n_scored"], 300);
    let tasks = serde_json::json!([{"name": "first", "n_rows": 2}, {"name": "two", "n_rows": 3}]);
    assert_eq!(said["manifest"]["tasks"], tasks);
    let found = scores(&sandbox, "less.jsonl");
    let of = |row: u64, column: &str| found[&row][column].as_f64().unwrap();
    for (column, rows) in [("to_first", [3, 40, 3]), ("to_two", [120, 121, 200])] {
        let mean = found.keys().map(|&row| of(row, column)).sum::<f64>() / 300.0;
        for row in rows {
            let above = found.keys().filter(|&&other| of(other, column) > of(row, column)).count();
            assert!(of(row, column) > mean && above < 60, "row {row}: {above} rows help {column} more");
        }
    }
    assert!(found.keys().all(|&row| of(row, "score") == of(row, "to_first").max(of(row, "to_two"))));

    // Files of one name are one task.
    let together = LINE.replace("two.jsonl", "first=two.jsonl");
    let said = sandbox.json(0, &format!("{together} --out together.jsonl"));
    assert_eq!(said["manifest"]["tasks"], serde_json::json!([{"name": "first", "n_rows": 5}]));

    // Some gradients are lost; everything else is taken up, on another number of threads.
    let gradients = sandbox.path("kept/gradients");
    let folder = fs_err::read_dir(gradients).unwrap().next().unwrap().unwrap().path();
    fs_err::remove_file(folder.join("00000.safetensors")).unwrap();
    sandbox.expect(0, &format!("{LINE} --out again.jsonl --work kept --threads 2"));
    assert_eq!(sandbox.read("again.jsonl"), sandbox.read("less.jsonl"));

    // The same without keeping anything, and as Parquet.
    sandbox.expect(0, &format!("{LINE} --out less.parquet"));
    assert!(sandbox.path("less.parquet").exists() && !sandbox.path("less.parquet.work").exists());

    // Without projection, scores differ by what it loses.
    let unprojected = LINE.replace("--projection-dim 512", "--projection-dim 0 --gradient-format f32");
    sandbox.expect(0, &format!("{unprojected} --out exact.jsonl"));
    let exact = scores(&sandbox, "exact.jsonl");
    let difference = |row: &u64| (of(*row, "score") - exact[row]["score"].as_f64().unwrap()).powi(2);
    let deviation = (found.keys().map(difference).sum::<f64>() / 300.0).sqrt();
    assert!(deviation > 0.0 && deviation < (2f64 / 512.0).sqrt(), "{deviation}");
    sandbox.fails(&format!("{LINE} --out less.parquet"), &["is there already"]);
}

#[test]
fn what_is_missing_is_said() {
    let sandbox = warmed_up();
    let line = |change: &dyn Fn(String) -> String| format!("{} --out less.jsonl", change(LINE.to_owned()));
    let base = line(&|line| line.replace("warm-up/epochs/epoch-1", "base"));
    sandbox.fails(&base, &["`base`", "adapter_config.json"]);
    let last = line(&|line| line.replace("warm-up/epochs/epoch-1", "warm-up"));
    sandbox.fails(&last, &["`warm-up`", "optimizer.safetensors", "--trajectory"]);
    sandbox.write("empty.jsonl", "{\"instruction\": \"Say nothing.\", \"input\": \"\", \"output\": \"\"}\n");
    let empty = line(&|line| line.replace("two.jsonl", "empty.jsonl"));
    sandbox.fails(&empty, &["target `empty`", "found none among 1: 1 empty_response"]);
    assert!(!sandbox.path("less.jsonl.work").exists(), "refused before a gradient, and not in the way");
    sandbox.write("foreign/notes.txt", "mine");
    let foreign = line(&|line| format!("{line} --work foreign"));
    sandbox.fails(&foreign, &["notes.txt"]);
    let moments = sandbox.path("warm-up/epochs/epoch-1/optimizer.safetensors");
    fs_err::copy(sandbox.path("warm-up/epochs/epoch-1/adapter_model.safetensors"), moments).unwrap();
    sandbox.fails(&line(&|line| line), &["optimizer.safetensors"]);
}
