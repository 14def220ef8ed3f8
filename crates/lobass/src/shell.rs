//! Quotes for words of command lines.

use std::path::Path;

/// A word of a command line, with quotes if a shell needs them.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    // At the beginning of a word, a shell may look for a command behind an equals sign.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A path as the value of a flag. A path that begins with a dash would be taken for a flag, so it gets `./`.
pub(crate) fn quoted_path(path: &Path) -> String {
    let text = path.display().to_string();
    if text.starts_with('-') { quoted(&format!("./{text}")) } else { quoted(&text) }
}

/// A data file as `--data` takes it, with the name of its source. A name that begins with a dash is left out, since it
/// would be taken for a flag.
pub(crate) fn quoted_source(source: &str, path: &str) -> String {
    match source.starts_with('-') {
        true => quoted_path(Path::new(path)),
        false => quoted(&format!("{source}={path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words() {
        assert_eq!(quoted("runs/a.parquet"), "runs/a.parquet");
        assert_eq!(quoted("my data's.jsonl"), "'my data'\\''s.jsonl'");
        assert_eq!(quoted("$(rm x)"), "'$(rm x)'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("=x"), "'=x'");
        assert_eq!(quoted("~/x"), "'~/x'");
    }

    #[test]
    fn paths_are_no_flags_and_no_names() {
        assert_eq!(quoted_path(Path::new("-a b")), "'./-a b'");
        assert_eq!(quoted_path(Path::new("a/-b")), "a/-b");
        assert_eq!(quoted_source("pool", "x=1/pool.jsonl"), "pool=x=1/pool.jsonl");
        assert_eq!(quoted_source("a=b", "./a=b.jsonl"), "a=b=./a=b.jsonl");
        assert_eq!(quoted_source("-a", "-a.jsonl"), "./-a.jsonl");
    }
}
