//! Text of strangers, made harmless: for a page, and for a terminal.

/// A text without invisible characters, and without those that change how other text is shown: control characters,
/// marks of direction, and code points that Unicode calls noncharacters. Line breaks and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut shown, c));
    shown
}

fn push_visible(shown: &mut String, c: char) {
    match c {
        '\n' | '\t' => shown.push(c),
        '\u{0}'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
        '\u{7f}' => shown.push('\u{2421}'),
        // The joiners 200C and 200D are letters' business in Persian and in emoji, and stay.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))),
        _ if u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c) => {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        }
        _ => shown.push(c),
    }
}

/// A text inside an element or an attribute with quotes.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in visible(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// JSON inside a script element: nothing in it can end the element.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(value).expect("plain data");
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A text on one line of a terminal: at most `width` characters, and nothing that moves the cursor.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let one: String = visible(text).chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    shortened(&one.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "), width)
}

/// A text of at most `width` characters, with an ellipsis if it is cut.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => {
            let cut: String = text.chars().take(width.saturating_sub(1)).collect();
            format!("{}…", cut.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_gets_out() {
        assert_eq!(
            html("</script><b a='1' c=\"2\">&"),
            "&lt;/script&gt;&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;"
        );
        assert_eq!(html("a\u{0}\u{1b}[31m\r\n"), "a␀␛[31m␍\n");
        assert_eq!(html("x\u{202e}y\u{feff}\u{ffff}"), "x⟨U+202E⟩y⟨U+FEFF⟩⟨U+FFFF⟩");
        assert_eq!(html("سلام\u{200c}ها 👩\u{200d}💻"), "سلام\u{200c}ها 👩\u{200d}💻");
        assert_eq!(json(&"</script><!--&"), "\"\\u003c/script\\u003e\\u003c!--\\u0026\"");
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\n\n  b\tc\u{1b}[2J", 80), "a b c␛[2J");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(one_line("abcd", 4), "abcd");
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in any::<String>(), width in 0usize..20) {
            let escaped = html(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(escaped.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
            let line = one_line(&text, width);
            prop_assert!(line.chars().count() <= width.max(1) && !line.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&json(&text)).unwrap(), text);
        }
    }
}
