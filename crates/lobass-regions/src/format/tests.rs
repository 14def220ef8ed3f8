//! Marks by hand, and properties of any text.

use proptest::prelude::*;

use super::*;

/// The marked stretches of a text, each with its kind.
fn marked(text: &str) -> Vec<(&str, Kind)> {
    let marks = Marks::of(text);
    let mut found = Vec::new();
    let mut at = 0;
    for run in marks.0.chunk_by(|one, other| one == other) {
        if let Some(kind) = run[0] {
            found.push((&text[at..at + run.len()], kind));
        }
        at += run.len();
    }
    found
}

fn kinds(text: &str, kind: Kind) -> Vec<&str> {
    let found = marked(text);
    assert!(found.iter().all(|(_, other)| *other == kind), "{text}: {found:?}");
    found.into_iter().map(|(text, _)| text).collect()
}

#[test]
fn json_has_its_signs_marked_and_its_texts_not() {
    let text = "Call it: {\"name\": \"add\", \"of\": [1, -2.5e3, null]} now.";
    assert_eq!(kinds(text, Kind::Json), ["{\"", "\": \"", "\", \"", "\": [", ", ", ", ", "]}"]);
    assert_eq!(kinds("[\"a\\\"b\", {}]", Kind::Json), ["[\"", "\", {}]"]);
    assert_eq!(kinds("{\n  \"a\": true\n}", Kind::Json), ["{\n  \"", "\": ", "\n}"]);
    for prose in [
        "as in [1] and [2, 3]",
        "{x}",
        "{\"a\": }",
        "{\"a\": 1",
        "[\"a\"",
        "{\"a\" 1}",
        "{\"a\n\": 1}",
        "{}",
        "[nan]",
    ] {
        assert_eq!(marked(prose), [], "{prose}");
    }
}

#[test]
fn deep_and_endless_json_ends() {
    let deep = |n: usize| format!("{}\"a\"{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(marked(&deep(64)).len(), 2);
    // Of a deeper one, the inner part is JSON.
    assert_eq!(marked(&deep(70))[0].0.len(), 65);
    assert_eq!(marked(&"[".repeat(100_000)), []);
    assert_eq!(marked(&"{\"a\":[".repeat(20_000)), []);
}

#[test]
fn fences_are_lines_and_their_code_is_content() {
    let text = "See:\n```python\n# no heading\nx = **y\n```\n# A heading\n";
    assert_eq!(marked(text), [("```python\n", Kind::Fence), ("```\n", Kind::Fence), ("# ", Kind::Markdown)]);
    assert_eq!(marked("~~~\n```\n~~~"), [("~~~\n", Kind::Fence), ("~~~", Kind::Fence)]);
    // A block that was cut off, and a code span of three signs.
    assert_eq!(marked("```\n# code"), [("```\n", Kind::Fence)]);
    assert!(marked("```a``` b").iter().all(|(_, kind)| *kind == Kind::Markdown));
}

#[test]
fn json_in_a_fence_is_json() {
    let text = "```json\n{\"a\": 1}\n```";
    let of = |kind| marked(text).into_iter().filter(|(_, other)| *other == kind).count();
    assert_eq!((of(Kind::Fence), of(Kind::Json)), (2, 3));
}

#[test]
fn markdown_line_by_line() {
    let of = |text| kinds(text, Kind::Markdown);
    assert_eq!(of("## Title"), ["## "]);
    assert_eq!(of("  - a\n* b\n+ c\n12. d\n3) e"), ["- ", "* ", "+ ", "12. ", "3) "]);
    assert_eq!(of("- [x] done\n> > said\n> - both"), ["- [x] ", "> > ", "> - "]);
    assert_eq!(of("a **bold** and `code` word"), ["**", "**", "`", "`"]);
    assert_eq!(of("| a | b |\n|---|:-:|\n---"), ["|", "|", "|", "|---|:-:|", "---"]);
    assert_eq!(of("see [this](http://x.y) there"), ["[", "](", ")"]);
    for prose in ["2 * 3 ** 4", "#tag", "1.5 is", "a - b", "1234. year", "x[1](y z)", "-5", "a | b"] {
        assert_eq!(marked(prose), [], "{prose}");
    }
}

#[test]
fn tags_and_markers_of_roles() {
    assert_eq!(kinds("<think>a < b</think> <br/> 1 < 2 > 0", Kind::Tag), ["<think>", "</think>", "<br/>"]);
    assert_eq!(
        kinds("<|im_start|>user\nHi<|im_end|>\n### Response:\nOk</s>", Kind::Role),
        ["<|im_start|>", "<|im_end|>", "### Response:", "</s>"]
    );
    assert_eq!(kinds("User: hi\nAssistant: yes", Kind::Role), ["User:", "Assistant:"]);
    assert_eq!(marked("The User: a; <| no |>"), []);
}

#[test]
fn a_token_is_format_if_all_of_it_is() {
    let text = " {\"a\": 1}\n\n**b**";
    let marks = Marks::of(text);
    let of = |token: &str| {
        let start = text.find(token).unwrap();
        marks.token(text, start..start + token.len())
    };
    assert_eq!(
        [of(" {\""), of("\": "), of(" 1"), of("{\"a")],
        [Some(Kind::Json), Some(Kind::Json), None, None]
    );
    assert_eq!([of("\n\n"), of("**"), of("**b")], [None, Some(Kind::Markdown), None]);
    assert_eq!(marks.token(text, 3..3), Some(Kind::Role));
}

proptest! {
    #[test]
    fn any_text_is_marked(text in "([{}\\[\\]\",: 0-9a\n`#*|<>/é\\\\-]|```|<\\||\\|>){0,60}", cut in 0usize..200) {
        let marks = Marks::of(&text);
        prop_assert_eq!(marks.0.len(), text.len());
        let end = cut.min(text.len());
        let _ = marks.token(&text, 0..end);
        // A plain line before a text changes nothing in it.
        let later = Marks::of(&format!("plain\n{text}"));
        prop_assert_eq!(&later.0[6..], &marks.0[..]);
    }
}
