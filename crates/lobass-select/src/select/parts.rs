//! The best rows of each part of a pool.

use lobass_core::{Budget, Numbers, Score, ScoreColumns};

use super::sets::Chooser;
use crate::best::{Best, Candidate, Limit, Ranking};
use crate::shape::{Quota, Shares, allot};

/// The share of a budget that a part of a pool got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StratumShare {
    /// The part's name.
    pub name: String,
    /// Its rows that could be chosen.
    pub n_eligible: u64,
    /// Its part of the budget, in rows or tokens.
    pub allotted: u64,
    /// Its chosen rows.
    pub n_selected: u64,
}

/// The candidates of a part.
#[derive(Clone, Copy, Default)]
struct Room {
    n_rows: u64,
    n_tokens: u64,
}

/// The best rows of each part of a pool, by rank.
pub(crate) fn best_of_each(
    columns: &ScoreColumns,
    ranking: Ranking<'_>,
    scores: &Numbers,
    budget: Budget,
    quota: &Quota,
) -> (Vec<Candidate>, Vec<StratumShare>) {
    let strata = &quota.strata;
    let room = rooms(columns, scores, quota);
    let limits = limits(Limit::of(budget, columns.len() as u64), &room, &quota.shares);
    let mut parts: Vec<Best<'_>> = (limits.iter().zip(&room))
        .map(|(&limit, room)| Best::new(ranking, limit, usize::try_from(room.n_rows).unwrap_or(usize::MAX)))
        .collect();
    for (row, score) in scores.iter().enumerate() {
        if let Some(score) = score.and_then(Score::new) {
            parts[strata.of[row] as usize].push(row, score);
        }
    }
    let parts: Vec<Vec<Candidate>> = parts.into_iter().map(Best::ranked).collect();
    let shares =
        (0..parts.len()).map(|part| share(quota, part, &room, limits[part], parts[part].len())).collect();
    let mut ranked: Vec<Candidate> = parts.into_iter().flatten().collect();
    ranked.sort_unstable_by(|left, right| ranking.compare(left, right));
    (ranked, shares)
}

/// The rows that sets are chosen from: a pool, or each part of it. Also returns how many rows with a score have no
/// vector, and removes their scores. If choosing gives rows a score, the number of their cluster, every candidate gets
/// that one.
///
/// Where rows of a part do not differ enough to fill its share, the others do not get what is left of it.
pub(crate) fn sets_of_each(
    columns: &ScoreColumns,
    ranking: Ranking<'_>,
    scores: &mut Numbers,
    budget: Budget,
    quota: Option<&Quota>,
    chooser: &Chooser<'_>,
) -> (Vec<Candidate>, Vec<StratumShare>, usize) {
    let all = 0..u32::try_from(columns.len()).expect("at most 2^31 rows");
    let (rows, without): (Vec<u32>, Vec<u32>) =
        all.filter(|&row| scores.get(row as usize).is_some()).partition(|&row| chooser.has_vector(row));
    let n_without = without.len();
    for row in without {
        scores.set(row as usize, None);
    }
    let whole = Limit::of(budget, columns.len() as u64);
    let tokens = match whole {
        Limit::Rows(_) => Vec::new(),
        Limit::Tokens(_) => tokens_of(columns),
    };
    let Some(quota) = quota else {
        return (chooser.choose(ranking, scores, &rows, whole, &tokens), Vec::new(), n_without);
    };
    let room = rooms(columns, scores, quota);
    let limits = limits(whole, &room, &quota.shares);
    let mut of_part: Vec<Vec<u32>> = vec![Vec::new(); limits.len()];
    for row in rows {
        of_part[quota.strata.of[row as usize] as usize].push(row);
    }
    let (mut chosen, mut shares) = (Vec::new(), Vec::new());
    for (part, rows) in of_part.iter().enumerate() {
        let of_this = chooser.choose(ranking, scores, rows, limits[part], &tokens);
        shares.push(share(quota, part, &room, limits[part], of_this.len()));
        chosen.extend(of_this);
    }
    (chosen, shares, n_without)
}

fn tokens_of(columns: &ScoreColumns) -> Vec<u32> {
    (0..columns.len()).map(|row| u32::try_from(columns.n_tokens_read(row)).unwrap_or(u32::MAX)).collect()
}

fn share(quota: &Quota, part: usize, room: &[Room], limit: Limit, n_selected: usize) -> StratumShare {
    StratumShare {
        name: quota.strata.names[part].clone(),
        n_eligible: room[part].n_rows,
        allotted: match limit {
            Limit::Rows(rows) => rows as u64,
            Limit::Tokens(tokens) => tokens,
        },
        n_selected: n_selected as u64,
    }
}

fn rooms(columns: &ScoreColumns, scores: &Numbers, quota: &Quota) -> Vec<Room> {
    let mut rooms = vec![Room::default(); quota.strata.names.len()];
    for (row, _) in scores.iter().enumerate().filter(|(_, score)| score.is_some()) {
        let room = &mut rooms[quota.strata.of[row] as usize];
        room.n_rows += 1;
        room.n_tokens += columns.n_tokens_read(row);
    }
    rooms
}

/// Where each part stops.
fn limits(whole: Limit, room: &[Room], shares: &Shares) -> Vec<Limit> {
    let n_rows: Vec<u64> = room.iter().map(|room| room.n_rows).collect();
    let rows = |shares: Vec<u64>| {
        let limit = |share| Limit::Rows(usize::try_from(share).unwrap_or(usize::MAX));
        shares.into_iter().map(limit).collect()
    };
    let weights: Vec<f64> = match shares {
        Shares::Rows(asked) => {
            return rows(asked.iter().zip(&n_rows).map(|(&asked, &room)| asked.min(room)).collect());
        }
        Shares::Temperature(temperature) => {
            n_rows.iter().map(|&rows| tempered(rows, n_rows.iter().copied().max(), *temperature)).collect()
        }
        Shares::Given(given) => given.clone(),
    };
    match whole {
        Limit::Rows(budget) => rows(allot(budget as u64, &n_rows, &weights)),
        Limit::Tokens(budget) => {
            let n_tokens: Vec<u64> = room.iter().map(|room| room.n_tokens).collect();
            allot(budget, &n_tokens, &weights).into_iter().map(Limit::Tokens).collect()
        }
    }
}

/// Rows to the power of `1 / temperature`, in units of the most rows, so that it is finite; above 0 if there are any.
fn tempered(rows: u64, most: Option<u64>, temperature: f64) -> f64 {
    if rows == 0 {
        return 0.0;
    }
    // A power of two divides without rounding: at temperature 1 the weights are the rows.
    let unit = most.map_or(1.0, |most| (most as f64).log2().floor().exp2());
    (rows as f64 / unit).powf(temperature.recip()).clamp(f64::MIN_POSITIVE, f64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_temperature_loses_a_part_or_a_budget() {
        for temperature in [1e-300, 0.001, 0.01, 0.5, 1.0, 3.0, f64::INFINITY] {
            let weights = [0, 1, 10_000, 10_000].map(|rows| tempered(rows, Some(10_000), temperature));
            let shares = allot(1_000, &[0, 1, 10_000, 10_000], &weights);
            assert_eq!(shares.iter().sum::<u64>(), 1_000, "{temperature}: {weights:?}");
            assert!(shares[2].abs_diff(shares[3]) <= 1, "{temperature}: {shares:?}");
            let all = allot(20_001, &[0, 1, 10_000, 10_000], &weights);
            assert_eq!(all, [0, 1, 10_000, 10_000], "{temperature}");
        }
    }
}
