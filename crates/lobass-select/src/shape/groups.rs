//! Groups of which one row may be chosen: responses to one prompt, near-duplicates.

use lobass_core::{Direction, ModelRole, Numbers, Score, ScoreColumns};

use crate::best::Ranking;

/// Which row of a group may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Winner {
    /// That with the best rank, by the end of the score that is kept.
    #[default]
    BestRanked,
    /// That whose score comes first in this direction, whichever end of the score is kept.
    First(Direction),
    /// That with the lowest loss per scored token under the base (GRAPE, arXiv 2502.04194).
    MostProbable,
}

/// Groups of which one row may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    /// The property that the rows of a group share, as in "the same prompt".
    pub share: String,
    /// The group of each row, by position in the pool; any numbers below the number of rows.
    pub of: Vec<u32>,
    /// Which row of a group may be chosen.
    pub winner: Winner,
}

/// A set of rows.
pub(super) struct Rows(Vec<bool>);

impl Rows {
    pub(super) fn contains(&self, row: usize) -> bool {
        self.0[row]
    }
}

impl Winner {
    /// Why another row of its group is left out.
    ///
    /// - `share`: what the rows of a group share
    pub(super) fn why(self, share: &str) -> String {
        let winner = match self {
            Self::BestRanked | Self::First(_) => "a better row",
            Self::MostProbable => "a more probable row",
        };
        format!("{winner} has {share}")
    }

    /// The rows that may be chosen: of each group one of those with a score. Linear in the rows.
    ///
    /// - `groups`: the group of each row
    pub(super) fn rows(
        self,
        groups: &[u32],
        columns: &ScoreColumns,
        ranking: Ranking<'_>,
        scores: &Numbers,
    ) -> Rows {
        let n_groups = groups.iter().max().map_or(0, |&last| last as usize + 1);
        let base = columns.losses(ModelRole::Base);
        let rank = |row: usize| -> Option<Score> {
            let score = scores.get(row)?;
            Score::new(match self {
                Self::BestRanked | Winner::First(_) => score,
                Self::MostProbable => base.get(row)? / f64::from(columns.n_scored[row]),
            })
        };
        let ranking = match self {
            Self::BestRanked => ranking,
            Self::First(direction) => ranking.turned(direction),
            Self::MostProbable => ranking.turned(Direction::Ascending),
        };
        let mut best: Vec<Option<(usize, Score)>> = vec![None; n_groups];
        for row in 0..scores.len() {
            let Some(score) = rank(row) else { continue };
            let best = &mut best[groups[row] as usize];
            if best.is_none_or(|(other, of_other)| ranking.is_before((row, score), (other, of_other))) {
                *best = Some((row, score));
            }
        }
        let mut winners = vec![false; scores.len()];
        for (row, _) in best.into_iter().flatten() {
            winners[row] = true;
        }
        Rows(winners)
    }
}
