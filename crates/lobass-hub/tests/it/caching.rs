//! Files that are in the cache already: from lobass, and from Python.

use lobass_hub::Error;

use crate::server::{Repo, hex};
use crate::{Place, checkpoint, model, names};

#[test]
fn offline_from_a_warm_cache_and_a_cold_one() {
    let place = Place::with(checkpoint());
    let error = model(&place.offline(), "org/name").unwrap_err();
    assert!(matches!(error, Error::NotCached { .. }), "{error}");
    let found = model(&place.hub(), "org/name").unwrap();
    place.lines();
    assert_eq!(model(&place.offline(), "org/name").unwrap(), found);
    assert_eq!(model(&place.offline(), &found.repo.to_string()).unwrap(), found);
    assert_eq!(place.lines(), Vec::<String>::new());
    let error = model(&place.offline(), "org/name@v2").unwrap_err();
    assert!(matches!(error, Error::NotCached { .. }), "{error}");
}

#[test]
fn offline_a_part_is_not_taken_for_the_whole() {
    let place = Place::with(checkpoint());
    let found = model(&place.hub(), "org/name").unwrap();
    fs_err::remove_file(found.dir.join("tokenizer.json")).unwrap();
    let error = model(&place.offline(), "org/name").unwrap_err().to_string();
    assert!(error.contains("expected `tokenizer.json` in the cache") && error.contains("offline"), "{error}");
}

/// The state that Python's `hf_hub_download` leaves: no listing of the commit.
fn as_python_has_it(place: &Place, files: &[(&str, &str)]) {
    let root = place.cache().join("models--org--name");
    let commit = "1".repeat(40);
    fs_err::create_dir_all(root.join("refs")).unwrap();
    fs_err::write(root.join("refs/main"), &commit).unwrap();
    let snapshot = root.join("snapshots").join(&commit);
    for dir in [&snapshot, &root.join("blobs")] {
        fs_err::create_dir_all(dir).unwrap();
    }
    for (name, content) in files {
        let etag = hex(content.as_bytes());
        fs_err::write(root.join("blobs").join(&etag), content).unwrap();
        fs_err::os::unix::fs::symlink(format!("../../blobs/{etag}"), snapshot.join(name)).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn a_cache_that_python_made() {
    let place = Place::new();
    as_python_has_it(&place, &[("config.json", "{}"), ("model.safetensors", "w"), ("tokenizer.json", "{}")]);
    let found = model(&place.offline(), "org/name").unwrap();
    assert_eq!(names(&found.dir), ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(found.repo.revision(), "1".repeat(40));
    assert_eq!(found.may_lack, ["tokenizer_config.json", "chat_template.jinja"]);
}

#[test]
#[cfg(unix)]
fn text_files_that_a_part_may_lack() {
    let weights = [("config.json", "{}"), ("model.safetensors", "w"), ("tokenizer.json", "{}")];
    let may_lack = |more: &[(&str, &str)]| {
        let place = Place::new();
        as_python_has_it(&place, &[weights.as_slice(), more].concat());
        model(&place.offline(), "org/name").unwrap().may_lack
    };
    let with_template = r#"{"chat_template": "{{ x }}", "eos_token": "</s>"}"#;
    assert!(may_lack(&[("tokenizer_config.json", with_template)]).is_empty());
    assert_eq!(may_lack(&[("tokenizer_config.json", "{}")]), ["chat_template.jinja"]);
    assert!(may_lack(&[("tokenizer_config.json", "{}"), ("chat_template.jinja", "{{ x }}")]).is_empty());
    // Where a list says what there is, nothing is unknown.
    let place = Place::with(checkpoint());
    assert!(model(&place.hub(), "org/name").unwrap().may_lack.is_empty());
    assert!(model(&place.offline(), "org/name").unwrap().may_lack.is_empty());
}

#[test]
#[cfg(unix)]
fn a_part_that_python_made() {
    let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    for (files, lacks) in [
        (vec![("config.json", "{}")], "safetensors"),
        (vec![("tokenizer.json", "{}")], "config.json"),
        (
            vec![
                ("config.json", "{}"),
                ("model.safetensors.index.json", index),
                ("model-1.safetensors", "1"),
            ],
            "`model-2.safetensors`",
        ),
    ] {
        let place = Place::new();
        as_python_has_it(&place, &files);
        let error = model(&place.offline(), "org/name").unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::NotCached { .. }) && text.contains(lacks), "{text}");
    }
}

#[test]
#[cfg(unix)]
fn bytes_that_are_there_under_another_commit_are_not_fetched_again() {
    let place = Place::with(checkpoint());
    let first = model(&place.hub(), "org/name").unwrap();
    place.lines();
    // The branch moves to a commit with another config and the same weights.
    let moved = Repo { commit: "2".repeat(40), ..checkpoint().with("config.json", "{\"new\":1}") };
    let later = Place { server: crate::Server::start(), ..place };
    later.server.add(moved);
    let second = model(&later.hub(), "org/name").unwrap();
    assert_ne!(first.dir, second.dir);
    let lines = later.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].ends_with("/config.json"), "{lines:?}");
    assert_eq!(fs_err::read(second.dir.join("model.safetensors")).unwrap(), crate::weights());
    assert_eq!(model(&later.offline(), "org/name").unwrap(), second);
    assert_eq!(model(&later.offline(), &first.repo.to_string()).unwrap(), first);
}

#[test]
#[cfg(unix)]
fn a_link_to_bytes_that_someone_removed() {
    let place = Place::with(checkpoint());
    let found = model(&place.hub(), "org/name").unwrap();
    fs_err::remove_file(found.dir.join("config.json").canonicalize().unwrap()).unwrap();
    assert_eq!(model(&place.hub(), "org/name").unwrap(), found);
    assert_eq!(fs_err::read_to_string(found.dir.join("config.json")).unwrap(), "{}");
}
