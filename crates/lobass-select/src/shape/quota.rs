//! How much of a budget goes to which part of a pool.

use super::Strata;

/// How much of a budget goes where.
#[derive(Debug, Clone, PartialEq)]
pub struct Quota {
    /// The parts.
    pub strata: Strata,
    /// The shares of the parts.
    pub shares: Shares,
}

/// The share of each part.
#[derive(Debug, Clone, PartialEq)]
pub enum Shares {
    /// As its candidates to the power of `1 / T`: as the pool has it for 1, evenly for infinity.
    Temperature(f64),
    /// In proportion to these numbers, one for each part.
    Given(Vec<f64>),
    /// This number of rows of each part, if it has them.
    Rows(Vec<u64>),
}

/// Parts a budget by weights. What a part has no room for goes to the others by their weights; a part without a
/// weight gets nothing. Fractions are rounded by largest remainder, the first part first where these are equal.
pub(crate) fn allot(budget: u64, room: &[u64], weights: &[f64]) -> Vec<u64> {
    let weights = in_range(weights);
    let is_open = |part: usize, full: &[bool]| weights[part] > 0.0 && !full[part];
    let mut full: Vec<bool> = room.iter().map(|&room| room == 0).collect();
    let mut left = budget;
    // Parts that would get more than they have room for are filled, until none would.
    loop {
        let sum: f64 = (0..room.len()).filter(|&part| is_open(part, &full)).map(|part| weights[part]).sum();
        let over: Vec<usize> = (0..room.len())
            .filter(|&part| is_open(part, &full))
            .filter(|&part| left as f64 * (weights[part] / sum) >= room[part] as f64)
            .collect();
        if over.is_empty() {
            break;
        }
        for part in over {
            full[part] = true;
            left -= room[part].min(left);
        }
    }
    let mut shares: Vec<u64> =
        (0..room.len()).map(|part| if full[part] && weights[part] > 0.0 { room[part] } else { 0 }).collect();
    let open: Vec<usize> = (0..room.len()).filter(|&part| is_open(part, &full)).collect();
    let sum: f64 = open.iter().map(|&part| weights[part]).sum();
    let mut remainders: Vec<(usize, f64)> = Vec::with_capacity(open.len());
    for part in open {
        let exact = left as f64 * (weights[part] / sum);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the budget")]
        let whole = (exact.floor() as u64).min(room[part]);
        shares[part] = whole;
        remainders.push((part, exact - whole as f64));
    }
    remainders.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut missing = budget.saturating_sub(shares.iter().sum());
    for &(part, _) in remainders.iter().cycle().take(remainders.len() * 2) {
        if missing > 0 && shares[part] < room[part] {
            shares[part] += 1;
            missing -= 1;
        }
    }
    shares
}

/// Weights whose sum is finite, of which none that was there is lost. Scaled by a power of two, they are as exact.
fn in_range(weights: &[f64]) -> Vec<f64> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    if most == 0.0 {
        return weights.to_vec();
    }
    let scale = |weight: f64| (weight / most.log2().floor().exp2()).max(f64::MIN_POSITIVE);
    weights.iter().map(|&weight| if weight > 0.0 { scale(weight) } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(allot(10, &[100, 100, 100], &[1.0, 1.0, 2.0]), [3, 2, 5]);
        assert_eq!(allot(10, &[1, 100, 100], &[1.0, 1.0, 2.0]), [1, 3, 6]);
        assert_eq!(allot(10, &[100, 0, 2], &[0.0, 1.0, 1.0]), [0, 0, 2]);
        assert_eq!(allot(10, &[3, 3], &[1.0, 9.0]), [3, 3]);
        assert_eq!(allot(0, &[3, 3], &[1.0, 9.0]), [0, 0]);
        assert_eq!(allot(5, &[], &[]), [0; 0]);
        assert_eq!(allot(10, &[100, 100], &[1e308, 1e308]), [5, 5], "their sum is no number");
        assert_eq!(allot(10, &[4, 100], &[1e308, 1e-308]), [4, 6], "the small one is still there");
    }

    proptest! {
        #[test]
        fn a_budget_is_spent_as_far_as_there_is_room(
            parts in prop::collection::vec((0u64..50, 0u8..5), 0..9),
            budget in 0u64..200,
        ) {
            let room: Vec<u64> = parts.iter().map(|part| part.0).collect();
            let weights: Vec<f64> = parts.iter().map(|part| f64::from(part.1)).collect();
            let shares = allot(budget, &room, &weights);
            let open: u64 = parts.iter().filter(|part| part.1 > 0).map(|part| part.0).sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), budget.min(open));
            for (part, &share) in shares.iter().enumerate() {
                prop_assert!(share <= room[part]);
                prop_assert!(weights[part] > 0.0 || share == 0);
                // More weight and as much room never give less than one row below.
                for other in 0..shares.len() {
                    if weights[part] >= weights[other] && room[part] > share {
                        prop_assert!(share + 1 >= shares[other], "{:?} {:?} {:?}", room, weights, shares);
                    }
                }
            }
        }
    }
}
