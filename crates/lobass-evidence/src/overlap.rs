//! Held-out examples that are in the pool too.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// Words in a shingle.
const SHINGLE: usize = 3;

/// How a held-out example is in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twin {
    /// A row of the pool asks the same, in the same words, whatever it answers.
    SamePrompt,
    /// A row of the pool has nearly the same text.
    Near,
}

/// Finds held-out examples that are in a pool, row by row of the pool.
///
/// Texts are compared as words: what is between letters and digits does not count, nor do capitals. Two texts are
/// nearly the same if the sets of their runs of three words have a Jaccard index of at least the threshold. It is exact,
/// and takes memory for the held-out examples alone.
#[derive(Debug)]
pub struct Overlap {
    threshold: f64,
    prompts: HashMap<String, Vec<usize>>,
    /// The examples that have a shingle.
    shingles: HashMap<u64, Vec<usize>>,
    n_shingles: Vec<usize>,
    twins: Vec<Option<Twin>>,
}

impl Overlap {
    /// Held-out examples, each as its prompt and its whole text.
    pub fn new<'a>(examples: impl IntoIterator<Item = (&'a str, &'a str)>, threshold: f64) -> Self {
        let mut overlap = Self {
            threshold,
            prompts: HashMap::new(),
            shingles: HashMap::new(),
            n_shingles: Vec::new(),
            twins: Vec::new(),
        };
        for (at, (prompt, whole)) in examples.into_iter().enumerate() {
            if let Some(prompt) = plain(prompt) {
                overlap.prompts.entry(prompt).or_default().push(at);
            }
            let shingles = shingles(&words(whole));
            overlap.n_shingles.push(shingles.len());
            for shingle in shingles_in_order(&shingles) {
                overlap.shingles.entry(shingle).or_default().push(at);
            }
            overlap.twins.push(None);
        }
        overlap
    }

    /// Sees one row of the pool.
    pub fn see(&mut self, prompt: &str, whole: &str) {
        for &at in plain(prompt).and_then(|prompt| self.prompts.get(&prompt)).into_iter().flatten() {
            self.twins[at] = Some(Twin::SamePrompt);
        }
        let shingles = shingles(&words(whole));
        let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
        for &at in
            shingles_in_order(&shingles).iter().filter_map(|shingle| self.shingles.get(shingle)).flatten()
        {
            *shared.entry(at).or_default() += 1;
        }
        for (at, n_shared) in shared {
            let union = shingles.len() + self.n_shingles[at] - n_shared;
            if n_shared as f64 >= self.threshold * union as f64 {
                self.twins[at].get_or_insert(Twin::Near);
            }
        }
    }

    /// What became of every held-out example.
    pub fn twins(self) -> Vec<Option<Twin>> {
        self.twins
    }
}

/// The words of a text, in lower case; signs of scripts that are written without spaces are words of their own.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for sign in text.chars().flat_map(char::to_lowercase) {
        let alone =
            matches!(sign, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
        if !sign.is_alphanumeric() || alone {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if alone {
            words.push(sign.to_string());
        } else if sign.is_alphanumeric() {
            word.push(sign);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A prompt as prompts are compared: in lower case, without spaces and the punctuation around its words; signs
/// between words, as in `2 - 3`, count. None if there is none.
fn plain(prompt: &str) -> Option<String> {
    let bare = |word: &str| word.trim_matches(['.', ',', '!', '?', ';', ':', '"', '\'']).to_lowercase();
    let signs: String = prompt.split_whitespace().map(bare).collect();
    (!signs.is_empty()).then_some(signs)
}

/// Hashes of all runs of words; of a text of fewer words, of the text.
fn shingles(words: &[String]) -> HashSet<u64> {
    let hash = |run: &[String]| {
        let mut hasher = DefaultHasher::new();
        run.hash(&mut hasher);
        hasher.finish()
    };
    match words.len() {
        0 => HashSet::new(),
        1..SHINGLE => HashSet::from([hash(words)]),
        _ => words.windows(SHINGLE).map(hash).collect(),
    }
}

fn shingles_in_order(shingles: &HashSet<u64>) -> Vec<u64> {
    let mut order: Vec<u64> = shingles.iter().copied().collect();
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn twin(held_out: (&str, &str), pool: &[(&str, &str)]) -> Option<Twin> {
        let mut overlap = Overlap::new([held_out], 0.8);
        for (prompt, whole) in pool {
            overlap.see(prompt, whole);
        }
        overlap.twins()[0]
    }

    #[test]
    fn what_counts_as_the_same() {
        let asked = ("What is 2 + 3?", "What is 2 + 3? 5");
        assert_eq!(
            twin(asked, &[("what is 2+3", "what is 2+3 it is six of course")]),
            Some(Twin::SamePrompt)
        );
        assert_eq!(twin(asked, &[("what is 2 + 4?", "what is 2 + 4? 6")]), None);
        let long = "one two three four five six seven eight nine ten eleven twelve";
        let nearly = format!("{long} thirteen");
        assert_eq!(twin(("a", long), &[("b", &nearly)]), Some(Twin::Near));
        assert_eq!(twin(("a", long), &[("b", "one two three four five six and then no more")]), None);
        assert_eq!(twin(("a", ""), &[("b", "")]), None);
        assert_eq!(
            twin(("2 - 3", "2 - 3 = -1, which is less than nothing"), &[("2 + 3", "2 + 3 = 5")]),
            None
        );
        assert_eq!(twin(("2.5", "2.5 is five halves"), &[("25", "25 is a square")]), None);
        for empty in ["", "???", " . "] {
            assert_eq!(twin((empty, "what one may say first"), &[(empty, "and another thing")]), None);
        }
        assert_eq!(twin(("天気は？", "雨です"), &[("天気は？", "晴れでしょう")]), Some(Twin::SamePrompt));
    }

    #[test]
    fn signs_without_spaces_are_words() {
        assert_eq!(words("Grün, 3x! 天気は"), ["grün", "3x", "天", "気", "は"]);
    }

    proptest! {
        #[test]
        fn as_one_by_one(texts in prop::collection::vec("[ab ]{0,14}", 1..6), rows in prop::collection::vec("[ab ]{0,14}", 0..6)) {
            let near = |one: &str, other: &str| {
                let (one, other) = (shingles(&words(one)), shingles(&words(other)));
                let (shared, all) = (one.intersection(&other).count(), one.union(&other).count());
                shared > 0 && shared as f64 >= 0.6 * all as f64
            };
            let mut overlap = Overlap::new(texts.iter().map(|text| (text.as_str(), text.as_str())), 0.6);
            for row in &rows {
                overlap.see(row, row);
            }
            for (text, twin) in texts.iter().zip(overlap.twins()) {
                let same = plain(text).is_some() && rows.iter().any(|row| plain(row) == plain(text));
                let expected = match () {
                    () if same => Some(Twin::SamePrompt),
                    () if rows.iter().any(|row| near(text, row)) => Some(Twin::Near),
                    () => None,
                };
                prop_assert_eq!(twin, expected);
            }
        }
    }
}
