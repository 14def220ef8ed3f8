//! Stores in a cloud, against a server of this process that speaks S3.

use super::tests::race;
use super::*;
use s3::{KEY, Server};

#[path = "../../tests/s3/mod.rs"]
mod s3;

fn open(server: &Server, place: &str) -> Store {
    let settings = server.settings().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Store::open(place.parse().unwrap(), settings).unwrap()
}

#[test]
fn the_first_writer_wins() {
    let server = Server::start();
    race(&open(&server, "s3://bucket/run"));
    assert_eq!(server.names(), ["/bucket/run/a/commit.json"]);
}

#[test]
fn objects_of_a_bucket() {
    let server = Server::start();
    let store = open(&server, "s3://bucket/some/run");
    assert_eq!(store.get("x/y").unwrap(), None);
    assert!(!store.exists("x/y").unwrap() && store.list("x").unwrap().is_empty());
    store.remove("x/y").unwrap();
    let names: Vec<String> = (0..8).map(|n| format!("x/part {n}.json")).collect();
    for name in &names {
        store.put(name, name.clone()).unwrap();
    }
    open(&server, "s3://bucket/some/runner").put("x/of another", "1").unwrap();
    assert_eq!(store.list("x").unwrap(), names, "all pages, and nothing of the neighbor");
    let all: Vec<String> =
        names.iter().map(|name| format!("/bucket/some/run/{}", name.replace(' ', "%20"))).collect();
    assert_eq!(server.names()[..8], all);
    assert_eq!(
        store.get_all(&names).unwrap(),
        names.iter().map(|n| Some(n.clone().into())).collect::<Vec<_>>()
    );
    store.put(&names[0], "2").unwrap();
    assert_eq!(store.get(&names[0]).unwrap().unwrap(), "2");
    store.remove(&names[0]).unwrap();
    assert!(!store.exists(&names[0]).unwrap() && store.list("x").unwrap() == names[1..]);
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let server = Server::start();
    let store = open(&server, "s3://bucket/run");
    for (method, status) in [("PUT", 503), ("GET", 500), ("HEAD", 503)] {
        server.fail(method, 2, status);
    }
    store.put("x", "1").unwrap();
    assert_eq!(store.get("x").unwrap().unwrap(), "1");
    assert!(store.exists("x").unwrap());
}

#[test]
fn who_has_another_secret_reads_and_writes_nothing() {
    let server = Server::start();
    open(&server, "s3://bucket/run").put("x", "1").unwrap();
    for (name, wrong) in [("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_ACCESS_KEY_ID", "nobody")] {
        let settings = server.settings().map(|(key, value)| {
            (key.to_owned(), if key == name { wrong.to_owned() } else { value.to_owned() })
        });
        let store = Store::open("s3://bucket/run".parse().unwrap(), settings).unwrap();
        let before = server.n_refused();
        let errors = [
            store.get("x").unwrap_err(),
            store.exists("x").unwrap_err(),
            store.put("x", "2").unwrap_err(),
            store.put_if_absent("y", "2").unwrap_err(),
            store.list("").unwrap_err(),
            store.remove("x").unwrap_err(),
        ];
        assert_eq!(server.n_refused() - before, errors.len(), "nothing was asked twice");
        for error in errors {
            assert!(matches!(error, Error::Store { again: false, .. }), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("s3://bucket/run") && text.contains("403"), "{text}");
            assert!(!text.contains(KEY.1), "{text}");
        }
    }
    assert_eq!(open(&server, "s3://bucket/run").get("x").unwrap().unwrap(), "1");
}

#[test]
fn answers_that_another_try_would_not_change_are_final() {
    let server = Server::start();
    let store = open(&server, "s3://bucket/run");
    for status in [400, 403, 404] {
        server.fail("GET", 1, status);
        assert!(matches!(store.list("").unwrap_err(), Error::Store { again: false, .. }), "{status}");
    }
    // These may be another answer next time.
    for status in [408, 429, 503] {
        server.fail("GET", 1, status);
        assert!(store.list("").unwrap().is_empty(), "{status}");
    }
}

#[test]
fn addresses_of_all_clouds_open() {
    let option = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let azure = [option("AZURE_STORAGE_ACCOUNT_NAME", "me"), option("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")];
    Store::open("az://container/run".parse().unwrap(), azure).unwrap();
    Store::open("gs://bucket/run".parse().unwrap(), [option("GOOGLE_SKIP_SIGNATURE", "true")]).unwrap();
}
