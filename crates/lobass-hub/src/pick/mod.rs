//! Which files of a repository are wanted.

pub(crate) mod data;
pub(crate) mod model;

/// Names for a message, at most so many of them.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "no files".to_owned(),
        n if n <= SHOWN => format!("`{}`", names.join("`, `")),
        n => format!("`{}`, and {} more", names[..SHOWN].join("`, `"), n - SHOWN),
    }
}
