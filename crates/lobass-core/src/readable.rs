//! Numbers and labelled lines as people read them.

use std::fmt::Write as _;
use std::time::Duration;

/// A number with its thousands apart: `16,473`.
pub fn count(number: u64) -> String {
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

/// A share of a whole: `6.0 %`; `-` if the whole is 0.
pub fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}

/// A time span: `3.2 s`, `4 min 5 s`, `2 h 30 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Units per second: `1,234 tok/s`; empty if the time is too short to tell.
pub fn rate(number: u64, time: Duration, unit: &str) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 0.05 {
        return String::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
    let per_second = (number as f64 / seconds) as u64;
    format!("{} {unit}/s", count(per_second))
}

/// A number of bytes in binary units: `512 B`, `1.5 MiB`.
pub fn bytes(number: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = number as f64 / 1024.0;
    if scaled < 1.0 {
        return format!("{number} B");
    }
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < units.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.2} {}", units[unit])
}

/// A noun with its number: `1 row`, `2 rows`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// Lines with a label in front; lines of the same label show it once.
#[derive(Debug, Default)]
pub struct Labelled {
    text: String,
    last: &'static str,
}

impl Labelled {
    /// Adds a line; the label is left out if the line before has the same one.
    pub fn line(&mut self, label: &'static str, line: impl std::fmt::Display) {
        let shown = if label == self.last { "" } else { label };
        self.last = label;
        let _ = writeln!(self.text, "{shown:10} {line}");
    }
}

impl std::fmt::Display for Labelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(count).each_ref().map(String::as_str)
        );
        assert_eq!(percent(6, 100), "6.0 %");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(duration(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(duration(Duration::from_secs(65)), "1 min 5 s");
        assert_eq!(duration(Duration::from_mins(150)), "2 h 30 min");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!([bytes(1023), bytes(1024), bytes(5 << 30)], ["1023 B", "1.00 KiB", "5.00 GiB"]);
    }
}
