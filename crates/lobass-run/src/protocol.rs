//! Messages between a worker process and the process that gives it units: JSON, one message per line.

use lobass_core::{DeviceId, ModelRole};
use serde::{Deserialize, Serialize};

use crate::Receipt;

/// The version of these messages. Both sides send it.
pub const PROTOCOL_VERSION: u32 = 1;

/// A worker's first message: it can begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// [`PROTOCOL_VERSION`] of the worker.
    pub v: u32,
    /// Always true.
    pub ready: bool,
    /// The id of the plan.
    pub plan: String,
    /// The id of the job.
    pub job: String,
    /// The device that the worker computes on.
    pub device: DeviceId,
    /// The worker's process id.
    pub pid: u32,
}

/// A unit that a worker is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`PROTOCOL_VERSION`] of the process that asks.
    pub v: u32,
    /// The operation on the unit.
    pub op: Op,
    /// The role of the model.
    pub model: ModelRole,
    /// The shard.
    pub shard: u32,
}

/// An operation on a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Compute and commit its losses.
    Score,
}

/// A worker's answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// The unit ended; its [`Receipt`] says how.
    Done {
        /// [`PROTOCOL_VERSION`] of the worker.
        v: u32,
        /// How the unit ended.
        #[serde(flatten)]
        receipt: Receipt,
        /// The time it took.
        seconds: f64,
    },
    /// The unit has no commit.
    Failed {
        /// [`PROTOCOL_VERSION`] of the worker.
        v: u32,
        /// The role of the model.
        model: ModelRole,
        /// The shard.
        shard: u32,
        /// Always `failed`.
        state: String,
        /// The error with its causes.
        error: String,
        /// Whether another process may do better. If so, this worker ends after its answer.
        again: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UnitState;

    #[test]
    fn answers_are_told_apart_by_their_fields() {
        let receipt = Receipt {
            model: ModelRole::Base,
            shard: 3,
            state: UnitState::Committed,
            n_rows: 8,
            n_tokens: 90,
            digest: Some("ab".to_owned()),
        };
        let done = Answer::Done { v: PROTOCOL_VERSION, receipt, seconds: 0.5 };
        let failed = Answer::Failed {
            v: PROTOCOL_VERSION,
            model: ModelRole::Base,
            shard: 3,
            state: "failed".to_owned(),
            error: "no memory".to_owned(),
            again: true,
        };
        for answer in [done, failed] {
            let line = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), answer, "{line}");
        }
    }

    #[test]
    fn a_request_with_an_unknown_field_is_refused() {
        let line = r#"{"v":1,"op":"score","model":"base","shard":0}"#;
        assert_eq!(serde_json::from_str::<Request>(line).unwrap().op, Op::Score);
        assert!(serde_json::from_str::<Request>(&line.replace("shard", "unit")).is_err());
    }
}
