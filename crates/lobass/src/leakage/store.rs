//! Scores of finished questions, so that an interrupted call loses none.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::outputs::work_beside;

/// The scores of one question under one model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// The log-probability of the options in each order, in nats.
    pub(super) orders: Vec<f64>,
    /// N-grams that greedy decoding completes, and all that were tried.
    pub(super) completed: (u64, u64),
}

/// A line of the file: the model and the question by their digests.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    model: String,
    question: String,
    scores: Scores,
}

/// What is known, and the file that keeps it.
#[derive(Debug, Default)]
pub(super) struct Store {
    known: HashMap<(String, String), Scores>,
    file: Option<(PathBuf, File)>,
}

impl Store {
    /// Reads the file beside an output, if there is one. A last line that was cut off by a kill is left out.
    pub(super) fn open(out: Option<&Path>) -> Result<Self> {
        let Some(out) = out else { return Ok(Self::default()) };
        let path = work_beside(out);
        let mut known = HashMap::new();
        let mut whole = 0;
        if path.exists() {
            let mut reader = BufReader::new(File::open(&path)?);
            let mut line = String::new();
            while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
                let Ok(found) = serde_json::from_str::<Line>(&line) else { break };
                known.insert((found.model, found.question), found.scores);
                whole += line.len() as u64;
                line.clear();
            }
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.set_len(whole)?;
        Ok(Self { known, file: Some((path, file)) })
    }

    /// The scores of a question, if they are known.
    pub(super) fn get(&self, model: &str, question: &str) -> Option<&Scores> {
        self.known.get(&(model.to_owned(), question.to_owned()))
    }

    /// Keeps the scores of some questions.
    pub(super) fn add(&mut self, model: &str, found: Vec<(String, Scores)>) -> Result<()> {
        let mut text = String::new();
        for (question, scores) in found {
            let line = Line { model: model.to_owned(), question: question.clone(), scores };
            text += &serde_json::to_string(&line)?;
            text.push('\n');
            self.known.insert((line.model, question), line.scores);
        }
        if let Some((_, file)) = &mut self.file {
            file.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    /// Removes the file: everything is in the output.
    pub(super) fn remove(self) -> Result<()> {
        if let Some((path, file)) = self.file {
            drop(file);
            fs_err::remove_file(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_computed_again() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out.jsonl");
        let scores = |value| Scores { orders: vec![value, 0.1 + value], completed: (1, 5) };
        let mut store = Store::open(Some(&out)).unwrap();
        store.add("m", vec![("a".to_owned(), scores(1.0)), ("b".to_owned(), scores(2.0))]).unwrap();
        drop(store);
        let kept = work_beside(&out);
        let bytes = fs_err::read(&kept).unwrap();
        fs_err::write(&kept, &bytes[..bytes.len() - 4]).unwrap();
        let mut store = Store::open(Some(&out)).unwrap();
        assert_eq!(store.get("m", "a"), Some(&scores(1.0)));
        assert_eq!((store.get("m", "b"), store.get("n", "a")), (None, None));
        store.add("m", vec![("b".to_owned(), scores(2.0))]).unwrap();
        drop(store);
        assert_eq!(fs_err::read(&kept).unwrap(), bytes);
        Store::open(Some(&out)).unwrap().remove().unwrap();
        assert!(!kept.exists());
    }
}
