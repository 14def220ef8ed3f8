//! Features that this build lacks: an error names the feature and a command.

#[cfg(not(all(feature = "cloud", feature = "hub")))]
use crate::sandbox::Sandbox;

/// A command that fails for want of a feature, before it writes anything.
#[cfg(not(all(feature = "cloud", feature = "hub")))]
#[track_caller]
fn lacks(line: &str, what: &str, feature: &str) {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&line.split(' ').collect::<Vec<_>>());
    command
        .env_remove("HF_HUB_OFFLINE")
        .env_remove("TRANSFORMERS_OFFLINE")
        .env("HF_HOME", sandbox.path("hf"));
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    for words in
        [what, &format!("feature `{feature}`"), "cargo install --path crates/lobass-cli --features full"]
    {
        assert!(stderr.contains(words), "expected `{words}` in: {stderr}");
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
#[cfg(not(feature = "hub"))]
fn a_model_or_a_data_set_of_the_hub() {
    lacks("score --base org/name --data pool.jsonl --out out", "org/name", "hub");
    lacks("score --base base --data hf://datasets/org/set --out out", "hf://datasets/org/set", "hub");
}

#[test]
#[cfg(not(feature = "cloud"))]
fn a_work_directory_in_a_cloud() {
    for place in ["s3://bucket/run", "gs://bucket/run", "az://container/run"] {
        lacks(&format!("status --work {place}"), place, "cloud");
        lacks(&format!("plan --base base --reference base --data pool.jsonl --work {place}"), place, "cloud");
    }
}
