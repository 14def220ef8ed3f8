//! The learning rate over the steps.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The learning rate after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Half a cosine down to zero.
    #[default]
    Cosine,
    /// A line down to zero.
    Linear,
    /// It stays.
    Constant,
}

impl Schedule {
    /// The factor on the learning rate at a step.
    ///
    /// `step` counts from 0, so that the first step of a warm-up has factor 0. The warm-up takes
    /// `ceil(warmup_ratio * n_steps)` steps.
    ///
    /// Source: `get_cosine_schedule_with_warmup` and its siblings in `optimization.py` of transformers 5.23.
    pub fn factor(self, step: usize, n_steps: usize, warmup_ratio: f64) -> f64 {
        let (step, n_steps) = (step as f64, n_steps as f64);
        let warmup = (warmup_ratio * n_steps).ceil();
        if step < warmup {
            return step / warmup.max(1.0);
        }
        let progress = (step - warmup) / (n_steps - warmup).max(1.0);
        match self {
            Self::Cosine => (0.5 * (1.0 + (PI * progress).cos())).max(0.0),
            Self::Linear => (1.0 - progress).max(0.0),
            Self::Constant => 1.0,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cosine => "cosine",
            Self::Linear => "linear",
            Self::Constant => "constant",
        })
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "cosine" => Ok(Self::Cosine),
            "linear" => Ok(Self::Linear),
            "constant" => Ok(Self::Constant),
            _ => Err(format!("expected cosine, linear, or constant, found `{text}`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_points() {
        let at = |schedule: Schedule, step| schedule.factor(step, 100, 0.1);
        assert_eq!(at(Schedule::Cosine, 0), 0.0);
        assert_eq!(at(Schedule::Cosine, 5), 0.5);
        assert_eq!(at(Schedule::Cosine, 10), 1.0);
        assert!((at(Schedule::Cosine, 55) - 0.5).abs() < 1e-12);
        assert!((at(Schedule::Linear, 55) - 0.5).abs() < 1e-12);
        assert_eq!(at(Schedule::Constant, 99), 1.0);
        assert_eq!(Schedule::Cosine.factor(0, 10, 0.0), 1.0);
        assert_eq!(Schedule::Cosine.factor(0, 1, 0.03), 0.0, "one step of warm-up is all there is");
    }
}
