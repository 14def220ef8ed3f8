//! Models and data sets by their hub ids, through the command line, against a hub in this process.

use std::process::Output;

use serde_json::Value;

use crate::sandbox::{Ended, Sandbox};
use server::{Fault, Gate, Repo, Server};

#[path = "../../crates/lobass-hub/tests/it/server.rs"]
#[allow(dead_code, reason = "the crate's own tests need more of it")]
mod server;

/// A sandbox whose lobass asks a server of ours.
struct Place {
    sandbox: Sandbox,
    server: Server,
}

/// Variables that a developer may have set, and a test must not see.
const SET_ELSEWHERE: [&str; 16] = [
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
];

const OFFLINE: &[(&str, &str)] = &[("HF_HUB_OFFLINE", "1")];

impl Place {
    /// With the shipped checkpoint as `tiny/base`, and some rows of the shipped pool as the data set `tiny/pool`.
    fn new() -> Self {
        let place = Self { sandbox: Sandbox::new(), server: Server::start() };
        place.sandbox.small_pool(24);
        place.server.add(place.repo("models", "tiny/base", "base"));
        place.server.add(
            Repo::new("datasets", "tiny/pool")
                .with("train.jsonl", place.sandbox.read("small.jsonl"))
                .with("test.jsonl", "{\"instruction\":\"a\",\"output\":\"b\"}\n"),
        );
        place
    }

    /// A repository of a directory's files.
    fn repo(&self, kind: &'static str, name: &str, dir: &str) -> Repo {
        let mut repo = Repo::new(kind, name);
        for entry in fs_err::read_dir(self.sandbox.path(dir)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let file = path.file_name().unwrap().to_string_lossy().into_owned();
                repo.files.insert(file, fs_err::read(&path).unwrap());
            }
        }
        repo
    }

    fn command(&self, line: &str, variables: &[(&str, &str)]) -> std::process::Command {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut command = self.sandbox.command(&arguments);
        for name in SET_ELSEWHERE {
            command.env_remove(name);
        }
        command.env("HF_HOME", self.sandbox.path("hf")).env("HF_ENDPOINT", self.server.endpoint());
        command.envs(variables.iter().copied());
        command
    }

    #[track_caller]
    fn expect(&self, code: i32, line: &str, variables: &[(&str, &str)]) -> Ended {
        let ended = ended(self.command(line, variables).output().unwrap());
        assert!(!ended.stderr.contains("panicked"), "`{line}` panicked: {}", ended.stderr);
        assert_eq!(ended.code, code, "`{line}`\nstdout: {}\nstderr: {}", ended.stdout, ended.stderr);
        ended
    }

    #[track_caller]
    fn fails(&self, code: i32, line: &str, variables: &[(&str, &str)], words: &[&str]) {
        let ended = self.expect(code, line, variables);
        for word in words {
            assert!(ended.stderr.contains(word), "`{line}`: expected `{word}` in: {}", ended.stderr);
        }
    }

    /// The manifest of a table of JSON lines.
    fn manifest(&self, table: &str) -> Value {
        serde_json::from_str(self.sandbox.read(table).lines().next().unwrap()).unwrap()
    }

    fn n_asked(&self) -> usize {
        self.server.asked().len()
    }
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// `name@commit`, as records have it.
fn pinned(name: &str) -> String {
    format!("{name}@{}", Repo::new("models", name).commit)
}

#[test]
fn scored_by_ids_as_by_paths_from_a_cold_cache_and_offline() {
    let place = Place::new();
    // Of the same source name, which is part of what a plan is.
    place.expect(0, "score --base base --data pool=small.jsonl --out local.jsonl", &[]);
    assert_eq!(place.n_asked(), 0, "what is here is not asked for");

    let line = "score --base tiny/base --data hf://datasets/tiny/pool --out cold.jsonl";
    let cold = place.expect(0, line, &[]);
    assert!(cold.stderr.contains("tiny/base: ") && cold.stderr.contains("without `test`"), "{}", cold.stderr);
    assert!(place.n_asked() > 5);
    place.expect(
        0,
        "score --base tiny/base --data hf://datasets/tiny/pool --out warm.jsonl --quiet",
        OFFLINE,
    );
    assert_eq!(place.n_asked(), 0, "offline nobody is asked");

    let (local, cold, warm) =
        (place.manifest("local.jsonl"), place.manifest("cold.jsonl"), place.manifest("warm.jsonl"));
    assert_eq!((&cold["digest"], &warm["digest"]), (&local["digest"], &local["digest"]));
    assert_eq!(cold["models"][0]["path"], pinned("tiny/base"));
    assert_eq!(warm["models"], cold["models"]);
    let data = format!("hf://datasets/{}/train.jsonl", pinned("tiny/pool"));
    assert_eq!(cold["inputs"][0]["path"], data.as_str());
    assert_eq!(cold["inputs"][0]["source"], "pool");
    assert_eq!(cold["inputs"][0]["sha256"], local["inputs"][0]["sha256"]);

    // The table records where its data is, so another machine can use it.
    let select = "select --scores cold.jsonl --strategy random --budget 5 --out chosen.jsonl";
    place.expect(0, select, OFFLINE);
    assert_eq!(place.sandbox.read("chosen.jsonl").lines().count(), 5);
    let given = "select --scores local.jsonl --strategy random --budget 5 --out same.jsonl --data hf://datasets/tiny/pool";
    place.expect(0, given, OFFLINE);
    assert_eq!(place.sandbox.read("same.jsonl"), place.sandbox.read("chosen.jsonl"));
}

#[test]
fn inspected_by_id() {
    let place = Place::new();
    let here = place.expect(0, "inspect --base base --data small.jsonl --row 3 --format json", &[]);
    let there =
        place.expect(0, "inspect --base hf://tiny/base@main --data small.jsonl --row 3 --format json", &[]);
    assert_eq!(here.stdout, there.stdout);
    let ended = place.expect(0, "inspect --base tiny/base --data small.jsonl --row 3 --format json", OFFLINE);
    assert_eq!(here.stdout, ended.stdout);
}

#[test]
fn checked_by_id_without_its_weights() {
    let place = Place::new();
    place.expect(0, "check --base tiny/base --data small.jsonl --skip duplicates", &[]);
    let asked = place.server.asked();
    assert!(asked.iter().any(|asked| asked.line.contains("tokenizer.json")));
    assert!(!asked.iter().any(|asked| asked.line.contains("model.safetensors")));
}

#[test]
fn adapters_and_merging_by_id() {
    let place = Place::new();
    let train =
        "train --model tiny/base --data small.jsonl --out adapter --method lora --lora-rank 2 --batch-size 8";
    place.expect(0, train, &[]);
    let config: Value = serde_json::from_str(&place.sandbox.read("adapter/adapter_config.json")).unwrap();
    assert_eq!(config["base_model_name_or_path"], "tiny/base", "what PEFT loads it onto");
    place.server.add(place.repo("models", "tiny/tuned", "adapter"));

    place.expect(0, "score --base base --adapter adapter --data small.jsonl --out local.jsonl", &[]);
    let score = "score --base tiny/base --adapter tiny/tuned --data small.jsonl";
    place.expect(0, &format!("{score} --out cold.jsonl"), &[]);
    place.expect(0, &format!("{score} --out warm.jsonl"), OFFLINE);
    let digest = |table: &str| place.manifest(table)["digest"].clone();
    assert_eq!((digest("cold.jsonl"), digest("warm.jsonl")), (digest("local.jsonl"), digest("local.jsonl")));
    assert_eq!(place.manifest("cold.jsonl")["models"][1]["path"], pinned("tiny/tuned"));
    place.expect(0, "merge --base tiny/base --adapter tiny/tuned --out merged", OFFLINE);
    assert!(place.sandbox.path("merged/model.safetensors").exists());
    place.fails(2, "merge --base tiny/base --adapter tiny/base --out no", OFFLINE, &["adapter_config.json"]);
    place.fails(
        2,
        "score --base tiny/tuned --data small.jsonl --out no.jsonl",
        OFFLINE,
        &["full checkpoint", "lobass merge"],
    );
}

#[test]
fn a_run_writes_down_commits() {
    let place = Place::new();
    let run = "run --base tiny/base --data hf://datasets/tiny/pool --budget 4 --out first --batch-size 8 --strategy lobass";
    place.expect(0, run, &[]);
    let settings = place.sandbox.read("first/settings.toml");
    assert!(settings.contains(&format!("base = \"{}\"", pinned("tiny/base"))), "{settings}");
    assert!(
        settings.contains(&format!("pool=hf://datasets/{}/train.jsonl", pinned("tiny/pool"))),
        "{settings}"
    );
    place.n_asked();
    // A commit never moves, so repeating makes no request, and needs no offline mode.
    place.expect(0, "run first/settings.toml --out second", &[]);
    assert_eq!(place.n_asked(), 0);
    let chosen = |run: &str| place.sandbox.read(&format!("{run}/selected/lobass/pool.jsonl"));
    assert_eq!(chosen("first"), chosen("second"));
}

#[test]
fn held_out_files_of_the_hub_are_known_again() {
    let place = Place::new();
    let train = "train --model tiny/base --data hf://datasets/tiny/pool --eval-data hf://datasets/tiny/pool/train.jsonl \
                 --out tuned --epochs 1 --batch-size 8 --eval-rows 0";
    place.expect(0, train, &[]);
    let record: Value = serde_json::from_str(&place.sandbox.read("tuned/lobass-training.json")).unwrap();
    let digest = record["eval_files"][0].as_str().unwrap();
    assert_eq!((record["eval_files"].as_array().unwrap().len(), digest.len()), (1, 64), "of its bytes");
    assert!(place.expect(0, train, &[]).stderr.contains("done before"));
}

#[test]
fn workers_fetch_for_themselves() {
    let place = Place::new();
    place.expect(0, "score --base base --data small.jsonl --out local.jsonl", &[]);
    place.expect(0, "plan --base tiny/base --data small.jsonl --work work --base-only", &[]);
    // Another machine: nothing of the model is here.
    fs_err::remove_dir_all(place.sandbox.path("hf")).unwrap();
    place.expect(0, "worker --work work --world 1 --rank 0", &[]);
    place.expect(0, "seal --work work --out sealed.jsonl", OFFLINE);
    assert_eq!(place.manifest("sealed.jsonl")["digest"], place.manifest("local.jsonl")["digest"]);
}

#[test]
fn two_processes_at_once_share_one_download() {
    let place = Place::new();
    let line =
        |n: usize| format!("score --base tiny/base --data small.jsonl --out {n}.jsonl --quiet --threads 1");
    let children: Vec<_> = (0..3)
        .map(|n| {
            let mut command = place.command(&line(n), &[]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let ended = ended(child.wait_with_output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    let asked = place.server.asked();
    assert_eq!(asked.iter().filter(|asked| asked.elsewhere).count(), 1, "the weights were fetched once");
    let digests: Vec<Value> =
        (0..3).map(|n| place.manifest(&format!("{n}.jsonl"))["digest"].clone()).collect();
    assert!(digests.iter().all(|digest| *digest == digests[0]));
}

#[test]
fn what_goes_wrong_is_explained() {
    let place = Place::new();
    let gated = Repo { gate: Gate::Gated("hf_good"), ..place.repo("models", "big/gated", "base") };
    place.server.add(gated);
    place
        .server
        .add(Repo::new("models", "old/pickled").with("config.json", "{}").with("pytorch_model.bin", "x"));
    let sets = [("a/train.jsonl", "{}"), ("b/train.jsonl", "{}")];
    place.server.add(
        sets.into_iter().fold(Repo::new("datasets", "two/sets"), |repo, (file, text)| repo.with(file, text)),
    );
    let score = |base: &str| format!("score --base {base} --data small.jsonl --out no.jsonl");

    let page = format!("{}/big/gated", place.server.endpoint());
    place.fails(2, &score("big/gated"), &[], &["is gated", &page, "hint: accept its terms", "HF_TOKEN"]);
    place.fails(2, &score("big/gated"), &[("HF_TOKEN", "hf_other")], &["is gated", "account of the token"]);
    place.expect(0, "inspect --base big/gated --data small.jsonl --quiet", &[("HF_TOKEN", "hf_good")]);
    place.fails(2, &score("no/where"), &[], &["/no/where", "or a private one", "check the spelling"]);
    place.fails(2, &score("tiny/base@v9"), &[], &["a branch, a tag, or a commit `v9`"]);
    place.fails(
        2,
        &score("old/pickled"),
        &[],
        &["expected safetensors", "`pytorch_model.bin`", "save_pretrained"],
    );
    place.fails(2, &score("tiny/base"), OFFLINE, &["in the cache", "HF_HUB_OFFLINE"]);
    place.fails(2, &score("hf://nonsense"), &[], &["`org/name`"]);
    let data = "score --base base --out no.jsonl --data hf://datasets/two/sets";
    place.fails(2, data, &[], &["config `a`", "hf://datasets/two/sets/b/train.jsonl", "name one of them"]);
    let nobody = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    place.fails(
        2,
        &score("tiny/base"),
        &nobody,
        &["cannot reach the host", "HF_ENDPOINT", "HF_HUB_OFFLINE=1"],
    );
    place.fails(
        2,
        &score("tiny/base"),
        &[("HF_ENDPOINT", "nonsense")],
        &["endpoint `nonsense`", "https://huggingface.co"],
    );
    let proxy = [("http_proxy", "http://me:hidden@127.0.0.1:9")];
    place.fails(2, &score("tiny/base"), &proxy, &["cannot reach the proxy", "NO_PROXY"]);

    // Temporary failures, with their exit code.
    place.server.fail("/api/models/tiny/base", 5, Fault::Status(429, vec![("Retry-After", "0")]));
    place.fails(75, &score("tiny/base"), &[], &["status 429, 5 times", "later"]);
    place.server.fail("/api/models/tiny/base", 1, Fault::Status(503, vec![("Retry-After", "600")]));
    place.fails(75, &score("tiny/base"), &[], &["asks to wait for 600 seconds"]);
    place.expect(0, &score("tiny/base"), &[]);
}

#[test]
fn what_is_here_goes_first() {
    let place = Place::new();
    // A directory of the id's name.
    fs_err::create_dir_all(place.sandbox.path("tiny")).unwrap();
    fs_err::rename(place.sandbox.path("base"), place.sandbox.path("tiny/base")).unwrap();
    place.expect(0, "inspect --base tiny/base --data small.jsonl", &[]);
    // A typing error in a path causes no request to the hub.
    place.fails(2, "inspect --base tiny/bass --data small.jsonl", &[], &["`tiny/bass`", "found nothing"]);
    assert_eq!(place.n_asked(), 0);
    place.expect(0, "inspect --base hf://tiny/base --data small.jsonl", &[]);
    assert!(place.n_asked() > 0);
}

#[test]
fn doctor_tells_what_the_environment_says() {
    let place = Place::new();
    let variables = [("HF_TOKEN", "hf_very_secret"), ("HF_HUB_OFFLINE", "1")];
    let ended = place.expect(0, "doctor --format json", &variables);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let hub = &found["hub"];
    assert_eq!((&hub["token"], &hub["offline"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(hub["endpoint"], place.server.endpoint());
    assert_eq!(hub["cache"], place.sandbox.path("hf/hub").to_str().unwrap());
    let text = place.expect(0, "doctor", &variables);
    assert!(text.stdout.contains("a token is set") && text.stdout.contains("offline"), "{}", text.stdout);
    assert!(!format!("{}{}{}", ended.stdout, text.stdout, text.stderr).contains("secret"));
}
