//! Pools, held-out rows, and tuning rows, drawn from Alpaca and GSM8K.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xshell::Shell;

use super::groups::N_REPLICATES;
use super::parts::{LARGE, N_LARGE, Part};

/// Rows of each source.
const N_HELD_OUT: usize = 400;
const N_TUNING: usize = 200;
const N_POOL: [usize; 2] = [1000, 800];
pub(super) const N_POOL_ROWS: usize = N_POOL[0] + N_POOL[1];
/// Held-out rows of Alpaca that have wrong responses, and how many.
const N_CHOICES: usize = 200;
const N_WRONG: usize = 3;
/// How far wrong last numbers are off.
const DISTANCES: [i64; 10] = [-10, -5, -3, -2, -1, 1, 2, 3, 5, 10];
/// The column with wrong responses.
pub(super) const WRONG: &str = "wrong";

const SOURCES: [&str; 2] = ["alpaca", "gsm8k"];

/// Files of rows, as `lobass` takes them: `NAME=FILE` for each source.
#[derive(Debug)]
pub(super) struct Material {
    pub(super) held_out: Vec<String>,
    pub(super) tuning: Vec<String>,
    pub(super) pools: Vec<Vec<String>>,
    /// One file with Alpaca's rows of all pools.
    pub(super) large: Vec<String>,
}

/// A pool, and what its trainings are measured on.
#[derive(Debug)]
pub(super) struct Subject {
    /// As its folder is named.
    pub(super) name: String,
    pub(super) seed: usize,
    pub(super) pool: Vec<String>,
    pub(super) held_out: Vec<String>,
    pub(super) tuning: Vec<String>,
    /// Whether the scores of several references are compared.
    pub(super) has_further_references: bool,
}

impl Material {
    /// Draws everything, from the data files in a folder.
    pub(super) fn make(shell: &Shell, data: &Path, dir: &str) -> Result<Self> {
        let texts = |name: &str| shell.read_file(data.join(name));
        let alpaca: Vec<Value> = serde_json::from_str(&texts("alpaca_random_9k.json")?)?;
        let lines = |text: &str| text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
        let (train, test) = (lines(&texts("gsm8k_train.jsonl")?)?, lines(&texts("gsm8k_test.jsonl")?)?);
        let drawn = PathBuf::from(dir).join("data");
        let has_response = |row: &Value| row["output"].as_str().is_some_and(|text| !text.trim().is_empty());
        let alpaca = alpaca.into_iter().filter(has_response).collect();
        let (alpaca_aside, alpaca_pools) = cut(&in_order(alpaca), "Alpaca")?;
        let (test, train) = (in_order(test), in_order(train));
        let gsm8k_aside = aside(&test, "GSM8K's test rows")?;
        let held_out = [with_other_responses(&alpaca_aside.0), with_other_numbers(&gsm8k_aside.0)?];
        let tuning = [alpaca_aside.1, gsm8k_aside.1];
        let write = |name: &str, parts: [&[Value]; 2]| -> Result<Vec<String>> {
            SOURCES.iter().zip(parts).map(|(source, rows)| written(&drawn.join(name), source, rows)).collect()
        };
        let pools = (0..N_REPLICATES)
            .map(|at| {
                let [n_alpaca, n_gsm8k] = N_POOL;
                let gsm8k = train.get(at * n_gsm8k..(at + 1) * n_gsm8k).context("GSM8K has too few rows")?;
                write(&format!("pool-{at}"), [&alpaca_pools[at * n_alpaca..(at + 1) * n_alpaca], gsm8k])
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            held_out: write("held-out", [&held_out[0], &held_out[1]])?,
            tuning: write("tuning", [&tuning[0], &tuning[1]])?,
            pools,
            large: vec![written(&drawn.join(LARGE), SOURCES[0], &alpaca_pools[..N_LARGE])?],
        })
    }

    /// What a part of the study is about in a replicate.
    pub(super) fn subject(&self, part: Part, replicate: usize) -> Subject {
        let is_large = part == Part::Size;
        Subject {
            name: part.folder(replicate),
            seed: replicate,
            pool: if is_large { self.large.clone() } else { self.pools[replicate].clone() },
            held_out: if is_large { self.held_out[..1].to_vec() } else { self.held_out.clone() },
            tuning: self.tuning.clone(),
            has_further_references: part.has_further_references(replicate),
        }
    }
}

/// Held-out rows and tuning rows.
struct Aside(Vec<Value>, Vec<Value>);

fn aside(rows: &[Value], what: &str) -> Result<Aside> {
    let found = rows.get(..N_HELD_OUT + N_TUNING);
    let found = found.with_context(|| format!("{what}: expected more rows, found {}", rows.len()))?;
    Ok(Aside(found[..N_HELD_OUT].to_vec(), found[N_HELD_OUT..].to_vec()))
}

/// What is set aside, and the rows of all pools.
fn cut(rows: &[Value], what: &str) -> Result<(Aside, Vec<Value>)> {
    let first = N_HELD_OUT + N_TUNING;
    let n = first + N_REPLICATES * N_POOL[0];
    if rows.len() < n {
        bail!("{what}: expected {n} different rows, found {}", rows.len());
    }
    Ok((aside(rows, what)?, rows[first..n].to_vec()))
}

/// In the order of the SHA-256 of their text.
fn in_order(rows: Vec<Value>) -> Vec<Value> {
    let mut rows: Vec<(Vec<u8>, Value)> =
        rows.into_iter().map(|row| (Sha256::digest(text_of(&row).as_bytes()).to_vec(), row)).collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The text of a row, field by field.
fn text_of(row: &Value) -> String {
    let fields = ["instruction", "input", "output", "question", "answer"];
    fields.iter().filter_map(|field| row[field].as_str()).collect::<Vec<_>>().join("\n")
}

/// The responses of the other rows whose lengths are nearest are the wrong ones.
fn with_other_responses(rows: &[Value]) -> Vec<Value> {
    let response = |at: usize| rows[at]["output"].as_str().unwrap_or_default();
    let length = |at: usize| response(at).chars().count();
    let with_wrong = |(at, row): (usize, &Value)| {
        let mut row = row.clone();
        if at < N_CHOICES {
            let mut others: Vec<usize> =
                (0..rows.len()).filter(|&other| response(other).trim() != response(at).trim()).collect();
            others.sort_by_key(|&other| (length(other).abs_diff(length(at)), other));
            let mut wrong: Vec<&str> = Vec::new();
            for other in others {
                if wrong.len() < N_WRONG && !wrong.contains(&response(other)) {
                    wrong.push(response(other));
                }
            }
            row[WRONG] = json!(wrong);
        }
        row
    };
    rows.iter().enumerate().map(with_wrong).collect()
}

/// The right response with other last numbers, near the right one.
fn with_other_numbers(rows: &[Value]) -> Result<Vec<Value>> {
    let with_wrong = |row: &Value| -> Result<Value> {
        let answer = row["answer"].as_str().context("a row without an answer")?;
        let (before, number) = answer.rsplit_once("#### ").context("an answer without its number")?;
        let right: i64 = number.trim().replace(',', "").parse().with_context(|| format!("`{number}`"))?;
        let mut near: Vec<(Vec<u8>, i64)> = DISTANCES
            .into_iter()
            .map(|off| (Sha256::digest(format!("{off} {answer}").as_bytes()).to_vec(), right + off))
            .filter(|(_, near)| *near >= 0)
            .collect();
        near.sort();
        let wrong: Vec<String> =
            near.iter().take(N_WRONG).map(|(_, near)| format!("{before}#### {near}")).collect();
        let mut row = row.clone();
        row[WRONG] = json!(wrong);
        Ok(row)
    };
    rows.iter().map(with_wrong).collect()
}

/// Writes a file of a source; gives it as `NAME=FILE`.
fn written(dir: &Path, source: &str, rows: &[Value]) -> Result<String> {
    let path = dir.join(format!("{source}.jsonl"));
    write_lines(&path, rows)?;
    Ok(format!("{source}={}", path.display()))
}

/// The files of `NAME=FILE`.
pub(super) fn files(pool: &[String]) -> Vec<&str> {
    pool.iter().map(|file| file.split_once('=').map_or(file.as_str(), |(_, file)| file)).collect()
}

fn write_lines(path: &Path, rows: &[Value]) -> Result<()> {
    let text: String = rows.iter().map(|row| format!("{row}\n")).collect();
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    Ok(fs::write(path, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_responses_are_near_the_right_one() {
        let rows: Vec<Value> =
            ["aa", "bb", "ccc", "dddddddd", "bb"].map(|text| json!({"output": text})).to_vec();
        let made = with_other_responses(&rows);
        assert_eq!(made[0][WRONG], json!(["bb", "ccc", "dddddddd"]));
        assert_eq!(made[1][WRONG], json!(["aa", "ccc", "dddddddd"]), "its twin is not wrong");
        let row = json!({"answer": "1,000 - 1\n#### 1,000"});
        let made = with_other_numbers(&[row]).unwrap();
        let wrong = made[0][WRONG].as_array().unwrap();
        assert_eq!(wrong.len(), N_WRONG);
        for one in wrong {
            let number: i64 = one.as_str().unwrap().rsplit_once("#### ").unwrap().1.parse().unwrap();
            assert!(number != 1000 && number.abs_diff(1000) <= 10, "{number}");
        }
    }

    #[test]
    fn the_order_is_that_of_hashes_and_not_of_the_file() {
        let rows = |order: [usize; 3]| order.map(|at| json!({"output": at.to_string()})).to_vec();
        assert_eq!(in_order(rows([0, 1, 2])), in_order(rows([2, 0, 1])));
    }
}
