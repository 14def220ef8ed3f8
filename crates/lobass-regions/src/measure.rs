//! From losses of rows to regions.

use lobass_core::Numbers;
use lobass_core::parallel::each;
use lobass_evidence::Draws;
use lobass_select::Strata;

use crate::drops::{Trials, drops_of};
use crate::joint::{Largest, standard_error};
use crate::{Alike, Error, LossDrop, Losses, Part, Region, Regions, Settings, Shown, Verdict};

/// What is measured beside the losses of whole rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The losses of tokens of format, and those of content.
    pub parts: Option<(Losses<'a>, Losses<'a>)>,
    /// The sum of the losses of each row under the base, in nats.
    pub base: Option<&'a Numbers>,
    /// The drop of each row under references that were trained on it, if the others were not.
    pub in_sample: Option<&'a Numbers>,
}

/// Measures the drop of the loss of each region, of some rows of a pool.
///
/// Intervals are [`Bootstrap`](lobass_evidence::Bootstrap)'s: rows and references are drawn. They are of one region
/// each. [`Region::joint`] is wider, and holds for all regions together.
///
/// - `rows`: the rows that count, each once
///
/// # Errors
/// If there is no reference, no row has losses, columns have different lengths, or a setting is out of range.
pub fn measure(
    losses: &Losses<'_>,
    strata: &Strata,
    rows: &[u32],
    beside: &Beside<'_>,
    settings: &Settings,
) -> Result<Regions, Error> {
    settings.check()?;
    losses.check()?;
    let mut parts = beside.parts.iter().flat_map(|(format, content)| [format, content]);
    parts.try_for_each(Losses::check)?;
    if strata.of.len() != losses.n_tokens.len() {
        return Err(Error::Lengths { expected: losses.n_tokens.len(), found: strata.of.len() });
    }
    let mut groups: Vec<Group<'_>> = strata.names.iter().map(|name| Group::new(name)).collect();
    let mut all = Group::new("all rows");
    for &row in rows {
        let group = &mut groups[strata.of[row as usize] as usize];
        for group in [group, &mut all] {
            match losses.has(row) {
                true => group.rows.push(row),
                false => group.n_missing += 1,
            }
        }
    }
    if all.rows.is_empty() {
        return Err(Error::NoRows);
    }
    groups.retain(|group| !group.rows.is_empty() || group.n_missing > 0);
    groups.push(all);
    let measuring = Measuring { losses, beside, settings };
    let measured = each(groups.len(), settings.threads, |at| measuring.region(&groups[at]));
    Ok(joined(measured, losses.drops.len(), settings))
}

/// The rows of a region.
struct Group<'a> {
    name: &'a str,
    rows: Vec<u32>,
    n_missing: u64,
}

impl<'a> Group<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, rows: Vec::new(), n_missing: 0 }
    }
}

#[derive(Clone, Copy)]
struct Measuring<'a> {
    losses: &'a Losses<'a>,
    beside: &'a Beside<'a>,
    settings: &'a Settings,
}

impl Measuring<'_> {
    /// A region without what depends on the others, and the draws of its drop per token.
    fn region(&self, group: &Group<'_>) -> (Region, Option<Draws>) {
        let Self { losses, beside, settings } = *self;
        let mut rows = group.rows.clone();
        losses.in_order(&mut rows);
        let parts = beside.parts.iter().flat_map(|(format, content)| [format, content]);
        let parts: Vec<PartRows> = parts.map(|part| PartRows::of(part, &rows)).collect();
        let by_base = beside.base.map(|base| losses.by_base(&rows, base)).unwrap_or_default();
        let quantities = [losses.by_token(&rows), losses.by_row(&rows), by_base];
        let all: Vec<&Trials> = quantities.iter().chain(parts.iter().map(|part| &part.by_token)).collect();
        let mut found = drops_of(&all, settings).into_iter();
        let mut next = || found.next().unwrap_or_default();
        let (per_token, draws) = next();
        let [per_row, share] = [next().0, next().0];
        let mut parts = parts.iter().map(|part| part.measured(next().0, settings));
        let (most, least) = ends(losses, &rows, settings.n_shown);
        let region = Region {
            name: group.name.to_owned(),
            n_rows: rows.len() as u64,
            n_missing: group.n_missing,
            n_tokens: n_tokens(losses, &rows),
            per_token,
            per_row,
            base: beside.base.and_then(|base| mean_of(base, losses, &rows)),
            share,
            verdict: verdict(per_token, settings),
            joint: None,
            holds_jointly: false,
            weight: per_token.map_or(0.0, |drop| drop.value.abs() * rows.len() as f64),
            in_sample: beside.in_sample.and_then(|drops| mean_of(drops, losses, &rows)),
            format: parts.next(),
            content: parts.next(),
            most,
            least,
        };
        (region, draws)
    }
}

/// The rows of a region that have tokens of one kind.
struct PartRows {
    n_rows: u64,
    n_tokens: u64,
    by_token: Trials,
}

impl PartRows {
    fn of(part: &Losses<'_>, rows: &[u32]) -> Self {
        let rows: Vec<u32> = rows.iter().copied().filter(|&row| part.has(row)).collect();
        Self { n_rows: rows.len() as u64, n_tokens: n_tokens(part, &rows), by_token: part.by_token(&rows) }
    }

    fn measured(&self, per_token: Option<LossDrop>, settings: &Settings) -> Part {
        let Self { n_rows, n_tokens, .. } = *self;
        Part { n_rows, n_tokens, per_token, verdict: verdict(per_token, settings) }
    }
}

fn verdict(drop: Option<LossDrop>, settings: &Settings) -> Verdict {
    Verdict::of(drop.and_then(|drop| drop.interval), settings.margin)
}

fn n_tokens(losses: &Losses<'_>, rows: &[u32]) -> u64 {
    rows.iter().map(|&row| u64::from(losses.n_tokens[row as usize])).sum()
}

/// The mean per token of another column, over the rows that have it.
fn mean_of(sums: &Numbers, losses: &Losses<'_>, rows: &[u32]) -> Option<f64> {
    let found = rows.iter().filter_map(|&row| Some((sums.get(row as usize)?, losses.n_tokens[row as usize])));
    let (sum, count) = found.fold((0.0, 0.0), |(sum, count), (one, n)| (sum + one, count + f64::from(n)));
    (count > 0.0).then(|| sum / count)
}

/// The rows whose loss fell most, and those whose loss fell least; of equal ones the smaller hash comes first. No row
/// is both. Rows with the very same numbers have the same text, and only the first of them is named.
fn ends(losses: &Losses<'_>, rows: &[u32], n: usize) -> (Vec<Shown>, Vec<Shown>) {
    let mut order: Vec<(f64, u32)> = rows.iter().map(|&row| (losses.per_token(row), row)).collect();
    order.sort_by(|one, other| other.0.total_cmp(&one.0));
    let n_tokens = |row: u32| losses.n_tokens[row as usize];
    order.dedup_by(|one, other| one.0.to_bits() == other.0.to_bits() && n_tokens(one.1) == n_tokens(other.1));
    let shown = |&(drop, row): &(f64, u32)| Shown { row: row.into(), drop };
    let most: Vec<Shown> = order.iter().take(n).map(shown).collect();
    let least = order[most.len()..].iter().rev().take(n).map(shown).collect();
    (most, least)
}

/// Adds what depends on all regions. The last one is of all rows.
fn joined(mut measured: Vec<(Region, Option<Draws>)>, n_references: usize, settings: &Settings) -> Regions {
    let mut largest = Largest::default();
    let mut judged = Vec::new();
    let (all, _) = measured.pop().expect("all rows are a region");
    let errors: Vec<f64> = measured
        .iter()
        .map(|(region, draws)| {
            let Some(draws) = draws else { return 0.0 };
            let error = standard_error(draws);
            largest.add(draws, error);
            judged.push((region.verdict, draws.value, error));
            error
        })
        .collect();
    let width = largest.width(settings.bootstrap.level);
    let mut regions: Vec<Region> = measured.into_iter().map(|(region, _)| region).collect();
    for (region, error) in regions.iter_mut().zip(errors) {
        if let Some(drop) = region.per_token.filter(|drop| drop.interval.is_some()) {
            region.joint = Some((drop.value - width * error, drop.value + width * error));
            region.holds_jointly = Verdict::of(region.joint, settings.margin) == region.verdict;
        }
    }
    let is_open = |region: &Region| matches!(region.verdict, Verdict::Unchanged | Verdict::Worse);
    let mut queue: Vec<usize> = (0..regions.len()).filter(|&at| is_open(&regions[at])).collect();
    queue.sort_by(|&one, &other| regions[other].weight.total_cmp(&regions[one].weight));
    Regions {
        all,
        queue,
        alike: Alike::of(&judged),
        n_references,
        bootstrap: settings.bootstrap,
        margin: settings.margin,
        min_rows: settings.min_rows,
        regions,
    }
}
