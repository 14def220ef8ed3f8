//! Input data: every format and container, through the command line, to the same numbers.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// The losses of a pool, row by row.
fn losses(sandbox: &Sandbox, data: &str) -> Vec<Option<f64>> {
    let out = sandbox.path("losses.jsonl");
    let _ = fs_err::remove_file(&out);
    let ended = sandbox.run(&format!("score --base base --out losses.jsonl -q --data {data}"));
    assert!(ended.code < 2, "{}", ended.stderr);
    let text = sandbox.read("losses.jsonl");
    text.lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["base_nll"].as_f64())
        .collect()
}

const PAIRS: [(&str, &str); 3] =
    [("what is 2 + 2?", "4"), ("say lamp tree", "lamp tree"), ("not hot but?", "cold")];

fn lines(row: impl Fn(&str, &str) -> Value) -> String {
    PAIRS.iter().map(|(question, answer)| format!("{}\n", row(question, answer))).collect()
}

/// A format's name, and how it writes a question and its answer.
type Format = (&'static str, Box<dyn Fn(&str, &str) -> Value>);

#[test]
fn every_format_says_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write("qa.jsonl", lines(|q, a| json!({"question": q, "answer": a})));
    let expected = losses(&sandbox, "qa.jsonl");
    assert!(expected.iter().all(Option::is_some));
    let turns = |q: &str, a: &str, role: &str, content: &str, user: &str, assistant: &str| json!([{role: user, content: q}, {role: assistant, content: a}]);
    let formats: [Format; 7] = [
        ("alpaca", Box::new(|q, a| json!({"instruction": q, "input": "", "output": a}))),
        ("dolly", Box::new(|q, a| json!({"instruction": q, "context": "", "response": a, "category": "x"}))),
        ("completion", Box::new(|q, a| json!({"prompt": q, "completion": a}))),
        (
            "sharegpt",
            Box::new(move |q, a| json!({"conversations": turns(q, a, "from", "value", "human", "gpt")})),
        ),
        (
            "messages",
            Box::new(move |q, a| json!({"messages": turns(q, a, "role", "content", "user", "assistant")})),
        ),
        (
            "mixed",
            Box::new(
                move |q, a| json!({"conversations": turns(q, a, "role", "content", "user", "assistant")}),
            ),
        ),
        (
            "conversational",
            Box::new(|q, a| {
                json!({
                    "prompt": [{"role": "user", "content": q}], "completion": [{"role": "assistant", "content": a}],
                })
            }),
        ),
    ];
    for (name, row) in formats {
        sandbox.write(&format!("{name}.jsonl"), lines(row));
        assert_eq!(losses(&sandbox, &format!("{name}.jsonl")), expected, "{name}");
    }
    sandbox.write("own.jsonl", lines(|q, a| json!({"ask": q, "reply": a})));
    sandbox.fails(
        "score --base base --data own.jsonl --out x.jsonl",
        &["own.jsonl", "`ask`, `reply`", "alpaca", "--columns"],
    );
    assert_eq!(losses(&sandbox, "own.jsonl --columns prompt=ask,response=reply"), expected);
    sandbox.write(
        "dialog.jsonl",
        lines(move |q, a| json!({"dialog": turns(q, a, "from", "value", "human", "gpt")})),
    );
    assert_eq!(losses(&sandbox, "dialog.jsonl --columns messages=dialog"), expected);
}

#[test]
fn every_container_says_the_same() {
    let sandbox = Sandbox::new();
    let text = lines(|q, a| json!({"question": q, "answer": a}));
    sandbox.write("pool.jsonl", &text);
    let expected = losses(&sandbox, "pool.jsonl");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    sandbox.write("pool.json", format!("{:#}", json!(rows)));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    sandbox.write("pool.jsonl.gz", gzip.finish().unwrap());
    sandbox.write("misnamed.json", &text);
    for name in ["pool.json", "pool.jsonl.gz", "misnamed.json"] {
        assert_eq!(losses(&sandbox, name), expected, "{name}");
    }
}

#[test]
fn a_llama_factory_registry_is_read_as_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("qa.jsonl", lines(|q, a| json!({"question": q, "answer": a})));
    let expected = losses(&sandbox, "qa.jsonl");
    sandbox.write(
        "data/one.json",
        json!(PAIRS.map(|(q, a)| json!({"ask": q, "more": "", "reply": a}))).to_string(),
    );
    sandbox.write(
        "data/two.jsonl",
        lines(|q, a| json!({"talk": [{"who": "me", "what": q}, {"who": "it", "what": a}]})),
    );
    let registry = json!({
        "one": {"file_name": "one.json", "columns": {"prompt": "ask", "query": "more", "response": "reply"}},
        "two": {
            "file_name": "two.jsonl", "formatting": "sharegpt", "columns": {"messages": "talk"},
            "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "me", "assistant_tag": "it"},
        },
        "far": {"hf_hub_url": "org/set"},
        "ranked": {"file_name": "one.json", "ranking": true},
    });
    sandbox.write("data/dataset_info.json", registry.to_string());
    let info = "--dataset-info data/dataset_info.json";
    assert_eq!(losses(&sandbox, &format!("one {info}")), expected);
    assert_eq!(losses(&sandbox, &format!("two {info}")), expected);
    let both = losses(&sandbox, &format!("one two {info}"));
    assert_eq!(both, [expected.clone(), expected].concat());
    for (name, words) in
        [("far", "file_name"), ("ranked", "ranking"), ("none", "neither a file nor an entry")]
    {
        sandbox.fails(&format!("score --base base --data {name} --out x.jsonl {info}"), &[name, words]);
    }
}

#[test]
fn several_files_have_a_source_each_and_an_output_each() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "a/pool.jsonl",
        lines(|q, a| json!({"question": q, "answer": a, "extra": {"z": 1, "a": [1.50]}})),
    );
    sandbox
        .write("b/pool.json", json!(PAIRS.map(|(q, a)| json!({"instruction": q, "output": a}))).to_string());
    let line = "score --base base --data a/pool.jsonl b/pool.json third=a/pool.jsonl --out scores.jsonl";
    sandbox.expect(0, line);
    let sources: Vec<String> = sandbox
        .read("scores.jsonl")
        .lines()
        .skip(1)
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["source"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sources, ["pool", "pool", "pool", "pool-2", "pool-2", "pool-2", "third", "third", "third"]);
    sandbox.expect(0, "select --scores scores.jsonl --strategy longest --budget 9 --out all");
    assert_eq!(sandbox.read("all/pool.jsonl"), sandbox.read("a/pool.jsonl"));
    assert_eq!(sandbox.read("all/pool-2.json"), sandbox.read("b/pool.json"));
    assert_eq!(sandbox.read("all/third.jsonl"), sandbox.read("a/pool.jsonl"));
    sandbox.fails(
        "select --scores scores.jsonl --strategy longest --budget 9 --out scores.jsonl",
        &["expected a directory"],
    );
}

#[test]
fn every_assistant_turn_of_a_conversation_is_scored() {
    let sandbox = Sandbox::new();
    let turn = |role: &str, content: &str| json!({"role": role, "content": content});
    let talk = json!({"messages": [
        turn("system", "be kind"), turn("user", "say lamp"), turn("assistant", "lamp"), turn("user", "say tree"),
        turn("assistant", "tree"),
    ]});
    sandbox.write("chat.jsonl", format!("{talk}\n"));
    let text = sandbox.expect(0, "inspect --base base --data chat.jsonl").stdout;
    assert!(text.contains("⟦lamp<|end|>⟧<|user|>say tree<|bot|>⟦tree<|end|>⟧"), "{text}");
}

#[test]
fn repeated_rows_can_be_left_out() {
    let sandbox = Sandbox::new();
    let twice = lines(|q, a| json!({"question": q, "answer": a})).repeat(2);
    sandbox.write("twice.jsonl", twice);
    let found = losses(&sandbox, "twice.jsonl");
    assert_eq!(found[..3], found[3..], "the same row has the same loss");
    assert_eq!(losses(&sandbox, "twice.jsonl --duplicates drop")[3..], [None, None, None]);
    let ended =
        sandbox.expect(0, "score --base base --data twice.jsonl --duplicates drop --out dropped.parquet");
    assert!(
        ended.stdout.contains("3 duplicate"),
        "rows left out on request are no failure: {}",
        ended.stdout
    );
}

#[test]
fn long_rows_are_dropped_cut_or_refused() {
    let sandbox = Sandbox::new();
    let long = "lamp tree ".repeat(200);
    let rows = [
        json!({"question": "say lamp", "answer": "lamp"}),
        json!({"question": "say it", "answer": long}),
        json!({"question": long, "answer": "x"}),
    ];
    sandbox.write("long.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let statuses = |policy: &str| -> Vec<String> {
        let line = format!("score --base base --data long.jsonl --overlong {policy} --out {policy}.jsonl");
        sandbox.expect(1, &line);
        let text = sandbox.read(&format!("{policy}.jsonl"));
        let row = |line: &str| -> Value { serde_json::from_str(line).unwrap() };
        text.lines().skip(1).map(|line| row(line)["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses("drop"), ["ok", "overlong", "overlong"]);
    assert_eq!(statuses("truncate"), ["ok", "truncated", "overlong"]);
    sandbox.fails(
        "score --base base --data long.jsonl --overlong error --out e.jsonl",
        &["row 1", "source `long`", "above the maximum of 128", "--overlong drop"],
    );
}
