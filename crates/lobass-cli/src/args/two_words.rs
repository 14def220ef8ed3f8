//! Commands that are two words.

use std::ffi::OsString;

/// Commands that may be written as two words.
const TWO_WORDS: [(&str, &str); 2] = [("federate", "select"), ("federate", "train")];

/// Joins the two words of a command: `federate select` is `federate-select`.
pub(super) fn joined(mut arguments: Vec<OsString>) -> Vec<OsString> {
    for (first, second) in TWO_WORDS {
        if let Some([one, other]) = arguments.get(1..3)
            && one == first
            && other == second
        {
            arguments.splice(1..3, [OsString::from(format!("{first}-{second}"))]);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_words_are_one_command() {
        let of = |line: &str| -> Vec<String> {
            let joined = joined(line.split(' ').map(OsString::from).collect());
            joined.into_iter().map(|word| word.into_string().unwrap()).collect()
        };
        assert_eq!(of("lobass federate select --out a"), ["lobass", "federate-select", "--out", "a"]);
        assert_eq!(of("lobass federate-train"), ["lobass", "federate-train"]);
        assert_eq!(of("lobass federate"), ["lobass", "federate"]);
        assert_eq!(of("lobass select federate select"), ["lobass", "select", "federate", "select"]);
    }
}
