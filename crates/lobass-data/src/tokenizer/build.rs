//! A tokenizer from `tokenizer.json`, with the steps and the tokens that transformers gives it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use tokenizers::{AddedToken, Tokenizer};

use super::class::Class;
use super::dropped::{self, Dropped};
use super::files::Files;
use super::special::SpecialTokens;
use super::token::Token;
use super::{TokenizerNote, mistral, shape};
use crate::Error;

/// Reads and rebuilds `tokenizer.json`. Offsets cover all of the text.
///
/// # Errors
/// [`Error::Json`] or [`Error::Tokenizer`] for a damaged file.
pub(super) fn build(
    files: &Files,
    class: Class,
    notes: &mut Vec<TokenizerNote>,
) -> Result<(Tokenizer, Option<Dropped>, SpecialTokens), Error> {
    let path = files.tokenizer_path();
    let text = files.tokenizer()?;
    let mut json: Value = serde_json::from_str(&text).map_err(|source| Error::Json {
        path: path.clone(),
        expected: "a tokenizer",
        source,
    })?;
    if let Some(reason) = shape::fault(&json) {
        return Err(Error::Tokenizer { path, reason });
    }
    let special = SpecialTokens::read(files, class, Some(&json))?;
    note_losses(&json, class, notes);
    class.rebuild(&mut json, files, &special);
    take_dropout(&mut json, notes);
    keep_white_space_in_offsets(&mut json["post_processor"]);
    // The library panics at some damaged files that `shape` does not know.
    let build = |json: &Value| {
        let built = catch_unwind(AssertUnwindSafe(|| tokenizer(&json.to_string(), files, class, &special)));
        let built =
            built.map_err(|_| "expected a tokenizer, found parts that do not fit together".to_owned());
        built
            .and_then(|built| built.map_err(|error| error.to_string()))
            .map_err(|reason| Error::Tokenizer { path: path.clone(), reason })
    };
    let tokenizer = build(&json)?;
    let dropped = dropped::with_token(&json).map(|json| build(&json)).transpose()?.and_then(Dropped::new);
    Ok((tokenizer, dropped, special))
}

fn tokenizer(
    json: &str,
    files: &Files,
    class: Class,
    special: &SpecialTokens,
) -> tokenizers::Result<Tokenizer> {
    let mut tokenizer: Tokenizer = json.parse()?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None)?;
    let missing = missing_tokens(&tokenizer, special);
    tokenizer.add_tokens(missing)?;
    mistral::fix_words(&mut tokenizer, files)?;
    match class {
        Class::Qwen2 => {
            let plain = special.all().map(|token| AddedToken::from(token.text(), true));
            tokenizer.add_tokens(plain.collect::<Vec<_>>())?;
        }
        Class::Cohere => {
            tokenizer.add_special_tokens(special.all().map(Token::special).collect::<Vec<_>>())?;
        }
        _ => {}
    }
    tokenizer.set_encode_special_tokens(files.switch("split_special_tokens").unwrap_or(false));
    Ok(tokenizer)
}

/// Tokens that configs list and the file does not: with an id, with a name, or neither.
fn missing_tokens(tokenizer: &Tokenizer, special: &SpecialTokens) -> Vec<AddedToken> {
    let present: Vec<AddedToken> = tokenizer.get_added_tokens_decoder().into_values().collect();
    let is_named = |text: &str| special.named.iter().any(|(_, token)| token.text() == text);
    let listed = special.listed.values().filter(|token| !present.contains(&token.added()));
    let mut missing: Vec<Token> = listed.cloned().map(Token::Flagged).collect();
    let known: Vec<String> = present
        .iter()
        .map(|token| token.content.clone())
        .chain(missing.iter().map(|token| token.text().to_owned()))
        .collect();
    for token in special.all() {
        if !known.iter().any(|text| text == token.text()) && !missing.contains(token) {
            missing.push(token.clone());
        }
    }
    let added = |token: &Token| match token {
        Token::Flagged(flagged) if !is_named(&flagged.content) => flagged.added(),
        _ => token.special(),
    };
    missing.iter().map(added).collect()
}

/// `trim_offsets` takes white space out of the range that a token covers; ids do not depend on it, but masks would.
fn keep_white_space_in_offsets(processor: &mut Value) {
    if let Some(trim) = processor.get_mut("trim_offsets") {
        *trim = Value::Bool(false);
    }
    let steps = processor.get_mut("processors").and_then(Value::as_array_mut);
    steps.into_iter().flatten().for_each(keep_white_space_in_offsets);
}

fn take_dropout(tokenizer: &mut Value, notes: &mut Vec<TokenizerNote>) {
    if let Some(share) = tokenizer["model"]["dropout"].as_f64().filter(|share| *share > 0.0) {
        notes.push(TokenizerNote::Dropout { share });
        tokenizer["model"]["dropout"] = Value::Null;
    }
}

/// Notes what a class loses of a file that was made for another one.
fn note_losses(tokenizer: &Value, class: Class, notes: &mut Vec<TokenizerNote>) {
    let model = &tokenizer["model"];
    let kind = model["type"].as_str().unwrap_or("BPE");
    if class == Class::AsInFile {
        return;
    }
    if kind != "BPE" {
        notes.push(TokenizerNote::NoMerges { class: class.name().to_owned(), model: kind.to_owned() });
    }
    let has_bytes = model["vocab"].get("<0x00>").is_some();
    if class == Class::Llama && !has_bytes {
        notes.push(TokenizerNote::DropsUnknown { class: class.name().to_owned() });
    }
}
