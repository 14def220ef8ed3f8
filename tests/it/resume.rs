//! A run that is killed, and taken up again, ends with the same numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lobass_core::ScoreRecord;
use lobass_run::read_table;
use serde_json::Value;

use crate::sandbox::Sandbox;

fn n_files(dir: &Path) -> usize {
    let Ok(entries) = fs_err::read_dir(dir) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| if entry.path().is_dir() { n_files(&entry.path()) } else { 1 })
        .sum()
}

/// Runs a command and kills it with SIGKILL once a directory holds so many files; whether it was still running.
pub(crate) fn kill_at(sandbox: &Sandbox, arguments: &[&str], dir: &Path, files: usize) -> bool {
    let mut child = sandbox.spawn(arguments);
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return false;
        }
        if n_files(dir) >= files {
            child.kill().unwrap(); // SIGKILL
            child.wait().unwrap();
            return true;
        }
        assert!(started.elapsed() < Duration::from_mins(2), "no progress in {}", dir.display());
        sleep(Duration::from_millis(1));
    }
}

fn bits(records: &[ScoreRecord]) -> Vec<(u64, String, Option<u64>, Option<u64>)> {
    let sum = |nll: Option<lobass_core::Nll>| nll.map(|nll| nll.sum.to_bits());
    records.iter().map(|r| (r.row, r.key.to_string(), sum(r.base), sum(r.reference))).collect()
}

#[test]
fn score_survives_kill_9_at_any_point() {
    let sandbox = Sandbox::new();
    // A reference with other weights, so that both models have units of their own.
    sandbox.small_pool(64);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out reference --batch-size 16 --learning-rate 1e-3 -q",
    );
    let line = "score --base base --reference reference --data pool.jsonl --threads 1 --out";
    sandbox.expect(0, &format!("{line} whole.parquet -q"));
    let whole = read_table(&sandbox.path("whole.parquet")).unwrap();

    let killed_line = format!("{line} killed.parquet -q");
    let arguments: Vec<&str> = killed_line.split(' ').collect();
    let commits = sandbox.path("killed.parquet.work/commits");
    let mut kills = 0;
    // From before the first commit to the last of them; each attempt takes up where the one before stopped.
    for files in [0, 1, 2, 5, 9, 12, 15, 19, 22, 26, 29, 30] {
        kills += usize::from(kill_at(&sandbox, &arguments, &commits, files));
    }
    assert!(kills >= 8, "only {kills} runs were killed");
    sandbox.expect(0, &killed_line);
    let killed = read_table(&sandbox.path("killed.parquet")).unwrap();
    assert_eq!(bits(&killed.records), bits(&whole.records));
    assert_eq!(killed.records, whole.records);
    assert_eq!(killed.manifest, whole.manifest);
    assert!(!sandbox.path("killed.parquet.work").exists());
    let ours = |name: &str| fs_err::read(sandbox.path(name)).unwrap();
    assert_eq!(ours("killed.parquet"), ours("whole.parquet"), "even the bytes of the file are the same");
}

#[test]
fn a_finished_score_is_not_done_again() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(8);
    let line = "score --base base --data small.jsonl --out scores.parquet";
    sandbox.expect(0, line);
    let written = fs_err::metadata(sandbox.path("scores.parquet")).unwrap().modified().unwrap();
    let again = sandbox.expect(0, line);
    assert!(again.stderr.contains("done before"), "{}", again.stderr);
    assert_eq!(fs_err::metadata(sandbox.path("scores.parquet")).unwrap().modified().unwrap(), written);
    sandbox.fails(&format!("{line} --max-length 64"), &["scores.parquet", "other data, models, or settings"]);
}

#[test]
fn a_base_that_was_scored_is_not_scored_again_for_another_reference() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(32);
    let train = "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 -q --out";
    sandbox.expect(0, &format!("{train} first --train-seed 1"));
    sandbox.expect(0, &format!("{train} second --train-seed 2"));
    let line = "score --base base --data small.jsonl --work losses";
    sandbox.expect(0, &format!("{line} --out first.parquet --reference first"));
    let second = sandbox.expect(0, &format!("{line} --out second.parquet --reference second"));
    assert!(second.stderr.contains("score base       done before"), "{}", second.stderr);
    let (one, two) =
        (read_table(&sandbox.path("first.parquet")), read_table(&sandbox.path("second.parquet")));
    let (one, two) = (one.unwrap().records, two.unwrap().records);
    assert!(one.iter().zip(&two).all(|(one, two)| one.base == two.base));
    assert!(one.iter().zip(&two).any(|(one, two)| one.reference != two.reference));
}

#[test]
fn a_work_directory_of_other_settings_is_left_alone() {
    let sandbox = Sandbox::new();
    let line = "score --base base --data pool.jsonl --threads 1 --work work --out scores.parquet";
    let arguments: Vec<&str> = line.split(' ').collect();
    assert!(kill_at(&sandbox, &arguments, &sandbox.path("work/commits"), 3));
    let files = n_files(&sandbox.path("work"));
    sandbox.fails(
        &format!("{line} --max-length 100 --chat-template alpaca"),
        &["work directory `work", "max length (128, now 100)", "chat template"],
    );
    assert_eq!(n_files(&sandbox.path("work")), files);
    sandbox.expect(0, line);
}

#[test]
fn damage_to_committed_work_is_found() {
    let sandbox = Sandbox::new();
    let line = "score --base base --data pool.jsonl --threads 1 --out scores.parquet";
    let arguments: Vec<&str> = line.split(' ').collect();
    assert!(kill_at(&sandbox, &arguments, &sandbox.path("scores.parquet.work/commits"), 12));
    let rows = sandbox.path("scores.parquet.work/data/rows");
    let mut files: Vec<_> = fs_err::read_dir(rows).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let commit = "scores.parquet.work/commits/rows/00000.json";
    let damages: [&dyn Fn(); 2] = [
        &|| fs_err::copy(&files[1], &files[0]).map(|_| ()).unwrap(), // another shard's values under this one's name
        &|| fs_err::write(&files[0], "PAR1").unwrap(),
    ];
    for damage in damages {
        damage();
        sandbox
            .fails(line, &["00000-", "is damaged", "delete `scores.parquet.work/commits/rows/00000.json`"]);
        // What the message says helps.
        fs_err::remove_file(sandbox.path(commit)).unwrap();
        sandbox.expect(0, &format!("{line} --work scores.parquet.work"));
        fs_err::remove_file(sandbox.path("scores.parquet")).unwrap();
    }
    sandbox.expect(0, line);
}

#[test]
fn two_processes_on_one_plan_do_no_harm() {
    let sandbox = Sandbox::new();
    let line = "score --base base --data pool.jsonl --threads 1 --out";
    sandbox.expect(0, &format!("{line} alone.parquet"));
    let shared = format!("{line} shared.parquet");
    let arguments: Vec<&str> = shared.split(' ').collect();
    let mut both = [sandbox.spawn(&arguments), sandbox.spawn(&arguments)];
    for child in &mut both {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    let records = |name: &str| read_table(&sandbox.path(name)).unwrap().records;
    assert_eq!(records("shared.parquet"), records("alone.parquet"));
    assert!(!sandbox.path("shared.parquet.work").exists(), "the last one cleans up");
}

#[test]
fn a_template_that_asks_for_the_time_is_told_the_same_again() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    let clock = "{{- strftime_now('%H:%M:%S.%f') -}}";
    sandbox.write("clock.jinja", format!("{clock}{}", sandbox.read("base/chat_template.jinja")));
    let data = "--data small.jsonl --chat-template clock.jinja";
    let train = format!("train --model base {data} --out tuned --batch-size 4");
    sandbox.expect(0, &train);
    assert!(sandbox.expect(0, &train).stderr.contains("done before"));
    let score = format!("score --base base --reference tuned {data} --out scores.parquet");
    sandbox.expect(0, &score);
    assert!(sandbox.expect(0, &score).stderr.contains("done before"));
    let record: Value = serde_json::from_str(&sandbox.read("tuned/lobass-training.json")).unwrap();
    let table = read_table(&sandbox.path("scores.parquet")).unwrap();
    assert_eq!(table.manifest.template.now.as_deref(), record["template_now"].as_str());
    assert_eq!(
        table.manifest.plan,
        record["plan"].as_str().unwrap(),
        "training and scoring saw the same text"
    );
}

#[test]
fn the_same_settings_in_other_words_are_the_same_plan() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    sandbox.write("t.jinja", sandbox.read("base/chat_template.jinja"));
    let line = "score --base base --data small.jsonl --work losses --chat-template";
    sandbox.expect(0, &format!("{line} t.jinja --out one.parquet"));
    let again = sandbox.expect(0, &format!("{line} ./t.jinja --out two.parquet"));
    assert!(again.stderr.contains("score base       done before"), "{}", again.stderr);
}

#[test]
fn a_run_is_taken_up_stage_by_stage() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    let line = "run --base base --data small.jsonl --out run --budget 10% --batch-size 32 --learning-rate 1e-3 \
                --strategy lobass random";
    let first = sandbox.expect(0, line);
    let scores = fs_err::read(sandbox.path("run/scores.parquet")).unwrap();
    let again = sandbox.expect(0, line);
    for stage in [
        "tokenize         done before",
        "score base       done before",
        "train            done before",
        "score reference  done before",
    ] {
        assert!(!first.stderr.contains(stage) && again.stderr.contains(stage), "`{stage}`: {}", again.stderr);
    }
    assert_eq!(first.stdout, again.stdout);
    assert_eq!(fs_err::read(sandbox.path("run/scores.parquet")).unwrap(), scores);
    // Another recipe is another reference, and not this directory's.
    sandbox.fails(&format!("{line} --epochs 2"), &["run/reference", "epochs (1, now 2)"]);
    // Another budget is the same run with a new selection.
    let wider = sandbox.expect(0, &line.replace("10%", "20%"));
    assert!(
        wider.stderr.contains("train            done before") && wider.stdout.contains("60 rows"),
        "{}",
        wider.stdout
    );
}

/// All files of a directory, by their paths in it, with their content.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs_err::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let nested = entries.flat_map(|path| {
        let name = PathBuf::from(path.file_name().unwrap());
        if path.is_dir() {
            contents(&path).into_iter().map(|(inner, bytes)| (name.join(inner), bytes)).collect()
        } else {
            vec![(name, fs_err::read(&path).unwrap())]
        }
    });
    nested.collect()
}

/// Kills a run when its directory holds so many files, over and over, and lets it end: it made what a run makes that
/// nobody disturbs.
fn check_run(more: &str, points: &[usize]) {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    let line = |out: &str| {
        format!(
            "run --base base --data small.jsonl --out {out} --budget 10% --batch-size 16 --learning-rate 1e-3 \
             --strategy lobass random {more} --threads 1 -q"
        )
    };
    sandbox.expect(0, &line("whole"));
    let killed = line("killed");
    let arguments: Vec<&str> = killed.split_whitespace().collect();
    let dir = sandbox.path("killed");
    let kills = points.iter().filter(|&&files| kill_at(&sandbox, &arguments, &dir, files)).count();
    assert!(kills + 2 >= points.len(), "only {kills} runs were killed");
    sandbox.expect(0, &killed);
    let (whole, ended) = (sandbox.path("whole"), sandbox.path("killed"));
    // The manifests name the references by their paths, which differ.
    let table = |run: &Path| read_table(&run.join("scores.parquet")).unwrap();
    assert_eq!(bits(&table(&ended).records), bits(&table(&whole).records));
    assert_eq!(table(&ended).manifest.digest, table(&whole).manifest.digest);
    let is_same = contents(&ended.join("selected")) == contents(&whole.join("selected"));
    assert!(is_same, "a selection has other rows");
    let weights = |run: &Path| {
        let mut files = contents(run);
        files.retain(|path, _| path.extension().is_some_and(|extension| extension == "safetensors"));
        files
    };
    let references = weights(&whole);
    assert!(!references.is_empty());
    assert!(weights(&ended) == references, "a reference has other weights");
}

#[test]
fn a_run_that_is_killed_in_every_stage_ends_the_same() {
    check_run("", &[1, 9, 14, 16, 20, 24]);
}

#[test]
fn a_run_with_two_references_that_is_killed_ends_the_same() {
    check_run("--reference-mode cross-fit --folds 2 --method lora --lora-rank 4", &[9, 14, 17, 22, 24, 27]);
}

#[test]
fn training_that_was_killed_begins_again_and_ends_the_same() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(400);
    let line = |out: &str| {
        format!(
            "train --model base --data small.jsonl --out {out} --batch-size 8 --learning-rate 1e-3 --threads 2"
        )
    };
    sandbox.expect(0, &line("whole"));
    let killed = line("killed");
    let arguments: Vec<&str> = killed.split(' ').collect();
    let mut child = sandbox.spawn(&arguments);
    while !sandbox.path("killed/metrics.jsonl").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let record: Value = serde_json::from_str(&sandbox.read("killed/lobass-training.json")).unwrap();
    assert!(record["outcome"].is_null() && record["recipe"]["batch_size"] == 8, "{record}");
    sandbox.expect(0, &killed);
    let weights = |out: &str| fs_err::read(sandbox.path(format!("{out}/model.safetensors"))).unwrap();
    assert_eq!(weights("killed"), weights("whole"));

    // As if it had been killed between the weights and the record that says it is done.
    sandbox.write("killed/lobass-training.json", record.to_string());
    fs_err::write(sandbox.path("killed/model.safetensors"), "half").unwrap();
    sandbox.expect(0, &killed);
    assert_eq!(weights("killed"), weights("whole"));
}
