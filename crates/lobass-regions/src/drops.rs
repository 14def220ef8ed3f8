//! Drops of the loss with their intervals.

use lobass_evidence::{Draws, Ratio};

use crate::{LossDrop, Settings};

/// A quantity by reference and row.
pub(crate) type Trials = Vec<Vec<Ratio>>;

/// A drop, and its draws if there are enough rows.
pub(crate) type Drawn = (Option<LossDrop>, Option<Draws>);

/// The drops of some quantities, each with an interval if it has enough rows. Quantities over as many rows are drawn
/// together, which gives what each gives alone, and takes less time.
pub(crate) fn drops_of(quantities: &[&Trials], settings: &Settings) -> Vec<Drawn> {
    let n_rows = |at: usize| quantities[at].first().map_or(0, Vec::len);
    let mut found: Vec<Drawn> = vec![(None, None); quantities.len()];
    let mut sizes: Vec<usize> = (0..quantities.len()).map(n_rows).filter(|&n| n > 0).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let places: Vec<usize> = (0..quantities.len()).filter(|&at| n_rows(at) == size).collect();
        let trials: Vec<&[Vec<Ratio>]> = places.iter().map(|&at| quantities[at].as_slice()).collect();
        if size < settings.min_rows {
            for (&at, trials) in places.iter().zip(trials) {
                found[at].0 = Some(LossDrop { value: mean(trials), interval: None });
            }
            continue;
        }
        // All regions have the same draws of references: those of arm 0.
        for (&at, draws) in places.iter().zip(settings.bootstrap.draws_together(&trials, 0)) {
            let estimate = settings.bootstrap.estimate(&draws);
            let interval = Some((estimate.low, estimate.high));
            found[at] = (Some(LossDrop { value: estimate.value, interval }), Some(draws));
        }
    }
    found
}

/// The mean over references of a ratio of sums.
fn mean(trials: &[Vec<Ratio>]) -> f64 {
    let ratio = |trial: &Vec<Ratio>| {
        let (sum, count) =
            trial.iter().fold((0.0, 0.0), |(sum, count), one| (sum + one.sum, count + one.count));
        sum / count
    };
    trials.iter().map(ratio).sum::<f64>() / trials.len() as f64
}
