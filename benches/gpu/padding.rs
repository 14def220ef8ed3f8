//! How much of attention's work is padding: counted, not timed, so that no card is needed.

use std::path::PathBuf;

use lobass_core::{Dtype, Sequence};
use lobass_loss::{Batch, Plan, device_limits};
use lobass_model::{AttentionWork, DecoderSpec};

use crate::{Result, work};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shape of the model: a `config.json`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The number format of the weights, on which the size of batches depends
    #[arg(long, value_name = "DTYPE", default_value = "bf16")]
    dtype: Dtype,
    #[command(flatten)]
    amount: work::Amount,
}

/// Scores of one head and layer.
#[derive(Debug, Default)]
struct Scores {
    /// With every sequence filled up to the longest of its batch.
    to_longest: usize,
    /// With rectangles of long pieces, as lobass had them before.
    before: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let spec = DecoderSpec::from_json(&fs_err::read_to_string(&args.config)?)?;
    let sequences = work::sequences(&args.amount, spec.vocab_size)?;
    let plan = Plan::new(&sequences, &device_limits(&spec, args.dtype));
    let (mut work, mut scores) = (AttentionWork::default(), Scores::default());
    for at in 0..plan.n_batches() {
        let batch = plan.batch(at, &sequences);
        let rows: Vec<usize> = (0..batch.packed().n_rows()).collect();
        work += AttentionWork::new(&spec, batch.packed(), &rows);
        scores.add(&lengths(&batch), spec.layers.first().map_or(1, |layer| layer.attention.heads));
    }
    let n_tokens: usize = sequences.iter().map(Sequence::n_tokens).sum();
    let n_layers = spec.layers.len().max(1) as u64;
    println!(
        "padding: {n_tokens} tokens in {} batches, {} rectangles a layer in all",
        plan.n_batches(),
        work.rectangles / n_layers
    );
    let share = |part: u64, of: u64| 100.0 * part as f64 / of as f64;
    println!(
        "padding: of the scores that are computed, {:.1} % fill up, {:.1} % are masked beside, {:.1} % are seen",
        share(work.filled, work.computed),
        share(work.computed - work.filled - work.seen, work.computed),
        share(work.seen, work.computed)
    );
    let of_heads = |scores: usize| {
        let heads: usize = spec.layers.iter().map(|layer| layer.attention.heads).sum();
        (scores * heads) as u64
    };
    println!(
        "padding: seen before, of scores with rectangles of long pieces {:.1} %, with sequences as long as the \
         longest of a batch {:.1} %",
        share(work.seen, of_heads(scores.before)),
        share(work.seen, of_heads(scores.to_longest))
    );
    Ok(())
}

/// The lengths of a batch's sequences, which share nothing.
fn lengths(batch: &Batch) -> Vec<usize> {
    let starts: Vec<usize> = batch.packed().starts().collect();
    let ends = starts.iter().skip(1).copied().chain([batch.packed().n_rows()]);
    starts.iter().zip(ends).map(|(start, end)| end - start).collect()
}

impl Scores {
    fn add(&mut self, lengths: &[usize], heads: usize) {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        self.to_longest += lengths.len() * longest * longest;
        self.before += before(lengths, heads);
    }
}

/// The scores of pieces of at most 256 queries and all keys before them, of which those beside each other in a
/// rectangle have at least half as many keys as the longest.
fn before(lengths: &[usize], heads: usize) -> usize {
    const QUERIES: usize = 256;
    const MOST: usize = 64 << 20;
    let pieces = |&length: &usize| {
        (0..length)
            .step_by(QUERIES)
            .map(move |start| (QUERIES.min(length - start), length.min(start + QUERIES)))
    };
    let mut pieces: Vec<(usize, usize)> = lengths.iter().flat_map(pieces).collect();
    pieces.sort_by_key(|&(_, keys)| std::cmp::Reverse(keys));
    // The pieces, queries, and keys of each rectangle.
    let mut rectangles: Vec<[usize; 3]> = Vec::new();
    for (queries, keys) in pieces {
        match rectangles.last_mut() {
            Some([count, most, of])
                if (*count + 1) * heads * queries.max(*most) * *of <= MOST && 2 * keys >= *of =>
            {
                *count += 1;
                *most = queries.max(*most);
            }
            _ => rectangles.push([1, queries, keys]),
        }
    }
    rectangles.into_iter().map(|[count, queries, keys]| count * queries * keys).sum()
}
