//! The best of the variants.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::kept::folder;
use super::parts::{Part, VARIANTS};
use super::rates::mean_loss;

/// The variant with the lowest loss on held-out rows, averaged over the replicates that it is chosen on.
pub(super) fn best_variant(held_out: &[String]) -> Result<&'static str> {
    best_in(&|name, replicate, trial| {
        mean_loss(&folder(&format!("{replicate}/{name}/trials")).join(trial), held_out)
    })
}

fn best_in(loss: &dyn Fn(&str, usize, &Path) -> Result<f64>) -> Result<&'static str> {
    let mut best: Option<(&str, f64)> = None;
    for variant in &VARIANTS {
        let trials = variant.trials(1);
        let trial = Path::new(trials.first().context("a variant without a training")?);
        let losses = Part::Variants.replicates().map(|replicate| loss(variant.name, replicate, trial));
        let losses = losses.collect::<Result<Vec<f64>>>().with_context(|| {
            format!("the best variant is not known before all are done, and `{}` is not", variant.name)
        })?;
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        if best.is_none_or(|(_, least)| mean < least) {
            best = Some((variant.name, mean));
        }
    }
    let (name, loss) = best.context("no variant")?;
    eprintln!("    the best variant is {name}: {loss:.4} nats a token");
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_mean_wins_and_nothing_may_be_missing() {
        let loss = |name: &str, replicate: usize, _: &Path| {
            Ok(if name == "quota-length" { 1.0 } else { 2.0 } + replicate as f64)
        };
        assert_eq!(best_in(&loss).unwrap(), "quota-length");
        let missing = |_: &str, replicate: usize, _: &Path| match replicate {
            3 => anyhow::bail!("not there"),
            _ => Ok(1.0),
        };
        assert!(best_in(&missing).unwrap_err().to_string().contains("`shrinkage-10` is not"));
    }
}
