//! Pairs of a chosen and a rejected response: every layout gives the same examples.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::{Path, PathBuf};

use lobass_core::RowStatus;
use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoded, Encoder, FormatChoice, FormatName,
    Mask, Overlong, Pool, PoolRow, Preset, Role, RowFault, TemplateChoice, TextTokenizer, detect,
    read_dataset_info,
};
use serde_json::{Value, json};

fn write(dir: &Path, name: &str, rows: &[Value]) -> PathBuf {
    let path = dir.join(name);
    fs_err::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    path
}

fn read(rows: &[Value], choice: &FormatChoice) -> Vec<PoolRow> {
    let dir = tempfile::tempdir().unwrap();
    let file = DataFile::open(&write(dir.path(), "pool.jsonl", rows), "pool", choice).unwrap();
    Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect()
}

/// Who says what, and whether it is scored.
type Turns = Vec<(Role, String, bool)>;

fn sides(row: &PoolRow) -> (Turns, Turns) {
    let turns = |messages: &[lobass_data::Message]| {
        messages.iter().map(|turn| (turn.role, turn.content.clone(), turn.scored)).collect()
    };
    let example = row.example.as_ref().unwrap();
    (turns(&example.messages), turns(example.rejected.as_deref().unwrap()))
}

fn fault(row: &Value, choice: &FormatChoice) -> RowFault {
    read(std::slice::from_ref(row), choice).remove(0).example.unwrap_err()
}

fn turn(role: &str, content: &str) -> Value {
    json!({"role": role, "content": content})
}

fn expected() -> (Turns, Turns) {
    let side = |answer: &str| {
        vec![
            (Role::User, "hi".to_owned(), false),
            (Role::Assistant, "hello".to_owned(), false),
            (Role::User, "2 + 2?".to_owned(), false),
            (Role::Assistant, answer.to_owned(), true),
        ]
    };
    (side("4"), side("5"))
}

fn prompt() -> Vec<Value> {
    vec![turn("user", "hi"), turn("assistant", "hello"), turn("user", "2 + 2?")]
}

fn whole(answer: &str) -> Value {
    Value::Array([prompt(), vec![turn("assistant", answer)]].concat())
}

#[test]
fn every_form_says_the_same() {
    let told =
        |answer: &str| format!("\n\nHuman: hi\n\nAssistant: hello\n\nHuman: 2 + 2?\n\nAssistant: {answer}");
    let from = |who: &str, value: &str| json!({"from": who, "value": value});
    let forms = [
        json!({"prompt": prompt(), "chosen": [turn("assistant", "4")], "rejected": [turn("assistant", "5")]}),
        json!({"prompt": prompt(), "chosen": "4", "rejected": "5"}),
        json!({"prompt": prompt(), "chosen": whole("4"), "rejected": whole("5")}),
        json!({"chosen": whole("4"), "rejected": whole("5"), "score_chosen": 9.5}),
        json!({"prompt": "hi", "chosen": whole("4"), "rejected": whole("5")}),
        json!({"chosen": told("4"), "rejected": told("5")}),
        json!({"instruction": "2 + 2?", "history": [["hi", "hello"]], "chosen": "4", "rejected": "5"}),
        json!({"messages": prompt(), "chosen": turn("assistant", "4"), "rejected": turn("assistant", "5")}),
        json!({
            "conversations": [from("human", "hi"), from("gpt", "hello"), from("human", "2 + 2?")],
            "chosen": from("gpt", "4"),
            "rejected": from("gpt", "5"),
        }),
    ];
    for form in &forms {
        let (name, layout) = detect(form.as_object().unwrap()).unwrap_or_else(|| panic!("{form}"));
        assert_eq!((name, layout.is_preference()), (FormatName::Preference, true), "{form}");
        for choice in [FormatChoice::Auto, FormatChoice::Named("preference".parse().unwrap())] {
            assert_eq!(sides(&read(std::slice::from_ref(form), &choice)[0]), expected(), "{form}");
        }
        let json = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<lobass_data::Layout>(&json).unwrap(), layout, "{json}");
    }
}

#[test]
fn a_prompt_of_text_has_input_and_system_beside_it() {
    let row =
        json!({"instruction": "add", "input": "2, 2", "system": "be brief", "chosen": "4", "rejected": "5"});
    let (chosen, rejected) = sides(&read(&[row], &FormatChoice::Auto)[0]);
    assert_eq!(chosen[..2], rejected[..2]);
    let expected = [(Role::System, "be brief"), (Role::User, "add\n2, 2"), (Role::Assistant, "4")];
    assert_eq!(chosen.iter().map(|(role, text, _)| (*role, text.as_str())).collect::<Vec<_>>(), expected);

    let orca = json!({"system": "be brief", "question": "2 + 2?", "chosen": "4", "rejected": "5"});
    assert_eq!(sides(&read(&[orca], &FormatChoice::Auto)[0]).1[2].1, "5");
}

#[test]
fn single_responses_with_more_columns_stay_what_they_were() {
    let answered = || whole("4");
    let named = |row: Value| detect(row.as_object().unwrap()).map(|(name, _)| name);
    let texts = [("chosen", "4"), ("rejected", "5")];
    let with = |mut row: Value| {
        for (name, text) in texts {
            row[name] = json!(text);
        }
        row
    };
    assert_eq!(named(with(json!({"instruction": "i", "output": "o"}))), Some(FormatName::Alpaca));
    assert_eq!(named(with(json!({"instruction": "i", "response": "o"}))), Some(FormatName::Dolly));
    assert_eq!(named(with(json!({"prompt": "i", "completion": "o"}))), Some(FormatName::PromptCompletion));
    assert_eq!(named(with(json!({"question": "i", "answer": "o"}))), Some(FormatName::QuestionAnswer));
    assert_eq!(named(with(json!({"messages": answered()}))), Some(FormatName::Messages));
    let turns =
        json!({"messages": answered(), "chosen": turn("assistant", "4"), "rejected": turn("assistant", "5")});
    assert_eq!(named(turns), Some(FormatName::Messages));
    let flags = json!({"prompt": "p", "chosen": true, "rejected": false});
    assert_eq!(named(flags), None);
    assert_eq!(named(json!({"prompt": "p", "chosen": "a"})), None);
    assert_eq!(named(json!({"chosen": "The sky is blue.", "rejected": "The sky is red."})), None);
}

#[test]
fn columns_can_be_named() {
    let choice = |text: &str| FormatChoice::Columns(text.parse().unwrap());
    let columns = |row: Value, text: &str| sides(&read(&[row], &choice(text))[0]);
    let row = json!({"ask": prompt(), "good": "4", "bad": "5"});
    assert_eq!(columns(row, "prompt=ask,chosen=good,rejected=bad"), expected());
    let row = json!({"good": whole("4"), "bad": whole("5"), "output": "x", "instruction": "y"});
    assert_eq!(columns(row, "chosen=good,rejected=bad"), expected());
    let row = json!({"talk": prompt(), "good": turn("assistant", "4"), "rejected": turn("assistant", "5")});
    assert_eq!(columns(row, "messages=talk,chosen=good"), expected());

    for (text, words) in [
        ("response=a,chosen=b", "`response`"),
        ("chosen=a,chosen=b", "twice"),
        ("preferred=a", "chosen, rejected"),
        ("prompt=a,response=a", "`a` twice"),
        ("prompt=a,query=a", "`a` twice"),
        ("prompt=a,chosen=b,rejected=b", "`b` twice"),
    ] {
        let error = text.parse::<lobass_data::ColumnMap>().unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "pool.jsonl", &[json!({"ask": "2 + 2?", "good": "4"})]);
    let error = DataFile::open(&path, "pool", &choice("prompt=ask,chosen=good,rejected=bad")).unwrap_err();
    assert!(error.to_string().contains("expected column `bad`"), "{error}");
}

#[test]
fn a_column_has_one_meaning() {
    let choice = |text: &str| FormatChoice::Columns(text.parse().unwrap());
    let row = json!({"instruction": "say it", "input": "red", "output": "yes"});
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "pool.jsonl", std::slice::from_ref(&row));
    let error = DataFile::open(&path, "pool", &choice("response=instruction")).unwrap_err();
    assert!(error.to_string().contains("`instruction` would be both prompt and response"), "{error}");
    // The format would show it as the input too.
    let row = &read(&[row], &choice("prompt=input"))[0];
    assert_eq!(row.example.as_ref().unwrap().messages[0].content, "red");
    // A name may be anything.
    assert!("prompt=a,response=b,id=a".parse::<lobass_data::ColumnMap>().is_ok());
}

#[test]
fn llama_factory_ranks_in_both_of_its_formats() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "one.jsonl", &[json!({"ask": "2 + 2?", "good": "4", "bad": "5"})]);
    let talk = json!([{"who": "me", "what": "2 + 2?"}]);
    let turn = |what: &str| json!({"who": "it", "what": what});
    write(dir.path(), "two.jsonl", &[json!({"talk": talk, "good": turn("4"), "bad": turn("5")})]);
    let responses = |mut columns: Value| {
        columns["chosen"] = json!("good");
        columns["rejected"] = json!("bad");
        columns
    };
    let registry = json!({
        "one": {"file_name": "one.jsonl", "ranking": true, "columns": responses(json!({"prompt": "ask"}))},
        "two": {
            "file_name": "two.jsonl", "ranking": true, "formatting": "sharegpt",
            "columns": responses(json!({"messages": "talk"})),
            "tags": {"role_tag": "who", "content_tag": "what", "user_tag": "me", "assistant_tag": "it"},
        },
        "half": {"file_name": "one.jsonl", "ranking": true, "columns": {"chosen": "good"}},
    });
    let path = dir.path().join("dataset_info.json");
    fs_err::write(&path, registry.to_string()).unwrap();
    let side = |answer: &str| {
        vec![(Role::User, "2 + 2?".to_owned(), false), (Role::Assistant, answer.to_owned(), true)]
    };
    for name in ["one", "two"] {
        let entry = read_dataset_info(&path, name).unwrap().unwrap();
        let choice = FormatChoice::Layout { layout: entry.layout, named: entry.named };
        let file = DataFile::open(&entry.path, name, &choice).unwrap();
        let rows: Vec<_> = Pool::new(vec![file], Duplicates::Keep).rows().map(Result::unwrap).collect();
        assert_eq!(sides(&rows[0]), (side("4"), side("5")), "{name}");
    }
    let error = read_dataset_info(&path, "half").unwrap_err().to_string();
    assert!(error.contains("`half`") && error.contains("`ranking` needs"), "{error}");
}

#[test]
fn bad_pairs_say_which_side_is_bad() {
    let auto = &FormatChoice::Auto;
    let pair =
        |chosen: Value, rejected: Value| json!({"prompt": "2 + 2?", "chosen": chosen, "rejected": rejected});
    let same = fault(&pair(json!("4"), json!("4")), auto);
    assert_eq!(same.status, RowStatus::Malformed);
    assert!(same.reason.contains("the same response"), "{same:?}");
    let empty = fault(&pair(json!("4"), json!(" ")), auto);
    assert_eq!((empty.status, &*empty.reason), (RowStatus::EmptyResponse, "rejected: the response is empty"));
    let no_answer = fault(&json!({"chosen": whole("4"), "rejected": prompt()}), auto);
    assert_eq!(no_answer.status, RowStatus::Malformed);
    let other = json!([
        turn("user", "hey"),
        turn("assistant", "hello"),
        turn("user", "2 + 2?"),
        turn("assistant", "4")
    ]);
    let other = fault(&json!({"chosen": whole("4"), "rejected": other}), auto);
    assert_eq!(other.status, RowStatus::Malformed);
    assert!(other.reason.contains("turn 1 of 4 and 4"), "{other:?}");
    let user = json!([turn("user", "2 + 2?"), turn("user", "well?")]);
    let user =
        fault(&json!({"chosen": [turn("user", "2 + 2?"), turn("assistant", "4")], "rejected": user}), auto);
    assert_eq!((user.status, &*user.reason), (RowStatus::EmptyResponse, "rejected: there is no response"));

    let first = json!({"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"});
    let rows = read(&[first, json!({"chosen": "x", "rejected": "y"}), json!({"chosen": "x"})], auto);
    assert!(rows[0].example.is_ok());
    assert!(rows[1].example.as_ref().unwrap_err().reason.contains("`chosen`: expected a text"), "{rows:?}");
    assert!(rows[2].example.is_err());
}

fn encoder(max_length: usize) -> Encoder {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/chat/bytes");
    let pool = Pool::new(Vec::new(), Duplicates::Keep);
    let choice = TemplateChoice::Preset(Preset::Plain);
    let template = ChatTemplate::load(&choice, &dir, pool.fallback(), DateTime::default()).unwrap();
    let options = EncodeOptions {
        mask: Mask::Response,
        max_length,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    Encoder::new(TextTokenizer::from_dir(&dir).unwrap(), template, options).unwrap()
}

fn encode(row: &Value, max_length: usize) -> Encoded {
    let rows = read(std::slice::from_ref(row), &FormatChoice::Auto);
    encoder(max_length).encode(rows[0].example.as_ref().unwrap())
}

#[test]
fn both_sides_are_encoded_as_the_single_responses_they_are() {
    let row = |name: &str, answer: &str| json!({"prompt": "what is 2 + 2? ", name: answer});
    let pair = encode(&json!({"prompt": "what is 2 + 2? ", "chosen": "four", "rejected": "seven"}), 100);
    assert!(pair.status.is_scored());
    assert_eq!(pair.sequence, encode(&row("completion", "four"), 100).sequence);
    assert_eq!(pair.rejected, encode(&row("completion", "seven"), 100).sequence);
    assert!(pair.sequence.unwrap().n_scored() < pair.rejected.unwrap().n_scored());

    // Earlier answers are the prompt's, on both sides.
    let long = encode(&json!({"chosen": whole("4"), "rejected": whole("55")}), 1000);
    let single = encode(&json!({"prompt": prompt(), "completion": "55"}), 1000);
    assert_eq!(long.rejected, single.sequence);
}

#[test]
fn a_side_that_is_too_long_is_named() {
    let row = json!({"prompt": "what is 2 + 2? ", "chosen": "four", "rejected": "seven, or eight, or nine"});
    let n_tokens = encode(&row, 1000).rejected.unwrap().n_tokens();
    let cut = encode(&row, n_tokens - 1);
    assert_eq!((cut.status, cut.n_tokens), (RowStatus::Overlong, n_tokens));
    assert!(cut.reason.unwrap().starts_with("rejected: "));
    assert_eq!((cut.sequence, cut.rejected), (None, None));
}

#[test]
fn a_selection_of_pairs_is_in_their_own_format() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<Value> = (0..3)
        .map(|n| json!({"prompt": format!("{n}?"), "chosen": format!("{n}"), "rejected": "no", "extra": [n, 1.5]}))
        .collect();
    let file = DataFile::open(&write(dir.path(), "pool.jsonl", &rows), "pool", &FormatChoice::Auto).unwrap();
    let out = dir.path().join("selected.jsonl");
    file.write_subset(&out, |row| row != 1).unwrap();
    assert_eq!(fs_err::read_to_string(out).unwrap(), format!("{}\n{}\n", rows[0], rows[2]));
}

#[test]
fn responses_that_look_like_turns_are_text_beside_a_prompt_of_text() {
    let json = |answer: &str| json!([turn("assistant", answer)]).to_string();
    let row = json!({"prompt": "give json", "chosen": json("4"), "rejected": json("5")});
    let (chosen, rejected) = sides(&read(&[row], &FormatChoice::Auto)[0]);
    assert_eq!((chosen[1].1.clone(), rejected[1].1.clone()), (json("4"), json("5")));

    // Without a prompt of text there is nothing else that it can be.
    let whole_text = |answer: &str| whole(answer).to_string();
    let row = json!({"chosen": whole_text("4"), "rejected": whole_text("5")});
    assert_eq!(sides(&read(&[row], &FormatChoice::Auto)[0]), expected());
    let row = json!({
        "messages": Value::from(prompt()).to_string(), "chosen": json("4"), "rejected": json("5"),
    });
    let choice = FormatChoice::Columns("messages=messages,chosen=chosen,rejected=rejected".parse().unwrap());
    assert_eq!(sides(&read(&[row], &choice)[0]), expected());
}

#[test]
fn text_that_looks_like_turns_is_text() {
    let of = |role: &str, text: &str| json!([turn(role, text)]).to_string();
    let dir = tempfile::tempdir().unwrap();
    for (prompt, response) in [("prompt", "completion"), ("instruction", "output"), ("question", "answer")] {
        let row = json!({prompt: of("user", "q"), response: of("assistant", "a")});
        let path = write(dir.path(), "pool.jsonl", std::slice::from_ref(&row));
        let file = DataFile::open(&path, "pool", &FormatChoice::Auto).unwrap();
        assert_eq!(file.is_plain_pair(), prompt == "prompt");
        let line = file.to_string();
        let expected =
            format!("; `{response}` is read as text, though 1 of the first 1 rows have turns as JSON");
        assert!(line.contains(&expected), "{line}");
        let read = Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap();
        let example = read.example.unwrap();
        let texts: Vec<&str> = example.messages.iter().map(|turn| turn.content.as_str()).collect();
        assert_eq!(texts, [row[prompt].as_str().unwrap(), row[response].as_str().unwrap()]);
    }
}
