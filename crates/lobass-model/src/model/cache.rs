//! Passes that continue sequences: what layers keep of the rows before, and the hidden states of the next rows.

use burn::tensor::Tensor;

use super::decoder::Decoder;
use super::pass::Pass;
use crate::ops::{Concurrency, LayerLane};

/// What the layers of a model keep of one sequence: keys and values, or the states of linear attention.
///
/// A clone continues the same beginning in another way. Windows of attention hide rows, and do not remove them.
#[derive(Debug, Clone)]
pub struct Cache {
    layers: Vec<LayerLane>,
    n_tokens: usize,
}

/// A sequence, and the tokens that continue it.
#[derive(Debug)]
pub struct Continuation<'a> {
    /// What layers keep of the tokens before; afterwards, of these as well.
    pub cache: &'a mut Cache,
    /// The next tokens, at least one.
    pub ids: &'a [u32],
}

impl Cache {
    /// The number of tokens that are behind.
    pub fn n_tokens(&self) -> usize {
        self.n_tokens
    }
}

impl Decoder {
    /// A sequence without tokens.
    pub fn cache(&self) -> Cache {
        Cache { layers: vec![LayerLane::default(); self.spec.layers.len()], n_tokens: 0 }
    }

    /// Whether [`Decoder::continued`] works where this model is: on the processor, with all layers in memory.
    pub fn can_be_continued(&self) -> bool {
        self.compute.concurrency() == Concurrency::Threads && !self.is_streamed()
    }

    /// The hidden state after the last norm of the last token of every sequence: what the head reads to predict the next
    /// one.
    ///
    /// A row has the bits of [`Decoder::hidden_states`] on the whole sequence, whatever other sequences are continued, and
    /// however the sequence is cut. Sequences whose rotary angles depend on their length are the exception
    /// ([`DecoderSpec::length_dependent_beyond`](crate::DecoderSpec::length_dependent_beyond)): their angles are those of
    /// the length at the time.
    ///
    /// # Shapes
    /// - returns: `[sequences, hidden]`, `f32`
    ///
    /// # Panics
    /// If there are no sequences, or one is continued by no token, or unless [`Decoder::can_be_continued`].
    pub fn continued(&self, sequences: &mut [Continuation<'_>]) -> Tensor<2> {
        assert!(self.can_be_continued(), "sequences are continued on the processor, by layers in memory");
        assert!(sequences.iter().all(|sequence| !sequence.ids.is_empty()), "a sequence has a next token");
        let ids: Vec<u32> = sequences.iter().flat_map(|sequence| sequence.ids.iter().copied()).collect();
        let place = |sequence: &Continuation<'_>| (sequence.cache.n_tokens, sequence.ids.len());
        let places: Vec<(usize, usize)> = sequences.iter().map(place).collect();
        let pass = Pass::going_on(self.ops(), &self.spec, &ids, &places, self.weight_dtype());
        let mut lanes: Vec<&mut Vec<LayerLane>> =
            sequences.iter_mut().map(|sequence| &mut sequence.cache.layers).collect();
        let hidden = self.model.forward_on(&pass, &mut lanes);
        for sequence in sequences {
            sequence.cache.n_tokens += sequence.ids.len();
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tiny_with;
    use crate::{DecoderSpec, DeviceName, Packed};

    fn model() -> Decoder {
        let spec = DecoderSpec::from_json(&tiny_with(r#", "initializer_range": 0.4"#)).unwrap();
        Decoder::random(&spec, 7, &DeviceName::Cpu.open())
    }

    fn values(hidden: Tensor<2>) -> Vec<f32> {
        crate::ops::read(hidden)
    }

    #[test]
    fn a_continued_sequence_has_the_bits_of_the_whole_one() {
        let model = model();
        let (one, other): ([u32; 7], [u32; 4]) = ([1, 5, 9, 2, 30, 7, 7], [1, 8, 8, 3]);
        let whole =
            |ids: &[u32]| values(model.hidden_states(&Packed::new([ids])).narrow(0, ids.len() - 1, 1));
        let (mut first, mut second) = (model.cache(), model.cache());
        model.continued(&mut [Continuation { cache: &mut first, ids: &one[..3] }]);
        let hidden = model.continued(&mut [
            Continuation { cache: &mut second, ids: &other },
            Continuation { cache: &mut first, ids: &one[3..5] },
        ]);
        assert_eq!(values(hidden), [whole(&other), whole(&one[..5])].concat());
        // A clone goes another way.
        let mut fork = first.clone();
        let hidden = model.continued(&mut [
            Continuation { cache: &mut first, ids: &one[5..] },
            Continuation { cache: &mut fork, ids: &[4] },
        ]);
        let forked = [&one[..5], &[4]].concat();
        assert_eq!(values(hidden), [whole(&one), whole(&forked)].concat());
        assert_eq!((first.n_tokens(), fork.n_tokens(), second.n_tokens()), (7, 6, 4));
    }

    #[test]
    fn a_sequence_without_a_next_token_is_refused() {
        let model = model();
        let mut cache = model.cache();
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            model.continued(&mut [Continuation { cache: &mut cache, ids: &[] }])
        }));
        let message = refused.err().and_then(|panic| panic.downcast_ref::<&str>().copied());
        assert_eq!(message, Some("a sequence has a next token"));
        assert_eq!(cache.n_tokens(), 0, "nothing was computed");
    }
}
