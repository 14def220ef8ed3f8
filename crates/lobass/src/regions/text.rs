//! What was found, as text for a terminal.

use std::fmt;

use lobass_core::readable::{count, counted};
use lobass_core::visible;
use lobass_regions::{Change, Found, LossDrop, Part, Region};

use super::{CutReport, RegionsReport, ShownRow};

/// Regions that are listed; further ones are in the data.
const MAX_REGIONS: usize = 30;
/// Regions that are listed to be repaired.
const MAX_QUEUE: usize = 5;
/// Regions whose rows are shown.
const MAX_SHOWN: usize = 10;
/// Characters of a name, and of the text of a row.
const NAME: usize = 34;
const TEXT: usize = 64;

impl fmt::Display for RegionsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cut) = self.cuts.first() {
            let found = &cut.found;
            writeln!(
                f,
                "{} and {}, intervals of {} %; drops in nats per token: base minus reference",
                counted(found.all.n_rows, "row"),
                counted(found.n_references as u64, "reference"),
                100.0 * found.bootstrap.level
            )?;
            writeln!(f, "{}", self.seen.in_words())?;
            if found.n_references == 1 {
                writeln!(f, "one reference: intervals say nothing about the spread between trainings")?;
            }
        }
        if self.n_held_out > 0 {
            let rows = counted(self.n_held_out, "row");
            writeln!(
                f,
                "left out: {rows} that the references' training held out, or that were set aside for it"
            )?;
        }
        for cut in &self.cuts {
            writeln!(f, "\nby {}", shortened(&cut.by, NAME))?;
            self.cut(f, cut)?;
        }
        if !self.kinds.is_empty() {
            writeln!(f, "\nkinds of format")?;
        }
        for kind in &self.kinds {
            let n = counted(kind.n_tokens, "token");
            writeln!(f, "  {:10} {n:>16}  {:+.3}", kind.kind, kind.per_token)?;
        }
        Ok(())
    }
}

impl RegionsReport {
    fn cut(&self, f: &mut fmt::Formatter<'_>, cut: &CutReport) -> fmt::Result {
        let regions = &cut.found.regions;
        let width = name_width(regions.iter().take(MAX_REGIONS).map(|region| region.name.as_str()));
        let has_parts = regions.iter().any(|region| region.format.is_some());
        let parts = if has_parts { format!(" {:>8} {:>8}", "format", "content") } else { String::new() };
        let in_sample = regions.iter().any(|region| region.in_sample.is_some());
        let seen = if in_sample { format!(" {:>9}", "in-sample") } else { String::new() };
        writeln!(
            f,
            "  {:width$} {:>7} {:>9} {:>18} {:>8} {:>8}{parts}{seen}  verdict",
            "region", "rows", "per token", "interval", "per row", "of base"
        )?;
        for region in regions.iter().take(MAX_REGIONS).chain([&cut.found.all]) {
            writeln!(f, "  {}", line(region, width, has_parts, in_sample))?;
        }
        if regions.len() > MAX_REGIONS {
            writeln!(f, "  and {} more regions in the JSON", regions.len() - MAX_REGIONS)?;
        }
        if regions.iter().any(is_alone) {
            writeln!(f, "  * does not hold for all regions together")?;
        }
        if !cut.found.queue.is_empty() {
            writeln!(f, "  to repair, by size of the drop or rise times rows")?;
        }
        for &at in cut.found.queue.iter().take(MAX_QUEUE) {
            let region = &regions[at];
            let name = shortened(&region.name, NAME);
            writeln!(f, "    {name:NAME$} {:>9.1}  {}", region.weight, region.verdict)?;
        }
        self.changes(f, cut)?;
        for region in regions.iter().take(MAX_SHOWN) {
            self.rows_of(f, cut, region)?;
        }
        Ok(())
    }

    fn changes(&self, f: &mut fmt::Formatter<'_>, cut: &CutReport) -> fmt::Result {
        let (Some(changes), Some(shared)) = (&cut.changes, self.shared) else { return Ok(()) };
        let width = name_width(changes.iter().take(MAX_REGIONS + 1).map(|change| change.name.as_str()));
        writeln!(f, "  beside the second table: {}", shared.in_words())?;
        writeln!(
            f,
            "  {:width$} {:>8} {:>8} {:>7} {:>10} {:>18}  verdicts",
            "region", "first", "second", "paired", "difference", "interval"
        )?;
        for change in changes.iter().take(MAX_REGIONS + 1) {
            writeln!(f, "  {}", change_line(change, width))?;
        }
        Ok(())
    }

    fn rows_of(&self, f: &mut fmt::Formatter<'_>, cut: &CutReport, region: &Region) -> fmt::Result {
        let name = shortened(&region.name, NAME);
        if let Some(row) = cut.typical.get(&region.name).and_then(|row| Some((row, self.rows.get(row)?))) {
            writeln!(f, "  {name}, in the middle: row {}: {}", row.0, text_of(row.1))?;
        }
        for (what, rows) in [("most", &region.most), ("least", &region.least)] {
            for shown in rows {
                let Some(row) = self.rows.get(&shown.row) else { continue };
                writeln!(f, "  {name}, {what}: {:+.3} row {}: {}", shown.drop, shown.row, text_of(row))?;
            }
        }
        Ok(())
    }
}

/// The width of a column of names.
fn name_width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| shortened(name, NAME).chars().count()).max().unwrap_or(0).max("all rows".len())
}

/// Whether a verdict is of this region alone.
fn is_alone(region: &Region) -> bool {
    region.joint.is_some() && !region.holds_jointly
}

fn line(region: &Region, width: usize, has_parts: bool, in_sample: bool) -> String {
    let part = |part: &Option<Part>| match part {
        Some(part) => format!(" {:>8}", value(part.per_token)),
        None => format!(" {:>8}", "-"),
    };
    let parts = if has_parts { part(&region.format) + &part(&region.content) } else { String::new() };
    let seen = match (in_sample, region.in_sample) {
        (false, _) => String::new(),
        (true, seen) => format!(" {:>9}", seen.map_or_else(|| "-".to_owned(), |drop| format!("{drop:+.3}"))),
    };
    let mark = if is_alone(region) { " *" } else { "" };
    let missing = match region.n_missing {
        0 => String::new(),
        n => format!(", {} without losses", counted(n, "row")),
    };
    format!(
        "{:width$} {:>7} {:>9} {:>18} {:>8} {:>8}{parts}{seen}  {}{mark}{missing}",
        shortened(&region.name, NAME),
        count(region.n_rows),
        value(region.per_token),
        interval(region.per_token),
        value(region.per_row),
        region.share.map_or_else(|| "-".to_owned(), |share| format!("{:+.1} %", 100.0 * share.value)),
        region.verdict
    )
}

fn change_line(change: &Change, width: usize) -> String {
    let side = |found: Option<Found>| value(found.and_then(|found| found.per_token));
    let verdict = |found: Option<Found>| found.map_or("absent", |found| found.verdict.as_str());
    let verdicts = match (change.before, change.after) {
        (Some(one), Some(other)) if one.verdict == other.verdict => one.verdict.as_str().to_owned(),
        (one, other) => format!("{} → {}", verdict(one), verdict(other)),
    };
    format!(
        "{:width$} {:>8} {:>8} {:>7} {:>10} {:>18}  {verdicts}",
        shortened(&change.name, NAME),
        side(change.before),
        side(change.after),
        count(change.n_paired),
        value(change.difference),
        interval(change.difference)
    )
}

fn value(drop: Option<LossDrop>) -> String {
    drop.map_or_else(|| "-".to_owned(), |drop| format!("{:+.3}", drop.value))
}

fn interval(drop: Option<LossDrop>) -> String {
    let ends = drop.and_then(|drop| drop.interval);
    ends.map_or_else(|| "-".to_owned(), |(low, high)| format!("[{low:+.3}, {high:+.3}]"))
}

fn text_of(row: &ShownRow) -> String {
    let prompt = shortened(&row.prompt, TEXT / 2);
    format!("{prompt} ⇒ {}", shortened(&row.response, TEXT))
}

/// One line of a text, of at most so many characters.
fn shortened(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = visible(&line);
    match line.char_indices().nth(most) {
        None => line.into_owned(),
        Some(_) => line.chars().take(most - 1).chain(['…']).collect(),
    }
}
