//! Losses that another program computed are a score table like any other, and say who computed them.

use lobass_run::{ScoreTable, read_table};
use lobass_tests::fixture;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// A few rows with a reference, scored by lobass as `ours.jsonl` and `ours.parquet`.
fn scored(n_rows: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(n_rows);
    sandbox.expect(
        0,
        "train --model base --data small.jsonl --epochs 1 --batch-size 8 --learning-rate 1e-3 --out tuned -q",
    );
    for out in ["ours.jsonl", "ours.parquet"] {
        sandbox.expect(0, &format!("score --base base --reference tuned --data small.jsonl --out {out} -q"));
    }
    sandbox
}

/// The losses of a table of lobass, as another program would write them: in another order, by row or by key.
fn written_by_others(sandbox: &Sandbox) {
    let ours = sandbox.read("ours.jsonl");
    let rows = ours.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_row = |(at, row): (usize, Value)| {
        let name = if at % 2 == 0 { "row" } else { "key" };
        json!({
            name: row[name], "n_scored": row["n_scored"], "base_nll": row["base_nll"],
            "reference_nll": row["reference_nll"],
        })
    };
    let mut lines: Vec<String> = rows.enumerate().map(|row| format!("{}\n", of_row(row))).collect();
    lines.reverse();
    sandbox.write("losses.jsonl", lines.concat());
}

const IMPORT: &str = "import --base base --data small.jsonl --program elsewhere --program-version 3 --losses-dtype bfloat16 \
                      --base-losses losses.jsonl --reference-losses losses.jsonl --reference-name my-tuned -q";

/// The losses of every row, without what says where they come from.
fn losses(table: &ScoreTable) -> Vec<String> {
    table.records.iter().map(|record| format!("{record:?}")).collect()
}

#[test]
fn losses_of_lobass_make_the_same_table_and_the_same_selection() {
    let sandbox = scored(64);
    written_by_others(&sandbox);
    for out in ["theirs.jsonl", "theirs.parquet"] {
        let told = sandbox.expect(0, &format!("{IMPORT} --out {out}"));
        assert!(told.stdout.contains("reference: elsewhere 3, bfloat16, `my-tuned`"), "{}", told.stdout);
        let theirs = read_table(&sandbox.path(out)).unwrap();
        assert_eq!(losses(&theirs), losses(&read_table(&sandbox.path("ours.parquet")).unwrap()), "{out}");
        assert!(
            theirs.manifest.models.iter().all(|model| model.key().is_none() && model.imported().is_some())
        );
    }
    for strategy in ["lobass", "gap", "perplexity-middle", "random"] {
        for table in ["ours", "theirs"] {
            sandbox.expect(
                0,
                &format!(
                    "select --scores {table}.parquet --strategy {strategy} --budget 20% --out {table}-{strategy}.jsonl \
                     --index {table}-{strategy}.index -q"
                ),
            );
        }
        for kind in ["jsonl", "index"] {
            let of = |table: &str| sandbox.read(&format!("{table}-{strategy}.{kind}"));
            assert_eq!(of("ours"), of("theirs"), "{strategy}");
        }
    }
}

#[test]
fn a_page_says_who_computed_the_losses() {
    let sandbox = scored(32);
    written_by_others(&sandbox);
    sandbox.expect(0, &format!("{IMPORT} --out theirs.parquet"));
    sandbox.expect(0, "report --scores theirs.parquet --budget 20% --out page.html -q");
    let page = sandbox.read("page.html");
    assert!(
        page.contains("lobass import --base base --program elsewhere --program-version 3"),
        "the command is there"
    );
    assert!(page.contains("from losses that elsewhere computed and lobass did not"));
    assert!(!page.contains("lobass score --base"), "nothing says that lobass scored them");
}

#[test]
fn a_comparison_takes_imported_losses() {
    let sandbox = scored(48);
    written_by_others(&sandbox);
    sandbox.expect(0, &format!("{IMPORT} --out theirs.parquet"));
    let told = sandbox.expect(
        0,
        "compare --scores theirs.parquet --base base --strategy lobass --budget 10 --eval held-out/known.jsonl --seeds 1 \
         --match epochs --batch-size 4 --epochs 1 --resamples 100 --out compared -q",
    );
    assert!(
        told.stderr.contains("computed by elsewhere under `base`; lobass cannot check"),
        "{}",
        told.stderr
    );
    let found: Value = serde_json::from_str(&sandbox.read("compared/results.json")).unwrap();
    let arms = found["arms"].as_array().unwrap();
    let lobass = arms.iter().find(|arm| arm["strategy"] == "lobass").unwrap();
    assert_eq!(lobass["cost"]["scoring"], 2.0);
    assert_eq!(lobass["cost"]["references"], Value::Null, "the training of the reference was not lobass's");
}

/// Log-probabilities of transformers in the shapes of vLLM, against the losses of lobass.
#[test]
fn logprobs_of_transformers_in_the_shapes_of_vllm() {
    let sandbox = Sandbox::new();
    let of = |name: &str| fixture("import").join(name).display().to_string();
    let rows = of("pool.jsonl");
    sandbox.expect(0, &format!("score --base base --data {rows} --per-token --out ours.parquet -q"));
    sandbox.expect(
        0,
        &format!(
            "import --base base --data {rows} --program vllm --base-losses {} --reference-losses {} --reference-name same \
             --per-token --out theirs.parquet -q",
            of("server.jsonl"),
            of("offline.jsonl")
        ),
    );
    let [ours, theirs] =
        ["ours", "theirs"].map(|name| read_table(&sandbox.path(format!("{name}.parquet"))).unwrap());
    assert_eq!(ours.records.len(), 16);
    let mut worst: f64 = 0.0;
    for (ours, theirs) in ours.records.iter().zip(&theirs.records) {
        assert_eq!(
            (&ours.key, ours.n_tokens, ours.n_scored),
            (&theirs.key, theirs.n_tokens, theirs.n_scored)
        );
        let (base, of_server, offline) =
            (ours.base.unwrap(), theirs.base.unwrap(), theirs.reference.unwrap());
        assert_eq!(of_server, offline, "both shapes have the same numbers");
        worst = worst.max((base.sum - of_server.sum).abs() / f64::from(ours.n_scored));
    }
    assert!(worst < 1e-5, "the worst row is {worst} nats per token apart");
    // The losses of tokens serve what reads them.
    sandbox.expect(0, "mask --scores theirs.parquet --method rho-1 --keep 50% --out masked.jsonl -q");
}

#[test]
fn encoded_rows_are_what_is_imported() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(12);
    sandbox.expect(0, "encode --base base --data small.jsonl --out tokens.jsonl -q");
    let line = |text: &str| -> Value {
        let row: Value = serde_json::from_str(text).unwrap();
        let (ids, labels) = (row["input_ids"].as_array().unwrap(), row["labels"].as_array().unwrap());
        let scored = labels.iter().zip(ids).filter(|(label, id)| label == id).count();
        assert_eq!(scored, labels.iter().filter(|label| **label != -100).count());
        let logprobs: Vec<Value> =
            (0..ids.len()).map(|at| if at == 0 { Value::Null } else { json!(-0.5) }).collect();
        json!({"row": row["row"], "key": row["key"], "input_ids": ids, "logprobs": logprobs, "n_scored": scored})
    };
    let lines: Vec<Value> = sandbox.read("tokens.jsonl").lines().map(line).collect();
    assert_eq!(lines.len(), 12);
    sandbox.write("losses.jsonl", lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    let import = "import --base base --data small.jsonl --program script --base-losses losses.jsonl";
    sandbox.expect(0, &format!("{import} --out scores.jsonl -q"));
    let table = read_table(&sandbox.path("scores.jsonl")).unwrap();
    for (record, line) in table.records.iter().zip(&lines) {
        assert_eq!(u64::from(record.n_scored), line["n_scored"].as_u64().unwrap());
        assert_eq!(record.base.unwrap().mean(), Some(0.5));
    }
    // Rows that were tokenized in another way.
    sandbox.fails(
        &format!("{import} --chat-template chatml --out other.jsonl -q"),
        &["losses.jsonl`, line 1: row 0", "expected id", "tokenized in another way"],
    );
    sandbox.fails(&format!("{import} --mask all --n"), &["unexpected argument"]);
    assert!(!sandbox.path("other.jsonl").exists());
}

#[test]
fn what_is_missing_or_is_too_much() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    sandbox.expect(0, "score --base base --data small.jsonl --out ours.jsonl -q");
    let ours = sandbox.read("ours.jsonl");
    let lines: Vec<&str> = ours.lines().skip(1).collect();
    sandbox.write("losses.jsonl", format!("{}\n{}\n{}\n", lines[3], lines[0], lines[1]));
    let import = "import --base base --data small.jsonl --program elsewhere --base-losses losses.jsonl";
    let told = sandbox.expect(1, &format!("{import} --out theirs.jsonl -q"));
    assert!(
        told.stdout.contains("1 no_loss, the first of them row 2: `losses.jsonl` has no loss of it"),
        "{}",
        told.stdout
    );
    sandbox.fails(&format!("{import} --out losses.jsonl"), &["output `losses.jsonl` is a file of losses"]);
    sandbox.fails(&format!("{import} --reference-losses losses.jsonl --out x.jsonl"), &["--reference-name"]);
    sandbox.fails(
        &format!("{import} --per-token --out x.parquet"),
        &["expected the log-probability of each token"],
    );
    sandbox.fails(
        "import --base nowhere --data small.jsonl --program p --base-losses losses.jsonl --out x.jsonl",
        &["`nowhere`: expected a checkpoint directory"],
    );
    assert!(!sandbox.path("x.jsonl").exists() && !sandbox.path("x.parquet").exists());
}
