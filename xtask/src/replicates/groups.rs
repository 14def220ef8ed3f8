//! The trainings of each replicate, in groups that one comparison makes.

pub(super) const N_REPLICATES: usize = 8;
/// The learning rates that are tried for each budget.
pub(super) const RATES: [&str; 3] = ["3e-5", "1e-4", "3e-4"];
pub(super) const EPOCHS: &str = "3";
pub(super) const BATCH_SIZE: &str = "16";

/// How much is trained on; each has its learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    Small,
    Medium,
    All,
}

impl Amount {
    pub(super) const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::All];

    /// The budget as `lobass` reads it, and as folders are named.
    pub(super) fn budget(self) -> &'static str {
        match self {
            Self::Small => "6%",
            Self::Medium => "16.7%",
            Self::All => "100%",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "6",
            Self::Medium => "16.7",
            Self::All => "full",
        }
    }

    /// The baseline that is trained on so much.
    pub(super) fn baseline(self) -> &'static str {
        match self {
            Self::All => "full",
            Self::Small | Self::Medium => "random",
        }
    }

    /// The share of the pool.
    pub(super) fn share(self) -> f64 {
        match self {
            Self::Small => 0.06,
            Self::Medium => 0.167,
            Self::All => 1.0,
        }
    }
}

/// Trainings that are made by one comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) matching: &'static str,
    pub(super) amount: Amount,
    pub(super) strategies: &'static [&'static str],
    pub(super) baselines: &'static [&'static str],
}

/// The cheap ones first.
pub(super) const GROUPS: [Group; 5] = [
    Group {
        name: "epochs-6",
        matching: "epochs",
        amount: Amount::Small,
        strategies: &["lobass", "gap", "gap-sum", "length-matched-random"],
        baselines: &["random"],
    },
    Group {
        name: "tokens-6",
        matching: "tokens",
        amount: Amount::Small,
        strategies: &["lobass", "gap", "gap-sum", "length-matched-random"],
        baselines: &["random", "full"],
    },
    Group {
        name: "epochs-full",
        matching: "epochs",
        amount: Amount::All,
        strategies: &[],
        baselines: &["full"],
    },
    Group {
        name: "epochs-16.7",
        matching: "epochs",
        amount: Amount::Medium,
        strategies: &["lobass", "gap"],
        baselines: &["random"],
    },
    Group {
        name: "tokens-16.7",
        matching: "tokens",
        amount: Amount::Medium,
        strategies: &["lobass", "gap"],
        baselines: &["random"],
    },
];

impl Group {
    /// What it is compared with in a replicate. The base without training is the same in all of them.
    pub(super) fn baselines(&self, replicate: usize) -> Vec<&'static str> {
        let zero_shot = (replicate == 0 && self.name == "epochs-6").then_some("zero-shot");
        self.baselines.iter().copied().chain(zero_shot).collect()
    }

    /// The names of the files of its trials.
    pub(super) fn trials(&self, replicate: usize) -> Vec<String> {
        let name = |arm: &str| match arm {
            "zero-shot" => "zero-shot.json".to_owned(),
            arm => format!("{arm}-{}-seed0.json", self.matching),
        };
        let baselines = self.baselines(replicate);
        self.strategies.iter().chain(&baselines).map(|arm| name(arm)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_without_training_is_measured_once() {
        let n_trials = |replicate| GROUPS.iter().map(|group| group.trials(replicate).len()).sum::<usize>();
        assert_eq!((n_trials(0), n_trials(1)), (19, 18));
        assert!(GROUPS[0].trials(0).contains(&"zero-shot.json".to_owned()));
        assert!(GROUPS[1].trials(1).contains(&"full-tokens-seed0.json".to_owned()));
    }
}
