//! Prose: sentences that end in time, and no phrase that a reader has to decode.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::markdown;

/// Words of the longest sentence in Markdown, outside of code and tables.
const MAX_WORDS: usize = 40;

/// Phrases that have a plainer form. Underscores stand for spaces, so that this file passes its own check.
const PHRASES: [&str; 14] = [
    "is_told",
    "are_told",
    "told_from",
    "is_none",
    "are_none",
    "none_is",
    "who\u{65}ver",
    "of_its_own",
    "but_for",
    "what_became_of",
    "what_becomes_of",
    "has_a_say",
    "is_said",
    "said_by",
];

pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for file in super::with_extension(files, "md") {
        let text = super::read(root, file)?;
        found.extend(long_sentences(&text).into_iter().map(|what| format!("{}:{what}", file.display())));
        found.extend(phrases(&text).into_iter().map(|what| format!("{}:{what}", file.display())));
    }
    for file in super::with_extension(files, "rs") {
        let text = super::read(root, file)?;
        found.extend(phrases(&text).into_iter().map(|what| format!("{}:{what}", file.display())));
    }
    Ok(found)
}

/// `LINE: what is wrong` for every sentence of more than [`MAX_WORDS`] words.
fn long_sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (line, block) in markdown::blocks(text) {
        for sentence in markdown::sentences(&block) {
            let n_words =
                sentence.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
            if n_words > MAX_WORDS {
                let start: Vec<&str> = sentence.split_whitespace().take(8).collect();
                let start = start.join(" ");
                found.push(format!(
                    "{line}: a sentence of {n_words} words, {MAX_WORDS} is the limit: `{start} ..`"
                ));
            }
        }
    }
    found
}

/// `LINE: what is wrong` for every banned phrase, also where a line ends inside of it.
fn phrases(text: &str) -> Vec<String> {
    let lines: Vec<String> = text.lines().map(spoken).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).map_or("", String::as_str);
        // `if there is none` is plain. The phrase to avoid calls a thing "none" that is not what it should be.
        let both = format!(" {line} {next} ").replace("there is none", "there_is_none");
        let both = both.replace("there are none", "there_are_none");
        for phrase in PHRASES.map(|phrase| format!(" {} ", phrase.replace('_', " "))) {
            if both.find(&phrase).is_some_and(|start| start <= line.len()) {
                found.push(format!(
                    "{}: says `{}`, for which there is a plainer phrase",
                    at + 1,
                    phrase.trim()
                ));
            }
        }
    }
    found
}

/// The words of a line in lower case, a space between two: without comment marks, punctuation, and inline code.
fn spoken(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    let line: String = pieces.map(|(at, piece)| if at % 2 == 1 { "x" } else { piece }).collect();
    let words = line.split(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '\''));
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_found_with_its_line() {
        let long = format!("A short one. {}end.\n", "word ".repeat(40));
        let found = long_sentences(&format!("# Title\n\n{long}"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("3: a sentence of 41 words"), "{found:?}");
        let short = format!("{}end.\n", "word ".repeat(39));
        assert_eq!(long_sentences(&short), Vec::<String>::new());
    }

    #[test]
    fn code_tables_and_link_targets_do_not_count() {
        let many = "word ".repeat(50);
        for text in [
            format!("```text\n{many}\n```\n"),
            format!("| a |\n|---|\n| {many} |\n"),
            format!("One `{many}` and [two](a#{}).\n", many.replace(' ', "-")),
        ] {
            assert_eq!(long_sentences(&text), Vec::<String>::new());
        }
    }

    #[test]
    fn phrases_are_found_in_comments_and_over_line_ends() {
        let phrase = PHRASES[7].replace('_', " ");
        let (first, rest) = phrase.split_once(' ').unwrap();
        assert_eq!(phrases(&format!("/// A file {phrase}.\n")).len(), 1);
        let broken = phrases(&format!("//! A file {first}\n//! {rest}, here.\nfn main() {{}}\n"));
        assert_eq!(broken.len(), 1);
        assert!(broken[0].starts_with("1: "), "{broken:?}");
        for plain in ["The default, if there is none.\n", "/// `None` is a missing name.\n"] {
            assert_eq!(phrases(plain), Vec::<String>::new());
        }
        assert_eq!(phrases("if value.is_none() { whoever_else() }\n"), Vec::<String>::new());
    }
}
