//! Rows of experts, and their routes.

use std::collections::BTreeSet;

use burn::tensor::Tensor;
use proptest::prelude::*;

use super::{TOLERANCE, assert_close, both, random, values, vector};
use crate::ops::{Ops, RouterScores, Routes, Routing};

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn rows_of_experts(
        n in 1usize..9, rows in prop::collection::btree_set(0usize..9, 1..6), width in 1usize..20, seed: u64,
    ) {
        let (host, device) = both();
        let rows: Vec<usize> = rows.into_iter().map(|row| row % n).collect::<BTreeSet<_>>().into_iter().collect();
        let (x, y) = (random(seed, [n, width]), random(seed ^ 1, [rows.len(), width]));
        let weights = values(vector(seed ^ 2, rows.len()));
        assert_close("rows", host.select_rows(&x, &rows), device.select_rows(&x, &rows));
        let (found, same) = host.add_rows(x.clone(), &rows, &weights, y.clone());
        assert_close("sums", found, device.add_rows(x.clone(), &rows, &weights, y.clone()).0);
        assert_close("what is added", same, y.clone());
        let selected = host.select_rows(&x, &rows);
        for (found, expected) in host.row_dots(&selected, &y).iter().zip(device.row_dots(&selected, &y)) {
            prop_assert!((found - expected).abs() < TOLERANCE * width as f32);
        }
        prop_assert_eq!(host.values(x.clone()), device.values(x));
    }

    /// The results of experts are weighted and added row by row, whichever rows are beside.
    #[test]
    fn routes_are_those_of_single_rows(rows in 1usize..7, n_experts in 2usize..6, seed: u64) {
        let (host, device) = both();
        let logits = random(seed, [rows, n_experts]);
        let routing = Routing { scores: RouterScores::Softmax, chosen: 2, is_normalized: true, scale: 1.0 };
        let groups = |ops: &dyn Ops, logits: Tensor<2>| {
            let groups = Routes::new(routing, logits, ops).groups();
            groups.into_iter().map(|group| (group.expert, group.rows, group.weights)).collect::<Vec<_>>()
        };
        let all = groups(&host, logits.clone());
        prop_assert_eq!(&all, &groups(&device, logits.clone()));
        for row in 0..rows {
            let of_row: Vec<(usize, f32)> = all.iter().filter_map(|(expert, rows, weights)| {
                let at = rows.iter().position(|&other| other == row)?;
                Some((*expert, weights[at]))
            }).collect();
            let alone = groups(&host, logits.clone().narrow(0, row, 1));
            let alone: Vec<(usize, f32)> = alone.iter().map(|(expert, _, weights)| (*expert, weights[0])).collect();
            prop_assert_eq!(of_row, alone);
        }
    }
}
