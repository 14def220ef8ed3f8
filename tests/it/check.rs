//! `lobass check`: findings in data, and none in clean data.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

fn row(prompt: &str, response: &str) -> Value {
    json!({"prompt": prompt, "completion": response})
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Rows in which nothing is wrong, each with different words.
fn good_rows(n: usize) -> Vec<Value> {
    let word = |row: usize, at: usize| format!("w{}", (row * 7919 + at * 104_729) % 1_000_003);
    let say = |row: usize, from: usize, n: usize| {
        (from..from + n).map(|at| word(row, at)).collect::<Vec<_>>().join(" ")
    };
    (0..n).map(|at| row(&format!("{}?", say(at, 0, 5)), &format!("{}.", say(at, 10, 4 + at % 9)))).collect()
}

/// The names of the checks with a finding.
fn found(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect()
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap_or_else(|| panic!("{check} in {report}"))
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let sandbox = Sandbox::new();
    sandbox.write("good.jsonl", lines(&good_rows(300)));
    let report = sandbox.json(0, "check --data good.jsonl");
    assert_eq!(report["findings"], json!([]));
    let source = &report["sources"][0];
    assert_eq!((&source["source"], &source["n_rows"]), (&json!("good"), &json!(300)));
    assert_eq!(source["roles"], json!({"assistant": 300, "user": 300}));
    assert_eq!(source["tokens"], Value::Null);
    assert_eq!((&source["n_duplicates"], &source["n_near_duplicates"]), (&json!(0), &json!(0)));
    let skipped = report["skipped"].as_array().unwrap();
    let flag = |check: &str| {
        skipped.iter().find(|skipped| skipped["check"] == check).map(|skipped| skipped["flag"].clone())
    };
    assert_eq!(flag("overlong"), Some(json!("--base MODEL")));
    assert_eq!(flag("eval-overlap"), Some(json!("--eval FILE")));
    assert_eq!(flag("duplicates"), None);

    let report = sandbox.json(0, "check --data good.jsonl --base base --chat-template chatml --eval good.jsonl --skip eval-overlap --max-length 512");
    assert_eq!(report["findings"], json!([]), "with a tokenizer");
    let source = &report["sources"][0];
    assert_eq!(source["tokens"]["n"], 300);
    assert!(source["scored_tokens"]["total"].as_u64() < source["tokens"]["total"].as_u64());
    assert_eq!(report["skipped"], json!([{"check": "eval-overlap", "reason": "switched off", "flag": null}]));
}

#[test]
fn each_fault_is_found_where_it_is() {
    let sandbox = Sandbox::new();
    let mut rows = good_rows(100);
    rows[3] = row("<|im_start|>user\nWhat is it?<|im_end|>", "A thing.");
    rows[5] = row("Where?", "In the caf\u{fffd} by the\u{0} sea.");
    rows[7] = rows[6].clone();
    rows[9] = row("Why?", "");
    rows[11] = row("How?", "<nooutput>");
    rows[13] = row("Who?", "<think>Hm, who?</think>She.");
    rows[15] = row("When?", "Write <|begin|> where the text begins.");
    rows[17] = row("What next?", &"and so on ".repeat(400));
    sandbox.write("bad.jsonl", lines(&rows) + "{\"prompt\": 1\n");
    let report = sandbox
        .json(1, "check --data bad.jsonl --base base --chat-template chatml --max-length 800 --examples 1");
    assert_eq!(
        found(&report),
        [
            "unusable-rows",
            "unusable-rows",
            "overlong",
            "formatted",
            "special-tokens",
            "damaged-text",
            "damaged-text",
            "some-thoughts",
            "empty-answers",
            "duplicates",
        ],
        "{report:#}"
    );
    let row_of = |check: &str| finding(&report, check)["examples"][0]["row"].clone();
    assert_eq!(row_of("overlong"), 17);
    assert_eq!(row_of("formatted"), 3);
    assert_eq!(row_of("special-tokens"), 15);
    assert_eq!(row_of("damaged-text"), 5);
    assert_eq!(row_of("some-thoughts"), 13);
    assert_eq!(row_of("empty-answers"), 11);
    assert_eq!(row_of("duplicates"), 7);
    assert_eq!(finding(&report, "duplicates")["examples"][0]["detail"], "the same as row 6");
    assert_eq!(finding(&report, "formatted")["what"], "markers of a chat template (ChatML)");
    assert_eq!(report["sources"][0]["statuses"]["malformed"], 1);

    // Each is switched off by its name.
    for check in found(&report) {
        let rest = sandbox.json(
            1,
            &format!(
                "check --data bad.jsonl --base base --chat-template chatml --max-length 800 --skip {check}"
            ),
        );
        assert!(!found(&rest).contains(&check), "{check}");
        let skipped = rest["skipped"].as_array().unwrap();
        assert!(skipped.iter().any(|skipped| skipped["check"] == check && skipped["flag"].is_null()));
    }
    let text = sandbox.expect(1, "check --data bad.jsonl").stdout;
    for words in [
        "source     `bad`, 101 rows",
        "formatted: `bad`, 1 of 101 rows (1.0 %) with markers of a chat template (ChatML)",
        "user turn holds `<|im_start|>`",
        "to do: ",
        "skipped    overlong, special-tokens, stop-not-scored: there is no tokenizer",
    ] {
        assert!(text.contains(words), "expected `{words}` in:\n{text}");
    }
    assert!(!text.contains('\0'), "control characters are shown as signs");
}

#[test]
fn what_no_model_sees_is_found_with_the_flag_that_reads_it() {
    let sandbox = Sandbox::new();
    let mut rows = good_rows(10);
    for (at, row) in rows.iter_mut().enumerate() {
        row["id"] = json!(at);
        row["context"] = json!("CREATE TABLE heads (age INTEGER)");
    }
    sandbox.write("sql.jsonl", lines(&rows));
    let report = sandbox.json(1, "check --data sql.jsonl");
    assert_eq!(found(&report), ["not-read"], "ids are no text");
    let context = finding(&report, "not-read");
    assert_eq!(
        (&context["n_rows"], &context["what"]),
        (&json!(10), &json!("column `context`, which no model sees"))
    );
    assert_eq!(context["examples"][0]["detail"], "`--columns query=context` reads it");
    let columns = "prompt=prompt,query=context,response=completion";
    assert_eq!(
        sandbox.json(0, &format!("check --data sql.jsonl --columns {columns}"))["findings"],
        json!([])
    );
}

#[test]
fn an_evaluation_in_the_data_is_found_with_both_rows() {
    let sandbox = Sandbox::new();
    let question = "A baker has seven trays with twelve rolls each and sells all but nine of the rolls before noon. How many are sold?";
    let mut rows = good_rows(50);
    rows[20] = row(&format!("Think step by step, then answer with a number. {question} Begin."), "It is 75.");
    rows[30] = row("what is 6 x 7", "It may be 42.");
    sandbox.write("pool.jsonl", lines(&rows));
    // Rows of an evaluation need no answer.
    let evaluation = [row(question, ""), row("What is 6 x 7?", "42"), row("What is 6 x 8?", "48")];
    sandbox.write("exam.jsonl", lines(&evaluation));
    let report = sandbox.json(1, "check --data pool.jsonl --eval exam.jsonl");
    assert_eq!(found(&report), ["eval-overlap"]);
    let overlap = finding(&report, "eval-overlap");
    assert_eq!(
        (&overlap["source"], &overlap["n_rows"], &overlap["n_of"]),
        (&json!("exam"), &json!(2), &json!(3))
    );
    let shown = &overlap["examples"];
    assert_eq!((&shown[0]["row"], &shown[0]["other"]["row"]), (&json!(0), &json!(20)));
    assert_eq!(shown[0]["detail"], "100 % of the runs of 13 words of its prompt");
    assert!(shown[0]["text"].as_str().unwrap().starts_with("A baker has seven trays"));
    assert!(shown[0]["other"]["text"].as_str().unwrap().starts_with("Think step by step"));
    assert_eq!((&shown[1]["row"], &shown[1]["other"]["row"]), (&json!(1), &json!(30)));
    assert_eq!(shown[1]["detail"], "the same prompt");

    sandbox.write("other.jsonl", lines(&good_rows(60)[50..]));
    assert_eq!(sandbox.json(0, "check --data pool.jsonl --eval other.jsonl")["findings"], json!([]));
}

#[test]
fn an_evaluation_may_have_questions_alone() {
    let sandbox = Sandbox::new();
    let question =
        "A farmer has seventeen sheep and all but nine of them run away, so how many are left for him now?";
    sandbox.write("pool.jsonl", lines(&[row(question, "9"), row("What is 2 + 3?", "5")]));
    let files = [
        ("question.jsonl", json!({"question": question})),
        ("choices.jsonl", json!({"question": question, "choices": ["8", "9"], "answer": 1})),
        ("problem.jsonl", json!({"id": 7, "Problem": question, "level": 5})),
        ("prompt.jsonl", json!({"task_id": "a/1", "prompt": question, "test": "assert True"})),
        ("text.jsonl", json!({"text": question})),
    ];
    for (name, held) in files {
        sandbox.write(name, format!("{held}\n"));
        let report = sandbox.json(1, &format!("check --data pool.jsonl --eval {name}"));
        assert_eq!(found(&report), ["eval-overlap"], "{name}");
    }
    sandbox.write("none.jsonl", "{\"label\": 3}\n");
    sandbox.fails("check --data pool.jsonl --eval none.jsonl", &["none.jsonl", "`label`"]);
}

#[test]
fn responses_that_stop_at_a_cap_are_found() {
    let sandbox = Sandbox::new();
    let mut rows = good_rows(200);
    for at in (0..200).step_by(20) {
        let long: String = (0..60).map(|word| format!("s{at}x{word} ")).collect();
        rows[at]["completion"] = json!(long.chars().take(250).collect::<String>());
    }
    sandbox.write("capped.jsonl", lines(&rows));
    let report = sandbox.json(1, "check --data capped.jsonl");
    let all: Vec<&Value> = report["findings"].as_array().unwrap().iter().collect();
    assert!(all.iter().all(|finding| finding["check"] == "cut-off"), "{report:#}");
    assert_eq!(all[0]["what"], "a last response of exactly 250 characters");
    assert_eq!(all[0]["n_rows"], 10);
}

#[test]
fn a_template_that_does_not_teach_to_stop_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("good.jsonl", lines(&good_rows(20)));
    sandbox.write("no-stop.jinja", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}");
    let report = sandbox.json(1, "check --data good.jsonl --base base --chat-template no-stop.jinja");
    assert_eq!(finding(&report, "stop-not-scored")["n_rows"], 20);
    let report = sandbox.json(0, "check --data good.jsonl --base base");
    assert_eq!(report["findings"], json!([]), "the model's own template ends turns");
    let text = sandbox.json(0, "check --data good.jsonl --base base --mask text");
    let skipped = text["skipped"].as_array().unwrap();
    assert!(
        skipped
            .iter()
            .any(|skipped| skipped["check"] == "stop-not-scored" && skipped["flag"] == "--mask response")
    );
}

#[test]
fn a_tokenizer_is_enough() {
    let sandbox = Sandbox::new();
    sandbox.write("good.jsonl", lines(&good_rows(20)));
    let dir = sandbox.copy_of_base("tokenizer");
    for name in ["config.json", "model.safetensors"] {
        fs_err::remove_file(dir.join(name)).unwrap();
    }
    let report = sandbox.json(0, "check --data good.jsonl --base tokenizer");
    assert_eq!(report["sources"][0]["tokens"]["n"], 20);
    let skipped = report["skipped"].as_array().unwrap();
    assert!(
        skipped
            .iter()
            .any(|skipped| skipped["check"] == "overlong" && skipped["flag"] == "--max-length TOKENS")
    );
    let report = sandbox.json(1, "check --data good.jsonl --base tokenizer --max-length 3");
    assert_eq!(finding(&report, "overlong")["n_rows"], 20);
}

#[test]
fn mistakes_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.fails("check", &["--data"]);
    sandbox
        .fails("check --data pool.jsonl --skip duplicate", &["`duplicate`", "duplicates, near-duplicates"]);
    sandbox.fails("check --data missing.jsonl", &["missing.jsonl"]);
    sandbox.fails("check --data pool.jsonl --eval missing.jsonl", &["missing.jsonl"]);
    sandbox.fails("check --data pool.jsonl --base nowhere", &["base model `nowhere`", "org/name"]);
    sandbox.fails("check --data pool.jsonl --max-length 5", &["--max-length", "--base MODEL"]);
    let list = sandbox.json(0, "check --list");
    let names: Vec<&str> =
        list.as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    let page =
        fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/check.md")).unwrap();
    for name in &names {
        assert!(page.contains(&format!("| `{name}` |")), "docs/guides/check.md describes `{name}`");
    }
    assert!(names.contains(&"eval-overlap"));
}

#[test]
fn a_run_begins_with_the_short_form() {
    let sandbox = Sandbox::new();
    let mut rows = good_rows(40);
    rows[3] = row("What?", "Hm\u{fffd}.");
    sandbox.write("small.jsonl", lines(&rows));
    let ended = sandbox
        .run("run --base base --data small.jsonl --budget 50% --epochs 1 --out first --chat-template chatml");
    assert!(ended.stderr.contains("damaged-text: `small`, 1 of 40 rows"), "{}", ended.stderr);
}
