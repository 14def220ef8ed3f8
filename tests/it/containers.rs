//! Files as people have them, through the command line: containers, folders, patterns, and what is written back.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const PAIRS: [(&str, &str); 4] =
    [("what is 2 + 2?", "4"), ("say \"lamp\", tree", "lamp\ntree"), ("not hot but?", "cold"), ("why?", "so")];

fn row(id: usize) -> Value {
    let (question, answer) = PAIRS[id];
    json!({"id": format!("row{id}"), "question": question, "answer": answer})
}

fn lines(ids: impl IntoIterator<Item = usize>) -> String {
    ids.into_iter().map(|id| format!("{}\n", row(id))).collect()
}

fn record(id: usize, separator: char) -> String {
    let cell = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (question, answer) = PAIRS[id];
    format!("row{id}{separator}{}{separator}{}\n", cell(question), cell(answer))
}

fn table(ids: impl IntoIterator<Item = usize>, separator: char) -> String {
    let records: String = ids.into_iter().map(|id| record(id, separator)).collect();
    format!("id{separator}question{separator}answer\n{records}")
}

/// Rows of a score table: key, source, and loss.
fn scored(sandbox: &Sandbox, data: &str) -> Vec<(String, String, Option<f64>)> {
    let _ = fs_err::remove_file(sandbox.path("scores.jsonl"));
    let ended = sandbox.run(&format!("score --base base --out scores.jsonl -q --data {data}"));
    assert!(ended.code < 2, "{}", ended.stderr);
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("key"), text("source"), row["base_nll"].as_f64())
    };
    sandbox.read("scores.jsonl").lines().skip(1).map(row).collect()
}

fn sources(rows: &[(String, String, Option<f64>)]) -> Vec<&str> {
    rows.iter().map(|(_, source, _)| source.as_str()).collect()
}

#[test]
fn every_shape_of_a_file_says_the_same_and_is_written_back() {
    let sandbox = Sandbox::new();
    sandbox.write("pool.jsonl", lines(0..4));
    let expected = scored(&sandbox, "pool.jsonl");
    assert!(expected.iter().all(|(_, _, loss)| loss.is_some()));
    let pretty: Vec<String> = (0..4).map(|id| format!("{:#}", row(id))).collect();
    let shapes = [
        ("commas.jsonl", lines(0..4).replace("}\n", "},\n"), lines([1, 3]).replace("}\n", "},\n")),
        ("values.json", pretty.join("\n"), format!("{}\n{}\n", pretty[1], pretty[3])),
        (
            "wrapped.json",
            format!("{{\"version\": 1, \"data\": [\n{}\n]}}\n", pretty.join(",\n")),
            format!("{{\"version\": 1, \"data\": [\n{},\n{}\n]}}\n", pretty[1], pretty[3]),
        ),
        (
            "trailing.json",
            format!("[\n{},\n]\n", pretty.join(",\n")),
            format!("[\n{},\n{}\n]\n", pretty[1], pretty[3]),
        ),
        ("table.csv", format!("\u{feff}{}", table(0..4, ',')), table([1, 3], ',')),
        ("table.tsv", table(0..4, '\t'), table([1, 3], '\t')),
        ("european.csv", table(0..4, ';').replace('\n', "\r\n"), String::new()),
    ];
    for (name, text, kept) in shapes {
        // Line ends inside of cells are the table's own.
        let is_windows = text.contains("\r\n");
        sandbox.write(name, &text);
        let found = scored(&sandbox, name);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.0, expected.0, "{name}");
            assert!(is_windows || found.2 == expected.2, "{name}");
        }
        assert_eq!(found.len(), 4, "{name}");
        if !kept.is_empty() {
            let ids = [("row0", 0.0), ("row1", 2.0), ("row2", 0.0), ("row3", 1.0)];
            let ratings = ids.map(|(key, score)| format!("{}\n", json!({"key": key, "score": score})));
            sandbox.write("ratings.jsonl", ratings.concat());
            sandbox.expect(
                0,
                "select --scores scores.jsonl --strategy quality --ratings ratings.jsonl --budget 2 --out kept/ -q",
            );
            let written = format!("kept/{}", name.replace("european", "table"));
            assert_eq!(sandbox.read(&written), kept, "{name}");
        }
    }
}

#[test]
fn folders_patterns_and_shards_are_sources() {
    let sandbox = Sandbox::new();
    sandbox.write("ds/data/train-00000-of-00002.jsonl", lines([0, 1]));
    sandbox.write("ds/data/train-00001-of-00002.jsonl", lines([2, 3]));
    sandbox.write("ds/data/test-00000-of-00001.jsonl", lines([0]));
    sandbox.write("ds/data/._train-00000-of-00002.jsonl", "\0\0");
    sandbox.write("ds/README.md", "# a set\n");
    sandbox.write("mix-2.5.jsonl", lines([0]));
    sandbox.write("mix-2.7.jsonl", lines([1]));

    let whole = scored(&sandbox, "ds");
    assert_eq!(whole.iter().map(|row| row.0.as_str()).collect::<Vec<_>>(), ["row0", "row1", "row2", "row3"]);
    assert_eq!(sources(&whole), ["ds"; 4]);
    let ended = sandbox.expect(0, "score --base base --data ds --out said.jsonl");
    assert!(ended.stderr.contains("1 file like it") && ended.stderr.contains("`test`"), "{}", ended.stderr);
    sandbox.expect(0, "select --scores said.jsonl --strategy longest --budget 4 --out kept -q");
    for shard in ["train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"] {
        assert_eq!(sandbox.read(&format!("kept/ds/{shard}")), sandbox.read(&format!("ds/data/{shard}")));
    }

    assert_eq!(sources(&scored(&sandbox, "mix-2.*.jsonl")), ["mix-2.5", "mix-2.7"]);
    assert_eq!(sources(&scored(&sandbox, "ds/data/train-*")), ["train"; 4]);
    assert_eq!(
        sources(&scored(&sandbox, "a=mix-2.5.jsonl a=mix-2.7.jsonl b=ds")),
        ["a", "a", "b", "b", "b", "b"]
    );
    sandbox.expect(
        0,
        "score --base base --data a=mix-2.5.jsonl a=mix-2.7.jsonl mine=ds --out shares.parquet -q",
    );
    let ended = sandbox.expect(
        0,
        "select --scores shares.parquet --strategy longest --budget 2 --quota-by source --shares a=1 --out quota",
    );
    assert!(ended.stdout.contains("2 rows"), "both files of `a` are drawn from: {}", ended.stdout);

    sandbox.fails("score --base base --data no*.jsonl --out x.jsonl", &["no*.jsonl", "match this pattern"]);
    sandbox.write("both/a/train.jsonl", lines([0]));
    sandbox.write("both/b/train.jsonl", lines([0]));
    sandbox.fails("score --base base --data both --out x.jsonl", &["both", "several", "a/train.jsonl"]);
    sandbox.fails("score --base base --data - --out x.jsonl", &["a pipe or a device", "several times"]);
    sandbox.fails("score --base base --data /dev/stdin --out x.jsonl", &["a pipe or a device"]);
}

#[test]
fn files_that_cannot_be_read_say_what_they_seem_to_be() {
    let sandbox = Sandbox::new();
    let utf16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files: [(&str, Vec<u8>, &[&str]); 6] = [
        ("utf16.jsonl", utf16, &["UTF-16", "iconv"]),
        ("book.xlsx", b"PK\x03\x04..".to_vec(), &["spreadsheet", "CSV"]),
        (
            "split.json",
            b"{\"columns\": [\"question\", \"answer\"], \"data\": [[\"a\", \"b\"]]}".to_vec(),
            &["found `columns`, `data`"],
        ),
        (
            "python.jsonl",
            b"{'question': 'a', 'answer': 'b'}\n".to_vec(),
            &["line 1", "single quotes", "json.dumps"],
        ),
        (
            "nested.json",
            b"[[{\"question\": \"a\"}]]".to_vec(),
            &["element 1", "expected an object, found a list"],
        ),
        ("twice.jsonl", b"\"{\\\"question\\\": 1}\"\n".to_vec(), &["encoded twice"]),
    ];
    for (name, bytes, words) in files {
        sandbox.write(name, bytes);
        sandbox.fails(&format!("score --base base --data {name} --out x.jsonl"), &[&[name], words].concat());
    }
}

#[test]
fn numbers_beyond_json_cost_no_row() {
    let sandbox = Sandbox::new();
    let rows = lines(0..2).replace("\"id\":\"row0\"", "\"id\":\"row0\",\"reward\":NaN,\"worst\":-Infinity");
    sandbox.write("pool.jsonl", rows);
    let found = scored(&sandbox, "pool.jsonl");
    assert!(found.iter().all(|(_, _, loss)| loss.is_some()), "{found:?}");
}

#[test]
fn ratings_may_be_a_table() {
    let sandbox = Sandbox::new();
    sandbox.write("pool.jsonl", lines(0..4));
    sandbox.write("ratings.csv", "row,key,score\n0,row0,1.5\n3,row3,5\n");
    sandbox.expect(0, "score --base base --data pool.jsonl --out scores.parquet -q");
    sandbox.expect(
        0,
        "select --scores scores.parquet --strategy quality --ratings ratings.csv --budget 1 --out kept.jsonl -q",
    );
    assert_eq!(sandbox.read("kept.jsonl"), lines([3]));
}

#[test]
fn ids_keep_all_their_digits() {
    let sandbox = Sandbox::new();
    let rows = lines(0..2)
        .replace("\"row0\"", "12345678901234567890123")
        .replace("\"row1\"", "12345678901234567890124");
    sandbox.write("pool.jsonl", rows);
    let keys: Vec<String> = scored(&sandbox, "pool.jsonl").into_iter().map(|row| row.0).collect();
    assert_eq!(keys, ["12345678901234567890123", "12345678901234567890124"]);
}
