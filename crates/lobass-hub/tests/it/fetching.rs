//! Which files are downloaded, and which are not.

use std::sync::Mutex;

use lobass_hub::{Event, Hub};

use crate::server::{Gate, Repo, hex};
use crate::{Place, checkpoint, id, model, names, weights};

#[test]
fn a_model_comes_once_and_without_what_is_not_read() {
    let place = Place::with(checkpoint());
    let found = model(&place.hub(), "org/name").unwrap();
    let commit = &hex(b"org/name")[..40];
    assert_eq!(found.repo.to_string(), format!("org/name@{commit}"));
    assert_eq!(found.dir, place.cache().join("models--org--name/snapshots").join(commit));
    let read = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"];
    assert_eq!(names(&found.dir), read);
    assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
    assert_eq!(fs_err::read_to_string(found.dir.join("config.json")).unwrap(), "{}");
    // One question for the list, one for each file, and one to where the large one is; no more of any.
    assert_eq!(place.lines().len(), 1 + read.len() + 1);

    // Later the branch may have moved, so only that is requested. A commit never moves.
    assert_eq!(model(&place.hub(), "org/name").unwrap(), found);
    assert_eq!(place.lines(), ["GET /api/models/org/name/revision/main?blobs=true"]);
    assert_eq!(model(&place.hub(), &format!("org/name@{commit}")).unwrap(), found);
    assert_eq!(place.lines(), Vec::<String>::new());
}

#[test]
fn shards_are_those_that_the_index_names() {
    let index = r#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    let repo = Repo::new("models", "org/name")
        .with("config.json", "{}")
        .with("model.safetensors.index.json", index)
        .with("model-1.safetensors", "one")
        .with("model-2.safetensors", "two")
        .with("consolidated.safetensors", "never");
    let place = Place::with(repo);
    let found = model(&place.hub(), "org/name").unwrap();
    let read = ["config.json", "model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
    assert_eq!(names(&found.dir), read);
}

#[test]
fn a_revision_with_a_slash_and_an_endpoint_below_a_path() {
    let repo = Repo { refs: vec!["main", "refs/pr/1"], ..checkpoint() };
    let place = Place::with(repo);
    let found = model(&place.hub(), "org/name@refs/pr/1").unwrap();
    assert_eq!(place.lines()[0], "GET /api/models/org/name/revision/refs%2Fpr%2F1?blobs=true");
    let noted = place.cache().join("models--org--name/refs/refs/pr/1");
    assert_eq!(fs_err::read_to_string(noted).unwrap(), found.repo.revision());

    let mut settings = place.settings();
    settings.endpoint += "/mirror/";
    let error = model(&Hub::new(settings).unwrap(), "org/name").unwrap_err();
    assert_eq!(place.lines()[0], "GET /mirror/api/models/org/name/revision/main?blobs=true", "{error}");
}

#[test]
fn the_token_goes_to_the_endpoint_alone() {
    let place = Place::with(Repo { gate: Gate::Gated("secret"), ..checkpoint() });
    model(&place.known_as("secret"), "org/name").unwrap();
    let asked = place.server.asked();
    assert!(asked.iter().any(|asked| asked.elsewhere));
    for asked in asked {
        let expected = (!asked.elsewhere).then_some("Bearer secret");
        assert_eq!(asked.authorization.as_deref(), expected, "{}", asked.line);
    }
}

#[test]
fn a_mirror_that_tells_names_only_is_asked_about_each_file() {
    let place = Place::with(checkpoint());
    place.server.tell_names_only();
    let found = model(&place.hub(), "org/name").unwrap();
    assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
    let lines = place.lines();
    assert_eq!(lines.iter().filter(|line| line.starts_with("HEAD ")).count(), 4, "{lines:?}");
    // The same bytes have the same name in the cache as without a mirror.
    assert!(place.cache().join("models--org--name/blobs").join(hex(&weights())).exists());
}

#[test]
fn a_repository_that_was_renamed() {
    let place = Place::with(checkpoint());
    place.server.rename("old/name", "org/name");
    for bare in [false, true] {
        if bare {
            place.server.tell_names_only();
        }
        let cache = tempfile::tempdir().unwrap();
        let settings = lobass_hub::HubSettings { cache: cache.path().to_owned(), ..place.settings() };
        let found = model(&Hub::new(settings).unwrap(), "old/name").unwrap();
        assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
    }
}

#[test]
fn many_at_once_fetch_everything_once() {
    let place = Place::with(checkpoint());
    let dirs = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| dirs.lock().unwrap().push(model(&place.hub(), "org/name").unwrap().dir));
        }
    });
    let dirs = dirs.into_inner().unwrap();
    assert!(dirs.len() == 8 && dirs.iter().all(|dir| *dir == dirs[0]));
    let mut fetched: Vec<String> = place.lines().into_iter().filter(|line| !line.contains("/api/")).collect();
    let all = fetched.len();
    fetched.sort();
    fetched.dedup();
    assert_eq!((fetched.len(), all), (5, 5), "{fetched:?}");
    assert_eq!(fs_err::read(dirs[0].join("model.safetensors")).unwrap(), weights());
}

#[test]
fn progress_ends_at_the_size() {
    let place = Place::with(checkpoint());
    let mut seen = Vec::new();
    let mut observe = |event: Event<'_>| {
        if let Event::Bytes { file: "model.safetensors", done, size } = event {
            seen.push((done, size));
        }
    };
    place.hub().model(&id("org/name"), &mut observe).unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|(_, size)| *size == 300_000));
    assert_eq!(seen.last(), Some(&(300_000, 300_000)));
}
