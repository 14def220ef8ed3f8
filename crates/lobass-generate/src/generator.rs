//! One model that draws samples, on some threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use lobass_core::{Prompt, Sample, Sampling, SamplingEngine};
use lobass_loss::Workers;
use lobass_model::{Decoder, DecoderSpec};

use crate::Error;
use crate::flight::{Flight, Landed};

/// Samples of a thread at once: as many as fill a panel of a product.
const ROWS: usize = 32;
/// What layers keep of all samples of all threads at once, in bytes. Fewer samples are drawn at once where more would
/// take more.
const CACHE_BYTES: usize = 4 << 30;

/// Draws samples with a model on the processor.
///
/// Keys and values of a sequence are kept. Samples of a prompt share its run. A thread has up to 32 samples under way; one
/// that ends makes room for the next.
#[derive(Debug)]
pub struct Generator {
    model: Decoder,
    workers: Workers,
}

impl Generator {
    /// Takes a model and the number of threads; 0 counts as 1. The number of threads changes the speed and nothing else.
    ///
    /// # Errors
    /// [`Error::Device`] if the model is not on the processor, or if its layers are read when they are needed.
    pub fn new(model: Decoder, threads: usize) -> Result<Self, Error> {
        if !model.can_be_continued() {
            let found = match model.is_streamed() {
                true => "layers that are read from disk".to_owned(),
                false => format!("{:?}", model.device()),
            };
            return Err(Error::Device { found });
        }
        Ok(Self { workers: Workers::for_model(&model, threads), model })
    }

    /// The model.
    pub fn model(&self) -> &Decoder {
        &self.model
    }

    /// Samples that a thread has under way at once, given the longest sequence.
    fn rows(&self, longest: usize) -> usize {
        let of_sample = longest.max(1) * token_bytes(self.model.spec());
        (CACHE_BYTES / self.workers.count() / of_sample.max(1)).clamp(1, ROWS)
    }

    fn check(&self, prompts: &[Prompt<'_>], sampling: &Sampling) -> Result<(), Error> {
        sampling.check().map_err(|reason| Error::Sampling { reason })?;
        let spec = self.model.spec();
        for prompt in prompts {
            let key = || prompt.key.to_owned();
            if prompt.ids.is_empty() {
                return Err(Error::EmptyPrompt { key: key() });
            }
            if let Some(&id) = prompt.ids.iter().find(|&&id| id as usize >= spec.vocab_size) {
                return Err(Error::TokenOutOfRange { key: key(), id, vocab_size: spec.vocab_size });
            }
            let found = prompt.ids.len() + sampling.max_new_tokens as usize;
            if let Some(limit) = spec.length_dependent_beyond().filter(|limit| found > *limit) {
                return Err(Error::TooLong { key: key(), limit, found });
            }
        }
        Ok(())
    }
}

impl SamplingEngine for Generator {
    type Error = Error;

    fn vocab_size(&self) -> usize {
        self.model.spec().vocab_size
    }

    fn samples(&self, prompts: &[Prompt<'_>], sampling: &Sampling) -> Result<Vec<Vec<Sample>>, Error> {
        self.check(prompts, sampling)?;
        let longest = prompts.iter().map(|prompt| prompt.ids.len()).max().unwrap_or(0);
        let rows = self.rows(longest + sampling.max_new_tokens as usize);
        let flight = Flight { model: &self.model, sampling, rows };
        let taken = AtomicUsize::new(0);
        let next = || {
            let at = taken.fetch_add(1, Ordering::Relaxed);
            prompts.get(at).map(|&prompt| (at, prompt))
        };
        let order: Vec<usize> = (0..self.workers.count()).collect();
        let landed: Vec<Vec<Landed>> = self.workers.run(&order, |_| flight.run(&next));
        let mut found: Vec<Vec<Option<Sample>>> =
            prompts.iter().map(|_| vec![None; sampling.samples as usize]).collect();
        for (prompt, sample, one) in landed.into_iter().flatten() {
            found[prompt][sample as usize] = Some(one);
        }
        Ok(found.into_iter().map(|samples| samples.into_iter().flatten().collect()).collect())
    }
}

/// What all layers keep of a token, in bytes.
fn token_bytes(spec: &DecoderSpec) -> usize {
    let of_layer = |layer: &lobass_model::LayerSpec| match layer.linear {
        Some(_) => 0,
        None => 2 * layer.attention.kv_heads * layer.attention.head_width * size_of::<f32>(),
    };
    spec.layers.iter().map(of_layer).sum()
}
