//! Conversations give the same text, token ids, and mask as in transformers.

use jiff::civil::DateTime;
use lobass_data::{
    ChatTemplate, ConversationLayout, Duplicates, EncodeOptions, Encoder, Example, Layout, Mask, Overlong,
    Pool, Preset, TemplateChoice, TextTokenizer, Trace,
};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
struct Expected {
    now: DateTime,
    texts: Vec<Text>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Text {
    tokenizer: String,
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Case {
    tokenizer: String,
    template: String,
    preset: bool,
    conversation: String,
    messages: Value,
    tools: Option<Value>,
    text: Option<String>,
    ids: Option<Vec<u32>>,
    assistant_mask: Option<Vec<u8>>,
    error: Option<String>,
}

fn expected() -> Expected {
    read_json(&fixture("chat/expected.json"))
}

impl Case {
    fn name(&self) -> String {
        format!("{} with {}, {} tokenizer", self.conversation, self.template, self.tokenizer)
    }

    fn example(&self) -> Example {
        let row = json!({"messages": self.messages, "tools": self.tools});
        let row: Map<String, Value> = row.as_object().unwrap().clone();
        Layout::Conversation(ConversationLayout::messages("messages")).example(&row).unwrap()
    }

    fn encoder(&self, now: DateTime) -> Encoder {
        self.encoder_with(now, Mask::Response)
    }

    fn encoder_with(&self, now: DateTime, mask: Mask) -> Encoder {
        let dir = fixture("chat").join(&self.tokenizer);
        let choice = if self.preset {
            TemplateChoice::Preset(self.template.trim_end_matches(".jinja").parse::<Preset>().unwrap())
        } else {
            TemplateChoice::File(fixture("chat/templates").join(&self.template))
        };
        let pool = Pool::new(Vec::new(), Duplicates::Keep);
        let template = ChatTemplate::load(&choice, &dir, pool.fallback(), now).unwrap();
        let options = EncodeOptions {
            mask,
            max_length: 4096,
            overlong: Overlong::Drop,
            vocabulary: None,
            transform: None,
        };
        Encoder::new(TextTokenizer::from_dir(&dir).unwrap(), template, options).unwrap()
    }
}

/// Runs of scored tokens, as half-open ranges of bytes of the text.
fn scored_runs(trace: &Trace) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut was_scored = false;
    for (&(start, end), &is_scored) in trace.offsets.iter().zip(&trace.scored) {
        match runs.last_mut() {
            Some(run) if is_scored && was_scored => run.1 = end,
            _ if is_scored => runs.push((start, end)),
            _ => {}
        }
        was_scored = is_scored;
    }
    runs
}

#[test]
fn the_text_alone_ends_where_the_reply_does() {
    let Expected { now, cases, .. } = expected();
    let mut n_shorter = 0;
    for case in &cases {
        let example = case.example();
        let Ok(whole) = case.encoder_with(now, Mask::Response).trace(&example) else { continue };
        let text = match case.encoder_with(now, Mask::Text).trace(&example) {
            Ok(trace) => trace,
            Err(fault) => {
                assert!(fault.reason.contains("where its text ends"), "{}: {}", case.name(), fault.reason);
                continue;
            }
        };
        let (runs, whole_runs) = (scored_runs(&text), scored_runs(&whole));
        assert_eq!(runs.len(), whole_runs.len(), "{}", case.name());
        let replies: Vec<&str> =
            example.messages.iter().filter(|m| m.scored).map(|m| m.content.trim()).collect();
        for (run, of) in runs.iter().zip(whole_runs) {
            assert!(run.0 == of.0 && run.1 <= of.1, "{}: {run:?} of {of:?}", case.name());
            let said = text.text[run.0..run.1].trim();
            // Some templates leave out what a model thought before it spoke.
            let is_reply = replies
                .iter()
                .any(|reply| !reply.is_empty() && (said.ends_with(reply) || reply.ends_with(said)));
            assert!(
                is_reply || case.messages.to_string().contains("tool_calls"),
                "{}: {said:?}",
                case.name()
            );
            n_shorter += usize::from(run.1 < of.1);
        }
    }
    assert!(n_shorter > 20, "most templates end a turn with a marker, found {n_shorter}");
}

#[test]
fn text_and_ids_equal_transformers() {
    let Expected { now, cases, .. } = expected();
    for case in &cases {
        let (encoder, example) = (case.encoder(now), case.example());
        let rendered = encoder.template().render(&example, false);
        let Some(text) = &case.text else {
            let (error, expected) = (rendered.unwrap_err(), case.error.as_ref().unwrap());
            assert!(error.contains(expected.as_str()), "{}: {error}", case.name());
            continue;
        };
        assert_eq!(&rendered.unwrap(), text, "{}", case.name());
        let ids = encoder.tokenizer().encode(text).unwrap().ids;
        assert_eq!(ids, with_bos(&encoder, case.ids.clone().unwrap()), "{}", case.name());
    }
}

/// The reference leaves BOS to the template; we put it there once if the tokenizer adds it to plain text.
fn with_bos(encoder: &Encoder, ids: Vec<u32>) -> Vec<u32> {
    let bos = encoder.tokenizer().bos().unwrap().id;
    let missing = encoder.tokenizer().adds_bos() && ids.first() != Some(&bos);
    missing.then_some(bos).into_iter().chain(ids).collect()
}

#[test]
fn plain_text_has_the_ids_of_transformers() {
    for Text { tokenizer, text, mut ids } in expected().texts {
        let tokenizer = TextTokenizer::from_dir(&fixture("chat").join(tokenizer)).unwrap();
        let bos = tokenizer.bos().unwrap().id;
        if ids.starts_with(&[bos, bos]) {
            ids.remove(0); // transformers doubles it when the text has one already
        }
        assert_eq!(tokenizer.encode(&text).unwrap().ids, ids, "{text:?}");
    }
}

#[test]
fn masks_equal_those_of_generation_blocks() {
    let Expected { now, cases, .. } = expected();
    let mut compared = 0;
    for case in &cases {
        let Some(mask) = &case.assistant_mask else { continue };
        let encoder = case.encoder(now);
        let trace = encoder.trace(&case.example()).unwrap();
        let shift = trace.ids.len() - mask.len(); // a BOS of ours
        let found: Vec<u8> = trace.scored[shift..].iter().map(|&counts| u8::from(counts)).collect();
        // `alternating` has the space before the reply inside its block, and we score no text that the data has not.
        let spaces = |at: usize| {
            let (start, end) = trace.offsets[at + shift];
            trace.text[start..end].trim().is_empty()
        };
        let differs: Vec<usize> =
            (0..mask.len()).filter(|&at| found[at] != mask[at] && !spaces(at)).collect();
        assert!(differs.is_empty(), "{}: tokens {differs:?} of {:?}", case.name(), trace.text);
        compared += 1;
    }
    assert!(compared >= 24, "only {compared} masks were compared");
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

#[test]
fn every_assistant_turn_is_scored_and_nothing_else() {
    let Expected { now, cases, .. } = expected();
    let check = |template: &str, conversation: &str, scored: &[&str]| {
        let template = format!("{template}.jinja");
        for tokenizer in ["bytes", "llama"] {
            let case = cases
                .iter()
                .find(|c| {
                    c.template == template && c.conversation == conversation && c.tokenizer == tokenizer
                })
                .unwrap();
            let trace = case.encoder(now).trace(&case.example()).unwrap();
            assert_eq!(scored_text(&trace), scored, "{}", case.name());
        }
    };
    let turns = ["Blue</s>", "think</s>", "Done — ünïcode 😀 end</s>"];
    check("alpaca", "multi", &turns);
    check("tulu", "multi", &turns);
    check("plain", "multi", &turns);
    check("chatml", "multi", &["Blue<|im_end|>", "think<|im_end|>", "Done — ünïcode 😀 end<|im_end|>"]);
    check("marked", "multi", &["Blue<|stop|>", "think<|stop|>", "Done — ünïcode 😀 end<|stop|>"]);
    // The reply's own text, not what an injected think block or the end marker has in common with it.
    check("thinking", "multi", &["Blue<|stop|>", "think<|stop|>", "Done — ünïcode 😀 end<|stop|>"]);
    check("thinking", "short", &["s<|stop|>"]);
    check("alpaca", "short", &["s</s>"]);
    check("marked", "marker", &["a </s> b<|stop|>", "stop<|stop|>"]);
    // A thought that the template keeps is the data's; one that it drops is not there to be scored.
    check("thinking", "thoughts", &["Because.<|stop|>", "<think>\nmore\n</think>\n\nSo.<|stop|>"]);
    check("tools", "tools", &["weather({\"city\": \"Rome\", \"days\": 1})<|stop|>", "It is sunny.<|stop|>"]);
}

#[test]
fn a_token_over_the_border_is_told() {
    let Expected { now, cases, .. } = expected();
    let find = |tokenizer: &str| {
        cases
            .iter()
            .find(|c| c.template == "alpaca.jinja" && c.conversation == "single" && c.tokenizer == tokenizer)
    };
    // The LLaMA-like vocabulary has `\nThe` as one token, which holds the template's line break and the reply's word.
    let case = find("llama").unwrap();
    let trace = case.encoder(now).trace(&case.example()).unwrap();
    let (start, end) = trace.offsets[trace.border.unwrap()];
    assert_eq!(&trace.text[start..end], "\nThe");
    assert!(trace.scored[trace.border.unwrap()]);

    let case = find("bytes").unwrap();
    assert_eq!(case.encoder(now).trace(&case.example()).unwrap().border, None);
}
