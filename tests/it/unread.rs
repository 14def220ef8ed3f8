//! Content of rows that no model sees, and requests of rows that lobass honors, through the command line.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Three rows with a column that belongs to the prompt, of which one cannot be scored, and a fourth without it.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let row = |question: &str, context: &str, answer: &str| {
        json!({"question": question, "context": context, "answer": answer, "source": "wiki", "level": 3})
            .to_string()
    };
    let rows = [
        row("who is tim?", "tim has a tail", "tim is a cat"),
        row("who is sue?", "sue has a bone", "sue is a dog"),
        row("who is bob?", "bob has a nest", ""),
        json!({"question": "who is ann?", "answer": "ann is a girl"}).to_string(),
    ];
    sandbox.write("qa.jsonl", rows.map(|row| row + "\n").concat());
    sandbox
}

fn expected() -> Value {
    json!([{
        "source": "qa", "kind": "column", "name": "context", "n_rows": 2, "of_rows": 3,
        "flag": "--columns query=context",
    }])
}

#[test]
fn a_column_that_is_not_read_is_counted() {
    let sandbox = sandbox();
    let score = "score --base base --data qa.jsonl --work work --out scores.jsonl";
    let ended = sandbox.expect(1, score);
    let line = "not read: column `context` in 3 of the first 4 rows (`--columns query=context` reads it)";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    let line =
        "not read   column `context` in 2 of 3 rows of `qa` (66.7 %); `--columns query=context` reads it";
    assert!(ended.stdout.contains(line), "{}", ended.stdout);
    let manifest =
        || -> Value { serde_json::from_str(sandbox.read("scores.jsonl").lines().next().unwrap()).unwrap() };
    assert_eq!(manifest()["unread"], expected());

    // Taken up from what was tokenized before.
    fs_err::remove_file(sandbox.path("scores.jsonl")).unwrap();
    let again = sandbox.json(1, score);
    assert_eq!(again["manifest"]["unread"], expected());
    assert_eq!(manifest()["unread"], expected());

    let read = "score --base base --data qa.jsonl --columns query=context --out read.jsonl";
    let read = sandbox.json(1, read);
    assert_eq!(read["manifest"].get("unread"), None);
}

/// Alpaca's template writes the halves of the text and not the text.
#[test]
fn an_instruction_and_its_input_are_read() {
    let sandbox = sandbox();
    let row = r#"{"instruction": "Sort the animals.", "input": "the snake, the fox", "output": "the fox, the snake"}"#;
    sandbox.write("alpaca.jsonl", format!("{row}\n"));
    let look = |template: &str| {
        let line = "inspect --base base --data alpaca.jsonl --row 0 --max-length 512 --chat-template";
        sandbox.json(0, &format!("{line} {template}"))
    };
    let seen = look("alpaca");
    assert!(seen["text"].as_str().unwrap().contains("### Input:\nthe snake, the fox"), "{seen}");
    assert_eq!(seen["unread"], json!([]));
    let half = "{% for message in messages %}<{{ message.role }}>{{ message.instruction or message.content }}\
                {{ eos_token if message.role == 'assistant' }}{% endfor %}";
    sandbox.write("half.jinja", half);
    let half = look("half.jinja");
    assert_eq!(half["unread"], json!([{"kind": "turn_field", "name": "content"}]), "{half}");
}

#[test]
fn every_command_that_encodes_rows_says_so() {
    let sandbox = sandbox();
    let train = sandbox.json(1, "train --model base --data qa.jsonl --batch-size 2 --out reference");
    assert_eq!(train["outcome"]["unread"], expected());
    let embed = sandbox.json(1, "embed --base base --data qa.jsonl --out vectors.safetensors");
    assert_eq!(embed["manifest"]["unread"], expected());
    let inspect = sandbox.json(0, "inspect --base base --data qa.jsonl --row 1");
    assert_eq!(inspect["unread"], json!([{"kind": "column", "name": "context"}]));
    let text = sandbox.expect(0, "inspect --base base --data qa.jsonl --row 1").stdout;
    assert!(text.contains("not read   column `context`"), "{text}");
    let none = sandbox.json(0, "inspect --base base --data qa.jsonl --row 3");
    assert_eq!(none["unread"], json!([]));
    let encode = sandbox.json(1, "encode --base base --data qa.jsonl --out tokens.jsonl");
    assert_eq!(encode["unread"], expected());
    let text = "encode --base base --data qa.jsonl --out tokens.parquet";
    sandbox.fails(text, &["tokens.parquet", "JSON lines", "`.parquet`"]);
}

#[test]
fn weights_media_and_role_words() {
    let sandbox = Sandbox::new();
    let chat = |turns: Value| json!({"messages": turns});
    let say = |role: &str, text: &str| json!({"role": role, "content": text});
    let twice = |weight: Value| {
        let first = json!({"role": "assistant", "content": "a cat", "weight": weight});
        chat(json!([say("user", "who?"), first, say("user", "who?"), say("assistant", "a dog")]))
    };
    let mut picture = chat(json!([say("user", "who?"), say("assistant", "a cat")]));
    picture["images"] = json!(["1.jpg"]);
    let rows = [
        twice(json!(1)),
        twice(json!(0)),
        twice(json!(0.5)),
        picture,
        chat(json!([say("narrator", "who?"), say("assistant", "a cat")])),
    ];
    sandbox.write("chat.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let score = |flags: &str, out: &str| {
        sandbox.expect(
            1,
            &format!("score --base base --chat-template chatml --data chat.jsonl {flags} --out {out}"),
        );
        let table = sandbox.read(out);
        table.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let found = score("", "plain.jsonl");
    let status = |rows: &[Value]| rows.iter().map(|row| row["status"].clone()).collect::<Vec<_>>();
    assert_eq!(status(&found), ["ok", "ok", "malformed", "media", "malformed"]);
    let n = |row: &Value, name: &str| row[name].as_u64().unwrap();
    assert_eq!(n(&found[0], "n_tokens"), n(&found[1], "n_tokens"), "what is not scored is seen");
    assert!(n(&found[0], "n_scored") > n(&found[1], "n_scored"));
    assert!(found[3]["reason"].as_str().unwrap().contains("field `images`"), "{}", found[3]);
    let found = score("--role narrator=user", "roles.jsonl");
    assert_eq!(status(&found), ["ok", "ok", "malformed", "media", "ok"]);
}

#[test]
fn calls_told_as_text_are_calls_where_the_template_knows_them() {
    let sandbox = Sandbox::new();
    let call = json!({"name": "look", "arguments": {}}).to_string();
    let turns = json!([
        {"from": "human", "value": "who?"},
        {"from": "function_call", "value": call},
        {"from": "observation", "value": "a cat"},
        {"from": "gpt", "value": "a cat"},
    ]);
    sandbox.write("calls.jsonl", format!("{}\n", json!({"conversations": turns})));
    let template = "{% for message in messages %}<{{ message.role }}>{{ message.content }}\
        {% for call in message.tool_calls or [] %}[{{ call.function.name }}]{% endfor %}</s>{% endfor %}";
    sandbox.write("calls.jinja", template);
    let text = |template: &str| {
        let line = format!("inspect --base base --data calls.jsonl --row 0 --chat-template {template}");
        sandbox.json(0, &line)["text"].as_str().unwrap().to_owned()
    };
    assert!(text("calls.jinja").contains("<assistant>[look]</s><tool>a cat</s>"), "{}", text("calls.jinja"));
    assert!(text("chatml").contains(&call), "{}", text("chatml"));
}

#[test]
fn presets_show_parts_as_text() {
    let sandbox = Sandbox::new();
    let chat = |answer: Value| json!({"messages": [{"role": "user", "content": "who?"}, {"role": "assistant", "content": answer}]});
    let part = |key: &str, text: &str| json!({"type": "text", key: text});
    let rows = [
        chat(json!("a cat")),
        chat(json!([part("text", "a "), part("text", "cat")])),
        chat(json!([part("value", "a cat")])),
    ];
    sandbox.write("parts.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let ids = |row: usize| {
        let line = format!("inspect --base base --chat-template chatml --data parts.jsonl --row {row}");
        sandbox.json(0, &line)["input_ids"].clone()
    };
    assert_eq!(ids(1), ids(0));
    assert_eq!(ids(2), ids(0));
}

/// Content in places where no template looks for it: each is reported, and the row is scored without it.
#[test]
fn content_in_odd_places_is_said() {
    let sandbox = Sandbox::new();
    let chat = |mut answer: Value| {
        answer["role"] = json!("assistant");
        json!({"messages": [{"role": "user", "content": "who?"}, answer]})
    };
    let part = |more: Value| {
        let mut part = json!({"type": "text", "text": "a cat"});
        part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([part])
    };
    let rows = [
        chat(json!({"content": "a cat", "reasoning_content": ["a tail means a cat"]})),
        chat(json!({"content": "a cat", "thinking": {"text": "a tail means a cat"}})),
        chat(json!({"content": part(json!({"citations": [{"cited_text": "cats have tails"}]}))})),
        chat(json!({"content": part(json!({"cache_control": {"type": "ephemeral"}}))})),
        chat(json!({"content": "a cat", "tool_calls": [null, {}]})),
        chat(json!({"content": "", "tool_calls": [{}]})),
    ];
    sandbox.write("odd.jsonl", rows.map(|row| format!("{row}\n")).concat());
    let look = |row: usize| {
        let line = format!("inspect --base base --chat-template chatml --data odd.jsonl --row {row}");
        let seen = sandbox.json(i32::from(row == 5), &line);
        (seen["status"].clone(), seen["unread"].clone())
    };
    let unread = |kind: &str, name: &str| json!([{"kind": kind, "name": name}]);
    assert_eq!(look(0), (json!("ok"), unread("thought", "reasoning_content")));
    assert_eq!(look(1), (json!("ok"), unread("thought", "thinking")));
    assert_eq!(look(2), (json!("ok"), unread("turn_field", "content")));
    assert_eq!(look(3), (json!("ok"), json!([])));
    assert_eq!(look(4), (json!("ok"), json!([])));
    assert_eq!(look(5).0, json!("empty_response"));
}
