//! One worker: prompts are run once, samples of them are continued beside each other, and a sample that ends makes room
//! for the next.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use burn::tensor::Tensor;
use lobass_core::{Nll, Prompt, Sample, SampleEnd, Sampling};
use lobass_kernels::RunningCrossEntropy;
use lobass_model::{Cache, Continuation, Decoder, Logits};

use crate::choose::choose;
use crate::draw::SampleDraws;

/// Rows of prompts that are run at once. A longer prompt is run in parts.
const PROMPT_ROWS: usize = 512;

/// A sample, with the numbers of its prompt and of itself.
pub(crate) type Landed = (usize, u32, Sample);

/// Draws samples on one thread.
pub(crate) struct Flight<'a> {
    pub(crate) model: &'a Decoder,
    pub(crate) sampling: &'a Sampling,
    /// The most samples at once.
    pub(crate) rows: usize,
}

/// The logits of a row, with the blocks of the vocabulary that they came in.
struct RowLogits {
    values: Vec<f32>,
    blocks: Rc<[Range<usize>]>,
}

/// A sample that is not begun: its prompt was run.
struct Waiting<'p> {
    prompt: usize,
    key: &'p str,
    sample: u32,
    cache: Rc<Cache>,
    logits: Rc<RowLogits>,
}

/// A sample under way.
struct Flying {
    prompt: usize,
    sample: u32,
    draws: SampleDraws,
    cache: Cache,
    ids: Vec<u32>,
    losses: Vec<f32>,
}

impl Flight<'_> {
    /// Draws the samples of the prompts that `next` gives, until it gives none.
    pub(crate) fn run<'p>(&self, next: &dyn Fn() -> Option<(usize, Prompt<'p>)>) -> Vec<Landed> {
        let (mut landed, mut flying) = (Vec::new(), Vec::<Flying>::with_capacity(self.rows));
        let mut waiting = VecDeque::new();
        loop {
            while flying.len() < self.rows {
                if waiting.is_empty() {
                    self.run_prompts(self.rows - flying.len(), next, &mut waiting);
                }
                let Some(begun) = waiting.pop_front() else { break };
                self.begin(begun, &mut flying, &mut landed);
            }
            if flying.is_empty() {
                return landed;
            }
            self.step(&mut flying, &mut landed);
        }
    }

    /// Runs the next prompts, enough for some samples, or as many as are run at once.
    fn run_prompts<'p>(
        &self,
        wanted: usize,
        next: &dyn Fn() -> Option<(usize, Prompt<'p>)>,
        waiting: &mut VecDeque<Waiting<'p>>,
    ) {
        let (mut prompts, mut n_rows): (Vec<(usize, Prompt<'p>, Cache)>, usize) = (Vec::new(), 0);
        let samples = self.sampling.samples as usize;
        while prompts.len() * samples < wanted && n_rows < PROMPT_ROWS {
            let Some((at, prompt)) = next() else { break };
            n_rows += prompt.ids.len();
            prompts.push((at, prompt, self.model.cache()));
        }
        if prompts.is_empty() {
            return;
        }
        let last_part = |ids: &[u32]| (ids.len() - 1) / PROMPT_ROWS * PROMPT_ROWS;
        for (_, prompt, cache) in &mut prompts {
            for ids in prompt.ids[..last_part(prompt.ids)].chunks(PROMPT_ROWS) {
                self.model.continued(&mut [Continuation { cache, ids }]);
            }
        }
        let mut rest: Vec<Continuation<'_>> = prompts
            .iter_mut()
            .map(|(_, prompt, cache)| Continuation { cache, ids: &prompt.ids[last_part(prompt.ids)..] })
            .collect();
        let hidden = self.model.continued(&mut rest);
        let logits = self.logits(&hidden);
        for ((prompt, Prompt { key, .. }, cache), logits) in prompts.into_iter().zip(logits) {
            let (cache, logits) = (Rc::new(cache), Rc::new(logits));
            let of = |sample| {
                let (cache, logits) = (Rc::clone(&cache), Rc::clone(&logits));
                Waiting { prompt, key, sample, cache, logits }
            };
            waiting.extend((0..self.sampling.samples).map(of));
        }
    }

    /// Draws the first token of a sample.
    fn begin(&self, waiting: Waiting<'_>, flying: &mut Vec<Flying>, landed: &mut Vec<Landed>) {
        let Waiting { prompt, key, sample, cache, logits } = waiting;
        let draws = SampleDraws::new(self.sampling.seed, key, sample);
        let cache = Rc::try_unwrap(cache).unwrap_or_else(|shared| (*shared).clone());
        let mut one = Flying { prompt, sample, draws, cache, ids: Vec::new(), losses: Vec::new() };
        match self.extend(&mut one, &logits) {
            None => flying.push(one),
            Some(end) => landed.push(one.landed(end)),
        }
    }

    /// Adds a token to every sample under way.
    fn step(&self, flying: &mut Vec<Flying>, landed: &mut Vec<Landed>) {
        let mut sequences: Vec<Continuation<'_>> = flying
            .iter_mut()
            .map(|one| Continuation { cache: &mut one.cache, ids: &one.ids[one.ids.len() - 1..] })
            .collect();
        let hidden = self.model.continued(&mut sequences);
        let logits = self.logits(&hidden);
        let mut still = Vec::with_capacity(self.rows);
        for (mut one, logits) in flying.drain(..).zip(logits) {
            match self.extend(&mut one, &logits) {
                None => still.push(one),
                Some(end) => landed.push(one.landed(end)),
            }
        }
        *flying = still;
    }

    /// Adds the next token to a sample, and says whether it is over.
    fn extend(&self, one: &mut Flying, logits: &RowLogits) -> Option<SampleEnd> {
        let position = one.ids.len();
        let Some(token) = choose(self.sampling, &logits.values, || one.draws.at(position)) else {
            return Some(SampleEnd::NotFinite);
        };
        one.ids.push(token);
        one.losses.push(logits.loss_of(token));
        if self.sampling.stop_ids.contains(&token) {
            return Some(SampleEnd::Stop);
        }
        (one.ids.len() == self.sampling.max_new_tokens as usize).then_some(SampleEnd::Limit)
    }

    /// All logits of each row.
    fn logits(&self, hidden: &Tensor<2>) -> Vec<RowLogits> {
        let vocab = self.model.spec().vocab_size;
        let mut rows = Vec::with_capacity(hidden.dims()[0]);
        self.model.each_logits(hidden, |of, logits| {
            let Logits::Blocks(blocks) = logits else {
                unreachable!("a model that can be continued is on the processor")
            };
            let mut values = vec![Vec::with_capacity(vocab); of.len()];
            let mut ranges = Vec::new();
            blocks.for_each(|logits, tokens| {
                let rows = logits.chunks_exact(tokens.len());
                values.iter_mut().zip(rows).for_each(|(row, block)| row.extend_from_slice(block));
                ranges.push(tokens);
            });
            let blocks: Rc<[Range<usize>]> = ranges.into();
            rows.extend(values.into_iter().map(|values| RowLogits { values, blocks: Rc::clone(&blocks) }));
        });
        rows
    }
}

impl RowLogits {
    /// The loss of a token, with the bits of the loss engine.
    fn loss_of(&self, token: u32) -> f32 {
        let labels = [token];
        let mut running = RunningCrossEntropy::new(&labels);
        for block in self.blocks.iter() {
            running.add(&mut self.values[block.clone()].to_vec(), block.len());
        }
        running.losses()[0]
    }
}

impl Flying {
    fn landed(self, end: SampleEnd) -> Landed {
        let sum = self.losses.iter().copied().map(f64::from).sum();
        let nll = Nll { sum, n_scored: self.losses.len() as u64 };
        (self.prompt, self.sample, Sample { ids: self.ids, end, nll })
    }
}
