//! The losses of the tokens of some rows, out of many.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

#[expect(dead_code, reason = "other tests use the rest of it")]
mod support;

use lobass_core::{Detail, DeviceId, Dtype, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_run::{ModelKey, ScoreFile, Seal, Store, write_json_lines};
use serde_json::json;

use support::{Planned, single};

/// Every token has a different loss.
struct ByToken(f32);

impl LossEngine for ByToken {
    type Error = std::convert::Infallible;

    fn vocab_size(&self) -> usize {
        100_000
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
        let loss = |sequence: &Sequence| {
            let per_token: Vec<f32> = sequence.scored_labels().map(|label| self.0 * label as f32).collect();
            let sum = per_token.iter().copied().map(f64::from).sum();
            SequenceLoss {
                nll: Nll { sum, n_scored: per_token.len() as u64 },
                per_token: (detail == Detail::PerToken).then_some(per_token),
            }
        };
        Ok(sequences.iter().map(loss).collect())
    }
}

#[test]
fn rows_come_in_the_order_in_which_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows: Vec<_> = (0..40).map(single).collect();
    rows[5] = json!({"question": "what?", "answer": ""});
    let planned = Planned::new(dir.path(), &rows);
    let work = planned.encoded(Store::local(&dir.path().join("work")).unwrap());
    let model = |role: &str, weight: f32| {
        let key =
            ModelKey::new(role.into(), "path", format!("{role:0>16}").into(), Dtype::F32, DeviceId::CPU);
        work.score(&key, &ByToken(weight), Detail::PerToken, &mut |_| ()).unwrap();
        key
    };
    let seal = Seal::new(model("base", 2.0), vec![model("reference", 0.5).into()]);
    let out = dir.path().join("scores.parquet");
    work.seal(&Seal { detail: Detail::PerToken, ..seal.clone() }, &out).unwrap();
    let table = ScoreFile::open(&out).unwrap();

    let sequences = work.sequences().unwrap();
    let expected = |row: u64, weight: f32| -> Option<Vec<f32>> {
        let (_, sequence) = sequences.iter().find(|(found, _)| *found == row)?;
        Some(sequence.scored_labels().map(|label| weight * label as f32).collect())
    };
    let wanted = [17, 3, 5, 39, 17];
    let found = table.token_losses_of(&wanted, &["reference", "base"], 2).unwrap();
    for (row, found) in wanted.into_iter().zip(found) {
        let expected =
            expected(row, 0.5).zip(expected(row, 2.0)).map(|(reference, base)| vec![reference, base]);
        assert_eq!(found, expected, "row {row}");
        assert_eq!(found.is_none(), row == 5, "a row without losses has none of its tokens");
    }
    assert_eq!(table.token_losses_of(&[], &["base"], 1).unwrap(), []);

    let error = table.token_losses_of(&[40], &["base"], 1).unwrap_err().to_string();
    assert!(error.contains("expected row 40, found 40 rows"), "{error}");
    let error = table.token_losses_of(&[1], &["reference_seed1"], 1).unwrap_err().to_string();
    assert!(error.contains("`reference_seed1_token_nll`"), "{error}");
    let json = dir.path().join("scores.jsonl");
    write_json_lines(&lobass_run::read_table(&out).unwrap(), &json).unwrap();
    let error = ScoreFile::open(&json).unwrap().token_losses_of(&[1], &["base"], 1).unwrap_err().to_string();
    assert!(error.contains("only Parquet tables have"), "{error}");
}
