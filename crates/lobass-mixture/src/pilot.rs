//! The policy over a training: it takes losses as they come, fits laws now and then, and gives shares.

use serde::{Deserialize, Serialize};

use crate::curve::LogCurve;
use crate::examine::status;
use crate::fit::{fit_curve, usable};
use crate::{Law, Point, Policy, Status};

/// When the policy does what, in steps.
///
/// The official implementation has 1,000, 500, and 1,000 steps. Trainings for LoBaSS are shorter than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Steps at the start whose losses are not fitted.
    pub ignore: usize,
    /// The step at which laws are fitted first, and the policy begins.
    pub start: usize,
    /// Steps between two fits.
    pub refit_every: usize,
}

impl Timing {
    /// For a training of some steps: 5 % are ignored, the policy begins at 10 %, and fits anew every 5 %.
    pub fn for_steps(n_steps: usize) -> Self {
        let share = |parts: usize| n_steps.div_ceil(parts).max(1);
        Self { ignore: share(20), start: share(10), refit_every: share(20) }
    }
}

/// A source in one step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    /// Its rows in the batch.
    pub n_rows: u64,
    /// Their scored tokens, or pairs.
    pub n_scored: u64,
    /// Their summed loss, in nats.
    pub nll: f64,
    /// Whether some of them were trained on before. Their losses have no part in a law.
    pub is_repeated: bool,
}

/// What is known of a source.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Known {
    Nothing,
    Law(Law),
    /// The loss does not fall.
    Still,
}

/// The policy of a training under way. It is plain data, so that a training can be taken up later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pilot {
    timing: Timing,
    floor: Option<f64>,
    policy: Policy,
    step: usize,
    n: f64,
    points: Vec<Vec<Point>>,
    known: Vec<Known>,
}

impl Pilot {
    /// Begins a training at a prior.
    ///
    /// - `prior`: a weight for each source; one without weight is never drawn
    /// - `floor`: the smallest `eps` in nats, if there is one
    pub fn new(prior: &[f64], timing: Timing, floor: Option<f64>) -> Self {
        let k = prior.len();
        let (points, known) = (vec![Vec::new(); k], vec![Known::Nothing; k]);
        Self { timing, floor, policy: Policy::new(prior), step: 0, n: 0.0, points, known }
    }

    /// The shares of the next batch; they sum to 1.
    pub fn shares(&self) -> &[f64] {
        self.policy.shares()
    }

    /// The points of each source so far.
    pub fn points(&self) -> &[Vec<Point>] {
        &self.points
    }

    /// Takes the losses of a step, one entry for each source.
    pub fn learn(&mut self, seen: &[Seen]) {
        self.step += 1;
        self.n += seen.iter().map(|seen| seen.n_scored as f64).sum::<f64>();
        let n_rows: u64 = seen.iter().map(|seen| seen.n_rows).sum();
        if n_rows > 0 {
            let drawn = seen.iter().map(|seen| seen.n_rows as f64 / n_rows as f64);
            self.policy.credit(&drawn.collect::<Vec<_>>());
        }
        if self.step > self.timing.ignore {
            for (points, seen) in self.points.iter_mut().zip(seen) {
                if seen.n_scored > 0 && seen.nll > 0.0 && !seen.is_repeated {
                    let weight = seen.n_scored as f64;
                    points.push(Point { n: self.n, loss: seen.nll / weight, weight });
                }
            }
        }
        if let Some(since) = self.step.checked_sub(self.timing.start) {
            if since.is_multiple_of(self.timing.refit_every.max(1)) {
                self.refit();
            }
            let potential = |known: &Known| match known {
                Known::Nothing => None,
                Known::Law(law) => Some(law.policy_potential(self.n)),
                Known::Still => Some(0.0),
            };
            let potentials: Vec<Option<f64>> = self.known.iter().map(potential).collect();
            self.policy.follow(self.step, &potentials);
        }
    }

    fn refit(&mut self) {
        for (known, points) in self.known.iter_mut().zip(&self.points) {
            if !usable(points) {
                continue;
            }
            let curve = LogCurve::of(points);
            *known = match status(&curve) {
                Status::FewPoints => continue,
                Status::Flat | Status::Rising => Known::Still,
                Status::Ok => Known::Law(fit_curve(&curve.for_fit(), self.floor)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A training with fixed batches: a source that falls, one that is flat, one with another fall, and a rare one.
    fn fly(scale: u64, n_steps: u32, pilot: &mut Pilot) -> Vec<Vec<f64>> {
        let from = u32::try_from(pilot.step).unwrap() + 1;
        let step = |step: u32| {
            let n = 6_000.0 * f64::from(step);
            let wave = 0.01 * (f64::from(step) * 12.9898).sin();
            let losses = [0.5 + 9.0 * n.powf(-0.3), 2.0, 0.4 + 40.0 * n.powf(-0.4), 1.0];
            let rows = [20, 20, 18, u64::from(step.is_multiple_of(40))];
            let seen = losses.iter().zip(rows).map(|(loss, n_rows)| {
                let n_scored = scale * 100 * n_rows;
                Seen { n_rows, n_scored, nll: loss * wave.exp() * n_scored as f64, is_repeated: false }
            });
            pilot.learn(&seen.collect::<Vec<_>>());
            pilot.shares().to_vec()
        };
        (from..=n_steps).map(step).collect()
    }

    fn pilot() -> Pilot {
        Pilot::new(&[1.0, 1.0, 1.0, 1.0], Timing::for_steps(1_000), None)
    }

    #[test]
    fn shares_go_where_the_loss_falls() {
        let mut pilot = pilot();
        let shares = fly(1, 1_000, &mut pilot);
        assert!(shares[..98].iter().all(|shares| *shares == [0.25; 4]));
        assert!(shares[150..].is_sorted_by(|a, b| a[1] >= b[1]), "the flat source loses monotonically");
        let [falls, flat, other, rare] = shares[999][..] else { panic!("four sources") };
        assert!(flat < 0.05 && falls > 0.3 && other > 0.2 && rare > 0.005, "{:?}", shares[999]);
        assert!(matches!(pilot.known[..], [Known::Law(_), Known::Still, Known::Law(_), Known::Nothing]));
    }

    #[test]
    fn a_unit_of_counts_changes_no_share() {
        let [one, other] = [1, 1_000].map(|scale| fly(scale, 400, &mut pilot()).pop().unwrap());
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-9), "{one:?} {other:?}");
    }

    #[test]
    fn a_pilot_that_was_written_down_flies_on() {
        let mut whole = pilot();
        let expected = fly(1, 500, &mut whole);
        let mut first = pilot();
        fly(1, 263, &mut first);
        let mut second: Pilot = serde_json::from_str(&serde_json::to_string(&first).unwrap()).unwrap();
        assert_eq!(fly(1, 500, &mut second), expected[263..]);
        assert_eq!(second, whole);
    }

    #[test]
    fn timing_follows_the_length() {
        let Timing { ignore, start, refit_every } = Timing::for_steps(406);
        assert_eq!((ignore, start, refit_every), (21, 41, 21));
        assert_eq!(Timing::for_steps(0), Timing { ignore: 1, start: 1, refit_every: 1 });
    }
}
