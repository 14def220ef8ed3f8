//! Each function against a plain one that compares everything with everything.

use proptest::prelude::*;

use super::vectors::{cosine, dot, squared_distance};
use super::*;

const DIM: usize = 3;

/// Rows in a pool: vectors, some of them equal, zero, or missing; and hashes, all different.
#[derive(Debug, Clone)]
struct Pool {
    values: Vec<f32>,
    ties: Vec<u64>,
    tokens: Vec<u32>,
}

impl Pool {
    fn vectors(&self) -> Vectors<'_> {
        Vectors::new(&self.values, DIM)
    }

    fn rows(&self) -> Vec<u32> {
        (0..u32::try_from(self.ties.len()).unwrap()).collect()
    }

    fn at(&self, row: u32) -> Option<(&[f32], f32)> {
        Some((self.vectors().row(row), self.vectors().scale(row)?))
    }

    fn cosine(&self, one: u32, other: u32) -> f32 {
        cosine(self.at(one).unwrap(), self.at(other).unwrap())
    }

    /// Rows with a direction, by hash.
    fn usable(&self) -> Vec<u32> {
        let mut rows = self.rows();
        rows.retain(|&row| self.at(row).is_some());
        rows.sort_by_key(|&row| self.ties[row as usize]);
        rows
    }

    /// The rows in another order; row `r` goes to place `order[r]`.
    fn reordered(&self, order: &[usize]) -> Self {
        let mut other = self.clone();
        for (row, &place) in order.iter().enumerate() {
            other.ties[place] = self.ties[row];
            other.tokens[place] = self.tokens[row];
            other.values[place * DIM..][..DIM].copy_from_slice(&self.values[row * DIM..][..DIM]);
        }
        other
    }

    fn hashes(&self, picked: &Picked) -> Vec<u64> {
        picked.picks.iter().map(|pick| self.ties[pick.row as usize]).collect()
    }
}

fn pools() -> impl Strategy<Value = Pool> {
    let values = prop_oneof![
        8 => prop::collection::vec((-3i8..4).prop_map(f32::from), DIM),
        4 => prop::collection::vec(-1f32..1.0, DIM),
        1 => Just(vec![f32::NAN; DIM]),
    ];
    let row = (values, any::<u64>(), 1u32..30);
    prop::collection::vec(row, 1..24).prop_map(|rows| Pool {
        values: rows.iter().flat_map(|row| row.0.clone()).collect(),
        ties: rows.iter().zip(0u64..).map(|(row, at)| (row.1 << 8) | at).collect(),
        tokens: rows.iter().map(|row| row.2).collect(),
    })
}

/// A pool with an order to shuffle it into.
fn shuffled() -> impl Strategy<Value = (Pool, Vec<usize>)> {
    pools().prop_flat_map(|pool| {
        let order: Vec<usize> = (0..pool.ties.len()).collect();
        (Just(pool), Just(order).prop_shuffle())
    })
}

fn bounded_plainly(pool: &Pool, ranked: &[u32], bound: f32, n: usize) -> Vec<u32> {
    let mut accepted: Vec<u32> = Vec::new();
    for &row in ranked.iter().filter(|&&row| pool.at(row).is_some()) {
        if accepted.len() < n && accepted.iter().all(|&other| pool.cosine(row, other) <= bound) {
            accepted.push(row);
        }
    }
    accepted
}

fn centers_plainly(pool: &Pool, n: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::new();
    while chosen.len() < n {
        let nearest = |row: u32| {
            let cosines = chosen.iter().map(|&center| pool.cosine(row, center));
            cosines.fold(f32::NEG_INFINITY, f32::max)
        };
        let open = pool.usable().into_iter().filter(|row| !chosen.contains(row));
        let Some(row) = open.min_by(|&a, &b| nearest(a).total_cmp(&nearest(b))) else { break };
        chosen.push(row);
    }
    chosen
}

fn covered(pool: &Pool, chosen: &[u32], witness: u32) -> f32 {
    chosen.iter().map(|&row| 0.5 + 0.5 * pool.cosine(row, witness)).fold(0.0, f32::max)
}

/// How well all usable rows are represented.
fn coverage(pool: &Pool, chosen: &[u32]) -> f64 {
    pool.usable().iter().map(|&witness| f64::from(covered(pool, chosen, witness))).sum()
}

fn facility_plainly(pool: &Pool, n: usize) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::new();
    while chosen.len() < n {
        let gain = |row: u32| -> f64 {
            let more = |&witness: &u32| {
                (0.5 + 0.5 * pool.cosine(row, witness) - covered(pool, &chosen, witness)).max(0.0)
            };
            pool.usable().iter().map(|witness| f64::from(more(witness))).sum()
        };
        let open = pool.usable().into_iter().filter(|row| !chosen.contains(row));
        // The first of the largest.
        let best = open.rev().max_by(|&a, &b| gain(a).total_cmp(&gain(b)));
        let Some(row) = best else { break };
        chosen.push(row);
    }
    chosen
}

fn in_turn_plainly(pool: &Pool, tasks: &[Vectors<'_>], n: usize) -> Vec<u32> {
    let like = |row: u32, queries: Vectors<'_>| {
        let queries = (0..u32::try_from(queries.len()).unwrap())
            .filter_map(|query| Some((queries.row(query), queries.scale(query)?)));
        queries.map(|query| cosine(pool.at(row).unwrap(), query)).reduce(f32::max)
    };
    let tasks: Vec<_> = tasks.iter().filter(|queries| like_any(**queries)).collect();
    let mut chosen = Vec::new();
    for turn in 0.. {
        let Some(queries) = tasks.get(turn % tasks.len().max(1)) else { break };
        let open = pool.usable().into_iter().filter(|row| !chosen.contains(row));
        let best =
            open.rev().max_by(|&a, &b| like(a, **queries).unwrap().total_cmp(&like(b, **queries).unwrap()));
        match best.filter(|_| chosen.len() < n) {
            Some(row) => chosen.push(row),
            None => break,
        }
    }
    chosen
}

fn like_any(queries: Vectors<'_>) -> bool {
    (0..u32::try_from(queries.len()).unwrap()).any(|query| queries.scale(query).is_some())
}

/// Everything that chooses, up to a limit.
fn all(pool: &Pool, limit: Limit<'_>, threads: usize) -> [Picked; 5] {
    let (vectors, ties, rows) = (pool.vectors(), &pool.ties[..], pool.rows());
    let mut ranked = rows.clone();
    ranked.sort_by_key(|&row| ties[row as usize].rotate_left(32));
    let queries = [1.0, 0.5, -0.25, -1.0, 2.0, 0.0];
    let tasks = [Vectors::new(&queries[..DIM], DIM), Vectors::new(&queries, DIM)];
    [
        cosine_bound(&ranked, vectors, 0.7, limit, threads),
        k_center(vectors, &rows, &[], limit, ties, threads),
        facility_location(vectors, &rows, &rows, limit, ties, threads),
        round_robin(vectors, &rows, &tasks, limit, ties, threads),
        equal_shares(&k_means(vectors, &rows, 4, 10, ties, threads), limit),
    ]
}

proptest! {
    #[test]
    fn products_are_what_f64_says(pairs in prop::collection::vec((-3f32..3.0, -3f32..3.0), 0..80)) {
        let (left, right): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
        let exact: f64 = pairs.iter().map(|&(l, r)| f64::from(l) * f64::from(r)).sum();
        prop_assert!((f64::from(dot(&left, &right)) - exact).abs() < 1e-4);
        let exact: f64 = pairs.iter().map(|&(l, r)| (f64::from(l) - f64::from(r)).powi(2)).sum();
        prop_assert!((f64::from(squared_distance(&left, &right)) - exact).abs() < 1e-3);
    }

    #[test]
    fn the_bound_is_kept_as_a_plain_walk_keeps_it(
        (pool, order) in shuffled(), bound in -1f32..=1.0, n in 0usize..26, threads in 1usize..5,
    ) {
        let ranked: Vec<u32> = order.iter().map(|&row| u32::try_from(row).unwrap()).collect();
        let picked = cosine_bound(&ranked, pool.vectors(), bound, Limit::Rows(n), threads);
        prop_assert_eq!(picked.rows(), bounded_plainly(&pool, &ranked, bound, n));
        for (at, pick) in picked.picks.iter().enumerate() {
            let before = picked.picks[..at].iter().map(|other| pool.cosine(pick.row, other.row));
            prop_assert_eq!(pick.value, f64::from(before.fold(-1.0, f32::max)));
        }
    }

    #[test]
    fn the_farthest_is_the_farthest(pool in pools(), n in 0usize..26, threads in 1usize..5) {
        let picked = k_center(pool.vectors(), &pool.rows(), &[], Limit::Rows(n), &pool.ties, threads);
        prop_assert_eq!(picked.rows(), centers_plainly(&pool, n));
        prop_assert!(picked.picks.windows(2).all(|two| two[0].value >= two[1].value));
        // What is chosen goes on as if it had been chosen here.
        let half = picked.picks.len() / 2;
        let chosen: Vec<u32> = picked.rows()[..half].to_vec();
        let rest = k_center(pool.vectors(), &pool.rows(), &chosen, Limit::Rows(n - half), &pool.ties, threads);
        if half > 0 {
            prop_assert_eq!(&rest.picks[..], &picked.picks[half..]);
        }
    }

    #[test]
    fn being_lazy_changes_nothing(pool in pools(), n in 0usize..26, threads in 1usize..5) {
        let rows = pool.rows();
        let picked = facility_location(pool.vectors(), &rows, &rows, Limit::Rows(n), &pool.ties, threads);
        prop_assert_eq!(picked.rows(), facility_plainly(&pool, n));
        let gained: f64 = picked.picks.iter().map(|pick| pick.value).sum();
        let n_usable = pool.usable().len().max(1) as f64;
        prop_assert!((gained - coverage(&pool, &picked.rows()) / n_usable).abs() < 1e-5);
    }

    #[test]
    fn tasks_choose_in_turn(pool in pools(), values in prop::collection::vec(-2i8..3, 15), n in 0usize..26, threads in 1usize..5) {
        let values: Vec<f32> = values.into_iter().map(f32::from).collect();
        let tasks = [(0, 6), (6, 9), (9, 15)].map(|(start, end)| Vectors::new(&values[start..end], DIM));
        let picked =
            round_robin(pool.vectors(), &pool.rows(), &tasks, Limit::Rows(n), &pool.ties, threads);
        prop_assert_eq!(picked.rows(), in_turn_plainly(&pool, &tasks, n));
        let queries = Vectors::new(&values, DIM);
        let scores = query_scores(pool.vectors(), &pool.rows(), queries, threads);
        for row in pool.rows() {
            let like = |query: u32| Some(cosine(pool.at(row)?, (queries.row(query), queries.scale(query)?)));
            let expected = (0..5).filter_map(like).reduce(f32::max);
            prop_assert_eq!(scores.get(row as usize), expected.map(f64::from));
        }
    }

    #[test]
    fn clusters_are_of_the_nearest_and_no_worse_for_more_rounds(
        pool in pools(), n_clusters in 1usize..6, threads in 1usize..5,
    ) {
        let rows = pool.rows();
        let clusters = |n_rounds| k_means(pool.vectors(), &rows, n_clusters, n_rounds, &pool.ties, threads);
        let found = clusters(30);
        let mut all = found.members.concat();
        all.sort_unstable();
        let finite = |row: &u32| pool.vectors().row(*row).iter().all(|value| value.is_finite());
        prop_assert_eq!(all.len() + found.n_without_vector, rows.len());
        prop_assert_eq!(all, rows.iter().copied().filter(finite).collect::<Vec<_>>());
        prop_assert!(found.members.len() <= n_clusters);
        prop_assert!(found.members.windows(2).all(|two| two[0].len() <= two[1].len()));
        for n_rounds in 0..5 {
            prop_assert!(clusters(n_rounds + 1).spread <= clusters(n_rounds).spread + 1e-5);
        }
        // When nothing moves any more, every row is nearest to the mean of its cluster.
        let mean = |rows: &Vec<u32>| -> Vec<f32> {
            let sum = |at: usize| rows.iter().map(|&row| pool.vectors().row(row)[at]).sum::<f32>();
            (0..DIM).map(|at| sum(at) / rows.len() as f32).collect()
        };
        let means: Vec<Vec<f32>> = found.members.iter().map(mean).collect();
        for (members, own) in found.members.iter().zip(&means) {
            for &row in members {
                let distance = |center: &Vec<f32>| squared_distance(pool.vectors().row(row), center);
                prop_assert!(means.iter().all(|other| distance(own) <= distance(other) + 1e-4));
            }
        }
    }

    #[test]
    fn neither_the_file_nor_the_threads_decide((pool, order) in shuffled(), n in 0usize..26) {
        let other = pool.reordered(&order);
        let hashes = |pool: &Pool, picked: [Picked; 5]| picked.map(|picked| pool.hashes(&picked));
        let one = all(&pool, Limit::Rows(n), 1);
        prop_assert_eq!(&all(&pool, Limit::Rows(n), 4), &one);
        prop_assert_eq!(hashes(&other, all(&other, Limit::Rows(n), 3)), hashes(&pool, one));
    }

    #[test]
    fn tokens_are_kept_to(pool in pools(), budget in 0u64..300) {
        let by_tokens = all(&pool, Limit::Tokens { budget, of: &pool.tokens }, 2);
        for (at, (picked, without)) in by_tokens.iter().zip(all(&pool, Limit::Rows(99), 2)).enumerate() {
            let used: u64 = picked.picks.iter().map(|pick| u64::from(pool.tokens[pick.row as usize])).sum();
            prop_assert!(used <= budget);
            // Greedy choices begin alike whatever the limit; shares do not.
            if at < 4 {
                let n = picked.picks.len();
                prop_assert_eq!(&picked.picks[..], &without.picks[..n]);
                let next = without.picks.get(n).map(|pick| u64::from(pool.tokens[pick.row as usize]));
                prop_assert!(next.is_none_or(|next| used + next > budget));
            }
        }
    }
}

/// The best of all subsets of a number of usable rows, by their value.
fn best_subset(pool: &Pool, n: usize, worth: impl Fn(&[u32]) -> f64) -> f64 {
    let rows = pool.usable();
    let subsets = (0u32..1 << rows.len()).filter(|set| set.count_ones() as usize == n);
    let members = |set: u32| -> Vec<u32> {
        rows.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1).map(|(_, &row)| row).collect()
    };
    subsets.map(|set| worth(&members(set))).fold(f64::NEG_INFINITY, f64::max)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn greedy_is_as_good_as_it_is_said_to_be(pool in pools(), n in 1usize..4) {
        let mut pool = pool;
        pool.ties.truncate(9);
        pool.values.truncate(9 * DIM);
        let rows = pool.rows();
        prop_assume!(pool.usable().len() >= n);
        let picked = facility_location(pool.vectors(), &rows, &rows, Limit::Rows(n), &pool.ties, 2);
        let best = best_subset(&pool, n, |chosen| coverage(&pool, chosen));
        prop_assert!(coverage(&pool, &picked.rows()) >= (1.0 - (-1f64).exp()) * best - 1e-5);

        let radius = |chosen: &[u32]| {
            let distance = |row: u32, center: u32| (2.0 - 2.0 * f64::from(pool.cosine(row, center))).max(0.0).sqrt();
            let nearest = |row: u32| chosen.iter().map(|&center| distance(row, center)).fold(f64::INFINITY, f64::min);
            pool.usable().into_iter().map(nearest).fold(0.0, f64::max)
        };
        let centers = k_center(pool.vectors(), &rows, &[], Limit::Rows(n), &pool.ties, 2).rows();
        let best = -best_subset(&pool, n, |chosen| -radius(chosen));
        prop_assert!(radius(&centers) <= 2.0 * best + 2e-3, "{} {}", radius(&centers), best);
    }
}

/// North, nearly north, east, south-west; the last two have no direction.
const COMPASS: [f32; 12] = [0.0, 1.0, 0.1, 0.9, 2.0, 0.0, -1.0, -1.0, 0.0, 0.0, f32::NAN, 1.0];
const TIES: [u64; 6] = [5, 4, 3, 2, 1, 0];

#[test]
fn a_row_that_says_the_same_is_passed_over() {
    let vectors = Vectors::new(&COMPASS, 2);
    let picked = cosine_bound(&[1, 0, 4, 2, 5, 3], vectors, 0.9, Limit::Rows(3), 2);
    assert_eq!((picked.rows(), picked.n_without_vector), (vec![1, 2, 3], 2));
    let everything = cosine_bound(&[0, 0, 1], vectors, 1.0, Limit::Rows(9), 1);
    assert_eq!(everything.rows(), [0, 0, 1], "the bound 1 lets even copies through");
}

#[test]
fn centers_go_where_nobody_is() {
    let vectors = Vectors::new(&COMPASS, 2);
    let picked = k_center(vectors, &[0, 1, 2, 3, 4, 5], &[0], Limit::Rows(9), &TIES, 1);
    // South-west is 135 degrees from north, then east 90; nearly north is last.
    assert_eq!((picked.rows(), picked.n_without_vector), (vec![3, 2, 1], 2));
    assert!((picked.picks[1].value - 2f64.sqrt()).abs() < 1e-6, "unit vectors at a right angle");
}

#[test]
fn one_of_two_that_are_alike_stands_for_both() {
    let vectors = Vectors::new(&COMPASS, 2);
    let rows = [0, 1, 2, 3];
    let picked = facility_location(vectors, &rows, &rows, Limit::Rows(2), &TIES, 1);
    // Nearly north is like north, and less unlike east: (1 + 0.994 + 0.110 + ..) against (1 + 0.994 + 0 + ..).
    assert_eq!(picked.rows()[0], 1);
    // Of a single witness nothing is left to gain after the first.
    let one = facility_location(vectors, &rows, &[2], Limit::Rows(2), &TIES, 1);
    assert_eq!(one.picks[0], Pick { row: 2, value: 1.0 });
    assert_eq!(one.picks[1].value, 0.0);
    assert_eq!(witnesses(&rows, 2, &TIES), [3, 2]);
}

#[test]
fn small_clusters_give_all_they_have() {
    // Three heaps on a line: of one row, of two, and of four.
    let values = [0.0, 10.0, 10.5, 20.0, 20.1, 20.2, 20.3];
    let ties: Vec<u64> = (0..7).map(|row| 100 - row).collect();
    let rows: Vec<u32> = (0..7).collect();
    let clusters = k_means(Vectors::new(&values, 1), &rows, 3, 20, &ties, 2);
    assert_eq!(clusters.members, [vec![0], vec![2, 1], vec![6, 5, 4, 3]]);
    let of = |n| equal_shares(&clusters, Limit::Rows(n)).rows();
    assert_eq!(of(3), [0, 2, 6]);
    assert_eq!(of(5), [0, 2, 1, 6, 5]);
    assert_eq!(of(9), [0, 2, 1, 6, 5, 4, 3]);
}
