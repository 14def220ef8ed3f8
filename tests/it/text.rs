//! Checks of text, through the command line.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Rows of which the second and the last have something to find, one is broken, and two are nearly the same.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let row = |id: &str, instruction: &str, output: &str| {
        json!({"id": id, "instruction": instruction, "input": "", "output": output}).to_string()
    };
    let rows = [
        row("sky", "Name the color of the sky on a clear day in summer.", "It is blue."),
        row("tree", "Draw a tree.", "<nooutput>"),
        row("again", "Name the color of the sky on a clear day in summer!", "it is blue"),
        "{\"id\": 1".to_owned(),
        row("nearly", "Please name the color of the sky on a clear day in summer.", "It is blue."),
        row(
            "letter",
            "Write to my landlord.",
            "Dear [Name], as an AI language model, I complain.\n[Your Name]",
        ),
    ];
    sandbox.write("pool.jsonl", rows.map(|row| row + "\n").concat());
    sandbox
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn quality_says_which_rule_fired_and_why() {
    let sandbox = sandbox();
    let report = sandbox.json(1, "quality --data pool.jsonl --out findings.jsonl");
    assert_eq!((&report["n_rows"], &report["n_fired"]), (&json!(6), &json!(2)));
    assert_eq!(report["not_read"], json!({"malformed": 1}));
    let fired = |rule: &str| {
        let rules = report["rules"].as_array().unwrap();
        rules.iter().find(|found| found["rule"] == rule).unwrap().clone()
    };
    assert_eq!(fired("empty-answer")["n_rows"], 1);
    assert_eq!(fired("empty-answer")["examples"][0]["key"], "tree");
    assert_eq!(fired("placeholder")["examples"][0]["detail"], "`[Name]` and 1 more were not filled in");
    assert_eq!(fired("echo")["n_rows"], 0);
    let found = lines(&sandbox.read("findings.jsonl"));
    assert_eq!(found.len(), 2);
    assert_eq!(
        (&found[1]["row"], &found[1]["key"], &found[1]["n_rules"]),
        (&json!(5), &json!("letter"), &json!(2))
    );
    assert_eq!(found[1]["findings"][0]["rule"], "self-reference");
    assert_eq!(found[1]["findings"][0]["turn"], 1);

    let text = sandbox.expect(1, "quality --data pool.jsonl").stdout;
    for words in [
        "found      2 rows (33.3 %) on which a rule fires",
        "not read   1 malformed, the first of them row 3: line 4",
        "empty-answer: 1 row (16.7 %)",
        "row 1: the response is `<nooutput>`",
        "silent     repeated-lines, repeated-phrase",
    ] {
        assert!(text.contains(words), "expected `{words}` in:\n{text}");
    }
}

#[test]
fn rules_are_chosen_by_name() {
    let sandbox = sandbox();
    let n_fired = |rules: &str| {
        sandbox.json(1, &format!("quality --data pool.jsonl --rules {rules}"))["n_fired"].as_u64().unwrap()
    };
    assert_eq!(n_fired("placeholder"), 1);
    assert_eq!(n_fired("placeholder=2"), 0);
    assert_eq!(n_fired("-empty-answer"), 1);
    assert_eq!(n_fired("all"), 2);
    sandbox.fails(
        "quality --data pool.jsonl --rules placeholders",
        &["rule `placeholders`", "placeholder, template-marker"],
    );
    sandbox.fails("quality --data pool.jsonl --rules symbols=7", &["a number from 0 to 1", "found `7`"]);
    sandbox.fails("quality", &["--data"]);
    sandbox.fails("quality --data pool.jsonl --out pool.jsonl", &["is a data file"]);
    let list = sandbox.json(0, "quality --list --rules echo");
    let on: Vec<&Value> = list.as_array().unwrap().iter().filter(|rule| rule["on"] == true).collect();
    assert_eq!((on.len(), &on[0]["name"], &on[0]["threshold"]), (1, &json!("echo"), &json!(6.0)));
    assert!(sandbox.expect(0, "quality --list").stdout.contains("Gopher, arXiv 2112.11446"));
}

#[test]
fn near_duplicates_are_grouped_whatever_their_order() {
    let sandbox = sandbox();
    let report = sandbox.json(1, "near-duplicates --data pool.jsonl --jaccard 0.7 --out groups.jsonl");
    let counts = ["n_rows", "n_groups", "n_grouped", "n_spare", "n_same_words"]
        .map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [6, 1, 3, 2, 1], "{report}");
    assert_eq!(report["not_read"], json!({"malformed": 1}));
    let groups = lines(&sandbox.read("groups.jsonl"));
    assert_eq!((&groups[0]["group"], &groups[0]["n_rows"]), (&json!("again"), &json!(3)));
    let keys = |group: &Value| {
        let rows = group["rows"].as_array().unwrap();
        rows.iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&groups[0]), ["again", "nearly", "sky"]);

    let mut backwards: Vec<String> =
        sandbox.read("pool.jsonl").lines().map(|line| format!("{line}\n")).collect();
    backwards.reverse();
    sandbox.write("backwards.jsonl", backwards.concat());
    sandbox.expect(1, "near-duplicates --data backwards.jsonl --jaccard 0.7 --threads 3 --out again.jsonl");
    let again = lines(&sandbox.read("again.jsonl"));
    assert_eq!((&again[0]["group"], keys(&again[0])), (&groups[0]["group"], keys(&groups[0])));

    let text = sandbox.expect(1, "near-duplicates --data pool.jsonl --jaccard 0.7").stdout;
    assert!(
        text.contains("spare      2 rows (33.3 %) if each group kept one; 1 of them have the words"),
        "{text}"
    );
    assert!(text.contains("32 bands of 4 hashes miss 0.02 % of the pairs"), "{text}");
    let none = sandbox.json(1, "near-duplicates --data pool.jsonl --jaccard 1");
    assert_eq!((&none["n_groups"], &none["n_spare"]), (&json!(1), &json!(1)));
    sandbox.fails("near-duplicates --data pool.jsonl --jaccard 0", &["from 0.1 to 1, found 0"]);
}
