//! What is left of the study, and for how long it runs.

use anyhow::Result;
use xshell::Shell;

use super::groups::{Amount, Group, RATES};
use super::kept::folder;
use super::material::N_POOL_ROWS;
use super::parts::{N_LARGE, Part, TIMES_LARGER};
use super::table::Table;

/// Tokens of a row of a pool, and of the held-out rows with their wrong responses, under the model's template.
const TOKENS_OF_ROW: f64 = 300_000.0 / N_POOL_ROWS as f64;
const MEASURED_TOKENS: f64 = 200_000.0;
/// A forward pass in f32 beside a training pass in bf16, by time.
const FORWARD: f64 = 0.4;

/// Prints what is left, and hours at a rate of trained tokens a second.
pub(super) fn print(shell: &Shell, parts: &[Part], only: &[usize], rate: f64) -> Result<()> {
    let is_kept = |name: &str| shell.path_exists(folder(name));
    let mut total = 0.0;
    let mut line = |what: &str, (n_left, tokens): (usize, f64)| {
        let hours = tokens / rate / 3600.0;
        total += hours;
        eprintln!("{what:28} {n_left:3} left {hours:6.1} h");
    };
    line("learning rates", tuning(&is_kept)?);
    for &part in parts {
        for replicate in part.replicates().filter(|at| only.contains(at)) {
            line(&format!("{part:?}, replicate {replicate}"), left(part, replicate, &is_kept)?);
        }
    }
    eprintln!("{:28} {:8} {total:6.1} h", "in all", "");
    Ok(())
}

/// Trainings of the choice of learning rates that are left, and their tokens.
fn tuning(is_kept: &dyn Fn(&str) -> bool) -> Result<(usize, f64)> {
    let mut left = (0, 0.0);
    for amount in Amount::ALL {
        for rate in RATES {
            let trial =
                format!("tuning/{}-{rate}/trials/{}-epochs-seed0.json", amount.name(), amount.baseline());
            if !is_kept(&trial) {
                let tokens = trained(&Group::at_epochs("tuning", amount), N_POOL_ROWS)?;
                left = (left.0 + 1, left.1 + tokens + FORWARD * MEASURED_TOKENS / 4.0);
            }
        }
    }
    Ok(left)
}

/// Trainings of a part that are left, and their tokens. Time for tables and measuring counts as further tokens.
fn left(part: Part, replicate: usize, is_kept: &dyn Fn(&str) -> bool) -> Result<(usize, f64)> {
    let folder = part.folder(replicate);
    let n_rows = if part == Part::Size { N_LARGE } else { N_POOL_ROWS };
    let times_larger = if part == Part::Family { TIMES_LARGER } else { 1.0 };
    let (mut n_left, mut tokens) = (0, 0.0);
    let mut tables: Vec<Table> = Vec::new();
    // One of the variants is done again, and which is not known yet.
    let groups = if part == Part::Best { &part.groups()[..1] } else { part.groups() };
    for group in groups {
        let done = |trial: &String| match part {
            Part::Best => {
                part.groups().iter().any(|one| is_kept(&format!("{folder}/{}/results.json", one.name)))
            }
            _ => is_kept(&format!("{folder}/{}/trials/{trial}", group.name)),
        };
        let n = group.trials(replicate).iter().filter(|trial| !done(trial)).count();
        n_left += n;
        tokens += n as f64 * (trained(group, n_rows)? + FORWARD * MEASURED_TOKENS);
        if !tables.contains(&group.table) {
            tables.push(group.table);
        }
    }
    for table in tables.into_iter().filter(|table| !is_kept(&format!("{folder}/{}.parquet", table.name()))) {
        let (references, passes) = table.cost();
        tokens += TOKENS_OF_ROW * n_rows as f64 * (references + passes * FORWARD);
    }
    Ok((n_left, tokens * times_larger))
}

fn trained(group: &Group, n_rows: usize) -> Result<f64> {
    Ok(TOKENS_OF_ROW * group.n_rows(n_rows) * group.epochs.parse::<f64>()?)
}
