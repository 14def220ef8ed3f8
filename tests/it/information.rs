//! How much prompts tell about responses, out of sample, on rows of known kinds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::Sandbox;

const RECIPE: &str = "--learning-rate 1e-3 --reference-mode cross-fit --with-null --strategy random \
                      --budget 10% -q";

/// The first rows of the shipped pool, a file for each kind; gives the names of the kinds.
fn by_kind(sandbox: &Sandbox, n_rows: usize) -> Vec<String> {
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    for line in sandbox.read("pool.jsonl").lines().take(n_rows) {
        let row: Value = serde_json::from_str(line).unwrap();
        *kinds.entry(row["kind"].as_str().unwrap().to_owned()).or_default() += &format!("{line}\n");
    }
    for (kind, rows) in &kinds {
        sandbox.write(&format!("{kind}.jsonl"), rows);
    }
    kinds.into_keys().collect()
}

/// The usable information by row: the value, and the interval around it.
fn usable(report: &Value) -> [f64; 3] {
    ["value", "low", "high"].map(|end| report["usable"]["per_row"][end].as_f64().unwrap())
}

#[test]
fn prompts_of_learnable_rows_tell_and_those_of_mislabelled_rows_mislead() {
    let sandbox = Sandbox::new();
    let files: Vec<String> = by_kind(&sandbox, 1200).iter().map(|kind| format!("{kind}.jsonl")).collect();
    sandbox.run(&format!(
        "run --base base --data {} --batch-size 32 --epochs 4 {RECIPE} --out run",
        files.join(" ")
    ));
    let information = "information --scores run/scores.parquet --by source";
    let report = sandbox.json(0, &format!("{information} --list list.jsonl --show 3"));
    let of = |kind: &str| usable(&report["sources"][kind]);
    assert!(of("learnable")[1] > 1.0, "{:?}", of("learnable"));
    assert!(of("known")[1] > of("learnable")[2], "what the base knows of prompts counts too");
    assert!(of("mislabelled")[2] < -0.5, "{:?}", of("mislabelled"));
    // A question that asks for noise tells that noise comes, and not which: a few of nearly 80 bits.
    let noise = &report["sources"]["noise"];
    assert!(
        noise["usable"]["per_row"]["value"].as_f64().unwrap()
            < 0.12 * noise["entropy"]["per_row"]["value"].as_f64().unwrap()
    );
    // Rows to read are those that mislead.
    let list = sandbox.read("list.jsonl");
    let rows: Vec<Value> = list.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len() as u64, report["n_below_zero"].as_u64().unwrap());
    let scores: Vec<f64> = rows.iter().map(|row| row["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted() && scores.iter().all(|score| *score < 0.0));
    let n_mislabelled = rows[..20].iter().filter(|row| row["source"] == "mislabelled").count();
    assert!(n_mislabelled >= 15, "{n_mislabelled} of the 20 lowest");
    assert_eq!(report["below_zero"].as_array().unwrap().len(), 3);
    let text = sandbox.expect(0, information).stdout;
    for words in
        ["out of sample: each row is judged", "source     mislabelled: ", "I_V", "PVI < 0", "read       row"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn prompts_of_noise_and_of_other_rows_tell_nothing() {
    let sandbox = Sandbox::new();
    by_kind(&sandbox, 2400);
    let run = |data: &str, epochs: u32, out: &str| {
        sandbox.run(&format!("run --base base --data {data} --epochs {epochs} {RECIPE} --out {out}"));
        usable(&sandbox.json(0, &format!("information --scores {out}/scores.parquet"))["all"])
    };
    let [value, low, high] = run("noise.jsonl --batch-size 16", 10, "noise");
    assert!(low < 0.2 && high > -0.2 && value.abs() < 1.0, "about 0 of 70 bits: {value} [{low}, {high}]");
    let rows: Vec<Value> = sandbox
        .read("pool.jsonl")
        .lines()
        .take(600)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let moved = rows.iter().enumerate().map(|(at, row)| {
        let mut row = row.clone();
        row["question"] = rows[(at + 300) % rows.len()]["question"].clone();
        format!("{row}\n")
    });
    sandbox.write("moved.jsonl", moved.collect::<String>());
    let [value, low, high] = run("moved.jsonl --batch-size 32", 4, "moved");
    assert!(low <= 0.0 && value < 0.2, "{value} [{low}, {high}]");
}

#[test]
fn rows_of_the_training_are_refused_or_marked() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    let run = "run --base base --data small.jsonl --batch-size 8 --with-null --strategy random --budget 10% -q --out";
    sandbox.run(&format!("{run} seen"));
    let information = "information --scores seen/scores.parquet";
    sandbox.fails(
        information,
        &["neither reference nor null model was trained on", "--in-sample", "--eval-rows"],
    );
    let marked = sandbox.expect(0, &format!("{information} --in-sample"));
    assert!(marked.stdout.contains("IN SAMPLE"), "{}", marked.stdout);
    assert_eq!(sandbox.json(0, &format!("{information} --in-sample"))["out_of_sample"], false);
    // Held-out rows alone are measured, of every seed.
    sandbox.run(&format!("{run} some --eval-rows 20 --seeds 2"));
    let report = sandbox.json(0, "information --scores some/scores.parquet");
    assert_eq!((&report["all"]["n_rows"], &report["all"]["n_trials"]), (&20.into(), &2.into()));
    assert_eq!((&report["n_left_out"], &report["unseen"]), (&40.into(), &"held-out".into()));
    sandbox.run("score --base base --data small.jsonl -q --out plain.parquet");
    sandbox.fails("information --scores plain.parquet", &["losses under a reference model"]);
    sandbox.fails(
        "information --scores some/scores.parquet plain.parquet",
        &["`plain.parquet`", "losses under a reference model"],
    );
    sandbox
        .fails("information --scores some/scores.parquet --list some/scores.parquet", &["is a score table"]);
}

#[test]
fn few_rows_few_resamples_and_the_same_training_twice_make_no_interval() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(30);
    let rows: Vec<String> = sandbox.read("pool.jsonl").lines().map(|line| format!("{line}\n")).collect();
    sandbox.write("few.jsonl", rows[40..45].concat());
    sandbox.write("more.jsonl", rows[40..60].concat());
    let train = "train --model base --data small.jsonl --batch-size 8 -q";
    sandbox.expect(0, &format!("{train} --out tuned"));
    sandbox.expect(0, &format!("{train} --out null --context unconditional"));
    for name in ["few", "more"] {
        let models = "--base base --reference tuned --null null -q";
        sandbox.expect(0, &format!("score {models} --data {name}.jsonl --out {name}.parquet"));
    }
    let found = sandbox.json(0, "information --scores few.parquet");
    let usable = &found["all"]["usable"]["per_row"];
    assert!(usable["value"].is_f64() && usable["low"].is_null() && usable["high"].is_null(), "{usable}");
    let text = sandbox.expect(0, "information --scores few.parquet").stdout;
    assert_eq!(text.matches("too few rows for an interval").count(), 4, "{text}");
    assert!(!text.contains('[') && !text.contains("NaN"), "{text}");
    let text = sandbox.expect(0, "information --scores more.parquet --resamples 100").stdout;
    assert!(text.contains('[') && !text.contains("too few"), "{text}");
    for few in [0, 1, 99] {
        sandbox.fails(
            &format!("information --scores more.parquet --resamples {few}"),
            &["--resamples", &format!("{few} is not in 100..")],
        );
    }
    fs_err::copy(sandbox.path("more.parquet"), sandbox.path("copy.parquet")).unwrap();
    for same in ["more", "copy"] {
        sandbox.fails(
            &format!("information --scores more.parquet {same}.parquet"),
            &[&format!("`{same}.parquet`"), "expected another reference than in `more.parquet`"],
        );
    }
    // A list has one of two formats, and says what it replaces.
    for name in ["list.csv", "list.json"] {
        let ending = name.split('.').next_back().unwrap();
        sandbox.fails(
            &format!("information --scores more.parquet --list {name}"),
            &["expected `.parquet` or `.jsonl`", &format!("found `.{ending}`")],
        );
        assert!(!sandbox.path(name).exists());
    }
    let list = "information --scores more.parquet --list list.jsonl";
    assert!(!sandbox.expect(0, list).stderr.contains("replaces"));
    assert!(sandbox.expect(0, list).stderr.contains("list.jsonl was there already"));
}

#[test]
fn a_transform_of_prompts_costs_information() {
    let sandbox = Sandbox::new();
    let rows = sandbox.read("pool.jsonl");
    let wanted = |line: &&str| line.contains("\"known\"") || line.contains("\"learnable\"");
    let lines: Vec<String> = rows.lines().filter(wanted).map(|line| format!("{line}\n")).collect();
    sandbox.write("train.jsonl", lines[..700].concat());
    sandbox.write("exam.jsonl", lines[700..1000].concat());
    let train =
        "train --model base --data train.jsonl --batch-size 32 --epochs 3 --learning-rate 1e-3 -q --out";
    sandbox.expect(0, &format!("{train} tuned"));
    sandbox.expect(0, &format!("{train} null --context unconditional"));
    let score = "score --base base --reference tuned --null null --data exam.jsonl -q";
    for (name, transform) in
        [("plain", ""), ("shuffled", "--transform shuffle-words=3"), ("again", "--transform shuffle-words=3")]
    {
        sandbox.run(&format!("{score} {transform} --out {name}.parquet"));
    }
    let shuffled = sandbox.json(0, "information --scores shuffled.parquet");
    assert_eq!(shuffled["transform"], "shuffle-words=3");
    assert_eq!(shuffled, {
        let mut again = sandbox.json(0, "information --scores again.parquet");
        again["scores"] = shuffled["scores"].clone();
        again
    });
    let both = sandbox.json(0, "information --scores plain.parquet --transformed shuffled.parquet");
    let lost = &both["lost"]["lost"]["per_row"];
    assert!(lost["low"].as_f64().unwrap() > 0.0, "words in another order tell less: {lost}");
    let [before, after] = ["before", "after"].map(|which| usable(&both["lost"][which])[0]);
    assert!((before - after - lost["value"].as_f64().unwrap()).abs() < 1e-9);
    // The null model saw no prompts, so it says the same of both.
    assert_eq!(both["lost"]["before"]["entropy"], both["lost"]["after"]["entropy"]);
    sandbox.fails(
        "information --scores plain.parquet shuffled.parquet",
        &["another mask, length, or transform", "--transformed"],
    );
    sandbox.fails(
        "information --scores shuffled.parquet --transformed again.parquet",
        &["expected another transform", "--transform"],
    );
    sandbox
        .fails(&format!("{score} --transform shuffle --out x.parquet"), &["shuffle-words", "drop-history"]);
}

#[test]
fn a_transform_with_a_reference_of_a_share_is_measured_on_rows_that_no_model_has_seen() {
    let sandbox = Sandbox::new();
    let rows = sandbox.read("pool.jsonl");
    let wanted = |line: &&str| line.contains("\"known\"") || line.contains("\"learnable\"");
    let lines: Vec<String> = rows.lines().filter(wanted).map(|line| format!("{line}\n")).collect();
    sandbox.write("some.jsonl", lines[..800].concat());
    let run = "run --base base --data some.jsonl --batch-size 32 --epochs 3 --learning-rate 1e-3 --with-null \
               --reference-mode holdout --holdout 0.5 --strategy random --budget 10% -q";
    let shuffle = "--transform shuffle-words=3";
    for (name, transform) in [("plain", ""), ("shuffled", shuffle)] {
        sandbox.run(&format!("{run} {transform} --out {name}"));
    }
    let of = |name: &str| sandbox.json(0, &format!("information --scores {name}/scores.parquet"));
    let (plain, shuffled) = (of("plain"), of("shuffled"));
    for report in [&plain, &shuffled] {
        assert_eq!((&report["unseen"], &report["out_of_sample"]), (&"selectable".into(), &true.into()));
        let n_rows = report["all"]["n_rows"].as_u64().unwrap();
        assert!((300..500).contains(&n_rows), "half of the rows are set aside: {n_rows}");
        assert_eq!(n_rows + report["n_left_out"].as_u64().unwrap(), 800);
    }
    assert_eq!((&plain["transform"], &shuffled["transform"]), (&Value::Null, &"shuffle-words=3".into()));
    // Each run set rows aside by their tokens, so only some of the rows are new to the models of both.
    let both = "information --scores plain/scores.parquet --transformed shuffled/scores.parquet";
    let both = sandbox.json(0, both);
    let n_both = both["lost"]["before"]["n_rows"].as_u64().unwrap();
    assert!((100..300).contains(&n_both), "{n_both}");
    assert_eq!(
        n_both + both["lost"]["n_left_out"].as_u64().unwrap(),
        plain["all"]["n_rows"].as_u64().unwrap()
    );
    let lost = &both["lost"]["lost"]["per_row"];
    assert!(lost["low"].as_f64().unwrap() > 0.0, "words in another order tell less: {lost}");
    let [before, after] = ["before", "after"].map(|which| usable(&both["lost"][which])[0]);
    assert!((before - after - lost["value"].as_f64().unwrap()).abs() < 1e-9);
    // With other prompts, rows have other tokens, and nobody can tell which of them the reference was trained on.
    let score = "score --base base --reference plain/reference --null plain/null --data some.jsonl -q";
    sandbox.fails(
        &format!("{score} {shuffle} --out unknown.parquet"),
        &["expected prompts as in its training", "rows were set aside"],
    );
}
