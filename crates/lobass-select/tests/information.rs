//! How information of trained models is joined to the loss reduction.

use lobass_core::{Budget, Numbers, RowStatus, ScoreColumns};
use lobass_select::{Request, select, strategies};
use proptest::prelude::{prop, prop_assert, proptest};

/// A row: scored tokens, and its losses under the base, the reference, the base without the prompt, and the null model.
type Row = (u32, f64, f64, f64, f64);

fn columns(rows: &[Row]) -> ScoreColumns {
    let losses = |loss: fn(&Row) -> f64| -> Numbers { rows.iter().map(|row| Some(loss(row))).collect() };
    let all = [
        ("base", losses(|row| row.1)),
        ("reference", losses(|row| row.2)),
        ("base_unconditional", losses(|row| row.3)),
        ("null", losses(|row| row.4)),
    ];
    ScoreColumns {
        statuses: vec![RowStatus::Ok; rows.len()],
        source_names: vec!["pool".into()],
        sources: vec![0; rows.len()],
        n_tokens: rows.iter().map(|row| row.0 + 4).collect(),
        n_scored: rows.iter().map(|row| row.0).collect(),
        ties: (0..rows.len() as u64).collect(),
        losses: all.into_iter().map(|(name, numbers)| (name.to_owned(), numbers)).collect(),
        ..ScoreColumns::default()
    }
}

proptest! {
    /// Trained PVI is untrained PVI and what training taught that needed the prompt.
    #[test]
    fn trained_information_is_joined_to_the_loss_reduction(
        rows in prop::collection::vec((1u32..50, 0f64..90.0, 0f64..90.0, 0f64..90.0, 0f64..90.0), 1..40),
    ) {
        let columns = columns(&rows);
        let of = |name: &str| {
            let strategy = strategies::named(name).unwrap();
            let found = select(&columns, &Request::new(strategy, Budget::Fraction(1.0))).unwrap();
            let mut scores = vec![f64::NAN; rows.len()];
            for one in &found.selection.selected {
                scores[usize::try_from(one.row).unwrap()] = one.score.value();
            }
            scores
        };
        let (pvi, trained, gap, gain) = (of("pvi"), of("pvi-trained"), of("gap-sum"), of("prompt-gain"));
        for (at, row) in rows.iter().enumerate() {
            let alone = (row.3 - row.4) / std::f64::consts::LN_2;
            let joined = pvi[at] + gap[at] / std::f64::consts::LN_2 - alone;
            prop_assert!((trained[at] - joined).abs() < 1e-9);
            prop_assert!((trained[at] - pvi[at] - gain[at]).abs() < 1e-9);
        }
    }
}
