//! The report of samples.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count, counted};
use lobass_run::SampleManifest;
use serde::Serialize;

use super::pairs::PairCounts;
use crate::unused::{Unused, n_unusable, say_unused};

/// The report of a call that draws samples.
#[derive(Debug, Default, Serialize)]
pub struct GenerationReport {
    /// The file of samples; `None` if this process did a part of the work only.
    pub samples: Option<PathBuf>,
    /// The manifest of the file.
    pub manifest: Option<SampleManifest>,
    /// Rows that no sample is drawn for.
    pub unused: Unused,
    /// The file of pairs, and what is in it.
    pub pairs: Option<(PathBuf, PairCounts)>,
}

impl GenerationReport {
    /// Whether there are rows that could not be used, or samples that no number was left for.
    pub fn falls_short(&self) -> bool {
        let n_not_finite = self.manifest.as_ref().map_or(0, |manifest| manifest.n_not_finite);
        n_not_finite > 0 || n_unusable(&self.unused) > 0
    }
}

impl fmt::Display for GenerationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let (Some(samples), Some(manifest)) = (&self.samples, &self.manifest) else {
            text.line("part", "its samples are drawn; the same command without `--rank` joins all parts");
            return text.fmt(f);
        };
        let sampling = &manifest.drawn_by.sampling;
        text.line("samples", samples.display());
        say_unused(&self.unused, &mut text);
        let of_rows =
            format!("{} of {}", counted(manifest.n_samples, "sample"), counted(manifest.n_rows, "row"));
        text.line(
            "drawn",
            match sampling.is_greedy() {
                true => format!("{of_rows}, the most likely token every time"),
                false => format!("{of_rows}, temperature {}, top-p {}", sampling.temperature, sampling.top_p),
            },
        );
        let n_others = manifest.n_samples.saturating_sub(manifest.n_finished + manifest.n_not_finite);
        text.line(
            "ended",
            format!(
                "{} by themselves, {} at the limit of {} tokens; {} tokens in all",
                count(manifest.n_finished),
                count(n_others),
                sampling.max_new_tokens,
                count(manifest.n_tokens)
            ),
        );
        if manifest.n_not_finite > 0 {
            text.line(
                "not finite",
                format!(
                    "{} ended where the model gave a number that is not finite; use a model without such numbers, or try \
                     `--dtype f32`",
                    counted(manifest.n_not_finite, "sample")
                ),
            );
        }
        if let Some((path, counts)) = &self.pairs {
            text.line("pairs", path.display());
            text.line("pairs", format!("{} of a demonstration and a sample", count(counts.written)));
            for (n, why) in [
                (counts.unfinished, "samples did not end"),
                (counts.not_finite, "samples ended at a number that is not finite"),
                (counts.same, "samples are the demonstration"),
                (counts.other_tokens, "samples have a text that becomes other tokens"),
                (counts.no_text, "samples are of rows that do not end with a text of the assistant"),
            ] {
                if n > 0 {
                    text.line("left out", format!("{} {why}", count(n)));
                }
            }
        }
        text.line("digest", format!("{} of all tokens and losses", &manifest.digest[..16]));
        text.fmt(f)
    }
}
