//! Findings about a checkpoint or an adapter that can be used all the same.

use std::fmt;
use std::path::PathBuf;

/// Something about a checkpoint or an adapter that its owner may not know, and that may change a loss.
///
/// As text it is a line that names files and fields, without the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A field of `config.json` that has no effect here.
    UnreadField {
        /// Its path, `rope_scaling.finetuned`.
        field: String,
        /// Its value, cut if it is long.
        value: String,
    },
    /// The file names custom code, which may compute something else.
    CustomCode,
    /// The config has rotary settings in two places that do not agree: `rope_scaling` counts.
    RopeReplaced {
        /// The base of the wavelengths that is used.
        theta: String,
    },
    /// The directory has weights under two names; one of them is not read.
    OtherWeights {
        /// The part that is read.
        used: &'static str,
        /// The part that is ignored.
        ignored: &'static str,
    },
    /// Weights are stored in few bits, and decoded while loading.
    Decoded {
        /// Their format.
        format: String,
        /// How many tensors.
        count: usize,
    },
    /// Names of tensors that were read as transformers reads them, with `model.` added or taken away.
    Renamed {
        /// How many.
        count: usize,
        /// One of them, as it is in the file.
        example: String,
    },
    /// The adapter names another base than the one that it is put on.
    OtherBase {
        /// The base that the adapter names.
        named: String,
        /// The base that it is put on.
        found: String,
    },
    /// The adapter was trained on rounded weights, and those of its base are not rounded.
    TrainedOnRounded {
        /// The format in training.
        format: String,
        /// What says so.
        evidence: String,
    },
    /// The adapter was trained on weights as they are stored, and those of its base are rounded.
    TrainedOnStored {
        /// What says so.
        evidence: String,
        /// The format of the base.
        found: String,
    },
    /// The adapter was trained on weights in another format than those of its base.
    TrainedOnOtherFormat {
        /// The format in training.
        format: String,
        /// What says so.
        evidence: String,
        /// The format of the base.
        found: String,
    },
    /// The adapter also changes what a wrapper has besides the language model, which text does not run through.
    OutsideUpdates {
        /// How many of its tensors.
        count: usize,
    },
    /// A pattern of `target_modules` that cannot be checked, so that the tensors of the file decide.
    UncheckedPattern {
        /// The field.
        field: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// Directories that the adapter names and that hold other weights than the base.
    OtherWeightsThere {
        /// The directory that the adapter names.
        named: PathBuf,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnreadField { field, value } => {
                write!(f, "config.json: `{field}`: {value} has no effect in lobass")
            }
            Self::CustomCode => f.write_str(
                "config.json: `auto_map` names code of the checkpoint's own, which lobass does not run; \
                 losses are those of the class that transformers has for this `model_type`",
            ),
            Self::RopeReplaced { theta } => write!(
                f,
                "config.json: `rope_scaling` and `rope_parameters` do not agree; as in transformers, `rope_scaling` \
                 counts, with a rotary base of {theta}"
            ),
            Self::OtherWeights { used, ignored } => {
                write!(f, "found `{used}` and `{ignored}`; as in transformers, `{used}` is read alone")
            }
            Self::Decoded { format, count } => write!(
                f,
                "{count} weights are stored in {format} and decoded while loading; inputs of products are not rounded, as \
                 kernels for {format} may do"
            ),
            Self::Renamed { count, example } => write!(
                f,
                "{count} tensors have other names than the model's, such as `{example}`; as in transformers, `model.` \
                 is added or removed"
            ),
            Self::OtherBase { named, found } => write!(
                f,
                "adapter_config.json: the adapter was trained on `{named}`, and is put on `{found}`; if these are \
                 different weights, its losses mean nothing"
            ),
            Self::TrainedOnRounded { format, evidence } => write!(
                f,
                "{evidence}, so the adapter was trained on weights rounded to {format}; those of the base are not \
                 rounded, and its losses differ a little (`quantize_base` rounds them)"
            ),
            Self::TrainedOnStored { evidence, found } => write!(
                f,
                "{evidence}, so the adapter was trained on weights that are not rounded; those of the base are rounded \
                 to {found}, and its losses differ a little"
            ),
            Self::TrainedOnOtherFormat { format, evidence, found } => write!(
                f,
                "{evidence}, so the adapter was trained on weights rounded to {format}; those of the base are rounded \
                 to {found}, and its losses differ a little"
            ),
            Self::OutsideUpdates { count } => write!(
                f,
                "adapter_model.safetensors: {count} tensors are for parts beside the language model, such as vision; \
                 they have no effect on text, and are left out of a merged model"
            ),
            Self::UncheckedPattern { field, pattern } => write!(
                f,
                "adapter_config.json: `{field}` has a pattern that only Python can read, `{pattern}`; every tensor of \
                 the file is used"
            ),
            Self::OtherWeightsThere { named } => write!(
                f,
                "adapter_config.json: the adapter was trained on `{}`, which has other weights than the base",
                named.display()
            ),
        }
    }
}
