//! The results of replicates as Markdown.

use super::agreement::{Agreement, agreements};
use super::answers::answers;
use super::budgets::curves;
use super::robustness::robustness;
use super::study::{INTERVAL, Replicate, StudyClaim, arm_of, choice, matching, primary, study_claims};
use super::t_interval;
use super::variants::variants;
use crate::markdown::{interval, mean_of, signed, table};
use crate::{ArmReport, Report};

/// What the comparisons of a study measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StudyResults {
    /// By replicate.
    pub replicates: Vec<Replicate>,
    /// By replicate: how much the scores of further references agree with those of the first.
    pub agreements: Vec<Vec<Agreement>>,
    /// By replicate: the comparisons with a model of another family.
    pub other_family: Vec<Replicate>,
    /// The comparisons on one larger pool.
    pub large: Replicate,
}

/// The tables of a study, with t intervals over replicates, and the plots that they show by their file names. Parts without
/// results are left out.
pub fn study_page(results: &StudyResults, name: &str, folder: &str) -> (String, Vec<(String, String)>) {
    let replicates = &results.replicates;
    let n_whole = replicates.iter().filter(|replicate| !replicate.is_empty()).count();
    let mut text = format!(
        "Replicates with results so far: {n_whole}. In brackets are 95 % t intervals over replicates. Numbers below zero are \
         for the claim.\n\n{}\n",
        claims(&study_claims(replicates))
    );
    let mut plots = Vec::new();
    let curves = curves(replicates).into_iter().map(|(what, curve)| {
        let file = format!("{name}-{what}.svg");
        let shown = format!("![{}]({folder}{file})\n", curve.title);
        plots.push((file, curve.svg()));
        shown
    });
    let curves: Vec<String> = curves.collect();
    let sections = [
        ("Other settings", robustness(replicates, &results.other_family)),
        ("Other references", agreements(&results.agreements)),
        ("Budgets", (!curves.is_empty()).then(|| curves.join("\n"))),
        ("Variants", variants(replicates)),
        ("Answers", answers(replicates)),
    ];
    for (heading, section) in sections {
        if let Some(section) = section {
            text += &format!("\n### {heading}\n\n{section}");
        }
    }
    for group in group_names(replicates) {
        text += &format!("\n### {group}\n\n{}", arms(replicates, &group));
    }
    let large = std::slice::from_ref(&results.large);
    for group in group_names(large) {
        text += &format!("\n### One pool of 8,000 rows: {group}\n\n{}", arms(large, &group));
    }
    (text, plots)
}

fn claims(claims: &[StudyClaim]) -> String {
    let rows: Vec<Vec<String>> = claims
        .iter()
        .map(|claim| {
            let p = |at: usize| claim.p.map_or("-".to_owned(), |p| format!("{:.4}", p[at]));
            vec![
                claim.what.to_owned(),
                claim.number.to_owned(),
                claim.numbers.len().to_string(),
                mean_of(claim.estimate, &claim.numbers, signed),
                p(0),
                p(1),
                claim.verdict.as_str().to_owned(),
            ]
        })
        .collect();
    table(&["claim", "number", "replicates", "mean", "p", "p, corrected", "verdict"], &rows)
}

fn group_names(replicates: &[Replicate]) -> Vec<String> {
    let mut names: Vec<String> = replicates.iter().flat_map(|replicate| replicate.keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

fn arms(replicates: &[Replicate], group: &str) -> String {
    let reports: Vec<&Report> = replicates.iter().filter_map(|replicate| replicate.get(group)).collect();
    let mut names: Vec<String> = Vec::new();
    for arm in reports.iter().flat_map(|report| &report.arms) {
        if !names.contains(&arm.strategy) {
            names.push(arm.strategy.clone());
        }
    }
    let rows: Vec<Vec<String>> = names
        .iter()
        .map(|name| {
            let found: Vec<&ArmReport> = reports.iter().filter_map(|report| arm_of(report, name)).collect();
            let all = |measure: fn(&ArmReport) -> Option<f64>| {
                found.iter().filter_map(|arm| measure(arm)).collect::<Vec<f64>>()
            };
            let against = |measure: fn(&ArmReport) -> Option<f64>| -> Vec<f64> {
                let of = |report: &&Report| {
                    let (one, other) = (arm_of(report, name)?, arm_of(report, "random")?);
                    Some(measure(one)? - measure(other)?)
                };
                reports.iter().filter(|_| name != "random").filter_map(of).collect()
            };
            let cell = |numbers: Vec<f64>, say| mean_of(t_interval(&numbers, INTERVAL), &numbers, say);
            vec![
                name.clone(),
                found.len().to_string(),
                format!("{:.0}", found.iter().map(|arm| arm.n_rows).sum::<f64>() / found.len() as f64),
                format!("{:.0}", found.iter().map(|arm| arm.n_steps).sum::<f64>() / found.len() as f64),
                cell(all(primary), interval),
                cell(against(primary), signed),
                cell(all(choice), interval),
                cell(against(choice), signed),
            ]
        })
        .collect();
    let at = reports.first().and_then(|report| matching(report));
    let at = at.map_or(String::new(), |matching| format!("At equal {matching}.\n\n"));
    let headings = [
        "strategy",
        "replicates",
        "rows",
        "steps",
        "loss",
        "loss against random",
        "choice",
        "choice against random",
    ];
    format!("{at}{}", table(&headings, &rows))
}
