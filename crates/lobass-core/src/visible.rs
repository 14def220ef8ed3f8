//! Text of strangers, made harmless for a terminal.

use std::borrow::Cow;

/// A text without invisible characters, and without those that change how other text is shown: control characters,
/// marks of direction, and code points that Unicode calls noncharacters. Line breaks and tabs stay.
///
/// Control characters become their signs (`␛` for escape), the others their code point (`⟨U+202E⟩`).
///
/// ```
/// assert_eq!(lobass_core::visible("\u{1b}[2J\tgone\u{202e}\n"), "␛[2J\tgone⟨U+202E⟩\n");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_invisible) else { return Cow::Borrowed(text) };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    text[first..].chars().for_each(|c| push_visible(&mut shown, c));
    Cow::Owned(shown)
}

/// Whether a character is invisible or changes how other text is shown; [`visible`] replaces it. Line breaks and tabs do
/// not count.
pub fn is_invisible(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // The joiners 200C and 200D are part of words in Persian and of emoji.
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => u32::from(c) & 0xfffe == 0xfffe,
    }
}

fn push_visible(shown: &mut String, c: char) {
    match c {
        _ if !is_invisible(c) => shown.push(c),
        '\u{0}'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
        '\u{7f}' => shown.push('\u{2421}'),
        _ => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signs_stand_for_what_cannot_be_seen() {
        assert_eq!(visible("a\u{0}\u{1b}[31m\r\n"), "a␀␛[31m␍\n");
        assert_eq!(visible("\u{7f}\u{9b}2J"), "␡⟨U+009B⟩2J");
        assert_eq!(visible("x\u{202e}y\u{feff}\u{ffff}\u{1fffe}"), "x⟨U+202E⟩y⟨U+FEFF⟩⟨U+FFFF⟩⟨U+1FFFE⟩");
        assert!(matches!(visible("سلام\u{200c}ها 👩\u{200d}💻\t\n"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn nothing_invisible_is_left(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.contains(is_invisible));
            prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            prop_assert_eq!(visible(&shown), &*shown);
        }
    }
}
