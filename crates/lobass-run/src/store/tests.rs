//! Stores in directories and in memory.

use super::*;

pub(super) fn race(store: &Store) {
    let puts: Vec<Put> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8u8)
            .map(|writer| {
                scope.spawn(move || store.put_if_absent("a/commit.json", vec![writer; 4096]).unwrap())
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(puts.iter().filter(|&&put| put == Put::Created).count(), 1);
    let bytes = store.get("a/commit.json").unwrap().unwrap();
    assert!(bytes.len() == 4096 && bytes.iter().all(|&byte| byte == bytes[0]));
    assert_eq!(store.list("a").unwrap(), ["a/commit.json"]);
}

#[test]
fn the_first_writer_wins_and_nothing_else_remains() {
    let dir = tempfile::tempdir().unwrap();
    race(&Store::local(dir.path()).unwrap());
    assert_eq!(fs_err::read_dir(dir.path().join("a")).unwrap().count(), 1);
    let memory = Location::Url("memory:///".parse().unwrap());
    race(&Store::of(memory, Arc::new(InMemory::new())).unwrap());
}

#[test]
fn what_is_not_there_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::local(&dir.path().join("new")).unwrap();
    assert_eq!(store.get("x/y").unwrap(), None);
    assert!(!store.exists("x/y").unwrap());
    assert!(store.list("x").unwrap().is_empty());
    store.remove("x/y").unwrap();
    store.put("x/y", "1").unwrap();
    store.put("x/y", "2").unwrap();
    assert_eq!(store.get("x/y").unwrap().unwrap(), "2");
    store.remove("x/y").unwrap();
    assert!(!store.exists("x/y").unwrap());
}

#[test]
fn a_kind_of_place_that_is_not_known_is_an_error_with_its_name() {
    let error = Store::open("ftp://host/run".parse().unwrap(), []).unwrap_err();
    assert!(error.to_string().contains("ftp://host/run"), "{error}");
}

#[test]
#[cfg(not(feature = "cloud"))]
fn a_cloud_names_the_feature_that_reads_it() {
    for place in
        ["s3://bucket/run", "gs://bucket/run", "az://container/run", "https://s3.eu-west-1.amazonaws.com/b/r"]
    {
        let error = Store::open(place.parse().unwrap(), []).unwrap_err();
        assert!(matches!(&error, Error::NoCloud { place: found } if found.to_string() == place), "{error}");
        assert!(error.to_string().contains("`cloud`"), "{error}");
    }
}
