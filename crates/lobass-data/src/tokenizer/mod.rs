//! A checkpoint's tokenizer, with the ids that transformers gives.

mod config;
mod patch;

use std::path::Path;

use tokenizers::Tokenizer;

pub(crate) use config::TokenizerConfig;

use crate::Error;
use crate::digest::sha256;

/// A tokenizer, its special tokens, and whether sequences begin with one.
#[derive(Debug)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    bos: Option<SpecialToken>,
    eos: Option<SpecialToken>,
    adds_bos: bool,
    special: Vec<String>,
    digest: String,
}

/// A special token by name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialToken {
    /// As it stands in text.
    pub text: String,
    /// As the model sees it.
    pub id: u32,
}

/// Token ids with the bytes of the text that each of them covers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenizedText {
    /// The ids, `n_tokens` of them.
    pub ids: Vec<u32>,
    /// Half-open byte ranges into the text; an inserted token has an empty one.
    pub offsets: Vec<(usize, usize)>,
}

impl TextTokenizer {
    /// Loads `tokenizer.json` and what `tokenizer_config.json` says beside it.
    ///
    /// # Errors
    /// [`Error::Io`] if `tokenizer.json` is not there, [`Error::Json`] or [`Error::Tokenizer`] if a file is damaged.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        let config = TokenizerConfig::from_dir(dir)?;
        let path = dir.join("tokenizer.json");
        if !path.exists() && dir.join("tokenizer.model").exists() {
            let reason =
                "found only `tokenizer.model`; open it with transformers and save it again to get this file";
            return Err(Error::Tokenizer { path, reason: reason.to_owned() });
        }
        let text = fs_err::read_to_string(&path)?;
        let json = patch::patched(&text, &config).map_err(|source| Error::Json {
            path: path.clone(),
            expected: "a tokenizer",
            source,
        })?;
        Self::new(&path, &json, &config)
    }

    fn new(path: &Path, json: &str, config: &TokenizerConfig) -> Result<Self, Error> {
        let fail = |reason: String| Error::Tokenizer { path: path.to_owned(), reason };
        let mut tokenizer: Tokenizer =
            json.parse().map_err(|error: tokenizers::Error| fail(error.to_string()))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| fail(error.to_string()))?;

        let token = |text: Option<&String>| {
            let text = text?;
            Some(SpecialToken { id: tokenizer.token_to_id(text)?, text: text.clone() })
        };
        let (bos, eos) = (token(config.bos_token.as_ref()), token(config.eos_token.as_ref()));
        let leading = leading_token(&tokenizer).map_err(|error| fail(error.to_string()))?;
        // A checkpoint without configs still says with its post-processor how sequences begin.
        let bos = bos.or_else(|| leading.clone().filter(|_| config.bos_token.is_none()));
        let adds_bos = bos.is_some() && config.add_bos_token.unwrap_or(leading == bos);
        let mut special: Vec<String> = tokenizer
            .get_added_tokens_decoder()
            .into_values()
            .filter(|token| token.special)
            .map(|token| token.content)
            .collect();
        special.sort();
        Ok(Self { bos, eos, adds_bos, special, digest: sha256(json.as_bytes()), tokenizer })
    }

    /// The token that begins sequences, if there is one.
    pub fn bos(&self) -> Option<&SpecialToken> {
        self.bos.as_ref()
    }

    /// The token that ends turns, if there is one.
    pub fn eos(&self) -> Option<&SpecialToken> {
        self.eos.as_ref()
    }

    /// Whether sequences begin with [`TextTokenizer::bos`].
    pub fn adds_bos(&self) -> bool {
        self.adds_bos
    }

    /// Special tokens as they stand in text, sorted.
    pub fn special_tokens(&self) -> &[String] {
        &self.special
    }

    /// A hash of everything that decides the ids.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The token of an id, as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// Tokenises a whole text once. Special tokens in the text are recognised, and BOS comes first exactly once if
    /// sequences begin with it.
    ///
    /// # Errors
    /// The tokenizer's own words, if it has no token for a part of the text.
    pub fn encode(&self, text: &str) -> Result<TokenizedText, String> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        let (ids, offsets) = (encoding.get_ids(), encoding.get_offsets());
        let missing = self.bos.as_ref().filter(|bos| self.adds_bos && ids.first() != Some(&bos.id));
        let (bos, place) = (missing.map(|bos| bos.id), missing.map(|_| (0, 0)));
        Ok(TokenizedText {
            ids: bos.into_iter().chain(ids.iter().copied()).collect(),
            offsets: place.into_iter().chain(offsets.iter().copied()).collect(),
        })
    }
}

/// The token that the post-processor puts before every text.
fn leading_token(tokenizer: &Tokenizer) -> tokenizers::Result<Option<SpecialToken>> {
    const PROBE: &str = "a";
    let (bare, whole) = (tokenizer.encode(PROBE, false)?, tokenizer.encode(PROBE, true)?);
    let leads = bare.get_ids().first() != whole.get_ids().first();
    let id = whole.get_ids().first().filter(|_| leads && whole.len() > bare.len());
    Ok(id.and_then(|&id| Some(SpecialToken { text: tokenizer.id_to_token(id)?, id })))
}
