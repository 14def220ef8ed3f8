//! Tokens of format apart from tokens of content: JSON syntax, code fences, markdown, tags, and markers of roles.
//!
//! It goes by the text alone, with fixed rules. Names and values in JSON are content, and so is code inside a fence.
//!
//! ```
//! use lobass_regions::format::{Kind, Marks};
//!
//! let text = "{\"ok\": 1}";
//! let marks = Marks::of(text);
//! // `{"`, `ok`, `":`, ` 1`, `}`, as a tokenizer might cut it.
//! let kinds = [0..2, 2..4, 4..6, 6..8, 8..9].map(|token| marks.token(text, token));
//! assert_eq!(kinds, [Some(Kind::Json), None, Some(Kind::Json), None, Some(Kind::Json)]);
//! ```

mod json;
mod lines;
mod markdown;
mod role;
mod tag;

use std::fmt;
use std::ops::Range;

use serde::Serialize;

/// A kind of format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Brackets, braces, commas, colons, quotes, and white space of a JSON object, or of an array with text in it.
    Json,
    /// The lines that open and close a block of code.
    Fence,
    /// Headings, bullets, quotes, rules, tables, emphasis, code spans, and links.
    Markdown,
    /// Markers of who speaks, and of the end of a turn.
    Role,
    /// Tags of XML or HTML, also `<think>`.
    Tag,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Json, Self::Fence, Self::Markdown, Self::Role, Self::Tag];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Fence => "fence",
            Self::Markdown => "markdown",
            Self::Role => "role",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which bytes of a text are format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks(Vec<Option<Kind>>);

impl Marks {
    /// Looks through a text: a response, or several turns. It takes a byte for each byte of the text.
    pub fn of(text: &str) -> Self {
        let mut marks = Self(vec![None; text.len()]);
        role::mark(text, &mut marks);
        let code = lines::mark_fences(text, &mut marks);
        let values = json::mark(text, &mut marks);
        let mut taken = [code, values].concat();
        taken.sort_unstable_by_key(|range| range.start);
        tag::mark(text, &taken, &mut marks);
        for line in lines::of(text).filter(|line| !overlaps(&taken, line)) {
            markdown::mark(text, line, &mut marks);
        }
        marks
    }

    /// The kind of a token by its bytes; `None` for a token of content.
    ///
    /// A token is format if all of it is, apart from white space around it. A token without text, which a template or a
    /// tokenizer has put in, is a marker of a role.
    ///
    /// # Panics
    /// If the text is another one, or shorter than the token.
    pub fn token(&self, text: &str, token: Range<usize>) -> Option<Kind> {
        if token.is_empty() {
            return Some(Kind::Role);
        }
        let (bytes, marks) = (&text.as_bytes()[token.clone()], &self.0[token]);
        let says = |at: &usize| !bytes[*at].is_ascii_whitespace();
        let is_blank = !(0..bytes.len()).any(|at| says(&at));
        let mut kinds = (0..bytes.len()).filter(|at| is_blank || says(at)).map(|at| marks[at]);
        let first = kinds.next().flatten()?;
        kinds.all(|kind| kind.is_some()).then_some(first)
    }

    /// Marks bytes that are not marked yet.
    fn add(&mut self, bytes: Range<usize>, kind: Kind) {
        for mark in &mut self.0[bytes] {
            mark.get_or_insert(kind);
        }
    }
}

/// Whether a range shares a byte with one of some ranges.
fn overlaps(ranges: &[Range<usize>], range: &Range<usize>) -> bool {
    ranges.iter().any(|other| other.start < range.end && range.start < other.end)
}

#[cfg(test)]
mod tests;
