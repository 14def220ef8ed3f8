//! Greedy matches, computed without decoding, against transformers' greedy decoding.

use std::collections::BTreeMap;

use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, Dtype};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    cases: BTreeMap<String, Vec<Row>>,
}

#[derive(Deserialize)]
struct Row {
    prompt: Vec<u32>,
    response: Vec<u32>,
    n_matched: u64,
    exact: bool,
}

#[test]
fn matches_are_what_transformers_decodes() {
    let expected: Expected = read_json(&fixture("greedy/expected.json"));
    assert!(expected.cases.len() >= 5);
    for (name, rows) in expected.cases {
        let checkpoint = Checkpoint::open(fixture("models").join(&name)).unwrap();
        let model = checkpoint.load(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
        let engine = Engine::new(model, 2);
        let sequences: Vec<Sequence> = rows
            .iter()
            .map(|row| {
                let ids = [row.prompt.clone(), row.response.clone()].concat();
                let scored: Vec<bool> = (0..ids.len()).map(|token| token >= row.prompt.len()).collect();
                Sequence::from_scored_tokens(ids, &scored).unwrap()
            })
            .collect();
        let found = engine.greedy_matches(&sequences).unwrap();
        let losses = engine.losses(&sequences, Detail::Sum).unwrap();
        let mut n_exact = 0;
        for (at, (row, found)) in rows.iter().zip(&found).enumerate() {
            assert_eq!(found.n_matched, row.n_matched, "{name}, row {at}");
            assert_eq!(found.is_exact(), Some(row.exact), "{name}, row {at}");
            assert_eq!(found.nll, losses[at].nll, "{name}, row {at}: the loss to the bit");
            n_exact += usize::from(row.exact);
        }
        assert!(n_exact >= 4 && n_exact < rows.len(), "{name}: some are exact and some are not");
        // Alone as in a batch, and `None` if no token is scored.
        let alone = engine.greedy_matches(&sequences[2..3]).unwrap();
        assert_eq!(alone[0], found[2]);
        let silent = Sequence::from_scored_tokens(vec![1, 5], &[false, false]).unwrap();
        assert_eq!(engine.greedy_matches(&[silent]).unwrap()[0].is_exact(), None);
    }
}
