//! Data files that are written to between two readings, or during one: nothing is computed from another text than the
//! plan names.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[expect(dead_code, reason = "nothing is scored here")]
mod support;

use std::sync::Arc;

use lobass_run::{Error, Location, Store, WorkDir};
use object_store::memory::InMemory;
use serde_json::json;

use support::{Planned, single};

fn work(planned: &Planned) -> WorkDir {
    let location = Location::Url("memory:///run".parse().unwrap());
    WorkDir::open(Store::of(location, Arc::new(InMemory::new())).unwrap(), planned.plan.clone()).unwrap()
}

fn is_changed(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Data(lobass_data::Error::Changed { .. })))
}

#[test]
fn a_file_that_changed_since_it_was_planned_is_not_encoded() {
    let dir = tempfile::tempdir().unwrap();
    let planned = Planned::new(dir.path(), &(0..20).map(single).collect::<Vec<_>>());
    let path = planned.pool.files()[0].path().to_owned();
    let text = fs_err::read_to_string(&path).unwrap();
    let work = work(&planned);
    fs_err::write(&path, text.replace("what", "when")).unwrap();
    let result = work.encode(&planned.pool, &planned.encoder, 1, &mut |_| ());
    assert!(is_changed(&result), "{result:?}");
    fs_err::write(&path, text).unwrap();
    work.encode(&planned.pool, &planned.encoder, 1, &mut |_| ()).unwrap();
}

#[test]
fn a_file_that_changes_while_it_is_encoded_gives_no_rows_of_two_texts() {
    let dir = tempfile::tempdir().unwrap();
    let padding = "a long story. ".repeat(200);
    let row = |n: u32| json!({"id": format!("old-{n}"), "question": n.to_string(), "answer": padding});
    let planned = Planned::new(dir.path(), &(0..1000).map(row).collect::<Vec<_>>());
    assert!(planned.plan.shards.len() > 2, "the file is read in several pieces");
    let path = planned.pool.files()[0].path().to_owned();
    let text = fs_err::read_to_string(&path).unwrap();
    let work = work(&planned);
    let mut edit = |_| {
        fs_err::write(&path, text.replace("old-", "new-")).unwrap();
        true
    };
    let result = work.encode_while(&planned.pool, &planned.encoder, 1, &mut edit, &mut |_| ());
    assert!(is_changed(&result), "{result:?}");

    fs_err::write(&path, &text).unwrap();
    let mut n_resumed = 0;
    work.encode(&planned.pool, &planned.encoder, 1, &mut |progress| n_resumed = progress.rows_resumed)
        .unwrap();
    assert!(n_resumed > 0, "what was committed before the change is good");
    let names = planned.plan.shards.iter().flat_map(|&shard| work.names_of(shard).unwrap());
    assert!(names.into_iter().all(|name| name.key.as_str().starts_with("old-")));
}
