//! Data sets.

use lobass_hub::{DataSnapshot, Error, Hub};

use crate::Place;
use crate::server::Repo;

fn data(hub: &Hub, text: &str) -> Result<DataSnapshot, Error> {
    hub.data(&text.parse().unwrap(), &mut |_| {})
}

fn set() -> Repo {
    Repo::new("datasets", "org/set")
        .with("README.md", "# A data set")
        .with("data/train-00000-of-00002.parquet", "one")
        .with("data/train-00001-of-00002.parquet", "two")
        .with("data/test-00000-of-00001.parquet", "never")
}

#[test]
fn the_files_of_a_split_with_addresses_that_stay() {
    let place = Place::with(set());
    let found = data(&place.hub(), "hf://datasets/org/set").unwrap();
    assert_eq!((found.left_out.as_slice(), found.may_lack), (["test".to_owned()].as_slice(), false));
    let content: Vec<String> =
        found.files.iter().map(|(path, _)| fs_err::read_to_string(path).unwrap()).collect();
    assert_eq!(content, ["one", "two"]);
    let (path, address) = &found.files[1];
    let text = address.to_string();
    assert!(
        text.starts_with("hf://datasets/org/set@") && text.ends_with("/data/train-00001-of-00002.parquet"),
        "{text}"
    );
    assert!(path.starts_with(place.cache().join("datasets--org--set/snapshots")));
    place.lines();
    // The address alone finds the file again, without a question.
    assert_eq!(data(&place.hub(), &text).unwrap().files, found.files[1..]);
    assert_eq!(data(&place.offline(), "hf://datasets/org/set").unwrap(), found);
    assert_eq!(place.lines(), Vec::<String>::new());
}

#[test]
fn the_data_card_says_which_files_a_split_has() {
    let card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: part_a.jsonl\n  - split: test\n    path: part_b.jsonl\n---\n# Data\n";
    let repo = |card: &'static str| {
        Repo::new("datasets", "org/set")
            .with("README.md", card)
            .with("part_a.jsonl", "one")
            .with("part_b.jsonl", "never")
    };
    let place = Place::with(repo(card));
    let found = data(&place.hub(), "hf://datasets/org/set").unwrap();
    assert_eq!((found.files.len(), found.left_out.as_slice()), (1, ["test".to_owned()].as_slice()));
    assert!(found.files[0].0.ends_with("part_a.jsonl"));
    assert_eq!(data(&place.offline(), "hf://datasets/org/set").unwrap(), found);
    assert!(data(&place.hub(), "hf://datasets/org/set/part_a.jsonl").unwrap().left_out.is_empty());

    let place = Place::with(repo("---\nconfigs:\n- data_files: other.jsonl\n---\n"));
    let error = data(&place.hub(), "hf://datasets/org/set").unwrap_err();
    assert!(matches!(error, Error::Card { .. }) && error.to_string().contains("`other.jsonl`"), "{error}");
}

#[test]
fn offline_a_split_has_all_its_parts() {
    let place = Place::with(set());
    let found = data(&place.hub(), "hf://datasets/org/set").unwrap();
    let root = place.cache().join("datasets--org--set");
    // With the list of what there is.
    fs_err::remove_file(&found.files[1].0).unwrap();
    let error = data(&place.offline(), "hf://datasets/org/set").unwrap_err().to_string();
    assert!(error.contains("train-00001-of-00002"), "{error}");
    // Without it, as older versions of Python leave a cache.
    fs_err::remove_dir_all(root.join("trees")).unwrap();
    let error = data(&place.offline(), "hf://datasets/org/set").unwrap_err();
    assert!(matches!(error, Error::NotCached { .. }) && error.to_string().contains("all parts"), "{error}");
    let one = data(&place.offline(), "hf://datasets/org/set/data/train-00000-of-00002.parquet").unwrap();
    assert!(!one.may_lack);
}

#[test]
fn offline_without_a_list_there_may_be_more() {
    let place = Place::with(Repo::new("datasets", "org/set").with("a.jsonl", "1").with("b.jsonl", "2"));
    data(&place.hub(), "hf://datasets/org/set/a.jsonl").unwrap();
    fs_err::remove_dir_all(place.cache().join("datasets--org--set/trees")).unwrap();
    let found = data(&place.offline(), "hf://datasets/org/set").unwrap();
    assert!(found.may_lack && found.files.len() == 1);
}

#[test]
fn files_and_what_is_not_there() {
    let place = Place::with(set());
    let found = data(&place.hub(), "hf://datasets/org/set/data/test-00000-of-00001.parquet").unwrap();
    assert_eq!((found.files.len(), found.left_out.len()), (1, 0));
    let error = data(&place.hub(), "hf://datasets/org/set/valid.jsonl").unwrap_err();
    assert!(matches!(error, Error::NoFile { .. }), "{error}");
    let error = data(&place.hub(), "hf://datasets/org/none").unwrap_err().to_string();
    assert!(error.contains("/datasets/org/none"), "{error}");
}
