//! References that have seen a row, and those that have not.

use std::collections::BTreeMap;

use lobass_core::{Nll, RowStatus, ScoreRecord};
use lobass_run::{ReferenceMode, ScoreTable, read_table};

use crate::sandbox::Sandbox;

const RUN: &str = "run --base base --data small.jsonl --batch-size 8 --epochs 2 --learning-rate 1e-3 --budget 20% \
                   --out run";

fn run(flags: &str) -> (Sandbox, ScoreTable, String) {
    let sandbox = Sandbox::new();
    sandbox.small_pool(80);
    let ended = sandbox.run(&format!("{RUN} {flags}"));
    assert!(ended.code < 2, "{}", ended.stderr);
    let table = read_table(&sandbox.path("run/scores.parquet")).unwrap();
    (sandbox, table, format!("{}{}", ended.stdout, ended.stderr))
}

fn scored(table: &ScoreTable) -> impl Iterator<Item = &ScoreRecord> {
    table.records.iter().filter(|record| record.status.is_scored())
}

fn close(found: Option<Nll>, expected: Option<Nll>) -> bool {
    (found.unwrap().sum - expected.unwrap().sum).abs() < 1e-9
}

#[test]
fn cross_fitting_scores_every_row_by_a_reference_that_never_saw_it() {
    let (sandbox, table, said) = run("--reference-mode cross-fit --folds 2 --method lora --lora-rank 4");
    assert_eq!(table.manifest.mode, Some(ReferenceMode::CrossFit));
    let of_fold = [table.losses("reference_fold0").unwrap(), table.losses("reference_fold1").unwrap()];
    let mut folds: BTreeMap<u32, usize> = BTreeMap::new();
    let mut by_text: BTreeMap<String, u32> = BTreeMap::new();
    let lines: Vec<String> = sandbox.read("small.jsonl").lines().map(str::to_owned).collect();
    for record in scored(&table) {
        let (at, fold) = (usize::try_from(record.row).unwrap(), record.fold.unwrap());
        *folds.entry(fold).or_default() += 1;
        let (unseen, seen) = (of_fold[fold as usize][at], of_fold[1 - fold as usize][at]);
        assert!(close(record.reference, unseen), "row {at}");
        assert!(close(record.in_sample, seen), "row {at}");
        let row: serde_json::Value = serde_json::from_str(&lines[at]).unwrap();
        let text = format!("{}{}", row["question"], row["answer"]);
        assert_eq!(*by_text.entry(text).or_insert(fold), fold, "repeated rows share a fold");
    }
    assert_eq!(folds.len(), 2);
    assert!(folds.values().all(|&n| n > 20), "{folds:?}");
    assert!(said.contains("seen against unseen: Spearman"), "{said}");
    // Each reference left its fold out, and records it; running again repeats nothing.
    let record = sandbox.read("run/references/fold1/lobass-training.json");
    assert!(record.contains("\"fold\": 1"), "{record}");
    let again = sandbox.run(
        RUN.trim_end_matches(" --out run")
            .to_owned()
            .as_str()
            .replace(
                "run --base",
                "run --reference-mode cross-fit --method lora --lora-rank 4 --out run --base",
            )
            .as_str(),
    );
    assert!(again.stderr.contains("reference_fold0 done before"), "{}", again.stderr);
}

#[test]
fn rows_that_were_set_aside_for_the_reference_are_never_selected() {
    let (sandbox, table, said) = run("--reference-mode holdout --holdout 0.4");
    let held_out: Vec<u64> = table
        .records
        .iter()
        .filter(|record| record.status == RowStatus::HeldOut)
        .inspect(|record| assert_eq!(record.reason.as_deref(), Some("set aside to train the reference")))
        .map(|record| record.row)
        .collect();
    assert!((15..50).contains(&held_out.len()), "{}", held_out.len());
    let index = sandbox.read("run/selected/lobass/index.jsonl");
    assert!(held_out.iter().all(|row| !index.contains(&format!("\"row\":{row},"))));
    assert!(said.contains("loss shed"), "{said}");
    // `lobass score` knows it from the reference's record.
    sandbox.run("score --base base --reference run/reference --data small.jsonl --out scores.parquet");
    let again = read_table(&sandbox.path("scores.parquet")).unwrap();
    assert_eq!(again.records, table.records);
    assert_eq!(again.manifest.mode, Some(ReferenceMode::Holdout));
    let shed = |wanted: &dyn Fn(&ScoreRecord) -> bool| {
        let (mut base, mut tuned) = (0.0, 0.0);
        for record in scored(&table).filter(|record| wanted(record)) {
            base += record.base.unwrap().sum;
            tuned += record.reference.unwrap().sum;
        }
        1.0 - tuned / base
    };
    let (seen, unseen) =
        (shed(&|r| r.status == RowStatus::HeldOut), shed(&|r| r.status != RowStatus::HeldOut));
    assert!(seen > unseen, "what it saw it knows better: {seen} {unseen}");
}

#[test]
fn several_seeds_are_averaged_and_compared() {
    let (sandbox, table, said) = run("--seeds 3 --eval-rows 8");
    let of_seed: Vec<_> =
        (0..3).map(|seed| table.losses(&format!("reference_seed{seed}")).unwrap()).collect();
    for record in scored(&table) {
        let at = usize::try_from(record.row).unwrap();
        let mean = of_seed.iter().map(|losses| losses[at].unwrap().sum).sum::<f64>() / 3.0;
        assert!((record.reference.unwrap().sum - mean).abs() < 1e-9, "row {at}");
    }
    assert!(of_seed[0] != of_seed[1], "seeds are others");
    assert!(said.contains("Spearman") && said.contains("in common"), "{said}");
    assert_eq!(
        table.records.iter().filter(|r| r.status == RowStatus::HeldOut).count(),
        8,
        "the same for all"
    );
    let summary: serde_json::Value = serde_json::from_str(&sandbox.read("run/summary.json")).unwrap();
    assert_eq!(summary["references"]["seeds"]["n_pairs"], 3);
}

#[test]
fn a_trajectory_has_the_losses_of_every_epoch() {
    let (_, table, _) = run("--trajectory");
    let of_epoch: Vec<_> =
        (1..3).map(|epoch| table.losses(&format!("reference_epoch{epoch}")).unwrap()).collect();
    let (mut first, mut last, mut base) = (0.0, 0.0, 0.0);
    for record in scored(&table) {
        let at = usize::try_from(record.row).unwrap();
        assert_eq!(of_epoch[1][at], record.reference, "the last epoch is the reference");
        first += of_epoch[0][at].unwrap().sum;
        last += of_epoch[1][at].unwrap().sum;
        base += record.base.unwrap().sum;
    }
    assert!(base > first && first > last, "{base} {first} {last}");
}

#[test]
fn modes_that_make_no_sense_are_refused_before_anything_is_computed() {
    let sandbox = Sandbox::new();
    sandbox.small_pool(20);
    for (flags, words) in [
        ("--reference-mode cross-fit --folds 1", ["`folds`", "at least 2"]),
        ("--reference-mode holdout --holdout 1.5", ["`holdout`", "between 0 and 1"]),
        ("--folds 3", ["folds", "--reference-mode cross-fit"]),
        ("--holdout 0.3", ["`--holdout` needs", "--reference-mode holdout"]),
        ("--lora-rank 8", ["LoRA", "--method lora"]),
        ("--beta 3", ["beta", "--objective dpo"]),
        ("--seeds 0", ["`seeds`", "at least 1"]),
        ("--recipe alpaca", ["alpaca", "stanford-alpaca"]),
        ("--objective dpo", ["pairs", "chosen and a rejected"]),
    ] {
        sandbox.fails(&format!("{RUN} {flags}"), &words);
    }
}
