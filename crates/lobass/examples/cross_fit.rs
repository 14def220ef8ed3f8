//! Trains two references, each on one half of the pool, and scores every row by the one that has not seen it.
//!
//! A reference that has seen a row may have memorized it. Cross-fitting removes that from the ranking, and the report
//! says how much it was.
//!
//! Run with `cargo run -p lobass --example cross_fit`.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass::Runtime;
use lobass::run::run;
use lobass::settings::{
    DataSettings, ModeName, ModelSettings, ReferenceSettings, SelectSettings, Settings, TrainSettings,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let shipped = lobass_demo::unpack(dir.path())?;
    let text = fs_err::read_to_string(&shipped.pool)?;
    let pool = dir.path().join("pool.jsonl");
    let first: Vec<&str> = text.lines().take(200).collect();
    fs_err::write(&pool, first.join("\n"))?;

    // The same settings as in `settings.toml` of `lobass run`.
    let settings = Settings {
        out: Some(dir.path().join("run")),
        model: ModelSettings { base: Some(shipped.base), reference: None, ..ModelSettings::default() },
        data: DataSettings { files: vec![pool.display().to_string()], ..DataSettings::default() },
        train: TrainSettings {
            learning_rate: Some(1e-3),
            batch_size: Some(16),
            epochs: Some(2),
            ..TrainSettings::default()
        },
        reference: ReferenceSettings {
            mode: ModeName::CrossFit,
            folds: Some(2),
            ..ReferenceSettings::default()
        },
        select: SelectSettings {
            strategies: vec!["lobass".to_owned()],
            budget: Some("20%".to_owned()),
            ..SelectSettings::default()
        },
        ..Settings::default()
    };
    let report = run(&settings, &Runtime::default())?;
    print!("{}", report.references);
    report.texts.iter().for_each(|text| println!("\n{text}"));
    println!("{}", report.page.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_runs() {
        super::main().unwrap();
    }
}
