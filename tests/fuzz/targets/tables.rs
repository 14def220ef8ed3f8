//! Score tables and vectors of rows, which `lobass select` and `lobass report` read.

use std::path::Path;

use super::{Target, command, remove, small_pool, unpack_demo};
use crate::mutate::Kind;

/// A pool, and a table of its scores in a format.
fn scored(dir: &Path, out: &str, more: &str) -> Vec<Vec<u8>> {
    unpack_demo(dir);
    fs_err::write(dir.join("small.jsonl"), small_pool(dir, 8)).unwrap();
    let line = format!("score --base {{base}} --data {{small.jsonl}} --out {{{out}}}{more}");
    command(dir, &line).unwrap();
    vec![fs_err::read(dir.join(out)).unwrap()]
}

fn select(dir: &Path, scores: &str, more: &str) {
    for strategy in ["perplexity-high", "random"] {
        remove(dir.join("index.jsonl"));
        let _ = command(
            dir,
            &format!(
                "select --scores {{{scores}}} --strategy {strategy} --budget 3 --index {{index.jsonl}}{more}"
            ),
        );
    }
}

pub(super) const SCORES: Target = Target {
    name: "scores",
    kind: Kind::Bytes,
    prepare: |dir| scored(dir, "scores.parquet", ""),
    run: |dir, input| {
        fs_err::write(dir.join("scores.parquet"), input).unwrap();
        select(dir, "scores.parquet", "");
        remove(dir.join("report.html"));
        let _ = command(dir, "report --scores {scores.parquet} --out {report.html}");
    },
};

pub(super) const SCORE_LINES: Target = Target {
    name: "score-lines",
    kind: Kind::Lines,
    prepare: |dir| scored(dir, "scores.jsonl", ""),
    run: |dir, input| {
        fs_err::write(dir.join("scores.jsonl"), input).unwrap();
        select(dir, "scores.jsonl", "");
        remove(dir.join("report.html"));
        let _ = command(dir, "report --scores {scores.jsonl} --out {report.html}");
    },
};

fn embedded(dir: &Path, out: &str) -> Vec<Vec<u8>> {
    unpack_demo(dir);
    fs_err::write(dir.join("small.jsonl"), small_pool(dir, 8)).unwrap();
    command(
        dir,
        &format!(
            "score --base {{base}} --data {{small.jsonl}} --out {{scores.parquet}} --embeddings {{{out}}}"
        ),
    )
    .unwrap();
    vec![fs_err::read(dir.join(out)).unwrap()]
}

pub(super) const EMBEDDINGS: Target = Target {
    name: "embeddings",
    kind: Kind::Framed,
    prepare: |dir| embedded(dir, "rows.safetensors"),
    run: |dir, input| {
        fs_err::write(dir.join("rows.safetensors"), input).unwrap();
        select(dir, "scores.parquet", " --embeddings {rows.safetensors} --diversity k-center");
    },
};
