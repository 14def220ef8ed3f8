//! Work in an object store: a real server that speaks S3, on this machine.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::workers::{digest, expected, planned};
use s3::Server;

#[path = "../../crates/lobass-run/tests/s3/mod.rs"]
#[allow(dead_code, reason = "the crate's own tests need more of it")]
mod s3;

const PLACE: &str = "s3://bucket/some/run";

struct Bucket<'a> {
    sandbox: &'a Sandbox,
    server: &'a Server,
}

impl Bucket<'_> {
    fn command(&self, line: &str) -> Command {
        let mut command = self.sandbox.command(&line.split(' ').collect::<Vec<_>>());
        command.envs(self.server.settings());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --work {PLACE} --format json -q"));
        assert!(output.status.success(), "`{line}`: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn workers_that_share_a_bucket_make_the_table_of_one_process() {
    let sandbox = Sandbox::new();
    planned(&sandbox, "local");
    let server = Server::start();
    let bucket = Bucket { sandbox: &sandbox, server: &server };
    let plan = bucket.json("plan --base base --reference tuned --data pool.jsonl");
    let n_units = 2 * plan["n_shards"].as_u64().unwrap();

    // One is killed in the middle of its first unit, two others race for all of them, and so do the rest.
    let mut victim = bucket.command(&format!("worker --work {PLACE} --world 1 --rank 0"));
    let mut victim = victim.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while bucket.json("status")["jobs"][0]["models"][0]["begun"].as_object().unwrap().is_empty() {
        if victim.try_wait().unwrap().is_some() {
            break;
        }
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| bucket.json("worker --world 1 --rank 0"));
        }
    });
    assert_eq!(bucket.json("pending")["n_pending"], 0);
    let status = bucket.json("status");
    for model in status["jobs"][0]["models"].as_array().unwrap() {
        assert_eq!((&model["n_done"], &model["differing"]), (&(n_units / 2).into(), &serde_json::json!([])));
    }
    let sealed = bucket.json("seal --out bucket.parquet");
    assert_eq!(digest(&sealed), expected(&sandbox));
    bucket.json("gc");
    let again = bucket.json("seal --out again.parquet");
    assert_eq!(digest(&again), digest(&sealed), "nothing that counts was garbage");

    // In one process, on the same bucket: everything was done before.
    let score = bucket.json("score --base base --reference tuned --data pool.jsonl --out scored.parquet");
    assert_eq!(digest(&score), digest(&sealed));
}

#[test]
fn a_store_that_is_not_there_or_lets_nobody_in_is_said() {
    let sandbox = Sandbox::new();
    let server = Server::start();
    let bucket = Bucket { sandbox: &sandbox, server: &server };
    let failed = |code: i32, output: &Output, words: &str| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && stderr.contains(words), "{}: {stderr}", output.status);
    };
    failed(
        2,
        &bucket.run("status --work s3://bucket/nothing"),
        "expected a work directory with a plan, found none",
    );
    let mut stranger = bucket.command("status --work s3://bucket/nothing");
    let output = stranger.env("AWS_SECRET_ACCESS_KEY", "wrong").output().unwrap();
    failed(2, &output, "s3://bucket/nothing/plan.json");
    failed(2, &output, "check the address, the key and its secret");
    let nobody = || {
        let mut command = bucket.command("status --work s3://bucket/nothing");
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        command
    };
    failed(75, &nobody().env("AWS_MAX_RETRIES", "0").output().unwrap(), "run the same command again");
    // Variables for other programs do not affect the store.
    failed(75, &nobody().env("TIMEOUT", "1x").output().unwrap(), "s3://bucket/nothing/plan.json");
}
