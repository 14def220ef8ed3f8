//! Every key of a row: honored, refused by name, or reported.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use lobass_core::RowStatus;
use lobass_data::{DataFile, Duplicates, FormatChoice, Message, Pool, PoolRow, Role, Unread, UnreadKind};
use serde_json::{Value, json};

fn open(dir: &tempfile::TempDir, rows: &[Value], choice: &FormatChoice) -> DataFile {
    let path = dir.path().join("pool.jsonl");
    fs_err::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    DataFile::open(&path, "pool", choice).unwrap()
}

fn read(rows: &[Value]) -> Vec<PoolRow> {
    let dir = tempfile::tempdir().unwrap();
    let file = open(&dir, rows, &FormatChoice::Auto);
    Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect()
}

fn one(row: &Value) -> PoolRow {
    // The first row tells the format.
    let fine = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]});
    let told = row.get("messages").is_some();
    if told { read(&[fine, row.clone()]).remove(1) } else { read(std::slice::from_ref(row)).remove(0) }
}

/// A question, and an answer with further fields.
fn chat(answer: &Value) -> Value {
    let mut turn = json!({"role": "assistant"});
    turn.as_object_mut().unwrap().extend(answer.as_object().unwrap().clone());
    json!({"messages": [{"role": "user", "content": "What is red?"}, turn]})
}

fn turns(row: &PoolRow) -> &[Message] {
    &row.example.as_ref().unwrap().messages
}

fn fault(row: &Value) -> (RowStatus, String) {
    let fault = one(row).example.unwrap_err();
    (fault.status, fault.reason)
}

#[test]
fn a_turn_of_weight_zero_is_context() {
    for (name, off) in [
        ("weight", json!(0)),
        ("weight", json!(0.0)),
        ("train", json!(false)),
        ("training", json!(false)),
        ("loss_weight", json!(0.0)),
        ("loss", json!(false)),
        ("step_loss_mask", json!(0)),
    ] {
        let row = json!({"messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "b", name: off},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d"},
        ]});
        let row = one(&row);
        let scored: Vec<bool> = turns(&row).iter().map(|turn| turn.scored).collect();
        assert_eq!(scored, [false, false, false, true], "{name}");
        assert!(turns(&row).iter().all(|turn| turn.extra.is_empty()), "{name} is no field for a template");
    }
    let all = json!({"messages": [
        {"role": "user", "content": "a", "weight": 1},
        {"role": "assistant", "content": "b", "weight": 1},
    ]});
    let scored: Vec<bool> = turns(&one(&all)).iter().map(|turn| turn.scored).collect();
    assert_eq!(scored, [false, true], "only answers are scored");
    let (status, reason) = fault(&chat(&json!({"content": "b", "weight": 0})));
    assert_eq!(
        (status, reason.as_str()),
        (RowStatus::EmptyResponse, "every response is marked as not to be trained on")
    );
}

#[test]
fn other_weights_are_refused_by_name() {
    let (status, reason) = fault(&chat(&json!({"content": "b", "weight": 0.25})));
    assert_eq!(status, RowStatus::Malformed);
    assert!(
        reason.starts_with("`messages`, turn 2: field `weight`: expected a weight of 0 or 1, found 0.25"),
        "{reason}"
    );
    let detail = json!([{"begin_offset": 0, "end_offset": 1, "train": false}]);
    let (_, reason) = fault(&chat(&json!({"content": "b", "train_detail": detail})));
    assert!(reason.contains("field `train_detail`"), "{reason}");
}

#[test]
fn media_have_a_status() {
    let text =
        json!([{"role": "user", "content": "<image>What?"}, {"role": "assistant", "content": "A cat."}]);
    let parts = |part: Value| {
        let content = json!([part, {"type": "text", "text": "What?"}]);
        json!({"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "A cat."}]})
    };
    for (row, name) in [
        (json!({"messages": text, "images": ["1.jpg"]}), "`images`"),
        (json!({"messages": text, "image": {"bytes": "aa", "path": null}}), "`image`"),
        (json!({"messages": text, "videos": ["1.mp4"]}), "`videos`"),
        (json!({"messages": text, "audios": ["1.wav"]}), "`audios`"),
        (json!({"question": "What?", "answer": "A cat.", "image": "1.jpg"}), "`image`"),
        (parts(json!({"type": "image"})), "a part of type `image`"),
        (parts(json!({"type": "image_url", "image_url": {"url": "https://a.org/b.png"}})), "`image_url`"),
        (
            parts(json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})),
            "`input_audio`",
        ),
        (parts(json!({"type": "video", "video": "a.mp4"})), "`video`"),
        (
            json!({"messages": [{"role": "user", "content": "What?", "images": ["1.jpg"]}, text[1]]}),
            "turn 1: field `images`",
        ),
    ] {
        let (status, reason) = fault(&row);
        assert_eq!(status, RowStatus::Media, "{row}");
        assert!(reason.contains(name), "{reason}");
    }
    for empty in [json!([]), json!(null), json!(""), json!([null])] {
        assert!(one(&json!({"messages": text, "images": empty})).example.is_ok(), "{empty}");
    }
}

#[test]
fn role_words_of_public_data() {
    let say = |first: &str, second: &str| json!({"conversations": [{"from": first, "value": "q"}, {"from": second, "value": "a"}]});
    for (first, second) in [
        ("human", "gpt"),
        ("USER", "ASSISTANT"),
        ("Human", "Assistant"),
        ("prompter", "ai"),
        ("user", "Model"),
    ] {
        let row = one(&say(first, second));
        let roles: Vec<_> = turns(&row).iter().map(|turn| turn.role).collect();
        assert_eq!(roles, [Role::User, Role::Assistant], "{first}, {second}");
    }
    let row = one(&json!({"messages": [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "a"},
        {"role": "ipython", "content": "4"},
        {"role": "assistant", "content": "b"},
    ]}));
    let roles: Vec<_> = turns(&row).iter().map(|turn| turn.role.as_str()).collect();
    assert_eq!(roles, ["developer", "user", "assistant", "tool", "assistant"]);
    let alone =
        json!({"messages": [{"role": "developer", "content": "x"}, {"role": "assistant", "content": "a"}]});
    assert_eq!(fault(&alone).0, RowStatus::NoPrompt, "a developer asks nothing");
}

#[test]
fn further_words_for_roles() {
    let rows =
        [json!({"messages": [{"role": "Narrator", "content": "q"}, {"role": "assistant", "content": "a"}]})];
    let dir = tempfile::tempdir().unwrap();
    let read = |words: &[&str]| {
        let words = words.iter().map(|word| word.parse().unwrap()).collect::<Vec<_>>();
        let file = open(&dir, &rows, &FormatChoice::Auto).with_roles(&words);
        Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap().example
    };
    assert!(read(&[]).unwrap_err().reason.contains("expected a role of"));
    assert_eq!(read(&["narrator=user"]).unwrap().messages[0].role, Role::User);
    let rows = [json!({"prompt": [{"role": "Narrator", "content": "q"}], "completion": "a"})];
    let file = open(&dir, &rows, &FormatChoice::Auto).with_roles(&["Narrator=user".parse().unwrap()]);
    let row = Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap();
    assert_eq!(turns(&row)[0].role, Role::User, "lists of messages in a prompt column");
}

#[test]
fn an_empty_list_of_calls_is_no_call() {
    for empty in [json!([]), json!(null), json!("")] {
        for content in [json!(""), json!(null)] {
            let (status, reason) = fault(&chat(&json!({"content": content, "tool_calls": empty})));
            assert_eq!((status, reason.as_str()), (RowStatus::EmptyResponse, "the response is empty"));
        }
        let row = one(&chat(&json!({"content": "The dog.", "tool_calls": empty, "function_call": empty})));
        assert_eq!(turns(&row)[1], Message::new(Role::Assistant, "The dog."), "as without the fields");
    }
    assert_eq!(fault(&chat(&json!({"content": null}))).0, RowStatus::EmptyResponse);
    assert_eq!(fault(&chat(&json!({}))).0, RowStatus::EmptyResponse, "a key that is null is an absent key");
    let (status, reason) = fault(&chat(&json!({"text": "The dog."})));
    assert_eq!(status, RowStatus::Malformed, "an answer under another name is not empty");
    assert!(reason.contains("expected field `content`, found `role`, `text`"), "{reason}");
}

#[test]
fn calls_in_every_form_are_calls() {
    let expected = json!([{"type": "function", "function": {"name": "run", "arguments": {"far": 2}}}]);
    let call = json!({"name": "run", "arguments": {"far": 2}});
    for answer in [
        json!({"content": null, "tool_calls": expected}),
        json!({"tool_calls": expected.to_string()}),
        json!({"tool_calls": [expected[0].to_string()]}),
        json!({"content": "", "function_call": call}),
        json!({"content": [{"type": "tool_call", "value": call.to_string()}]}),
        json!({"content": [{"type": "tool_use", "name": "run", "input": {"far": 2}}]}),
    ] {
        let row = one(&chat(&answer));
        let turn = &turns(&row)[1];
        assert_eq!((turn.content.as_str(), &turn.extra["tool_calls"]), ("", &expected), "{answer}");
        assert!(turn.scored && !turn.extra.contains_key("function_call"));
    }
    let told = |word: &str| {
        one(&json!({"conversations": [
            {"from": "human", "value": "Run."},
            {"from": word, "value": call.to_string()},
            {"from": "observation", "value": "done"},
            {"from": "gpt", "value": "I ran."},
        ]}))
    };
    for word in ["function_call", "tool_call"] {
        let row = told(word);
        assert_eq!(turns(&row)[1].extra["tool_calls"], expected, "{word}");
        assert_eq!(turns(&row)[1].content, "");
    }
    let parallel = one(&json!({"messages": [
        {"role": "user", "content": "Run twice."},
        {"role": "assistant", "content": "I will."},
        {"role": "tool_call", "content": call.to_string()},
        {"role": "tool_call", "content": call.to_string()},
        {"role": "tool_response", "content": "done"},
        {"role": "assistant", "content": "I ran."},
    ]}));
    let roles: Vec<_> = turns(&parallel).iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::Assistant]);
    assert_eq!(turns(&parallel)[1].extra["tool_calls"], json!([expected[0], expected[0]]));
    let (status, reason) = fault(&chat(&json!({"content": "a", "tool_calls": 7})));
    assert_eq!(status, RowStatus::Malformed);
    assert!(reason.contains("field `tool_calls`: expected a list of calls, found a number"), "{reason}");
}

#[test]
fn what_a_template_is_told_beside_the_turns() {
    let mut row = chat(&json!({"content": "The dog."}));
    let columns = row.as_object_mut().unwrap();
    columns.insert("chat_template_kwargs".to_owned(), json!({"enable_thinking": false, "style": null}));
    columns.insert("documents".to_owned(), json!([{"title": "Pets", "text": "Dogs are red."}]));
    columns.insert("tools".to_owned(), json!("[{\"name\": \"run\"}]"));
    let told = one(&row);
    assert_eq!(told.unread, []);
    let example = told.example.unwrap();
    assert_eq!(Value::Object(example.template_arguments), json!({"enable_thinking": false}));
    assert_eq!(example.documents, Some(json!([{"title": "Pets", "text": "Dogs are red."}])));
    assert_eq!(example.tools, Some(json!([{"name": "run"}])));

    let with = |name: &str, value: Value| {
        let mut row = chat(&json!({"content": "The dog."}));
        row[name] = value;
        one(&row)
    };
    let text = with("chat_template_kwargs", json!("{\"enable_thinking\": true}")).example.unwrap();
    assert_eq!(Value::Object(text.template_arguments), json!({"enable_thinking": true}));
    let verl = with("enable_thinking", json!(true)).example.unwrap();
    assert_eq!(Value::Object(verl.template_arguments), json!({"enable_thinking": true}));
    let old = with("functions", json!([{"name": "run"}])).example.unwrap();
    assert_eq!(old.tools, Some(json!([{"type": "function", "function": {"name": "run"}}])));
    let fault = with("chat_template_kwargs", json!({"add_generation_prompt": true})).example.unwrap_err();
    assert!(fault.reason.contains("`add_generation_prompt`"), "{}", fault.reason);
    let fault = with("chat_template_kwargs", json!([1])).example.unwrap_err();
    assert!(fault.reason.contains("field `chat_template_kwargs`: expected an object"), "{}", fault.reason);
    let prose = with("documents", json!("See the appendix."));
    assert_eq!(prose.unread, [Unread::new(UnreadKind::Column, "documents")]);
}

#[test]
fn columns_that_are_not_read_are_reported() {
    let row = one(&json!({
        "id": 7, "question": "How many?", "context": "CREATE TABLE dog (n INTEGER)", "answer": "Two.",
        "source": "wikisql", "score": 0.5,
    }));
    assert_eq!(row.unread, [Unread::new(UnreadKind::Column, "context")]);
    let bad = one(&json!({"question": "", "context": "some text of a page", "answer": "Two."}));
    assert_eq!(bad.unread, [], "a row that no model sees");
    let dir = tempfile::tempdir().unwrap();
    let rows = [json!({"question": "How many?", "context": "CREATE TABLE dog", "answer": "Two."})];
    let line = open(&dir, &rows, &FormatChoice::Auto).to_string();
    assert!(
        line.ends_with(
            "not read: column `context` in 1 of the first 1 rows (`--columns query=context` reads it)"
        ),
        "{line}"
    );
    let choice = FormatChoice::Columns("query=context".parse().unwrap());
    let file = open(&dir, &rows, &choice);
    assert!(!file.to_string().contains("not read"), "{file}");
    let row = Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap();
    assert_eq!(turns(&row)[0].content, "How many?\nCREATE TABLE dog");
}

#[test]
fn ids_keep_their_digits_and_bad_rows_their_ids() {
    let rows: Vec<Value> = [
        json!(18_446_744_073_709_551_615_u64),
        json!(-3),
        json!("a"),
        json!(1.0),
        json!(true),
        json!(""),
        json!([1]),
    ]
    .iter()
    .enumerate()
    .map(|(at, id)| json!({"id": id, "question": format!("q{at}"), "answer": "a"}))
    .collect();
    let keys: Vec<String> = read(&rows).iter().map(|row| row.key.to_string()).collect();
    assert_eq!(keys[..3], ["18446744073709551615", "-3", "a"]);
    assert!(keys[3..].iter().all(|key| key.len() == 32), "a hash of the content: {keys:?}");

    let rows = [
        json!({"id": "fine", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}),
        json!({"id": "bad", "messages": [{"role": "narrator", "content": "q"}]}),
        json!({"id": "seen", "messages": [{"role": "user", "content": "q"}], "images": ["1.jpg"]}),
        json!({"id": "bad", "messages": null}),
        json!({"messages": 7}),
    ];
    let found = read(&rows);
    let keys: Vec<&str> = found.iter().map(|row| row.key.as_str()).collect();
    assert_eq!(keys, ["fine", "bad", "seen", "bad#3", "row-4"]);
    let reason = |at: usize| found[at].example.as_ref().unwrap_err().reason.clone();
    assert_eq!(reason(3), "field `messages`: expected a list of turns, found null");
    assert_eq!(reason(4), "field `messages`: expected a list of turns, found a number");
}

#[test]
fn turns_in_other_containers_of_a_column() {
    let turns_of = json!([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]);
    let keys: Vec<String> = [
        json!({"messages": turns_of}),
        json!({"messages": turns_of.to_string()}),
        json!({"messages": {"role": ["user", "assistant"], "content": ["q", "a"]}}),
        json!({"messages": turns_of, "tools": null, "chat_template_kwargs": null}),
        json!({"prompt": [turns_of[0]], "completion": [turns_of[1]]}),
        json!({"prompt": "q", "completion": "a"}),
    ]
    .iter()
    .map(|row| read(std::slice::from_ref(row))[0].key.to_string())
    .collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[test]
fn columns_under_names_that_someone_gave() {
    let dir = tempfile::tempdir().unwrap();
    let write = |rows: &[Value]| {
        let path = dir.path().join("pool.json");
        fs_err::write(&path, Value::from(rows).to_string()).unwrap();
    };
    let registry = dir.path().join("dataset_info.json");
    let columns = json!({"messages": "conversations", "tools": "api", "images": "pictures"});
    let entry = json!({"file_name": "pool.json", "formatting": "sharegpt", "columns": columns});
    let ranked = json!({"file_name": "pool.json", "columns": {"kto_tag": "good"}});
    fs_err::write(&registry, json!({"pool": entry, "ranked": ranked}).to_string()).unwrap();
    let turns = json!([{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]);
    write(&[
        json!({"conversations": turns, "api": "[{\"name\": \"f\"}]", "pictures": []}),
        json!({"conversations": turns, "api": "", "pictures": ["1.jpg"]}),
    ]);
    let entry = lobass_data::read_dataset_info(&registry, "pool").unwrap().unwrap();
    let choice = FormatChoice::Layout { layout: entry.layout, named: entry.named };
    let file = DataFile::open(&entry.path, "pool", &choice).unwrap();
    let rows: Vec<_> = Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect();
    assert_eq!(rows[0].example.as_ref().unwrap().tools, Some(json!([{"name": "f"}])));
    assert_eq!(rows[0].unread, []);
    let fault = rows[1].example.as_ref().unwrap_err();
    assert_eq!(fault.status, RowStatus::Media);
    assert!(fault.reason.contains("`pictures`"), "{}", fault.reason);
    let error = lobass_data::read_dataset_info(&registry, "ranked").unwrap_err();
    assert!(error.to_string().contains("`kto_tag`"), "{error}");

    let rows = [json!({"question": "q", "answer": "a", "api": [{"name": "f"}]})];
    let file = open(&dir, &rows, &FormatChoice::Columns("tools=api".parse().unwrap()));
    let row = Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap();
    assert_eq!(row.example.unwrap().tools, Some(json!([{"name": "f"}])));
}

#[test]
fn a_refusal_is_what_is_said() {
    let row = one(&chat(&json!({"content": null, "refusal": "I will not."})));
    assert_eq!(turns(&row)[1].content, "I will not.");
}
