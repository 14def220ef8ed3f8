//! Comparisons of pools of preference pairs: curves, selections, kills, and what is left out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lobass_evidence::ALL;
use lobass_evidence::pairs::{PairMatching, PairMeasure, PairReport, PairSubset};
use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Pairs of the demo's learnable rows: their own answer, and that of another row. Each prompt occurs once.
fn pairs(sandbox: &Sandbox) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let rows: Vec<Value> = sandbox
        .read("pool.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|row| row["kind"] == "learnable" && seen.insert(row["question"].to_string()))
        .collect();
    let other = |at: usize| {
        let mut others = (at + 37..).map(|other| &rows[other % rows.len()]);
        others.find(|other| other["answer"] != rows[at]["answer"]).unwrap()
    };
    let pair = |at: usize| json!({"prompt": rows[at]["question"], "chosen": rows[at]["answer"], "rejected": other(at)["answer"]});
    (0..rows.len()).map(pair).collect()
}

fn swapped(pair: &Value) -> Value {
    json!({"prompt": pair["prompt"], "chosen": pair["rejected"], "rejected": pair["chosen"]})
}

/// Half of the labels are wrong, so they say nothing.
fn random_labels(pairs: &[Value]) -> Vec<Value> {
    pairs
        .iter()
        .enumerate()
        .map(|(at, pair)| if at % 2 == 0 { pair.clone() } else { swapped(pair) })
        .collect()
}

fn write(sandbox: &Sandbox, name: &str, pairs: &[Value]) {
    sandbox.write(name, pairs.iter().map(|pair| format!("{pair}\n")).collect::<String>());
}

/// 80 held-out pairs, some good ones, and the others with random labels.
fn sources(n_good: usize) -> (Sandbox, Vec<Value>) {
    let sandbox = Sandbox::new();
    let all = pairs(&sandbox);
    let (held_out, rest) = all.split_at(80);
    let (good, noise) = rest.split_at(n_good);
    write(&sandbox, "held-out.jsonl", held_out);
    write(&sandbox, "good.jsonl", good);
    (sandbox, random_labels(noise))
}

fn report(sandbox: &Sandbox, dir: &str) -> PairReport {
    serde_json::from_str(&sandbox.read(&format!("{dir}/results.json"))).unwrap()
}

const RECIPE: &str = "compare --pairs --base base --objective dpo --learning-rate 5e-4 --resamples 100";

fn accuracy(report: &PairReport, arm: &str, matching: PairMatching, source: &str) -> f64 {
    report.arm(arm, matching).unwrap().measure(source, PairMeasure::Accuracy).unwrap().value
}

#[test]
fn random_labels_of_one_source_harm_the_others() {
    let (sandbox, noise) = sources(64);
    let learned = |n_noise: usize| {
        write(&sandbox, "noise.jsonl", &noise[..n_noise]);
        let data = if n_noise == 0 { "good=good.jsonl" } else { "good=good.jsonl noise=noise.jsonl" };
        sandbox.expect(
            0,
            &format!(
                "{RECIPE} --data {data} --eval good=held-out.jsonl --shares 100 --match steps --steps 30 --batch-size 16 \
                 --seeds 2 --out n{n_noise}"
            ),
        );
        let found = report(&sandbox, &format!("n{n_noise}"));
        assert_eq!(found.arm("mixed 100 %", PairMatching::Steps).unwrap().n_steps, 30.0);
        accuracy(&found, "mixed 100 %", PairMatching::Steps, ALL)
    };
    let found = [0, 16, 64, 192].map(learned);
    assert!(found.is_sorted_by(|one, other| one > other), "{found:?}");
    assert!(found[0] > 0.75, "{found:?}");
}

#[test]
fn cross_fitted_margins_find_random_labels() {
    let (sandbox, noise) = sources(160);
    write(&sandbox, "noise.jsonl", &noise[..64]);
    let line = format!(
        "{RECIPE} --data good=good.jsonl noise=noise.jsonl --eval good=held-out.jsonl --strategy reward-margin \
         reward-margin:low reward-margin:middle reward-margin:high longest --folds 4 --budget 25% \
         --epochs 4 --batch-size 8 --seeds 1"
    );
    sandbox.expect(0, &format!("{line} --out selected"));
    let found = report(&sandbox, "selected");
    let margins = found.margins.as_ref().unwrap();
    assert_eq!(margins.folds, Some(4));
    let [good, noise] = &margins.sources[..] else { panic!("{margins:?}") };
    // Around zero for labels that say nothing, above it for those that others confirm.
    assert!(noise.quartiles[0] < 0.0 && noise.quartiles[2] > 0.0, "{noise:?}");
    assert!((noise.above_zero - 0.5).abs() < 0.15, "{noise:?}");
    assert!(good.above_zero > 0.75 && good.mean > 3.0 * noise.mean.abs(), "{good:?} {noise:?}");

    // The high end is the strategy's own, so it is one arm. Both ends and the middle are others.
    let names: Vec<String> = found.arms.iter().map(|arm| arm.name.clone()).collect();
    let expected = [
        "untrained",
        "mixed 100 %",
        "random",
        "reward-margin",
        "reward-margin:low",
        "reward-margin:middle",
        "longest",
    ];
    assert_eq!(names, expected);
    let arm = |name: &str| found.arm(name, PairMatching::Epochs).unwrap();
    let of = |name: &str, source: &str| {
        arm(name).sources.iter().find(|found| found.source == source).map_or(0, |found| found.n_rows)
    };
    for name in &expected[2..] {
        assert_eq!(of(name, "good") + of(name, "noise"), 56, "{name}");
    }
    assert!(of("reward-margin", "good") > of("reward-margin:low", "good"));
    let learned = |name| accuracy(&found, name, PairMatching::Epochs, ALL);
    assert!(learned("reward-margin") > learned("reward-margin:low") + 0.2);
    let difference = found.difference("reward-margin", "random", PairMatching::Epochs, ALL).unwrap();
    assert!((difference.accuracy.value - (learned("reward-margin") - learned("random"))).abs() < 1e-12);
    assert!(sandbox.read("selected/results.md").contains("share of noise"));
    assert!(sandbox.path("selected/results-epochs-loss.svg").exists());

    // Margins of pairs that the model has seen are all large: they say what was learned by heart.
    let rest = "reward-margin:low reward-margin:middle reward-margin:high longest --folds 4";
    let alone = line.split_whitespace().collect::<Vec<_>>().join(" ").replace(rest, "");
    sandbox.expect(0, &format!("{alone} --out seen"));
    let seen = report(&sandbox, "seen").margins.unwrap();
    assert_eq!(seen.folds, None);
    assert!(seen.sources[1].above_zero > 0.75, "{seen:?}");
}

#[test]
fn curves_have_nested_shares_of_every_source() {
    let (sandbox, noise) = sources(64);
    write(&sandbox, "noise.jsonl", &noise[..24]);
    let line = format!(
        "{RECIPE} --data good=good.jsonl noise=noise.jsonl --eval-share 20 --shares 50,100 --by-source --batch-size 4 \
         --match epochs,pairs,tokens --seeds 1"
    );
    sandbox.expect(0, &format!("{line} --out curves"));
    let found = report(&sandbox, "curves");
    // A fifth of 64 and of 24 prompts, rounded up.
    let n_pairs = |sources: &[lobass_evidence::pairs::PairSource]| -> Vec<u64> {
        sources.iter().map(|source| source.facts.map_or(0, |facts| facts.n_pairs)).collect()
    };
    assert_eq!((n_pairs(&found.pool), n_pairs(&found.held_out)), (vec![51, 19], vec![13, 5]));
    assert_eq!((found.n_same_prompt, found.eval_share), (0, Some(0.2)));

    // Without training, nothing is preferred.
    let untrained = &found.arms[0];
    assert_eq!((&untrained.subset, untrained.seeds.len()), (&PairSubset::Untrained, 1));
    for source in ["good", "noise"] {
        let value = |measure| untrained.measure(source, measure).unwrap().value;
        assert_eq!((value(PairMeasure::Accuracy), value(PairMeasure::Margin)), (0.5, 0.0));
        assert!((value(PairMeasure::Loss) - std::f64::consts::LN_2).abs() < 1e-12);
    }
    assert_eq!(
        untrained.measure(ALL, PairMeasure::Margin),
        None,
        "sums over sources of unlike length say little"
    );

    let n_rows = |name: &str, matching| found.arm(name, matching).unwrap().n_pairs;
    let names = ["mixed 50 %", "mixed 100 %", "good 50 %", "good 100 %", "noise 50 %", "noise 100 %"];
    assert_eq!(names.map(|name| n_rows(name, PairMatching::Epochs)), [35.0, 70.0, 26.0, 51.0, 10.0, 19.0]);
    assert_eq!(names.map(|name| n_rows(name, PairMatching::Pairs)), [10.0, 19.0, 10.0, 19.0, 10.0, 19.0]);
    let tokens = found.matched_tokens.unwrap() as f64;
    for name in names {
        let arm = found.arm(name, PairMatching::Tokens).unwrap();
        assert!((arm.n_tokens - tokens).abs() < 64.0, "{name}: {} for {tokens}", arm.n_tokens);
    }
    for name in [
        "results.md",
        "results-epochs-accuracy.svg",
        "results-pairs-accuracy-1.svg",
        "results-tokens-accuracy-2.svg",
    ] {
        assert!(!sandbox.read(&format!("curves/{name}")).contains("<script"), "{name}");
    }
    // More shares are more trials; those that are done stay.
    let again = sandbox.expect(0, &format!("{} --out curves", line.replace("50,100", "25,50,100")));
    assert!(again.stderr.contains("mixed 25 %") && !again.stderr.contains("mixed 50 %"), "{}", again.stderr);
    sandbox.fails(
        &format!("{line} --out curves --weight-decay 0.5"),
        &["curves", "recipe", "use another directory"],
    );
    sandbox.fails(&format!("{line} --out curves --beta 0.5"), &["dpo", "use another directory"]);
}

#[test]
fn a_killed_comparison_of_pairs_goes_on_and_ends_the_same_on_several_devices_too() {
    let (sandbox, _) = sources(64);
    let line = |out: &str| {
        format!(
            "{RECIPE} --data good.jsonl --eval good=held-out.jsonl --strategy reward-margin --folds 2 --budget 30% \
             --batch-size 4 --epochs 3 --save-every 2 --seeds 2 --out {out}"
        )
    };
    let arguments = line("killed");
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    for first in ["trials/margins-fold0.json", "trials/random-epochs-seed0.json"] {
        let mut child = sandbox.spawn(&arguments);
        let begun = Instant::now();
        while !sandbox.path("killed").join(first).exists() {
            assert!(begun.elapsed() < Duration::from_mins(2), "no trial was done");
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!sandbox.path("killed/results.json").exists(), "it was killed before its end");
    sandbox.expect(0, &line("killed"));
    sandbox.expect(0, &format!("{} --threads 1", line("whole")));
    let both = sandbox.expect(0, &format!("{} --devices cpu,cpu", line("both")));
    assert!(both.stderr.contains("6 of 6: "), "both workers together train every arm: {}", both.stderr);
    for name in ["results.json", "results.md", "results-epochs-loss.svg"] {
        let whole = sandbox.read(&format!("whole/{name}"));
        assert!(sandbox.read(&format!("killed/{name}")) == whole, "{name}");
        assert!(sandbox.read(&format!("both/{name}")) == whole, "{name} of two devices");
    }
    for dir in ["killed", "both"] {
        assert_eq!(fs_err::read_dir(sandbox.path(dir).join("state")).unwrap().count(), 0);
    }
}

#[test]
fn swapping_all_held_out_pairs_turns_the_accuracy_around() {
    let (sandbox, _) = sources(64);
    let held_out: Vec<Value> =
        sandbox.read("held-out.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    write(&sandbox, "swapped.jsonl", &held_out.iter().map(swapped).collect::<Vec<_>>());
    let [straight, turned] = ["held-out", "swapped"].map(|name| {
        sandbox.expect(
            0,
            &format!("{RECIPE} --data good.jsonl --eval {name}.jsonl --shares 100 --epochs 2 --batch-size 16 --seeds 1 \
                 --out of-{name}"),
        );
        report(&sandbox, &format!("of-{name}"))
    });
    for (one, other) in straight.arms.iter().zip(&turned.arms) {
        let value =
            |arm: &lobass_evidence::pairs::PairArmReport, measure| arm.measure(ALL, measure).unwrap().value;
        let accuracies = [one, other].map(|arm| value(arm, PairMeasure::Accuracy));
        assert!((accuracies[0] + accuracies[1] - 1.0).abs() < 1e-12, "{accuracies:?}");
        assert!((value(one, PairMeasure::Margin) + value(other, PairMeasure::Margin)).abs() < 1e-9);
        assert_eq!(value(one, PairMeasure::Longer), value(other, PairMeasure::Longer));
    }
}

#[test]
fn pairs_that_say_nothing_are_counted_and_left_out() {
    let (sandbox, _) = sources(64);
    let mut rows: Vec<Value> =
        sandbox.read("good.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = |n: usize| vec!["pond"; n].join(" ");
    let pair = |prompt: &str, chosen: &str, rejected: &str| json!({"prompt": prompt, "chosen": chosen, "rejected": rejected});
    rows.push(pair("say pond", "pond", "pond"));
    rows.push(pair("say pond often", &words(60), "pond"));
    rows.push(pair("say roof", &format!("roof {}", words(60)), &format!("root {}", words(60))));
    rows.push(pair("say nothing", "", "nothing"));
    rows.push(json!({"prompt": "say tree", "chosen": "tree"}));
    write(&sandbox, "odd.jsonl", &rows);
    // One held-out pair asks what a pair of the pool asks.
    let mut held_out: Vec<Value> =
        sandbox.read("held-out.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut twin = rows[0].clone();
    twin["prompt"] = json!(twin["prompt"].as_str().unwrap().to_uppercase());
    held_out.push(twin);
    write(&sandbox, "overlapping.jsonl", &held_out);
    let line = format!(
        "{RECIPE} --data odd.jsonl --eval overlapping.jsonl --shares 100 --seeds 1 --batch-size 16 --max-length 48 \
         --overlong truncate"
    );
    let ended = sandbox.expect(1, &format!("{line} --out odd"));
    assert!(
        ended.stderr.contains("1 cut_one_side") && ended.stderr.contains("1 identical"),
        "{}",
        ended.stderr
    );
    let found = report(&sandbox, "odd");
    let statuses: Vec<(&str, u64)> =
        found.pool[0].statuses.iter().map(|(status, n)| (status.as_str(), *n)).collect();
    let expected = [
        ("cut_both", 1),
        ("cut_one_side", 1),
        ("empty_response", 1),
        ("identical", 1),
        ("malformed", 1),
        ("ok", 64),
    ];
    assert_eq!(statuses, expected);
    assert_eq!((found.n_same_prompt, found.held_out[0].facts.unwrap().n_pairs), (1, 80));
    assert_eq!(found.arm("mixed 100 %", PairMatching::Epochs).unwrap().n_pairs, 65.0);
    sandbox.fails(&format!("{line} --overlap refuse --out refused"), &["1 of 81", "--overlap drop"]);
}

#[test]
fn what_means_nothing_for_pairs_is_said_before_anything_is_trained() {
    let (sandbox, _) = sources(64);
    let fails = |rest: &str, words: &[&str]| {
        sandbox.fails(&format!("{RECIPE} --data good.jsonl --out x {rest}"), words);
    };
    for objective in ["", "--objective sft"] {
        let line = format!("compare --pairs --base base --data good.jsonl --out x {objective}");
        sandbox.fails(&line, &["--objective dpo"]);
    }
    fails("--strategy reward-margin", &["--budget"]);
    fails("--budget 10%", &["--strategy"]);
    fails("--strategy ifd --budget 10%", &["ifd", "without the prompt"]);
    fails("--strategy random:low --budget 10%", &["ends"]);
    fails("--strategy reward-margin:top --budget 10%", &["`low`, `middle`, or `high`"]);
    fails("--strategy longest --budget 10% --folds 2", &["--folds", "margins"]);
    fails("--strategy longest --budget 10% --min-scored 3", &["--min-scored"]);
    fails("--match pairs", &["--by-source"]);
    fails("--steps 30", &["--match steps"]);
    fails("--tokens 2Mtok", &["--match tokens"]);
    fails("--shares 1", &["warm"]);
    for unfit in ["--scores s.parquet", "--eval-rows", "--shares 0", "--by-source --strategy random"] {
        sandbox.expect(2, &format!("{RECIPE} --data good.jsonl --out x {unfit}"));
    }
    sandbox.fails(
        &format!("{RECIPE} --data pool.jsonl --out x"),
        &["needs pairs of a chosen and a rejected response"],
    );
    sandbox.fails(&format!("{RECIPE} --data mixed=good.jsonl --out x"), &["NAME=FILE"]);
    for (unfit, flag) in [("--shares 100 --folds 2", "`--folds`"), ("--folds 2", "--strategy")] {
        fails(unfit, &[flag]);
    }
    for flag in ["--answer-samples", "--answer-tokens"] {
        fails(&format!("{flag} 3"), &[flag]);
    }
    // And flags of pairs mean nothing elsewhere, whatever they are beside.
    let table = "compare --scores s.parquet --base base --eval good.jsonl --out x --budget 10%";
    for what in ["--strategy lobass", "--strategy lobass --baselines full"] {
        for flag in ["--steps 3", "--folds 3"] {
            let name = flag.split(' ').next().unwrap();
            sandbox.fails(&format!("{table} {what} {flag}"), &[&format!("`{name}` needs `--pairs`")]);
        }
    }
    for flag in ["--shares 20", "--by-source", "--steps 3"] {
        let name = flag.split(' ').next().unwrap();
        sandbox.fails(&format!("{table} --baselines random {flag}"), &[&format!("`{name}` needs `--pairs`")]);
    }
    let held_out =
        "compare --scores s.parquet --base base --eval-rows --strategy lobass --budget 10% --out x";
    sandbox.fails(&format!("{held_out} --eval-share 5"), &["`--eval-share` needs `--pairs`"]);
    for unfit in ["--shares 20", "--by-source", "--steps 3", "--match steps", "--data-format preference"] {
        sandbox.expect(2, &format!("compare --scores s.parquet --base base --strategy lobass --budget 10% --eval-rows --out x {unfit}"));
    }
    assert!(!sandbox.path("x/trials").exists());
}
