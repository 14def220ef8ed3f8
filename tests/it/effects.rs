//! A flag acts or is refused, a list of other data is refused, and nothing is replaced without a word.

use crate::sandbox::Sandbox;

/// A table of the base's losses.
fn scored(n_rows: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(n_rows);
    sandbox.expect(0, "score --base base --data small.jsonl --out s.parquet -q");
    sandbox
}

#[test]
fn flags_without_effect_are_refused_by_name() {
    let sandbox = scored(20);
    let select = "select --scores s.parquet --budget 5 --index i.jsonl --strategy";
    let cases = [
        ("random --min-rating 4", "`--min-rating` only applies to the strategy `quality`, found `random`"),
        ("random --rating stars", "`--rating` only applies to the strategy `quality`"),
        ("longest --shrinkage 30", "`--shrinkage` only applies to the strategy `lobass`, found `longest`"),
        ("s2l --ascending", "`--ascending` only applies to"),
        ("s2l --descending", "`--descending` only applies to"),
        ("longest --lengths-of gap", "`--lengths-of` only applies to the strategy `length-matched-random`"),
        ("grape --responses all", "strategy `grape` already keeps one response to each prompt"),
        ("s2l --embeddings v.safetensors --diversity k-center", "cannot be combined with `--diversity`"),
        ("longest --quota-by source --shares a=1,a=0", "expected one share for `a`, found two, 1 and 0"),
        ("longest --shares a=1", "need `--quota-by`"),
        ("lobass --shrinkage -1", "`--shrinkage`: expected nats, at least 0, found -1"),
        ("longest --quota-by source --temperature -2", "`--temperature`: expected a number above 0"),
        ("longest --round-robin", "`--round-robin` only applies to the strategy `rds`"),
    ];
    for (flags, expected) in cases {
        sandbox.fails(&format!("{select} {flags}"), &[expected]);
        assert!(!sandbox.path("i.jsonl").exists(), "{flags}");
    }
    let report = "report --scores s.parquet --out r.html";
    sandbox.fails(&format!("{report} --ascending"), &["apply to named strategies"]);
    sandbox.fails(&format!("{report} --base base"), &["`--base` alone", "`--per-token`"]);
    sandbox.fails(&format!("{report} --device cpu"), &["`--device` only applies to the models"]);
    assert!(!sandbox.path("r.html").exists());
    let compare = "compare --scores s.parquet --base base --eval held-out/known.jsonl --out c --strategy";
    sandbox.fails(
        &format!("{compare} longest --budget 5 --match epochs --tokens full"),
        &["`--tokens` only applies"],
    );
    sandbox.fails(&format!("{compare} quality --rating stars --min-rating 3"), &["expected `--budget`"]);
    sandbox.fails(&format!("{compare} longest longest --budget 5"), &["`longest` is given twice"]);
}

#[test]
fn a_selection_can_be_looked_at_before_it_is_written() {
    let sandbox = scored(40);
    let before = fs_err::read_dir(sandbox.path("")).unwrap().count();
    let shown = sandbox.expect(0, "select --scores s.parquet --strategy longest --budget 5").stdout;
    assert!(shown.contains("wrote") && shown.contains("nothing; `--out` writes the kept rows"), "{shown}");
    assert_eq!(fs_err::read_dir(sandbox.path("")).unwrap().count(), before);
    // What is there already is replaced with a word.
    let line = "select --scores s.parquet --strategy longest --budget 5 --index i.jsonl --out o.jsonl";
    assert!(!sandbox.expect(0, line).stderr.contains("replaces"));
    let said = sandbox.expect(0, line).stderr;
    assert!(
        said.contains("i.jsonl was there already") && said.contains("o.jsonl was there already"),
        "{said}"
    );
    assert!(
        !sandbox.expect(0, "report --scores s.parquet --budget 5 --out r.html").stderr.contains("replaces")
    );
    let said = sandbox.expect(0, "report --scores s.parquet --budget 5 --out r.html").stderr;
    assert!(said.contains("r.html was there already"), "{said}");
}

#[test]
fn why_less_is_kept_is_said() {
    let sandbox = Sandbox::new();
    let row = |at: usize| {
        format!("{{\"prompt\":\"q{at}\",\"completion\":\"a\",\"kind\":\"k{at}\",\"stars\":{}}}\n", at % 7)
    };
    sandbox.write("rows.jsonl", (0..40).map(row).collect::<String>());
    sandbox.expect(0, "score --base base --data rows.jsonl --out none.parquet -q");
    let select = "select --scores none.parquet";
    // One part for each row: a few are listed, and the others are counted.
    let shown = sandbox.expect(0, &format!("{select} --strategy random --budget 20 --quota-by kind")).stdout;
    let n_lines = shown.lines().filter(|line| line.contains(" of 1 candidate (")).count();
    assert_eq!(n_lines, 12, "{shown}");
    assert!(shown.contains("in 28 smaller parts"), "{shown}");
    // A share of a part with few candidates, and a guard that leaves nothing.
    let line = format!("{select} --strategy random --budget 20 --quota-by kind --shares k3=1,k5=2");
    let shown = sandbox.expect(1, &line).stdout;
    assert!(shown.contains("the 2 parts with a share have only 2 candidates"), "{shown}");
    sandbox.fails(
        &format!("{select} --strategy longest --budget 5 --min-scored 1000"),
        &[
            "expected candidates, found none among 40 rows",
            "40 (fewer than 1000 scored tokens; a row has at most 2)",
        ],
    );
    // Every row has the same length, so the seed alone decides.
    let shown = sandbox.expect(0, &format!("{select} --strategy longest --budget 5")).stdout;
    assert!(shown.contains("40 candidates have this score, so the seed alone chose"), "{shown}");
    // Ratings that are no use are counted, and keys may be numbers.
    let ratings: String = (0..40)
        .map(|at| {
            let score = ["4", "\"inf\"", "null", "3.5"][at % 4];
            format!("{{\"row\":{at},\"score\":{score}}}\n")
        })
        .collect();
    sandbox.write("ratings.jsonl", ratings);
    let rated =
        sandbox.json(0, &format!("{select} --strategy quality --ratings ratings.jsonl --min-rating 4"));
    let why: Vec<(&str, u64)> = rated["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["why"].as_str().unwrap(), one["n_rows"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        why,
        [("without a rating", 10), ("a rating that is not finite", 10), ("a rating below 4", 10)]
    );
}

#[test]
fn lists_and_tables_of_other_data_are_refused() {
    let sandbox = Sandbox::new();
    let rows = |ids: std::ops::Range<usize>| -> String {
        ids.map(|id| {
            format!("{{\"id\":{id},\"prompt\":\"Count to {id}\",\"completion\":\"one two {id}\"}}\n")
        })
        .collect()
    };
    sandbox.write("one.jsonl", rows(0..12));
    sandbox.write("two.jsonl", rows(100..112));
    for name in ["one", "two"] {
        let score = format!("score --base base --data {name}.jsonl --per-token --out {name}.parquet -q");
        sandbox.expect(0, &score);
        let select = format!(
            "select --scores {name}.parquet --strategy longest --budget 4 --index {name}.list.jsonl -q"
        );
        sandbox.expect(0, &select);
    }
    let other = ["row", "expected key", "it was made from other data"];
    sandbox.fails(
        "mask --scores one.parquet --index two.list.jsonl --out m.parquet",
        &["two.list.jsonl", "row", "expected key", "it was made from other data"],
    );
    let quality = "select --scores one.parquet --strategy quality --budget 3 --index q.jsonl";
    sandbox.fails(&format!("{quality} --ratings two.list.jsonl"), &other);
    let twice = sandbox.read("one.list.jsonl").lines().next().unwrap().to_owned();
    sandbox.write("twice.jsonl", format!("{twice}\n{twice}\n"));
    sandbox.fails(
        "mask --scores one.parquet --index twice.jsonl --out m.parquet",
        &["line 2", "is there twice"],
    );
    // Other rows under the same keys are distinguished by their source.
    sandbox.write("dir/other.jsonl", rows(0..12));
    sandbox.expect(0, "score --base base --data dir/other.jsonl --out other.parquet -q");
    sandbox
        .expect(0, "select --scores other.parquet --strategy longest --budget 4 --index other.list.jsonl -q");
    sandbox.fails(
        "mask --scores one.parquet --index other.list.jsonl --out m.parquet",
        &["expected source `one`, found `other`"],
    );
    assert!(!sandbox.path("m.parquet").exists());
    // A number that is a key.
    sandbox.write("keys.jsonl", "{\"key\":3,\"score\":1}\n{\"key\":5,\"score\":2}\n");
    sandbox.expect(1, &format!("{quality} --ratings keys.jsonl"));
    assert_eq!(sandbox.read("q.jsonl").lines().count(), 2);
    // A row of one file and the table of another.
    let inspect = "inspect --base base --row 1 --data";
    sandbox.fails(
        &format!("{inspect} two.jsonl --scores one.parquet"),
        &["was made from other data than `two.jsonl`"],
    );
    sandbox.expect(0, &format!("{inspect} one.jsonl --scores one.parquet"));
}

#[test]
fn a_row_is_inspected_at_the_time_of_its_table() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(6);
    sandbox.write(
        "time.jinja",
        "{%- for m in messages %}{%- if m.role == 'user' %}{{ strftime_now('%Y-%m-%d %H:%M:%S') }} {{ m.content }}\n\
         {% else %}{{ m.content }}{{ eos_token }}{% endif %}{%- endfor %}",
    );
    let how = "--base base --data small.jsonl --chat-template time.jinja";
    sandbox.expect(0, &format!("score {how} --out s.parquet -q"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let text = |more: &str| {
        sandbox.json(0, &format!("inspect {how} --row 2 {more}"))["text"].as_str().unwrap().to_owned()
    };
    let of_table = text("--scores s.parquet");
    assert_eq!(of_table, text("--scores s.parquet"));
    assert_ne!(of_table, text(""), "without a table it is now");
}

#[test]
fn a_run_of_another_reference_needs_another_directory() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(24);
    for (seed, name) in [(1, "one"), (2, "two")] {
        let train = format!(
            "train --model base --data small.jsonl --batch-size 8 --learning-rate 1e-3 --train-seed {seed} --out {name} -q"
        );
        sandbox.expect(0, &train);
    }
    let run = "run --base base --data small.jsonl --budget 5 --batch-size 8 --out run -q";
    sandbox.expect(0, &format!("{run} --reference one"));
    let table = fs_err::read(sandbox.path("run/scores.parquet")).unwrap();
    let settings = sandbox.read("run/settings.toml");
    sandbox.fails(
        &format!("{run} --reference two"),
        &["expected the reference model", "`one`", "`two`", "another run directory"],
    );
    sandbox.fails(run, &["expected a reference that was given", "found a reference that it trained"]);
    assert_eq!(fs_err::read(sandbox.path("run/scores.parquet")).unwrap(), table);
    assert_eq!(sandbox.read("run/settings.toml"), settings);
    sandbox.expect(0, &format!("{run} --reference one --strategy gap"));
}

#[test]
fn grape_turned_round_still_takes_the_probable_responses() {
    let sandbox = Sandbox::new();
    let mut rows = String::new();
    for prompt in 0..5 {
        for response in ["It is seven.", "zq xv jk wq vv zz kq xx jj!"] {
            rows += &format!(
                "{{\"prompt\":\"What is {prompt} and 3?\",\"completion\":\"{response}\",\"id\":\"{prompt}{}\"}}\n",
                &response[..1]
            );
        }
    }
    sandbox.write("rows.jsonl", rows);
    sandbox.expect(0, "score --base base --data rows.jsonl --out s.parquet -q");
    for end in ["--ascending", "--descending"] {
        sandbox.expect(
            0,
            &format!(
                "select --scores s.parquet --strategy grape --budget 5 {end} --index {}.jsonl -q",
                &end[2..]
            ),
        );
    }
    let keys = |name: &str| -> Vec<String> {
        let key = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].as_str().unwrap().to_owned()
        };
        sandbox.read(name).lines().map(key).collect()
    };
    let (easy, hard) = (keys("ascending.jsonl"), keys("descending.jsonl"));
    let mut turned = hard.clone();
    turned.reverse();
    assert_eq!(easy, turned, "the same responses, the hardest prompts first");
    let of_response: std::collections::BTreeSet<&str> = easy.iter().map(|key| &key[1..]).collect();
    assert_eq!(of_response.len(), 1, "the more probable response of every prompt: {easy:?}");
}

#[test]
fn addresses_are_shown_without_passwords() {
    let sandbox = Sandbox::new();
    for line in [
        "status --work s3://key:s3/cret@bucket/run",
        "status s3://key:s3cret@bucket/run",
        "inspect --base https://user:s3cret@host/model --data small.jsonl",
        "score --base base --data https://user:s3cret@host/pool.jsonl?token=s3cret --out s.parquet",
    ] {
        let said = sandbox.expect(2, line).stderr;
        assert!(
            !said.contains("s3cret") && !said.contains("s3/cret") && said.contains(".."),
            "{line}: {said}"
        );
    }
}
