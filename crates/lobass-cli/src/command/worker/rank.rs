//! The part of a worker in a job array.

use anyhow::{Context as _, bail};

/// The variables in which schedulers give the index of a task.
const INDICES: [&str; 5] = [
    "SLURM_ARRAY_TASK_ID",
    "JOB_COMPLETION_INDEX",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "BATCH_TASK_INDEX",
    "SLURM_PROCID",
];

/// The part: as given, or the index of the scheduler.
pub(super) fn rank(given: Option<u32>, world: u32) -> anyhow::Result<u32> {
    let of_scheduler = || {
        let (name, value) = INDICES.iter().find_map(|name| Some((name, std::env::var(name).ok()?)))?;
        Some(value.parse::<u32>().with_context(|| format!("${name}: expected an index, found `{value}`")))
    };
    let rank = match given {
        Some(rank) => rank,
        None => of_scheduler().transpose()?.with_context(|| {
            format!("no part is given: use `--rank`, or set one of ${}", INDICES.join(", $"))
        })?,
    };
    if rank >= world {
        bail!("rank {rank}: expected one below the world, {world}");
    }
    Ok(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_below_the_world() {
        assert_eq!(rank(Some(2), 3).unwrap(), 2);
        assert!(rank(Some(3), 3).unwrap_err().to_string().contains("below the world, 3"));
    }
}
