//! Many workers on one plan, some of which die: the table is that of one process.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// The shipped pool with a reference, planned in `run`.
pub(crate) fn planned(sandbox: &Sandbox, place: &str) -> Value {
    sandbox.small_pool(64);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --out tuned --batch-size 16 --learning-rate 1e-3 -q",
    );
    sandbox.json(0, &format!("plan --base base --reference tuned --data pool.jsonl -q --work {place}"))
}

/// The digest of a run in one process.
pub(crate) fn expected(sandbox: &Sandbox) -> String {
    digest(
        &sandbox.json(
            0,
            "score --base base --reference tuned --data pool.jsonl --threads 1 --out whole.parquet -q",
        ),
    )
}

pub(crate) fn digest(sealed: &Value) -> String {
    sealed["manifest"]["digest"].as_str().unwrap().to_owned()
}

pub(crate) fn sealed(sandbox: &Sandbox, place: &str) -> String {
    digest(&sandbox.json(0, &format!("seal --out sealed.parquet -q --work {place}")))
}

/// By the shell, whose own `kill` is there on the barest machine.
fn signal(pid: u32, name: &str) -> bool {
    Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap().success()
}

/// Waits until something is there.
fn until(what: &str, mut there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !there() {
        assert!(started.elapsed() < Duration::from_mins(2), "still not: {what}");
        sleep(Duration::from_millis(2));
    }
}

fn n_commits(dir: &Path) -> usize {
    let Ok(stages) = fs_err::read_dir(dir.join("commits")) else { return 0 };
    let models = stages.map(|stage| stage.unwrap().path()).filter(|stage| !stage.ends_with("rows"));
    models.map(|stage| fs_err::read_dir(stage).unwrap().count()).sum()
}

#[test]
fn parts_of_a_job_array_make_the_table() {
    let sandbox = Sandbox::new();
    let plan = planned(&sandbox, "run");
    let n_units = 2 * plan["n_shards"].as_u64().unwrap();
    assert!(plan["job"].is_string() && n_units >= 6, "{plan}");
    assert_eq!(sandbox.json(0, "pending --work run")["n_pending"], n_units);
    assert_eq!(sandbox.expect(0, "pending --work run --world 3").stdout, "0-2\n");
    sandbox.fails("seal --work run --out sealed.parquet", &["units are not done yet", "shard 0"]);

    let first = sandbox.json(0, "worker --work run --world 3 --rank 1 -q");
    assert_eq!(first["n_committed"], first["n_units"], "{first}");
    assert_eq!(sandbox.expect(0, "pending --work run --world 3").stdout, "0,2\n");
    for (variable, rank) in
        [("SLURM_ARRAY_TASK_ID", "0"), ("JOB_COMPLETION_INDEX", "1"), ("AWS_BATCH_JOB_ARRAY_INDEX", "2")]
    {
        let line = ["worker", "--work", "run", "--world", "3", "--format", "json", "-q"];
        let output = sandbox.command(&line).env(variable, rank).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let part: Value = serde_json::from_slice(&output.stdout).unwrap();
        let done_before = if rank == "1" { &part["n_units"] } else { &json!(0) };
        assert_eq!(
            (&part["rank"].to_string(), &part["n_skipped"]),
            (&rank.to_owned(), done_before),
            "{part}"
        );
    }
    assert_eq!(sandbox.expect(0, "pending --work run --world 3").stdout, "\n");
    let pool = sandbox.read("pool.jsonl");
    sandbox.fails("seal --work run --out pool.jsonl", &["output `pool.jsonl`", "found another file"]);
    assert_eq!(sandbox.read("pool.jsonl"), pool, "nothing of a person's is replaced");
    assert_eq!(sealed(&sandbox, "run"), expected(&sandbox));
    assert_eq!(sealed(&sandbox, "run"), expected(&sandbox), "the same table may be sealed again");
    assert_eq!(sandbox.json(0, "gc --work run")["objects"], json!([]));
}

#[test]
fn a_worker_answers_what_it_is_asked() {
    let sandbox = Sandbox::new();
    let plan = planned(&sandbox, "run");
    let talk = |input: &str| {
        let mut child = sandbox.command(&["worker", "--work", "run", "-q"]);
        let mut child =
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = vec![answers.next().unwrap().unwrap()];
        for line in input.lines() {
            writeln!(stdin, "{line}").unwrap();
            heard.extend(answers.next().map(Result::unwrap));
        }
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let heard: Vec<Value> = heard.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code().unwrap(), heard, String::from_utf8(output.stderr).unwrap())
    };
    let unit = r#"{"v":1,"op":"score","model":"reference","shard":1}"#;
    let (code, heard, _) = talk(&format!("{unit}\n{unit}\n"));
    assert_eq!(code, 0);
    assert_eq!(
        (&heard[0]["ready"], &heard[0]["plan"], &heard[0]["device"]),
        (&json!(true), &plan["plan"], &json!("cpu"))
    );
    let state = |answer: &Value| (answer["model"].clone(), answer["shard"].clone(), answer["state"].clone());
    assert_eq!(state(&heard[1]), (json!("reference"), json!(1), json!("committed")));
    assert_eq!(state(&heard[2]), (json!("reference"), json!(1), json!("skipped")));
    assert_eq!(heard[1]["digest"], heard[2]["digest"]);
    assert!(heard[1]["n_tokens"].as_u64().unwrap() > 0 && heard[2]["n_tokens"] == 0);
    for (line, words) in [
        ("score it", "expected a request such as"),
        (r#"{"v":2,"op":"score","model":"base","shard":1}"#, "expected version 1"),
        (r#"{"v":1,"op":"score","model":"base","shard":99}"#, "no unit of model `base` and shard 99"),
    ] {
        let (code, _, stderr) = talk(line);
        assert!(code == 2 && stderr.contains(words), "{code}: {stderr}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(16);
    sandbox.fails(
        "worker --work nowhere --world 2 --rank 0",
        &["`nowhere`", "expected a work directory with a plan"],
    );
    assert!(!sandbox.path("nowhere").exists(), "looking for work makes none");
    sandbox.expect(0, "plan --base base --data small.jsonl --work run");
    sandbox.fails("worker --work run --world 2 --rank 0", &["expected a job, found none", "--base-only"]);
    sandbox.expect(0, "plan --base base --data small.jsonl --work run --base-only");
    sandbox.fails("worker --work run --world 2 --rank 2", &["rank 2: expected one below the world, 2"]);
    sandbox.fails("worker --work run --world 2", &["no part is given", "SLURM_ARRAY_TASK_ID"]);
    sandbox.fails("worker --work run --world 1 --rank 0 --device wgpu", &["wgpu"]);
    sandbox.fails("worker --work run --world 1 --rank 0 --reference base", &["the job has no reference"]);
    sandbox
        .fails("worker --work run --job 12 --world 1 --rank 0", &["expected one of the jobs", "found `12`"]);
    sandbox.fails("plan --base base --data small.jsonl --base-only", &["--work"]);
    sandbox.fails("plan --base base --data small.jsonl --work run --device cuda", &["--base-only"]);
    sandbox.fails(
        "plan --base base --data small.jsonl --work run --device tpu",
        &["expected a device of kind cpu, cuda"],
    );
    sandbox.fails("worker --work ftp://host/run --world 1 --rank 0", &["ftp://host/run"]);

    sandbox.expect(0, "plan --base base --data small.jsonl --work run --base-only --per-token");
    sandbox.fails("worker --work run --world 1 --rank 0", &["several jobs", "--job"]);
    let jobs = sandbox.json(0, "status --work run")["jobs"].as_array().unwrap().clone();
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    let job = jobs[0]["job"].as_str().unwrap();
    sandbox.expect(0, &format!("worker --work run --job {job} --world 1 --rank 0 -q"));

    // Other weights under the name that was planned with.
    let other = sandbox.copy_of_base("other");
    let config = fs_err::read_to_string(other.join("config.json")).unwrap();
    fs_err::write(
        other.join("config.json"),
        config.replacen("rms_norm_eps\": 1e-6", "rms_norm_eps\": 1e-5", 1),
    )
    .unwrap();
    assert_ne!(
        fs_err::read_to_string(other.join("config.json")).unwrap(),
        config,
        "the test changes something"
    );
    sandbox.fails(
        &format!("worker --work run --job {job} --world 1 --rank 0 --base other"),
        &["base model `other`", "expected the planned weights"],
    );
}

#[cfg(unix)]
#[test]
fn a_device_that_dies_leaves_the_rest_to_the_others() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    let line = "score --base base --reference tuned --data pool.jsonl --work run --out scores.parquet -q --devices cpu,cpu";
    let mut killed = 0;
    for n_done in [1, 3] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut command = sandbox.command(&arguments);
        let parent = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        killed += usize::from(kill_a_child(&parent, || n_commits(&sandbox.path("run")) >= n_done));
        let output = parent.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!([Some(0), Some(75)].contains(&output.status.code()), "{}: {stderr}", output.status);
        if output.status.code() == Some(75) {
            assert!(
                stderr.contains("the worker on cpu is gone")
                    && stderr.contains("the same command scores them"),
                "{stderr}"
            );
            assert!(!sandbox.path("scores.parquet").exists());
        }
    }
    assert!(killed > 0, "no worker was killed in time");
    assert_eq!(digest(&sandbox.json(0, line)), expected(&sandbox));
}

/// Kills a process that this one has started; whether there was one.
#[cfg(unix)]
fn kill_a_child(parent: &Child, mut now: impl FnMut() -> bool) -> bool {
    let pid = parent.id();
    // Which process a process was started by is the second number behind its name.
    let parent_of = |process: &Path| {
        let stat = fs_err::read_to_string(process.join("stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let child = || {
        let processes = fs_err::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let mut children = processes.filter(|process| parent_of(process) == Some(pid));
        children.find_map(|process| process.file_name()?.to_str()?.parse::<u32>().ok())
    };
    let gone = || !Path::new(&format!("/proc/{pid}/exe")).exists();
    until("so many commits, or the end", || now() || gone());
    child().is_some_and(|child| signal(child, "KILL"))
}

#[cfg(unix)]
#[test]
fn a_worker_that_is_told_to_stop_gives_its_unit_back() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    for (name, code) in [("TERM", 143), ("USR1", 75)] {
        let mut child =
            sandbox.spawn(&["worker", "--work", "run", "--world", "1", "--rank", "0", "--max-attempts", "1"]);
        let attempts = sandbox.path("run/attempts");
        let marks = || walk(&attempts);
        until("a unit is under way", || marks() > 0 || child.try_wait().unwrap().is_some());
        if child.try_wait().unwrap().is_none() {
            assert!(signal(child.id(), name));
            let status = child.wait().unwrap();
            assert_eq!(status.code(), Some(code), "{status}");
        }
        assert_eq!(marks(), 0, "no mark is left after SIG{name}");
    }
    // With one attempt each, a mark that was left would have given a unit up.
    let part = sandbox.json(0, "worker --work run --world 1 --rank 0 --max-attempts 1 -q");
    assert_eq!(part["n_quarantined"], 0, "{part}");
    assert_eq!(sealed(&sandbox, "run"), expected(&sandbox));
}

fn walk(dir: &Path) -> usize {
    let Ok(entries) = fs_err::read_dir(dir) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}

#[cfg(unix)]
#[test]
fn a_unit_that_kills_its_workers_is_given_up_and_can_be_tried_again() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    // Somebody has begun the first unit three times, and died.
    let status = sandbox.json(0, "status --work run");
    let stage = fs_err::read_to_string(first_file(&sandbox.path("run/jobs"))).unwrap();
    let job: Value = serde_json::from_str(&stage).unwrap();
    let weights = &job["seal"]["base"]["weights_digest"].as_str().unwrap()[..16];
    for n in 1..=3 {
        sandbox.write(&format!("run/attempts/nll-{weights}-f32-cpu/00000.{n}"), "{}");
    }
    let part = sandbox.json(1, "worker --work run --world 1 --rank 0 -q");
    assert_eq!((&part["n_quarantined"], &part["n_failed"]), (&json!(1), &json!(0)), "{part}");
    let now = sandbox.json(0, "status --work run");
    assert_ne!(now, status);
    assert_eq!(now["jobs"][0]["models"][0]["quarantined"], json!([0]));
    sandbox.fails(
        "seal --work run --out sealed.parquet",
        &["given up", "shard 0 of model `base`", "hint", "--allow-quarantined"],
    );
    let sealed_without = sandbox.json(1, "seal --work run --out without.parquet --allow-quarantined 1 -q");
    assert!(sealed_without["manifest"]["counts"]["quarantined"].as_u64().unwrap() > 0, "{sealed_without}");
    sandbox.json(0, "worker --work run --world 1 --rank 0 --retry-quarantined -q");
    assert_eq!(sealed(&sandbox, "run"), expected(&sandbox));
}

fn first_file(dir: &Path) -> std::path::PathBuf {
    fs_err::read_dir(dir).unwrap().next().unwrap().unwrap().path()
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_stops_and_loses_nothing() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    let lobass = env!("CARGO_BIN_EXE_lobass-under-test");
    // Files of more than a block cannot be written, which is how a full disk looks to a writer.
    let limited =
        format!("trap '' XFSZ; ulimit -f 1; exec {lobass} worker --work run --world 1 --rank 0 --threads 1");
    let output = Command::new("sh")
        .args(["-c", &limited])
        .current_dir(sandbox.path(""))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{stderr}");
    assert!(
        stderr.contains("cannot write `run/data/") && stderr.contains("run the same command again"),
        "{stderr}"
    );
    let part = sandbox.json(0, "worker --work run --world 1 --rank 0 --max-attempts 1 -q");
    assert_eq!(part["n_quarantined"], 0, "a full disk is no fault of a unit: {part}");
    assert_eq!(sealed(&sandbox, "run"), expected(&sandbox));
}

#[test]
fn a_place_that_cannot_be_written_is_said() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(16);
    let place = "small.jsonl/run";
    sandbox.fails(&format!("plan --base base --data small.jsonl --work {place}"), &["small.jsonl/run"]);
    sandbox.expect(0, "plan --base base --data small.jsonl --work run --base-only");
    // Where the data should go there is a file.
    fs_err::remove_dir_all(sandbox.path("run/data")).unwrap();
    sandbox.write("run/data", "in the way");
    sandbox
        .fails("worker --work run --world 1 --rank 0", &["cannot read `run/data/rows/", "Not a directory"]);
}

/// Requests may come from a file or a pipe that has ended when the first unit begins.
#[test]
fn a_worker_does_all_that_it_was_asked_before_its_input_ended() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    let ask = |more: &[&str], input: &str| {
        let mut child = sandbox.command(&[&["worker", "--work", "run", "-q"], more].concat());
        let mut child =
            child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        (String::from_utf8(output.stdout).unwrap().lines().count(), stderr)
    };
    let unit = |model: &str, shard: u32| {
        format!("{{\"v\":1,\"op\":\"score\",\"model\":\"{model}\",\"shard\":{shard}}}\n")
    };
    let input = [unit("base", 0), "\n".to_owned(), unit("base", 1), unit("reference", 0)].concat();
    let (n_lines, stderr) = ask(&[], &input);
    assert_eq!((n_lines, stderr.as_str()), (4, ""), "ready, and an answer to each request");
    assert_eq!(n_commits(&sandbox.path("run")), 3);
    let (n_lines, stderr) = ask(&[], "");
    assert_eq!(n_lines, 1);
    assert!(stderr.contains("requested no unit") && stderr.contains("--world"), "{stderr}");
}

/// Input that stays open says nothing of who started the worker; a driver that died is noticed by itself.
#[cfg(unix)]
#[test]
fn a_worker_ends_with_the_process_that_started_it() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "run");
    let lobass = env!("CARGO_BIN_EXE_lobass-under-test");
    // The input is a pipe of ours, which stays open; the shell between us is the driver that dies.
    let script =
        format!("{lobass} worker --work run -q --stop-with-parent <&3 >out & echo $! >pid; sleep 60");
    let mut driver = Command::new("bash")
        .args(["-c", &format!("exec 3<&0; {script}")])
        .current_dir(sandbox.path(""))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    until("the worker is ready", || sandbox.path("out").exists() && sandbox.read("out").contains("ready"));
    let pid = sandbox.read("pid").trim().to_owned();
    let lives = || Path::new(&format!("/proc/{pid}/exe")).exists();
    assert!(lives());
    assert!(signal(driver.id(), "KILL"));
    driver.wait().unwrap();
    until("the worker is gone", || !lives());
}
