//! The score tables of a replicate.

/// A way to train the reference and to score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// As the claims need it.
    Main,
    /// The scores of the same models, computed in bf16.
    Bf16,
    /// With the losses that further strategies need, and a null model.
    Wide,
    Seed1,
    Seed2,
    Lora,
    CrossFitted,
}

impl Table {
    /// Those that are compared with the main one.
    pub(super) const OTHERS: [Self; 5] =
        [Self::Bf16, Self::Seed1, Self::Seed2, Self::Lora, Self::CrossFitted];

    /// As files are named.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Main => "scores",
            Self::Bf16 => "scores-bf16",
            Self::Wide => "scores-wide",
            Self::Seed1 => "scores-seed-1",
            Self::Seed2 => "scores-seed-2",
            Self::Lora => "scores-lora",
            Self::CrossFitted => "scores-cross-fitted",
        }
    }

    /// What is added to the seed of training.
    pub(super) fn seed(self) -> usize {
        match self {
            Self::Seed1 => 100,
            Self::Seed2 => 200,
            _ => 0,
        }
    }

    /// The learning rate of the reference, if it is not that of all rows.
    pub(super) fn rate(self) -> Option<&'static str> {
        (self == Self::Lora).then_some("2e-4")
    }

    /// Further flags of `lobass run`.
    pub(super) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Main | Self::Bf16 | Self::Seed1 | Self::Seed2 => &[],
            Self::Wide => &["--strategy", "lobass", "ifd", "pvi-trained", "prompt-gain"],
            Self::Lora => &["--method", "lora"],
            Self::CrossFitted => &["--reference-mode", "cross-fit", "--folds", "2"],
        }
    }

    /// What it costs beside the pool's tokens in training: references, and passes without training.
    pub(super) fn cost(self) -> (f64, f64) {
        match self {
            Self::Main | Self::Seed1 | Self::Seed2 | Self::Lora | Self::CrossFitted => (1.0, 2.0),
            Self::Bf16 => (0.0, 2.0),
            Self::Wide => (2.0, 4.0),
        }
    }
}
