//! Markers of who speaks, as text of templates has them.

use super::{Kind, Marks, lines};

/// The longest name between `<|` and `|>`.
const MAX_NAME: usize = 40;
/// Markers of public templates.
const ANYWHERE: [&str; 10] = [
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "<</SYS>>",
    "<s>",
    "</s>",
    "<bos>",
    "<eos>",
    "<start_of_turn>",
    "<end_of_turn>",
];
/// Markers that begin a line.
const AT_LINE: [&str; 7] =
    ["### Instruction:", "### Input:", "### Response:", "System:", "User:", "Human:", "Assistant:"];

/// Marks them.
pub(super) fn mark(text: &str, marks: &mut Marks) {
    for marker in ANYWHERE {
        text.match_indices(marker).for_each(|(at, _)| marks.add(at..at + marker.len(), Kind::Role));
    }
    for (start, _) in text.match_indices("<|") {
        let rest = &text[start + 2..];
        let end = rest.find("|>").filter(|&n| n <= MAX_NAME && !rest[..n].contains(char::is_whitespace));
        if let Some(n) = end {
            marks.add(start..start + n + 4, Kind::Role);
        }
    }
    for line in lines::of(text) {
        if let Some(marker) = AT_LINE.into_iter().find(|marker| text[line.clone()].starts_with(marker)) {
            marks.add(line.start..line.start + marker.len(), Kind::Role);
        }
    }
}
