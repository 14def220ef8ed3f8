//! The cost of a newcomer's first build: the dearest crates, and the whole.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Build with these features of lobass-cli
    #[arg(long, default_value = "")]
    features: String,
    /// Fail if the build takes more minutes of processor time
    #[arg(long)]
    at_most: Option<f64>,
}

/// How many crates are shown.
const DEAREST: usize = 10;
/// Clock ticks a second in `/proc`, on every Linux of today.
const TICKS: f64 = 100.0;

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let target = crate::cuda_binary::target_dir(shell)?.join("build-cost");
    shell.remove_path(&target)?;
    let features = &args.features;
    let before = processor_seconds();
    cmd!(
        shell,
        "cargo build --locked --package lobass-cli --features {features} --timings --target-dir {target}"
    )
    .quiet()
    .run()?;
    let seconds = processor_seconds().zip(before).map(|(after, before)| after - before);
    let page = newest(&target.join("cargo-timings"))?;
    shell.remove_path(&target)?;
    for (name, time) in dearest(&units(&page)?) {
        eprintln!("{time:>7.1} s  {name}");
    }
    match (seconds, args.at_most) {
        (Some(seconds), Some(most)) if seconds > 60.0 * most => {
            bail!("expected a build of at most {most} minutes of processor time, found {:.1}", seconds / 60.0)
        }
        (Some(seconds), _) => eprintln!("{seconds:>7.1} s  of processor time for all of it"),
        (None, None) => eprintln!("processor time is counted on Linux only"),
        (None, Some(_)) => bail!("processor time is counted on Linux only"),
    }
    Ok(())
}

/// Processor time of the children that this process has waited for, and of theirs.
fn processor_seconds() -> Option<f64> {
    let text = fs_err::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses, which may hold blanks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(13)? + ticks(14)?) / TICKS)
}

/// The page of timings that cargo wrote last.
fn newest(folder: &Path) -> Result<String> {
    let pages = fs_err::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let newest = pages.max().with_context(|| format!("no page of timings in {}", folder.display()))?;
    Ok(fs_err::read_to_string(newest)?)
}

/// Name and seconds on the clock of each unit of work.
fn units(page: &str) -> Result<Vec<(String, f64)>> {
    let json = page.split_once("const UNIT_DATA = ").and_then(|(_, rest)| rest.split_once(";\n"));
    let (json, _) = json.context("expected `UNIT_DATA` in cargo's page of timings, found none")?;
    let units: Vec<Value> = serde_json::from_str(json).context("`UNIT_DATA` of cargo's page of timings")?;
    let unit = |unit: &Value| Some((unit["name"].as_str()?.to_owned(), unit["duration"].as_f64()?));
    units.iter().map(unit).collect::<Option<_>>().context("expected units with a name and a duration")
}

/// The crates that take most, with their build scripts and all versions together.
fn dearest(units: &[(String, f64)]) -> Vec<(&str, f64)> {
    let mut crates: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, time) in units {
        *crates.entry(name).or_default() += time;
    }
    let mut crates: Vec<_> = crates.into_iter().collect();
    crates.sort_by(|a, b| b.1.total_cmp(&a.1));
    crates.truncate(DEAREST);
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_crate_are_added_up() {
        let page = "..\nconst UNIT_DATA = [{\"name\": \"a\", \"duration\": 1.5}, {\"name\": \"b\", \"duration\": 2.0},\
                    {\"name\": \"a\", \"duration\": 1.0}];\n..";
        assert_eq!(dearest(&units(page).unwrap()), [("a", 2.5), ("b", 2.0)]);
        assert!(units("<html></html>").is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn time_of_children_is_counted() {
        let before = processor_seconds().unwrap();
        std::process::Command::new("sh")
            .args(["-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"])
            .status()
            .unwrap();
        assert!(processor_seconds().unwrap() > before);
    }
}
