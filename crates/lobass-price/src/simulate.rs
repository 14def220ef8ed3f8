//! From a job and a cluster to an outcome.

use crate::cluster::check;
use crate::draw::{FailureTimes, speeds};
use crate::run::{Run, Setting};
use crate::{Cluster, Error, Outcome, Schedule};

/// Simulates a job once. `units` are the seconds of each unit on a device of nominal speed, in the order in which they
/// are handed out. The same arguments give the same outcome.
///
/// Only for [`Schedule::Static`] do further failures never make a job shorter. Where units wait in a queue, a lost unit
/// may be done again by a faster device, or by one that lives longer (Graham 1966). On average failures cost time under
/// any schedule.
///
/// # Errors
/// [`Error::Number`] if a number means nothing, [`Error::Endless`] if nodes fail before anything gets done.
pub fn simulate(units: &[f64], cluster: &Cluster, schedule: Schedule, seed: u64) -> Result<Outcome, Error> {
    cluster.check()?;
    for &unit in units {
        check(unit >= 0.0 && unit.is_finite(), "seconds of a unit", "a number of at least 0", unit)?;
    }
    let speeds = speeds(cluster, seed);
    let setting = Setting { units, cluster, schedule, speeds: &speeds };
    let ended = match &cluster.failures {
        None => Run::new(setting).finish(&mut |_| f64::INFINITY)?,
        Some(failures) => {
            let mut times = FailureTimes::new(failures, cluster.n_nodes(), seed);
            Run::new(setting).finish(&mut |node| times.next(node))?
        }
    };
    Ok(Outcome {
        devices: cluster.devices,
        makespan: ended.makespan(),
        ideal: units.iter().sum::<f64>() / cluster.devices as f64,
        lost: ended.lost,
        n_failures: ended.n_failures as f64,
    })
}

/// The mean of several simulations, with the seeds from 0 to `n_seeds`; 0 counts as 1.
///
/// # Errors
/// The errors of [`simulate`].
pub fn expect(units: &[f64], cluster: &Cluster, schedule: Schedule, n_seeds: u32) -> Result<Outcome, Error> {
    let n_seeds = n_seeds.max(1);
    let all: Vec<Outcome> =
        (0..n_seeds).map(|seed| simulate(units, cluster, schedule, seed.into())).collect::<Result<_, _>>()?;
    let mean = |of: fn(&Outcome) -> f64| all.iter().map(of).sum::<f64>() / f64::from(n_seeds);
    Ok(Outcome {
        makespan: mean(|outcome| outcome.makespan),
        lost: mean(|outcome| outcome.lost),
        n_failures: mean(|outcome| outcome.n_failures),
        ..all[0]
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Failures;

    const HOUR: f64 = 3600.0;
    const SCHEDULES: [Schedule; 3] =
        [Schedule::Static, Schedule::Array { tasks_per_device: 5 }, Schedule::Pool];

    #[test]
    fn without_chance_the_numbers_are_exact() {
        let units = [100.0; 80];
        let makespans = |load_seconds: f64| {
            let cluster = Cluster { load_seconds, ..Cluster::of(8) };
            SCHEDULES.map(|schedule| simulate(&units, &cluster, schedule, 1).unwrap().makespan)
        };
        assert_eq!(makespans(0.0), [1000.0; 3]);
        // Static and pool load once, an array's tasks once each.
        assert_eq!(makespans(60.0), [1060.0, 1300.0, 1060.0]);
        let outcome = simulate(&units, &Cluster::of(8), Schedule::Pool, 1).unwrap();
        assert_eq!((outcome.ideal, outcome.ratio(), outcome.lost), (1000.0, 1.0, 0.0));
        assert_eq!(outcome.device_hours(), 80.0 * 100.0 / HOUR);
        // Nine units on eight devices: one of them has two.
        let outcome = simulate(&units[..9], &Cluster::of(8), Schedule::Pool, 1).unwrap();
        assert_eq!((outcome.makespan, outcome.ideal), (200.0, 112.5));
    }

    #[test]
    fn one_device_takes_what_all_units_take() {
        let units: Vec<f64> = (0..100).map(f64::from).collect();
        let cluster = Cluster { speed_spread: 0.2, load_seconds: 5.0, ..Cluster::of(1) };
        let makespan = |schedule| simulate(&units, &cluster, schedule, 9).unwrap().makespan;
        assert_eq!(SCHEDULES.map(makespan), [4955.0, 4975.0, 4955.0]);
    }

    #[test]
    fn a_job_without_work_takes_no_time() {
        for schedule in SCHEDULES {
            let outcome = simulate(&[], &Cluster::of(3), schedule, 0).unwrap();
            assert_eq!((outcome.makespan, outcome.ideal), (0.0, 0.0));
        }
    }

    /// Some days of eight nodes, with failures ever more often.
    #[test]
    fn on_average_failures_cost_time_and_lose_work() {
        let units = vec![600.0; 4000];
        let mut cluster =
            Cluster { devices_per_node: 8, speed_spread: 0.03, load_seconds: 60.0, ..Cluster::of(64) };
        for schedule in SCHEDULES {
            let mut last = expect(&units, &cluster, schedule, 20).unwrap();
            assert_eq!((last.lost, last.n_failures), (0.0, 0.0));
            for hours in [24.0, 6.0, 1.5] {
                let failures = Failures { mtbf_seconds: hours * HOUR, replacement_seconds: 600.0 };
                cluster.failures = Some(failures);
                let outcome = expect(&units, &cluster, schedule, 20).unwrap();
                assert!(outcome.makespan > last.makespan && outcome.lost > last.lost, "{schedule:?} {hours}");
                // About half a unit for each device of the node.
                let each = outcome.lost / outcome.n_failures / 8.0;
                assert!((150.0..350.0).contains(&each), "{schedule:?} {hours}: {each}");
                last = outcome;
            }
            cluster.failures = None;
        }
    }

    #[test]
    fn nodes_that_never_live_long_enough_are_an_error() {
        let failures = Failures { mtbf_seconds: 10.0, replacement_seconds: 1.0 };
        let cluster = Cluster { failures: Some(failures), ..Cluster::of(2) };
        let error = simulate(&[1.0, HOUR], &cluster, Schedule::Pool, 0).unwrap_err();
        assert!(matches!(error, Error::Endless { n_done: 1, n_units: 2, .. }), "{error}");
        assert!(error.to_string().contains("one of 3600 s and a mean life of 10 s"), "{error}");
    }

    #[test]
    fn numbers_that_mean_nothing_are_refused() {
        let one = Cluster::of(1);
        let failures = |mtbf_seconds, replacement_seconds| Cluster {
            failures: Some(Failures { mtbf_seconds, replacement_seconds }),
            ..one
        };
        let clusters = [
            (Cluster::of(0), "devices: expected at least 1, found 0"),
            (Cluster { devices_per_node: 0, ..one }, "devices per node"),
            (Cluster { speed_spread: 0.5, ..one }, "spread of speeds: expected a number from 0 to 0.3"),
            (Cluster { load_seconds: -1.0, ..one }, "seconds of loading"),
            (failures(0.0, 1.0), "seconds between failures: expected a number above 0"),
            (failures(1.0, f64::NAN), "seconds of replacement"),
        ];
        for (cluster, expected) in clusters {
            let error = simulate(&[1.0], &cluster, Schedule::Pool, 0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for unit in [-1.0, f64::INFINITY, f64::NAN] {
            let error = simulate(&[unit], &one, Schedule::Pool, 0).unwrap_err().to_string();
            assert!(error.contains("seconds of a unit"), "{error}");
        }
    }

    fn clusters() -> impl Strategy<Value = Cluster> {
        (1usize..20, 1usize..6, 0.0..0.3, 0.0..50.0).prop_map(|(devices, devices_per_node, spread, load)| {
            let (speed_spread, load_seconds) = (spread, load);
            Cluster { devices_per_node, speed_spread, load_seconds, ..Cluster::of(devices) }
        })
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_outcome(
            units in prop::collection::vec(0.0..100.0, 0..80), cluster in clusters(), seed: u64,
        ) {
            let failures = Some(Failures { mtbf_seconds: 500.0, replacement_seconds: 30.0 });
            let cluster = Cluster { failures, ..cluster };
            for schedule in SCHEDULES {
                let once = simulate(&units, &cluster, schedule, seed).unwrap();
                prop_assert_eq!(once, simulate(&units, &cluster, schedule, seed).unwrap());
                prop_assert!(once.makespan >= once.ideal * (1.0 - 1e-12));
            }
        }

        /// No device is idle while a unit waits. So a pool ends at most one longest unit on the slowest device later
        /// than work that is spread evenly. No static schedule ends before that time.
        #[test]
        fn a_pool_is_never_worse_than_static_by_more_than_a_unit(
            units in prop::collection::vec(0.0..100.0, 1..80), cluster in clusters(), seed: u64,
        ) {
            let of = |schedule| simulate(&units, &cluster, schedule, seed).unwrap();
            let longest = units.iter().copied().fold(0.0, f64::max);
            let slowest = speeds(&cluster, seed).into_iter().fold(f64::INFINITY, f64::min);
            let pool = of(Schedule::Pool);
            let bound = longest / slowest;
            prop_assert!(pool.makespan <= cluster.load_seconds + pool.ideal + bound + 1e-9);
            prop_assert!(of(Schedule::Static).makespan >= cluster.load_seconds + pool.ideal - 1e-9);
            prop_assert!(pool.makespan <= of(Schedule::Static).makespan + bound + 1e-9);
        }
    }
}
