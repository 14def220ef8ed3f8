//! Numbers and tables in Markdown.

use crate::Estimate;

/// `1.234 [1.200, 1.260]`.
pub(crate) fn interval(estimate: &Estimate, decimals: usize) -> String {
    let Estimate { value, low, high } = estimate;
    format!("{value:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
}

/// `-0.034 [-0.050, -0.012]`, in bold if zero is not in it.
pub(crate) fn signed(estimate: &Estimate, decimals: usize) -> String {
    let Estimate { value, low, high } = estimate;
    let text = format!("{value:+.decimals$} [{low:+.decimals$}, {high:+.decimals$}]");
    if estimate.is_below_zero() || estimate.is_above_zero() { format!("**{text}**") } else { text }
}

/// A mean with its interval; of a single number the number alone.
pub(crate) fn mean_of(
    estimate: Option<Estimate>,
    numbers: &[f64],
    say: fn(&Estimate, usize) -> String,
) -> String {
    match (estimate, numbers) {
        (Some(estimate), _) => say(&estimate, 4),
        (None, [alone]) => format!("{alone:.4}"),
        _ => "-".to_owned(),
    }
}

/// `12.3 % [10.1, 14.0]`.
pub(crate) fn percent(estimate: &Estimate) -> String {
    let [value, low, high] = [estimate.value, estimate.low, estimate.high].map(|share| 100.0 * share);
    format!("{value:.1} % [{low:.1}, {high:.1}]")
}

/// A whole number with commas.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.abs().round());
    let mut text = if number <= -0.5 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table; all columns but the first are numbers.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let rule: Vec<&str> = (0..headings.len()).map(|at| if at == 0 { "---" } else { "---:" }).collect();
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("| {} |\n| {} |\n", headings.join(" | "), rule.join(" | "));
    text.extend(rows.iter().map(|row| line(row)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        let estimate = |value, low, high| Estimate { value, low, high };
        assert_eq!(interval(&estimate(1.2345, 1.2, 1.25), 2), "1.23 [1.20, 1.25]");
        assert_eq!(signed(&estimate(-0.5, -0.7, -0.2), 1), "**-0.5 [-0.7, -0.2]**");
        assert_eq!(signed(&estimate(0.5, -0.1, 0.7), 1), "+0.5 [-0.1, +0.7]");
        let pair = estimate(0.5, 0.25, 0.75);
        let said = [(Some(pair), &[0.25, 0.75][..]), (None, &[0.5]), (None, &[])];
        let said = said.map(|(estimate, numbers)| mean_of(estimate, numbers, interval));
        assert_eq!(said, ["0.5000 [0.2500, 0.7500]", "0.5000", "-"]);
        assert_eq!(percent(&estimate(0.5, 0.25, 0.75)), "50.0 % [25.0, 75.0]");
        assert_eq!([0.4, 999.6, 1_234_567.0, -1200.0].map(count), ["0", "1,000", "1,234,567", "-1,200"]);
    }
}
