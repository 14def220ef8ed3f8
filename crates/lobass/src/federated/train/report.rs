//! The report of a federated training.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, bytes, counted};
use serde::{Deserialize, Serialize};

use super::settings::FederatedMethod;
use crate::unused::{Unused, n_unusable, say_unused};

/// What a client has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientReport {
    /// Its rows.
    pub n_rows: u64,
    /// Their scored tokens.
    pub n_scored: u64,
    /// Its rows of each label.
    pub by_label: Vec<u64>,
}

/// A round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundReport {
    /// `sparse` for the first stage of SLoRA, else `main`.
    pub stage: String,
    /// The round of the stage; 0 is its start.
    pub round: usize,
    /// The clients that took part.
    pub clients: Vec<usize>,
    /// Bytes to and from all of them.
    pub bytes: u64,
    /// The loss of the first step of each client, in nats a token.
    pub first_losses: Vec<f64>,
    /// The loss of the last step of each.
    pub last_losses: Vec<f64>,
    /// How far the product of the mean factors of adapters was from the mean of their products, as a share of its norm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor_error: Option<f64>,
    /// The loss of the averaged model on rows that no client has, in nats a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<f64>,
    /// The same for each label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_label: BTreeMap<String, f64>,
}

/// A federated training that was simulated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FederatedTraining {
    /// The directory of the model.
    pub model: PathBuf,
    /// The base of an adapter, if it is another than everyone started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// What was trained and sent.
    pub method: FederatedMethod,
    /// How rows were dealt.
    pub split: String,
    /// The clients.
    pub clients: Vec<ClientReport>,
    /// The labels of [`ClientReport::by_label`].
    pub labels: Vec<String>,
    /// Rows that no client has.
    pub n_held_out: u64,
    /// Rows that cannot be trained on.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub unused: Unused,
    /// For SLoRA: the share of the energy of what the sparse stage learned that the start of the adapter has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_energy: Option<f64>,
    /// All rounds of all stages.
    pub rounds: Vec<RoundReport>,
}

impl FederatedTraining {
    /// Whether rows could not be used.
    pub fn falls_short(&self) -> bool {
        n_unusable(&self.unused) > 0
    }

    /// Bytes of all rounds.
    pub fn bytes(&self) -> u64 {
        self.rounds.iter().map(|round| round.bytes).sum()
    }
}

impl fmt::Display for FederatedTraining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        text.line("model", self.model.display());
        if let Some(base) = &self.base {
            text.line("base", format!("{}: the adapter is for this base", base.display()));
        }
        let sizes = || self.clients.iter().map(|client| client.n_rows);
        let (least, most) = (sizes().min().unwrap_or_default(), sizes().max().unwrap_or_default());
        let n_clients = counted(self.clients.len() as u64, "client");
        text.line("clients", format!("{n_clients}, {}, of {least} to {most} rows", self.split));
        say_unused(&self.unused, &mut text);
        if let Some(share) = self.start_energy {
            text.line("start", format!("{:.1} % of what the sparse stage learned", 100.0 * share));
        }
        for round in &self.rounds {
            let held_out =
                round.held_out.map_or_else(String::new, |loss| format!(", held-out loss {loss:.4}"));
            let apart = round
                .factor_error
                .map_or_else(String::new, |error| format!(", factors {:.1} % off", 100.0 * error));
            let who = counted(round.clients.len() as u64, "client");
            let (stage, at) = (&round.stage, round.round);
            text.line("round", format!("{stage} {at}: {who}, {}{held_out}{apart}", bytes(round.bytes)));
        }
        text.line("sent", bytes(self.bytes()));
        text.fmt(f)
    }
}
