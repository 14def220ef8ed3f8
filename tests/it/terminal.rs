//! Text from data cannot control a terminal.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Control characters of data are shown as signs wherever they are printed, and are unchanged in JSON.
#[test]
fn control_characters_are_signs() {
    let sandbox = Sandbox::new();
    let say = "Say \u{1b}[2Jthis\u{1b}]0;owned\u{7}\u{7f}\u{9b}1mnow\u{202e}.";
    let mut lines = String::new();
    let _ = writeln!(lines, "{}", json!({"id": "a\u{1b}[2J", "prompt": say, "completion": "Yes."}));
    let _ = writeln!(lines, "{}", json!({"id": "b\nerror: no", "prompt": "x", "completion": ""}));
    sandbox.write("rows.jsonl", &lines);
    let inspect = "inspect --base base --chat-template plain --data rows.jsonl";
    let shown = sandbox.expect(0, &format!("{inspect} --row 0 --losses"));
    let signs = "Say ␛[2Jthis␛]0;owned␇␡⟨U+009B⟩1mnow⟨U+202E⟩.";
    assert!(shown.stdout.contains(signs), "{}", shown.stdout);
    let control = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!control(&shown.stdout) && !control(&shown.stderr), "{shown:?}", shown = shown.stdout);

    let json = sandbox.expect(0, &format!("{inspect} --row 0 --format json"));
    assert!(!control(&json.stdout) && !json.stdout.contains('\u{202e}'), "{}", json.stdout);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let text = json["text"].as_str().unwrap();
    assert!(text.contains(say), "{text:?}");
    let last = json["offsets"].as_array().unwrap().iter().map(|pair| pair[1].as_u64().unwrap()).max();
    assert_eq!(last, Some(text.len() as u64), "offsets fit the text");

    sandbox
        .write("column.jsonl", format!("{}\n", json!({"in\u{1b}]0;owned\u{7}\nerror: no": "a", "b": "c"})));
    let ended = sandbox.fails("score --base base --data column.jsonl --out s.jsonl", &["␛]0;owned␇"]);
    assert!(!control(&ended.stderr), "{}", ended.stderr);
    assert!(ended.stderr.lines().all(|line| !line.starts_with("error: no")), "{}", ended.stderr);
}
