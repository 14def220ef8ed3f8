//! What rounds are made of.

use lobass_train::TrainConfig;

use super::clients::Clients;
use super::held_out::HeldOutRows;
use crate::model::Model;
use crate::settings::TrainSettings;

/// Everything that rounds need.
pub(super) struct Opened {
    pub(super) base: Model,
    pub(super) recipe: TrainConfig,
    pub(super) train: TrainSettings,
    pub(super) clients: Clients,
    pub(super) held_out: HeldOutRows,
}
