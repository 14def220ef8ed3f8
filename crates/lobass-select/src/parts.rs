//! The best rows of each part of a pool.

use lobass_core::{Budget, Numbers, Score, ScoreColumns};

use crate::best::{Best, Candidate, Limit, Ranking};
use crate::rank::limit;
use crate::shape::{Quota, Shares, allot};

/// What a part of a pool got of a budget.
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

/// What there is to choose from in a part.
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
    let limits = limits(limit(budget, columns.len() as u64), &room, &quota.shares);
    let mut parts: Vec<Best<'_>> = (limits.iter().zip(&room))
        .map(|(&limit, room)| Best::new(ranking, limit, usize::try_from(room.n_rows).unwrap_or(usize::MAX)))
        .collect();
    for (row, score) in scores.iter().enumerate() {
        if let Some(score) = score.and_then(Score::new) {
            parts[strata.of[row] as usize].push(row, score);
        }
    }
    let parts: Vec<Vec<Candidate>> = parts.into_iter().map(Best::ranked).collect();
    let shares = (0..parts.len()).map(|part| StratumShare {
        name: strata.names[part].clone(),
        n_eligible: room[part].n_rows,
        allotted: match limits[part] {
            Limit::Rows(rows) => rows as u64,
            Limit::Tokens(tokens) => tokens,
        },
        n_selected: parts[part].len() as u64,
    });
    let shares = shares.collect();
    let mut ranked: Vec<Candidate> = parts.into_iter().flatten().collect();
    ranked.sort_unstable_by(|left, right| ranking.compare(left, right));
    (ranked, shares)
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
            let weight = |&rows: &u64| if rows == 0 { 0.0 } else { (rows as f64).powf(temperature.recip()) };
            n_rows.iter().map(weight).collect()
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
