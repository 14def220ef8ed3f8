//! The choice of files of a repository.

pub(crate) mod data;
pub(crate) mod model;

/// The first names, for a message.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    match names.len() {
        0 => "no files".to_owned(),
        n if n <= SHOWN => format!("`{}`", names.join("`, `")),
        n => format!("`{}`, and {} more", names[..SHOWN].join("`, `"), n - SHOWN),
    }
}
