//! Losses per token.

use lobass_model::Dtype;
use lobass_tests::assert_close;

use super::Family;
use crate::families::token_losses;
use crate::training::losses;

/// f32 against f32, in nats.
const TOLERANCE: f64 = 1e-4;

#[test]
fn losses_equal_those_of_transformers() {
    for family in Family::all() {
        let rows = &family.expected.losses;
        let ids: Vec<_> = rows.iter().map(|row| row.input_ids.clone()).collect();
        let found = token_losses(&family.checkpoint, Dtype::F32, &ids);
        for (row, found) in rows.iter().zip(&found) {
            assert_close(&format!("{}, {} tokens", family.name, found.len()), found, &row.nll, TOLERANCE);
        }
    }
}

#[test]
fn losses_of_adapters_equal_those_of_peft() {
    for family in Family::all() {
        for adapter in family.adapters() {
            let adapted = adapter.adapted();
            let merged = adapted.clone().merged();
            for (at, (row, nll)) in family.expected.rows.iter().zip(&adapter.expected.nll).enumerate() {
                let what = format!("{}, row {at}", adapter.name);
                assert_close(&what, &losses(&adapted, row), nll, TOLERANCE);
                assert_close(&format!("{what}, merged"), &losses(&merged, row), nll, TOLERANCE);
            }
        }
    }
}
