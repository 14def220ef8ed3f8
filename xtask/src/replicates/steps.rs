//! The comparisons of the study, in their order.

use std::path::Path;

use anyhow::Result;

use super::DIR;
use super::best::best_variant;
use super::groups::{Amount, Group, RATES};
use super::kept::{exchange, exchange_file, folder};
use super::material::{Material, WRONG, files};
use super::parts::Part;
use super::prepared::{AT_ONCE, Prepared, TRAINING};
use super::rates::{Rates, chosen, mean_loss};
use super::runner::{Runner, Words};

pub(super) struct Study<'a> {
    pub(super) runner: Runner<'a>,
    /// With a model of another family.
    pub(super) other: Runner<'a>,
    pub(super) material: Material,
}

/// What one comparison is made of.
struct Compared<'a> {
    runner: &'a Runner<'a>,
    /// Its folder, below that of all runs.
    name: String,
    scores: &'a Path,
    pool: &'a [String],
    eval: &'a [String],
    group: &'a Group,
    rate: String,
    seed: usize,
    baselines: Vec<&'a str>,
    extra: Vec<String>,
}

impl Study<'_> {
    /// The learning rate of each budget, which the first replicate chooses on the tuning rows.
    pub(super) fn rates(&self) -> Result<Rates> {
        let pool = &self.material.pools[0];
        let scores = self.losses_of_base(pool)?;
        let mut rates = Rates::default();
        for amount in Amount::ALL {
            let group = Group::at_epochs("tuning", amount);
            let mut losses = Vec::new();
            for rate in RATES {
                let name = format!("tuning/{}-{rate}", amount.name());
                let compared = Compared {
                    runner: &self.runner,
                    name: name.clone(),
                    scores: Path::new(&scores),
                    pool,
                    eval: &self.material.tuning,
                    group: &group,
                    rate: rate.to_owned(),
                    seed: 0,
                    baselines: vec![amount.baseline()],
                    extra: Vec::new(),
                };
                compared.run()?;
                let trial = format!("{}-epochs-seed0.json", amount.baseline());
                let loss = mean_loss(&folder(&name).join("trials").join(trial), &self.material.tuning)?;
                eprintln!("    {} at {rate}: {loss:.4} nats a token on the tuning rows", amount.budget());
                losses.push((rate, loss));
            }
            rates.set(amount, chosen(&losses)?);
        }
        Ok(rates)
    }

    /// The losses of the pool's rows under the base alone, for comparisons that select nothing by a reference.
    fn losses_of_base(&self, pool: &[String]) -> Result<String> {
        let (kept, run) = (folder("tuning/base.parquet"), format!("{DIR}/tuning/base.parquet"));
        exchange_file(&kept, Path::new(&run))?;
        if !Path::new(&run).exists() {
            fs_err::create_dir_all(format!("{DIR}/tuning"))?;
            let words = Words::new("score").flag("--base", [self.runner.model()]).flag("--out", [&run]);
            self.runner.run(&words.flag("--data", pool).0)?;
            exchange_file(&kept, Path::new(&run))?;
        }
        Ok(run)
    }

    /// All trainings of a part for one replicate.
    pub(super) fn part(&self, part: Part, replicate: usize, rates: &Rates) -> Result<()> {
        let subject = self.material.subject(part, replicate);
        let runner = if part == Part::Family { &self.other } else { &self.runner };
        let prepared = Prepared { runner, subject: &subject, rate: rates.of(Amount::All) };
        let is_asked: &dyn Fn(&Group) -> bool = match part {
            Part::Best => {
                let best = best_variant(&self.material.held_out)?;
                &move |group: &Group| group.name == best
            }
            _ => &|_: &Group| true,
        };
        for group in part.groups().iter().filter(|group| is_asked(group)) {
            let compared = Compared {
                runner,
                name: format!("{}/{}", subject.name, group.name),
                scores: &prepared.table(group.table)?,
                pool: &subject.pool,
                eval: &subject.held_out,
                group,
                rate: format!("{:e}", rates.of(group.amount).parse::<f64>()? * group.rate),
                seed: subject.seed,
                baselines: group.baselines(replicate),
                extra: prepared.extra(group.extra)?,
            };
            compared.run()?;
        }
        let trains_references = matches!(part, Part::Robustness | Part::Variants);
        if trains_references && subject.has_further_references { prepared.agreement() } else { Ok(()) }
    }
}

impl Compared<'_> {
    /// Does what is left of the comparison, and keeps its trials.
    fn run(&self) -> Result<()> {
        let (kept, run) = (folder(&self.name), Path::new(DIR).join(&self.name));
        exchange(&kept, &run)?;
        let done = self.runner.run(&self.words(&run).0);
        exchange(&kept, &run)?;
        done
    }

    fn words(&self, run: &Path) -> Words {
        let Self { group, rate, .. } = self;
        let baselines = if self.baselines.is_empty() { &["none"] } else { &self.baselines[..] };
        let seed = self.seed.to_string();
        let is_held_out = self.eval.iter().any(|file| file.contains("held-out"));
        let mut words = Words::new("compare")
            .flag("--scores", [self.scores.display().to_string()])
            .flag("--base", [self.runner.model()])
            .flag("--out", [run.display().to_string()])
            .flag("--data", files(self.pool))
            .flag("--eval", self.eval)
            .flag("--match", [group.matching])
            .plain(&["--budget", group.budget, "--epochs", group.epochs, "--learning-rate", rate])
            .plain(&["--seeds", "1", "--train-seed", &seed, "--seed", &seed, "--overlap", "refuse"])
            .flag("--strategy", group.strategies)
            .flag("--baselines", baselines)
            .flag("--wrong-responses", is_held_out.then_some(WRONG))
            .plain(group.flags)
            .plain(&TRAINING)
            .plain(if is_held_out { &AT_ONCE } else { &[] });
        words.0.extend(self.extra.iter().cloned());
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_written_as_they_are() {
        for rate in RATES {
            assert_eq!(format!("{:e}", rate.parse::<f64>().unwrap()), rate);
        }
        assert_eq!(format!("{:e}", "3e-5".parse::<f64>().unwrap() * 2.0), "6e-5");
    }
}
