//! Losses in a measure, and vectors beside them.

use lobass_core::{Detail, EmbeddingEngine, LossEngine, Measure, Nll, Sequence, SequenceLoss};

use crate::judge::judge_of;
use crate::{Engine, Error};

/// An [`Engine`] whose losses are in a [`Measure`]; [`Engine::measured_by`] makes one.
///
/// A loss is a function of its sequence alone in every measure, to the bit on the processor.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredEngine<'a> {
    engine: &'a Engine,
    measure: Measure,
}

impl Engine {
    /// This engine with losses in a measure. The engine itself computes the cross entropy.
    pub fn measured_by(&self, measure: Measure) -> MeasuredEngine<'_> {
        MeasuredEngine { engine: self, measure }
    }
}

impl LossEngine for MeasuredEngine<'_> {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.engine.model().spec().vocab_size
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        self.engine.judged(judge_of(self.measure), sequences, |losses| sequence_loss(losses, detail))
    }
}

impl EmbeddingEngine for MeasuredEngine<'_> {
    fn dim(&self) -> usize {
        self.engine.model().spec().hidden_size
    }

    fn embeddings(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Error> {
        self.engine.vectors(sequences)
    }

    fn losses_and_embeddings(
        &self,
        sequences: &[Sequence],
        detail: Detail,
    ) -> Result<Vec<(SequenceLoss, Vec<f32>)>, Error> {
        self.engine
            .judged_with_vectors(judge_of(self.measure), sequences, |losses| sequence_loss(losses, detail))
    }
}

impl LossEngine for Engine {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.measured_by(Measure::CrossEntropy).vocab_size()
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Error> {
        self.measured_by(Measure::CrossEntropy).losses(sequences, detail)
    }
}

impl EmbeddingEngine for Engine {
    fn dim(&self) -> usize {
        self.measured_by(Measure::CrossEntropy).dim()
    }

    fn embeddings(&self, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>, Error> {
        self.measured_by(Measure::CrossEntropy).embeddings(sequences)
    }

    fn losses_and_embeddings(
        &self,
        sequences: &[Sequence],
        detail: Detail,
    ) -> Result<Vec<(SequenceLoss, Vec<f32>)>, Error> {
        self.measured_by(Measure::CrossEntropy).losses_and_embeddings(sequences, detail)
    }
}

/// The loss of a sequence from those of its scored tokens.
pub(crate) fn sequence_loss(losses: &[f32], detail: Detail) -> SequenceLoss {
    SequenceLoss { nll: summed(losses), per_token: (detail == Detail::PerToken).then(|| losses.to_vec()) }
}

/// The sum and the number of the losses of a sequence.
pub(crate) fn summed(losses: &[f32]) -> Nll {
    Nll { sum: losses.iter().copied().map(f64::from).sum(), n_scored: losses.len() as u64 }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;
    use lobass_model::{Decoder, DecoderSpec, DeviceName, LogitBlocks};

    use super::*;
    use crate::Judge;

    const TOY: &str = r#"{"model_type": "llama", "vocab_size": 4099, "hidden_size": 16, "intermediate_size": 24,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 64, "initializer_range": 0.4}"#;

    fn engine() -> Engine {
        Engine::new(Decoder::random(&DecoderSpec::from_json(TOY).unwrap(), 7, &DeviceName::Cpu.open()), 2)
    }

    fn sequences() -> Vec<Sequence> {
        let sequence = |ids: &[u32]| {
            let scored: Vec<bool> = (0..ids.len()).map(|token| token > 1).collect();
            Sequence::from_scored_tokens(ids.to_vec(), &scored).unwrap()
        };
        vec![sequence(&[1, 5, 9, 4098]), sequence(&[1, 5, 7]), sequence(&[1, 5]), sequence(&[1, 5, 9, 4098])]
    }

    /// Both measures in `f64`, from all logits of a row.
    struct Plainly;

    impl Judge for Plainly {
        type Verdict = [f64; 2];

        fn by_blocks(&self, logits: LogitBlocks<'_>, labels: &[u32]) -> Vec<[f64; 2]> {
            let mut rows = vec![Vec::new(); labels.len()];
            logits.for_each(|logits, tokens| {
                let blocks = logits.chunks(tokens.len());
                rows.iter_mut()
                    .zip(blocks)
                    .for_each(|(row, block)| row.extend(block.iter().copied().map(f64::from)));
            });
            let of_row = |(row, &label): (&Vec<f64>, &u32)| {
                let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
                let p: Vec<f64> = row.iter().map(|logit| logit.exp() / sum).collect();
                let label = p[label as usize];
                [-label.ln(), 1.0 - 2.0 * label + p.iter().map(|p| p * p).sum::<f64>()]
            };
            rows.iter().zip(labels).map(of_row).collect()
        }

        fn by_rows(&self, _: Tensor<2>, _: &[u32]) -> Vec<[f64; 2]> {
            unreachable!("the tests run on the processor")
        }
    }

    #[test]
    fn a_measure_is_what_its_formula_says_alone_and_beside_vectors() {
        let (engine, sequences) = (engine(), sequences());
        let expected = engine.judged(&Plainly, &sequences, <[_]>::to_vec).unwrap();
        assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1, 0, 2]);
        for (at, measure) in [Measure::CrossEntropy, Measure::Brier].into_iter().enumerate() {
            let measured = engine.measured_by(measure);
            let losses = measured.losses(&sequences, Detail::PerToken).unwrap();
            for (loss, expected) in losses.iter().zip(&expected) {
                let found = loss.per_token.as_ref().unwrap();
                assert_eq!(found.len(), expected.len());
                for (&found, expected) in found.iter().zip(expected) {
                    assert!(
                        (f64::from(found) - expected[at]).abs() < 1e-5,
                        "{measure:?}: {found} {expected:?}"
                    );
                }
            }
            let (beside, vectors): (Vec<_>, Vec<_>) =
                measured.losses_and_embeddings(&sequences, Detail::PerToken).unwrap().into_iter().unzip();
            assert_eq!(beside, losses, "{measure:?} beside vectors");
            assert_eq!(vectors, measured.embeddings(&sequences).unwrap());
        }
    }
}
