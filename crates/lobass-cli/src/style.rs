//! Text with styles for a terminal.

use std::fmt::Write as _;

use anstyle::Style;
use lobass_core::visible;

/// Text for a terminal, piece by piece. No piece can bring a style or a control character along: what is invisible is
/// shown as signs.
#[derive(Debug, Default)]
pub(crate) struct Styled(String);

impl Styled {
    pub(crate) fn push(&mut self, style: Style, piece: &str) {
        let _ = write!(self.0, "{style}{}{style:#}", visible(piece));
    }

    pub(crate) fn plain(&mut self, piece: &str) {
        self.push(Style::new(), piece);
    }

    /// The text with its escape sequences; a stream of `anstream` leaves those out where no terminal is.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_sequences_are_left() {
        let mut text = Styled::default();
        text.push(Style::new().bold(), "a\u{1b}]0;owned\u{7}");
        text.plain("\u{1b}[2Jb");
        assert_eq!(text.as_str(), "\u{1b}[1ma␛]0;owned␇\u{1b}[0m␛[2Jb");
        assert_eq!(anstream::adapter::strip_str(text.as_str()).to_string(), "a␛]0;owned␇␛[2Jb");
    }
}
