//! The report of samples.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::{Labelled, count};
use lobass_run::SampleManifest;
use serde::Serialize;

use super::pairs::PairCounts;

/// The report of a call that draws samples.
#[derive(Debug, Serialize)]
pub struct GenerationReport {
    /// The file of samples; `None` if this process did a part of the work only.
    pub samples: Option<PathBuf>,
    /// The manifest of the file.
    pub manifest: Option<SampleManifest>,
    /// The file of pairs, and what is in it.
    pub pairs: Option<(PathBuf, PairCounts)>,
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
        let of_rows = format!("{} of {} rows", count(manifest.n_samples), count(manifest.n_rows));
        text.line(
            "drawn",
            match sampling.is_greedy() {
                true => format!("{of_rows}, the most likely token every time"),
                false => format!("{of_rows}, temperature {}, top-p {}", sampling.temperature, sampling.top_p),
            },
        );
        let limit = sampling.max_new_tokens;
        text.line(
            "ended",
            format!(
                "{} by themselves, the others at the limit of {limit} tokens; {} tokens in all",
                count(manifest.n_finished),
                count(manifest.n_tokens)
            ),
        );
        if let Some((path, counts)) = &self.pairs {
            text.line("pairs", path.display());
            text.line("pairs", format!("{} of a demonstration and a sample", count(counts.written)));
            for (n, why) in [
                (counts.unfinished, "samples did not end"),
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
