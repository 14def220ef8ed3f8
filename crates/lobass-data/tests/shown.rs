//! What of a row a rendering shows, and which tokens hold it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::{Path, PathBuf};

use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, Example, FormatChoice, Mask,
    Overlong, Pool, Preset, TemplateChoice, TextTokenizer, Unread, UnreadKind,
};
use serde_json::{Value, json};

fn bytes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/chat/bytes")
}

fn example(row: &Value) -> Example {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.jsonl");
    fs_err::write(&path, format!("{row}\n")).unwrap();
    let file = DataFile::open(&path, "pool", &FormatChoice::Auto).unwrap();
    Pool::new(vec![file], Duplicates::Keep).rows().next().unwrap().unwrap().example.unwrap()
}

fn encoder(dir: &Path, choice: &TemplateChoice) -> Encoder {
    let pool = Pool::new(Vec::new(), Duplicates::Keep);
    let template = ChatTemplate::load(choice, dir, pool.fallback(), DateTime::default()).unwrap();
    let options = EncodeOptions {
        mask: Mask::Response,
        max_length: 2000,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    Encoder::new(TextTokenizer::from_dir(dir).unwrap(), template, options).unwrap()
}

/// An encoder with a preset.
fn preset(preset: Preset) -> Encoder {
    encoder(&bytes(), &TemplateChoice::Preset(preset))
}

/// An encoder with a template of this source, and a tokenizer that a function changes.
fn of_source(source: &str, change: impl FnOnce(&mut Value)) -> Encoder {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str| fs_err::read_to_string(bytes().join(name)).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&read("tokenizer.json")).unwrap();
    change(&mut tokenizer);
    fs_err::write(dir.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    fs_err::write(dir.path().join("tokenizer_config.json"), read("tokenizer_config.json")).unwrap();
    fs_err::write(dir.path().join("chat_template.jinja"), source).unwrap();
    encoder(dir.path(), &TemplateChoice::Auto)
}

#[test]
fn an_input_is_shown_once_and_counts_as_shown() {
    // Stanford Alpaca's prompt of a row with an input, and what LLaMA-Factory joins: parts that are not empty.
    for (instruction, input, shown, joined) in [
        ("say it", "blue", "### Instruction:\nsay it\n\n### Input:\nblue\n\n### Response:\n", "say it\nblue"),
        ("", "blue", "### Instruction:\n\n\n### Input:\nblue\n\n### Response:\n", "blue"),
        ("say it", "", "### Instruction:\nsay it\n\n### Response:\n", "say it"),
    ] {
        for (input_name, output_name) in [("input", "output"), ("context", "response")] {
            let example =
                example(&json!({"instruction": instruction, input_name: input, output_name: "yes"}));
            assert_eq!(example.messages[0].content, joined);
            let trace = preset(Preset::Alpaca).trace(&example).unwrap();
            assert!(trace.text.contains(shown), "{}", trace.text);
            assert_eq!(trace.text.matches("blue").count(), usize::from(!input.is_empty()));
            assert_eq!(trace.unread, [], "{instruction} {input}");
            let trace = preset(Preset::Plain).trace(&example).unwrap();
            assert!(trace.text.starts_with(&format!("{joined}yes")), "{}", trace.text);
            assert_eq!(trace.unread, [], "{instruction} {input}");
        }
    }
}

#[test]
fn an_input_that_a_template_leaves_out_is_reported() {
    let source = "{% for m in messages %}{{ m.instruction or m.content }}{% endfor %}";
    let row = json!({"instruction": "say it", "input": "blue", "output": "yes"});
    let trace = of_source(source, |_| {}).trace(&example(&row)).unwrap();
    assert_eq!(trace.unread[0], Unread::new(UnreadKind::TurnField, "content"));
}

#[test]
fn a_header_that_takes_in_blanks_is_not_scored() {
    let source = "{% for m in messages %}{{ '<|start|>' + m.content + '<|stop|>' }}{% endfor %}";
    let encoder = of_source(source, |tokenizer| {
        for token in tokenizer["added_tokens"].as_array_mut().unwrap() {
            (token["lstrip"], token["rstrip"]) = (json!(true), json!(true));
        }
    });
    let trace = encoder.trace(&example(&json!({"prompt": "q ", "completion": " \nhi \n"}))).unwrap();
    let scored = trace.ids.iter().zip(&trace.scored).filter(|(_, scored)| **scored);
    let scored: Vec<String> = scored.map(|(id, _)| encoder.tokenizer().token(*id).unwrap()).collect();
    assert_eq!((scored, trace.border), (["h", "i", "<|stop|>"].map(str::to_owned).to_vec(), None));
}
