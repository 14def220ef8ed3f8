//! Scores that compare a response with samples after the same prompt.

use lobass_core::{Budget, Nll, RowStatus, ScoreColumns, ScoreRecord};
use lobass_select::strategies::{DemonstrationAdvantage, DemonstrationAdvantageMean};
use lobass_select::{Inputs, Request, SampleGaps, SelectError, Strategy, select};

fn columns() -> ScoreColumns {
    let record = |row: u64, n_scored: u32, base: f64, reference: f64| {
        let nll = |sum| Some(Nll { sum, n_scored: n_scored.into() });
        ScoreRecord {
            row,
            key: lobass_core::ExampleKey::new(format!("k{row}")),
            status: RowStatus::Ok,
            reason: None,
            source: "pool".to_owned(),
            n_tokens: n_scored + 3,
            n_scored,
            base: nll(base),
            reference: nll(reference),
            in_sample: None,
            fold: None,
            rejected: None,
        }
    };
    ScoreColumns::of(&[record(0, 4, 10.0, 6.0), record(1, 2, 6.0, 3.0), record(2, 5, 9.0, 1.0)], 0)
}

#[test]
fn what_the_samples_gained_is_subtracted() {
    let columns = columns();
    // Of the last row all samples were cut off.
    let samples = SampleGaps {
        sums: [Some(1.5), Some(3.5), None].into_iter().collect(),
        means: [Some(0.5), Some(-0.25), None].into_iter().collect(),
    };
    let inputs = Inputs::new(&columns).with_samples(&samples);
    let found = |strategy: &dyn Strategy| -> Vec<Option<f64>> {
        let scores = strategy.scores(&inputs).unwrap();
        (0..3).map(|row| scores.get(row)).collect()
    };
    assert_eq!(found(&DemonstrationAdvantage), [Some(4.0 - 1.5), Some(3.0 - 3.5), None]);
    assert_eq!(found(&DemonstrationAdvantageMean), [Some(1.0 - 0.5), Some(1.5 + 0.25), None]);
    let best = |strategy: &dyn Strategy| {
        let chosen = select(inputs, &Request::new(strategy, Budget::Rows(1))).unwrap();
        chosen.selection.selected[0].row
    };
    assert_eq!((best(&DemonstrationAdvantage), best(&DemonstrationAdvantageMean)), (0, 1));
    let error = select(&columns, &Request::new(&DemonstrationAdvantage, Budget::Rows(1))).unwrap_err();
    assert!(matches!(error, SelectError::NoSamples { .. }), "{error}");
    assert!(error.to_string().contains("--samples"), "{error}");
}
