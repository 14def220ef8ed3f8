//! The shape of a selection, from settings and the data.

use lobass_check::{Excluded, RuleCount, near_duplicate_groups, rules_excluded};
use lobass_core::{ColumnSet, Numbers, ScoreColumns};
use lobass_data::Pool;
use lobass_select::{Exclusion, Groups, NamedShares, Quota, Shape, Shares, Strata, Winner};
use lobass_text::Rule;
use serde_json::Value;

use crate::error::{Result, bail};
use crate::settings::{Responses, ShapeSettings, available_threads};

/// The default number of bins of a quota by length.
const LENGTH_BINS: usize = 10;

/// The columns of a score table that settings ask for, whatever the strategy.
pub(super) fn columns(settings: &ShapeSettings) -> ColumnSet {
    let base = settings.min_base_loss.is_some() || settings.responses == Some(Responses::MostProbable);
    let reference = settings.max_reference_quantile.is_some();
    ColumnSet::of_losses(
        [("base", base), ("reference", reference)].into_iter().filter(|(_, on)| *on).map(|(name, _)| name),
    )
}

/// Whether settings ask for something that only the data files have.
pub(super) fn reads_rows(settings: &ShapeSettings) -> bool {
    let by_column = settings.quota_by.as_ref().is_some_and(|by| by != "source" && by != "length");
    let by_text = settings.rules.is_some() || settings.near_duplicates.is_some();
    by_column || by_text || asks_for_prompts(settings)
}

/// Whether settings leave one response to a prompt, whatever the strategy.
pub(super) fn asks_for_prompts(settings: &ShapeSettings) -> bool {
    responses(settings) != lobass_select::Responses::AsStrategy
}

fn responses(settings: &ShapeSettings) -> lobass_select::Responses {
    match settings.responses {
        None | Some(Responses::All) => lobass_select::Responses::AsStrategy,
        Some(Responses::Best) => lobass_select::Responses::Best,
        Some(Responses::MostProbable) => lobass_select::Responses::MostProbable,
    }
}

/// The shape of a selection.
pub(super) fn shape(settings: &ShapeSettings, columns: &ScoreColumns, pool: &Pool) -> Result<Shape> {
    let mut groups = Vec::new();
    if let Some(jaccard) = settings.near_duplicates {
        let of = near_duplicate_groups(pool, jaccard, columns.seed, available_threads())?;
        check_rows("texts", of.len(), columns.len())?;
        let share = format!("nearly the same text (similarity {jaccard} and more)");
        groups.push(Groups { share, of, winner: Winner::BestRanked });
    }
    Ok(Shape {
        guards: settings.guards(),
        exclusions: settings
            .rules
            .as_deref()
            .map(|rules| ruled_out(rules, pool, columns.len()))
            .transpose()?
            .into_iter()
            .collect(),
        responses: responses(settings),
        groups,
        quota: quota(settings, columns, pool)?,
    })
}

/// Rows on which a rule fires, with how many each rule fires on and the first of them.
fn ruled_out(rules: &str, pool: &Pool, n_rows: usize) -> Result<Exclusion> {
    let Excluded { rows, counts } = rules_excluded(pool, &rules.parse()?, available_threads())?;
    check_rows("texts", rows.len(), n_rows)?;
    let of_rule = |(rule, count): (&Rule, &RuleCount)| {
        let first = count.examples.first();
        let first =
            first.map_or(String::new(), |first| format!(", as in row {}: {}", first.row, first.detail));
        format!("{} {}{first}", rule.name(), count.n_rows)
    };
    let by_rule: Vec<String> = counts.by_rule.iter().map(of_rule).collect();
    Ok(Exclusion { why: format!("a rule fires in the pool ({})", by_rule.join("; ")), rows })
}

fn quota(settings: &ShapeSettings, columns: &ScoreColumns, pool: &Pool) -> Result<Option<Quota>> {
    let Some(by) = &settings.quota_by else { return Ok(None) };
    let strata = match by.as_str() {
        "source" => Strata::of_sources(columns),
        "length" => {
            let eligible: Numbers = columns.statuses.iter().map(|s| s.is_eligible().then_some(0.0)).collect();
            Strata::of_lengths(columns, &eligible, settings.length_bins.unwrap_or(LENGTH_BINS))
        }
        column => of_column(column, pool, columns.len())?,
    };
    let shares = match &settings.shares {
        Some(shares) => Shares::Given(shares.parse::<NamedShares>()?.of(&strata)?),
        None => Shares::Temperature(settings.temperature.unwrap_or(1.0)),
    };
    Ok(Some(Quota { strata, shares }))
}

/// By the values of a column; rows without a value are one more part.
pub(super) fn of_column(column: &str, pool: &Pool, n_rows: usize) -> Result<Strata> {
    let mut values = Vec::with_capacity(n_rows);
    for file in pool.files() {
        values.extend(file.column(column)?.into_iter().map(|value| match value {
            None | Some(Value::Null) => format!("without `{column}`"),
            Some(Value::String(text)) => text,
            Some(value) => value.to_string(),
        }));
    }
    check_rows("values of a column", values.len(), n_rows)?;
    let none = format!("without `{column}`");
    if values.iter().all(|value| *value == none) {
        bail!(Selection, "quota by `{column}`: expected a column of the data, found no row that has it");
    }
    Ok(Strata::of_values(values.iter().map(String::as_str)))
}

/// Checks that there is a value for every row of the table.
pub(crate) fn check_rows(what: &str, found: usize, expected: usize) -> Result<()> {
    if found != expected {
        bail!(Selection, "{what}: expected those of {expected} rows of the score table, found {found}");
    }
    Ok(())
}
