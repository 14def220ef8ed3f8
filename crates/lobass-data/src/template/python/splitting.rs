//! `split`, `rsplit`, `splitlines`, and `partition`.

use super::space::{ends_line, is_space};

/// `text.split(separator, most)`; white space separates where no separator is named. `None` for an empty separator.
pub(super) fn split(text: &str, separator: Option<&str>, most: Option<usize>) -> Option<Vec<String>> {
    let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
    match separator {
        Some("") => None,
        Some(separator) => Some(text.splitn(most, separator).map(str::to_owned).collect()),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_start_matches(is_space);
            while !rest.is_empty() {
                if parts.len() + 1 == most {
                    parts.push(rest.to_owned());
                    break;
                }
                let (word, after) = rest.split_at(rest.find(is_space).unwrap_or(rest.len()));
                parts.push(word.to_owned());
                rest = after.trim_start_matches(is_space);
            }
            Some(parts)
        }
    }
}

/// `text.rsplit(separator, most)`, in the order of the text.
pub(super) fn rsplit(text: &str, separator: Option<&str>, most: Option<usize>) -> Option<Vec<String>> {
    let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<String> = match separator {
        Some("") => return None,
        Some(separator) => text.rsplitn(most, separator).map(str::to_owned).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_end_matches(is_space);
            while !rest.is_empty() {
                if parts.len() + 1 == most {
                    parts.push(rest.to_owned());
                    break;
                }
                let space = rest.char_indices().rev().find(|(_, c)| is_space(*c));
                let start = space.map_or(0, |(at, c)| at + c.len_utf8());
                parts.push(rest[start..].to_owned());
                rest = rest[..start].trim_end_matches(is_space);
            }
            parts
        }
    };
    parts.reverse();
    Some(parts)
}

/// `text.splitlines(keep_ends)`.
pub(super) fn lines(text: &str, keep_ends: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(ends_line) {
        let length = if rest[end..].starts_with("\r\n") {
            2
        } else {
            rest[end..].chars().next().map_or(0, char::len_utf8)
        };
        lines.push(rest[..if keep_ends { end + length } else { end }].to_owned());
        rest = &rest[end + length..];
    }
    if !rest.is_empty() {
        lines.push(rest.to_owned());
    }
    lines
}

/// `text.partition(separator)`, or `rpartition` from the end. `None` for an empty separator.
pub(super) fn partition(text: &str, separator: &str, from_end: bool) -> Option<[String; 3]> {
    if separator.is_empty() {
        return None;
    }
    let found = if from_end { text.rsplit_once(separator) } else { text.split_once(separator) };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if from_end => ["", "", text],
        None => [text, "", ""],
    };
    Some(parts.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_separators() {
        assert_eq!(split(" a  b\u{1c}c ", None, None).unwrap(), ["a", "b", "c"]);
        assert_eq!(split(" a  b c ", None, Some(1)).unwrap(), ["a", "b c "]);
        assert_eq!(split("  ", None, None).unwrap(), [""; 0]);
        assert_eq!(split("a,b,,c", Some(","), Some(2)).unwrap(), ["a", "b", ",c"]);
        assert_eq!(split("", Some(","), None).unwrap(), [""]);
        assert_eq!(split("a", Some(""), None), None);
        assert_eq!(rsplit("a,b,c", Some(","), Some(1)).unwrap(), ["a,b", "c"]);
        assert_eq!(rsplit(" a  b c ", None, Some(1)).unwrap(), [" a  b", "c"]);
        assert_eq!(rsplit(" a  b c ", None, None).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(lines("a\r\nb\rc\u{2028}d\n\ne", false), ["a", "b", "c", "d", "", "e"]);
        assert_eq!(lines("a\r\nb\n", true), ["a\r\n", "b\n"]);
        assert_eq!(lines("", false), [""; 0]);
    }

    #[test]
    fn parts_around_a_separator() {
        assert_eq!(partition("a=b=c", "=", false).unwrap(), ["a", "=", "b=c"]);
        assert_eq!(partition("a=b=c", "=", true).unwrap(), ["a=b", "=", "c"]);
        assert_eq!(partition("abc", "=", false).unwrap(), ["abc", "", ""]);
        assert_eq!(partition("abc", "=", true).unwrap(), ["", "", "abc"]);
    }
}
