//! Warnings about inputs that can be used, and may not be what was meant.

use std::path::Path;
use std::sync::{Arc, Mutex};

use lobass::settings::DataSettings;
use lobass::{Model, Observer, Runtime, ScoreOptions};
use lobass_core::StageProgress;
use serde_json::json;

use crate::support::shipped;

/// Keeps all warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Observer for Warnings {
    fn note(&self, _: &str) {}

    fn warn(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn progress(&self, _: &StageProgress<'_>) {}

    fn is_interrupted(&self) -> bool {
        false
    }
}

/// All warnings of something that is done.
fn said(during: impl FnOnce(&Runtime)) -> Vec<String> {
    let warnings = Arc::new(Warnings::default());
    let runtime = Runtime::new(Arc::<Warnings>::clone(&warnings));
    during(&runtime);
    warnings.0.lock().unwrap().clone()
}

#[test]
fn another_end_of_sequence_token_of_the_reference() {
    let shipped = shipped();
    let dir = tempfile::tempdir().unwrap();
    for entry in fs_err::read_dir(&shipped.tuned).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs_err::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let score = |tuned: &Path| {
        said(|runtime| {
            let base = Model::open(&shipped.base, runtime).unwrap();
            let tuned = base.tuned(tuned, runtime).unwrap();
            lobass::score(&shipped.rows, &base, Some(&tuned), &ScoreOptions::default(), runtime).unwrap();
        })
    };
    let is_about_the_end = |text: &&String| text.contains("end-of-sequence token");
    assert_eq!(score(dir.path()).iter().filter(is_about_the_end).count(), 0, "the same token");

    let config = dir.path().join("tokenizer_config.json");
    let mut changed: serde_json::Value =
        serde_json::from_str(&fs_err::read_to_string(&config).unwrap()).unwrap();
    changed["eos_token"] = json!("<|bot|>");
    fs_err::write(&config, changed.to_string()).unwrap();
    let notes = score(dir.path());
    let notes: Vec<&String> = notes.iter().filter(is_about_the_end).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    let words = "its end-of-sequence token is `<|bot|>`, and that of the base `<|end|>`; a template that ends turns with \
                 this token writes the base's";
    assert!(notes[0].contains(words), "{notes:?}");
}

#[test]
fn a_file_that_is_given_twice() {
    let home = tempfile::tempdir().unwrap();
    // The folder is a source, whose name may not begin with a dot.
    let dir = home.path().join("set");
    fs_err::create_dir(&dir).unwrap();
    for name in ["a.jsonl", "b.jsonl"] {
        fs_err::write(dir.join(name), "{\"prompt\": \"q\", \"completion\": \"a\"}\n").unwrap();
    }
    let open = |files: &[&str]| {
        let files = files.iter().map(|name| dir.join(name).display().to_string()).collect();
        let settings = DataSettings { files, ..DataSettings::default() };
        said(|runtime| {
            lobass::sequences::open_pool(&settings, runtime).unwrap();
        })
    };
    assert_eq!(open(&["a.jsonl", "b.jsonl"]), [""; 0]);
    for files in [["a.jsonl", "a.jsonl"], ["a.jsonl", "./a.jsonl"], ["a*.jsonl", "a.jsonl"], ["a.jsonl", "."]]
    {
        let notes = open(&files);
        assert_eq!(notes.len(), 1, "{files:?}: {notes:?}");
        let words = "a.jsonl` is given more than once, so its rows are in the pool more than once";
        assert!(notes[0].ends_with(words), "{files:?}: {notes:?}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.jsonl", dir.join("link.jsonl")).unwrap();
        assert_eq!(open(&["a.jsonl", "link.jsonl"]).len(), 1);
    }
}

#[test]
fn wrong_responses_that_are_asked_for_are_read() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("exam.jsonl");
    let row = json!({"question": "How many are three and four?", "answer": "seven of them", "wrong": ["six of them, I think"]});
    fs_err::write(&file, format!("{row}\n")).unwrap();
    let open = |column: Option<&str>| {
        let runtime = Runtime::default();
        let pool = lobass::sequences::open_held_out(&[file.display().to_string()], column, &runtime).unwrap();
        pool.files()[0].to_string()
    };
    assert!(open(None).contains("not read: column `wrong` in 1 of the first 1 rows"), "{}", open(None));
    assert!(!open(Some("wrong")).contains("not read"), "{}", open(Some("wrong")));
}

#[test]
fn all_files_that_are_not_there_are_named() {
    let files = ["/nowhere/one.jsonl", "/nowhere/two.parquet"].map(str::to_owned).to_vec();
    let settings = DataSettings { files, ..DataSettings::default() };
    let error = lobass::sequences::open_pool(&settings, &Runtime::default()).unwrap_err().to_string();
    assert!(error.contains("/nowhere/one.jsonl") && error.contains("/nowhere/two.parquet"), "{error}");
}
