//! `{% generation %}` blocks, which mark the assistant's text for transformers and which Jinja itself does not know.

use std::ops::Range;

use minijinja::State;

/// The filter that the text of each block goes through.
pub(super) const FILTER: &str = "generation_of_transformers";
/// The variable that says whether blocks are to be marked.
pub(super) const MARKS: &str = "marks_generation_of_transformers";

/// Characters that no text has: Unicode promises that these two stand for nothing.
const BEGIN: char = '\u{fdd0}';
const END: char = '\u{fdd1}';

/// Puts marks around the text of a block, if the rendering asks for them.
pub(super) fn mark(state: &State<'_, '_>, text: &str) -> String {
    match state.lookup(MARKS) {
        Some(marks) if marks.is_true() => format!("{BEGIN}{text}{END}"),
        _ => text.to_owned(),
    }
}

/// A text without its marks, and the bytes of it that were inside them.
pub(super) fn unmarked(marked: &str) -> (String, Vec<Range<usize>>) {
    let mut text = String::with_capacity(marked.len());
    let (mut blocks, mut open) = (Vec::new(), Vec::new());
    for c in marked.chars() {
        match c {
            BEGIN => open.push(text.len()),
            END => blocks.extend(open.pop().map(|start| start..text.len())),
            c => text.push(c),
        }
    }
    blocks.sort_by_key(|block| block.start);
    (text, blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_out_again() {
        let (text, blocks) = unmarked("a\u{fdd0}bé\u{fdd1}c\u{fdd0}\u{fdd1}");
        assert_eq!((text.as_str(), blocks), ("abéc", vec![1..4, 5..5]));
    }
}
