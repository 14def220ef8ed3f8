//! What is known before a sample is drawn: settings that draw nothing, and sequences that get too long for the model.

use lobass_core::Observer as _;
use lobass_core::readable::{count, counted};
use lobass_data::Mask;
use lobass_run::{DrawnBy, WorkDir};

use crate::error::{Result, bail};
use crate::runtime::Runtime;
use crate::settings::{ComputeSettings, EncodeSettings, SamplingSettings};

/// Refuses settings that cannot draw samples, by the names of their flags.
///
/// # Errors
/// If there are any.
pub(crate) fn check_settings(
    sampling: &SamplingSettings,
    sequences: &EncodeSettings,
    compute: &ComputeSettings,
) -> Result<()> {
    if sequences.mask == Mask::All {
        bail!(Settings, "samples continue prompts, and the mask `all` knows none; use `--mask response`");
    }
    if compute.memory.is_some() {
        bail!(Settings, "samples are drawn with the whole model in memory; leave out `--memory`");
    }
    let SamplingSettings { samples, temperature, top_p, .. } = *sampling;
    if !(temperature.is_finite() && temperature >= 0.0) {
        bail!(Settings, "`--temperature`: expected 0 or more, found {temperature}");
    }
    if !(top_p > 0.0 && top_p <= 1.0) {
        bail!(Settings, "`--top-p`: expected above 0 and at most 1, found {top_p}");
    }
    if temperature == 0.0 && (samples > 1 || top_p < 1.0) {
        bail!(
            Settings,
            "`--temperature 0` takes the most likely token every time: expected one sample and a top-p of 1, found \
             `--samples {samples}` and `--top-p {top_p}`; leave these out, or use a higher temperature"
        );
    }
    sampling.with_stops(Vec::new()).map(|_| ())
}

/// Warns once if prompts and new tokens may pass the positions that the model was made for.
///
/// # Errors
/// If the rows cannot be read.
pub(super) fn warn_of_long(work: &WorkDir, by: &DrawnBy, positions: usize, runtime: &Runtime) -> Result<()> {
    if work.is_generated(by)? {
        return Ok(());
    }
    let n_new = by.sampling.max_new_tokens;
    let is_long = |prompt: &[u32]| prompt.len() + n_new as usize > positions;
    let mut n_rows = 0;
    for &shard in &work.plan().shards {
        let rows = work.sequences_of(shard)?.into_iter();
        let asked = rows.filter(|(row, _)| by.slice.is_none_or(|slice| slice.has(*row)));
        n_rows += asked.filter(|(_, sequence)| is_long(sequence.prompt())).count() as u64;
    }
    if n_rows > 0 {
        runtime.warn(&format!(
            "samples may go on behind the model's {} tokens, where it was not trained: prompt and `--max-new-tokens \
             {n_new}` together are longer in {}",
            count(positions as u64),
            counted(n_rows, "row")
        ));
    }
    Ok(())
}
