//! Pages about score tables, through the command line.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Some rows, a reference that has learned them, and a table with the losses of their tokens.
fn scored(n_rows: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(n_rows);
    sandbox.expect(0, "train --model base --data small.jsonl --batch-size 4 --out tuned");
    sandbox
        .expect(0, "score --base base --reference tuned --data small.jsonl --per-token --out scores.parquet");
    sandbox
}

/// The losses that are shown of each token, in order.
fn token_losses(page: &str) -> Vec<&str> {
    page.split("data-l=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn losses_of_tokens_are_the_same_from_the_table_and_from_the_models() {
    let sandbox = scored(40);
    let line = "report --scores scores.parquet --budget 25% --seed 3 --examples 3";
    let said = sandbox.expect(0, &format!("{line} --out plain.html"));
    assert!(
        said.stdout.contains("perplexity-high") && said.stdout.contains("wrote plain.html"),
        "{}",
        said.stdout
    );
    let plain = sandbox.read("plain.html");
    assert!(token_losses(&plain).is_empty() && plain.contains("<p class=\"turn\"><b>assistant</b>"));
    assert!(plain.contains("With --base DIR, whose tokenizer"));

    sandbox.expect(0, &format!("{line} --base base --out table.html"));
    sandbox.expect(0, &format!("{line} --base base --reference tuned --out models.html"));
    let (table, models) = (sandbox.read("table.html"), sandbox.read("models.html"));
    assert!(token_losses(&table).len() > 100);
    assert_eq!(token_losses(&table), token_losses(&models));

    // The first token of the best row, as `inspect` has it.
    let best =
        sandbox.json(0, &format!("{line} --out x.html"))["strategies"][0]["picks"]["best"][0]["row"].clone();
    let inspected = sandbox
        .json(0, &format!("inspect --base base --reference tuned --data small.jsonl --row {best} --losses"));
    let of = |role: &str| inspected["token_nll"][role][0].as_f64().unwrap();
    assert_eq!(token_losses(&table)[0], format!("{:.2} {:.2}", of("base"), of("reference")));
}

#[test]
fn a_page_has_the_numbers_of_the_selections() {
    let sandbox = scored(40);
    let found = sandbox.json(0, "report --scores scores.parquet --budget 6 --seed 5 --out report.html");
    assert_eq!(found["n_bytes"], json!(sandbox.read("report.html").len()));
    let views = found["strategies"].as_array().unwrap();
    let names: Vec<&str> = views.iter().map(|view| view["strategy"].as_str().unwrap()).collect();
    assert_eq!(names, ["lobass", "gap", "perplexity-high", "longest", "random"]);
    for view in views {
        let name = view["strategy"].as_str().unwrap();
        let line = format!(
            "select --scores scores.parquet --strategy {name} --budget 6 --seed 5 --index {name}.jsonl"
        );
        let selected = sandbox.json(0, &line);
        for same in ["n_eligible", "n_selected", "n_tokens", "length_correlation", "sources"] {
            assert_eq!(view[same], selected[same], "{name}: {same}");
        }
        let index = sandbox.read(&format!("{name}.jsonl"));
        let first: Value = serde_json::from_str(index.lines().next().unwrap()).unwrap();
        assert_eq!(view["picks"]["best"][0]["row"], first["row"], "{name}");
    }
    // Its own command makes it again, byte for byte.
    let page = sandbox.read("report.html");
    let command = page.split("<code>lobass report ").nth(1).unwrap().split("</code>").next().unwrap();
    sandbox.expect(0, &format!("report {command}"));
    let again = sandbox.read("report.html");
    assert_eq!(again.len(), page.len());
    assert!(again == page, "the same page");
}

#[test]
fn what_a_table_lacks_is_said_or_refused() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(30);
    sandbox.expect(0, "score --base base --data small.jsonl --out base.parquet");
    let found = sandbox.json(0, "report --scores base.parquet --out report.html");
    let left_out: Vec<&str> =
        found["left_out"].as_array().unwrap().iter().map(|one| one["strategy"].as_str().unwrap()).collect();
    assert_eq!(left_out, ["lobass", "gap"]);
    assert!(found["without_heat"].as_str().unwrap().contains("the losses of one model"));
    assert!(sandbox.read("report.html").contains("This table has the losses of one model"));
    sandbox.fails(
        "report --scores base.parquet --strategy gap --out report.html",
        &["strategy `gap`", "expected losses under a reference model"],
    );
    sandbox.fails("report --scores base.parquet --strategy best --out r.html", &["found `best`"]);
    sandbox.fails("report --scores base.parquet --out small.jsonl", &["is a data file"]);
    sandbox.fails("report --scores base.parquet --out base.parquet", &["is the score table"]);
    sandbox.write("small.jsonl", "{\"question\": \"a\", \"answer\": \"b\"}\n");
    sandbox.fails("report --scores base.parquet --out r.html", &["is not the one that was scored"]);
}

#[test]
fn models_are_those_of_the_table() {
    let sandbox = scored(24);
    let line = "report --scores scores.parquet --out r.html";
    sandbox.fails(&format!("{line} --base tuned --reference base"), &["weights that the score table knows"]);
    sandbox
        .expect(0, "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --out other");
    sandbox.fails(
        &format!("{line} --base base --reference other"),
        &["reference model `other`", "found others"],
    );
    sandbox
        .fails(&format!("{line} --base base --chat-template chatml"), &["chat template: expected that of"]);
    let base = sandbox.copy_of_base("changed");
    let tokenizer = fs_err::read_to_string(base.join("tokenizer.json")).unwrap();
    let mut tokenizer: Value = serde_json::from_str(&tokenizer).unwrap();
    tokenizer["added_tokens"].as_array_mut().unwrap().push(json!({
        "id": 9999, "content": "<extra>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true,
    }));
    fs_err::write(base.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    sandbox.fails(&format!("{line} --base changed"), &["expected the tokenizer of the score table"]);
    assert!(!sandbox.path("r.html").exists());
}

#[test]
fn a_run_writes_its_page() {
    let sandbox = Sandbox::new();
    let hostile = "</script><script>alert(1)</script><!-- \u{202e}\u{1b}[31m";
    let rows: Vec<String> = (0..30)
        .map(|n| {
            format!("{}\n", json!({"question": format!("{n} {hostile}"), "answer": format!("{hostile} {n}")}))
        })
        .collect();
    sandbox.write("pool.jsonl", rows.concat());
    let line = "run --base base --data pool.jsonl --budget 20% --batch-size 4 --reference-mode cross-fit --folds 2 --strategy lobass random --out run";
    let ended = sandbox.expect(0, line);
    assert!(ended.stdout.contains("run/report.html"), "{}", ended.stdout);
    let page = sandbox.read("run/report.html");
    assert!(!page.contains("<script>alert") && !page.contains(['\u{202e}', '\u{1b}']));
    assert!(page.contains("&lt;/script&gt;") && page.contains("⟨U+202E⟩"));
    // Of cross-fitted references every row has the losses of the one that has not seen it.
    assert!(!token_losses(&page).is_empty());
    let command = page.split("<code>lobass report ").nth(1).unwrap().split("</code>").next().unwrap();
    sandbox.expect(0, &format!("report {command}"));
    assert_eq!(token_losses(&sandbox.read("run/report.html")), token_losses(&page));
    assert!(page.contains("<code>lobass run run/settings.toml</code>"));
}

#[test]
fn rows_that_were_cut_are_shown_to_their_cut() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(30);
    let flags = "--max-length 18 --overlong truncate";
    let train = format!("train --model base --data small.jsonl {flags} --batch-size 4 --out tuned");
    sandbox.expect(1, &train);
    let score =
        format!("score --base base --reference tuned --data small.jsonl {flags} --per-token --out s.parquet");
    let scored = sandbox.run(&score);
    assert!([0, 1].contains(&scored.code), "{}", scored.stderr);
    sandbox.expect(
        0,
        "report --scores s.parquet --base base --strategy lobass --budget 100% --examples 20 --out a.html",
    );
    let models = "report --scores s.parquet --base base --reference tuned --strategy lobass --budget 100% --examples 20 --out b.html";
    sandbox.expect(0, models);
    let page = sandbox.read("a.html");
    assert!(page.contains("<span>truncated</span>"));
    assert_eq!(token_losses(&page), token_losses(&sandbox.read("b.html")));
}
