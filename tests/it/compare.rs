//! Comparisons of strategies: whole, killed, on several devices, and with held-out examples that the pool contains.

use std::path::Path;
use std::time::{Duration, Instant};

use lobass_evidence::{ALL, Matching, Report};

use crate::sandbox::Sandbox;

/// A small pool, scored by the base and a reference that was trained on it.
fn scored(held_out: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.small_pool(240);
    sandbox.expect(0, &run(held_out));
    sandbox
}

fn run(held_out: usize) -> String {
    format!(
        "run --base base --data small.jsonl --budget 10% --out run --strategy lobass --batch-size 16 --learning-rate 1e-3 \
         --eval-rows {held_out}"
    )
}

const RECIPE: &str = "--budget 10% --epochs 2 --batch-size 8 --learning-rate 1e-3 --resamples 200";

fn compare(rest: &str) -> String {
    format!(
        "compare --scores run/scores.parquet --base base --eval held-out/known.jsonl held-out/learnable.jsonl \
         {RECIPE} {rest}"
    )
}

fn report(sandbox: &Sandbox, dir: &str) -> Report {
    serde_json::from_str(&sandbox.read(&format!("{dir}/results.json"))).unwrap()
}

#[test]
fn a_comparison_says_who_teaches_what_and_at_which_cost() {
    let sandbox = scored(0);
    sandbox.expect(0, &compare("--strategy lobass longest --seeds 2 --out compared"));
    let found = report(&sandbox, "compared");
    let names: Vec<(&str, Option<Matching>)> =
        found.arms.iter().map(|arm| (arm.strategy.as_str(), arm.matching)).collect();
    let trained = |matching| ["full", "random", "lobass", "longest"].map(|name| (name, Some(matching)));
    let expected =
        [vec![("zero-shot", None)], trained(Matching::Tokens).to_vec(), trained(Matching::Epochs).to_vec()];
    assert_eq!(names, expected.concat());

    // The same tokens, to within an example, whatever was selected; or the same passes.
    let tokens = found.matched_tokens.unwrap() as f64;
    for arm in found.arms_of(Matching::Tokens).skip(1) {
        assert!((arm.n_tokens - tokens).abs() < 64.0, "{}: {} for {tokens}", arm.strategy, arm.n_tokens);
    }
    for arm in found.arms_of(Matching::Epochs).skip(1) {
        assert!((arm.passes - 2.0).abs() < 1e-12, "{}: {}", arm.strategy, arm.passes);
        let n_rows = if arm.strategy == "full" { 240.0 } else { 24.0 };
        assert_eq!(arm.n_rows, n_rows);
        assert_eq!(arm.n_steps, 2.0 * (n_rows / 8.0f64).ceil());
    }

    // Two passes and an epoch of the reference for LoBaSS, nothing for the baselines.
    let cost = |name: &str| found.arm(name, Matching::Epochs).unwrap().cost;
    assert_eq!(cost("lobass").scoring, 2.0);
    assert!((cost("lobass").references.unwrap() - 3.0).abs() < 1e-9, "{:?}", cost("lobass"));
    for free in ["longest", "random", "full", "zero-shot"] {
        assert_eq!((cost(free).scoring, cost(free).references), (0.0, Some(0.0)), "{free}");
    }
    assert!((cost("full").total().unwrap() - 6.0).abs() < 1e-9);

    // Values equal those of the sums, and differences are differences of values.
    for arm in &found.arms {
        let all = arm.result(ALL).unwrap();
        let means = arm.seeds.iter().map(|seed| seed.sources[ALL].nll / seed.sources[ALL].n_scored as f64);
        assert!((all.loss.value - means.sum::<f64>() / arm.seeds.len() as f64).abs() < 1e-12);
        assert!(all.loss.low <= all.loss.value && all.loss.value <= all.loss.high);
        let parts: u64 = arm.results[1..].iter().map(|result| result.n_examples).sum();
        assert_eq!(parts, all.n_examples);
    }
    let loss = |name: &str| found.arm(name, Matching::Epochs).unwrap().result(ALL).unwrap().loss.value;
    let difference = found.difference("lobass", "random", Matching::Epochs, ALL).unwrap();
    assert!((difference.loss.value - (loss("lobass") - loss("random"))).abs() < 1e-12);
    // The base has the skills of pretraining, and no others.
    let zero_shot = &found.arms[0];
    assert!(zero_shot.result("known").unwrap().exact.value > 0.8, "{zero_shot:?}");
    assert!(zero_shot.result("learnable").unwrap().exact.value < 0.1, "{zero_shot:?}");
    assert!(loss("full") < zero_shot.result(ALL).unwrap().loss.value);

    // More seeds and strategies are more trials; existing ones stay unchanged.
    let trial = sandbox.path("compared/trials/lobass-epochs-seed1.json");
    let written = fs_err::metadata(&trial).unwrap().modified().unwrap();
    let again =
        sandbox.expect(0, &compare("--strategy lobass longest gap --seeds 3 --match epochs --out compared"));
    assert!(again.stderr.contains("9 of 16 done before"), "{}", again.stderr);
    assert_eq!(fs_err::metadata(&trial).unwrap().modified().unwrap(), written);
    assert_eq!(report(&sandbox, "compared").arms.len(), 6);
    // And other settings are another comparison.
    sandbox.fails(
        &compare("--strategy lobass --out compared --weight-decay 0.5"),
        &["compared", "recipe", "use another directory"],
    );
    sandbox.fails(&compare("--strategy lobass --out run"), &["expected an empty directory"]);
}

#[test]
fn a_killed_comparison_goes_on_and_ends_the_same_on_several_devices_too() {
    let sandbox = scored(0);
    let line = |out: &str| compare(&format!("--strategy lobass --seeds 2 --match epochs --out {out}"));
    let arguments = line("killed");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let first = sandbox.path("killed/trials/zero-shot.json");
    let mut child = sandbox.spawn(&arguments);
    let begun = Instant::now();
    while !first.exists() {
        assert!(begun.elapsed() < Duration::from_mins(2), "no trial was done");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let whole = |dir: &str| sandbox.path(dir).join("results.json").exists();
    assert!(!whole("killed"), "it was killed before its end");

    let again = sandbox.expect(0, &line("killed"));
    assert!(again.stderr.contains("done before"), "{}", again.stderr);
    sandbox.expect(0, &line("whole"));
    sandbox.expect(0, &format!("{} --devices cpu,cpu", line("both")));
    let results = ["killed", "whole", "both"].map(|dir| sandbox.read(&format!("{dir}/results.json")));
    assert!(results[0] == results[1], "taken up, it ends otherwise");
    assert!(results[1] == results[2], "on two devices it ends otherwise");
    let left = |dir: &str| fs_err::read_dir(sandbox.path(dir).join("state")).unwrap().count();
    assert_eq!(["killed", "whole", "both"].map(left), [0, 0, 0]);

    // A process that is killed between writing its result and its end leaves a lock and states.
    let states = sandbox.path("whole/state");
    fs_err::write(states.join("zero-shot.lock"), "").unwrap();
    fs_err::create_dir(states.join("lobass-epochs-seed1")).unwrap();
    sandbox.expect(0, &line("whole"));
    assert_eq!(left("whole"), 0);
}

#[test]
fn held_out_examples_are_never_in_the_pool() {
    let sandbox = scored(40);
    // Two rows of the pool, one of them in other words' clothes, and some that are not there.
    let pool = sandbox.read("small.jsonl");
    let rows: Vec<&str> = pool.lines().take(2).collect();
    let shouted =
        rows[1].to_uppercase().replace("\"QUESTION\"", "\"question\"").replace("\"ANSWER\"", "\"answer\"");
    let others = sandbox.read("held-out/learnable.jsonl");
    let others: Vec<&str> = others.lines().take(5).collect();
    sandbox.write("mixed.jsonl", format!("{}\n{shouted}\n{}\n", rows[0], others.join("\n")));
    let line = |rest: &str| {
        format!(
            "compare --scores run/scores.parquet --base base --strategy lobass --seeds 1 --match epochs {RECIPE} {rest}"
        )
    };
    sandbox.expect(0, &line("--eval mixed.jsonl --out mixed"));
    let found = report(&sandbox, "mixed").held_out;
    assert_eq!((found.n_same_prompt, found.sources[0].n_rows), (2, 5));
    sandbox.fails(&line("--eval mixed.jsonl --overlap refuse --out refused"), &["2 of 7", "--overlap drop"]);
    sandbox.fails(&line("--eval small.jsonl --out none"), &["no held-out example is left"]);

    // Rows that the table holds out, without those that the rest of the pool asks too.
    sandbox.expect(0, &line("--eval-rows --out rows"));
    let found = report(&sandbox, "rows");
    let held_out = &found.held_out;
    let n_kept: u64 = held_out.sources.iter().map(|source| source.n_rows).sum();
    assert_eq!(n_kept + held_out.n_same_prompt + held_out.n_near, 40);
    assert!(held_out.n_same_prompt > 0 && n_kept > 0, "{held_out:?}");
    assert_eq!(found.pool.n_eligible, 200);
    sandbox.expect(2, &line("--out both"));
}

#[test]
fn a_run_names_the_command_that_compares_it() {
    let sandbox = scored(40);
    let shown = sandbox.expect(0, &run(40));
    let command = shown.stdout.lines().find_map(|line| line.trim().strip_prefix("lobass compare"));
    let command = command.unwrap_or_else(|| panic!("{}", shown.stdout));
    sandbox.expect(0, &format!("compare{command}"));
    assert_eq!(report(&sandbox, "run/compared").arms.len(), 2);
    let again = sandbox.expect(0, &run(40));
    assert!(
        again.stdout.contains("compared   with random rows: run/compared/results.md"),
        "{}",
        again.stdout
    );
}

#[test]
fn the_right_response_is_chosen_among_wrong_ones() {
    let sandbox = scored(0);
    let rows: Vec<serde_json::Value> = sandbox
        .read("held-out/known.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let answer = |at: usize| rows[at % rows.len()]["answer"].clone();
    // Of every row the answers of the next ones that differ from its own; the last row has none.
    let with_wrong = |(at, row): (usize, &serde_json::Value)| {
        let others = (at + 1..at + 9).map(answer).filter(|other| *other != row["answer"]).take(2);
        let mut row = row.clone();
        row["wrong"] = if at + 1 == 30 { serde_json::Value::Null } else { others.collect() };
        format!("{row}\n")
    };
    sandbox.write("choices.jsonl", rows.iter().take(30).enumerate().map(with_wrong).collect::<String>());
    let line = |rest: &str| {
        format!(
            "compare --scores run/scores.parquet --base base --strategy lobass --seeds 1 --match epochs {RECIPE} \
             --eval choices.jsonl {rest}"
        )
    };
    let shown = sandbox.expect(0, &line("--wrong-responses wrong --out chosen"));
    assert!(shown.stdout.contains("choice"), "{}", shown.stdout);
    let found = report(&sandbox, "chosen");
    let choice = |name: &str| found.arm(name, Matching::Epochs).unwrap().result(ALL).unwrap().choice.unwrap();
    assert_eq!(choice("zero-shot").value, 1.0, "the base knows these answers");
    for arm in &found.arms {
        assert_eq!(arm.seeds[0].sources[ALL].n_choices, 29, "{}", arm.strategy);
    }
    // Baselines can be left out, and the trials that are done serve.
    let full = "--wrong-responses wrong --baselines full --out chosen";
    let again = sandbox.expect(0, &line(full).replace("--strategy lobass ", ""));
    assert!(again.stderr.contains("1 of 1 done before"), "{}", again.stderr);
    let names: Vec<String> = report(&sandbox, "chosen").arms.into_iter().map(|arm| arm.strategy).collect();
    assert_eq!(names, ["full"]);
    sandbox.expect(0, &line("--wrong-responses wrong --baselines none --out chosen"));
    let names: Vec<String> = report(&sandbox, "chosen").arms.into_iter().map(|arm| arm.strategy).collect();
    assert_eq!(names, ["lobass"]);
    // The same losses, without choices, by a comparison that measures none.
    sandbox.expect(0, &line("--out plain"));
    let plain = report(&sandbox, "plain");
    let losses = |of: &Report| of.arms.iter().map(|arm| arm.results[0].loss.value).collect::<Vec<_>>();
    assert_eq!(losses(&found), losses(&plain));
    assert!(plain.arms.iter().all(|arm| arm.results[0].choice.is_none()));

    sandbox.fails(&line("--wrong-responses others --out x"), &["choices.jsonl", "`others`", "found none"]);
    sandbox.fails(&line("--wrong-responses answer --out x"), &["row 1", "expected a list of texts"]);
    let mut row = rows[0].clone();
    row["wrong"] = [row["answer"].clone()].into_iter().collect();
    sandbox.write("choices.jsonl", format!("{row}\n"));
    sandbox.fails(
        &line("--wrong-responses wrong --out x"),
        &["row 1", "the right response is one of the wrong ones"],
    );
}

#[test]
fn what_cannot_be_compared_is_said_before_anything_is_trained() {
    let sandbox = scored(0);
    let fails = |rest: &str, words: &[&str]| sandbox.fails(&compare(rest), words);
    fails("--strategy lobas --out x", &["lobas"]);
    fails("--strategy lobass --objective dpo --out x", &["sft"]);
    fails("--strategy lobass --baselines none full --out x", &["expected `none` alone"]);
    sandbox.expect(2, &compare("--strategy lobass --seeds 0 --out x"));
    sandbox.expect(2, &compare("--strategy lobass --tokens 6% --out x"));
    sandbox.fails(
        "compare --scores run/scores.parquet --base base --strategy lobass --eval-rows --budget 10% --out x",
        &["no row of the table was held out"],
    );
    assert!(!Path::new(&sandbox.path("x/trials")).exists());
}

#[test]
fn answers_are_decoded_and_drawn_beside_the_losses() {
    let sandbox = scored(0);
    let answer = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        row["answer"].as_str().unwrap().to_owned()
    };
    // Answers of several tokens.
    let held_out = sandbox.read("held-out/known.jsonl");
    let long = held_out.lines().filter(|line| answer(line).contains(' '));
    sandbox.write("known.jsonl", long.take(30).map(|line| format!("{line}\n")).collect::<String>());
    let line = |rest: &str| {
        format!(
            "compare --scores run/scores.parquet --base base --strategy lobass --baselines zero-shot --seeds 1 \
             --match epochs {RECIPE} --eval known.jsonl {rest}"
        )
    };
    let asked = "--answers (?s).+ --answer-samples 2 --answer-tokens 24";
    let shown = sandbox.expect(0, &line(&format!("{asked} --out asked")));
    assert!(shown.stdout.contains("answers") && shown.stdout.contains("sampled"), "{}", shown.stdout);
    assert!(sandbox.read("asked/results.md").contains("sampled answers"));
    let found = report(&sandbox, "asked");
    for arm in &found.arms {
        let result = arm.result(ALL).unwrap();
        let (greedy, sampled) = (result.answer.unwrap(), result.sampled.unwrap());
        // A response that greedy decoding gives token by token is an answer with the same text.
        assert!(greedy.value >= result.exact.value, "{}", arm.strategy);
        assert!((0.0..=1.0).contains(&sampled.value), "{}", arm.strategy);
    }
    let greedy = |name: &str| found.arm(name, Matching::Epochs).unwrap().result(ALL).unwrap().answer.unwrap();
    assert!(greedy("zero-shot").value > 0.5, "the base knows these answers");
    // The same losses without answers; and what was measured without them is measured again.
    sandbox.expect(0, &line("--out plain"));
    let plain = report(&sandbox, "plain");
    let losses = |of: &Report| of.arms.iter().map(|arm| arm.results[0].loss.value).collect::<Vec<_>>();
    assert_eq!(losses(&found), losses(&plain));
    assert!(plain.arms.iter().all(|arm| arm.results[0].answer.is_none()));
    sandbox.fails(&line(&format!("{asked} --out plain")), &["plain", "answers"]);
    // `generation_config.json` names further tokens that end a turn; here every token is one.
    for entry in fs_err::read_dir(sandbox.path("base")).unwrap() {
        let entry = entry.unwrap();
        sandbox.write(
            &format!("short/{}", entry.file_name().to_string_lossy()),
            fs_err::read(entry.path()).unwrap(),
        );
    }
    let every: Vec<usize> = (0..2_000).collect();
    sandbox.write("short/generation_config.json", serde_json::json!({"eos_token_id": every}).to_string());
    let short = line(&format!("{asked} --out short-asked")).replace("--base base", "--base short");
    let shown = sandbox.expect(0, &short).stdout;
    let why = "nswers were measured and are not shown: no model has more than 10 % right ones";
    assert!(shown.contains(why), "{shown}");
    assert!(sandbox.read("short-asked/results.md").contains(why), "the file says it too");
    let found = report(&sandbox, "short-asked");
    let answer = found.arm("zero-shot", Matching::Epochs).unwrap().result(ALL).unwrap().answer.unwrap();
    assert!(answer.value < 0.1, "an answer ends after its first token: {}", answer.value);
    // What was measured with them is not taken for what others would give.
    fs_err::remove_file(sandbox.path("short/generation_config.json")).unwrap();
    sandbox.fails(&short, &["zero-shot.json", "other rows or settings"]);
    // A pattern that no answer has: no column is shown, since all are below the floor.
    let never = "--answers gsm8k --out x";
    sandbox.fails(&line(never), &["expected it to find an answer in a held-out response", "`gsm8k`"]);
    sandbox.fails(&line("--answers ( --out x"), &["the pattern of answers"]);
    sandbox.fails(&line("--answer-samples 2 --out x"), &["--answers"]);
}
