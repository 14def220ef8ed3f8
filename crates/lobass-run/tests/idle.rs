//! When a work directory may be begun anew: no model has seen a row of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use lobass_core::{Detail, DeviceId, Dtype};
use lobass_run::{ModelKey, Seal, Store, WorkDir};

use support::{Linear, Planned, single};

#[test]
fn a_directory_is_idle_until_a_model_has_seen_a_row() {
    let dir = tempfile::tempdir().unwrap();
    let planned = Planned::new(dir.path(), &(0..20).map(single).collect::<Vec<_>>());
    let key = ModelKey::new("base".into(), "somewhere", "0123456789abcdef".into(), Dtype::F32, DeviceId::CPU);
    let begun = WorkDir::open(Store::in_memory().unwrap(), planned.plan.clone()).unwrap();
    assert!(begun.is_idle().unwrap());

    let store = Store::in_memory().unwrap();
    let work = planned.encoded(store.clone());
    assert!(work.is_idle().unwrap());
    let mut other = planned.plan.clone();
    other.encoding.max_length = 100;
    let error = WorkDir::open(store, other).unwrap_err().to_string();
    assert!(error.contains("other max length (200, now 100);"), "{error}");
    work.score(&key, &Linear::new(1.0), Detail::Sum, &mut |_| ()).unwrap();
    assert!(!work.is_idle().unwrap());

    let prepared = planned.encoded(Store::in_memory().unwrap());
    prepared.put_job(Seal::new(key, Vec::new())).unwrap();
    assert!(!prepared.is_idle().unwrap(), "workers may be about to begin");
}
