//! Entries of LLaMA-Factory's `dataset_info.json`: every key is followed, named, or refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use lobass_core::RowStatus;
use lobass_data::{
    DatasetEntry, Duplicates, Error, FormatChoice, Layout, Pool, PoolRow, Role, open_files, read_dataset_info,
};
use serde_json::{Value, json};

const TAGS: [(&str, &str); 4] =
    [("role_tag", "role"), ("content_tag", "content"), ("user_tag", "user"), ("assistant_tag", "assistant")];

fn tags(more: &[(&str, &str)]) -> Value {
    TAGS.iter().chain(more).map(|(key, name)| ((*key).to_owned(), json!(name))).collect()
}

fn entry(entry: &Value) -> Result<DatasetEntry, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dataset_info.json");
    fs_err::write(&path, json!({"set": entry}).to_string()).unwrap();
    read_dataset_info(&path, "set").map(Option::unwrap)
}

#[track_caller]
fn refused(given: &Value, words: &str) {
    let error = entry(given).expect_err("should be refused").to_string();
    assert!(error.contains("`set`") && error.contains(words), "{error}");
}

/// The rows of an entry, for a file with one row.
fn rows(dir: &tempfile::TempDir, entry: &Value, row: &Value) -> Vec<PoolRow> {
    fs_err::write(dir.path().join("a.jsonl"), format!("{row}\n")).unwrap();
    let registry = dir.path().join("dataset_info.json");
    fs_err::write(&registry, json!({"set": entry}).to_string()).unwrap();
    let opened = open_files("set", None, Some(&registry), &FormatChoice::Auto).unwrap();
    Pool::new(opened.files, Duplicates::Keep).rows().map(Result::unwrap).collect()
}

#[test]
fn keys_that_are_not_followed_are_named() {
    let set = entry(&json!({
        "file_name": "a.jsonl", "num_samples": 3, "subset": "x", "folder": "y", "own": 1, "split": "train",
        "ranking": false, "columns": {"prompt": "q", "response": "a", "messages": "m", "own": "c", "chosen": "d"},
        "tags": {"role_tag": "role"},
    }))
    .unwrap();
    let keys: Vec<&str> = set.not_taken.iter().map(|line| line.split(": ").next().unwrap()).collect();
    let expected = [
        "`folder`",
        "`num_samples`",
        "`own`",
        "`subset`",
        "`columns.chosen`",
        "`columns.messages`",
        "`columns.own`",
        "`tags.role_tag`",
    ];
    let mut sorted = keys[..4].to_vec();
    sorted.sort_unstable();
    assert_eq!([&sorted[..], &keys[4..]].concat(), expected);
    assert_eq!(set.named, ["q", "a"], "a column that is not read need not exist");
    assert!(set.not_taken.iter().any(|line| line.contains("draws 3 rows at random")), "{:?}", set.not_taken);

    let turns = entry(&json!({
        "file_name": "a.jsonl", "formatting": "openai", "num_samples": null, "columns": {"messages": "m"},
        "tags": tags(&[("system_tag", "system"), ("own_tag", "x")]),
    }));
    assert_eq!(turns.unwrap().not_taken.len(), 1);

    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("a.jsonl"), "{\"instruction\": \"q\", \"output\": \"a\"}\n").unwrap();
    let registry = dir.path().join("dataset_info.json");
    fs_err::write(&registry, json!({"set": {"file_name": "a.jsonl", "num_samples": 2}}).to_string()).unwrap();
    let opened = open_files("set", None, Some(&registry), &FormatChoice::Auto).unwrap();
    assert_eq!((opened.files.len(), opened.not_taken.len()), (1, 1));
}

#[test]
fn what_an_entry_cannot_mean_is_refused_by_name() {
    let with = |key: &str, value: Value| {
        let mut entry = json!({"file_name": "a.jsonl", "formatting": "sharegpt"});
        entry[key] = value;
        entry
    };
    refused(&json!([1]), "expected a map");
    refused(&with("split", json!("test")), "`split`: expected `train`");
    refused(&with("split", Value::Null), "`split`");
    refused(&with("formatting", json!("csv")), "found \"csv\"");
    refused(&with("formatting", Value::Null), "found null");
    refused(&with("ranking", json!("yes")), "`ranking`");
    refused(&with("file_name", json!("")), "`file_name`");
    refused(&with("hf_hub_url", json!("org/set")), "found `hf_hub_url`");
    refused(&with("columns", Value::Null), "`columns`: expected a map");
    refused(&with("columns", json!({"messages": ["m"]})), "`columns.messages`");
    refused(&with("columns", json!({"system": "s"})), "expected `messages`");
    for (key, _) in TAGS {
        let mut some = tags(&[]);
        some[key] = json!("");
        refused(&with("tags", some), &format!("expected `{key}`"));
    }
    refused(&json!({"file_name": "a.jsonl", "columns": {"prompt": "q"}}), "expected `response`");
    refused(&json!({"file_name": "a.jsonl", "columns": {"response": "q"}}), "expected `prompt`");
}

#[test]
fn an_entry_with_columns_has_no_default_columns() {
    let pair = |entry_of: Value| match entry(&entry_of).unwrap().layout {
        Layout::Pair(pair) => (pair.prompt, pair.query),
        other => panic!("{other:?}"),
    };
    let named = |columns: Value| pair(json!({"file_name": "a.jsonl", "columns": columns}));
    let text = |name: &str| name.to_owned();
    assert_eq!(pair(json!({"file_name": "a.jsonl"})), (text("instruction"), Some(text("input"))));
    assert_eq!(named(json!({"prompt": "q", "response": "a"})), (text("q"), None));
    assert_eq!(named(json!({"prompt": "q", "query": "", "response": "a"})), (text("q"), None));
    assert_eq!(
        named(json!({"query": "q", "response": "a"})),
        (text("q"), None),
        "a query alone is the prompt"
    );

    let dir = tempfile::tempdir().unwrap();
    let row = json!({"q": "ask", "input": "more", "a": "say"});
    let read = |columns: Value| {
        let rows = rows(&dir, &json!({"file_name": "a.jsonl", "columns": columns}), &row);
        rows[0].example.as_ref().unwrap().messages[0].content.clone()
    };
    assert_eq!(read(json!({"prompt": "q", "response": "a"})), "ask");
    assert!(read(json!({"prompt": "q", "query": "input", "response": "a"})).contains("more"));
}

#[test]
fn an_entry_with_tags_has_no_default_tags() {
    let dir = tempfile::tempdir().unwrap();
    let turn = |role: &str| json!({"role": role, "content": role});
    let row = json!({"m": [turn("system"), turn("user"), turn("assistant")]});
    let read = |more: &[(&str, &str)]| {
        let entry = json!({
            "file_name": "a.jsonl", "formatting": "sharegpt", "columns": {"messages": "m"}, "tags": tags(more),
        });
        rows(&dir, &entry, &row).remove(0).example
    };
    let example = read(&[("system_tag", "system")]).unwrap();
    assert_eq!(example.messages[0].role, Role::System);
    let fault = read(&[]).unwrap_err();
    assert_eq!(fault.status, RowStatus::Malformed, "LLaMA-Factory skips such a row");
    assert!(fault.reason.contains("`system`"), "{}", fault.reason);
}
