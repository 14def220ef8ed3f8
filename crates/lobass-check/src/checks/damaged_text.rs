//! Text that was damaged on its way.

use std::collections::BTreeMap;

use lobass_text::{DamageKind, damage};

use crate::row::Row;
use crate::tally::Found;

/// Characters of the text around a damaged place that are shown.
const AROUND: usize = 20;

/// Each kind of damage in any turn.
pub(super) fn find(row: &Row<'_>) -> Vec<Found> {
    let mut kinds: BTreeMap<DamageKind, (usize, String)> = BTreeMap::new();
    for turn in row.turns() {
        for place in damage(&turn.content) {
            let (n, _) = kinds.entry(place.kind).or_insert_with(|| {
                (0, format!("{} turn, at `{}`", turn.role, around(&turn.content, place.at)))
            });
            *n += 1;
        }
    }
    let found = |(kind, (n, first)): (DamageKind, (usize, String))| {
        let more = if n > 1 { format!(", and {} more such places", n - 1) } else { String::new() };
        Found { what: what(kind).to_owned(), detail: first + &more }
    };
    kinds.into_iter().map(found).collect()
}

fn what(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::Replacement => "replacement characters (U+FFFD)",
        DamageKind::Nul => "NUL characters",
        DamageKind::Control => "control characters",
        DamageKind::NotACharacter => "code points that are no characters",
        DamageKind::ByteOrderMark => "byte order marks inside text",
        DamageKind::WronglyDecoded => "UTF-8 read as Latin-1",
        DamageKind::Surrogate => "escapes of half a character",
        other => other.what(),
    }
}

/// The text around a place.
fn around(text: &str, at: usize) -> &str {
    let start = text[..at].char_indices().rev().take(AROUND).last().map_or(at, |(start, _)| start);
    let end = text[at..].char_indices().nth(AROUND).map_or(text.len(), |(end, _)| at + end);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_a_place() {
        let text = format!("{}€{}", "é".repeat(40), "ü".repeat(40));
        let at = text.find('€').unwrap();
        assert_eq!(around(&text, at), format!("{}€{}", "é".repeat(20), "ü".repeat(19)));
        assert_eq!(around("\u{0}", 0), "\u{0}");
    }
}
