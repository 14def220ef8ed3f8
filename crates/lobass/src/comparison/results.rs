//! The files of results, which comparisons of rows and of pairs share.

use std::path::Path;

use lobass_evidence::RecipeRecord;
use lobass_train::TrainConfig;
use serde::Serialize;

use crate::error::Result;
use crate::settings::{Method, TrainSettings};

/// How every subset is trained on, for the report.
pub(super) fn recipe_record(train: &TrainSettings, recipe: &TrainConfig) -> RecipeRecord {
    let method = match train.method {
        Method::Full => "full",
        Method::Lora => "lora",
    };
    RecipeRecord {
        method: method.to_owned(),
        epochs: recipe.epochs,
        batch_size: recipe.batch_size,
        learning_rate: recipe.learning_rate,
        schedule: recipe.schedule.to_string(),
    }
}

/// Writes a report as `results.json`, and its tables as `results.md` with their plots.
pub(super) fn write(
    out: &Path,
    report: &impl Serialize,
    title: &str,
    (text, plots): (String, Vec<(String, String)>),
) -> Result<()> {
    let write = |name: &str, bytes: &[u8]| lobass_files::write_whole(&out.join(name), bytes);
    let mut json = serde_json::to_vec_pretty(report)?;
    json.push(b'\n');
    write("results.json", &json)?;
    for (name, svg) in plots {
        write(&name, svg.as_bytes())?;
    }
    Ok(write("results.md", format!("# {title}\n\n{text}").as_bytes())?)
}
