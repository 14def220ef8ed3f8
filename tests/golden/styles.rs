//! Templates in the styles of public ones: text and ids equal those of transformers, what a model says is scored and
//! nothing else, and `{% generation %}` marks the tokens that it marks for TRL.

use jiff::civil::DateTime;
use lobass_data::{
    ChatTemplate, ConversationLayout, Duplicates, EncodeOptions, Encoder, Example, Layout, Mask, Overlong,
    Pool, RowFault, TemplateChoice, TextTokenizer, Trace,
};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Expected {
    now: DateTime,
    row: Map<String, Value>,
    snippets: Vec<Snippet>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Snippet {
    source: String,
    text: String,
    /// Turns in place of those of all other snippets.
    messages: Option<Value>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    conversation: String,
    row: Map<String, Value>,
    text: Option<String>,
    ids: Option<Vec<u32>>,
    assistant_mask: Option<Vec<u8>>,
}

fn expected() -> Expected {
    read_json(&fixture("chat/styles.json"))
}

fn encoder(template: &std::path::Path, now: DateTime, mask: Mask) -> Encoder {
    let dir = fixture("chat/bytes");
    let pool = Pool::new(Vec::new(), Duplicates::Keep);
    let choice = TemplateChoice::File(template.to_owned());
    let template = ChatTemplate::load(&choice, &dir, pool.fallback(), now).unwrap();
    let options =
        EncodeOptions { mask, max_length: 4096, overlong: Overlong::Drop, vocabulary: None, transform: None };
    Encoder::new(TextTokenizer::from_dir(&dir).unwrap(), template, options).unwrap()
}

fn example(row: &Map<String, Value>) -> Example {
    let row: Map<String, Value> = row.clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
    Layout::Conversation(ConversationLayout::messages("messages")).example(&row).unwrap()
}

impl Case {
    fn name(&self) -> String {
        format!("{} with {}", self.conversation, self.template)
    }

    fn encoder(&self, now: DateTime, mask: Mask) -> Encoder {
        encoder(&fixture("chat/styles").join(&self.template), now, mask)
    }
}

#[test]
fn text_and_ids_equal_transformers() {
    let Expected { now, cases, .. } = expected();
    for case in &cases {
        let (encoder, example) = (case.encoder(now, Mask::Response), example(&case.row));
        let rendered = encoder.template().render(&example, false);
        let Some(text) = &case.text else {
            assert!(rendered.is_err(), "{}: transformers refuses it", case.name());
            continue;
        };
        assert_eq!(rendered.as_ref(), Ok(text), "{}", case.name());
        assert_eq!(
            &encoder.tokenizer().encode(text).unwrap().ids,
            case.ids.as_ref().unwrap(),
            "{}",
            case.name()
        );
    }
}

#[test]
fn expressions_have_the_text_of_python() {
    let Expected { now, row, snippets, .. } = expected();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("snippet.jinja");
    for Snippet { source, text, messages } in snippets {
        let mut row = row.clone();
        row.extend(messages.map(|messages| ("messages".to_owned(), messages)));
        let example = example(&row);
        fs_err::write(&file, &source).unwrap();
        let rendered = encoder(&file, now, Mask::Response).template().render(&example, false);
        assert_eq!(rendered, Ok(text), "{source}");
    }
}

/// The text of each run of scored tokens.
fn scored_text(trace: &Trace) -> Vec<String> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut open = false;
    for (token, &(start, end)) in trace.offsets.iter().enumerate() {
        match (trace.scored[token], open) {
            (true, true) => runs.last_mut().unwrap().1 = end,
            (true, false) => runs.push((start, end)),
            (false, _) => {}
        }
        open = trace.scored[token];
    }
    runs.into_iter().map(|(start, end)| trace.text[start..end].to_owned()).collect()
}

fn trace(template: &str, conversation: &str, mask: Mask) -> Result<Trace, RowFault> {
    let Expected { now, cases, .. } = expected();
    let template = format!("{template}.jinja");
    let case =
        cases.iter().find(|case| case.template == template && case.conversation == conversation).unwrap();
    case.encoder(now, mask).trace(&example(&case.row))
}

fn check(template: &str, conversation: &str, scored: &[&str]) {
    let trace = trace(template, conversation, Mask::Response).unwrap();
    assert_eq!(scored_text(&trace), scored, "{conversation} with {template}: {:?}", trace.text);
}

const STONE: &str =
    r#"{"thing": "a stone", "eps": 2.5e-07, "most": 1e+16, "exact": true, "by": null, "n": [1, 2.0, -0.0]}"#;

#[test]
fn calls_are_scored_where_the_template_writes_earlier_turns_in_another_way() {
    let call = format!(r#"<call>{{"name": "weigh", "arguments": {STONE}}}</call><|stop|>"#);
    check("stepwise", "call", &[&call, "Two kilos.<|stop|>"]);
    check("stepwise", "call and text", &[&format!("Let me see.\n{call}"), "Two kilos.<|stop|>"]);
    let one =
        |thing: &str| format!(r#"<call>{{"name": "weigh", "arguments": {{"thing": "{thing}"}}}}</call>"#);
    let both = format!("{}\n{}<|stop|>", one("x"), one("y"));
    check("stepwise", "calls", &[&both, "Five kilos.<|stop|>"]);
    // The template injects an empty thought into the last turn, which is no part of what the data says.
    check("stepwise", "call at the end", &[&format!("{}<|stop|>", one("x"))]);
}

#[test]
fn calls_before_the_text_are_scored_with_it() {
    let sorted = r#"{"by": null, "eps": 2.5e-07, "exact": true, "most": 1e+16, "n": [1, 2.0, -0.0], "thing": "a stone"}"#;
    let call = format!("<call>weigh {sorted}</call>");
    check("calls_first", "call and text", &[&format!("{call}Let me see.<|stop|>"), "Two kilos.<|stop|>"]);
    check("calls_first", "call", &[&format!("{call}<|stop|>"), "Two kilos.<|stop|>"]);
}

#[test]
fn thoughts_are_scored_where_the_template_shows_them() {
    // The generation prompt opens the thought.
    let thought = "Hm, why.\n</think>\n\nBecause.<|stop|>";
    for key in ["thinking", "reasoning"] {
        check("stepwise", key, &[thought]);
    }
    check("stepwise", "reasoning_content", &["Because.<|stop|>", "Surely.\n</think>\n\nYes.<|stop|>"]);
    check("stepwise", "inside", &["Because.<|stop|>", "Surely.\n</think>\n\nYes.<|stop|>"]);
    check("stepwise", "turns", &["Old.<|stop|>", " Older. <|stop|>"]);
    check("stepwise", "same words", &["assistant<|stop|>", "a<|stop|>"]);
}

#[test]
fn a_system_prompt_that_moves_into_the_last_question_hides_no_reply() {
    check("last_system", "system", &["Old.</s>", "Older.</s>"]);
    check("last_system", "turns", &["Old.</s>", "Older.</s>"]);
    // Some tokens hold the space before a word too.
    check("last_system", "same words", &[" assistant</s>", " a</s>"]);
}

#[test]
fn both_tokens_that_end_a_turn_are_scored() {
    for conversation in ["turns", "system"] {
        let trace = trace("two_ends", conversation, Mask::Response).unwrap();
        let runs = scored_text(&trace);
        assert_eq!(runs.len(), 2, "{:?}", trace.text);
        assert!(runs.iter().all(|run| run.ends_with("<|stop|><|im_end|>")), "{runs:?}");
    }
    let text = trace("two_ends", "system", Mask::Text).unwrap();
    assert_eq!(scored_text(&text), ["Old.", "Older."]);
}

#[test]
fn what_the_next_turn_begins_with_ends_a_turn_without_an_end() {
    check("open_ended", "turns", &["Old.<|im_start|>", "Older."]);
    let call = "<call>weigh\nthing=x</call><call>weigh\nthing=y</call><|im_end|>";
    check("open_ended", "calls", &[call, "Five kilos."]);
    // What asks for an answer ends none.
    check("open_ended", "twice", &["one", "two<|im_start|>", "three"]);
    check("closed_by_next", "turns", &["Old.<|stop|>", " Older. "]);
    check("closed_by_next", "developer", &["Old."]);
}

#[test]
fn a_reply_that_the_template_does_not_show_is_no_reply() {
    let fault = trace("parts_only", "turns", Mask::Response).unwrap_err();
    assert!(fault.reason.contains("turn 2") && fault.reason.contains("does not show it"), "{}", fault.reason);
    check("parts_only", "parts", &["Old.<|stop|>"]);
}

#[test]
fn what_the_rendering_does_not_show_is_reported() {
    let Expected { now, cases, .. } = expected();
    let unread = |template: &str, conversation: &str| -> Vec<String> {
        let template = format!("{template}.jinja");
        let case =
            cases.iter().find(|case| case.template == template && case.conversation == conversation).unwrap();
        let encoded = case.encoder(now, Mask::Response).encode(&example(&case.row));
        assert!(encoded.sequence.is_some(), "{}: {:?}", case.name(), encoded.reason);
        encoded.unread.iter().map(|unread| format!("{:?} {}", unread.kind, unread.name)).collect()
    };
    assert_eq!(unread("stepwise", "call and text"), [""; 0]);
    assert_eq!(unread("stepwise", "reasoning_content"), ["Thought reasoning_content"]); // that of the first turn
    assert_eq!(unread("stepwise", "inside"), ["Thought content"]);
    assert_eq!(unread("stepwise", "thinking"), [""; 0]);
    assert_eq!(unread("two_ends", "thinking"), ["Thought thinking"]);
    assert_eq!(unread("calls_first", "call"), ["Tools tools"]);
    assert_eq!(unread("two_ends", "system"), [""; 0]);
    assert_eq!(unread("open_ended", "system"), ["TurnField content", "EndOfTurn assistant"]);
    assert_eq!(unread("arguments", "some"), [""; 0]);
    assert_eq!(unread("arguments", "documents"), [""; 0]);
    let mut case = cases.into_iter().find(|case| case.template == "two_ends.jinja").unwrap();
    case.row.insert("documents".to_owned(), serde_json::json!([{"title": "t", "text": "u"}]));
    case.row.insert("chat_template_kwargs".to_owned(), serde_json::json!({"style": "plain"}));
    let encoded = case.encoder(now, Mask::Response).encode(&example(&case.row));
    let unread: Vec<String> = encoded.unread.iter().map(ToString::to_string).collect();
    assert_eq!(unread, ["documents (`documents`)", "template argument `style`"]);
}

#[test]
fn generation_blocks_are_scored_as_transformers_marks_them() {
    let Expected { now, cases, .. } = expected();
    let mut compared = 0;
    for case in &cases {
        let Some(mask) = &case.assistant_mask else { continue };
        let trace = case.encoder(now, Mask::Generation).trace(&example(&case.row)).unwrap();
        let found: Vec<u8> = trace.scored.iter().map(|&counts| u8::from(counts)).collect();
        assert_eq!(&found, mask, "{}: {:?}", case.name(), trace.text);
        compared += 1;
    }
    assert!(compared >= 10, "only {compared} masks were compared");
}

#[test]
fn a_turn_that_is_not_to_be_scored_is_not_scored_in_its_block_either() {
    let Expected { now, cases, .. } = expected();
    let case =
        cases.iter().find(|case| case.assistant_mask.is_some() && case.conversation == "turns").unwrap();
    let mut example = example(&case.row);
    example.messages[1].scored = false;
    let trace = case.encoder(now, Mask::Generation).trace(&example).unwrap();
    assert_eq!(scored_text(&trace), ["<think></think> Older. <|stop|>\n"]);
}

#[test]
fn a_template_without_generation_blocks_has_no_such_mask() {
    let dir = fixture("chat/bytes");
    let pool = Pool::new(Vec::new(), Duplicates::Keep);
    let choice = TemplateChoice::File(fixture("chat/styles/two_ends.jinja"));
    let template = ChatTemplate::load(&choice, &dir, pool.fallback(), DateTime::default()).unwrap();
    let options = EncodeOptions {
        mask: Mask::Generation,
        max_length: 4096,
        overlong: Overlong::Drop,
        vocabulary: None,
        transform: None,
    };
    let error = Encoder::new(TextTokenizer::from_dir(&dir).unwrap(), template, options).unwrap_err();
    assert!(error.to_string().contains("expected `{% generation %}` blocks"), "{error}");
}
