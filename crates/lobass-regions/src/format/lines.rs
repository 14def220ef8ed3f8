//! Lines, and the blocks of code among them.

use std::ops::Range;

use super::{Kind, Marks};

/// The bytes of each line, without its end.
pub(super) fn of(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let from = start;
        start += line.len();
        from..from + line.trim_end_matches(['\n', '\r']).len()
    })
}

/// Marks the lines that open and close blocks of code, with their ends, and returns the blocks.
pub(super) fn mark_fences(text: &str, marks: &mut Marks) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, &str)> = None;
    for line in of(text) {
        let shown = text[line.clone()].trim();
        let Some(fence) = ["```", "~~~"].into_iter().find(|fence| shown.starts_with(fence)) else { continue };
        let with_end = line.start..text[line.end..].find('\n').map_or(text.len(), |at| line.end + at + 1);
        match open {
            // A fence of the other kind, or one with a word behind it, is code.
            Some((_, other)) if other != fence || !shown.trim_matches(['`', '~']).is_empty() => {}
            Some((start, _)) => {
                marks.add(with_end.clone(), Kind::Fence);
                blocks.push(start..with_end.end);
                open = None;
            }
            // Three backticks with more of them behind a text are a code span.
            None if shown[3..].trim_start_matches(['`', '~']).contains('`') => {}
            None => {
                marks.add(with_end.clone(), Kind::Fence);
                open = Some((with_end.start, fence));
            }
        }
    }
    // A block that was cut off.
    blocks.extend(open.map(|(start, _)| start..text.len()));
    blocks
}
