//! What fine-tuning taught, region by region, through the command line.

use lobass_demo::{Kind, pool};
use lobass_run::read_table;
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// A region of the first way to cut the pool.
fn region<'a>(found: &'a Value, name: &str) -> &'a Value {
    let regions = found["cuts"][0]["regions"].as_array().unwrap();
    regions.iter().find(|region| region["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {regions:?}"))
}

fn ends(drop: &Value) -> (f64, f64) {
    (drop["interval"][0].as_f64().unwrap(), drop["interval"][1].as_f64().unwrap())
}

/// Rows of the shipped pool of some kinds, each text once.
fn rows_of(kinds: &[Kind], n: usize) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    for kind in kinds {
        let of_kind =
            pool().into_iter().filter(|row| row.kind == *kind).map(|row| serde_json::to_value(row).unwrap());
        let mut distinct: Vec<Value> = Vec::new();
        for row in of_kind {
            if distinct.len() < n && !distinct.contains(&row) {
                distinct.push(row);
            }
        }
        rows.extend(distinct);
    }
    rows
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Forty rows each that can be learned and that are noise, and a table of them with the losses of tokens.
fn scored() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rows.jsonl", lines(&rows_of(&[Kind::Learnable, Kind::Noise], 40)));
    sandbox.expect(
        0,
        "train --model base --data rows.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --out tuned",
    );
    sandbox
        .expect(0, "score --base base --reference tuned --data rows.jsonl --per-token --out scores.parquet");
    sandbox
}

#[test]
fn regions_of_the_demo_are_as_its_pool_was_made() {
    let sandbox = Sandbox::new();
    sandbox.expect(0, "demo --out demo");
    let found = sandbox.json(0, "regions --scores demo/scores.parquet --by kind --seed 4");
    assert_eq!((&found["seen"], &found["n_held_out"]), (&json!("in_sample"), &json!(100)));
    let verdict = |kind: Kind| region(&found, kind.as_str())["verdict"].as_str().unwrap();
    assert_eq!(verdict(Kind::Learnable), "learned");
    // What the base knows cannot be learned: it is all that there is to repair.
    assert_ne!(verdict(Kind::Known), "learned");
    let queue = found["cuts"][0]["queue"].as_array().unwrap();
    let names: Vec<&Value> = queue
        .iter()
        .map(|at| &found["cuts"][0]["regions"][usize::try_from(at.as_u64().unwrap()).unwrap()]["name"])
        .collect();
    assert_eq!(names, ["known"]);
    // Noise sheds some loss too, since the reference learns which letters it is made of. Of what the base lacks, it
    // sheds less than a skill does.
    let share = |kind: Kind| ends(&region(&found, kind.as_str())["share"]);
    assert!(share(Kind::Noise).1 < share(Kind::Learnable).0 - 0.1, "{found}");
    let rows = pool().into_iter().filter(|row| row.kind == Kind::Noise).count() as u64;
    let noise = region(&found, "noise");
    assert!(noise["n_rows"].as_u64().unwrap() <= rows && noise["n_rows"].as_u64().unwrap() > rows - 60);

    // By hand, from the rows of the table.
    let table = read_table(&sandbox.path("demo/scores.parquet")).unwrap();
    let kinds: Vec<Kind> = pool().into_iter().map(|row| row.kind).collect();
    let of_kind = table
        .records
        .iter()
        .zip(&kinds)
        .filter(|(record, kind)| record.status.is_eligible() && **kind == Kind::Noise);
    let (mut drop, mut tokens, mut base) = (0.0, 0.0, 0.0);
    for (record, _) in of_kind {
        drop += record.base.unwrap().sum - record.reference.unwrap().sum;
        base += record.base.unwrap().sum;
        tokens += f64::from(record.n_scored);
    }
    assert!((noise["per_token"]["value"].as_f64().unwrap() - drop / tokens).abs() < 1e-9);
    assert!((noise["share"]["value"].as_f64().unwrap() - drop / base).abs() < 1e-9);

    let text = sandbox.expect(0, "regions --scores demo/scores.parquet --by kind length").stdout;
    for words in
        ["in-sample", "one reference", "by kind", "by length", "to repair", "known", "learnable, most:"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 125, "{widest}: {text}");
}

#[test]
fn cross_fitted_references_give_losses_out_of_sample() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.jsonl", lines(&rows_of(&[Kind::Learnable, Kind::Noise], 40)));
    let run = "run --base base --data rows.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --budget 20% \
               --reference-mode cross-fit --folds 2 --seeds 2 --method lora --lora-rank 4 --out run";
    assert!(sandbox.run(run).code < 2);
    let found = sandbox.json(0, "regions --scores run/scores.parquet --by kind fold");
    assert_eq!((&found["seen"], &found["cuts"][0]["n_references"]), (&json!("out_of_sample"), &json!(2)));
    // By hand: of each seed, the loss under the model that has not seen the row.
    let table = read_table(&sandbox.path("run/scores.parquet")).unwrap();
    let rows = rows_of(&[Kind::Learnable, Kind::Noise], 40);
    let seeds = table.manifest.seeds();
    assert_eq!(seeds.len(), 2);
    let mut mean = 0.0;
    for seed in &seeds {
        let losses = [0, 1].map(|fold| table.losses(&format!("reference_seed{seed}_fold{fold}")).unwrap());
        let (mut drop, mut tokens) = (0.0, 0.0);
        for (at, record) in
            table.records.iter().enumerate().filter(|(at, _)| rows[*at]["kind"] == "learnable")
        {
            let unseen = losses[record.fold.unwrap() as usize][at].unwrap();
            drop += record.base.unwrap().sum - unseen.sum;
            tokens += f64::from(record.n_scored);
        }
        mean += drop / tokens / 2.0;
    }
    let learnable = region(&found, "learnable");
    assert!((learnable["per_token"]["value"].as_f64().unwrap() - mean).abs() < 1e-9, "{mean}: {learnable}");
    assert!(learnable["in_sample"].as_f64().unwrap() > mean, "memorized: {learnable}");
    assert_eq!(found["cuts"][1]["regions"][1]["name"], "fold 01");
    let text = sandbox.expect(0, "regions --scores run/scores.parquet --by kind").stdout;
    assert!(text.contains("out of sample") && text.contains("in-sample  verdict"), "{text}");
}

#[test]
fn the_order_of_the_data_changes_no_number() {
    let sandbox = scored();
    let mut rows = rows_of(&[Kind::Learnable, Kind::Noise], 40);
    rows.reverse();
    rows.rotate_left(13);
    sandbox.write("other.jsonl", lines(&rows));
    sandbox.expect(0, "score --base base --reference tuned --data other.jsonl --out other.parquet");
    let of = |table: &str| {
        let mut found = sandbox.json(0, &format!("regions --scores {table} --by kind --examples 0"));
        found["scores"].take();
        (found["seen"].take(), found)
    };
    let ((seen, found), (other_seen, other)) = (of("scores.parquet"), of("other.parquet"));
    assert_eq!(found, other);
    // Whole files are compared, so the same rows in another order are another file.
    assert_eq!([seen, other_seen], ["in_sample", "other_files"]);
    // Two tables of the same rows in another order: every row is found, and nothing changed.
    let found = sandbox.json(0, "regions --scores scores.parquet --against other.parquet --by kind length");
    assert_eq!(found["shared"], json!({"n_same": 80, "n_changed": 0, "n_first_only": 0, "n_second_only": 0}));
    for cut in found["cuts"].as_array().unwrap() {
        for change in cut["changes"].as_array().unwrap() {
            assert_eq!(change["n_paired"], change["before"]["n_rows"], "{change}");
            assert_eq!(change["is_other_verdict"], json!(false));
            if change["verdict"] != "too_few" {
                assert_eq!(change["verdict"], "unchanged");
                assert_eq!(change["difference"]["value"].as_f64().unwrap().abs(), 0.0, "{change}");
            }
        }
    }
}

#[test]
fn rows_of_other_files_are_out_of_sample() {
    let sandbox = scored();
    let rows = rows_of(&[Kind::Learnable, Kind::Noise], 60);
    sandbox.write("other.jsonl", lines(&[&rows[40..60], &rows[100..]].concat()));
    let train = "train --model base --data rows.jsonl --batch-size 8 --learning-rate 1e-3";
    sandbox.expect(0, &format!("{train} --context unconditional --out null"));
    let score = "score --base base --reference tuned --data other.jsonl";
    sandbox.expect(0, &format!("{score} --out other.parquet"));
    sandbox.expect(0, &format!("{score} --null null --out with-null.parquet"));
    let seen = |tables: &str| {
        sandbox.json(0, &format!("regions --scores {tables} --examples 0 --resamples 100"))["seen"].clone()
    };
    assert_eq!(seen("scores.parquet"), "in_sample");
    assert_eq!([seen("other.parquet"), seen("with-null.parquet")], ["other_files", "other_files"]);
    let text = sandbox.expect(0, "regions --scores other.parquet --examples 0").stdout;
    assert!(text.contains("out of sample") && !text.contains("in-sample"), "{text}");
    // `information` says the same of the same table.
    let found = sandbox.json(0, "information --scores with-null.parquet");
    assert_eq!((&found["unseen"], &found["out_of_sample"]), (&json!("other-files"), &json!(true)));
    // Without the record of the training, only a table with a null model says so.
    fs_err::remove_file(sandbox.path("tuned/lobass-training.json")).unwrap();
    assert_eq!([seen("scores.parquet"), seen("other.parquet")], ["unknown", "unknown"]);
    assert_eq!(seen("with-null.parquet"), "other_files");
}

#[test]
fn a_reference_counts_once_and_few_resamples_are_no_interval() {
    let sandbox = scored();
    fs_err::copy(sandbox.path("scores.parquet"), sandbox.path("copy.parquet")).unwrap();
    sandbox.expect(0, "score --base base --reference tuned --data rows.jsonl --out again.parquet");
    for same in ["scores.parquet", "copy.parquet", "again.parquet"] {
        let words = [&format!("`{same}`"), "expected another reference than in `scores.parquet`"];
        sandbox.fails(&format!("regions --scores scores.parquet {same}"), &words);
        sandbox.fails(&format!("regions --scores {same} --against scores.parquet {same}"), &words);
    }
    // The second side may have the references of the first.
    sandbox.expect(0, "regions --scores scores.parquet --against again.parquet");
    for few in [0, 1, 99] {
        sandbox.fails(
            &format!("regions --scores scores.parquet --resamples {few}"),
            &["--resamples", &format!("{few} is not in 100..")],
        );
    }
    sandbox.expect(0, "regions --scores scores.parquet --resamples 100");
}

#[test]
fn two_references_in_two_tables_are_two_trials() {
    let sandbox = scored();
    let train = "train --model base --data rows.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3";
    sandbox.expect(0, &format!("{train} --train-seed 5 --out second"));
    sandbox.expect(0, "score --base base --reference second --data rows.jsonl --out second.parquet");
    let of = |tables: &str| {
        let found = sandbox.json(0, &format!("regions --scores {tables} --by kind"));
        region(&found, "noise")["per_token"]["value"].as_f64().unwrap()
    };
    let [one, other, both] = ["scores.parquet", "second.parquet", "scores.parquet second.parquet"].map(of);
    assert!((both - f64::midpoint(one, other)).abs() < 1e-12 && one != other);
    sandbox.expect(0, "score --base tuned --reference second --data rows.jsonl --out base.parquet");
    sandbox.fails("regions --scores scores.parquet base.parquet", &["has another base", "--against"]);
    sandbox.small_pool(20);
    sandbox.expect(0, "score --base base --reference second --data small.jsonl --out small.parquet");
    sandbox.fails("regions --scores scores.parquet small.parquet", &["has another data"]);
}

#[test]
fn a_repair_is_seen_in_its_region() {
    let sandbox = Sandbox::new();
    let mut rows = rows_of(&[Kind::Learnable], 40);
    rows.iter_mut().enumerate().for_each(|(at, row)| {
        row["id"] = json!(format!("r{at}"));
        row["kind"] = json!(if at < 20 { "a" } else { "b" });
    });
    sandbox.write("before.jsonl", lines(&rows));
    // One answer is repaired, one row is gone, and one is new.
    rows[0]["answer"] = json!("an answer that was repaired");
    rows.remove(1);
    let new = json!({"id": "new", "kind": "b", "question": "what is new?", "answer": "this row."});
    rows.push(new);
    sandbox.write("after.jsonl", lines(&rows));
    for name in ["before", "after"] {
        sandbox.expect(0, &format!("train --model base --data {name}.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --out {name}"));
        sandbox.expect(
            0,
            &format!("score --base base --reference {name} --data {name}.jsonl --out {name}.parquet"),
        );
    }
    let found = sandbox.json(0, "regions --scores before.parquet --against after.parquet --by kind length");
    assert_eq!(found["shared"], json!({"n_same": 38, "n_changed": 1, "n_first_only": 1, "n_second_only": 1}));
    let changes = found["cuts"][0]["changes"].as_array().unwrap();
    let names: Vec<&str> = changes.iter().map(|change| change["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["all rows", "a", "b"]);
    let numbers = |change: &Value| {
        [&change["n_paired"], &change["before"]["n_rows"], &change["after"]["n_rows"]]
            .map(|n| n.as_u64().unwrap())
    };
    assert_eq!(changes.iter().map(numbers).collect::<Vec<_>>(), [[38, 40, 40], [18, 20, 19], [20, 20, 21]]);
    // Bins of the second table are those of the first, and a new row is in none of them.
    let lengths = found["cuts"][1]["changes"].as_array().unwrap();
    assert!(lengths.iter().any(|change| change["name"] == "rows of the second table only"), "{lengths:?}");
    let text = sandbox.expect(0, "regions --scores before.parquet --against after.parquet --by kind").stdout;
    assert!(text.contains("38 rows alike, 1 changed, 1 of the first only, 1 of the second only"), "{text}");
}

#[test]
fn tokens_of_format_are_apart_from_tokens_of_content() {
    let sandbox = Sandbox::new();
    let mut rows = rows_of(&[Kind::Learnable, Kind::Noise], 30);
    for row in rows.iter_mut().take(30) {
        row["answer"] = json!(json!({"answer": row["answer"]}).to_string());
    }
    sandbox.write("rows.jsonl", lines(&rows));
    sandbox.expect(
        0,
        "train --model base --data rows.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --out tuned",
    );
    let score = "score --base base --reference tuned --data rows.jsonl";
    sandbox.expect(0, &format!("{score} --per-token --out scores.parquet"));
    let line = "regions --scores scores.parquet --by kind --format-tokens --base base";
    let found = sandbox.json(0, line);
    for name in ["learnable", "noise"] {
        let region = region(&found, name);
        let of = |part: &str| {
            let part = &region[part];
            (part["n_tokens"].as_f64().unwrap(), part["per_token"]["value"].as_f64().unwrap_or_default())
        };
        let ((n_format, format), (n_content, content)) = (of("format"), of("content"));
        // Both parts make the whole.
        let n = region["n_tokens"].as_f64().unwrap();
        assert_eq!(n_format + n_content, n);
        let whole = region["per_token"]["value"].as_f64().unwrap();
        assert!(((n_format * format + n_content * content) / n - whole).abs() < 1e-6, "{region}");
        // Every response ends with a marker; those in JSON have syntax beside.
        assert!(if name == "noise" { n_format == 30.0 } else { n_format > 100.0 }, "{region}");
    }
    let kinds: Vec<&str> =
        found["kinds"].as_array().unwrap().iter().map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["json", "role"]);
    let text = sandbox.expect(0, line).stdout;
    assert!(text.contains("format  content  verdict") && text.contains("kinds of format"), "{text}");

    sandbox.expect(0, &format!("{score} --out sums.parquet"));
    sandbox.fails(&line.replace("scores.parquet", "sums.parquet"), &["score with `--per-token`"]);
    sandbox.fails("regions --scores scores.parquet --format-tokens", &["--base"]);
}

#[test]
fn clusters_are_regions_too() {
    let sandbox = scored();
    sandbox.expect(0, "embed --base base --data rows.jsonl --out vectors.safetensors");
    let line = "regions --scores scores.parquet --by clusters --embeddings vectors.safetensors --clusters 3";
    let found = sandbox.json(0, line);
    let regions = found["cuts"][0]["regions"].as_array().unwrap();
    let rows: Vec<u64> = regions.iter().map(|region| region["n_rows"].as_u64().unwrap()).collect();
    assert_eq!((rows.len(), rows.iter().sum::<u64>()), (3, 80));
    assert!(rows.is_sorted_by(|one, other| one >= other), "{rows:?}");
    let typical = found["cuts"][0]["typical"]["cluster 1"].to_string();
    assert!(found["rows"][&typical]["response"].is_string(), "{found}");
    assert_eq!(found, sandbox.json(0, line), "the same clusters again");
    sandbox.small_pool(30);
    sandbox.expect(0, "embed --base base --data small.jsonl --out other.safetensors");
    sandbox.fails(&line.replace("vectors", "other"), &["rows.jsonl", "small.jsonl"]);
    sandbox.fails("regions --scores scores.parquet --by clusters", &["lobass embed", "--embeddings FILE"]);
    sandbox
        .fails("regions --scores scores.parquet --embeddings vectors.safetensors", &["add `--by clusters`"]);
}

#[test]
fn what_cannot_be_a_region_is_refused_in_plain_words() {
    let sandbox = scored();
    let line = "regions --scores scores.parquet";
    sandbox.fails(&format!("{line} --by subject"), &["no row has that field", "`source`, `length`"]);
    sandbox.fails(&format!("{line} --by fold"), &["the score table has no folds", "cross-fit"]);
    sandbox.fails(&format!("{line} --level 1"), &["a share between 0 and 1"]);
    sandbox.fails(&format!("{line} --margin -1"), &["`margin`: expected 0 or more"]);
    sandbox.fails(&format!("{line} --against-data rows.jsonl"), &["--against"]);
    sandbox.expect(0, "score --base base --data rows.jsonl --out base.parquet");
    sandbox.fails(
        "regions --scores base.parquet",
        &["found those of `base`", "lobass score --base .. --reference"],
    );
    // A region with one row has a value and no verdict.
    let mut rows = rows_of(&[Kind::Learnable, Kind::Noise], 40);
    rows[3]["kind"] = json!("alone");
    sandbox.write("alone.jsonl", lines(&rows));
    sandbox.expect(0, "score --base base --reference tuned --data alone.jsonl --out alone.parquet");
    let found = sandbox.json(0, "regions --scores alone.parquet --by kind");
    let alone = region(&found, "alone");
    assert_eq!((&alone["n_rows"], &alone["verdict"]), (&json!(1), &json!("too_few")));
    assert!(alone["per_token"]["value"].is_f64() && alone["per_token"]["interval"].is_null());
    let text = sandbox.expect(0, "regions --scores alone.parquet --by kind base_nll n_tokens").stdout;
    assert!(text.contains("too few rows") && text.contains("nats/token, base"), "{text}");
    // A warning names regions that are nearly all alike.
    let ended = sandbox.expect(0, &format!("{line} --by length --bins 4"));
    assert!(ended.stderr.contains("the verdict does not tell them apart"), "{}", ended.stderr);
    // Data that is gone is needed for texts only.
    fs_err::remove_file(sandbox.path("rows.jsonl")).unwrap();
    sandbox.expect(0, &format!("{line} --by length --examples 0"));
    sandbox.fails(&format!("{line} --by length"), &["rows.jsonl", "--data"]);
}
