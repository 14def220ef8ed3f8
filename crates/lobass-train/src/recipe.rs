//! Recipes that have names.

use std::fmt;
use std::str::FromStr;

use crate::TrainConfig;

/// A recipe that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// The published recipe of Stanford Alpaca: batches of 128, cosine with a warm-up of 3 %, no decay; 3 epochs at
    /// 2e-5, and from ten billion parameters on 5 epochs at 1e-5. The authors used 512 tokens at most.
    ///
    /// Source: README of `stanford_alpaca`, "Fine-tuning" (LLaMA 7B and 13B).
    StanfordAlpaca,
    /// For models below a billion parameters and pools below a hundred thousand rows: one epoch of batches of 32 at
    /// 5e-4.
    Small,
}

impl Recipe {
    const ALL: [(&'static str, Self); 2] =
        [("stanford-alpaca", Self::StanfordAlpaca), ("small", Self::Small)];
    /// The names of all recipes.
    pub const NAMES: [&'static str; 2] = [Self::ALL[0].0, Self::ALL[1].0];

    /// The recipe for a model of some parameters.
    pub fn config(self, n_parameters: usize) -> TrainConfig {
        match self {
            Self::StanfordAlpaca if n_parameters < 10_000_000_000 => {
                TrainConfig { epochs: 3, learning_rate: 2e-5, ..TrainConfig::default() }
            }
            Self::StanfordAlpaca => TrainConfig { epochs: 5, learning_rate: 1e-5, ..TrainConfig::default() },
            Self::Small => {
                TrainConfig { epochs: 1, batch_size: 32, learning_rate: 5e-4, ..TrainConfig::default() }
            }
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find_map(|(name, recipe)| (recipe == self).then_some(*name));
        f.pad(name.unwrap_or_default())
    }
}

impl FromStr for Recipe {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find_map(|(name, recipe)| (name == text).then_some(recipe))
            .ok_or_else(|| format!("expected one of {}, found `{text}`", Self::NAMES.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_numbers() {
        let (small, large) =
            (Recipe::StanfordAlpaca.config(7_000_000_000), Recipe::StanfordAlpaca.config(13_000_000_000));
        assert_eq!((small.epochs, small.learning_rate, small.batch_size), (3, 2e-5, 128));
        assert_eq!((large.epochs, large.learning_rate, large.batch_size), (5, 1e-5, 128));
        for name in Recipe::NAMES {
            assert_eq!(name.parse::<Recipe>().unwrap().to_string(), name);
        }
        assert!("alpaca".parse::<Recipe>().unwrap_err().contains("stanford-alpaca, small"));
    }
}
