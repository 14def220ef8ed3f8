//! Examples of an evaluation that a pool holds too.
//!
//! A row of the pool overlaps with an example in three cases. It asks the same ([`prompt`]). It holds most of the
//! example's prompt or of its response word for word ([`passages`]). It is a near duplicate of the whole
//! ([`crate::NearIndex`]). The first two are exact; [`crate::Bands`] says how seldom near duplicates are missed.

mod passages;
mod prompt;

use std::collections::HashMap;

use passages::Passages;
pub use prompt::hash as prompt_hash;

use crate::{Error, GroupOptions, NearDuplicates, NearIndex};

/// The definition of an overlap.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OverlapOptions {
    /// When two whole texts are near duplicates.
    pub near: GroupOptions,
    /// The least share of the runs of 13 words of an example's prompt, or of its response, that a row holds, above 0
    /// and at most 1. Without one, passages are not searched.
    pub passages: Option<f64>,
}

/// A conversation as overlaps see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said<'a> {
    /// The turns before the responses, in order.
    pub prompt: Vec<&'a str>,
    /// The responses, in order.
    pub responses: Vec<&'a str>,
}

/// How a row contains an example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Twin {
    /// The row has the same prompt; the response may differ.
    SamePrompt,
    /// Prompt and response together are nearly the same.
    Near {
        /// The Jaccard similarity.
        similarity: f64,
    },
    /// The row holds most of the prompt word for word.
    Prompt {
        /// The share of the prompt's runs of 13 words.
        share: f64,
    },
    /// The row holds most of the response word for word.
    Response {
        /// The share of the response's runs of 13 words.
        share: f64,
    },
}

/// Finds examples in the rows of a pool, row by row.
///
/// Memory: of the examples alone, some 1.2 KB and 24 bytes a word each.
#[derive(Debug, Clone)]
pub struct Overlap {
    options: OverlapOptions,
    prompts: HashMap<u128, Vec<usize>>,
    near: NearIndex,
    /// For each example, its prompt and then its response.
    passages: Passages,
}

impl Overlap {
    /// Makes examples ready to be looked for.
    ///
    /// # Errors
    /// [`Error::Jaccard`] and [`Error::Share`] for numbers that mean nothing.
    pub fn new(examples: &[Said<'_>], options: &OverlapOptions) -> Result<Self, Error> {
        if let Some(found) = options.passages.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
            return Err(Error::Share { found });
        }
        let mut near = NearDuplicates::new(&options.near)?;
        let mut prompts: HashMap<u128, Vec<usize>> = HashMap::new();
        for (at, example) in examples.iter().enumerate() {
            if let Some(hash) = prompt::hash(&example.prompt.join("\n")) {
                prompts.entry(hash).or_default().push(at);
            }
            match example.is_empty() {
                true => near.push_alone(),
                false => near.push(&near.sketch(example.parts())),
            }
        }
        let sides = |example: &Said<'_>| [example.prompt.join("\n"), example.responses.join("\n")];
        let sides: Vec<String> = match options.passages {
            Some(_) => examples.iter().flat_map(sides).collect(),
            None => Vec::new(),
        };
        let passages = Passages::new(sides.iter().map(String::as_str));
        Ok(Self { options: *options, prompts, near: NearIndex::new(near), passages })
    }

    /// The examples that a row holds, in their order; each once, by the first of the ways of [`Twin`].
    pub fn find(&self, row: &Said<'_>) -> Vec<(usize, Twin)> {
        if row.is_empty() {
            return Vec::new();
        }
        let same = prompt::hash(&row.prompt.join("\n")).and_then(|hash| self.prompts.get(&hash));
        let same = same.into_iter().flatten().map(|&example| (example, Twin::SamePrompt));
        let near = self.near.find(&self.near.sketch(row.parts())).into_iter();
        let near = near.map(|near| (near.text, Twin::Near { similarity: near.similarity }));
        let mut found: Vec<(usize, Twin)> = same.chain(near).collect();
        if let Some(least) = self.options.passages {
            let text = [row.prompt.join("\n"), row.responses.join("\n")];
            let passages = self.passages.find(text.iter().map(String::as_str), least);
            found.extend(passages.map(|(passage, share)| match passage % 2 {
                0 => (passage / 2, Twin::Prompt { share }),
                _ => (passage / 2, Twin::Response { share }),
            }));
        }
        found.sort_by_key(|(example, _)| *example); // stable, so ways stay in their order
        found.dedup_by_key(|(example, _)| *example);
        found
    }
}

impl<'a> Said<'a> {
    fn parts(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.prompt.iter().chain(&self.responses).copied()
    }

    fn is_empty(&self) -> bool {
        self.parts().all(|part| part.trim().is_empty())
    }
}

#[cfg(test)]
mod tests;
