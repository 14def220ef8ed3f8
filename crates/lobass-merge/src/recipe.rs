//! How models become one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The most models of one merge: each draw of a parameter has a number below it.
pub(crate) const MOST: usize = 64;

/// How models become one: a method, and a weight for each model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The method.
    #[serde(flatten)]
    pub method: Method,
    /// The weight of each model, in the order of the models.
    pub weights: Vec<f64>,
}

/// A method with its settings. `x_k` are the values of the models, `b` those of the base, `w_k` the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Method {
    /// `sum w_k x_k`, divided by `sum w_k` if `normalize` is set (arXiv 2203.05482).
    Linear {
        /// Whether weights are divided by their sum.
        normalize: bool,
    },
    /// `b + lambda sum w_k (x_k - b)` (arXiv 2212.04089).
    TaskArithmetic {
        /// Whether weights are divided by their sum.
        normalize: bool,
        /// The factor of the summed changes.
        lambda: f64,
    },
    /// Each parameter is that of one model, drawn with probability `w_k / sum w` (arXiv 2410.03743).
    ParameterSelection {
        /// Whether a model that has the base's value is replaced by another draw, until one differs from the base.
        resample: bool,
        /// The seed of the draws.
        seed: u64,
    },
}

/// The name of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MethodName {
    /// [`Method::Linear`].
    Linear,
    /// [`Method::TaskArithmetic`].
    TaskArithmetic,
    /// [`Method::ParameterSelection`].
    ParameterSelection,
}

impl MethodName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Linear, Self::TaskArithmetic, Self::ParameterSelection];

    /// The name in files; those of mergekit, where it has the method.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::TaskArithmetic => "task_arithmetic",
            Self::ParameterSelection => "parameter_selection",
        }
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for MethodName {
    type Err = Error;

    /// Reads a name, with underscores or hyphens.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|method| method.name() == text.replace('-', "_"));
        found.ok_or_else(|| Error::Method { found: text.to_owned() })
    }
}

impl TryFrom<String> for MethodName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<MethodName> for String {
    fn from(method: MethodName) -> Self {
        method.name().to_owned()
    }
}

impl Method {
    /// Its name.
    pub fn name(&self) -> MethodName {
        match self {
            Self::Linear { .. } => MethodName::Linear,
            Self::TaskArithmetic { .. } => MethodName::TaskArithmetic,
            Self::ParameterSelection { .. } => MethodName::ParameterSelection,
        }
    }

    /// Whether the result depends on the base.
    pub fn needs_base(&self) -> bool {
        match self {
            Self::Linear { .. } => false,
            Self::TaskArithmetic { .. } => true,
            Self::ParameterSelection { resample, .. } => *resample,
        }
    }
}

impl Recipe {
    /// Checks that the recipe can be computed.
    ///
    /// # Errors
    /// [`Error::Value`], naming the field.
    pub fn check(&self) -> Result<(), Error> {
        let n_models = self.weights.len();
        if n_models == 0 || n_models > MOST {
            return Err(Error::value("models", "1 to 64 models", n_models));
        }
        let draws = matches!(self.method, Method::ParameterSelection { .. });
        for weight in &self.weights {
            if !weight.is_finite() || draws && *weight < 0.0 {
                let expected = if draws { "a finite number of at least 0" } else { "a finite number" };
                return Err(Error::value("weight", expected, weight));
            }
        }
        let sum = self.sum();
        if (draws || self.normalizes()) && (sum.abs() < 1e-8 || !sum.is_finite()) {
            return Err(Error::value(
                "weight",
                "weights whose sum is not 0, since they are divided by it",
                sum,
            ));
        }
        match self.method {
            Method::TaskArithmetic { lambda, .. } if !lambda.is_finite() => {
                Err(Error::value("lambda", "a finite number", lambda))
            }
            _ => Ok(()),
        }
    }

    /// The factor of each model: its weight, divided by the sum of weights where the method says so.
    pub(crate) fn factors(&self) -> Vec<f64> {
        let (divisor, factor) = match self.method {
            Method::TaskArithmetic { normalize, lambda } => {
                (if normalize { self.sum() } else { 1.0 }, lambda)
            }
            Method::Linear { normalize: false } => (1.0, 1.0),
            _ => (self.sum(), 1.0),
        };
        self.weights.iter().map(|weight| weight / divisor * factor).collect()
    }

    fn normalizes(&self) -> bool {
        matches!(
            self.method,
            Method::Linear { normalize: true } | Method::TaskArithmetic { normalize: true, .. }
        )
    }

    fn sum(&self) -> f64 {
        self.weights.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_that_cannot_be_computed_are_refused() {
        let check = |method: Method, weights: &[f64]| Recipe { method, weights: weights.to_vec() }.check();
        let linear = Method::Linear { normalize: true };
        let selection = Method::ParameterSelection { resample: false, seed: 0 };
        let tasks = |lambda| Method::TaskArithmetic { normalize: false, lambda };
        assert!(check(linear, &[1.0, -0.5]).is_ok());
        assert!(check(Method::Linear { normalize: false }, &[1.0, -1.0]).is_ok());
        assert!(check(tasks(0.3), &[1.0, 1.0]).is_ok());
        for (error, words) in [
            (check(linear, &[]), "found 0"),
            (check(linear, &[1.0; 65]), "found 65"),
            (check(linear, &[1.0, -1.0]), "is not 0"),
            (check(linear, &[f64::NAN]), "found NaN"),
            (check(selection, &[1.0, -0.5]), "at least 0"),
            (check(selection, &[0.0, 0.0]), "is not 0"),
            (check(tasks(f64::INFINITY), &[1.0]), "`lambda`"),
        ] {
            let message = error.unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn names_have_hyphens_too() {
        for method in MethodName::ALL {
            assert_eq!(method.name().parse::<MethodName>().unwrap(), method);
            assert_eq!(method.name().replace('_', "-").parse::<MethodName>().unwrap(), method);
        }
        let message = "slerp".parse::<MethodName>().unwrap_err().to_string();
        assert!(message.contains("`slerp`: expected linear"), "{message}");
    }
}
