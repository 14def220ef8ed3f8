//! The setting and the data of a comparison of pairs, as text.

use super::facts::{PairFacts, PairSource};
use super::report::PairReport;
use crate::markdown::{count, table};

pub(super) fn setting(report: &PairReport) -> String {
    let recipe = &report.recipe;
    let n_seeds = report.arms.iter().map(|arm| arm.seeds.len()).max().unwrap_or_default();
    let mut rows = vec![
        ("base", format!("{} parameters", count(report.base.n_parameters as f64))),
        ("objective", format!("{}, beta {}", report.objective, report.beta)),
        (
            "recipe",
            format!(
                "{} fine-tuning, {} epochs, batches of {} pairs, learning rate {:e}, {}",
                recipe.method, recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.schedule
            ),
        ),
        ("seeds", n_seeds.to_string()),
        ("held out", held_out(report)),
        (
            "intervals",
            format!(
                "{:.0} %, {} resamples of held-out pairs and seeds",
                100.0 * report.bootstrap.level,
                count(report.bootstrap.n_resamples.into())
            ),
        ),
    ];
    if let Some(budget) = &report.budget {
        rows.push(("selected", budget.clone()));
    }
    rows.iter().map(|(what, value)| format!("- {what}: {value}\n")).collect()
}

fn held_out(report: &PairReport) -> String {
    let from = match report.eval_share {
        Some(share) => format!("{} % of the prompts of each source", 100.0 * share),
        None => "files".to_owned(),
    };
    let (same, near) = (count(report.n_same_prompt as f64), count(report.n_near as f64));
    format!(
        "{from}; left out: {same} with a prompt of the pool, {near} that are nearly the same as a pair of it"
    )
}

/// The sources, with what no training changes.
pub(super) fn data(report: &PairReport) -> String {
    let row = |part: &str, source: &PairSource| {
        let left_out: Vec<String> = source
            .statuses
            .iter()
            .filter(|(status, _)| !matches!(status.as_str(), "ok" | "cut_both"))
            .map(|(status, n)| format!("{} {status}", count(*n as f64)))
            .collect();
        let number = |of: &dyn Fn(&PairFacts) -> Option<String>| {
            source.facts.as_ref().and_then(of).unwrap_or_else(|| "-".to_owned())
        };
        vec![
            format!("{part}, {}", source.source),
            number(&|facts| Some(count(facts.n_pairs as f64))),
            count(source.n_prompts as f64),
            if left_out.is_empty() { "-".to_owned() } else { left_out.join(", ") },
            number(&|facts| Some(format!("{:.3}", facts.base_chosen))),
            number(&|facts| Some(format!("{:.3}", facts.base_rejected))),
            number(&|facts| facts.longer_chosen.map(|share| format!("{:.1} %", 100.0 * share))),
            number(&|facts| Some(format!("{:.1} %", 100.0 * facts.length_rule))),
            number(&|facts| Some(count(facts.n_length_matched as f64))),
        ]
    };
    let pool = report.pool.iter().map(|source| row("pool", source));
    let rows: Vec<Vec<String>> =
        pool.chain(report.held_out.iter().map(|source| row("held out", source))).collect();
    let headings = [
        "pairs",
        "used",
        "prompts",
        "left out",
        "base's loss of chosen",
        "of rejected",
        "longer is chosen",
        "accuracy by length alone",
        "of one length",
    ];
    let rule = if report.rule_prefers_longer { "longer" } else { "shorter" };
    let margins = margins(report);
    format!(
        "{}\nThe base's losses are in nats per scored token. *By length alone* prefers the {rule} response, as most pairs of \
         the pool do; pairs *of one length* differ by at most a tenth.\n{margins}",
        table(&headings, &rows)
    )
}

fn margins(report: &PairReport) -> String {
    let Some(margins) = &report.margins else { return String::new() };
    let rows: Vec<Vec<String>> = margins
        .sources
        .iter()
        .map(|source| {
            let [low, middle, high] = source.quartiles;
            vec![
                source.source.clone(),
                count(source.n_pairs as f64),
                format!("{:+.2}", source.mean),
                format!("{low:+.2}"),
                format!("{middle:+.2}"),
                format!("{high:+.2}"),
                format!("{:.1} %", 100.0 * source.above_zero),
            ]
        })
        .collect();
    let how = match margins.folds {
        Some(folds) => {
            format!("Each pair is in one of {folds} folds, and the model has seen the other folds only")
        }
        None => "The model has seen the pairs".to_owned(),
    };
    let headings = ["source", "pairs", "mean", "first quartile", "median", "third quartile", "above 0"];
    format!("\nMargins that strategies read, in nats. {how}.\n\n{}", table(&headings, &rows))
}
