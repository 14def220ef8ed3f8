//! `lobass strategies`.

use lobass_select::strategies::all;
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn strategies(ui: &Ui) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    let mut json: Vec<Value> = Vec::new();
    for strategy in all() {
        let info = strategy.info();
        let needs: Vec<_> = info.needs.iter().map(ToString::to_string).collect();
        let keeps = match info.direction {
            lobass_core::Direction::Descending => "high",
            lobass_core::Direction::Ascending => "low",
        };
        let also = match info.other_names {
            [] => String::new(),
            names => format!(" (also {})", names.join(", ")),
        };
        lines.push(format!(
            "{:22} keeps {keeps:5} {}{also}\n{:22} needs {}; {}",
            info.name,
            info.score,
            "",
            if needs.is_empty() { "nothing".to_owned() } else { needs.join(" and ") },
            info.source
        ));
        json.push(json!({
            "name": info.name, "other_names": info.other_names, "direction": info.direction.to_string(), "needs": needs, "score": info.score,
            "source": info.source,
        }));
    }
    ui.result(lines.join("\n"), &json)?;
    Ok(Outcome::Done)
}
