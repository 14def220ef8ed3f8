//! Reports as a page: tables, verdicts, and plots.

use lobass_select::Strategy as _;
use lobass_select::strategies::Random;

use crate::markdown::{count, interval, percent, signed, table};
use crate::{
    ALL, ArmReport, Cost, Difference, Estimate, FULL, Mark, Matching, Plot, Report, SourceCount,
    SourceResult, ZERO_SHOT, claims,
};

/// A report with a name and words around it.
#[derive(Debug, Clone)]
pub struct Study<'a> {
    /// The name of its files: `NAME.json`, `NAME-tokens.svg`.
    pub name: &'a str,
    /// Markdown that begins with a heading, with a line [`Study::PLACE`] where the results go.
    pub words: &'a str,
    /// The results.
    pub report: &'a Report,
}

impl Study<'_> {
    /// The line that results take the place of.
    pub const PLACE: &'static str = "<!-- results -->";
}

const HEAD: &str = "# Evidence

`cargo xtask evidence` makes the runs and this page. Every number in it is from the result files in \
[`evidence/`](evidence), which `lobass compare` wrote, and a test checks that. The comments beside the numbers are \
written by people, in the files of the same names.

How to read it: the base is fine-tuned on what each strategy selects, with the same recipe and several seeds (of ties, of \
random subsets, and of training). It is measured on held-out examples that are not in the pool. `full` is all rows of \
the pool, `zero-shot` the untrained base. At equal *tokens* every training sees the same number of tokens, also the one \
on all rows, and small subsets are repeated. At equal *epochs* every subset is seen equally often, and larger ones are \
trained on for longer.

- *Loss* is in nats per scored token of the held-out responses; lower is better.
- *Exact* is the share of held-out examples whose whole response greedy decoding gives, token by token. *Matched* is the \
share of tokens. *Exact against random* is in percentage points; above zero is better. Nothing is sampled, and no answer \
is searched in a text ([method](guides/comparing.md#loss-and-exact-match-without-generation)).
- In brackets are percentile bootstrap intervals over held-out examples and seeds. Differences are paired by example and by seed, and \
bold if the interval excludes zero. Many are shown, without a correction for multiple comparisons.
- *Cost* is in forward passes of the model over the whole pool. It counts scoring, the training of the reference if the \
strategy needs one, and the training on the subset.
";

/// Writes the page, and the plots that it shows by their file names.
pub fn page(studies: &[Study<'_>]) -> (String, Vec<(String, String)>) {
    let mut text = HEAD.to_owned();
    let mut plots = Vec::new();
    for study in studies {
        let (results, shown) = tables(study.report, study.name, "evidence/");
        plots.extend(shown);
        text.push('\n');
        match study.words.split_once(Study::PLACE) {
            Some((before, after)) => {
                text += &format!("{}\n\n{}\n{}\n", before.trim(), results.trim_end(), after.trim_end());
            }
            None => text += &format!("{}\n\n{results}", study.words.trim()),
        }
    }
    (text, plots)
}

/// The tables of a report, and the plots that they show, named after it. `folder` is where pictures will be, as seen from
/// the text.
pub fn tables(report: &Report, name: &str, folder: &str) -> (String, Vec<(String, String)>) {
    let mut plots = Vec::new();
    let mut text = setting(report);
    for matching in report.matchings() {
        text += &format!("\n### {}\n\n{}\n", heading(report, matching), overall(report, matching));
        if let Some(plot) = plot(report, matching) {
            let name = format!("{name}-{matching}.svg");
            text += &format!("![{}]({folder}{name})\n\n", plot.title);
            plots.push((name, plot.svg()));
        }
        for source in &report.held_out.sources {
            if report.held_out.sources.len() > 1 {
                text += &by_source(report, matching, source);
            }
        }
    }
    if let Some(hidden) = report.hidden_answers() {
        text += &format!("{hidden}\n\n");
    }
    text += &format!("### What was selected\n\n{}\n", selected(report));
    text += &format!("### The paper's claims\n\n{}", verdicts(report));
    (text, plots)
}

fn setting(report: &Report) -> String {
    let names = |sources: &[SourceCount]| {
        let each = sources.iter().map(|source| format!("{} {}", count(source.n_rows as f64), source.source));
        each.collect::<Vec<_>>().join(", ")
    };
    let (pool, recipe, held_out) = (&report.pool, &report.recipe, &report.held_out);
    let n_seeds = report.arms.iter().map(|arm| arm.seeds.len()).max().unwrap_or_default();
    let rows = [
        ("base", format!("{} parameters", count(report.base.n_parameters as f64))),
        (
            "pool",
            format!(
                "{} rows that can be selected ({}), {} tokens",
                count(pool.n_eligible as f64),
                names(&pool.sources),
                count(pool.n_tokens as f64)
            ),
        ),
        ("selected", report.budget.clone()),
        (
            "recipe",
            format!(
                "{} fine-tuning, {} epochs, batches of {}, learning rate {:e}, {}",
                recipe.method, recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.schedule
            ),
        ),
        ("seeds", n_seeds.to_string()),
        (
            "held out",
            format!(
                "{}, {} scored tokens; left out: {} that ask what a row of the pool asks, {} nearly the same as one, {} that \
             cannot be scored",
                names(&held_out.sources),
                count(held_out.n_scored as f64),
                count(held_out.n_same_prompt as f64),
                count(held_out.n_near as f64),
                count(held_out.n_unscorable as f64)
            ),
        ),
        (
            "intervals",
            format!(
                "{:.0} %, {} resamples",
                100.0 * report.bootstrap.level,
                count(report.bootstrap.n_resamples.into())
            ),
        ),
    ];
    rows.iter().map(|(what, value)| format!("- {what}: {value}\n")).collect()
}

fn heading(report: &Report, matching: Matching) -> String {
    match (matching, report.matched_tokens) {
        (Matching::Tokens, Some(tokens)) => format!("At equal tokens: {}", count(tokens as f64)),
        (Matching::Tokens, None) => "At equal tokens".to_owned(),
        (Matching::Epochs, _) => format!("At equal epochs: {}", report.recipe.epochs),
    }
}

/// Columns of results on some examples.
const JUDGED: [&str; 6] =
    ["loss", "loss against random", "loss against full", "exact", "exact against random", "matched"];
/// Further columns if examples have wrong responses.
const CHOICES: [&str; 2] = ["choice", "choice against random"];

/// Further columns if answers were decoded, and some arm is above the floor.
const ANSWERS: [&str; 2] = ["answers", "answers against random"];
/// Further columns if answers were sampled, and some arm is above the floor.
const SAMPLED: [&str; 2] = ["sampled answers", "sampled answers against random"];

/// A column of judgments beside [`JUDGED`].
type Further =
    ([&'static str; 2], fn(&SourceResult) -> Option<Estimate>, fn(&Difference) -> Option<Estimate>);

fn further(report: &Report) -> Vec<Further> {
    let all: [Further; 3] = [
        (CHOICES, |result| result.choice, |difference| difference.choice),
        (ANSWERS, |result| result.answer, |difference| difference.answer),
        (SAMPLED, |result| result.sampled, |difference| difference.sampled),
    ];
    let is_shown = |(headings, of, _): &Further| match *headings == CHOICES {
        true => report.arms.iter().flat_map(|arm| &arm.results).any(|result| of(result).is_some()),
        false => report.is_above_floor(*of),
    };
    all.into_iter().filter(is_shown).collect()
}

fn judged_headings(report: &Report) -> Vec<&'static str> {
    JUDGED.into_iter().chain(further(report).into_iter().flat_map(|(headings, ..)| headings)).collect()
}

/// The cells under [`judged_headings`].
fn judged(
    report: &Report,
    arm: &ArmReport,
    result: &SourceResult,
    matching: Matching,
    source: &str,
) -> Vec<String> {
    let points_against_random = |of: fn(&Difference) -> Option<Estimate>| {
        let difference = report.difference(&arm.strategy, Random.name(), matching, source);
        difference.and_then(of).map_or("-".to_owned(), |found| signed(&in_points(found), 1))
    };
    let mut cells = vec![
        interval(&result.loss, 3),
        against(report, arm, Random.name(), matching, source),
        against(report, arm, FULL, matching, source),
        percent(&result.exact),
        points_against_random(|difference| Some(difference.exact)),
        percent(&result.matched),
    ];
    for (_, of, difference) in further(report) {
        cells.push(of(result).as_ref().map_or("-".to_owned(), percent));
        cells.push(points_against_random(difference));
    }
    cells
}

fn overall(report: &Report, matching: Matching) -> String {
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .filter_map(|arm| {
            let result = arm.result(ALL)?;
            let Cost { scoring, references, .. } = arm.cost;
            let selecting = references.map(|references| scoring + references);
            let what = [
                arm.label(),
                count(arm.n_rows),
                count(arm.n_steps),
                format!("{:.1}", arm.passes),
                known(selecting),
                known(arm.cost.total()),
            ];
            Some(what.into_iter().chain(judged(report, arm, result, matching, ALL)).collect())
        })
        .collect();
    let what = ["strategy", "rows", "steps", "passes", "cost to select", "cost in all"];
    table(&[&what[..], &judged_headings(report)].concat(), &rows)
}

fn known(cost: Option<f64>) -> String {
    cost.map_or("not known".to_owned(), |cost| format!("{cost:.1}"))
}

fn against(report: &Report, arm: &ArmReport, baseline: &str, matching: Matching, source: &str) -> String {
    report
        .difference(&arm.strategy, baseline, matching, source)
        .map_or("-".to_owned(), |difference| signed(&difference.loss, 3))
}

fn in_points(found: Estimate) -> Estimate {
    Estimate { value: 100.0 * found.value, low: 100.0 * found.low, high: 100.0 * found.high }
}

fn by_source(report: &Report, matching: Matching, source: &SourceCount) -> String {
    let name = source.source.as_str();
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .filter_map(|arm| {
            let result = arm.result(name)?;
            let what = [arm.label()];
            Some(what.into_iter().chain(judged(report, arm, result, matching, name)).collect())
        })
        .collect();
    let headings = [&["strategy"][..], &judged_headings(report)].concat();
    format!("On `{name}`, {} examples:\n\n{}\n", count(source.n_rows as f64), table(&headings, &rows))
}

fn plot(report: &Report, matching: Matching) -> Option<Plot> {
    let mut marks: Vec<Mark> = report
        .arms_of(matching)
        .filter_map(|arm| {
            let difference = report.difference(&arm.strategy, Random.name(), matching, ALL)?;
            Some(Mark { label: arm.label(), estimate: difference.loss })
        })
        .collect();
    // The untrained base is so far off that the other marks would lie on top of each other.
    marks.retain(|mark| mark.label != ZERO_SHOT);
    marks.sort_by(|one, other| one.estimate.value.total_cmp(&other.estimate.value));
    let title = format!("Held-out loss against random, at equal {matching}");
    let axis = "nats per scored token; to the left of zero is better than random".to_owned();
    (!marks.is_empty()).then_some(Plot { title, axis, marks })
}

/// The table of selections under one matching, since subsets are the same under both.
fn selected(report: &Report) -> String {
    let Some(&matching) = report.matchings().first() else { return String::new() };
    let sources: Vec<&str> = report.pool.sources.iter().map(|source| source.source.as_str()).collect();
    let rows: Vec<Vec<String>> = report
        .arms_of(matching)
        .filter(|arm| arm.matching.is_some())
        .map(|arm| {
            let correlation = arm.length_correlation.map_or("-".to_owned(), |found| format!("{found:+.2}"));
            let length = arm.mean_scored_tokens.map_or("-".to_owned(), |mean| format!("{mean:.0}"));
            let shares = sources.iter().map(|&name| {
                let of = arm.sources.iter().find(|source| source.source == name);
                let all: u64 = arm.sources.iter().map(|source| source.n_rows).sum();
                of.filter(|_| all > 0)
                    .map_or("-".to_owned(), |of| format!("{:.0} %", 100.0 * of.n_rows as f64 / all as f64))
            });
            let mut row = vec![arm.label(), correlation, length];
            row.extend(shares.filter(|_| sources.len() > 1));
            row
        })
        .collect();
    let mut headings = vec!["strategy", "score against length", "mean response, tokens"];
    let shares: Vec<String> = sources.iter().map(|name| format!("share of {name}")).collect();
    headings.extend(shares.iter().map(String::as_str).filter(|_| sources.len() > 1));
    table(&headings, &rows)
}

fn verdicts(report: &Report) -> String {
    let rows: Vec<Vec<String>> = claims(report)
        .iter()
        .map(|claim| {
            let at = claim.matching.map_or("-".to_owned(), |matching| matching.to_string());
            let difference = claim.difference.map_or("-".to_owned(), |difference| signed(&difference, 3));
            let verdict = claim.verdict.as_str().to_owned();
            vec![claim.what.to_owned(), at, claim.compared.clone(), difference, verdict]
        })
        .collect();
    if rows.is_empty() {
        return "No strategy of these claims was compared.\n".to_owned();
    }
    format!(
        "Differences of loss are in nats per scored token, those of exact matches in shares of the held-out examples.\n\n{}",
        table(&["claim", "at equal", "compared", "difference", "verdict"], &rows)
    )
}
