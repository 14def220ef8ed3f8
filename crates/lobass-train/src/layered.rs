//! Gradients of a batch under a model whose layers are read when they are needed.
//!
//! All micro-batches of a group go through one layer before the next is read, and back in the same way. So a step reads
//! the model twice for each group, and not for each micro-batch. Gradients of a parameter are added in the order of the
//! micro-batches, as they are with all layers in memory, so both have the same bits.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use lobass_loss::Workers;
use lobass_model::{Decoder, GivenLayer, Gradients, LayeredTrace};

use crate::Objective;
use crate::micro_batch::{Cut, MicroBatch, Terms};

/// Computes the loss of micro-batches, and its gradients.
pub(crate) fn of_micro_batches(
    model: &Decoder,
    objective: Objective<'_>,
    micro: &[Vec<usize>],
    n_terms: f64,
    cut: Cut,
    workers: &Workers,
) -> (Terms, Gradients) {
    let n_tokens = |examples: &Vec<usize>| examples.iter().map(|&example| objective.n_tokens(example)).sum();
    let lengths: Vec<usize> = micro.iter().map(n_tokens).collect();
    let (mut terms, mut gradients) = (Terms::default(), model.gradients());
    for places in groups(&lengths, cut.tokens_at_once, workers.count()) {
        let batches = micro[places.clone()].iter().map(|examples| MicroBatch::new(objective, examples));
        let batches: Vec<MicroBatch<'_>> = batches.collect();
        let ways = batches.iter().zip(places).map(|(micro, number)| {
            let trace = model.layered(&micro.packed, cut.dropout_seed(number));
            Mutex::new(Way { micro, trace, terms: Terms::default(), ends: model.gradients() })
        });
        let group = Group { ways: ways.collect(), workers };
        group.run(model, n_terms, &mut terms, &mut gradients);
    }
    (terms, gradients)
}

/// Cuts micro-batches into groups of at most `limit` tokens, in order. A group has at least one micro-batch for each
/// worker, and as many for each unless it is the last.
fn groups(lengths: &[usize], limit: usize, workers: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    while start < lengths.len() {
        let mut n_tokens = 0;
        let fits = |length: &&usize| {
            n_tokens += **length;
            n_tokens <= limit
        };
        let mut end = start + lengths[start..].iter().take_while(fits).count();
        if end < lengths.len() {
            let n_rounds = ((end - start) / workers).max(1);
            end = lengths.len().min(start + n_rounds * workers);
        }
        groups.push(start..end);
        start = end;
    }
    groups
}

/// A micro-batch under way.
struct Way<'a> {
    micro: &'a MicroBatch<'a>,
    trace: LayeredTrace<'a>,
    terms: Terms,
    /// The gradients of head, last norm, and embedding.
    ends: Gradients,
}

/// Micro-batches that go through each layer before the next is read.
struct Group<'a> {
    ways: Vec<Mutex<Way<'a>>>,
    workers: &'a Workers,
}

impl<'a> Group<'a> {
    /// Goes through all layers and back, and adds losses and gradients.
    fn run(self, model: &Decoder, n_terms: f64, terms: &mut Terms, gradients: &mut Gradients) {
        let mut trip = model.round_trip();
        for _ in &model.spec().layers {
            let Some(layer) = trip.next_layer() else { break };
            self.each(|way| way.trace.forward(&layer), drop);
        }
        self.each(|way| way.turn(model, n_terms), drop);
        while let Some(layer) = trip.next_layer() {
            self.each(|way| way.back(model, &layer), |found| gradients.merge(found));
        }
        drop(trip);
        for way in self.ways {
            let Way { trace, terms: found, mut ends, .. } =
                way.into_inner().unwrap_or_else(PoisonError::into_inner);
            trace.end(&mut ends);
            gradients.merge(ends);
            terms.add(found);
        }
    }

    /// Runs work on every micro-batch, one a worker at a time, and hands out what it gives, in order.
    fn each<T: Send>(&self, work: impl Fn(&mut Way<'a>) -> T + Sync, mut take: impl FnMut(T)) {
        let places: Vec<usize> = (0..self.ways.len()).collect();
        let work = |at: usize| work(&mut self.ways[at].lock().unwrap_or_else(PoisonError::into_inner));
        for round in places.chunks(self.workers.count()) {
            self.workers.run(round, work).into_iter().for_each(&mut take);
        }
    }
}

impl Way<'_> {
    /// Computes the loss, and turns around.
    fn turn(&mut self, model: &Decoder, n_terms: f64) {
        let hidden = self.trace.hidden_states();
        let (terms, d_hidden) = self.micro.head(model, hidden, n_terms, &mut self.ends);
        self.terms = terms;
        self.trace.turn(d_hidden, &mut self.ends);
    }

    /// Goes back through a layer; returns its gradients.
    fn back(&mut self, model: &Decoder, layer: &GivenLayer<'_>) -> Gradients {
        let mut gradients = model.gradients();
        self.trace.backward(layer, &mut gradients);
        gradients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_fill_the_limit_and_every_worker() {
        assert_eq!(groups(&[5; 7], 22, 2), [0..4, 4..7]);
        assert_eq!(groups(&[5; 7], 35, 2), vec![Range { start: 0, end: 7 }]);
        assert_eq!(groups(&[5; 7], 0, 3), [0..3, 3..6, 6..7]);
        assert_eq!(groups(&[9, 2, 2], 10, 2), [0..2, 2..3]);
        assert!(groups(&[], 10, 2).is_empty());
    }
}
