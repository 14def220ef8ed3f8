//! Lines and tables that fit a terminal.

use unicode_width::UnicodeWidthStr;

/// Columns between two cells of a table.
const GAP: &str = "  ";
/// How far the rest of a folded line is indented if it has no label.
const INDENT: usize = 2;
/// A label is not wider than this.
const WIDEST_LABEL: usize = 30;

/// A text whose lines are folded at blanks to fit `width` columns; the rest of a line is indented to where its text
/// begins behind its label. Words that are wider than that stay whole.
pub(crate) fn folded(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| fold(line, width)).collect();
    lines.join("\n")
}

fn fold(line: &str, width: usize) -> String {
    if line.width() <= width {
        return line.to_owned();
    }
    let indent = hanging(line);
    let indent = if indent > width / 2 { INDENT } else { indent };
    let mut folded = String::new();
    let mut column = 0;
    for (at, word) in line.split(' ').enumerate() {
        let wide = word.width();
        // What is left of the label, and blanks in it, stays on the first line.
        if at > 0 && column > indent && column + 1 + wide > width && wide > 0 {
            folded.truncate(folded.trim_end().len());
            folded.push('\n');
            folded.push_str(&" ".repeat(indent));
            column = indent;
        } else if at > 0 {
            folded.push(' ');
            column += 1;
        }
        folded.push_str(word);
        column += wide;
    }
    folded
}

/// The column at which a line's text begins behind its label.
fn hanging(line: &str) -> usize {
    let leading = line.len() - line.trim_start_matches(' ').len();
    if leading > 0 {
        return leading;
    }
    let padding =
        line.find("  ").map(|end| line[end..].len() - line[end..].trim_start_matches(' ').len() + end);
    let short = padding.map(|end| line[..end].width()).filter(|&end| end <= WIDEST_LABEL);
    let word = || line.find(": ").map(|end| line[..end + 2].width()).filter(|&end| end <= INDENT + 6);
    short.or_else(word).unwrap_or(INDENT)
}

/// Columns under headings, padded to the widest cell; all but the first are aligned to the right. A narrow terminal
/// breaks headings at blanks, and then cells. If even the longest words do not fit beside each other, each row becomes
/// a block of lines.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    let width = width.unwrap_or(usize::MAX);
    let cells = |column: usize| rows.iter().map(move |row| row[column].as_str());
    let whole: Vec<usize> =
        (0..headings.len()).map(|column| widest(cells(column).chain([headings[column]]))).collect();
    if total(&whole) <= width {
        return lines(headings, rows, &whole);
    }
    let words: Vec<usize> = (0..headings.len())
        .map(|column| widest(cells(column).chain([headings[column]]).flat_map(|cell| cell.split(' '))))
        .collect();
    if total(&words) > width {
        return blocks(headings, rows);
    }
    // Every column gets what it needs for its words; what is left goes to the smallest wish first.
    let unbroken: Vec<usize> =
        (0..headings.len()).map(|column| widest(cells(column).chain(headings[column].split(' ')))).collect();
    let wished = if total(&unbroken) <= width { &unbroken } else { &words };
    let mut widths = wished.clone();
    let mut left = width - total(&widths);
    for wanted in [&unbroken, &whole] {
        let mut order: Vec<usize> = (0..headings.len()).collect();
        order.sort_by_key(|&column| wanted[column].saturating_sub(widths[column]));
        for column in order {
            let more = wanted[column].saturating_sub(widths[column]).min(left);
            widths[column] += more;
            left -= more;
        }
    }
    lines(headings, rows, &widths)
}

fn widest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(UnicodeWidthStr::width).max().unwrap_or_default()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
}

/// A table in these widths, with cells on several lines where they have to be.
fn lines(headings: &[&str], rows: &[Vec<String>], widths: &[usize]) -> String {
    let headings: Vec<String> = headings.iter().map(|&heading| heading.to_owned()).collect();
    let of_row = |row: &Vec<String>| {
        let cells: Vec<Vec<String>> =
            row.iter().zip(widths).map(|(cell, &width)| broken(cell, width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        let line = |at: usize| {
            let cells = cells.iter().zip(widths).enumerate();
            let padded: Vec<String> =
                cells.map(|(column, (cell, &width))| pad(cell.get(at), column, width)).collect();
            padded.join(GAP).trim_end().to_owned()
        };
        (0..height).map(line).collect::<Vec<_>>()
    };
    std::iter::once(&headings).chain(rows).flat_map(of_row).collect::<Vec<_>>().join("\n")
}

fn pad(cell: Option<&String>, column: usize, width: usize) -> String {
    let cell = cell.map_or("", String::as_str);
    let blanks = " ".repeat(width.saturating_sub(cell.width()));
    if column == 0 { format!("{cell}{blanks}") } else { format!("{blanks}{cell}") }
}

/// A cell as lines of at most this width, if its words are not wider.
fn broken(cell: &str, width: usize) -> Vec<String> {
    if cell.width() <= width {
        return vec![cell.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in cell.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Each row as lines of a heading and a cell.
fn blocks(headings: &[&str], rows: &[Vec<String>]) -> String {
    let label = widest(headings.iter().copied());
    let of_row = |row: &Vec<String>| {
        let cells = headings.iter().zip(row);
        cells
            .map(|(heading, cell)| format!("{heading:label$}{GAP}{cell}").trim_end().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    };
    rows.iter().map(of_row).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fold_at_blanks_under_their_text() {
        let line = "base             models/a: llama of 656,000 parameters, f32, on cpu";
        assert_eq!(
            folded(line, 50),
            "base             models/a: llama of 656,000\n                 parameters, f32, on cpu"
        );
        assert_eq!(folded(line, 80), line);
        assert_eq!(folded("note: one two three four", 14), "note: one two\n      three\n      four");
        assert_eq!(folded("a  verylongwordthatdoesnotfit b", 10), "a  verylongwordthatdoesnotfit\n   b");
        assert_eq!(folded("  indented text that is long", 16), "  indented text\n  that is long");
        assert_eq!(folded("日本語 日本語 日本語", 14), "日本語 日本語\n  日本語");
    }

    fn sample() -> Vec<Vec<String>> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        vec![
            row(["lobass", "512", "+0.0104 [-0.0021, +0.0213]", "71.4 %"]),
            row(["random", "512", "-", "70.0 %"]),
        ]
    }

    #[test]
    fn tables_line_up() {
        let rows = [vec!["a".to_owned(), "10".to_owned()], vec!["long name".to_owned(), "7".to_owned()]];
        assert_eq!(table(&["what", "n"], &rows, None), "what        n\na          10\nlong name   7");
    }

    #[test]
    fn narrow_tables_break_headings_then_cells_then_rows() {
        let headings = ["at equal tokens", "rows", "against random", "exact"];
        let table = |width| table(&headings, &sample(), Some(width));
        assert_eq!(table(80), super::table(&headings, &sample(), None));
        assert_eq!(
            table(54),
            "at equal      rows              against random   exact\ntokens\n\
             lobass         512  +0.0104 [-0.0021, +0.0213]  71.4 %\n\
             random         512                           -  70.0 %"
        );
        for width in [30, 40, 46, 50, 60, 80] {
            let text = table(width);
            assert!(text.lines().all(|line| line.width() <= width), "{width}:\n{text}");
            for cell in sample().concat().iter().flat_map(|cell| cell.split(' ')) {
                assert!(text.contains(cell), "{width}: {cell}\n{text}");
            }
        }
        assert!(table(20).starts_with("at equal tokens  lobass\nrows             512\n"), "{}", table(20));
    }
}
