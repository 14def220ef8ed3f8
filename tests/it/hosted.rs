//! Commands inside another program: the same results, reported to an observer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use lobass_cli::{Observer, Refusal, StageProgress, run_for};
use lobass_run::ScoreFile;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Records its calls, and stops after some shards are scored.
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

    fn stages(&self) -> BTreeSet<String> {
        self.told.lock().unwrap().iter().map(|(stage, ..)| stage.clone()).collect()
    }
}

impl Observer for Recorder {
    fn note(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn warn(&self, line: &str) {
        self.lines.lock().unwrap().push(format!("warning: {line}"));
    }

    fn progress(&self, at: &StageProgress<'_>) {
        if at.stage.starts_with("score") && at.done > at.before {
            self.n_steps.fetch_add(1, Ordering::SeqCst);
        }
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
    assert_eq!(host.stages(), BTreeSet::from(["score base".to_owned(), "tokenize".to_owned()]));
    assert_eq!(host.told.lock().unwrap().last().unwrap(), &("score base".to_owned(), 300, 300));
    let lines = host.lines.lock().unwrap().join("\n");
    assert!(lines.contains("template") && lines.contains("warning: sequences longer than"), "{lines}");

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

/// A host that is inside one command while another one runs: each gets its own notes and its own result.
#[test]
fn two_commands_run_at_once_for_two_hosts() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(200);
    let other: Vec<String> =
        sandbox.read("pool.jsonl").lines().skip(200).take(120).map(|line| format!("{line}\n")).collect();
    sandbox.write("other.jsonl", other.concat());
    let at = |name: &str| sandbox.path(name).display().to_string();
    let line = |data: &str, out: &str| {
        format!("score --threads 1 --base {} --data {} --out {}", at("base"), at(data), at(out))
    };
    let alone = run(&Recorder::new(usize::MAX), &line("small.jsonl", "alone.parquet")).unwrap();

    // Each host waits, in its first report of progress, until the other one is in the middle of its command too.
    let both = Arc::new((Mutex::new(0), Condvar::new()));
    let [one, other] =
        [(); 2].map(|()| Arc::new(Meeting { recorder: Recorder::new(usize::MAX), both: both.clone() }));
    let (of_one, of_other) = std::thread::scope(|scope| {
        let (one, other) = (one.clone(), other.clone());
        let (first, second) = (line("small.jsonl", "one.parquet"), line("other.jsonl", "two.parquet"));
        let first = scope.spawn(move || run_for(one, first.split(' ')).unwrap());
        let second = scope.spawn(move || run_for(other, second.split(' ')).unwrap());
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(of_one["manifest"]["digest"], alone["manifest"]["digest"]);
    assert_eq!((&of_one["manifest"]["n_rows"], &of_other["manifest"]["n_rows"]), (&json!(200), &json!(120)));
    for (host, mine, theirs, n_rows) in
        [(&one, "small.jsonl", "other.jsonl", 200), (&other, "other.jsonl", "small.jsonl", 120)]
    {
        let lines = host.recorder.lines.lock().unwrap().join("\n");
        assert!(lines.contains(mine) && !lines.contains(theirs), "{lines}");
        assert!(host.recorder.told.lock().unwrap().iter().all(|(_, _, all)| *all == n_rows));
    }
}

/// A recorder that lets another command begin before it continues.
struct Meeting {
    recorder: Arc<Recorder>,
    /// How many are there.
    both: Arc<(Mutex<usize>, Condvar)>,
}

impl Observer for Meeting {
    fn note(&self, line: &str) {
        self.recorder.note(line);
    }

    fn warn(&self, line: &str) {
        self.recorder.warn(line);
    }

    fn progress(&self, at: &StageProgress<'_>) {
        if self.recorder.told.lock().unwrap().is_empty() {
            let (n_there, someone_came) = &*self.both;
            let mut there = n_there.lock().unwrap();
            *there += 1;
            someone_came.notify_all();
            let (_there, waited) =
                someone_came.wait_timeout_while(there, Duration::from_mins(2), |there| *there < 2).unwrap();
            assert!(!waited.timed_out(), "the other command did not begin while this one ran");
        }
        self.recorder.progress(at);
    }

    fn is_interrupted(&self) -> bool {
        self.recorder.is_interrupted()
    }
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
        sandbox.fails(&format!("{line} {more}"), &["small.jsonl", "of the score table is missing"]);
    }
}
