//! Reports of small pools, by the library alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::Path;

use lobass_check::{CheckName, Inputs, Options, Report, check};
use lobass_data::{DataFile, Duplicates, FormatChoice, Pool};
use serde_json::{Value, json};

fn file(dir: &Path, source: &str, rows: &[Value]) -> DataFile {
    let path = dir.join(format!("{source}.jsonl"));
    fs_err::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
    DataFile::open(&path, source, &FormatChoice::Auto).unwrap()
}

fn row(prompt: &str, response: &str) -> Value {
    json!({"prompt": prompt, "completion": response})
}

fn checked(pool: &Pool, options: &Options) -> Report {
    check(&Inputs { pool, encoder: None, evaluation: None }, options).unwrap()
}

/// The findings of one check in a pool of these rows: what they are, and in which rows.
fn found(name: CheckName, rows: &[Value]) -> Vec<(String, Vec<u64>)> {
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::new(vec![file(dir.path(), "pool", rows)], Duplicates::Keep);
    let report = checked(&pool, &Options { n_shown: 100, ..Options::only([name]) });
    assert_eq!(report.skipped.len(), CheckName::ALL.len() - 1);
    let rows = |finding: &lobass_check::Finding| finding.examples.iter().map(|shown| shown.at.row).collect();
    report.findings.iter().map(|finding| (finding.what.clone(), rows(finding))).collect()
}

#[test]
fn templates_are_told_by_their_markers() {
    let rows = [
        row("What is [INST]?", "A marker of Llama 2."),
        row("<s>[INST] Sing. [/INST]", "La la la."),
        row("### Instruction:\nSing.\n\n### Response:\n", "La la."),
        row("Sing.", "La.<|im_end|>"),
        row("Write a heading, such as ### Instruction: for a list.", "Done."),
        row("Human: Sing.\n\nAssistant:", "La."),
        row("Human: who?", "The assistant: me."),
    ];
    let expected = [("Alpaca", 2), ("ChatML", 3), ("HH-RLHF", 5), ("Llama 2 or Mistral", 1)];
    let expected = expected.map(|(name, row)| (format!("markers of a chat template ({name})"), vec![row]));
    assert_eq!(found(CheckName::Formatted, &rows), expected);
}

#[test]
fn damage_is_counted_by_its_kind() {
    let rows = [
        row("Café, 25 °C, naïve", "Fine."),
        row("CafÃ©, 25 Â°C", "Not\u{0} fine\u{fffd}."),
        row("A tab\tand\nlines\r\n", "are fine."),
        row("\\ud83d\\ude00", "was an emoji."),
    ];
    assert_eq!(
        found(CheckName::DamagedText, &rows),
        [
            ("NUL characters".to_owned(), vec![1]),
            ("UTF-8 read as Latin-1".to_owned(), vec![1]),
            ("escapes of half a character".to_owned(), vec![3]),
            ("replacement characters (U+FFFD)".to_owned(), vec![1]),
        ]
    );
}

#[test]
fn thoughts_in_some_rows_are_found_and_empty_ones_are_enough() {
    let think = |thought: &str| row("Sing.", &format!("<think>{thought}</think>La."));
    let plain = row("Sing.", "La.");
    assert_eq!(found(CheckName::SomeThoughts, &[think("hm"), think("oh")]), []);
    assert_eq!(found(CheckName::SomeThoughts, &[think("hm"), think("")]), []);
    assert_eq!(found(CheckName::SomeThoughts, &[plain.clone(), plain.clone()]), []);
    let some = found(CheckName::SomeThoughts, &[think("hm"), plain.clone(), think("oh")]);
    assert_eq!(
        some,
        [("a thought, while the others have none".to_owned(), vec![1])],
        "the rarer kind is shown"
    );
}

#[test]
fn sources_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let first = file(dir.path(), "first", &[row("a b c d", "1."), row("a b c d", "1.")]);
    let rows = [row("a b c d", "1."), row("A b, c d", "1"), row("e f g h", "2."), row("i", "")];
    let second = file(dir.path(), "second", &rows);
    let pool = Pool::new(vec![first, second], Duplicates::Keep);
    let report = checked(&pool, &Options::default());
    assert_eq!(report.n_rows(), 6);
    let counts: Vec<_> = report
        .sources
        .iter()
        .map(|source| (source.n_rows, source.n_duplicates, source.n_near_duplicates))
        .collect();
    assert_eq!(counts, [(2, 1, Some(0)), (4, 1, Some(1))], "what is exactly the same is no near duplicate");
    let of = |name: CheckName| {
        let findings = report.findings.iter().filter(move |finding| finding.check == name);
        findings.map(|finding| (finding.source.as_str(), finding.n_rows, finding.n_of)).collect::<Vec<_>>()
    };
    assert_eq!(of(CheckName::Duplicates), [("first", 1, 2), ("second", 1, 4)]);
    assert_eq!(of(CheckName::UnusableRows), [("second", 1, 4)]);
    assert_eq!(of(CheckName::NearDuplicates), [], "too few to be a finding");
    let shown =
        &report.findings.iter().find(|finding| finding.check == CheckName::UnusableRows).unwrap().examples[0];
    assert_eq!((shown.at.row, shown.detail.as_str()), (5, "the response is empty"));

    let first_rows = checked(&pool, &Options { first_rows: Some(2), ..Options::default() });
    assert_eq!(first_rows.sources.iter().map(|source| source.n_rows).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let say = |at: usize| (at..at + 6).map(|word| format!("w{} ", word * 7919 % 1009)).collect::<String>();
    let rows: Vec<Value> = (0..2000)
        .map(|at| match at % 50 {
            7 => row(&say(at - 1), "<|im_start|>"),
            9 => row(&say(at), "N/A"),
            11 => row(&say(at - 2), "Bad\u{1}."),
            _ => row(&say(at), "Good."),
        })
        .collect();
    let pool = Pool::new(vec![file(dir.path(), "pool", &rows)], Duplicates::Keep);
    let with = |threads| checked(&pool, &Options { threads, ..Options::default() });
    let one = with(1);
    assert!(one.findings.len() >= 3, "{:?}", one.findings);
    assert_eq!(one, with(3));
}
