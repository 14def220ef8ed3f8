//! A preprocessor of mdBook: links that leave `docs/` lead to the repository, since the book has only its pages.

use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What mdBook asks before it sends a book: `supports RENDERER`
    #[arg(value_name = "QUESTION")]
    question: Vec<String>,
}

/// Reads a book from standard input, and writes it with other links to standard output.
pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    if !args.question.is_empty() {
        return Ok(()); // every renderer is supported
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let (context, mut book): (Value, Value) =
        serde_json::from_str(&input).context("expected a book of mdBook")?;
    let html = &context["config"]["output"]["html"];
    let repository =
        html["git-repository-url"].as_str().context("expected `git-repository-url` in book.toml")?;
    rewrite(&mut book, root, repository);
    serde_json::to_writer(std::io::stdout(), &book)?;
    Ok(std::io::stdout().flush()?)
}

/// Rewrites the links of every chapter in a value: of every object with a `path` and a `content`.
fn rewrite(value: &mut Value, root: &Path, repository: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, root, repository)),
        Value::Object(fields) => {
            let path = fields.get("path").and_then(Value::as_str).map(|path| Path::new("docs").join(path));
            if let (Some(path), Some(Value::String(content))) = (path, fields.get_mut("content")) {
                *content = with_links(content, &path, root, repository);
            }
            fields.values_mut().for_each(|field| rewrite(field, root, repository));
        }
        _ => {}
    }
}

/// The text of a page with links to the repository in place of those that leave `docs/`.
fn with_links(text: &str, page: &Path, root: &Path, repository: &str) -> String {
    let mut pieces = text.split("](");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let link = piece.split_once(')').and_then(|(target, rest)| Some((outside(target, page)?, rest)));
        match link {
            Some((place, rest)) => {
                let kind = if root.join(&place).is_dir() { "tree" } else { "blob" };
                format!("{text}]({repository}/{kind}/main/{}){rest}", place.display())
            }
            None => format!("{text}]({piece}"),
        }
    })
}

/// Where a link of a page leads in the repository, with its anchor, if that is outside of `docs/`.
fn outside(target: &str, page: &Path) -> Option<PathBuf> {
    if target.contains("://") || target.starts_with('#') {
        return None;
    }
    let mut place = page.parent()?.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => _ = place.pop(),
            part => place.push(part),
        }
    }
    (!place.starts_with("docs")).then_some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_that_leave_the_book_lead_to_the_repository() {
        let content = "[a](../../xtask/src/main.rs), [b](score.md#c), [c](../architecture.md), [d](../../crates#e), `x](y`";
        let mut book = json!({"items": [{"Chapter": {
            "path": "explain/a.md", "content": content, "sub_items": [{"Chapter": {"path": null, "content": "[a](../b)"}}]
        }}]});
        rewrite(&mut book, &crate::root(), "https://example.com/r");
        let chapter = &book["items"][0]["Chapter"];
        assert_eq!(
            chapter["content"],
            "[a](https://example.com/r/blob/main/xtask/src/main.rs), [b](score.md#c), [c](../architecture.md), \
             [d](https://example.com/r/blob/main/crates#e), `x](y`"
        );
        assert_eq!(chapter["sub_items"][0]["Chapter"]["content"], "[a](../b)");
    }
}
