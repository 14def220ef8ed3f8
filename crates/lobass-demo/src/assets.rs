//! The shipped files.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Kind, PoolRow, as_json_lines, held_out};

/// Everything a checkpoint directory needs, and the pool.
const CHECKPOINT: [(&str, &[u8]); 5] = [
    ("config.json", include_bytes!("../assets/base/config.json")),
    ("model.safetensors", include_bytes!("../assets/base/model.safetensors")),
    ("tokenizer.json", include_bytes!("../assets/base/tokenizer.json")),
    ("tokenizer_config.json", include_bytes!("../assets/base/tokenizer_config.json")),
    ("chat_template.jinja", include_bytes!("../assets/base/chat_template.jinja")),
];
const POOL: &[u8] = include_bytes!("../assets/pool.jsonl");

/// Where [`unpack`] put things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The checkpoint directory.
    pub base: PathBuf,
    /// The pool.
    pub pool: PathBuf,
    /// Questions that the pool does not ask, of skills that the base has, and of skills that it can learn.
    pub held_out: [PathBuf; 2],
}

/// Writes the shipped checkpoint and pool, and held-out questions, into a directory; files that are there already and equal are left alone.
///
/// # Errors
/// If a file cannot be written.
pub fn unpack(dir: &Path) -> io::Result<Unpacked> {
    let aside = dir.join("held-out");
    let file = |kind: Kind| aside.join(format!("{}.jsonl", kind.as_str()));
    let kinds = [Kind::Known, Kind::Learnable];
    let unpacked =
        Unpacked { base: dir.join("base"), pool: dir.join("pool.jsonl"), held_out: kinds.map(file) };
    fs_err::create_dir_all(&unpacked.base)?;
    for (name, bytes) in CHECKPOINT {
        write(&unpacked.base.join(name), bytes)?;
    }
    write(&unpacked.pool, POOL)?;
    fs_err::create_dir_all(&aside)?;
    let questions = held_out();
    for (kind, path) in kinds.into_iter().zip(&unpacked.held_out) {
        let rows: Vec<PoolRow> = questions.iter().filter(|row| row.kind == kind).cloned().collect();
        write(path, as_json_lines(&rows).as_bytes())?;
    }
    Ok(unpacked)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() && fs_err::read(path)? == bytes {
        return Ok(());
    }
    fs_err::write(path, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkpoint_is_small() {
        let size: usize = CHECKPOINT.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(size <= 3_000_000, "{size} bytes");
    }

    #[test]
    fn unpacking_twice_is_the_same_as_once() {
        let dir = tempfile::tempdir().unwrap();
        let first = unpack(dir.path()).unwrap();
        let written = fs_err::metadata(&first.pool).unwrap().modified().unwrap();
        assert_eq!(unpack(dir.path()).unwrap(), first);
        assert_eq!(fs_err::metadata(&first.pool).unwrap().modified().unwrap(), written);
    }
}
