//! Runs with given speeds and failures, by hand and at random.

use proptest::prelude::*;

use super::*;
use crate::Failures;

const ARRAY: Schedule = Schedule::Array { tasks_per_device: 2 };
const SCHEDULES: [Schedule; 3] = [Schedule::Static, ARRAY, Schedule::Pool];

/// A job on devices that are each a node, replaced after 50 s, with given failures.
#[derive(Debug, Clone)]
struct Case {
    units: Vec<f64>,
    speeds: Vec<f64>,
    devices_per_node: usize,
    load_seconds: f64,
    /// Node and time.
    failures: Vec<(usize, f64)>,
}

impl Case {
    fn run(&self, schedule: Schedule) -> Ended {
        let replaced = Failures { mtbf_seconds: 1.0, replacement_seconds: 50.0 };
        let cluster = Cluster {
            devices_per_node: self.devices_per_node,
            load_seconds: self.load_seconds,
            failures: Some(replaced),
            ..Cluster::of(self.speeds.len())
        };
        let setting = Setting { units: &self.units, cluster: &cluster, schedule, speeds: &self.speeds };
        let mut left = self.failures.clone();
        left.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut next = |node: usize| match left.iter().rposition(|&(of, _)| of == node) {
            Some(at) => left.remove(at).1,
            None => f64::INFINITY,
        };
        Run::new(setting).finish(&mut next).unwrap()
    }

    fn makespan(&self, schedule: Schedule) -> f64 {
        self.run(schedule).makespan()
    }
}

fn two_devices(failures: &[(usize, f64)]) -> Case {
    Case {
        units: vec![100.0; 4],
        speeds: vec![1.0; 2],
        devices_per_node: 1,
        load_seconds: 10.0,
        failures: failures.to_vec(),
    }
}

fn commit(unit: usize, device: usize, begin: f64, end: f64) -> Commit {
    Commit { unit, device, begin, end }
}

#[test]
fn a_static_task_waits_for_its_device() {
    let ended = two_devices(&[(0, 150.0)]).run(Schedule::Static);
    // Unit 1 is lost after 40 s; the device is back at 200 s and loads again.
    let commits = [
        commit(0, 0, 10.0, 110.0),
        commit(2, 1, 10.0, 110.0),
        commit(3, 1, 110.0, 210.0),
        commit(1, 0, 210.0, 310.0),
    ];
    assert_eq!(ended, Ended { commits: commits.to_vec(), lost: 40.0, n_failures: 1 });
}

#[test]
fn a_pool_hands_a_lost_unit_to_a_free_device() {
    let ended = two_devices(&[(0, 160.0)]).run(Schedule::Pool);
    // Unit 2 goes to device 1 at 210 s; device 0 is back at that time, and has nothing left to do.
    let commits = [
        commit(0, 0, 10.0, 110.0),
        commit(1, 1, 10.0, 110.0),
        commit(3, 1, 110.0, 210.0),
        commit(2, 1, 210.0, 310.0),
    ];
    assert_eq!(ended, Ended { commits: commits.to_vec(), lost: 50.0, n_failures: 1 });
}

#[test]
fn a_task_of_an_array_goes_on_elsewhere_without_what_it_has_done() {
    let case = Case { units: vec![100.0; 8], ..two_devices(&[(0, 350.0)]) };
    let ended = case.run(ARRAY);
    // Four tasks of two units. Device 0 loses unit 5, the second of its second task, after 30 s; it is back at 400 s,
    // before device 1 has ended task 3, and takes what is left.
    let expected = [(5, 0, 410.0, 510.0), (7, 1, 320.0, 420.0), (4, 0, 220.0, 320.0)];
    for (unit, device, begin, end) in expected {
        assert!(ended.commits.contains(&commit(unit, device, begin, end)), "{:?}", ended.commits);
    }
    assert_eq!((ended.makespan(), ended.lost), (510.0, 30.0));
}

#[test]
fn a_node_takes_all_its_devices_with_it() {
    let case = Case { devices_per_node: 2, ..two_devices(&[(0, 150.0), (0, 170.0)]) };
    for schedule in [Schedule::Static, Schedule::Pool] {
        let ended = case.run(schedule);
        // Both devices lose 40 s. The node fails once more while it is awaited, and is there at 220 s.
        assert_eq!((ended.makespan(), ended.lost, ended.n_failures), (330.0, 80.0, 2));
    }
    // A model that is half loaded is lost too.
    let ended = Case { failures: vec![(0, 4.0)], ..case }.run(Schedule::Pool);
    assert_eq!((ended.makespan(), ended.lost), (264.0, 8.0));
}

#[test]
fn idle_devices_take_what_comes_back() {
    let of = |failure| Case { units: vec![100.0], ..two_devices(&[failure]) };
    assert_eq!(of((1, 30.0)).makespan(Schedule::Static), 190.0); // whose one task is device 1's
    let case = of((0, 30.0));
    assert_eq!(case.makespan(ARRAY), 140.0); // on device 1, which loads first
    assert_eq!(case.makespan(Schedule::Pool), 130.0); // which has
}

/// Why "more failures never shorten" holds for static schedules only (Graham 1966).
#[test]
fn a_failure_may_move_a_unit_to_a_faster_device() {
    let slow_and_fast = Case { units: vec![90.0; 2], speeds: vec![1.5, 0.5], ..two_devices(&[]) };
    assert_eq!(slow_and_fast.makespan(Schedule::Pool), 190.0);
    let failing = Case { failures: vec![(1, 60.0)], ..slow_and_fast };
    assert_eq!(failing.makespan(Schedule::Pool), 130.0);
    assert_eq!(failing.makespan(Schedule::Static), 300.0);
}

fn cases() -> impl Strategy<Value = Case> {
    (1usize..12, 1usize..5).prop_flat_map(|(n_devices, devices_per_node)| {
        let n_nodes = n_devices.div_ceil(devices_per_node);
        (
            prop::collection::vec(0.0..100.0, 1..60),
            prop::collection::vec(0.5..1.5, n_devices),
            0.0..30.0,
            prop::collection::vec((0..n_nodes, 0.0..600.0), 0..12),
        )
            .prop_map(move |(units, speeds, load_seconds, failures)| Case {
                units,
                speeds,
                devices_per_node,
                load_seconds,
                failures,
            })
    })
}

proptest! {
    #[test]
    fn every_unit_is_done_once_by_one_device_at_a_time(case in cases()) {
        for schedule in SCHEDULES {
            let ended = case.run(schedule);
            let mut units: Vec<usize> = ended.commits.iter().map(|commit| commit.unit).collect();
            units.sort_unstable();
            prop_assert!(units.into_iter().eq(0..case.units.len()), "{:?}", ended.commits);
            let mut free_at = vec![case.load_seconds; case.speeds.len()];
            for commit in &ended.commits {
                let seconds = case.units[commit.unit] / case.speeds[commit.device];
                prop_assert!((commit.end - commit.begin - seconds).abs() < 1e-9);
                prop_assert!(commit.begin >= free_at[commit.device]);
                free_at[commit.device] = commit.end;
            }
        }
    }

    #[test]
    fn more_failures_never_shorten_a_static_schedule(case in cases(), kept in prop::collection::vec(any::<bool>(), 12)) {
        let fewer = case.failures.iter().zip(kept).filter_map(|(&failure, kept)| kept.then_some(failure));
        let fewer = Case { failures: fewer.collect(), ..case.clone() };
        let (more, fewer) = (case.run(Schedule::Static), fewer.run(Schedule::Static));
        prop_assert!(more.makespan() >= fewer.makespan());
    }

    #[test]
    fn no_failures_shorten_a_pool_of_equals(case in cases()) {
        let n = case.units.len();
        let equal = Case { units: vec![20.0; n], speeds: vec![1.0; case.speeds.len()], ..case };
        let without = Case { failures: Vec::new(), ..equal.clone() };
        prop_assert!(equal.makespan(Schedule::Pool) >= without.makespan(Schedule::Pool));
    }
}
