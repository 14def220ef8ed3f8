//! `lobass pending`.

use std::collections::BTreeSet;

use lobass::place::{job, resume};
use lobass::worker::open_ranks;
use serde_json::{Value, json};

use crate::args::PendingArgs;
use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn pending(args: &PendingArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let work = resume(&args.work.work, ui.runtime())?;
    let job = job(&work, &args.work.work, args.work.job.as_deref())?;
    let pending = work.pending(&job)?;
    let ranks = args.world.map(|world| open_ranks(&work, &job, world)).transpose()?;
    let ranks = ranks.as_ref().map(as_array);
    let units: Vec<Value> = pending
        .iter()
        .map(|unit| json!({"model": unit.model.role, "shard": unit.shard.id, "n_rows": unit.shard.n_rows}))
        .collect();
    let text = match &ranks {
        Some(ranks) => ranks.clone(),
        None => pending.iter().map(|unit| format!("{} {}\n", unit.model.role, unit.shard.id)).collect(),
    };
    let json = json!({
        "plan": job.plan, "job": job.id(), "n_pending": units.len(), "world": args.world, "ranks": ranks,
        "units": units,
    });
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}

/// Numbers in the form of a job array: `0-3,7`.
fn as_array(numbers: &BTreeSet<u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_written_short() {
        let array = |numbers: &[u32]| as_array(&numbers.iter().copied().collect());
        assert_eq!(array(&[]), "");
        assert_eq!(array(&[5]), "5");
        assert_eq!(array(&[0, 1, 2, 4, 7, 8]), "0-2,4,7-8");
    }
}
