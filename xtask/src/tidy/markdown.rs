//! As much of Markdown as the checks need: blocks of prose, sentences, headings, and link targets.

/// Blocks of prose with the number of their first line: paragraphs and list items, without code, tables, and headings.
pub(super) fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, line) in without_code(text) {
        let line = line.trim();
        let is_prose = !(line.is_empty() || line.starts_with(['|', '#', '<', '!']));
        match blocks.last_mut() {
            Some((_, block)) if is_prose && is_open && !is_item(line) => {
                block.push(' ');
                block.push_str(line);
            }
            _ if is_prose => blocks.push((number, line.to_owned())),
            _ => {}
        }
        is_open = is_prose;
    }
    blocks
}

/// The sentences of a block, with a placeholder for inline code and without the targets of links.
pub(super) fn sentences(block: &str) -> Vec<String> {
    let mut sentences = vec![String::new()];
    let words = plain(block);
    for word in words.split_whitespace() {
        if let Some(sentence) = sentences.last_mut() {
            sentence.push_str(word);
            sentence.push(' ');
        }
        let bare = word.trim_end_matches([')', '*', '"', '\'', '_', ']']);
        if bare.ends_with(['.', '?', '!']) && !bare.ends_with("..") {
            sentences.push(String::new());
        }
    }
    sentences
}

/// Targets of `[text](target)`, outside of code.
pub(super) fn targets(text: &str) -> Vec<String> {
    let prose: Vec<&str> = without_code(text).into_iter().map(|(_, line)| line).collect();
    let prose = prose.join("\n");
    let target = |piece: &str| piece.split_once(')').map(|(target, _)| target.to_owned());
    prose.split("](").skip(1).filter_map(target).collect()
}

/// Anchors of the headings, as GitHub and mdBook make them.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in without_code(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug = slug(&plain_heading(title.trim()));
        let n_before = anchors.iter().filter(|anchor| **anchor == slug).count();
        anchors.push(if n_before == 0 { slug } else { format!("{slug}-{n_before}") });
    }
    anchors
}

/// Lines with their numbers, without fenced code.
fn without_code(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut kept = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        // A fence ends a paragraph, as an empty line does.
        kept.push((at + 1, if is_code || is_fence { "" } else { line }));
    }
    kept
}

fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (number.len() < line.len() && number.starts_with(". "))
}

/// A block with `x` for inline code, and without the targets of its links.
fn plain(block: &str) -> String {
    let pieces = block.split('`').enumerate();
    let text: String = pieces.map(|(at, piece)| if at % 2 == 1 { "x" } else { piece }).collect();
    let mut links = text.split("](");
    let first = links.next().unwrap_or_default().to_owned();
    links.fold(first, |text, piece| text + piece.split_once(')').map_or(piece, |(_, rest)| rest))
}

/// The text of a heading that may hold links.
fn plain_heading(title: &str) -> String {
    let mut links = title.split("](");
    let first = links.next().unwrap_or_default().to_owned();
    links.fold(first, |text, piece| text + piece.split_once(')').map_or(piece, |(_, rest)| rest))
}

fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_blocks() {
        let text = "# Title\n\nOne\ntwo.\n- three\n  four\n- five\n\n```sh\ncode\n```\n| a |\n1. six\n";
        let blocks: Vec<String> = blocks(text).into_iter().map(|(_, block)| block).collect();
        assert_eq!(blocks, ["One two.", "- three four", "- five", "1. six"]);
    }

    #[test]
    fn sentences_end_at_full_stops_only() {
        let found = sentences("Version 0.21 (of `a. b`) is [here](x.md). **Bold.** `a` .. `b` go on? Yes");
        let found: Vec<&str> = found.iter().map(|sentence| sentence.trim()).collect();
        assert_eq!(found, ["Version 0.21 (of x) is [here.", "**Bold.**", "x .. x go on?", "Yes"]);
    }

    #[test]
    fn headings_have_anchors() {
        let text = "# `lobass score`\n\n## What, where?\n## Same\n## Same\n```sh\n# no heading\n```\n#hash\n";
        assert_eq!(anchors(text), ["lobass-score", "what-where", "same", "same-1"]);
    }

    #[test]
    fn targets_outside_of_code() {
        let text =
            "[a](docs/a.md#part), [b](https://example.com/b), and `f(x)` [d](d.rs).\n```\n[e](e.md)\n```\n";
        assert_eq!(targets(text), ["docs/a.md#part", "https://example.com/b", "d.rs"]);
    }
}
