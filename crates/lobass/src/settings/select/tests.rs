//! Which settings affect which strategy, and the errors for the others.

use super::*;
use crate::settings::{Diversity, Responses};

/// Settings with a budget and whatever a strategy cannot do without.
fn settings(strategy: &str) -> SelectSettings {
    let mut settings = SelectSettings { budget: Some("10".to_owned()), ..SelectSettings::default() };
    match strategy {
        "quality" => settings.rating = Some("stars".to_owned()),
        "demonstration-advantage" | "demonstration-advantage-mean" => {
            settings.samples = Some("samples.parquet".into());
        }
        "rds" => {
            settings.sets.embeddings = Some("pool.safetensors".into());
            settings.sets.query_embeddings = vec!["queries.safetensors".into()];
        }
        _ => {}
    }
    settings
}

fn with_vectors(settings: &mut SelectSettings, diversity: Diversity) {
    settings.sets.embeddings = Some("pool.safetensors".into());
    settings.sets.diversity = Some(diversity);
}

/// A flag, what it sets, and the strategies that take it: all, all but some, or some.
type Flag = (&'static str, fn(&mut SelectSettings), Taken);

enum Taken {
    By(&'static [&'static str]),
    ByAllBut(&'static [&'static str]),
}

const FLAGS: [Flag; 18] = [
    ("--rating", |s| s.rating = Some("stars".into()), Taken::By(&["quality"])),
    ("--ratings", |s| s.ratings = Some("stars.jsonl".into()), Taken::By(&["quality"])),
    ("--min-rating", |s| s.min_rating = Some(4.0), Taken::By(&["quality"])),
    (
        "--samples",
        |s| s.samples = Some("s.parquet".into()),
        Taken::By(&["demonstration-advantage", "demonstration-advantage-mean"]),
    ),
    ("--lengths-of", |s| s.lengths_of = Some("lobass".into()), Taken::By(&["length-matched-random"])),
    ("--ascending", |s| s.direction = Some(DirectionWord::Ascending), Taken::ByAllBut(&["s2l"])),
    ("--descending", |s| s.direction = Some(DirectionWord::Descending), Taken::ByAllBut(&["s2l"])),
    ("--shrinkage", |s| s.shape.shrinkage = Some(30.0), Taken::By(&["lobass", "length-matched-random"])),
    ("--responses all", |s| s.shape.responses = Some(Responses::All), Taken::ByAllBut(&["grape", "lark"])),
    ("--responses best", |s| s.shape.responses = Some(Responses::Best), Taken::ByAllBut(&[])),
    ("--round-robin", |s| s.sets.round_robin = true, Taken::By(&["rds"])),
    ("--query-embeddings", |s| s.sets.query_embeddings = vec!["q.safetensors".into()], Taken::By(&["rds"])),
    ("--embeddings", |s| s.sets.embeddings = Some("p.safetensors".into()), Taken::By(&["rds"])),
    (
        "--diversity",
        |s| with_vectors(s, Diversity::KCenter),
        Taken::ByAllBut(&["s2l", "length-matched-random"]),
    ),
    ("--out-of", |s| s.sets.out_of = Some(3.0), Taken::By(&[])),
    ("--min-scored", |s| s.shape.min_scored = Some(3), Taken::ByAllBut(&[])),
    ("--max-reference-quantile", |s| s.shape.max_reference_quantile = Some(0.9), Taken::ByAllBut(&[])),
    ("--quota-by", |s| s.shape.quota_by = Some("source".into()), Taken::ByAllBut(&[])),
];

#[test]
fn a_flag_acts_or_is_refused() {
    for name in strategies::all().iter().map(|strategy| strategy.name()) {
        settings(name).check([name]).unwrap();
        for (flag, set, taken) in &FLAGS {
            let mut settings = settings(name);
            set(&mut settings);
            let expected = match taken {
                Taken::By(some) => some.contains(&name),
                Taken::ByAllBut(some) => !some.contains(&name),
            };
            match (settings.check([name]), expected) {
                (Ok(()), true) => {}
                (Err(error), false) => {
                    let error = error.to_string();
                    let first = flag.split(' ').next().unwrap();
                    assert!(error.contains(first), "{name} {flag}: the message names the flag: {error}");
                }
                (found, _) => panic!("{name} {flag}: {found:?}"),
            }
        }
    }
}

#[test]
fn of_several_strategies_one_has_to_take_a_flag() {
    let shrunken = |names: &[&str]| {
        let mut settings = settings("lobass");
        settings.shape.shrinkage = Some(30.0);
        settings.check(names.iter().copied())
    };
    assert!(shrunken(&["gap", "lobass"]).is_ok());
    let error = shrunken(&["gap", "longest"]).unwrap_err().to_string();
    assert_eq!(error, "`--shrinkage` only applies to the strategy `lobass`, found `gap`, `longest`");

    let turned = SelectSettings { direction: Some(DirectionWord::Ascending), ..settings("lobass") };
    turned.check(["s2l", "lobass"]).unwrap();
    assert_eq!(turned.direction_of(turned.strategy("s2l").unwrap()), None);
    assert_eq!(turned.direction_of(&Lobass), Some(Direction::Ascending));
    assert_eq!(turned.only("s2l").unwrap().spelled(), "");
    assert_eq!(turned.only("lobass").unwrap().spelled(), " --ascending");

    let mut robin = SelectSettings { direction: Some(DirectionWord::Ascending), ..settings("rds") };
    robin.sets.round_robin = true;
    let error = robin.check(["rds"]).unwrap_err().to_string();
    assert!(error.contains("`--round-robin` takes rows from tasks in turn"), "{error}");
    robin.check(["rds", "lobass"]).unwrap();
}

#[test]
fn a_least_rating_is_a_budget_of_ratings_alone() {
    let settings = SelectSettings { budget: None, min_rating: Some(4.0), ..settings("quality") };
    settings.check(["quality"]).unwrap();
    assert_eq!(settings.budget().unwrap(), Budget::Fraction(1.0));
    let error = settings.check(["quality", "random"]).unwrap_err().to_string();
    assert!(error.contains("strategy `random`: expected `--budget`"), "{error}");
    SelectSettings { budget: Some("5".into()), ..settings }.check(["quality", "random"]).unwrap();
}

#[test]
fn a_strategy_is_given_once() {
    for twice in [["lobass", "lobass"], ["lobass", "davir"]] {
        let error = settings("lobass").check(twice).unwrap_err().to_string();
        assert_eq!(error, "strategy `lobass` is given twice");
    }
}

#[test]
fn lengths_are_of_strategies_of_sums() {
    for other in ["quality", "grape", "lark", "s2l", "rds", "s-ifd", "length-matched-random"] {
        let settings = SelectSettings { lengths_of: Some(other.to_owned()), ..settings("lobass") };
        let error = settings.check(["length-matched-random"]).unwrap_err().to_string();
        assert!(error.contains("`--lengths-of` needs a strategy computed from loss sums"), "{error}");
    }
}

#[test]
fn all_faults_of_settings_are_said_at_once() {
    let mut wrong = SelectSettings { budget: None, ..settings("lobass") };
    wrong.shape.temperature = Some(2.0);
    let error = wrong.check(["lobas", "quality"]).unwrap_err().to_string();
    for words in ["3 things are wrong", "did you mean `lobass`?", "--budget", "need `--quota-by`"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    let error = wrong.check(["quality"]).unwrap_err().to_string();
    assert!(error.contains("strategy `quality`: expected ratings"), "{error}");
}
