//! Units, done by many, in any order, more than once, and by workers and stores that fail: always the same table.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod faults;
mod support;

use std::num::NonZeroU32;
use std::process::Command;
use std::sync::Arc;

use lobass_core::{Detail, DeviceId, Dtype, RowStatus};
use lobass_run::{
    Attempts, Error, Job, Location, ModelKey, Receipt, Seal, Step, Store, Unit, UnitState, WorkDir,
    read_table,
};
use object_store::memory::InMemory;
use proptest::prelude::*;
use tempfile::TempDir;

use faults::Flaky;
use support::{Linear, Planned, single};

const ROWS: u32 = 600;
const NATS: [(&str, f64); 2] = [("base", 3.0), ("reference", 1.0)];

fn key(role: &str) -> ModelKey {
    ModelKey::new(role.into(), "somewhere", format!("{role:0>16}").into(), Dtype::F32, DeviceId::CPU)
}

fn seal() -> Seal {
    Seal::new(key("base"), vec![key("reference").into()])
}

fn planned(dir: &TempDir) -> Planned {
    Planned::new(dir.path(), &(0..ROWS).map(single).collect::<Vec<_>>())
}

fn memory() -> Store {
    Store::of(Location::Url("memory:///run".parse().unwrap()), Arc::new(InMemory::new())).unwrap()
}

fn counted(limit: u32) -> Attempts {
    Attempts { worker: "test".to_owned(), limit: NonZeroU32::new(limit) }
}

fn engine(role: &str) -> Linear {
    Linear::new(NATS.iter().find(|(name, _)| *name == role).unwrap().1)
}

fn run(work: &WorkDir, unit: Unit<'_>, attempts: &Attempts) -> Result<Receipt, Error> {
    work.run_unit(unit, &engine(&unit.model.role.to_string()), attempts, &mut |_| ())
}

fn finish(work: &WorkDir, job: &Job) {
    for unit in work.pending(job).unwrap() {
        assert!(run(work, unit, &counted(3)).unwrap().state.is_done());
    }
}

fn digest(work: &WorkDir, dir: &TempDir) -> String {
    work.seal(&seal(), &dir.path().join("scores.parquet")).unwrap().manifest.digest.unwrap()
}

/// The digest of a run in one process that nothing happens to.
fn expected(planned: &Planned, dir: &TempDir) -> String {
    let work = planned.encoded(Store::local(&dir.path().join("undisturbed")).unwrap());
    for (role, nats) in NATS {
        work.score(&key(role), &Linear::new(nats), Detail::Sum, &mut |_| ()).unwrap();
    }
    digest(&work, dir)
}

#[test]
fn of_many_that_do_one_unit_one_commits() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    for store in [memory(), Store::local(&dir.path().join("work")).unwrap()] {
        let work = planned.encoded(store);
        let job = work.put_job(seal()).unwrap();
        let unit = work.units(&job).next().unwrap();
        let together = std::sync::Barrier::new(8);
        let states: Vec<UnitState> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        run(&work, unit, &counted(20)).unwrap().state
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let n = |state| states.iter().filter(|&&found| found == state).count();
        assert_eq!(n(UnitState::Committed), 1, "{states:?}");
        assert_eq!(n(UnitState::Duplicate) + n(UnitState::Skipped), 7, "{states:?}");
        finish(&work, &job);
        assert!(work.garbage().unwrap().is_empty());
        assert_eq!(digest(&work, &dir), expected(&planned, &dir));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_order_split_and_repetition_gives_the_same_table(
        order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
        again in prop::collection::vec(0..6usize, 0..6),
        cut in 0..6usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let planned = planned(&dir);
        let work = planned.encoded(memory());
        let job = work.put_job(seal()).unwrap();
        let units: Vec<Unit<'_>> = work.units(&job).collect();
        prop_assert_eq!(units.len(), 6);
        let all: Vec<usize> = order.into_iter().chain(again).collect();
        std::thread::scope(|scope| {
            for part in [&all[..cut], &all[cut..]] {
                let (work, units) = (&work, &units);
                scope.spawn(move || {
                    for &at in part {
                        assert!(run(work, units[at], &counted(9)).unwrap().state.is_done());
                    }
                });
            }
        });
        prop_assert!(work.pending(&job).unwrap().is_empty());
        prop_assert_eq!(digest(&work, &dir), expected(&planned, &dir));
    }
}

#[test]
fn the_base_is_scored_once_for_every_reference() {
    let dir = tempfile::tempdir().unwrap();
    let work = planned(&dir).encoded(memory());
    let job = work.put_job(seal()).unwrap();
    finish(&work, &job);
    let other = Seal::new(
        key("base"),
        vec![ModelKey { weights_digest: "f".repeat(16).into(), ..key("reference") }.into()],
    );
    let second = work.put_job(other).unwrap();
    assert_ne!(job.id(), second.id());
    assert_eq!(work.jobs().unwrap().len(), 2);
    let roles: Vec<String> =
        work.pending(&second).unwrap().iter().map(|unit| unit.model.role.to_string()).collect();
    assert_eq!(roles, ["reference"; 3]);
    assert!(work.pending(&job).unwrap().is_empty());
}

#[test]
fn a_job_is_known_by_its_models_and_not_by_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let work = planned(&dir).encoded(memory());
    let here = work.put_job(seal()).unwrap();
    let there = Seal::new(ModelKey { path: "elsewhere".to_owned(), ..key("base") }, seal().references);
    assert_eq!(work.put_job(there).unwrap().id(), here.id());
    assert_eq!(work.jobs().unwrap(), [here]);
}

#[test]
fn a_unit_that_kills_its_workers_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let work = planned.encoded(memory());
    let job = work.put_job(seal()).unwrap();
    let poison = work.units(&job).nth(1).unwrap();
    for _ in 0..3 {
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            work.run_unit(poison, &engine("base"), &counted(3), &mut |step| {
                assert!(!matches!(step, Step::Begun(_)), "the worker dies");
            })
        }));
        died.unwrap_err();
    }
    let state = &work.states(&job).unwrap()[0];
    assert_eq!((state.begun.get(&1), state.quarantined.len()), (Some(&3), 0));
    assert_eq!(run(&work, poison, &counted(3)).unwrap().state, UnitState::Quarantined);
    finish(&work, &job);
    assert_eq!(work.states(&job).unwrap()[0].quarantined, [1]);

    let out = dir.path().join("scores.parquet");
    let error = work.seal(&seal(), &out).unwrap_err();
    assert!(matches!(error, Error::Quarantined { n_units: 1, shard: 1, .. }), "{error}");
    assert!(!out.exists());
    let counts = work.seal_without(&seal(), 1, &out).unwrap().manifest.counts;
    let table = read_table(&out).unwrap();
    let lost = table.records.iter().filter(|record| record.status == RowStatus::Quarantined);
    assert!(
        lost.clone()
            .all(|record| record.base.is_none() && record.reason.as_ref().unwrap().contains("`base`"))
    );
    assert_eq!(
        (lost.count() as u64, counts[&RowStatus::Quarantined]),
        (poison.shard.n_rows, poison.shard.n_rows)
    );

    assert_eq!(work.retry_quarantined(&job).unwrap(), 1);
    finish(&work, &job);
    assert_eq!(digest(&work, &dir), expected(&planned, &dir));
}

#[test]
fn a_try_that_is_withdrawn_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let work = planned(&dir).encoded(memory());
    let job = work.put_job(seal()).unwrap();
    let unit = work.units(&job).next().unwrap();
    for _ in 0..5 {
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            work.run_unit(unit, &engine("base"), &counted(1), &mut |step| {
                if let Step::Begun(attempt) = step {
                    attempt.withdraw().unwrap();
                    panic!("the worker is stopped");
                }
            })
        }));
        stopped.unwrap_err();
    }
    assert_eq!(run(&work, unit, &counted(1)).unwrap().state, UnitState::Committed);
}

#[test]
fn what_the_plan_does_not_ask_for_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let place = dir.path().join("work");
    let work = planned.encoded(Store::local(&place).unwrap());
    let out = dir.path().join("scores.parquet");
    let job = work.put_job(seal()).unwrap();
    let error = work.seal(&seal(), &out).unwrap_err();
    assert!(matches!(error, Error::Unfinished { missing: 6, all: 9, .. }), "{error}");
    finish(&work, &job);
    let commits = std::fs::read_dir(place.join("commits")).unwrap().map(|entry| entry.unwrap().path());
    let base = commits.into_iter().find(|path| path.to_string_lossy().contains("base")).unwrap();

    let (first, stranger) = (base.join("00000.json"), base.join("00009.json"));
    fs_err::copy(&first, &stranger).unwrap();
    let error = work.seal(&seal(), &out).unwrap_err();
    assert!(
        matches!(&error, Error::Surprise { n_shards: 3, .. }) && error.to_string().contains("00009"),
        "{error}"
    );
    fs_err::remove_file(&stranger).unwrap();

    let json = fs_err::read_to_string(&first).unwrap();
    fs_err::write(&first, json.replace("lobass 0", "lobass 9")).unwrap();
    let error = work.seal(&seal(), &out).unwrap_err();
    assert!(matches!(&error, Error::Mixture { .. }) && error.to_string().contains("lobass 9"), "{error}");

    fs_err::write(&first, json.replace("\"shard\": 0", "\"shard\": 1")).unwrap();
    let error = work.seal(&seal(), &out).unwrap_err();
    assert!(error.to_string().contains("made for another plan"), "{error}");
    fs_err::write(&first, json).unwrap();
    assert_eq!(digest(&work, &dir), expected(&planned, &dir));
}

#[test]
fn a_second_worker_with_other_numbers_is_noted_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let work = planned.encoded(memory());
    let job = work.put_job(seal()).unwrap();
    let unit = work.units(&job).next().unwrap();
    let mut states = Vec::new();
    // The first worker is overtaken after it has scored.
    let receipt = work.run_unit(unit, &Linear::new(2.0), &counted(3), &mut |step| {
        if matches!(step, Step::Stored) {
            states.push(run(&work, unit, &counted(3)).unwrap().state);
        }
    });
    states.push(receipt.unwrap().state);
    assert_eq!(states, [UnitState::Committed, UnitState::Differs]);
    finish(&work, &job);
    assert_eq!(work.states(&job).unwrap()[0].differing, [0]);
    assert_eq!(digest(&work, &dir), expected(&planned, &dir));
    let garbage = work.garbage().unwrap();
    assert_eq!(garbage.len(), 1, "the other numbers: {garbage:?}");
    work.remove_garbage(&garbage).unwrap();
    assert_eq!(digest(&work, &dir), expected(&planned, &dir));
}

#[test]
fn a_store_that_fails_one_call_in_ten_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let expected = expected(&planned, &dir);
    let flaky = Arc::new(Flaky::new(10));
    let store = Store::of(Location::Url("flaky:///run".parse().unwrap()), flaky.clone()).unwrap();
    let work = planned.encoded(store);
    let job = work.put_job(seal()).unwrap();
    finish(&work, &job);
    assert_eq!(digest(&work, &dir), expected);
    assert!(work.states(&job).unwrap().iter().all(|state| state.differing.is_empty()));
    assert!(flaky.n_failures() > 5, "{}", flaky.n_failures());
}

#[test]
fn a_store_that_is_gone_is_an_error_with_its_name_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let flaky = Arc::new(Flaky::new(u64::MAX));
    let store = Store::of(Location::Url("flaky:///run".parse().unwrap()), flaky.clone()).unwrap();
    let work = planned.encoded(store);
    let job = work.put_job(seal()).unwrap();
    let unit = work.units(&job).next().unwrap();
    let receipt = work.run_unit(unit, &engine("base"), &counted(1), &mut |step| {
        if matches!(step, Step::Scored) {
            flaky.break_down(true);
        }
    });
    let error = receipt.unwrap_err();
    assert!(
        matches!(error, Error::Store { .. }) && error.to_string().contains("flaky:///run/data"),
        "{error}"
    );
    flaky.break_down(false);
    // The try is still marked, since the store was gone; a person has to decide that the unit is not to blame.
    assert_eq!(run(&work, unit, &counted(1)).unwrap().state, UnitState::Quarantined);
    assert_eq!(work.retry_quarantined(&job).unwrap(), 1);
    finish(&work, &job);
    assert_eq!(digest(&work, &dir), expected(&planned, &dir));
}

/// The variable that starts the child of the test below.
const CHILD: &str = "LOBASS_TEST_DIES_AT";

/// Aborts at a step of a unit, if this process is such a child.
#[test]
fn child_that_dies_at_a_step() {
    let Ok(told) = std::env::var(CHILD) else { return };
    let (place, n) = told.rsplit_once('|').unwrap();
    let n: usize = n.parse().unwrap();
    let work = WorkDir::resume(Store::local(place.as_ref()).unwrap()).unwrap().unwrap();
    let job = work.jobs().unwrap().remove(0);
    let mut n_steps = 0;
    for unit in work.pending(&job).unwrap() {
        let receipt = work.run_unit(unit, &engine(&unit.model.role.to_string()), &counted(3), &mut |_| {
            if n_steps == n {
                std::process::abort();
            }
            n_steps += 1;
        });
        receipt.unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_worker_may_die_after_any_step() {
    use std::os::unix::process::ExitStatusExt as _;

    let dir = tempfile::tempdir().unwrap();
    let planned = planned(&dir);
    let expected = expected(&planned, &dir);
    // Six steps a unit: missing, begun, scored, stored, committed, withdrawn.
    for n in 0..12 {
        let place = dir.path().join(format!("dies-at-{n}"));
        let work = planned.encoded(Store::local(&place).unwrap());
        let job = work.put_job(seal()).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_dies_at_a_step"])
            .env(CHILD, format!("{}|{n}", place.display()))
            .output()
            .unwrap();
        assert_eq!(child.status.signal(), Some(6), "{}", String::from_utf8_lossy(&child.stderr));
        let n_done = 6 - work.pending(&job).unwrap().len();
        assert_eq!(n_done, (n + 2) / 6, "units with a commit when it died at step {n}");
        finish(&work, &job);
        work.remove_garbage(&work.garbage().unwrap()).unwrap();
        assert!(
            work.states(&job)
                .unwrap()
                .iter()
                .all(|state| state.begun.is_empty() && state.differing.is_empty())
        );
        assert_eq!(digest(&work, &dir), expected, "after a death at step {n}");
        let n_files = std::fs::read_dir(place.join("data"))
            .unwrap()
            .map(|stage| std::fs::read_dir(stage.unwrap().path()).unwrap().count());
        assert_eq!(n_files.sum::<usize>(), 9, "no data that no commit names");
    }
}
