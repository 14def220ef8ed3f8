//! Work in an object store: a real server that speaks S3, on this machine.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::workers::{digest, expected, planned};

const KEY: (&str, &str) = ("access", "secret");
const PLACE: &str = "s3://bucket/some/run";

/// Serves the directories in `root` as buckets until the test is over; gives its address.
fn serve(root: &Path) -> String {
    fs_err::create_dir_all(root.join("bucket")).unwrap();
    let mut service = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
    service.set_auth(SimpleAuth::from_single(KEY.0, KEY.1));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let service = service.clone();
                tokio::spawn(async move {
                    let builder = Builder::new(TokioExecutor::new());
                    // A client that is killed is no fault of the server.
                    let _ = builder.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
    });
    format!("http://{address}")
}

struct Bucket<'a> {
    sandbox: &'a Sandbox,
    endpoint: String,
}

impl Bucket<'_> {
    fn command(&self, line: &str) -> Command {
        let mut command = self.sandbox.command(&line.split(' ').collect::<Vec<_>>());
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", KEY.0)
            .env("AWS_SECRET_ACCESS_KEY", KEY.1);
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
    let bucket = Bucket { sandbox: &sandbox, endpoint: serve(&sandbox.path("buckets")) };
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
    let mut bucket = Bucket { sandbox: &sandbox, endpoint: serve(&sandbox.path("buckets")) };
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
    failed(
        2,
        &stranger.env("AWS_SECRET_ACCESS_KEY", "wrong").output().unwrap(),
        "s3://bucket/nothing/plan.json",
    );
    "http://127.0.0.1:9".clone_into(&mut bucket.endpoint);
    let mut nobody = bucket.command("status --work s3://bucket/nothing");
    failed(75, &nobody.env("AWS_MAX_RETRIES", "0").output().unwrap(), "run the same command again");
    // Variables for other programs do not affect the store.
    let mut other = bucket.command("status --work s3://bucket/nothing");
    failed(75, &other.env("TIMEOUT", "1x").output().unwrap(), "s3://bucket/nothing/plan.json");
}
