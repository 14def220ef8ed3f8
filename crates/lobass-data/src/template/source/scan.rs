//! Where the tags of a template are.

use std::ops::Range;

/// The purpose of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagKind {
    /// `{% .. %}`
    Statement,
    /// `{{ .. }}`
    Expression,
}

/// A tag, and what stands between its delimiters and its signs for white space, in bytes of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) kind: TagKind,
    pub(super) inner: Range<usize>,
}

impl Tag {
    /// The word that a statement begins with; an expression has none.
    pub(super) fn word<'a>(&self, source: &'a str) -> &'a str {
        match self.kind {
            TagKind::Statement => source[self.inner.clone()].split_whitespace().next().unwrap_or_default(),
            TagKind::Expression => "",
        }
    }
}

/// The tags of a template in order, without those in comments and raw blocks. It ends at a tag that does not.
pub(super) fn tags(source: &str) -> impl Iterator<Item = Tag> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + opening(&source[at..])?;
            if source[open..].starts_with("{#") {
                at = open + 2 + source[open + 2..].find("#}")? + 2;
                continue;
            }
            let kind =
                if source[open..].starts_with("{{") { TagKind::Expression } else { TagKind::Statement };
            let start = open + 2 + usize::from(source[open + 2..].starts_with(['-', '+']));
            let end = start + length(&source[start..], kind)?;
            at = end + 2;
            let inner = start..end - usize::from(source[start..end].ends_with(['-', '+']));
            let tag = Tag { kind, inner };
            if tag.word(source) == "raw" {
                at = after_raw(source, at)?;
                continue;
            }
            return Some(tag);
        }
    })
}

/// Where the next tag or comment begins.
fn opening(text: &str) -> Option<usize> {
    let starts = text.match_indices('{').map(|(at, _)| at);
    starts.into_iter().find(|at| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// The number of bytes before the delimiter that ends a tag.
fn length(text: &str, kind: TagKind) -> Option<usize> {
    let end = match kind {
        TagKind::Statement => "%}",
        TagKind::Expression => "}}",
    };
    let (mut quote, mut depth, mut escaped) = (None, 0_u32, false);
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if depth == 0 && text[at..].starts_with(end) => return Some(at),
            None => match c {
                '\'' | '"' => quote = Some(c),
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
    }
    None
}

/// Where the tag that ends a raw block ends.
fn after_raw(source: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let open = at + source[at..].find("{%")?;
        let close = open + source[open..].find("%}")?;
        let word = source[open + 2..close].trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        if word == "endraw" {
            return Some(close + 2);
        }
        at = open + 2;
    }
}
