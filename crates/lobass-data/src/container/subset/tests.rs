//! Subsets of every container of text, whatever the rows.

use std::io::{Read as _, Write as _};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::container::{Rows, Wanted};

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Zstd];

fn write_text(path: &Path, compression: Compression, text: &str) {
    let mut writer = compression.create(fs_err::File::create(path).unwrap()).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap();
}

fn read_text(path: &Path, compression: Compression) -> String {
    let mut text = String::new();
    compression.open(&Original::of(path).unwrap()).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn opened(path: &Path) -> (Original, Container) {
    let file = Original::of(path).unwrap();
    let container = Container::detect(&file).unwrap();
    (file, container)
}

fn read_rows(path: &Path) -> Vec<Value> {
    let (file, container) = opened(path);
    let rows = Rows::open(&file, &container, Wanted::All).unwrap();
    rows.map(|row| Value::Object(row.unwrap().fields.unwrap())).collect()
}

fn copy(input: &Path, output: &Path, mut keep: impl FnMut(u64) -> bool) -> Result<SubsetReport, Error> {
    let (file, container) = opened(input);
    write_subset(&file, &container, output, &mut keep)
}

fn any_row() -> impl Strategy<Value = Value> {
    (
        any::<i64>(),
        ".*",
        prop::collection::vec(".*", 0..3),
        any::<f64>().prop_filter("JSON", |f| f.is_finite()),
    )
        .prop_map(
            |(id, text, list, number)| json!({"id": id, "te\"xt": text, "list": list, "number": number}),
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chosen_text_rows_are_copied_byte_for_byte(
        rows in prop::collection::vec((any_row(), any::<bool>()), 1..8),
        compression in prop::sample::select(&COMPRESSIONS[..]),
        shape in 0..4,
        pretty: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in"), dir.path().join("out"));
        let is_lines = shape == 0;
        let text = |row: &Value| if pretty && !is_lines { format!("{row:#}") } else { row.to_string() };
        let texts: Vec<String> = rows.iter().map(|(row, _)| text(row)).collect();
        let join = |texts: &[String]| match shape {
            0 | 1 => texts.iter().map(|text| format!("{text}\n")).collect(),
            2 => format!("[\n  {}\n]\n", texts.join(",\n  ")),
            _ => format!("{{\"n\": 1,\n \"data\": [\n  {}\n], \"end\": [3]}}\n", texts.join(",\n  ")),
        };
        write_text(&input, compression, &join(&texts));
        let (_, container) = opened(&input);
        let (list, left_out) = ("data".to_owned(), Vec::new());
        let expected = match shape {
            2 => Container::JsonArray(compression),
            3 => Container::JsonObject { list, left_out, compression },
            1 if pretty => Container::JsonValues(compression),
            _ => Container::JsonLines(compression),
        };
        prop_assert_eq!(&container, &expected);

        let report = copy(&input, &output, |row| rows[usize::try_from(row).unwrap()].1).unwrap();
        let kept: Vec<String> =
            texts.iter().zip(&rows).filter(|(_, (_, keep))| *keep).map(|(text, _)| text.clone()).collect();
        prop_assert_eq!((report.n_read, report.n_written), (rows.len() as u64, kept.len() as u64));
        if kept.is_empty() {
            let without_space = |text: String| text.replace(char::is_whitespace, "");
            prop_assert_eq!(without_space(read_text(&output, compression)), without_space(join(&kept)));
        } else {
            prop_assert_eq!(read_text(&output, compression), join(&kept));
            let expected: Vec<Value> =
                rows.iter().filter(|(_, keep)| *keep).map(|(row, _)| row.clone()).collect();
            prop_assert_eq!(read_rows(&output), expected);
        }
    }

    #[test]
    fn chosen_records_are_copied_byte_for_byte(
        rows in prop::collection::vec((any::<i64>(), "[a-z \",\n;]{0,12}", any::<bool>()), 1..8),
        is_windows: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in.csv"), dir.path().join("out.csv"));
        let record = |(id, text, _): &(i64, String, bool)| format!("{id},\"{}\"\n", text.replace('"', "\"\""));
        let records: Vec<String> = rows.iter().map(record).collect();
        let header = "id,\"a text\"\n";
        let end = if is_windows { "\r\n" } else { "\n" };
        let ended = |record: &String| format!("{}{end}", record.trim_end_matches('\n'));
        let whole = format!("\u{feff}{}{}", ended(&header.to_owned()), records.iter().map(ended).collect::<String>());
        write_text(&input, Compression::None, &whole);
        copy(&input, &output, |row| rows[usize::try_from(row).unwrap()].2).unwrap();
        let kept = records.iter().zip(&rows).filter(|(_, row)| row.2).map(|(record, _)| record.clone());
        prop_assert_eq!(read_text(&output, Compression::None), format!("{header}{}", kept.collect::<String>()));
        let texts: Vec<Value> = rows.iter().map(|row| json!({"id": row.0.to_string(), "a text": row.1})).collect();
        prop_assert_eq!(read_rows(&input), texts);
    }
}

#[test]
fn line_ends_and_blank_lines_do_not_shift_rows() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.jsonl"), dir.path().join("out.jsonl"));
    fs_err::write(&input, "\u{feff}{\"a\": 1}\r\n\n  \n{\"a\": 2}\r\n{\"a\": 3}").unwrap();
    copy(&input, &output, |row| row != 1).unwrap();
    assert_eq!(fs_err::read_to_string(&output).unwrap(), "{\"a\": 1}\r\n{\"a\": 3}\n");
}

#[test]
fn a_name_that_lies_about_its_container_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in.json");
    fs_err::write(&input, "[{}]").unwrap();
    for name in ["out.parquet", "out.jsonl", "out.json.gz", "out.csv"] {
        let output = dir.path().join(name);
        let error = copy(&input, &output, |_| true).unwrap_err();
        assert!(error.to_string().contains("`.json`"), "{error}");
        assert!(!output.exists());
    }
    let misnamed = dir.path().join("in.parquet");
    fs_err::write(&misnamed, "[{}]").unwrap();
    copy(&misnamed, &dir.path().join("selected").join("in.parquet"), |_| true).unwrap();
}

#[test]
fn a_damaged_input_leaves_no_output() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.json"), dir.path().join("out.json"));
    fs_err::write(&input, "[{}, {\"a\": ").unwrap();
    assert!(copy(&input, &output, |_| true).is_err());
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_written_to_meanwhile_leaves_no_output() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("in.jsonl"), dir.path().join("out.jsonl"));
    fs_err::write(&input, "{\"a\": 1}\n{\"a\": 2}\n").unwrap();
    let change = |_| {
        fs_err::write(&input, "{\"a\": 3}\n{\"a\": 4}\n{}\n").unwrap();
        true
    };
    assert!(matches!(copy(&input, &output, change), Err(Error::Changed { .. })));
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
}
