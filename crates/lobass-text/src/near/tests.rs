//! Groups against Jaccard similarities that are counted out.

use proptest::prelude::*;

use super::*;

fn grouped(texts: &[String], options: GroupOptions, threads: usize) -> Vec<u32> {
    let mut near = NearDuplicates::new(&options).unwrap();
    for text in texts {
        near.push(&near.sketch([text.as_str()]));
    }
    near.groups(threads)
}

/// Connected by pairs that are similar enough, every pair compared.
fn by_counting(texts: &[String], least: f64) -> Vec<u32> {
    let mut union = union::Union::new(texts.len());
    for (left, text) in (0..).zip(texts) {
        for (right, other) in (0..left).zip(texts) {
            if jaccard(text, other) >= least {
                union.connect(left, right);
            }
        }
    }
    (0..).take(texts.len()).map(|text| union.root_of(text)).collect()
}

/// Whether the same texts are together, whatever the groups are called.
fn same_partition(left: &[u32], right: &[u32]) -> bool {
    (0..left.len()).all(|a| (0..a).all(|b| (left[a] == left[b]) == (right[a] == right[b])))
}

/// Few words, so that random texts are alike, and variants of a few texts.
fn pool() -> impl Strategy<Value = Vec<String>> {
    let text = prop::collection::vec(0..12_u8, 0..14);
    let texts = prop::collection::vec(text, 1..5);
    (texts, prop::collection::vec((0..5_usize, 0..14_usize, 0..12_u8), 0..24)).prop_map(|(texts, edits)| {
        let say = |words: &[u8]| words.iter().map(|word| format!("w{word} ")).collect::<String>();
        let mut all: Vec<String> = texts.iter().map(|words| say(words)).collect();
        for (which, place, word) in edits {
            let mut words = texts[which % texts.len()].clone();
            if let Some(old) = words.get_mut(place) {
                *old = word;
            }
            all.push(say(&words));
        }
        all
    })
}

proptest! {
    #[test]
    fn groups_are_what_counting_finds(texts in pool(), seed in 0..1000_u64, percent in 30..=100_u8) {
        let jaccard = f64::from(percent) / 100.0;
        let found = grouped(&texts, GroupOptions { jaccard, seed }, 1);
        let exact = by_counting(&texts, jaccard);
        // Nothing is together that counting keeps apart; and what is missed, another seed finds.
        for a in 0..texts.len() {
            for b in 0..a {
                prop_assert!(found[a] != found[b] || exact[a] == exact[b], "{:?}", (&texts[a], &texts[b]));
            }
        }
        let found_by_some_seed = (0..12).any(|more| {
            same_partition(&grouped(&texts, GroupOptions { jaccard, seed: seed + more }, 1), &exact)
        });
        prop_assert!(found_by_some_seed);
    }

    #[test]
    fn neither_order_nor_threads_matter(texts in pool(), seed in 0..1000_u64, threads in 2..5_usize) {
        let options = GroupOptions { jaccard: 0.6, seed };
        let one = grouped(&texts, options, 1);
        prop_assert_eq!(&one, &grouped(&texts, options, threads));
        let mut backwards: Vec<String> = texts.clone();
        backwards.reverse();
        let mut again = grouped(&backwards, options, threads);
        again.reverse();
        prop_assert_eq!(one, again, "a group's number is the text's, not the place's");
    }

    #[test]
    fn no_text_is_too_odd(parts in prop::collection::vec(".{0,80}", 0..4)) {
        let near = NearDuplicates::new(&GroupOptions::default()).unwrap();
        let sketch = near.sketch(parts.iter().map(String::as_str));
        prop_assert_eq!(sketch.bands.len(), near.bands().bands);
    }
}

#[test]
fn similarities_that_a_reader_can_count() {
    assert_eq!(jaccard("a b c d", "a b c e"), 1.0 / 3.0);
    assert_eq!(jaccard("a b c d e", "x b c d e"), 2.0 / 4.0);
    assert_eq!(jaccard("A b, c!", "a B c"), 1.0);
    assert_eq!(jaccard("a b c", "c b a"), 0.0);
    assert_eq!(jaccard("一二三四五六", "一二三四五七"), 1.0 / 3.0);
    assert_eq!(jaccard("", ""), 1.0);
}

/// Texts of 60 words of which some are replaced, in pairs.
fn pairs(n: usize, replaced: usize) -> Vec<String> {
    let word = |pair: usize, at: usize| format!("w{}", (pair * 7919 + at * 104_729) % 1_000_003);
    let text = |pair: usize, changed: usize| {
        // Changes far apart, each of which costs three shingles.
        (0..60)
            .map(|at| if at / 6 < changed && at % 6 == 2 { format!("x{pair}") } else { word(pair, at) } + " ")
            .collect::<String>()
    };
    (0..n).flat_map(|pair| [text(pair, 0), text(pair, replaced)]).collect()
}

#[test]
fn the_share_of_pairs_found_is_what_the_bands_promise() {
    for (replaced, least) in [(1, 0.7), (2, 0.8), (3, 0.7)] {
        let texts = pairs(1500, replaced);
        let exact = jaccard(&texts[0], &texts[1]);
        let groups = grouped(&texts, GroupOptions { jaccard: least, seed: 3 }, 2);
        let found = groups.chunks(2).filter(|pair| pair[0] == pair[1]).count();
        let promised = Bands::choose(least).unwrap().probability(exact);
        if exact >= least {
            assert!(
                found as f64 / 1500.0 > promised - 0.01,
                "{found} of 1500 at {exact}, promised {promised}"
            );
        } else {
            assert_eq!(found, 0, "candidates are verified");
        }
    }
}

#[test]
fn long_texts_are_compared_by_a_sample_of_them() {
    let long = |from: usize| (from..from + 20_000).map(|at| format!("w{at} ")).collect::<String>();
    let texts = [long(0), long(500), long(10_000)];
    let groups = grouped(&texts, GroupOptions::default(), 2);
    assert_eq!(groups[0], groups[1]);
    assert_ne!(groups[0], groups[2]);
}

#[test]
fn thousands_alike_are_one_group_in_linear_time() {
    let template = (0..40).map(|at| format!("said{at} ")).collect::<String>();
    let texts: Vec<String> = (0..20_000).map(|at| format!("{template} number{at}")).collect();
    let groups = grouped(&texts, GroupOptions::default(), 2);
    assert!(groups.iter().all(|&group| group == groups[0]));
}

#[test]
fn thousands_that_are_not_quite_alike_stay_apart_in_linear_time() {
    let template = (0..30).map(|at| format!("said{at} ")).collect::<String>();
    let own = |at: usize| (0..12).map(|word| format!("own{at}x{word} ")).collect::<String>();
    let mut texts: Vec<String> = (0..5000).map(|at| format!("{template} {}", own(at))).collect();
    // Each has one near duplicate, and about half of all others as candidates.
    texts.extend((0..5000).map(|at| format!("{template} {} end", own(at))));
    let groups = grouped(&texts, GroupOptions::default(), 2);
    let found = (0..5000).filter(|&at| groups[at] == groups[at + 5000]).count();
    assert!(found > 4900, "{found} of 5000");
    assert_eq!(groups.iter().collect::<std::collections::BTreeSet<_>>().len(), 10_000 - found);
}

#[test]
fn the_same_words_are_one_text_and_alone_is_alone() {
    let mut near = NearDuplicates::new(&GroupOptions { jaccard: 1.0, seed: 0 }).unwrap();
    for text in ["Two plus two.", "two plus TWO", "two plus three"] {
        near.push(&near.sketch([text]));
    }
    near.push_alone();
    near.push_alone();
    let groups = near.groups(4);
    assert_eq!(groups[0], groups[1]);
    assert_eq!(groups[2..].iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    assert_eq!((groups[3], groups[4]), (2, 3));
    assert_eq!((near.len(), near.is_empty()), (5, false));
}
