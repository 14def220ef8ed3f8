//! Commands inside another program: the same results, told to a host.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lobass_cli::{Host, Refusal, Step, run_for};
use lobass_run::ScoreFile;
use serde_json::Value;

use crate::sandbox::Sandbox;

/// Remembers what it is told, and wants to stop after some steps.
struct Recorder {
    patience: usize,
    n_steps: AtomicUsize,
    told: Mutex<Vec<(String, u64, u64)>>,
    lines: Mutex<Vec<String>>,
}

impl Recorder {
    fn new(patience: usize) -> Arc<Self> {
        let (told, lines) = (Mutex::default(), Mutex::default());
        Arc::new(Self { patience, n_steps: AtomicUsize::new(0), told, lines })
    }

    fn stages(&self) -> Vec<String> {
        let mut stages: Vec<String> =
            self.told.lock().unwrap().iter().map(|(stage, ..)| stage.clone()).collect();
        stages.dedup();
        stages
    }
}

impl Host for Recorder {
    fn note(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn warn(&self, line: &str) {
        self.lines.lock().unwrap().push(format!("warning: {line}"));
    }

    fn progress(&self, at: &Step<'_>) {
        self.n_steps.fetch_add(1, Ordering::SeqCst);
        self.told.lock().unwrap().push((at.stage.to_owned(), at.done, at.all));
    }

    fn is_interrupted(&self) -> bool {
        self.n_steps.load(Ordering::SeqCst) >= self.patience
    }
}

fn run(host: &Arc<Recorder>, line: &str) -> Result<Value, Refusal> {
    run_for(host.clone(), line.split(' '))
}

#[test]
fn a_host_gets_what_the_command_line_prints() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300);
    let printed =
        sandbox.json(0, "score --base base --data small.jsonl --out printed.parquet --max-length 100000");
    let at = |name: &str| sandbox.path(name).display().to_string();
    let line = |out: &str, more: &str| {
        format!(
            "score --base {} --data {} --out {} --max-length 100000{more}",
            at("base"),
            at("small.jsonl"),
            at(out)
        )
    };
    let host = Recorder::new(usize::MAX);
    let told = run(&host, &line("told.parquet", "")).unwrap();
    assert_eq!(told["manifest"]["digest"], printed["manifest"]["digest"]);
    assert_eq!(host.stages(), ["score base"]);
    assert_eq!(host.told.lock().unwrap().last().unwrap(), &("score base".to_owned(), 300, 300));
    let lines = host.lines.lock().unwrap().join("\n");
    assert!(lines.contains("template") && lines.contains("warning: longer sequences than"), "{lines}");

    // Stopped after the first of its units, it is taken up by the next attempt.
    let impatient = Recorder::new(1);
    let work = format!(" --work {}", at("work"));
    let refusal = run(&impatient, &line("stopped.parquet", &work)).unwrap_err();
    assert!(matches!(refusal, Refusal::Interrupted), "{refusal}");
    assert_eq!(impatient.n_steps.load(Ordering::SeqCst), 1);
    assert!(!sandbox.path("stopped.parquet").exists());
    let commits = |stage: &str| {
        let stages =
            fs_err::read_dir(sandbox.path("work/commits")).unwrap().map(|entry| entry.unwrap().path());
        let of_stage = stages.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(stage));
        of_stage.map(|path| fs_err::read_dir(path).unwrap().count()).sum::<usize>()
    };
    assert_eq!(commits("nll-"), 1);
    run(&Recorder::new(usize::MAX), &line("stopped.parquet", &work)).unwrap();
    let digest = |name: &str| ScoreFile::open(&sandbox.path(name)).unwrap().manifest().digest.clone();
    assert_eq!(digest("stopped.parquet"), digest("printed.parquet"));
}

#[test]
fn refusals_say_what_the_command_line_says() {
    let sandbox = Sandbox::new();
    let host = Recorder::new(usize::MAX);
    let refusal = run(&host, "score --base base --mask none").unwrap_err();
    let Refusal::Arguments(text) = &refusal else { panic!("{refusal}") };
    assert!(text.starts_with("invalid value 'none' for '--mask <MASK>'"), "{text}");
    assert!(!text.contains("Usage"), "{text}");

    let line = format!("train --model {} --data absent.jsonl --out tuned", sandbox.path("base").display());
    let refusal = run(&host, &line).unwrap_err();
    let Refusal::Failed(text) = &refusal else { panic!("{refusal}") };
    let printed = sandbox.fails("train --model base --data absent.jsonl --out tuned", &["absent.jsonl"]);
    assert!(printed.stderr.ends_with(&format!("error: {text}\n")), "{text}\n{}", printed.stderr);
}

#[test]
fn rows_that_nobody_reads_may_be_gone() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet");
    let line = "select --scores scores.parquet --strategy longest --budget 5 --index index.jsonl";
    let before = sandbox.json(0, line);
    let index = sandbox.read("index.jsonl");
    fs_err::remove_file(sandbox.path("small.jsonl")).unwrap();
    assert_eq!(sandbox.json(0, line), before);
    assert_eq!(sandbox.read("index.jsonl"), index);
    for more in ["--out chosen.jsonl", "--quota-by kind", "--responses best", "--data small.jsonl"] {
        sandbox.fails(&format!("{line} {more}"), &["small.jsonl", "is not there"]);
    }
}
