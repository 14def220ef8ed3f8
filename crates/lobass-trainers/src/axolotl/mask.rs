//! Which turns axolotl trains on.

use super::data::Entry;
use crate::draft::Draft;

pub(super) fn take(draft: &mut Draft<'_>, entries: &[Entry]) {
    let whole = draft.flag("train_on_inputs") == Some(true);
    let mut ends: Vec<&str> = Vec::new();
    for entry in entries {
        if !ends.contains(&entry.ends.as_str()) {
            ends.push(&entry.ends);
        }
    }
    let first = ends.first().copied().unwrap_or("turn");
    let mask = match first {
        _ if whole => "all",
        "none" => "text",
        _ => "response",
    };
    let has_rule = first != "turn" && !whole;
    draft.take(if has_rule { "datasets" } else { "train_on_inputs" }, "sequences.mask", mask);
    if whole {
        let effect = "axolotl trains on the texts of all turns; lobass's mask `all` has what the template writes between \
                      them too";
        draft.differ("train_on_inputs", effect);
        return;
    }
    if ends.len() > 1 {
        draft.differ(
            "datasets.train_on_eos",
            format!(
                "the data sets have `{}`; lobass has one rule for all rows, that of `{first}`",
                ends.join("` and `")
            ),
        );
    }
    if matches!(first, "all" | "last") {
        draft.differ(
            "datasets.train_on_eos",
            format!("`{first}`: lobass scores the end of every turn that it scores"),
        );
    }
}
