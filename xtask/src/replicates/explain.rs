//! What is left of the study, and for how long it runs.

use anyhow::Result;
use xshell::Shell;

use super::groups::{Amount, EPOCHS, GROUPS, Group, RATES};
use super::kept::folder;

/// Tokens of a pool, and of the held-out rows with their wrong responses, under the model's template.
const POOL_TOKENS: f64 = 300_000.0;
const MEASURED_TOKENS: f64 = 200_000.0;
/// A forward pass in f32 beside a training pass in bf16, by time.
const FORWARD: f64 = 0.4;

/// Prints what is left, and hours at a rate of trained tokens a second.
pub(super) fn print(shell: &Shell, replicates: &[usize], rate: f64) -> Result<()> {
    let is_kept = |name: &str| shell.path_exists(folder(name));
    let epochs: f64 = EPOCHS.parse()?;
    let mut total = 0.0;
    let mut line = |what: &str, n_left: usize, tokens: f64| {
        let hours = tokens / rate / 3600.0;
        total += hours;
        eprintln!("{what:28} {n_left:3} left {hours:6.1} h");
    };
    let mut tuning = (0, 0.0);
    for amount in Amount::ALL {
        for learning_rate in RATES {
            let name = format!("tuning/{}-{learning_rate}/trials", amount.name());
            if !is_kept(&format!("{name}/{}-epochs-seed0.json", amount.baseline())) {
                tuning = (
                    tuning.0 + 1,
                    tuning.1 + trained(amount.share(), epochs) + FORWARD * MEASURED_TOKENS / 4.0,
                );
            }
        }
    }
    line("learning rates", tuning.0, tuning.1);
    for &replicate in replicates {
        let reference = f64::from(u8::from(!is_kept(&format!("{replicate}/scores.parquet"))));
        let (mut n_left, mut tokens) = (0, reference * POOL_TOKENS * (1.0 + 2.0 * FORWARD));
        for group in &GROUPS {
            let done = |trial: &String| is_kept(&format!("{replicate}/{}/trials/{trial}", group.name));
            let n = group.trials(replicate).iter().filter(|trial| !done(trial)).count();
            n_left += n;
            tokens += n as f64 * of_trial(group, epochs);
        }
        line(&format!("replicate {replicate}"), n_left, tokens);
    }
    eprintln!("{:28} {:8} {total:6.1} h", "in all", "");
    Ok(())
}

/// The tokens that a trial trains on. The time to measure it counts as further tokens.
fn of_trial(group: &Group, epochs: f64) -> f64 {
    trained(group.amount.share(), epochs) + FORWARD * MEASURED_TOKENS
}

fn trained(share: f64, epochs: f64) -> f64 {
    POOL_TOKENS * share * epochs
}
