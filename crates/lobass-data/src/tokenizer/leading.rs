//! The tokens that sequences begin with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use super::SpecialToken;
use super::class::{Class, stem};
use super::files::Files;

/// Whether sequences begin with BOS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bos {
    /// As transformers 5 decides from the checkpoint's files.
    #[default]
    Auto,
    /// They do.
    Yes,
    /// They do not.
    No,
}

impl Bos {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

impl fmt::Display for Bos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Bos {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Auto, Self::Yes, Self::No]
            .into_iter()
            .find(|bos| bos.as_str() == text)
            .ok_or_else(|| format!("expected one of auto, yes, no, found `{text}`"))
    }
}

/// The tokens that the post-processor of `tokenizer.json` puts before a text.
pub(super) fn in_post_processor(tokenizer: &Tokenizer) -> tokenizers::Result<Vec<SpecialToken>> {
    // A vocabulary may have no token for some of them.
    const PROBES: [&str; 4] = ["a", "0", " ", "."];
    let mut found = Vec::new();
    for probe in PROBES {
        let whole = tokenizer.encode(probe, true)?;
        let inserted = whole.get_special_tokens_mask().iter().take_while(|&&inserted| inserted == 1).count();
        let tokens = whole.get_tokens().iter().zip(whole.get_ids()).take(inserted);
        found = tokens.map(|(text, &id)| SpecialToken { text: text.clone(), id }).collect();
        if inserted < whole.len() {
            break;
        }
    }
    Ok(found)
}

/// The leading tokens of the class. `add_bos_token` of a config changes nothing if there is a `tokenizer.json`.
pub(super) fn in_version_5(
    class: Class,
    in_file: Vec<SpecialToken>,
    bos: Option<&SpecialToken>,
) -> Vec<SpecialToken> {
    match class {
        Class::CodeLlama => bos.cloned().into_iter().collect(),
        Class::GptNeoX => Vec::new(),
        _ => in_file,
    }
}

/// Whether transformers 4 begins sequences with BOS. Its classes, other than the general one, honor `add_bos_token`.
/// Measured with 4.57.
pub(super) fn is_first_in_version_4(files: &Files, in_file: &[SpecialToken], bos: &SpecialToken) -> bool {
    let declared = files.setting("tokenizer_class").or(files.of_model("tokenizer_class"));
    let class = declared.map_or_else(
        || match files.of_model("model_type").unwrap_or_default() {
            "llama" | "mistral" | "mixtral" => "LlamaTokenizer",
            "gemma" | "gemma2" | "gemma3" | "gemma3_text" => "GemmaTokenizer",
            "cohere" | "cohere2" => "CohereTokenizer",
            "gpt_neox" | "olmo" | "olmoe" => "GPTNeoXTokenizer",
            _ => "PreTrainedTokenizerFast",
        },
        stem,
    );
    let configured = files.switch("add_bos_token");
    match class {
        "LlamaTokenizer" | "CodeLlamaTokenizer" | "GemmaTokenizer" | "CohereTokenizer" => {
            configured.unwrap_or(true)
        }
        "GPTNeoXTokenizer" => configured.unwrap_or(false),
        _ => in_file.first() == Some(bos),
    }
}
