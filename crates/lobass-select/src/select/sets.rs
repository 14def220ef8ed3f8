//! Selections that are chosen as sets: rows that differ, that cover the others, or that come from all clusters.

use lobass_core::{Numbers, Score};

use crate::best::{Best, Candidate, Limit, Ranking};
use crate::diverse::{
    self, Picked, Vectors, cosine_bound, equal_shares, facility_location, k_center, k_means, round_robin,
    witnesses,
};

/// How the rows of a selection are to differ.
#[derive(Debug, Clone, Copy)]
pub enum Variety<'a> {
    /// Down the ranks, a row whose cosine to one that was taken is above this is passed over (DEITA, arXiv 2312.15685).
    CosineBound(f32),
    /// The row that is least like what was taken, again and again (k-center, arXiv 1708.00489).
    KCenter {
        /// The number of candidates, as a multiple of the budget.
        out_of: f64,
    },
    /// The row that makes what was taken most like the others (facility location, as in Superfiltering).
    FacilityLocation {
        /// The number of candidates, as a multiple of the budget.
        out_of: f64,
        /// How many of the others count, drawn at random; memory and time grow with them.
        n_witnesses: usize,
    },
    /// Each task takes in turn the row that is most like one of its queries (RDS+, arXiv 2503.01807).
    RoundRobin {
        /// The queries of each task.
        tasks: &'a [Vectors<'a>],
    },
}

/// How sets are chosen, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Sets<'a> {
    /// A vector for every row of the pool; NaN where there is none.
    pub vectors: Vectors<'a>,
    /// How rows are to differ.
    pub variety: Variety<'a>,
    /// Threads; they change nothing but the time.
    pub threads: usize,
}

/// The way to choose among the rows of a part of a pool.
pub(crate) enum Chooser<'a> {
    Variety(Sets<'a>),
    /// Equal shares of clusters of these features.
    Clusters(Vectors<'a>),
}

/// Clusters, and rounds of looking for them, as S2L's code has it.
const N_CLUSTERS: usize = 100;
const N_ROUNDS: usize = 20;

impl Chooser<'_> {
    /// Whether a row can be compared with others.
    pub(crate) fn has_vector(&self, row: u32) -> bool {
        match self {
            // A cluster has a center, and nothing needs a direction.
            Self::Clusters(features) => features.row(row).iter().all(|value| value.is_finite()),
            Self::Variety(sets) => sets.vectors.scale(row).is_some(),
        }
    }

    /// Chooses among rows with scores and vectors; `tokens` are those of every row of the pool if the limit counts them.
    /// Where rows are clustered, the number of its cluster becomes the score of each.
    pub(crate) fn choose(
        &self,
        ranking: Ranking<'_>,
        scores: &mut Numbers,
        rows: &[u32],
        limit: Limit,
        tokens: &[u32],
    ) -> Vec<Candidate> {
        let end = match limit {
            Limit::Rows(rows) => diverse::Limit::Rows(rows),
            Limit::Tokens(budget) => diverse::Limit::Tokens { budget, of: tokens },
        };
        match self {
            Self::Clusters(features) => {
                // One thread: a feature is a number per checkpoint, so this is quick.
                let clusters = k_means(*features, rows, N_CLUSTERS, N_ROUNDS, ranking.hashes(), 1);
                for (number, members) in clusters.members.iter().enumerate() {
                    for &row in members {
                        scores.set(row as usize, Some(number as f64));
                    }
                }
                candidates(ranking, &equal_shares(&clusters, end), scores)
            }
            Self::Variety(sets) => {
                let best = |out_of: Option<f64>| {
                    best_of(ranking, scores, rows, out_of.map(|times| many(limit, times)))
                };
                candidates(ranking, &varied(*sets, rows, best, end, ranking.hashes()), scores)
            }
        }
    }
}

/// Rows among `rows` that differ; `best` are the best of them by rank, or a multiple of the wanted number.
fn varied(
    sets: Sets<'_>,
    rows: &[u32],
    best: impl Fn(Option<f64>) -> Vec<u32>,
    end: diverse::Limit<'_>,
    ties: &[u64],
) -> Picked {
    let Sets { vectors, variety, threads } = sets;
    match variety {
        Variety::CosineBound(bound) => cosine_bound(&best(None), vectors, bound, end, threads),
        Variety::KCenter { out_of } => k_center(vectors, &best(Some(out_of)), &[], end, ties, threads),
        Variety::FacilityLocation { out_of, n_witnesses } => {
            let of = witnesses(rows, n_witnesses, ties);
            facility_location(vectors, &best(Some(out_of)), &of, end, ties, threads)
        }
        Variety::RoundRobin { tasks } => round_robin(vectors, rows, tasks, end, ties, threads),
    }
}

fn candidates(ranking: Ranking<'_>, picked: &Picked, scores: &Numbers) -> Vec<Candidate> {
    let of = |pick: &diverse::Pick| {
        let row = pick.row as usize;
        Some(ranking.candidate(row, scores.get(row).and_then(Score::new)?))
    };
    picked.picks.iter().filter_map(of).collect()
}

/// So many times a limit.
fn many(limit: Limit, times: f64) -> Limit {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is all rows"
    )]
    let scaled = |limit: f64| (limit * times).ceil() as u64;
    match limit {
        Limit::Rows(rows) => Limit::Rows(usize::try_from(scaled(rows as f64)).unwrap_or(usize::MAX)),
        Limit::Tokens(tokens) => Limit::Tokens(scaled(tokens as f64)),
    }
}

/// The best of some rows, the best first.
fn best_of(ranking: Ranking<'_>, scores: &Numbers, rows: &[u32], limit: Option<Limit>) -> Vec<u32> {
    let mut best = Best::new(ranking, limit.unwrap_or(Limit::Rows(rows.len())), rows.len());
    for &row in rows {
        if let Some(score) = scores.get(row as usize).and_then(Score::new) {
            best.push(row as usize, score);
        }
    }
    best.ranked().into_iter().map(|candidate| candidate.at).collect()
}
