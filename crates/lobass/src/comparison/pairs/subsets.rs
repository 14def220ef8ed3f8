//! Shares of pools as rows to train on.

use lobass_evidence::pairs::{MIXED, PairMatching, PairSubset, order_by_key, rows_of_share};

use super::data::Side;

/// The subsets of a comparison of shares: all sources together, and each by itself if wanted.
pub(super) fn shares(train: &Side, shares: &[f64], by_source: bool) -> Vec<PairSubset> {
    let has_pairs = |source: usize| train.rows.iter().any(|pair| pair.source == source);
    let sources = train.sources.iter().enumerate().filter(|(at, _)| by_source && has_pairs(*at));
    let pools = std::iter::once(MIXED.to_owned()).chain(sources.map(|(_, source)| source.clone()));
    let of_pool = |pool: String| {
        shares.iter().map(move |&share| PairSubset::Share { pool: pool.clone(), share }).collect::<Vec<_>>()
    };
    pools.flat_map(of_pool).collect()
}

/// All pairs together.
pub(super) fn everything() -> PairSubset {
    PairSubset::Share { pool: MIXED.to_owned(), share: 1.0 }
}

/// The places of a share of a pool among the pairs to train on, in their order. Smaller shares are inside larger ones.
pub(super) fn of_share(
    train: &Side,
    pool: &str,
    share: f64,
    matching: PairMatching,
    seed: u64,
) -> Vec<usize> {
    let members = members(train, pool);
    let whole = match matching {
        PairMatching::Pairs => smallest(train),
        PairMatching::Epochs | PairMatching::Steps | PairMatching::Tokens => members.len(),
    };
    let order = order_by_key(members.iter().map(|&at| train.rows[at].key.as_str()), seed);
    let n_rows = rows_of_share(whole, share);
    let mut rows: Vec<usize> = order.into_iter().take(n_rows).map(|at| members[at]).collect();
    rows.sort_unstable();
    rows
}

/// The places of the pairs of a pool.
fn members(train: &Side, pool: &str) -> Vec<usize> {
    let is_member = |at: &usize| pool == MIXED || train.sources[train.rows[*at].source] == pool;
    (0..train.rows.len()).filter(is_member).collect()
}

/// The pairs of the smallest source that has some.
fn smallest(train: &Side) -> usize {
    let sizes = train.sources.iter().map(|source| members(train, source).len());
    sizes.filter(|size| *size > 0).min().unwrap_or_default()
}
