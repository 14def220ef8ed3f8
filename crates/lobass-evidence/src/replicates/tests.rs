//! Claims and tables of made-up replicates.

use super::{Agreement, Replicate, StudyResults, study_claims, study_page};
use crate::{
    ArmReport, Bootstrap, Cost, Estimate, HeldOutRecord, Matching, ModelRecord, PoolRecord, RecipeRecord,
    Report, SourceCount, SourceResult, Verdict,
};

fn exactly(value: f64) -> Estimate {
    Estimate { value, low: value, high: value }
}

fn counts(alpaca: u64, gsm8k: u64) -> Vec<SourceCount> {
    [("alpaca", alpaca), ("gsm8k", gsm8k)]
        .map(|(source, n_rows)| SourceCount { source: source.to_owned(), n_rows })
        .to_vec()
}

/// An arm with a loss on both sources.
fn arm(strategy: &str, losses: [f64; 2], length_correlation: f64, sources: Vec<SourceCount>) -> ArmReport {
    let result = |(source, loss): (&str, f64)| SourceResult {
        source: source.to_owned(),
        n_examples: 4,
        loss: exactly(loss),
        exact: exactly(0.0),
        matched: exactly(0.5),
        choice: Some(exactly(0.25)),
        answer: None,
        sampled: None,
    };
    ArmReport {
        strategy: strategy.to_owned(),
        turned: None,
        shrinkage: None,
        matching: Some(Matching::Epochs),
        n_rows: 8.0,
        n_tokens: 80.0,
        n_steps: 3.0,
        passes: 3.0,
        cost: Cost::default(),
        length_correlation: Some(length_correlation),
        mean_scored_tokens: None,
        sources,
        // The number of all sources together is not what the primary measure averages.
        results: [("all", 9.0), ("alpaca", losses[0]), ("gsm8k", losses[1])].map(result).to_vec(),
        seeds: Vec::new(),
    }
}

fn report(arms: Vec<ArmReport>) -> Report {
    Report {
        version: 1,
        tool: String::new(),
        base: ModelRecord { weights_digest: String::new(), n_parameters: 1 },
        pool: PoolRecord {
            plan: String::new(),
            digest: None,
            n_rows: 10,
            n_eligible: 10,
            n_tokens: 100,
            sources: counts(5, 5),
        },
        budget: "6%".to_owned(),
        recipe: RecipeRecord {
            method: "full".to_owned(),
            epochs: 3,
            batch_size: 16,
            learning_rate: 1e-4,
            schedule: "cosine".to_owned(),
        },
        matched_tokens: None,
        bootstrap: Bootstrap::default(),
        held_out: HeldOutRecord {
            sources: counts(2, 2),
            n_scored: 40,
            n_unscorable: 0,
            n_same_prompt: 0,
            n_near: 0,
        },
        arms,
        differences: Vec::new(),
    }
}

/// LoBaSS is better than random rows and than `gap`, balanced, and depends less on length; all rows are better than it.
fn replicate(at: usize) -> Replicate {
    let off = 0.01 * at as f64;
    let small = report(vec![
        arm("random", [2.0, 1.0 + off], 0.0, counts(4, 4)),
        arm("lobass", [1.9, 1.0], -0.2, counts(4, 4)),
        arm("gap", [2.0, 1.1 + off], 0.5, counts(8, 0)),
        arm("gap-sum", [2.5, 1.1], 0.9, counts(8, 0)),
    ]);
    let full = report(vec![arm("full", [1.5, 0.9 - off], 0.0, counts(5, 5))]);
    let medium =
        report(vec![arm("lobass", [1.9, 1.0], 0.0, counts(4, 4)), arm("gap", [1.9, 1.0], 0.0, counts(6, 2))]);
    [("epochs-6", small), ("epochs-full", full), ("epochs-16.7", medium)]
        .map(|(name, report)| (name.to_owned(), report))
        .into_iter()
        .collect()
}

#[test]
fn eight_replicates_decide_what_all_of_them_agree_on() {
    let claims = study_claims(&(0..8).map(replicate).collect::<Vec<_>>());
    let verdicts: Vec<Verdict> = claims.iter().map(|claim| claim.verdict).collect();
    let (holds, fails) = (Verdict::Holds, Verdict::Fails);
    assert_eq!(verdicts, [fails, Verdict::Undecided, holds, holds, holds, holds]);
    assert!(claims[1].numbers.is_empty() && claims[1].p.is_none(), "equal tokens were not compared");
    // (1.9 + 1.0) / 2 - (2.0 + 1.0) / 2, and the distance of 6 to 2 from 5 to 5.
    assert!((claims[2].numbers[0] + 0.05).abs() < 1e-12);
    assert_eq!(claims[4].numbers[0], -0.25);
    assert!((claims[5].numbers[0] + 0.7).abs() < 1e-12);
    assert_eq!(claims[2].p, Some([2.0 / 256.0, 12.0 / 256.0]));
}

#[test]
fn five_replicates_decide_nothing() {
    let claims = study_claims(&(0..5).map(replicate).collect::<Vec<_>>());
    assert!(claims.iter().all(|claim| claim.verdict == Verdict::Undecided));
}

fn study_tables(replicates: &[Replicate]) -> String {
    let results = StudyResults { replicates: replicates.to_vec(), ..StudyResults::default() };
    study_page(&results, "study", "").0
}

#[test]
fn tables_have_every_arm_and_say_how_many_replicates_have_it() {
    let text = study_tables(&[replicate(0), replicate(1), Replicate::new()]);
    assert!(text.contains("Replicates with results so far: 2."), "{text}");
    assert!(text.contains("### epochs-16.7") && text.contains("### epochs-full"), "{text}");
    let line = text.lines().find(|line| line.starts_with("| lobass | 2 | 8 | 3 |")).unwrap();
    assert!(line.contains("1.4500 [1.4500, 1.4500]") && line.contains("0.2500"), "{line}");
    let alone = study_tables(&[replicate(0)]);
    assert!(alone.contains("| -0.0500 | 1.0000 |"), "one replicate has no interval: {alone}");
}

/// A replicate with further comparisons: half the learning rate turns the sign, and a variant is better than lobass.
fn further(at: usize) -> Replicate {
    let mut found = replicate(at);
    let small = |lobass: f64| {
        report(vec![
            arm("lobass", [lobass, 1.0], 0.0, counts(4, 4)),
            arm("random", [2.0, 1.0], 0.0, counts(4, 4)),
        ])
    };
    let full = report(vec![arm("full", [1.5, 0.9], 0.0, counts(5, 5))]);
    let further = [
        ("rate-half-6", small(2.2)),
        ("rate-half-full", full),
        ("reference-seed-1-6", small(1.8)),
        ("quota-length", small(1.7)),
        ("curve-3", small(2.4)),
        ("curve-50", small(1.6 + 0.01 * at as f64)),
    ];
    found.extend(further.map(|(name, report)| (name.to_owned(), report)));
    found
}

#[test]
fn other_settings_say_where_the_sign_flips() {
    let text = study_tables(&[further(0), replicate(1)]);
    let line = |start: &str| {
        text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    let cells = "| +0.1000 | -0.0500 | +0.4000 | +0.2500 | random 1 of 1, full 0 of 1 |";
    assert_eq!(line("| half the learning rate"), format!("| half the learning rate {cells}"));
    // Random rows and all rows are those of the claims.
    let cells = "| -0.1000 | -0.0500 | +0.2000 | +0.2500 | random 0 of 1, full 0 of 1 |";
    assert_eq!(line("| reference with another seed"), format!("| reference with another seed {cells}"));
    assert!(!text.contains("double the learning rate"), "{text}");
    assert!(!study_tables(&[replicate(0)]).contains("### Other settings"));
}

#[test]
fn a_model_of_another_family_stands_beside_the_same_replicates() {
    let mut family = replicate(1);
    family.insert("epochs-6".to_owned(), further(0).remove("rate-half-6").unwrap());
    let results = StudyResults {
        replicates: vec![replicate(0), replicate(1), replicate(2)],
        other_family: vec![Replicate::new(), family],
        ..StudyResults::default()
    };
    let text = study_page(&results, "study", "").0;
    let line = text.lines().find(|line| line.starts_with("| Gemma 3 270M |")).unwrap();
    // (2.2 + 1.0) / 2 - (2.0 + 1.0) / 2 against (1.9 + 1.0) / 2 - (2.0 + 1.01) / 2, and the same against all rows.
    assert!(
        line.contains("| +0.1000 | -0.0550 | +0.4050 | +0.2550 | random 1 of 1, full 0 of 1 |"),
        "{line}"
    );
}

#[test]
fn answers_are_compared_above_the_floor_only() {
    let said = |share: f64| {
        let mut one = replicate(0);
        let full = &mut one.get_mut("epochs-full").unwrap().arms[0];
        full.results[2].answer = Some(exactly(share));
        study_tables(&[one])
    };
    assert!(said(0.05).contains("right for 5.0 % of the held-out questions of gsm8k. That is at most 10 %"));
    assert!(said(0.125).contains("answers can be compared"));
    assert!(!study_tables(&[replicate(0)]).contains("### Answers"));
}

#[test]
fn variants_are_chosen_and_tested_on_different_replicates() {
    let mut replicates: Vec<Replicate> = (0..8).map(replicate).collect();
    for at in [0, 1, 5] {
        replicates[at] = further(at);
    }
    let text = study_tables(&replicates);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("| quota-length |")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(
        lines[0].starts_with("| quota-length | chosen on | 2 | **-0.1000 [-0.1000, -0.1000]** |"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("| quota-length | tested on | 1 | -0.1000 |"), "{lines:?}");
}

#[test]
fn curves_have_the_budgets_that_several_replicates_have() {
    let results = |replicates| {
        study_page(&StudyResults { replicates, ..StudyResults::default() }, "study", "evidence/")
    };
    let (text, plots) = results(vec![further(0), further(1)]);
    let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["study-loss.svg", "study-choice.svg"]);
    assert!(text.contains("](evidence/study-loss.svg)"), "{text}");
    // lobass at four budgets, gap at two, random at three.
    assert_eq!(plots[0].1.matches("<circle").count(), 4 + 2 + 3, "{}", plots[0].1);
    assert!(results(vec![further(0)]).1.is_empty(), "one replicate has no interval");
}

#[test]
fn agreement_stands_beside_chance() {
    let one = Agreement {
        table: "scores-lora".to_owned(),
        n_rows: 1800,
        n_top: 108.0,
        n_common: 54,
        spearman: 0.75,
    };
    let results = StudyResults { agreements: vec![vec![], vec![one]], ..StudyResults::default() };
    let text = study_page(&results, "study", "").0;
    assert!(text.contains("| lora | 1 | 0.750 | 54 of 108 | 6.5 |"), "{text}");
}
