//! A person's first hour with the command line.

use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn help_is_there_for_everything() {
    let sandbox = Sandbox::new();
    let help = sandbox.expect(0, "--help").stdout;
    for command in ["demo", "run", "train", "score", "plan", "select", "inspect", "strategies"] {
        assert!(help.contains(command), "{help}");
        let text = sandbox.expect(0, &format!("{command} --help")).stdout;
        assert!(text.contains("Usage: lobass") && text.len() > 300, "{text}");
    }
    assert!(sandbox.expect(2, "").stderr.contains("Usage"));
    assert!(sandbox.expect(0, "--version").stdout.starts_with("lobass "));
}

#[test]
fn a_plan_tells_what_need_not_be_computed() {
    let sandbox = Sandbox::new();
    let row = |id: u32, answer: &str| {
        format!("{{\"id\": {id}, \"question\": \"name one\", \"answer\": \"{answer}\"}}\n")
    };
    sandbox.write("pool.jsonl", [row(1, "red"), row(2, "blue"), row(3, "red"), row(4, "green")].concat());
    let plain = sandbox.json(0, "plan --base base --data pool.jsonl");
    assert_eq!((&plain["n_rows"], &plain["n_shards"], &plain["work"]), (&4.into(), &1.into(), &Value::Null));

    let plan = sandbox.json(0, "plan --base base --data pool.jsonl --explain --work kept");
    assert_eq!(plan["plan"], plain["plan"]);
    let count = |name: &str| plan["work"][name].as_u64().unwrap();
    let (tokens, scored) = (count("n_tokens"), count("n_scored"));
    // One of four rows is a twin, and the others share their prompt.
    let unique = count("n_unique_tokens");
    assert!(unique < tokens && 3 * unique > 2 * tokens, "{plan}");
    let prompt = (tokens - scored) / 4;
    let responses = scored * unique / tokens;
    assert!(count("n_rows").abs_diff(prompt + responses) <= 6, "{plan}");
    assert!(count("n_head_rows") < scored, "{plan}");

    let text = sandbox.expect(0, "plan --base base --data pool.jsonl --explain --threads 1").stdout;
    assert!(text.contains("without duplicates") && text.contains("shared prefixes"), "{text}");
    let scored = sandbox.expect(0, "score --base base --data pool.jsonl --out s.jsonl --work kept");
    assert!(scored.stderr.contains("tokenize         done before"), "{}", scored.stderr);
    // The first line is the manifest.
    let rows: Vec<Value> =
        sandbox.read("s.jsonl").lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["base_nll"], rows[2]["base_nll"], "twins have one loss");
    assert_ne!(rows[0]["base_nll"], rows[1]["base_nll"]);
    assert!(rows.iter().all(|row| row["base_nll"].as_f64().unwrap() > 0.0));
}

#[test]
fn mistakes_are_named() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    sandbox.fails("scroe", &["scroe", "score"]);
    sandbox.fails("score --base base --data small.jsonl", &["--out"]);
    sandbox.fails("score --base base --out s.parquet", &["--data"]);
    sandbox.fails(
        "score --base nowhere --data small.jsonl --out s.parquet",
        &["base model `nowhere`", "found nothing"],
    );
    sandbox.fails("score --base small.jsonl --data small.jsonl --out s.parquet", &["found a file"]);
    sandbox.fails("score --base base --data none.jsonl --out s.parquet", &["none.jsonl"]);
    sandbox.fails("score --base base --data small.jsonl --out s.parquet --device cuda", &["cuda", "cpu"]);
    sandbox.fails("score --base base --data small.jsonl --out s.parquet --dtype f8", &["f8", "bf16"]);
    sandbox.fails(
        "score --base base --data small.jsonl --out s.parquet --chat-template alpca",
        &["alpca", "alpaca"],
    );
    sandbox.fails(
        "score --base base --data small.jsonl --out s.parquet --chat-template none.jinja",
        &["none.jinja"],
    );
    sandbox.fails(
        "score --base base --data small.jsonl --out s.parquet --columns prompt",
        &["`prompt`", "key=column"],
    );
    sandbox.fails(
        "score --base base --data small.jsonl --out s.parquet --columns prompt=qestion,response=answer",
        &["expected column `qestion`", "`question`"],
    );
    sandbox.fails(
        "select --scores small.jsonl --budget 1 --out out.jsonl",
        &["small.jsonl", "not a score table"],
    );
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.jsonl");
    sandbox.write("moved.jsonl", sandbox.read("scores.jsonl").replace("\"row\":2", "\"row\":999"));
    sandbox.fails(
        "select --scores moved.jsonl --strategy longest --budget 1 --out out.jsonl",
        &["moved.jsonl", "expected row 2 in its place, found row 999"],
    );
    sandbox.fails("run --data small.jsonl --budget 1 --out run", &["--base"]);
    sandbox.fails("run --base base --data small.jsonl --out run", &["--budget"]);
    sandbox.fails("run --base base --data small.jsonl --budget 5x --out run", &["5x", "2Mtok"]);
    sandbox.fails(
        "run --base base --data small.jsonl --budget 1 --out run --strategy best",
        &["best", "lobass, gap"],
    );
}

#[test]
fn what_was_detected_is_said() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(4);
    let ended = sandbox.expect(0, "score --base base --data small.jsonl --out scores.parquet");
    for words in [
        "JSON lines, question-answer (`question` -> `answer`), source `small`",
        "chat_template.jinja",
        "455,520 parameters",
    ] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    assert!(ended.stdout.contains("4 ok"), "{}", ended.stdout);
    let quiet = sandbox.expect(0, "score --base base --data small.jsonl --out other.parquet --quiet");
    assert_eq!(quiet.stderr, "");
}

#[test]
fn inspect_shows_what_a_model_sees() {
    let sandbox = Sandbox::new();
    sandbox.write("pool.jsonl", "{\"question\": \"2 + 2?\", \"answer\": \"4\", \"id\": \"sum\"}\n");
    let text = sandbox.expect(0, "inspect --base base --data pool.jsonl").stdout;
    assert!(text.contains("<|begin|><|user|>2 + 2?<|bot|>⟦4<|end|>⟧"), "{text}");
    assert!(text.contains("key        sum"), "{text}");

    let json = sandbox.json(0, "inspect --base base --data pool.jsonl --losses");
    let list = |name: &str| json[name].as_array().unwrap().clone();
    let (ids, mask, tokens) = (list("input_ids"), list("mask"), list("tokens"));
    assert_eq!((ids.len(), mask.len()), (tokens.len(), tokens.len()));
    let scored: Vec<&str> = tokens
        .iter()
        .zip(&mask)
        .filter(|(_, counts)| counts.as_bool().unwrap())
        .map(|(t, _)| t.as_str().unwrap())
        .collect();
    assert_eq!(scored, ["4", "<|end|>"]);
    assert_eq!(json["text"], "<|begin|><|user|>2 + 2?<|bot|>4<|end|>");
    assert_eq!(json["token_nll"]["base"].as_array().unwrap().len(), 2);

    sandbox.fails("inspect --base base --data pool.jsonl --row 1", &["row 1", "1 rows"]);
    let text = sandbox.json(0, "inspect --base base --data pool.jsonl --mask text");
    let counts = |json: &Value| -> Vec<bool> { serde_json::from_value(json["mask"].clone()).unwrap() };
    let n_counted = |json: &Value| counts(json).into_iter().filter(|&counts| counts).count();
    assert_eq!((n_counted(&json), n_counted(&text)), (2, 1), "`4` without the token that ends the turn");
    let all = sandbox.json(0, "inspect --base base --data pool.jsonl --mask all");
    let counted = all["mask"].as_array().unwrap().iter().filter(|counts| counts.as_bool().unwrap()).count();
    assert_eq!(counted, tokens.len() - 1);
}

#[test]
fn inspect_and_the_table_agree() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(6);
    sandbox.expect(0, "score --base base --data small.jsonl --out scores.jsonl");
    let table = sandbox.read("scores.jsonl");
    let row: Value = serde_json::from_str(table.lines().nth(4).unwrap()).unwrap();
    let json = sandbox.json(0, "inspect --base base --data small.jsonl --row 3 --losses");
    let sum: f64 =
        json["token_nll"]["base"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()).sum();
    assert!((sum - row["base_nll"].as_f64().unwrap()).abs() < 1e-5, "{sum} {row}");
    let text =
        sandbox.expect(0, "inspect --base base --data small.jsonl --row 3 --scores scores.jsonl").stdout;
    assert!(text.contains("table      ok, base"), "{text}");
}

#[test]
fn select_says_what_it_did() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(50);
    let pool = sandbox.read("small.jsonl");
    sandbox.write("small.jsonl", format!("{pool}not json\n"));
    sandbox.expect(1, "score --base base --data small.jsonl --out scores.parquet");
    let ended =
        sandbox.expect(0, "select --scores scores.parquet --strategy longest --budget 10% --out kept.jsonl");
    for words in [
        "51 rows, 50 scored",
        "1 malformed, the first of them row 50: line 51: not JSON",
        "5 rows (9.8 %)",
        "score and length: +1.000 (Spearman)",
        "small: 5 of 51",
        "kept.jsonl (5 rows)",
    ] {
        assert!(ended.stdout.contains(words), "expected `{words}` in {}", ended.stdout);
    }
    let kept = sandbox.read("kept.jsonl");
    assert_eq!(kept.lines().count(), 5);
    assert!(kept.lines().all(|line| pool.lines().any(|row| row == line)), "rows are copied as they stand");

    // More than there is: all of it, said, and another exit code.
    let ended =
        sandbox.expect(1, "select --scores scores.parquet --strategy longest --budget 60 --out all.jsonl");
    assert!(
        ended.stdout.contains("fewer than 60 asks for: there are only 50 candidates"),
        "{}",
        ended.stdout
    );
    let ended =
        sandbox.expect(1, "select --scores scores.parquet --strategy longest --budget 2Mtok --out all.jsonl");
    assert!(ended.stdout.contains("fewer than 2000000tok asks for"), "{}", ended.stdout);
    let ended =
        sandbox.expect(1, "select --scores scores.parquet --strategy longest --budget 2tok --out none.jsonl");
    assert!(ended.stdout.contains("the first row by rank has more tokens than 2tok"), "{}", ended.stdout);
    sandbox
        .fails("select --scores scores.parquet --budget 5 --out x.jsonl", &["`lobass`", "reference", "hint"]);
    sandbox
        .fails("select --scores scores.parquet --strategy longest --budget 5 --out x.parquet", &["`.jsonl`"]);
    sandbox.fails(
        "select --scores scores.parquet --strategy longest --budget 5 --out small.jsonl",
        &["is a data file"],
    );
    sandbox
        .fails("select --scores scores.parquet --strategy quality --budget 5 --out x.jsonl", &["--rating"]);
    sandbox.fails(
        "select --scores scores.parquet --strategy quality --rating kind --budget 5 --out x.jsonl",
        &["`kind`", "no number"],
    );
    sandbox.write("small.jsonl", pool);
    sandbox.fails(
        "select --scores scores.parquet --strategy longest --budget 5 --out x.jsonl",
        &["small.jsonl", "not the one that was scored"],
    );
}

#[test]
fn quality_by_threshold_and_by_rank() {
    let sandbox = Sandbox::new();
    let rows: Vec<String> = [4.0, 4.5, 1.0, 5.0]
        .iter()
        .map(|stars| format!("{{\"question\": \"q{stars}\", \"answer\": \"a\", \"stars\": \"{stars}\"}}\n"))
        .collect();
    sandbox.write("rated.jsonl", rows.concat());
    sandbox.expect(0, "score --base base --data rated.jsonl --out scores.parquet");
    let line = "select --scores scores.parquet --strategy quality --rating stars";
    sandbox.expect(0, &format!("{line} --min-rating 4.5 --out good.jsonl"));
    assert_eq!(sandbox.read("good.jsonl"), [rows[1].as_str(), &rows[3]].concat());
    sandbox.expect(0, &format!("{line} --budget 1 --out best.jsonl"));
    assert_eq!(sandbox.read("best.jsonl"), rows[3]);
    sandbox.fails(
        "select --scores scores.parquet --strategy longest --budget 1 --rating stars --out x.jsonl",
        &["`--rating` only applies", "quality"],
    );
    sandbox.expect(0, &format!("{line} --budget 1 --ascending --out worst.jsonl"));
    assert_eq!(sandbox.read("worst.jsonl"), rows[2]);
}

#[test]
fn a_run_from_a_config_file() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(60);
    sandbox.expect(0, "run --init");
    sandbox.fails("run --init", &["lobass.toml", "there already"]);
    let config = sandbox.read("lobass.toml");
    let config =
        config.replace("path/to/checkpoint", "base").replace("\"pool.jsonl\"", "\"few=small.jsonl\"");
    sandbox.write("lobass.toml", &config);
    let json = sandbox.json(0, "run lobass.toml --budget 5 --batch-size 16 --strategy lobass longest");
    let strategies: Vec<_> = json["selections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["strategy"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(strategies, ["lobass", "longest"]);
    assert_eq!(json["selections"][0]["n_selected"], 5);
    for file in [
        "settings.toml",
        "scores.parquet",
        "summary.md",
        "summary.json",
        "selected/lobass/few.jsonl",
        "selected/longest/index.jsonl",
        "reference/model.safetensors",
        "reference/tokenizer.json",
        "reference/metrics.jsonl",
    ] {
        assert!(sandbox.path("runs/first").join(file).exists(), "{file}");
    }
    // What was run can be run again from what it left.
    sandbox.expect(0, "run runs/first/settings.toml");
    sandbox.write("lobass.toml", config.replace("[select]", "[select]\nstrategie = 1"));
    sandbox.fails("run lobass.toml", &["lobass.toml", "strategie"]);
    sandbox.write("lobass.toml", config.replace("[train]", "[train]\nepoch = 1"));
    sandbox.fails("run lobass.toml", &["epoch"]);
}

#[test]
fn every_default_in_the_config_file_is_the_default() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(300); // three steps of the default recipe
    sandbox.expect(0, "run --init plain.toml");
    let plain =
        sandbox.read("plain.toml").replace("path/to/checkpoint", "base").replace("pool.jsonl", "small.jsonl");
    // Uncomment every line that shows a default; those that need something that is not there stay.
    let spelled: Vec<String> = plain
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") && !needs_something(setting) => setting.to_owned(),
            _ => line.to_owned(),
        })
        .collect();
    sandbox.write("plain.toml", &plain);
    sandbox.write("spelled.toml", spelled.join("\n"));
    assert!(spelled.iter().any(|line| line == "epochs = 1"));
    sandbox.expect(0, "run plain.toml --out one");
    sandbox.expect(0, "run spelled.toml --out two");
    let without_out = |name: &str| sandbox.read(name).lines().skip(1).collect::<Vec<_>>().join("\n");
    let (one, two) = (without_out("one/settings.toml"), without_out("two/settings.toml"));
    let examples = [
        "threads = 2\n",
        "save_every = 100\n",
        "every = 100\n",
        "max_length = 512\n",
        // Named, it is kept: with models in bf16 it is no default.
        "products = \"f32\"\n",
    ];
    let two = examples.into_iter().fold(two, |text, example| text.replace(example, ""));
    assert_eq!(one.trim_end(), two.replace("\nthreads = 2", "").trim_end());
}

fn needs_something(setting: &str) -> bool {
    let names = [
        "quantize_base =",
        "transform =",
        "samples =",
        "mixing =",
        "null = \"path",
        "prior =",
        "mixing_max_passes =",
        "mixing_floor =",
        "memory =",
        "recipe =",
        "beta =",
        "folds =",
        "holdout =",
        "reference =",
        "format =",
        "columns =",
        "dataset_info =",
        "rating =",
        "ratings =",
        "min_rating =",
        "direction =",
        "lengths_of =",
        "min_scored =",
        "min_base_loss =",
        "max_reference_quantile =",
        "shrinkage =",
        "rules =",
        "near_duplicates =",
        "responses =",
        "roles =",
        "embeddings =",
        "diversity =",
        "out_of =",
        "quota_by =",
        "length_bins =",
        "temperature =",
        "shares =",
    ];
    names.iter().any(|name| setting.starts_with(name))
}

#[test]
fn strategies_are_listed() {
    let sandbox = Sandbox::new();
    let json = sandbox.json(0, "strategies");
    let names: Vec<_> =
        json.as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names[0], "lobass");
    let text = sandbox.expect(0, "strategies").stdout;
    assert!(names.iter().all(|name| text.contains(name.as_str())));
}

#[test]
fn a_trained_reference_says_how_it_went() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(120);
    let line = "train --model base --data small.jsonl --out reference --eval-rows 20 --eval-data pool.jsonl \
                --batch-size 20 --epochs 2 --learning-rate 1e-3 --eval-every 5";
    let json = sandbox.json(0, line);
    let outcome = &json["outcome"];
    assert_eq!((outcome["n_examples"].as_u64(), outcome["n_steps"].as_u64()), (Some(100), Some(10)));
    assert!(outcome["held_out_after"].as_f64() < outcome["held_out_before"].as_f64());
    let metrics: Vec<Value> = sandbox
        .read("reference/metrics.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| metrics.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of("step"), of("held_out")), (10, 3));
    assert!(!sandbox.path("reference/work").exists());
    assert!(sandbox.expect(0, line).stderr.contains("train            done before"));
    sandbox.expect(0, "score --base base --reference reference --data small.jsonl --out scores.parquet");
}
