//! The standard streams, and the width of the terminals behind them.

use std::borrow::Cow;

use crate::layout::folded;

/// A stream of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Stream {
    /// The columns of the terminal that it goes to, if it goes to one.
    pub(crate) fn width(self) -> Option<usize> {
        let size = match self {
            Self::Out => terminal_size::terminal_size_of(std::io::stdout()),
            Self::Err => terminal_size::terminal_size_of(std::io::stderr()),
        };
        size.map(|(width, _)| usize::from(width.0).max(20))
    }
}

/// Text whose lines fit the terminal that it goes to.
pub(crate) fn fitted(text: &str, stream: Stream) -> Cow<'_, str> {
    match stream.width() {
        Some(width) => Cow::Owned(folded(text, width)),
        None => Cow::Borrowed(text),
    }
}
