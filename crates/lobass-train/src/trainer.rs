//! One training, step by step.

use lobass_core::{Detail, Dtype, LossEngine as _, Nll, Sequence};
use lobass_loss::{Engine, Workers};
use lobass_model::{Decoder, TraceOptions};
use sha2::{Digest, Sha256};

use crate::adamw::AdamW;
use crate::gradients;
use crate::mask::Factors;
use crate::memory::token_bytes;
use crate::micro_batch::Cut;
use crate::plan::{Batch, Plan};
use crate::{
    Checkpoints, Error, HeldOut, Objective, Optimizer, Session, Sources, StepReport, TrainConfig, TrainData,
    TrainReport, WeightMask,
};

/// A training that can be stepped, measured, saved, and resumed.
pub(crate) struct Trainer<'a> {
    /// Out of its place only while it is stepped: a second handle on the weights would have them copied.
    model: Option<Decoder>,
    objective: Objective<'a>,
    sources: Sources<'a>,
    config: &'a TrainConfig,
    plan: Plan,
    /// Batches of an epoch, if there are epochs.
    per_epoch: Option<usize>,
    workers: Workers,
    /// The memory for the inputs of layers that are read when they are needed.
    batch_bytes: u64,
    optimizer: AdamW,
    /// Which weights are trained; all of them without it.
    mask: Option<Factors>,
    fingerprint: String,
    report: TrainReport,
}

const PRESENT: &str = "the model is back in its place after every step";

impl<'a> Trainer<'a> {
    pub(crate) fn new(
        model: Decoder,
        data: &TrainData<'a>,
        config: &'a TrainConfig,
        session: Session<'_>,
    ) -> Result<Self, Error> {
        let objective = data.train;
        config.check()?;
        data.sources.check(objective, data.held_out)?;
        let plan = Plan::new(objective, data.sources, config)?;
        let fingerprint = fingerprint(&model, data, config);
        let trainer = Self::begin(model, data, plan, config, (session, fingerprint))?;
        Ok(Self { per_epoch: Some(objective.len().div_ceil(config.batch_size)), ..trainer })
    }

    /// A training in given batches.
    pub(crate) fn in_batches(
        model: Decoder,
        data: &TrainData<'a>,
        plan: Vec<Vec<usize>>,
        config: &'a TrainConfig,
        session: Session<'_>,
    ) -> Result<Self, Error> {
        config.check()?;
        if let Some(mixing) = &config.mixing {
            let (expected, found) = ("left out, since batches are given", mixing.policy.to_string());
            return Err(Error::Recipe { field: "mixing", expected, found });
        }
        data.sources.check(data.train, data.held_out)?;
        let n_examples = data.train.len();
        if plan.iter().any(|batch| batch.is_empty() || batch.iter().any(|&example| example >= n_examples)) {
            return Err(Error::Batches { n_examples });
        }
        let mut hash = Sha256::new();
        hash.update(fingerprint(&model, data, config).as_bytes());
        for batch in &plan {
            hash.update((batch.len() as u64).to_le_bytes());
            for &example in batch {
                hash.update((example as u64).to_le_bytes());
            }
        }
        Self::begin(model, data, Plan::Given(plan), config, (session, hex(&hash.finalize())))
    }

    fn begin(
        model: Decoder,
        data: &TrainData<'a>,
        plan: Plan,
        config: &'a TrainConfig,
        (session, fingerprint): (Session<'_>, String),
    ) -> Result<Self, Error> {
        let (objective, sources) = (data.train, data.sources);
        objective.check()?;
        let products = config.products;
        let model = model.with_products(products).ok_or(Error::Products { products })?;
        for example in 0..objective.len() {
            for sequence in objective.sequences(example) {
                lobass_loss::check_ids(&model, std::slice::from_ref(sequence))?;
            }
        }
        let n_steps = plan.n_steps();
        config.check_steps(n_steps)?;
        let report =
            TrainReport { n_steps, n_tokens: 0, losses: Vec::new(), held_out: Vec::new(), mixed: None };
        let optimizer = AdamW::new(&model, config);
        let workers = Workers::new(session.threads);
        let (model, per_epoch, batch_bytes) = (Some(model), None, session.batch_bytes);
        Ok(Self {
            model,
            objective,
            sources,
            config,
            plan,
            per_epoch,
            workers,
            batch_bytes,
            optimizer,
            mask: None,
            fingerprint,
            report,
        })
    }

    /// A training of a part of the weights.
    pub(crate) fn masked(self, mask: &WeightMask) -> Result<Self, Error> {
        let factors = mask.factors(self.model())?;
        let mut hash = Sha256::new();
        hash.update(self.fingerprint.as_bytes());
        mask.add_to(&mut hash);
        Ok(Self { mask: Some(factors), fingerprint: hex(&hash.finalize()), ..self })
    }

    /// Takes up the latest state, if there is one; says how many steps it had taken.
    pub(crate) fn resume(&mut self, checkpoints: &Checkpoints) -> Result<Option<usize>, Error> {
        let Some(mut state) = checkpoints.read(self.model(), &self.fingerprint)? else { return Ok(None) };
        let known: std::collections::BTreeSet<u64> = state.weights.keys().copied().collect();
        self.model = self.model.take().map(|model| {
            model.with_parameters(
                &mut |id, weights| state.weights.remove(&id.val()).unwrap_or(weights),
                &|id| known.contains(&id.val()),
            )
        });
        self.plan.resume(state.header.mixing)?;
        self.optimizer.resume(state.header.step, state.moments);
        self.report = state.header.report;
        Ok(Some(state.header.step))
    }

    /// Writes the state down.
    pub(crate) fn save(&self, checkpoints: &Checkpoints) -> Result<(), Error> {
        let (moments, mixing) = (&self.optimizer.moments, self.plan.state());
        checkpoints.write(self.model(), moments, &self.fingerprint, &self.report, mixing)
    }

    /// The size of a state, once a step is taken: weights and two moments of each.
    pub(crate) fn state_bytes(&self) -> u64 {
        self.optimizer.moments.values().map(|moments| 12 * moments.means.dims()[0] as u64).sum()
    }

    pub(crate) fn n_steps(&self) -> usize {
        self.plan.n_steps()
    }

    /// Steps taken.
    pub(crate) fn n_taken(&self) -> usize {
        self.report.losses.len()
    }

    /// The epoch that the last step ended, counted from 1, if it ended one.
    pub(crate) fn epoch_ended(&self) -> Option<u32> {
        let (per_epoch, taken) = (self.per_epoch?, self.n_taken());
        (taken > 0 && taken.is_multiple_of(per_epoch))
            .then(|| u32::try_from(taken / per_epoch).unwrap_or(u32::MAX))
    }

    /// The optimizer after the last step; its learning rate is the mean of the latest epoch's.
    pub(crate) fn optimizer(&self) -> Optimizer<'_> {
        let (n_taken, n_steps) = (self.n_taken(), self.n_steps());
        let per_epoch = self.objective.len().div_ceil(self.config.batch_size);
        let steps = n_taken.saturating_sub(per_epoch)..n_taken;
        let count = steps.len().max(1) as f64;
        let rates = steps.map(|step| self.config.learning_rate_at(step, n_steps));
        Optimizer {
            model: self.model(),
            config: self.config,
            moments: &self.optimizer.moments,
            n_steps: n_taken,
            learning_rate: rates.sum::<f64>() / count,
        }
    }

    pub(crate) fn model(&self) -> &Decoder {
        self.model.as_ref().expect(PRESENT)
    }

    pub(crate) fn report(&self) -> &TrainReport {
        &self.report
    }

    /// Waits until the device has done all that it was given: it computes behind the calls, and nothing has read the last
    /// step.
    ///
    /// # Errors
    /// [`Error::Device`] if the device failed.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.model().device().sync().map_err(|error| Error::Device { reason: error.to_string() })
    }

    pub(crate) fn into_parts(self) -> (Decoder, TrainReport) {
        let report = TrainReport { mixed: self.plan.outcome(), ..self.report };
        (exact(self.model.expect(PRESENT)), report)
    }

    /// Takes the next step.
    pub(crate) fn step(&mut self) -> Result<StepReport, Error> {
        let (at, n_steps, config) = (self.n_taken(), self.n_steps(), self.config);
        let learning_rate = config.learning_rate_at(at, n_steps);
        let dropout_seed = Some((config.seed << 32) ^ ((at as u64) << 12));
        let options = TraceOptions { recompute: config.recompute, dropout_seed };
        let tokens_at_once = self.batch_bytes / token_bytes(self.model().spec());
        let cut = Cut {
            micro_batch_tokens: config.micro_batch_tokens,
            options,
            tokens_at_once: usize::try_from(tokens_at_once).unwrap_or(usize::MAX),
        };
        let Batch { examples, shares } = self.plan.batch(at);
        let mut found = gradients::of_batch(self.model(), self.objective, &examples, cut, &self.workers);
        if let Some(mask) = &self.mask {
            found.gradients = found.gradients.masked(mask);
        }
        let grad_norm = self.workers.together(|| found.gradients.norm());
        let step = at + 1;
        if !found.loss.is_finite() || !grad_norm.is_finite() {
            return Err(Error::Diverged { step, n_steps, loss: found.loss, grad_norm, learning_rate });
        }
        let factor = config.max_grad_norm / (grad_norm + 1e-6); // PyTorch's guard against a norm of zero
        let gradients = match config.max_grad_norm > 0.0 && factor < 1.0 {
            true => self.workers.together(|| found.gradients.scaled(factor)),
            false => found.gradients,
        };
        let (mask, optimizer) = (self.mask.as_ref(), &mut self.optimizer);
        let stepped = |model| optimizer.step(model, learning_rate, gradients, mask);
        self.model = self.model.take().map(|model| self.workers.together(|| stepped(model)));
        self.report.n_tokens += found.n_tokens as u64;
        self.report.losses.push(found.loss);
        let epoch = self.per_epoch.map_or(1, |per_epoch| at / per_epoch + 1);
        let epoch = u32::try_from(epoch).unwrap_or(u32::MAX);
        let pass_of = |source| self.plan.pass(source).unwrap_or(epoch);
        let by_source = self.sources.losses(&found.examples, pass_of);
        self.plan.learn(&by_source);
        Ok(StepReport {
            step,
            n_steps,
            epoch,
            loss: found.loss,
            learning_rate,
            grad_norm,
            n_tokens: found.n_tokens,
            margins: found.margins,
            by_source,
            shares,
        })
    }

    /// Refuses a model that the last step has ruined, by the loss of one example: no loss of the training shows that.
    ///
    /// # Errors
    /// [`Error::Ruined`] if the loss is not finite; [`Error::Loss`] if it cannot be computed.
    pub(crate) fn check_last(&self) -> Result<(), Error> {
        let n_steps = self.n_steps();
        let losses = held_out_losses(&self.engine(), self.objective.first())?;
        match losses.iter().map(|nll| nll.sum).find(|loss| !loss.is_finite()) {
            None => Ok(()),
            Some(loss) => Err(Error::Ruined { n_steps, loss, learning_rate: self.config.learning_rate }),
        }
    }

    /// Scores with the model as it is.
    fn engine(&self) -> Engine {
        let engine = || Engine::new(exact(self.model().clone()), self.workers.count());
        match self.model().is_streamed() {
            true => engine().within(self.batch_bytes).unwrap_or_else(engine),
            false => engine(),
        }
    }

    /// Measures the objective on examples that are not trained on.
    pub(crate) fn measure(&mut self, held_out: Objective<'_>) -> Result<Option<HeldOut>, Error> {
        if held_out.is_empty() {
            return Ok(None);
        }
        let losses = held_out_losses(&self.engine(), held_out)?;
        let mut nll = Nll::default();
        for loss in &losses {
            nll += *loss;
        }
        let measured = HeldOut { step: self.n_taken(), nll, by_source: self.sources.held_out(&losses) };
        self.report.held_out.push(measured.clone());
        Ok(Some(measured))
    }
}

/// The model as it scores.
fn exact(model: Decoder) -> Decoder {
    model.with_products(Dtype::F32).expect("every device has products in f32")
}

/// The summed loss of each example, and the number of its terms: scored tokens, or one for a pair.
fn held_out_losses(engine: &Engine, held_out: Objective<'_>) -> Result<Vec<Nll>, Error> {
    match held_out {
        Objective::Sft(sequences) => {
            let losses = engine.losses(sequences, Detail::Sum)?;
            Ok(losses.into_iter().map(|loss| loss.nll).collect())
        }
        Objective::Preference(pairs, dpo) => {
            let side = |side: fn(&crate::Pair) -> &Sequence| -> Result<Vec<f64>, Error> {
                let sequences: Vec<Sequence> = pairs.iter().map(|pair| side(pair).clone()).collect();
                Ok(engine.losses(&sequences, Detail::Sum)?.into_iter().map(|loss| loss.nll.sum).collect())
            };
            let (chosen, rejected) = (side(|pair| &pair.chosen)?, side(|pair| &pair.rejected)?);
            let losses = pairs.iter().zip(chosen.into_iter().zip(rejected));
            let nll =
                |(pair, (chosen, rejected))| Nll { sum: dpo.loss(pair, chosen, rejected).loss, n_scored: 1 };
            Ok(losses.map(nll).collect())
        }
    }
}

/// A hash of what decides a training.
fn fingerprint(model: &Decoder, data: &TrainData<'_>, config: &TrainConfig) -> String {
    let objective = data.train;
    let mut hash = Sha256::new();
    // Recomputed layers have the same bits.
    let config = TrainConfig { recompute: false, ..config.clone() };
    hash.update(format!("{:?}", model.weight_dtype()).as_bytes());
    hash.update(serde_json::to_vec(&config).expect("a recipe is plain data"));
    for (name, _) in model.trained_parameters() {
        hash.update(name.as_bytes());
        let weight = model.weight(&name).expect("it is one of the model's");
        weight.iter::<f32>().for_each(|value| hash.update(value.to_le_bytes()));
    }
    if let Objective::Preference(_, dpo) = objective {
        hash.update(serde_json::to_vec(&dpo).expect("an objective is plain data"));
    }
    if config.mixing.is_some() {
        hash.update(serde_json::to_vec(data.sources.names).expect("names are plain data"));
        data.sources.train.iter().for_each(|source| hash.update(source.to_le_bytes()));
    }
    for example in 0..objective.len() {
        for sequence in objective.sequences(example) {
            hash.update((sequence.n_tokens() as u64).to_le_bytes());
            sequence.input_ids().iter().for_each(|id| hash.update(id.to_le_bytes()));
            sequence.loss_mask().iter().for_each(|&counts| hash.update([u8::from(counts)]));
        }
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
