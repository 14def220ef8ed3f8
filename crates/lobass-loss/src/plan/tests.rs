//! Plans against the sequences they are of.

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { rows: 4096, lanes: 1, alone_beyond: None };

/// Few different tokens, so that sequences begin alike and repeat.
fn sequences() -> impl Strategy<Value = Vec<Sequence>> {
    let tokens = prop::collection::vec((0u32..3, any::<bool>()), 1..24);
    let sequence = tokens.prop_map(|tokens| {
        let (ids, mut scored): (Vec<u32>, Vec<bool>) = tokens.into_iter().unzip();
        scored[0] = false;
        Sequence::from_scored_tokens(ids, &scored).unwrap()
    });
    prop::collection::vec(sequence, 0..40)
}

fn sequence(ids: &[u32], n_scored: usize) -> Sequence {
    let scored: Vec<bool> = (0..ids.len()).map(|at| at >= ids.len() - n_scored).collect();
    Sequence::from_scored_tokens(ids.to_vec(), &scored).unwrap()
}

/// The tokens before and at a row, by the runs of a batch.
fn history(batch: &Batch, row: usize) -> Vec<u32> {
    batch.packed().path(row).into_iter().map(|row| batch.packed().input_ids()[row]).collect()
}

proptest! {
    #[test]
    fn every_loss_is_asked_for_after_the_tokens_it_follows(
        sequences in sequences(), rows in 1usize..200, lanes in 1usize..4, alone in prop::option::of(1usize..24),
    ) {
        let limits = Limits { rows, lanes, alone_beyond: alone };
        let plan = Plan::new(&sequences, &limits);
        let mut answered = vec![false; sequences.len()];
        for at in 0..plan.n_batches() {
            let batch = plan.batch(at, &sequences);
            for answer in batch.answers() {
                let sequence = &sequences[answer.sequence];
                prop_assert_eq!(answer.losses.len(), sequence.n_scored());
                let scored = sequence.scored_positions().zip(sequence.scored_labels());
                for (&loss, (position, label)) in answer.losses.iter().zip(scored) {
                    let (row, found) = batch.losses()[loss];
                    prop_assert_eq!(found, label);
                    prop_assert_eq!(&history(&batch, batch.rows()[row]), &sequence.input_ids()[..=position]);
                }
                prop_assert!(!std::mem::replace(&mut answered[answer.sequence], true));
            }
        }
        for (at, sequence) in sequences.iter().enumerate() {
            match plan.run_as(at) {
                None => prop_assert_eq!(sequence.n_scored(), 0),
                Some(other) => {
                    prop_assert!(answered[other]);
                    let content = |sequence| Reach::Scored.content(sequence);
                    prop_assert_eq!(content(&sequences[other]), content(sequence));
                }
            }
        }
    }

    #[test]
    fn whole_sequences_end_in_their_last_token(
        sequences in sequences(), rows in 1usize..200, lanes in 1usize..4, alone in prop::option::of(1usize..24),
    ) {
        let plan = Plan::whole(&sequences, &Limits { rows, lanes, alone_beyond: alone });
        let mut answered = vec![false; sequences.len()];
        for at in 0..plan.n_batches() {
            let batch = plan.batch(at, &sequences);
            for answer in batch.answers() {
                let sequence = &sequences[answer.sequence];
                prop_assert_eq!(&history(&batch, answer.last_row), sequence.input_ids());
                prop_assert_eq!(answer.losses.len(), sequence.n_scored());
                prop_assert!(!std::mem::replace(&mut answered[answer.sequence], true));
            }
        }
        for (at, sequence) in sequences.iter().enumerate() {
            let other = plan.run_as(at).unwrap();
            prop_assert!(answered[other]);
            prop_assert_eq!(&sequences[other], sequence);
        }
    }

    #[test]
    fn work_is_never_more_than_there_is(sequences in sequences()) {
        let work = Plan::new(&sequences, &LIMITS).work(&sequences);
        prop_assert!(work.n_unique_tokens <= work.n_tokens);
        prop_assert!(work.n_rows <= work.n_unique_tokens);
        prop_assert!(work.n_head_rows <= work.n_scored);
    }

    #[test]
    fn batches_are_about_as_large_as_each_other(lengths in prop::collection::vec(2usize..200, 60..300)) {
        let sequences: Vec<Sequence> = (0u32..)
            .zip(&lengths)
            .map(|(first, &length)| sequence(&vec![first; length], length - 1))
            .collect();
        let plan = Plan::new(&sequences, &Limits { rows: 4096, lanes: 2, alone_beyond: None });
        let sizes: Vec<usize> =
            (0..plan.n_batches()).map(|at| plan.batch(at, &sequences).packed().n_rows()).collect();
        let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
        for &size in &sizes[..sizes.len() - 1] {
            prop_assert!((size as f64 - mean).abs() <= 200.0, "{sizes:?}");
        }
    }
}

#[test]
fn a_preamble_is_run_once_and_a_twin_not_at_all() {
    let rows = [
        sequence(&[1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14], 2),
        sequence(&[1, 2, 3, 4, 5, 6, 20, 21], 1),
        sequence(&[1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14], 2),
        sequence(&[1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 15], 1),
    ];
    let work = Plan::new(&rows, &LIMITS).work(&rows);
    // 1-6; then 10-13 for both that have them, since the last token predicts nothing; then 20.
    assert_eq!((work.n_tokens, work.n_unique_tokens, work.n_rows), (41, 30, 11));
    // 13 after 12; 14 and 15 after 13; 21 after 20.
    assert_eq!((work.n_scored, work.n_head_rows), (6, 4));
}

#[test]
fn what_is_not_scored_at_the_end_is_not_run() {
    let rows =
        [Sequence::from_scored_tokens(vec![1, 2, 3, 4, 5], &[false, false, true, false, false]).unwrap()];
    assert_eq!(Plan::new(&rows, &LIMITS).work(&rows).n_rows, 2);
}

#[test]
fn long_sequences_stand_alone_where_their_length_matters() {
    let rows = [sequence(&[1; 20], 1), sequence(&[1; 21], 1), sequence(&[1; 8], 1), sequence(&[1; 9], 1)];
    let limits = Limits { alone_beyond: Some(10), ..LIMITS };
    let work = Plan::new(&rows, &limits).work(&rows);
    assert_eq!(work.n_rows, 20 + 21 + 8);
}
