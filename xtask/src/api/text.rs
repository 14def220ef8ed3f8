//! Tokens as people write them.

use quote::ToTokens;

/// The text of a piece of syntax on one line, without the blanks that tokens have between them.
pub(super) fn text(tokens: &impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let mut text = String::with_capacity(spaced.len());
    let mut words = spaced.split_whitespace().peekable();
    while let Some(word) = words.next() {
        text.push_str(word);
        if words.peek().is_some_and(|next| is_apart(word, next)) {
            text.push(' ');
        }
    }
    // A list whose last comma is there for its layout alone.
    text.replace(", )", ")").replace(",)", ")").replace(", >", ">").replace(",>", ">")
}

/// Whether a blank stands between two tokens.
fn is_apart(before: &str, after: &str) -> bool {
    let opens = |word: &str| word.ends_with(['(', '[', '<', '&', '*', '!', '#', '?']) || word.ends_with("::");
    let closes = |word: &str| word.starts_with([')', ']', '>', ',', ';', ':', '.']) && word != "->";
    if opens(before) && !before.ends_with("->") || closes(after) {
        return false;
    }
    // `name(`, `Vec<`, `&'a`; but `-> (`, `= <`, `: [`.
    let binds = after.starts_with(['(', '<']);
    let is_name =
        before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '>') && !before.ends_with("->");
    let is_word = matches!(before, "in" | "as" | "for" | "mut" | "dyn" | "where" | "impl");
    !(binds && is_name && !is_word)
}

#[cfg(test)]
mod tests {
    use syn::{Signature, Type, parse_str};

    use super::*;

    #[test]
    fn types_and_signatures_are_as_written() {
        for written in [
            "Option<&'a [f32; 4]>",
            "Box<dyn Fn(&str) -> Result<(), Error> + Send>",
            "std::collections::BTreeMap<String, Vec<(u64, f64)>>",
            "&mut dyn FnMut(Event<'_>)",
            "<T as Iterator>::Item",
            "*const u8",
            "fn(usize) -> (u8, u8)",
        ] {
            assert_eq!(text(&parse_str::<Type>(written).unwrap()), written);
        }
        for written in [
            "fn of<T: Into<String> + ?Sized>(self, rest: impl IntoIterator<Item = (K, V)>) -> Self",
            "async fn new<'a, const N: usize>(&'a mut self, [a, b]: [u8; N]) -> impl Iterator<Item = u8> + 'a",
        ] {
            assert_eq!(text(&parse_str::<Signature>(written).unwrap()), written);
        }
        let spread = "fn of(\n    a: u8,\n    b: Vec<\n        u8,\n    >,\n)";
        assert_eq!(text(&parse_str::<Signature>(spread).unwrap()), "fn of(a: u8, b: Vec<u8>)");
    }
}
