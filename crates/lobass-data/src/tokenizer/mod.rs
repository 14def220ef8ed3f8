//! A checkpoint's tokenizer, with the ids that `AutoTokenizer` of transformers 5 gives.
//!
//! transformers does not take `tokenizer.json` as it is. It picks a class, which may replace steps of the file, and
//! adds the tokens that other files name: [`class`], [`pipeline`], [`special`], and [`build`] follow it.

mod beyond;
mod build;
mod class;
mod config;
mod dropped;
mod files;
mod identity;
mod leading;
mod mistral;
mod note;
mod pipeline;
mod registered;
mod shape;
mod special;
mod strip;
mod token;

use std::borrow::Cow;
use std::path::Path;

use tokenizers::{Decoder as _, DecoderWrapper, Tokenizer};

pub(crate) use config::TokenizerConfig;
pub use identity::TokenizerDifference;
pub use leading::Bos;
pub use note::TokenizerNote;

use crate::Error;
use dropped::Dropped;
use files::Files;
use identity::Identity;
use strip::Strips;

/// A tokenizer, its special tokens, and the tokens that sequences begin with.
#[derive(Debug)]
pub struct TextTokenizer {
    tokenizer: Tokenizer,
    /// Finds the offsets, if the tokenizer drops characters.
    dropped: Option<Dropped>,
    strips: Strips,
    /// What joins tokens to text. It decides no ids.
    decoder: Option<DecoderWrapper>,
    bos: Option<SpecialToken>,
    eos: Option<SpecialToken>,
    begin: Bos,
    leading: Vec<SpecialToken>,
    special: Vec<String>,
    notes: Vec<TokenizerNote>,
    class: &'static str,
    identity: Identity,
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
    /// Loads `tokenizer.json` as transformers does, with what `config.json`, `tokenizer_config.json`,
    /// `special_tokens_map.json`, and `added_tokens.json` say beside it.
    ///
    /// # Errors
    /// [`Error::Io`] if `tokenizer.json` is not there, [`Error::Json`] or [`Error::Tokenizer`] if a file is damaged or
    /// names a tokenizer class that lobass does not build.
    pub fn from_dir(dir: &Path) -> Result<Self, Error> {
        Self::open(dir, Bos::Auto)
    }

    /// Opens a tokenizer with a decision on whether sequences begin with BOS.
    ///
    /// # Errors
    /// The errors of [`TextTokenizer::from_dir`]; [`Error::Tokenizer`] for [`Bos::Yes`] and a tokenizer without a BOS
    /// token.
    pub fn open(dir: &Path, begin: Bos) -> Result<Self, Error> {
        let files = Files::read(dir)?;
        let choice = class::choose(&files)?;
        let mut notes: Vec<TokenizerNote> =
            choice.foreign_code.into_iter().map(|class| TokenizerNote::ForeignCode { class }).collect();
        let (mut tokenizer, dropped, named) = build::build(&files, choice.class, &mut notes)?;
        let fail = |reason: String| Error::Tokenizer { path: files.tokenizer_path(), reason };

        let token = |name: &str| {
            let text = named.get(name)?.text();
            Some(SpecialToken { id: tokenizer.token_to_id(text)?, text: text.to_owned() })
        };
        let (bos, eos) = (token("bos_token"), token("eos_token"));
        let in_file = leading::in_post_processor(&tokenizer).map_err(|error| fail(error.to_string()))?;
        // A checkpoint without configs still says with its post-processor how sequences begin.
        let bos = bos.or_else(|| in_file.first().filter(|_| named.get("bos_token").is_none()).cloned());
        let by_class = leading::in_version_5(choice.class, in_file.clone(), bos.as_ref());
        let leading = match (begin, &bos) {
            (Bos::No, _) => Vec::new(),
            (Bos::Yes, None) => {
                return Err(fail("expected a `bos_token` to begin sequences with, found none".to_owned()));
            }
            (Bos::Yes, Some(bos)) if by_class.first() != Some(bos) => {
                [bos.clone()].into_iter().chain(by_class).collect()
            }
            (Bos::Auto, Some(bos)) => {
                let in_version_5 = by_class.first() == Some(bos);
                if leading::is_first_in_version_4(&files, &in_file, bos) != in_version_5 {
                    notes.push(TokenizerNote::Bos { token: bos.text.clone(), in_version_5 });
                }
                by_class
            }
            _ => by_class,
        };
        let decoder = tokenizer.get_decoder().cloned();
        tokenizer.with_decoder(None::<DecoderWrapper>);
        let identity = Identity::of(&tokenizer, &leading).map_err(|error| fail(error.to_string()))?;
        let (special, class) = (special_texts(&tokenizer), choice.class.name());
        let strips = Strips::of(&tokenizer);
        Ok(Self {
            tokenizer,
            dropped,
            strips,
            decoder,
            bos,
            eos,
            begin,
            leading,
            special,
            notes,
            class,
            identity,
        })
    }

    /// The class of transformers that it follows.
    pub fn class(&self) -> &'static str {
        self.class
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
        self.bos.is_some() && self.leading.first() == self.bos.as_ref()
    }

    /// The decision that it was opened with.
    pub fn begins(&self) -> Bos {
        self.begin
    }

    /// The tokens that sequences begin with: none, BOS, or more.
    pub fn leading(&self) -> &[SpecialToken] {
        &self.leading
    }

    /// Special tokens as they stand in text, sorted.
    pub fn special_tokens(&self) -> &[String] {
        &self.special
    }

    /// Notes for people about how it was loaded.
    pub fn notes(&self) -> &[TokenizerNote] {
        &self.notes
    }

    /// A hash of everything that decides the ids.
    pub fn digest(&self) -> &str {
        &self.identity.whole
    }

    /// The token of an id, as the vocabulary spells it.
    pub fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// The id of a token, as the vocabulary spells it.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// Tokenizes a whole text once. Special tokens in the text are recognized. The leading tokens come first, unless
    /// the text begins with the first of them. What a post-processor appends is not added: templates end their turns.
    ///
    /// # Errors
    /// The tokenizer's own words, if it has no token for a part of the text.
    pub fn encode(&self, text: &str) -> Result<TokenizedText, String> {
        let encoding = self.tokenizer.encode(text, false).map_err(|error| error.to_string())?;
        let ids = encoding.get_ids();
        let offsets = match &self.dropped {
            None => encoding.get_offsets().to_vec(),
            Some(dropped) => dropped.offsets(text, &encoding)?,
        };
        let has_them = self.leading.first().is_some_and(|first| ids.first() == Some(&first.id));
        let missing = if has_them { &[] } else { self.leading.as_slice() };
        Ok(TokenizedText {
            ids: missing.iter().map(|token| token.id).chain(ids.iter().copied()).collect(),
            offsets: missing.iter().map(|_| (0, 0)).chain(offsets).collect(),
        })
    }

    /// The text of some tokens, without special ones. Text that a tokenizer does not keep, such as some white space, is
    /// lost: tokenizing the text again may give other tokens.
    ///
    /// Source: `decode(.., skip_special_tokens=True)` of `tokenizers`.
    ///
    /// # Errors
    /// The tokenizer's own words, if it cannot join the tokens.
    pub fn decode(&self, ids: &[u32]) -> Result<String, String> {
        let tokens = ids.iter().filter_map(|&id| self.tokenizer.id_to_token(id));
        let tokens: Vec<String> = tokens.filter(|token| self.special.binary_search(token).is_err()).collect();
        match &self.decoder {
            Some(decoder) => decoder.decode(tokens).map_err(|error| error.to_string()),
            None => Ok(tokens.join(" ")),
        }
    }

    /// The offsets of tokens without the white space that `lstrip` and `rstrip` add to them.
    pub(crate) fn places<'a>(&self, text: &str, tokens: &'a TokenizedText) -> Cow<'a, [(usize, usize)]> {
        self.strips.places(text, tokens)
    }
}

fn special_texts(tokenizer: &Tokenizer) -> Vec<String> {
    let tokens = tokenizer.get_added_tokens_decoder().into_values();
    let mut special: Vec<String> = tokens.filter(|token| token.special).map(|token| token.content).collect();
    special.sort();
    special
}
