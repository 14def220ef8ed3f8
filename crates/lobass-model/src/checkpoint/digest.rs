//! A name for what a checkpoint computes.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Checkpoint;

/// SHA-256 over the config's text and every tensor's name, dtype, shape, and bytes, in the order of the layout.
///
/// Equal weights have equal digests however they are split over files; buffers that readers recompute do not count. The
/// rounding of a base is part of it.
pub(super) fn weights_digest(checkpoint: &Checkpoint) -> String {
    let mut hash = Sha256::new();
    hash.update(checkpoint.config_json.as_bytes());
    for tensor in checkpoint.tensors.layout.stored() {
        let name = &tensor.spec.name;
        for (kind, shard, info) in checkpoint.tensors.contents(name) {
            hash.update(format!("\n{name} {kind}\n").as_bytes());
            hash.update(shard.bytes(info));
            shard.release(info);
        }
    }
    if let Some(rounding) = checkpoint.rounding() {
        hash.update(format!("\nrounded to {rounding}\n").as_bytes());
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
