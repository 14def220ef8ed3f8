//! PDS through the command line: training, co-state, scores; interrupted, and taken up; selected by.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Rows of the pool that the base can learn from.
const TARGETS: [usize; 6] = [0, 1, 9, 11, 13, 17];

/// A sandbox with a pool, and two tasks of some of its rows.
fn prepared() -> Sandbox {
    prepared_with(120)
}

fn prepared_with(n_rows: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(n_rows);
    let pool = sandbox.read("small.jsonl");
    let rows = |places: &[usize]| {
        let lines: Vec<&str> = pool.lines().collect();
        places.iter().map(|&at| format!("{}\n", lines[at])).collect::<String>()
    };
    sandbox.write("one.jsonl", rows(&TARGETS[..3]));
    sandbox.write("two.jsonl", rows(&TARGETS[3..]));
    sandbox
}

const LINE: &str = "pds --base base --data small.jsonl --target one.jsonl two.jsonl --steps 6 --every 3 --batch-size 8 \
    --learning-rate 0.001 -q";

fn scores(sandbox: &Sandbox, name: &str) -> BTreeMap<u64, Value> {
    let text = sandbox.read(name);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == "row").map(|line| (line["row"].as_u64().unwrap(), line)).collect()
}

#[test]
fn target_rows_rank_high_and_a_run_that_stops_goes_on() {
    let sandbox = prepared();
    let said = sandbox.json(0, &format!("{LINE} --out pds.jsonl --work kept --threads 1"));
    assert_eq!(said["n_scored"], 120);
    let [before, after] = [0, 1].map(|at| said["target_loss"][at].as_f64().unwrap());
    assert!(after < before, "{said}");
    assert!(said["largest_curvature"].as_f64().unwrap() > 0.0);
    // 2 * 3 * 48 rows, 3 * 7 * 6 and 2 * 3 * 48, and twice 240 and four times 60.
    assert_eq!(
        said["cost"],
        serde_json::json!({"training": 288, "co_state": 414, "scores": 720, "passes": 12})
    );
    let found = scores(&sandbox, "pds.jsonl");
    let of = |row: u64, column: &str| found[&row][column].as_f64().unwrap();
    for row in TARGETS.map(|row| row as u64) {
        let above = found.keys().filter(|&&other| of(other, "score") > of(row, "score")).count();
        assert!(above < 40, "row {row}: {above} rows rank higher");
    }
    assert!(found.keys().all(|&row| of(row, "score") == of(row, "at_step_0") + of(row, "at_step_3")));

    // A co-state, the weights at the end, and units of losses are lost; the rest is taken up, on two threads.
    let states = fs_err::read_dir(sandbox.path("kept/pds")).unwrap().next().unwrap().unwrap().path();
    for name in ["costate-000000.safetensors", "weights-000006.safetensors"] {
        fs_err::remove_file(states.join(name)).unwrap();
    }
    let commits = sandbox.path("kept/pool/commits");
    let of_probe = |name: &str| name.starts_with("nll-");
    let stages = fs_err::read_dir(commits).unwrap().map(|entry| entry.unwrap());
    let stage = stages
        .filter(|entry| of_probe(&entry.file_name().to_string_lossy()))
        .min_by_key(fs_err::DirEntry::path);
    fs_err::remove_dir_all(stage.unwrap().path()).unwrap();
    sandbox.expect(0, &format!("{LINE} --out again.jsonl --work kept --threads 2"));
    assert_eq!(sandbox.read("again.jsonl"), sandbox.read("pds.jsonl"));

    // From nothing, on two threads, as Parquet: nothing stays behind.
    sandbox.expect(0, &format!("{LINE} --out fresh.jsonl --threads 2"));
    assert_eq!(sandbox.read("fresh.jsonl"), sandbox.read("pds.jsonl"));
    assert!(!sandbox.path("fresh.jsonl.work").exists());

    // Without curvature the order is nearly the same.
    let said = sandbox.json(0, &format!("{LINE} --curvature none --out first.parquet"));
    assert_eq!(said["largest_curvature"], 0.0);

    // A selection by the scores keeps the best rows.
    sandbox.expect(0, "score --base base --data small.jsonl --out table.parquet -q");
    for (ratings, kept) in [("pds.jsonl", "kept.jsonl"), ("first.parquet", "first.jsonl")] {
        let select = "select --scores table.parquet --strategy quality --budget 30 -q";
        sandbox.expect(0, &format!("{select} --ratings {ratings} --out {kept}"));
    }
    let pool = sandbox.read("small.jsonl");
    let place: BTreeMap<&str, u64> = pool.lines().zip(0..).collect();
    let rows = |name: &str| sandbox.read(name).lines().map(|line| place[line]).collect::<Vec<u64>>();
    let (kept, first) = (rows("kept.jsonl"), rows("first.jsonl"));
    let least = kept.iter().map(|&row| of(row, "score")).fold(f64::INFINITY, f64::min);
    assert_eq!(found.keys().filter(|&&row| of(row, "score") >= least).count(), 30);
    assert!(kept.iter().filter(|row| first.contains(row)).count() > 20, "{kept:?} {first:?}");
}

#[test]
fn several_processes_share_the_work() {
    // Two shards, one for each part.
    let sandbox = prepared_with(300);
    let line = |rest: &str| format!("{LINE} --out shared.jsonl --threads 1 {rest}");
    sandbox.expect(0, &line("").replace("shared", "alone"));

    // The second part needs what the first computes.
    let early = sandbox.expect(75, &line("--work shared --rank 1 --world 2"));
    assert!(early.stderr.contains("part 1 of 2") && early.stderr.contains("part 0"), "{}", early.stderr);
    for rank in [0, 1] {
        let said = sandbox.expect(0, &line(&format!("--work shared --rank {rank} --world 2")));
        assert!(said.stdout.contains("joins all parts"), "{}", said.stdout);
        assert!(!sandbox.path("shared.jsonl").exists());
    }
    let joined = sandbox.expect(0, &line("--work shared").replace(" -q", ""));
    assert_eq!(joined.stderr.matches("done before").count(), 5, "four losses, and tokens: {}", joined.stderr);
    assert_eq!(sandbox.read("shared.jsonl"), sandbox.read("alone.jsonl"));

    sandbox.expect(2, &line("--rank 0 --world 2"));
    sandbox.fails(&line("--work w --rank 2 --world 2").replace("shared", "no"), &["`--rank`", "below"]);
}

#[test]
fn an_adapter_is_trained_alone() {
    let sandbox = prepared();
    let lora = LINE
        .replace("--learning-rate 0.001", "--learning-rate 0.05 --method lora --lora-rank 4 --lora-alpha 4");
    let said = sandbox.json(0, &format!("{lora} --out lora.jsonl"));
    assert_eq!(said["manifest"]["settings"]["adapter"]["rank"], 4);
    let [before, after] = [0, 1].map(|at| said["target_loss"][at].as_f64().unwrap());
    assert!(after < before, "{said}");
    let (lora, full) = (scores(&sandbox, "lora.jsonl"), {
        sandbox.expect(0, &format!("{LINE} --out full.jsonl"));
        scores(&sandbox, "full.jsonl")
    });
    let best = |found: &BTreeMap<u64, Value>| {
        let mut rows: Vec<(f64, u64)> =
            found.iter().map(|(row, line)| (line["score"].as_f64().unwrap(), *row)).collect();
        rows.sort_by(|left, right| right.0.total_cmp(&left.0));
        rows[..40].iter().map(|(_, row)| *row).collect::<BTreeSet<u64>>()
    };
    // Of 40 rows of 120, chance has 13 in both.
    let both = best(&lora).intersection(&best(&full)).count();
    assert!(both > 20, "{both}");
}

#[test]
fn what_does_not_fit_is_said() {
    let sandbox = prepared();
    let fails =
        |flags: &str, expected: &[&str]| sandbox.fails(&format!("{LINE} {flags} --out no.jsonl"), expected);
    fails("--dtype bf16", &["--dtype f32", "bf16"]);
    fails("--lora-rank 4", &["LoRA", "--method lora"]);
    fails("--method lora --lora-dropout 0.1", &["--lora-dropout 0"]);
    let too_large = LINE.replace("--learning-rate 0.001", "--learning-rate 100");
    let said = sandbox.expect(2, &format!("{too_large} --out no.jsonl"));
    assert!(said.stderr.contains("learning rate"), "{}", said.stderr);
    let rare = LINE.replace("--every 3", "--every 7");
    sandbox.fails(&format!("{rare} --out no.jsonl"), &["--every", "at most the number of steps, 6"]);
    sandbox.write("empty.jsonl", "{\"instruction\": \"Say nothing.\", \"input\": \"\", \"output\": \"\"}\n");
    let empty = LINE.replace("two.jsonl", "empty.jsonl");
    sandbox.fails(&format!("{empty} --out other.jsonl"), &["target `empty`", "found none among 1"]);
    sandbox.write("there.jsonl", "");
    sandbox.fails(&format!("{LINE} --out there.jsonl"), &["is there already"]);
}

#[test]
fn a_radius_that_says_nothing_is_refused_and_an_inexact_one_is_warned_of() {
    let sandbox = prepared();
    let line = |radius: &str| format!("{LINE} --radius {radius} --work kept --out scores-{radius}.jsonl");
    for (radius, words) in [
        ("1e-12", ["`--radius` 1e-12, no loss of 60 rows differs", "use a larger one"]),
        ("0.3", ["`--radius` 3e-1", "use a smaller one"]),
        ("10", ["`--radius`", "below 1"]),
    ] {
        sandbox.fails(&line(radius), &words);
        assert!(!sandbox.path(format!("scores-{radius}.jsonl")).exists());
    }
    let said = sandbox.expect(0, &line("3e-3")).stderr;
    assert!(said.contains("`--radius` 3e-3") && said.contains("inexact"), "{said}");
    let said = sandbox.expect(0, &line("3e-5")).stderr;
    assert!(!said.contains("radius"), "{said}");
}

#[test]
fn a_part_with_other_settings_than_the_first_is_a_wrong_call() {
    let sandbox = prepared();
    let line = |rank: u8, rest: &str| {
        format!("{LINE} --out shared.jsonl --threads 1 --work shared --rank {rank} --world 2 {rest}")
    };
    sandbox.expect(75, &line(1, ""));
    sandbox.expect(0, &line(0, ""));
    let other_rate = line(1, "").replace("--learning-rate 0.001", "--learning-rate 0.002");
    sandbox.fails(&other_rate, &["part 1 of 2", "`--learning-rate` is 0.001 there, and 0.002 here"]);
    sandbox.fails(&line(1, "--radius 1e-4"), &["`--radius` is 0.00003 there, and 0.0001 here"]);
    sandbox.fails(&line(1, "--row-loss sum"), &["`--row-loss` is mean there, and sum here"]);
    sandbox.fails(&line(1, "--method lora"), &["`--method` is full there, and lora here"]);
    sandbox.expect(0, &line(1, ""));
}

#[test]
fn rows_of_a_target_that_are_not_used_are_told() {
    let sandbox = prepared();
    let good = sandbox.read("one.jsonl").lines().next().unwrap().to_owned();
    let empty = "{\"question\": \"Say nothing.\", \"answer\": \"\"}";
    sandbox.write("mixed.jsonl", format!("{good}\nnot JSON\n{empty}\n{empty}\n"));
    let line = LINE.replace("one.jsonl two.jsonl", "two.jsonl t=mixed.jsonl");
    let said = sandbox.expect(0, &format!("{line} --out scores.jsonl")).stderr;
    for words in
        ["target `t`: 3 of 4 rows", "1 malformed, the first of them row 1: line 2", "first of them row 2: "]
    {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains("target `two`"), "{said}");
}
