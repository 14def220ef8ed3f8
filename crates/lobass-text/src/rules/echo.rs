//! Responses that say the prompt again.

use super::refusal::whole;
use super::{Turn, quoted};

/// Words of a prompt that ask for an echo of it.
const ASKS_FOR_IT: &str = "repeat repeats copy echo verbatim recite quote";
/// Words of a prompt that ask for other words than its input's.
const ASKS_FOR_A_CHANGE: &str = "rewrite reword rephrase paraphrase paraphrased restate shorten summarize summarise simplify \
    condense expand translate";

/// Whether a response begins with the prompt, or is the prompt's input.
pub(super) fn echo(turn: &Turn<'_>, least: f64) -> Option<String> {
    let (prompt, response) = (turn.prompt, turn.response);
    // Comments of code say what it is to do.
    if turn.asked.mentions(ASKS_FOR_IT)
        || response.text.trim_start().starts_with(['#', '"', '/', '*', '\'', '`'])
    {
        return None;
    }
    let hashes = |words: &[crate::words::Word]| words.iter().map(|word| word.hash).collect::<Vec<u64>>();
    let n = prompt.words.len();
    if prompt.n_words() >= whole(least)
        && let Some(begin) = response.words.get(..n)
        && hashes(begin) == hashes(&prompt.words)
    {
        let begin = quoted(prompt.text);
        return Some(format!("the response begins with all {n} words of the prompt: {begin}"));
    }
    let (_, input) = prompt.text.trim().split_once('\n')?;
    let is_input = input.trim() == response.text.trim() && response.n_words() >= whole(least);
    (is_input && turn.asked.mentions(ASKS_FOR_A_CHANGE))
        .then(|| format!("the response is the prompt's input unchanged: {}", quoted(input)))
}
