//! Texts in which near duplicates of other texts are looked up.

use super::{NearDuplicates, Sketch};

/// Texts of one band hash that a text is compared with at most, so that time stays linear in what is looked up.
const ALL_PAIRS: usize = 128;

/// A text of an index that is near another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Which text of the index, in the order in which they were added.
    pub text: usize,
    /// The Jaccard similarity: counted out, or, of texts of more than 256 shingles, estimated.
    pub similarity: f64,
}

/// Texts in which the near duplicates of other texts are looked up, by the same bands and the same verification by
/// which [`NearDuplicates::groups`] connects two texts.
///
/// Memory: that of [`NearDuplicates`], and 8 bytes more for each distinct text and band.
#[derive(Debug, Clone)]
pub struct NearIndex {
    texts: NearDuplicates,
    /// For each band: hashes, and the distinct texts that have them, ascending.
    bands: Vec<Vec<(u32, u32)>>,
    /// For each distinct text: the texts that it stands for, as `(distinct, text)`, ascending.
    pushed: Vec<(u32, u32)>,
}

impl NearIndex {
    /// Makes texts ready to be looked up. Texts that were pushed alone are never found.
    #[expect(clippy::cast_possible_truncation, reason = "texts are numbered in 32 bits")]
    pub fn new(texts: NearDuplicates) -> Self {
        let n_bands = texts.bands().bands;
        let of_band = |band: usize| {
            let hashes = texts.bands.chunks_exact(n_bands).map(|bands| bands[band]);
            let mut sorted: Vec<(u32, u32)> = hashes.zip(0..).collect();
            sorted.sort_unstable();
            sorted
        };
        let bands = (0..n_bands).map(of_band).collect();
        let mut pushed: Vec<(u32, u32)> =
            texts.distinct.iter().enumerate().map(|(text, &distinct)| (distinct, text as u32)).collect();
        pushed.sort_unstable();
        Self { texts, bands, pushed }
    }

    /// The part of a text that is needed to look it up. See [`NearDuplicates::sketch`].
    pub fn sketch<'t>(&self, parts: impl IntoIterator<Item = &'t str>) -> Sketch {
        self.texts.sketch(parts)
    }

    /// The texts of the index that are near duplicates of a text, in the order in which they were added.
    ///
    /// If more than 128 texts share the hash of a band, the text is compared with 128 of them.
    pub fn find(&self, sketch: &Sketch) -> Vec<Near> {
        let mut candidates: Vec<u32> = Vec::new();
        for (hash, band) in sketch.bands.iter().zip(&self.bands) {
            let start = band.partition_point(|(other, _)| other < hash);
            let same = band[start..].iter().take_while(|(other, _)| other == hash);
            candidates.extend(same.take(ALL_PAIRS).map(|&(_, text)| text));
        }
        candidates.sort_unstable();
        candidates.dedup();
        let similarity = |text: &u32| self.texts.sets.similarity_to(*text, &sketch.set);
        let near = candidates.iter().map(|text| (*text, similarity(text)));
        let mut found: Vec<Near> = near
            .filter(|(_, similarity)| *similarity >= self.texts.jaccard)
            .flat_map(|(distinct, similarity)| {
                self.pushed(distinct).map(move |text| Near { text, similarity })
            })
            .collect();
        found.sort_unstable_by_key(|near| near.text);
        found
    }

    /// The texts that a distinct one stands for.
    fn pushed(&self, distinct: u32) -> impl Iterator<Item = usize> + '_ {
        let start = self.pushed.partition_point(|(other, _)| *other < distinct);
        self.pushed[start..]
            .iter()
            .take_while(move |(other, _)| *other == distinct)
            .map(|&(_, text)| text as usize)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{GroupOptions, jaccard};

    fn index(texts: &[String], options: &GroupOptions) -> NearIndex {
        let mut near = NearDuplicates::new(options).unwrap();
        for text in texts {
            near.push(&near.sketch([text.as_str()]));
        }
        NearIndex::new(near)
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[ab ]{0,14}", 1..6)
    }

    proptest! {
        #[test]
        fn found_is_what_counting_finds(texts in texts(), asked in texts(), percent in 30..=100_u8, seed in 0..1000_u64) {
            let least = f64::from(percent) / 100.0;
            let by_counting = |text: &String| -> Vec<usize> {
                (0..texts.len()).filter(|&at| jaccard(&texts[at], text) >= least).collect()
            };
            let indexes: Vec<NearIndex> =
                (seed..seed + 12).map(|seed| index(&texts, &GroupOptions { jaccard: least, seed })).collect();
            for text in &asked {
                let exact = by_counting(text);
                let mut by_any_seed = Vec::new();
                for index in &indexes {
                    for near in index.find(&index.sketch([text.as_str()])) {
                        prop_assert!((near.similarity - jaccard(&texts[near.text], text)).abs() < 1e-12);
                        by_any_seed.push(near.text);
                    }
                }
                by_any_seed.sort_unstable();
                by_any_seed.dedup();
                prop_assert_eq!(by_any_seed, exact, "nothing else is found; what one seed misses, another finds");
            }
        }

        #[test]
        fn the_same_pairs_as_in_one_group(left in "[abc ]{0,14}", right in "[abc ]{0,14}", seed in 0..1000_u64) {
            let options = GroupOptions { jaccard: 0.6, seed };
            let mut near = NearDuplicates::new(&options).unwrap();
            near.push(&near.sketch([left.as_str()]));
            near.push(&near.sketch([right.as_str()]));
            let groups = near.groups(1);
            let index = index(std::slice::from_ref(&left), &options);
            let found = !index.find(&index.sketch([right.as_str()])).is_empty();
            prop_assert_eq!(found, groups[0] == groups[1]);
        }
    }

    #[test]
    fn every_text_of_the_same_words_is_found_and_those_alone_are_not() {
        let mut near = NearDuplicates::new(&GroupOptions::default()).unwrap();
        near.push_alone();
        for text in ["Two plus two.", "four", "two plus TWO"] {
            near.push(&near.sketch([text]));
        }
        near.push_alone();
        let index = NearIndex::new(near);
        let found = index.find(&index.sketch(["two, plus two"]));
        assert_eq!(found, [Near { text: 1, similarity: 1.0 }, Near { text: 3, similarity: 1.0 }]);
    }
}
