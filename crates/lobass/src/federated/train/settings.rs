//! The settings of a federated training.

use std::fmt;
use std::str::FromStr;

use lobass_federate::{Mask, Split};
use serde::{Deserialize, Serialize};

use crate::error::{Result, bail};

/// What clients train and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FederatedMethod {
    /// All weights.
    Full,
    /// A low-rank adapter that starts at random.
    #[default]
    Lora,
    /// First a random part of the weights, then an adapter that starts from what they learned (SLoRA).
    Slora,
}

impl FederatedMethod {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Full, "full"), (Self::Lora, "lora"), (Self::Slora, "slora")];
}

/// How much a client weighs in an average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientWeights {
    /// By its scored tokens, since the loss of a step is a mean over tokens.
    #[default]
    Tokens,
    /// By its rows, as in federated averaging.
    Rows,
    /// All alike.
    Even,
}

impl ClientWeights {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Tokens, "tokens"), (Self::Rows, "rows"), (Self::Even, "even")];
}

/// What the server averages of adapters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregate {
    /// Both factors, each by itself, as plain federated averaging.
    #[default]
    Factors,
    /// Their product, which is then cut to the rank of the adapter by singular values (`FlexLoRA`).
    Products,
}

impl Aggregate {
    const ALL: [(Self, &'static str); 2] = [(Self::Factors, "factors"), (Self::Products, "products")];
}

macro_rules! named {
    ($kind:ident) => {
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(Self::ALL.iter().find(|(kind, _)| kind == self).map_or("", |(_, name)| name))
            }
        }

        impl FromStr for $kind {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
                let found = Self::ALL.into_iter().find(|(_, name)| *name == text);
                let names = Self::ALL.map(|(_, name)| name).join(", ");
                found.map(|(kind, _)| kind).ok_or_else(|| format!("expected one of {names}, found `{text}`"))
            }
        }
    };
}

named!(FederatedMethod);
named!(ClientWeights);
named!(Aggregate);

/// Clients, rounds, and what is sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FederatedSettings {
    /// The number of clients; a split by label makes as many as there are labels.
    pub clients: usize,
    /// How rows are dealt to them.
    pub split: Split,
    /// The label of a row: `source`, or a column of the data.
    pub by: String,
    /// Rounds in which everything that is trained in the end is averaged.
    pub rounds: usize,
    /// The share of the clients that take part in a round; at least one does.
    pub per_round: f64,
    /// How much a client weighs in an average.
    pub weights: ClientWeights,
    /// What clients train and send.
    pub method: FederatedMethod,
    /// What the server averages of adapters.
    pub aggregate: Aggregate,
    /// For SLoRA: rounds of its first stage, before the others.
    pub sparse_rounds: usize,
    /// For SLoRA: the share of the weights of each matrix that the first stage trains.
    pub density: f64,
    /// For SLoRA: the learning rate of the first stage; `None` takes that of the recipe.
    pub sparse_learning_rate: Option<f64>,
    /// For SLoRA: keep what the start of the adapter leaves out, in the base. Together they are then the weights after the
    /// first stage. This is another method than SLoRA.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep_rest: bool,
    /// Rows of the pool that no client gets, and that every round is measured on.
    pub eval_rows: usize,
}

impl Default for FederatedSettings {
    fn default() -> Self {
        Self {
            clients: 10,
            split: Split::Iid,
            by: "source".to_owned(),
            rounds: 10,
            per_round: 1.0,
            weights: ClientWeights::Tokens,
            method: FederatedMethod::Lora,
            aggregate: Aggregate::Factors,
            sparse_rounds: 5,
            density: 0.01,
            sparse_learning_rate: None,
            keep_rest: false,
            eval_rows: 0,
        }
    }
}

impl FederatedSettings {
    /// Refuses what cannot be followed.
    ///
    /// # Errors
    /// The first setting that does not fit.
    pub fn check(&self) -> Result<()> {
        let is_sparse = self.method == FederatedMethod::Slora;
        let counts = [
            ("clients", self.clients),
            ("rounds", self.rounds),
            ("sparse-rounds", if is_sparse { self.sparse_rounds } else { 1 }),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            bail!(Settings, "`--{name}`: expected at least 1, found 0");
        }
        if !(self.per_round > 0.0 && self.per_round <= 1.0) {
            bail!(
                Settings,
                "`--per-round`: expected a share above 0 and at most 1, found {}",
                self.per_round
            );
        }
        if self.method == FederatedMethod::Full && self.aggregate == Aggregate::Products {
            bail!(Settings, "`--aggregate products` averages adapters: it needs `--method lora` or `slora`");
        }
        if let Some(rate) = self.sparse_learning_rate
            && !(rate.is_finite() && rate > 0.0)
        {
            bail!(Settings, "`--sparse-learning-rate`: expected a finite number above 0, found {rate}");
        }
        if self.keep_rest && !is_sparse {
            bail!(Settings, "`--keep-rest` is about the first stage of `--method slora`");
        }
        self.mask(0).check()?;
        Ok(())
    }

    /// The mask of the first stage of SLoRA.
    pub(super) fn mask(&self, seed: u64) -> Mask {
        Mask { seed, density: self.density }
    }

    /// How many clients take part in a round.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of clients"
    )]
    pub(super) fn n_in_round(&self, n_clients: usize) -> usize {
        ((self.per_round * n_clients as f64).round() as usize).clamp(1, n_clients)
    }
}
