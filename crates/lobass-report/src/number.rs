//! Numbers for people.

/// `16,473`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `6.0 %`, with a space that does not break.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}\u{a0}%", 100.0 * share) } else { "–".to_owned() }
}

/// A share of a whole that may be nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

/// Some four digits, whatever the size: `0.9975`, `17.25`, `1,250`, `3.1e9`.
pub(crate) fn plain(number: f64) -> String {
    let size = number.abs();
    let text = match size {
        _ if number.fract() == 0.0 && size < 1e7 => whole(number),
        0.0..1e-4 => format!("{number:.1e}"),
        1e-4..10.0 => format!("{number:.4}"),
        10.0..100.0 => format!("{number:.2}"),
        100.0..1000.0 => format!("{number:.1}"),
        1000.0..1e7 => whole(number),
        _ => format!("{number:.1e}"),
    };
    text.replace('-', "−")
}

fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 1e7")]
    let digits = count(number.abs().round() as u64);
    format!("{}{digits}", if number < 0.0 { "-" } else { "" })
}

/// A number with its sign and `digits` decimals.
pub(crate) fn signed(number: f64, digits: usize) -> String {
    let text = format!("{number:+.digits$}");
    if text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        text.replace('-', "−")
    } else {
        text[1..].to_owned()
    }
}

/// A correlation, or a dash if it is not defined.
pub(crate) fn correlation(found: Option<f64>) -> String {
    found.map_or_else(|| "–".to_owned(), |found| signed(found, 3))
}

/// A noun with its number: `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_people() {
        assert_eq!((count(999), count(1_234_567)), ("999".to_owned(), "1,234,567".to_owned()));
        assert_eq!(percent(0.0604), "6.0\u{a0}%");
        assert_eq!(percent(share(0, 0)), "–");
        let all = [0.0, 0.99747, -17.251, 1249.6, -31415.9, 3.14e9, 2e-7];
        assert_eq!(all.map(plain), ["0", "0.9975", "−17.25", "1,250", "−31,416", "3.1e9", "2.0e−7"]);
        assert_eq!(
            (signed(0.5, 2), correlation(Some(-0.25)), correlation(None)),
            ("+0.50".into(), "−0.250".into(), "–".into())
        );
        assert_eq!((signed(-0.0004, 3), plain(-862.0)), ("0.000".to_owned(), "−862".to_owned()));
        assert_eq!((counted(1, "row"), counted(2, "row")), ("1 row".to_owned(), "2 rows".to_owned()));
    }
}
