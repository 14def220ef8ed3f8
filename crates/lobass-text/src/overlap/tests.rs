//! Ways in which an example is in a pool.

use proptest::prelude::*;

use super::*;
use crate::jaccard;

fn said<'a>(prompt: &'a str, response: &'a str) -> Said<'a> {
    Said { prompt: vec![prompt], responses: vec![response] }
}

fn twin(example: &Said<'_>, row: &Said<'_>) -> Option<Twin> {
    let options = OverlapOptions { passages: Some(0.5), ..OverlapOptions::default() };
    let found = Overlap::new(std::slice::from_ref(example), &options).unwrap().find(row);
    assert!(found.len() <= 1, "{found:?}");
    found.first().map(|(_, twin)| *twin)
}

#[test]
fn what_counts_as_the_same() {
    let asked = said("What is 2 + 3?", "5");
    assert_eq!(twin(&asked, &said("what is 2+3", "It is six, of course.")), Some(Twin::SamePrompt));
    assert_eq!(twin(&asked, &said("What is 2 + 4?", "6")), None);
    let long = "one two three four five six seven eight nine ten eleven twelve";
    let nearly = format!("{long} thirteen");
    let near = |row: &str| match twin(&said("Count.", long), &said("Count up.", row)) {
        Some(Twin::Near { similarity }) => Some(similarity),
        found => {
            assert_eq!(found, None);
            None
        }
    };
    // One shingle of the prompt on either side, ten of the response in common, one more in the row.
    assert_eq!(near(long), Some(10.0 / 12.0));
    assert_eq!(near(&nearly), None);
    assert_eq!(near("one two three four five six and then no more"), None);
    assert_eq!(twin(&said("", ""), &said("", "")), None, "nothing is like nothing");
    assert_eq!(twin(&said("", "what one may say first"), &said("???", "and another thing")), None);
}

#[test]
fn passages_are_found_inside_longer_rows() {
    let story =
        "A baker has seven trays with twelve rolls each and sells all but nine of the rolls before noon.";
    let asked = said(story, "He sold seventy-five rolls.");
    let wrapped = format!(
        "Solve the following problem step by step and give the number alone at the end. {story} Think."
    );
    assert_eq!(twin(&asked, &said(&wrapped, "75")), Some(Twin::Prompt { share: 1.0 }));
    let answered = said("Tell me a riddle.", story);
    assert_eq!(twin(&answered, &said("Solve this.", &wrapped)), Some(Twin::Response { share: 1.0 }));
    let other = story.replace("rolls", "buns").replace("noon", "night");
    assert_eq!(twin(&asked, &said(&format!("Solve it. {other}"), "75")), None);
    let off = OverlapOptions::default();
    assert_eq!(Overlap::new(&[asked], &off).unwrap().find(&said(&wrapped, "75")), []);
}

#[test]
fn numbers_that_mean_nothing_are_refused() {
    for share in [0.0, -1.0, 1.1, f64::NAN] {
        let options = OverlapOptions { passages: Some(share), ..OverlapOptions::default() };
        assert!(matches!(Overlap::new(&[], &options), Err(Error::Share { .. })));
    }
    let near = GroupOptions { jaccard: 0.0, seed: 0 };
    assert!(matches!(
        Overlap::new(&[], &OverlapOptions { near, ..OverlapOptions::default() }),
        Err(Error::Jaccard { .. })
    ));
}

proptest! {
    #[test]
    fn as_one_by_one(
        examples in prop::collection::vec("[ab ]{0,14}", 1..6),
        rows in prop::collection::vec("[ab ]{0,14}", 1..6),
        seed in 0..1000_u64,
    ) {
        let near = |seed| GroupOptions { jaccard: 0.6, seed };
        let all: Vec<Said<'_>> = examples.iter().map(|text| said(text, "")).collect();
        for row in &rows {
            let row = said(row, "");
            let expected: Vec<usize> = (0..examples.len())
                .filter(|&at| {
                    let (text, other) = (examples[at].as_str(), row.prompt[0]);
                    let is_empty = text.trim().is_empty() || other.trim().is_empty();
                    let same = prompt::hash(text).is_some() && prompt::hash(text) == prompt::hash(other);
                    !is_empty && (same || jaccard(text, other) >= 0.6)
                })
                .collect();
            let mut found: Vec<usize> = Vec::new();
            for seed in seed..seed + 12 {
                let options = OverlapOptions { near: near(seed), passages: None };
                let overlap = Overlap::new(&all, &options).unwrap();
                found.extend(overlap.find(&row).iter().map(|(example, _)| *example));
            }
            found.sort_unstable();
            found.dedup();
            prop_assert_eq!(found, expected);
        }
    }
}
