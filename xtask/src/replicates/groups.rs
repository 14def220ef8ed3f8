//! Trainings that one comparison makes.

use super::table::Table;

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

    /// The budget as `lobass` reads it.
    pub(super) const fn budget(self) -> &'static str {
        match self {
            Self::Small => "6%",
            Self::Medium => "16.7%",
            Self::All => "100%",
        }
    }

    /// As folders are named.
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
}

/// What is made for a comparison before it, beside its score table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extra {
    Nothing,
    /// Vectors of the pool.
    Vectors,
    /// Vectors of the pool and of the tuning rows.
    VectorsAndQueries,
    /// The scores of rows whose trained PVI is not negative, as ratings.
    Informative,
    /// In the first replicate, answers to the held-out questions of GSM8K.
    Answers,
}

/// Trainings that are made by one comparison.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) matching: &'static str,
    /// Whose learning rate is taken.
    pub(super) amount: Amount,
    pub(super) budget: &'static str,
    /// Times the learning rate.
    pub(super) rate: f64,
    pub(super) epochs: &'static str,
    pub(super) table: Table,
    pub(super) extra: Extra,
    pub(super) strategies: &'static [&'static str],
    pub(super) baselines: &'static [&'static str],
    /// Of the selection.
    pub(super) flags: &'static [&'static str],
}

impl Group {
    /// Trainings at equal epochs.
    pub(super) const fn at_epochs(name: &'static str, amount: Amount) -> Self {
        Self {
            name,
            matching: "epochs",
            amount,
            budget: amount.budget(),
            rate: 1.0,
            epochs: EPOCHS,
            table: Table::Main,
            extra: Extra::Nothing,
            strategies: &[],
            baselines: &[],
            flags: &[],
        }
    }

    pub(super) const fn at_tokens(self) -> Self {
        Self { matching: "tokens", ..self }
    }

    pub(super) const fn of(
        self,
        strategies: &'static [&'static str],
        baselines: &'static [&'static str],
    ) -> Self {
        Self { strategies, baselines, ..self }
    }

    pub(super) const fn budget(self, budget: &'static str) -> Self {
        Self { budget, ..self }
    }

    pub(super) const fn rate(self, rate: f64) -> Self {
        Self { rate, ..self }
    }

    pub(super) const fn epochs(self, epochs: &'static str) -> Self {
        Self { epochs, ..self }
    }

    pub(super) const fn by(self, table: Table) -> Self {
        Self { table, ..self }
    }

    pub(super) const fn with(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }

    pub(super) const fn flags(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }

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

    /// How many rows one training has, of so many.
    pub(super) fn n_rows(&self, of: usize) -> f64 {
        match self.budget.strip_suffix('%') {
            Some(percent) => of as f64 * percent.parse::<f64>().unwrap_or(100.0) / 100.0,
            None => self.budget.parse().unwrap_or(of as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_shares_or_rows() {
        let group = Group::at_epochs("g", Amount::Medium);
        assert_eq!(group.n_rows(1000), 167.0);
        assert_eq!(group.budget("108").n_rows(1000), 108.0);
        assert_eq!(
            group.at_tokens().of(&["lobass"], &["full"]).trials(1),
            ["lobass-tokens-seed0.json", "full-tokens-seed0.json"]
        );
    }
}
