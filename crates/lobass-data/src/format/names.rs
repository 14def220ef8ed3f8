//! The meaning of names of columns and fields: text for a model, or metadata.

use serde_json::Value;

/// Words of names that hold text for a model.
const PROMPT: &str = "\
     abstract answer answers article background body caption choices chosen code completion completions \
     constraints content context contexts conversation cot critique demonstration demonstrations description \
     dialog dialogue document documents evidence examples explanation facts feedback fewshot history hint hints \
     hypothesis input inputs instruction instructions knowledge memory messages options output outputs paragraph \
     passage passages persona plan premise prompt prompts query question rationale reasoning reference rejected \
     response responses scenario schema solution story summary system text thinking thought thoughts tests \
     transcript";

/// Words of names that hold metadata.
const METADATA: &str = "\
     author authors annotator category categories checksum class commit config count country created dataset date \
     datetime difficulty digest doi domain encoding engine file filename filepath fingerprint flag flags format \
     generator grade hash href id ids idx index key kind label labels lang language languages length level \
     licence license link links locale md5 mime model models modified name origin path provenance provider rank \
     rating repo revision score scores sha sha256 source sources split status subset tag tags task time timestamp \
     topic type url";

/// Words of names that hold what a model is to say, which no prompt is made of.
const RESPONSE: &str = "\
     answer answers completion completions cot critique explanation feedback output outputs rationale reasoning \
     response responses solution thinking thought thoughts tests text messages conversation";

/// Words of text that a value under the name of metadata may have.
const LABEL_WORDS: usize = 12;

/// Whether a word of a name stands for what a model is to say.
pub(super) fn is_response(word: &str) -> bool {
    has(RESPONSE, word)
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// The texts of a value that are no metadata; those in lists have the name of the list.
pub(super) fn collect<'a>(name: &str, value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if is_text(name, text) {
                texts.push(text);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(name, value, texts)),
        // Numbers and bytes that JSON cannot hold.
        Value::Object(fields) if fields.keys().all(|name| name.starts_with("$lobass::")) => {}
        // `{"A": "red"}` in a column of options is as much text as a list of them.
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let is_letter = key.chars().count() == 1;
            collect(if is_letter { name } else { key }, value, texts);
        }),
    }
}

/// Every text in a value, metadata too.
pub(super) fn all_texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if !text.trim().is_empty() => vec![text],
        Value::Array(values) => values.iter().flat_map(all_texts).collect(),
        Value::Object(fields) => fields.values().flat_map(all_texts).collect(),
        _ => Vec::new(),
    }
}

/// The texts of a value that are no metadata.
pub(crate) fn texts_that_count<'a>(name: &str, value: &'a Value) -> Vec<&'a str> {
    let mut texts = Vec::new();
    collect(name, value, &mut texts);
    texts
}

fn is_text(name: &str, text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return false;
    }
    match last_word(name) {
        Some(word) if has(PROMPT, word) => true,
        Some(_) => n_words(text) > LABEL_WORDS,
        None => is_prose(text),
    }
}

/// Whether a text is more than a label, a number, a date, an address, or a hash.
fn is_prose(text: &str) -> bool {
    let is_address = text.contains("://") && !text.contains(char::is_whitespace);
    let n_digits = text.chars().filter(|c| c.is_ascii_digit() || c.is_ascii_punctuation()).count();
    let is_number = 2 * n_digits > text.chars().filter(|c| !c.is_whitespace()).count();
    !is_address && !is_number && (n_words(text) > 2 || text.contains('\n'))
}

/// Words between blanks; of scripts without blanks, two signs are taken for a word.
fn n_words(text: &str) -> usize {
    let has_no_blanks = |sign: &char| {
        // Thai and Lao, Burmese, Khmer, kana, and Chinese characters.
        matches!(u32::from(*sign), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF)
            || matches!(u32::from(*sign), 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x2FFFF)
    };
    let n_signs = text.chars().filter(has_no_blanks).count();
    text.split_whitespace().count() + n_signs / 2
}
/// The last word of a name that is known, which says what it holds.
pub(super) fn last_word(name: &str) -> Option<&'static str> {
    let known = || PROMPT.split_whitespace().chain(METADATA.split_whitespace());
    words(name).filter_map(|word| known().find(|known| *known == word)).last()
}

/// The words of a name, in lower case: `system_prompt`, `systemPrompt`, and `system-prompt2` have the same two.
pub(super) fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphabetic() || c.is_uppercase() && before.is_lowercase() {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().expect("there is one").extend(c.to_lowercase());
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}
