//! Notes for people about how a tokenizer was loaded.

use std::fmt;

/// Where a tokenizer is not what one may expect from its files.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TokenizerNote {
    /// transformers 4 and 5 disagree on whether sequences begin with BOS. Taken is what version 5 does.
    Bos {
        /// The token.
        token: String,
        /// Whether version 5 puts it first.
        in_version_5: bool,
    },
    /// The file asks for random merges, which are left out.
    Dropout {
        /// Which share of merges is to be dropped.
        share: f64,
    },
    /// Characters that the vocabulary lacks give no token at all.
    DropsUnknown {
        /// The tokenizer class.
        class: String,
    },
    /// The class needs BPE, and the file has another model, of which only the vocabulary is read.
    NoMerges {
        /// The tokenizer class.
        class: String,
        /// The model of the file.
        model: String,
    },
    /// A class that only the checkpoint's own Python code has.
    ForeignCode {
        /// The tokenizer class.
        class: String,
    },
}

impl fmt::Display for TokenizerNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bos { token, in_version_5: true } => write!(
                f,
                "sequences begin with `{token}`, as in transformers 5; transformers 4 adds none for this tokenizer \
                 (`--bos no` leaves it out)"
            ),
            Self::Bos { token, in_version_5: false } => write!(
                f,
                "sequences do not begin with `{token}`, as in transformers 5; transformers 4 adds it for this \
                 tokenizer (`--bos yes` adds it)"
            ),
            Self::Dropout { share } => write!(
                f,
                "tokenizer.json has a BPE dropout of {share}, which makes token ids random; lobass does without it"
            ),
            Self::DropsUnknown { class } => write!(
                f,
                "characters that the vocabulary lacks give no token: `{class}` of transformers 5 drops them, \
                 transformers 4 writes the unknown token"
            ),
            Self::NoMerges { class, model } => write!(
                f,
                "tokenizer.json has a {model} model, and `{class}` reads it as BPE without merges, as transformers 5 \
                 does: nearly every character is a token"
            ),
            Self::ForeignCode { class } => write!(
                f,
                "the tokenizer class `{class}` is Python code of the checkpoint, which lobass does not run; \
                 tokenizer.json is read as it is"
            ),
        }
    }
}
