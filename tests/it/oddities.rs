//! Files as people really have them.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use lobass_run::read_table;
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn write_parquet(sandbox: &Sandbox, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs_err::File::create(sandbox.path(name)).unwrap().into_parts().0;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

/// The part of a row that a model sees.
fn inspected(sandbox: &Sandbox, line: &str) -> Value {
    sandbox.json(0, &format!("inspect --base {line}"))
}

#[test]
fn columns_that_no_one_asked_for_may_hold_anything() {
    let sandbox = Sandbox::new();
    let time = TimestampMicrosecondArray::from(vec![1_700_000_000_000_000]).with_timezone("UTC");
    let columns = vec![
        ("question", texts(&["2 + 2?"])),
        ("answer", texts(&["4"])),
        ("created", Arc::new(time) as ArrayRef),
    ];
    write_parquet(&sandbox, "timed.parquet", columns);
    sandbox.expect(0, "score --base base --data timed.parquet --out scores.parquet");
    let line = "inspect --base base --data timed.parquet --columns prompt=created,response=answer";
    let shown = sandbox.expect(0, line).stdout;
    assert!(shown.contains("2023-11-14T22:13:20Z"), "a time is text if someone asks for it: {shown}");
}

#[test]
fn a_row_of_a_parquet_file_can_be_too_large() {
    let sandbox = Sandbox::new();
    let large = "x".repeat(17 << 20);
    write_parquet(
        &sandbox,
        "large.parquet",
        vec![("question", texts(&["q", &large])), ("answer", texts(&["a", "b"]))],
    );
    let ended = sandbox.expect(1, "score --base base --data large.parquet --out scores.jsonl");
    assert!(ended.stdout.contains("1 overlong"), "{}", ended.stdout);
    assert!(sandbox.read("scores.jsonl").contains("above the limit of 16777216 for one row"));
}

#[test]
fn the_first_row_is_not_the_whole_file() {
    let sandbox = Sandbox::new();
    let turns =
        json!({"conversations": [{"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}]});
    sandbox.write("empty-first.jsonl", format!("{{\"conversations\": []}}\n{turns}\n"));
    sandbox.expect(1, "score --base base --data empty-first.jsonl --out one.parquet");
    sandbox.write("short-first.jsonl", "{\"q\": \"x\"}\n{\"q\": \"x\", \"a\": \"y\", \"sys\": \"z\"}\n");
    let line = "score --base base --data short-first.jsonl --columns prompt=q,response=a,system=sys";
    sandbox.expect(1, &format!("{line} --out two.parquet"));

    // A rare column is found; a misspelled one is an error, wherever it is named.
    let mut rows = "{\"instruction\": \"x\", \"output\": \"y\"}\n".repeat(100);
    rows += "{\"instruction\": \"x\", \"input\": \"rare\", \"output\": \"y\"}\n";
    sandbox.write("rows.jsonl", rows);
    let registry = |query: &str| {
        let columns = json!({"prompt": "instruction", "query": query, "response": "output"});
        json!({"mine": {"file_name": "rows.jsonl", "columns": columns}}).to_string()
    };
    sandbox.write("good.json", registry("input"));
    sandbox.write("bad.json", registry("inptu"));
    sandbox.expect(0, "score --base base --data mine --dataset-info good.json --out three.parquet");
    sandbox.fails(
        "score --base base --data mine --dataset-info bad.json --out x.parquet",
        &["rows.jsonl", "`inptu`"],
    );
}

#[test]
fn tools_are_tools_in_every_container() {
    let sandbox = Sandbox::new();
    let template = "{% if tools %}<|user|>{{ tools | tojson }}{% endif %}";
    sandbox.write("tools.jinja", format!("{template}{}", sandbox.read("base/chat_template.jinja")));
    let tools = "[{\"name\": \"add\"}]";
    sandbox.write("text.jsonl", json!({"question": "q", "answer": "a", "tools": tools}).to_string());
    sandbox
        .write("list.jsonl", json!({"question": "q", "answer": "a", "tools": [{"name": "add"}]}).to_string());
    let columns = vec![("question", texts(&["q"])), ("answer", texts(&["a"])), ("tools", texts(&[tools]))];
    write_parquet(&sandbox, "text.parquet", columns);
    for file in ["text.jsonl", "list.jsonl", "text.parquet"] {
        let text =
            inspected(&sandbox, &format!("base --data {file} --chat-template tools.jinja"))["text"].clone();
        assert!(text.as_str().unwrap().starts_with("<|user|>[{\"name\": \"add\"}]"), "{file}: {text}");
    }
    let bad = json!({"question": "q", "answer": "a", "tools": "add(a, b)"}).to_string();
    sandbox.write("bad.jsonl", bad);
    let ended = sandbox.expect(1, "score --base base --data bad.jsonl --out scores.jsonl");
    assert!(ended.stdout.contains("1 malformed"), "{}", ended.stdout);
}

#[test]
fn a_call_that_the_template_does_not_show_is_no_response() {
    let sandbox = Sandbox::new();
    let call = json!({"function": {"name": "add", "arguments": {"a": 2}}});
    let turns = json!([
        {"role": "user", "content": "2 + 2?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
    ]);
    sandbox.write("calls.jsonl", json!({"messages": turns}).to_string());
    let ended = sandbox.expect(1, "score --base base --data calls.jsonl --out scores.parquet");
    assert!(ended.stdout.contains("1 template_error"), "{}", ended.stdout);
    assert!(ended.stdout.contains("does not show its call of `add`"), "{}", ended.stdout);
}

#[test]
fn prompts_and_completions_that_are_turns_keep_their_roles() {
    let sandbox = Sandbox::new();
    let base = sandbox.copy_of_base("bare");
    fs_err::remove_file(base.join("chat_template.jinja")).unwrap();
    let turn = |role: &str, content: &str| json!([{"role": role, "content": content}]);
    let row = json!({"prompt": turn("user", "2 + 2?"), "completion": turn("assistant", "4")});
    sandbox.write("turns.jsonl", row.to_string());
    sandbox.write("texts.jsonl", json!({"prompt": "2 + 2?", "completion": "4"}).to_string());
    let text = |file: &str| {
        inspected(&sandbox, &format!("bare --data {file} --max-length 1000"))["text"].to_string()
    };
    assert!(text("turns.jsonl").contains("### Instruction:"), "{}", text("turns.jsonl"));
    assert!(!text("texts.jsonl").contains("### Instruction:"));
}

#[test]
fn repeated_rows_are_known_in_every_format() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", json!({"instruction": "2 + 2?", "input": "", "output": "4"}).to_string());
    sandbox.write("b.jsonl", json!({"question": "2 + 2?", "answer": "4"}).to_string());
    let turns = json!([{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]);
    sandbox.write("c.jsonl", json!({"messages": turns}).to_string());
    sandbox
        .expect(0, "score --base base --data a.jsonl b.jsonl c.jsonl --duplicates drop --out scores.parquet");
    let records = read_table(&sandbox.path("scores.parquet")).unwrap().records;
    let statuses: Vec<_> = records.iter().map(|record| record.status.as_str()).collect();
    assert_eq!(statuses, ["ok", "duplicate", "duplicate"]);
}

#[test]
fn lines_of_a_template_may_end_as_they_do_on_windows() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(1);
    let template =
        "{{ bos_token }}\n{% for m in messages %}{{ m.role }}\n{{ m.content }}{{ eos_token }}\n{% endfor %}";
    sandbox.write("unix.jinja", template);
    sandbox.write("windows.jinja", template.replace('\n', "\r\n"));
    let ids = |file: &str| {
        inspected(&sandbox, &format!("base --data small.jsonl --chat-template {file}"))["input_ids"].clone()
    };
    assert_eq!(ids("windows.jinja"), ids("unix.jinja"));
}

#[test]
fn a_checkpoint_without_tokenizer_configs_still_begins_sequences() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(1);
    let bare = sandbox.copy_of_base("bare");
    let change = |change: &dyn Fn(&mut Value)| {
        let mut tokenizer: Value = serde_json::from_str(&sandbox.read("base/tokenizer.json")).unwrap();
        change(&mut tokenizer);
        fs_err::write(bare.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    };
    let template = |special: &str| {
        let special_token = json!({"SpecialToken": {"id": special, "type_id": 0}});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        json!({
            "type": "TemplateProcessing", "single": [special_token, text], "pair": [text, text],
            "special_tokens": {special: {"id": special, "ids": [0], "tokens": [special]}},
        })
    };
    change(&|tokenizer| tokenizer["post_processor"] = template("<|begin|>"));
    fs_err::remove_file(bare.join("tokenizer_config.json")).unwrap();
    fs_err::write(bare.join("chat_template.jinja"), "{% for m in messages %}{{ m.content }}{% endfor %}")
        .unwrap();
    let seen = inspected(&sandbox, "bare --data small.jsonl");
    assert_eq!(seen["tokens"][0], "<|begin|>");
    assert_ne!(seen["tokens"][1], "<|begin|>");

    // White space is a part of a reply, whatever the offsets of a post-processor.
    change(&|tokenizer| {
        tokenizer["post_processor"] =
            json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    });
    sandbox.write("spaces.jsonl", json!({"question": "q", "answer": "two\n\n  three"}).to_string());
    let mask = inspected(&sandbox, "bare --data spaces.jsonl")["mask"].clone();
    let scored = mask.as_array().unwrap().iter().skip_while(|counts| !counts.as_bool().unwrap());
    assert!(scored.clone().count() > 5 && scored.clone().all(|counts| counts.as_bool().unwrap()), "{mask}");
}

/// Gives a copy of the shipped checkpoint a token that the model has no embedding for.
fn with_further_token(sandbox: &Sandbox, name: &str, token: &str) {
    let file = sandbox.copy_of_base(name).join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&fs_err::read(&file).unwrap()).unwrap();
    let further = json!({"id": 512, "content": token, "special": true, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false});
    tokenizer["added_tokens"].as_array_mut().unwrap().push(further);
    fs_err::write(file, tokenizer.to_string()).unwrap();
}

#[test]
fn a_token_without_an_embedding_costs_its_row_and_no_other() {
    let sandbox = Sandbox::new();
    with_further_token(&sandbox, "more", "<|extra|>");
    let pair = |prompt: &str, completion: &str| json!({"prompt": prompt, "completion": completion});
    let rows = [pair("2 + 2?", "4"), pair("2 + 2?", "4 <|extra|>"), pair("<|extra|> 3 + 3?", "6")];
    sandbox.write("rows.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let ended = sandbox.expect(1, "score --base more --data rows.jsonl --out scores.jsonl");
    assert!(ended.stderr.contains("`<|extra|>` (id 512)"), "{}", ended.stderr);
    sandbox.expect(0, "score --base base --data rows.jsonl --out plain.jsonl");
    let table = |name: &str| -> Vec<Value> {
        let records = sandbox.read(name);
        let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(|record| record["type"] == "row").collect()
    };
    let (scores, plain) = (table("scores.jsonl"), table("plain.jsonl"));
    assert_eq!(scores[0]["status"], "ok");
    assert_eq!(scores[0]["base_nll"], plain[0]["base_nll"], "other rows are as they are without it");
    for row in &scores[1..] {
        assert_eq!(row["status"], "out_of_vocabulary");
        let reason = row["reason"].as_str().unwrap();
        assert!(reason.contains("\"<|extra|>\" has the id 512"), "{reason}");
        assert!(reason.contains("embeddings for 512 tokens"), "{reason}");
    }
    // What is cut off needs no embedding.
    let long = pair("2 + 2?", &format!("{} <|extra|>", "4 ".repeat(60)));
    sandbox.write("long.jsonl", format!("{long}\n"));
    let cut = "--max-length 40 --overlong truncate";
    let ended =
        sandbox.expect(0, &format!("score --base more --data long.jsonl --out long-scores.jsonl {cut}"));
    assert!(ended.stdout.contains("truncated"), "{}", ended.stdout);
    // Training leaves such rows out, as scoring does.
    let train = "train --model more --data rows.jsonl --out tuned --epochs 2 --batch-size 1 --eval-rows 0";
    let ended = sandbox.expect(1, train);
    assert!(ended.stdout.contains("out_of_vocabulary"), "{}", ended.stdout);
}
