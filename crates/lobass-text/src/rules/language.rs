//! Responses in another script or language than their prompts.

use whatlang::Info;

use super::{Turn, quoted};
use crate::words::{is_unspaced, words};

/// Words of prompts that ask for another language, or speak of one.
const ASKS_FOR_ONE: &str = "translate translates translated translating translation translations translator language \
    languages bilingual multilingual phrase phrases pronounce pronunciation transliterate lyrics song english spanish french \
    german italian portuguese dutch russian chinese mandarin cantonese japanese korean arabic hindi urdu bengali turkish \
    polish swedish norwegian danish finnish greek hebrew latin thai vietnamese indonesian malay tagalog filipino swahili \
    czech hungarian romanian ukrainian persian farsi bulgarian croatian serbian slovak slovenian catalan esperanto gaelic \
    irish welsh icelandic sanskrit tamil telugu emoji emojis cipher code program function \
    traduce traducir traduzca traducción español inglés francés traduire traduis traduisez traduction anglais français \
    übersetze übersetzen übersetzt übersetzung englisch deutsch französisch traduci tradurre inglese italiano traduza \
    traduzir tradução inglês português переведи переведите перевод английский английском русский русском \
    译 譯 訳 英 번역 번역해 영어 영어로 한국어 한국어로";

/// English words that other languages do not have.
const ENGLISH: &str = "the and of is was are that with this which from they have been their would you it's write describe \
    explain generate give create list what how why name find make given following identify";

/// Scripts that a reader of one need not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Indian,
    Thai,
    Hangul,
    /// Han and kana.
    Han,
    Other,
}

const SCRIPTS: [Script; 10] = [
    Script::Latin,
    Script::Greek,
    Script::Cyrillic,
    Script::Hebrew,
    Script::Arabic,
    Script::Indian,
    Script::Thai,
    Script::Hangul,
    Script::Han,
    Script::Other,
];

fn script(letter: char) -> Script {
    match letter {
        'a'..='z' | 'A'..='Z' | '\u{aa}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' => Script::Cyrillic,
        '\u{590}'..='\u{5ff}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => {
            Script::Arabic
        }
        '\u{900}'..='\u{dff}' => Script::Indian,
        '\u{e00}'..='\u{e7f}' => Script::Thai,
        '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' => Script::Hangul,
        _ if is_unspaced(letter) => Script::Han,
        _ => Script::Other,
    }
}

/// Letters of a text by script, and in all.
fn letters(text: &str) -> ([usize; SCRIPTS.len()], usize) {
    let mut counts = [0; SCRIPTS.len()];
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        counts[script(letter) as usize] += 1;
    }
    (counts, counts.iter().sum())
}

/// The script of at least four letters in five.
fn main_script(counts: &[usize; SCRIPTS.len()], all: usize) -> Option<Script> {
    SCRIPTS.into_iter().find(|script| *script != Script::Other && 5 * counts[*script as usize] >= 4 * all)
}

/// Letters that a prompt must have for its language to be told.
const PROMPT_LETTERS: usize = 30;
/// Bytes that are used to recognize a language.
const LOOKED_AT: usize = 4096;

pub(super) fn language(turn: &Turn<'_>, least: f64) -> Option<String> {
    let (prompt, response) = (turn.prompt.text, turn.response.text);
    let (prompt_counts, prompt_letters) = letters(prompt);
    let (response_counts, response_letters) = letters(response);
    if prompt_letters < 10 || (response_letters as f64) < least / 4.0 || turn.asked.mentions(ASKS_FOR_ONE) {
        return None;
    }
    let of_prompt = main_script(&prompt_counts, prompt_letters)?;
    let of_response = main_script(&response_counts, response_letters)?;
    if of_prompt != of_response {
        let begin = quoted(response);
        // Who writes some of it to begin with may well be answered in it.
        let is_foreign = 20 * prompt_counts[of_response as usize] < prompt_letters;
        return is_foreign.then(|| {
            format!("the prompt is in {of_prompt:?} script, the response in {of_response:?}: {begin}")
        });
    }
    if (response_letters as f64) < least || prompt_letters < PROMPT_LETTERS || !is_prose(response) {
        return None;
    }
    if has_english(prompt) && has_english(response) {
        return None; // without asking the detector, which is what takes time
    }
    let (of_prompt, of_response) = (told(prompt)?, told(response)?);
    let (from, to) = (of_prompt.lang(), of_response.lang());
    let english = whatlang::Lang::Eng;
    if from == to
        || are_alike(from, to)
        || (from == english && has_english(response))
        || (to == english && has_english(prompt))
    {
        return None;
    }
    let (from, to) = (from.eng_name(), to.eng_name());
    Some(format!("the prompt is in {from}, the response in {to}: {}", quoted(response)))
}

/// A language that the detector is sure of.
fn told(text: &str) -> Option<Info> {
    let end = text.floor_char_boundary(LOOKED_AT);
    whatlang::detect(&text[..end]).filter(Info::is_reliable)
}

/// Whether nearly all is letters and spaces, unlike in code, tables, and lists of names.
fn is_prose(text: &str) -> bool {
    let (mut all, mut prose) = (0_usize, 0_usize);
    for sign in text.chars() {
        all += 1;
        prose += usize::from(sign.is_alphabetic() || sign == ' ' || sign == '\'');
    }
    10 * prose >= 9 * all
}

/// Whether at least one word in forty is one that only English has.
fn has_english(text: &str) -> bool {
    let english: Vec<u64> = words(ENGLISH).map(|word| word.hash).collect();
    let (mut all, mut n) = (0_usize, 0_usize);
    for word in words(text) {
        all += 1;
        n += usize::from(english.contains(&word.hash));
    }
    40 * n >= all
}

/// Languages that trigrams take for one another.
fn are_alike(left: whatlang::Lang, right: whatlang::Lang) -> bool {
    use whatlang::Lang;
    const ALIKE: [&[Lang]; 7] = [
        &[Lang::Nob, Lang::Dan, Lang::Swe],
        &[Lang::Spa, Lang::Por, Lang::Cat],
        &[Lang::Hrv, Lang::Slv, Lang::Slk, Lang::Ces, Lang::Srp],
        &[Lang::Rus, Lang::Ukr, Lang::Bel, Lang::Bul, Lang::Mkd],
        &[Lang::Ind, Lang::Jav],
        &[Lang::Afr, Lang::Nld],
        &[Lang::Hin, Lang::Mar, Lang::Nep],
    ];
    ALIKE.iter().any(|group| group.contains(&left) && group.contains(&right))
}
