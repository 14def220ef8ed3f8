//! JSON values inside a text.

use std::ops::Range;

use super::{Kind, Marks};

/// Values inside of each other; deeper ones are no JSON here, so that a text of brackets takes no long time.
const MAX_DEPTH: usize = 64;

/// Marks the syntax of every JSON value that is whole and has a name or a text in it, and returns the values. So `[1]`
/// is not a value: it may be a citation.
pub(super) fn mark(text: &str, marks: &mut Marks) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(['{', '[']).map(|found| at + found) {
        let mut scan = Scan { bytes: text.as_bytes(), syntax: Vec::new(), says: false };
        match scan.value(start, 0).filter(|_| scan.says) {
            Some(end) => {
                scan.syntax.into_iter().for_each(|byte| marks.add(byte..byte + 1, Kind::Json));
                values.push(start..end);
                at = end;
            }
            None => at = start + 1,
        }
    }
    values
}

/// Reads one value, and notes which bytes are syntax. Methods take the place to begin at and return that behind the
/// end; `None` if it is not JSON.
struct Scan<'a> {
    bytes: &'a [u8],
    syntax: Vec<usize>,
    /// Whether there is a name or a text.
    says: bool,
}

impl Scan<'_> {
    fn value(&mut self, at: usize, depth: usize) -> Option<usize> {
        match self.bytes.get(at)? {
            b'{' | b'[' if depth == MAX_DEPTH => None,
            b'{' => self.list(at, depth, b'}', true),
            b'[' => self.list(at, depth, b']', false),
            b'"' => self.text(at),
            _ => self.literal(at),
        }
    }

    /// An object, whose members have names, or an array.
    fn list(&mut self, start: usize, depth: usize, close: u8, has_names: bool) -> Option<usize> {
        self.syntax.push(start);
        let mut at = self.blank(start + 1);
        if *self.bytes.get(at)? == close {
            self.syntax.push(at);
            return Some(at + 1);
        }
        loop {
            if has_names {
                at = self.text(at)?;
                at = self.blank(at);
                at = self.sign(at, b':')?;
                at = self.blank(at);
            }
            at = self.value(at, depth + 1)?;
            at = self.blank(at);
            let sign = *self.bytes.get(at)?;
            if sign == close {
                self.syntax.push(at);
                return Some(at + 1);
            }
            at = self.sign(at, b',')?;
            at = self.blank(at);
        }
    }

    fn sign(&mut self, at: usize, sign: u8) -> Option<usize> {
        (*self.bytes.get(at)? == sign).then(|| {
            self.syntax.push(at);
            at + 1
        })
    }

    fn blank(&mut self, mut at: usize) -> usize {
        while self.bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            self.syntax.push(at);
            at += 1;
        }
        at
    }

    fn text(&mut self, start: usize) -> Option<usize> {
        let mut at = self.sign(start, b'"')?;
        loop {
            match self.bytes.get(at)? {
                b'"' => {
                    self.syntax.push(at);
                    self.says = true;
                    return Some(at + 1);
                }
                b'\\' => at += 2,
                0..=0x1f => return None,
                _ => at += 1,
            }
        }
    }

    /// A number, `true`, `false`, or `null`.
    fn literal(&self, start: usize) -> Option<usize> {
        let rest = &self.bytes[start..];
        let n = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
        let word = std::str::from_utf8(&rest[..n]).ok()?;
        let is_number = || {
            word.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                && word.parse::<f64>().is_ok()
        };
        (["true", "false", "null"].contains(&word) || is_number()).then_some(start + n)
    }
}
