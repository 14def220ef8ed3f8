//! `lobass mask`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `lobass mask`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lobass score --base base --reference tuned --data pool.jsonl --per-token --out tokens.parquet\n  \
    lobass mask --scores tokens.parquet --method token-cleaning --keep 60% --out masked.parquet")]
pub(crate) struct MaskArgs {
    /// The score table, with the losses of tokens and a reference (`lobass score --per-token`)
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: PathBuf,
    /// How tokens are chosen
    #[arg(long, value_enum, default_value_t, value_name = "METHOD")]
    pub(crate) method: MaskMethod,
    /// The share of the scored tokens that is trained on
    #[arg(long, value_name = "SHARE", default_value = "60%", value_parser = share)]
    pub(crate) keep: f64,
    /// The tokens that a token competes with [default: its row for rho-1, the pool for token-cleaning]
    #[arg(long, value_enum, value_name = "SCOPE")]
    pub(crate) scope: Option<ScopeArg>,
    /// Mask only the rows of this selection: the list that `lobass select --index` writes
    #[arg(long, value_name = "FILE")]
    pub(crate) index: Option<PathBuf>,
    /// Where to write rows of `input_ids`, `attention_mask`, and `labels`: Parquet, or JSON lines if the name ends in
    /// `.jsonl`
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// How tokens are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum MaskMethod {
    /// The tokens whose loss the reference lowers most (Rho-1, arXiv 2404.07965)
    #[default]
    #[value(name = "rho-1")]
    Rho1,
    /// The same, and none whose loss the reference raises (Token Cleaning, arXiv 2502.01968)
    TokenCleaning,
}

/// The tokens that a token competes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// All scored tokens of the table
    Pool,
    /// Those of its row
    Row,
}

/// `60%` or `0.6`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|number| number / scale);
    share
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| "expected a share above 0 and up to 1, as `60%` or `0.6`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        assert_eq!(share("60%"), Ok(0.6));
        assert_eq!(share("0.6"), Ok(0.6));
        assert_eq!(share("100 %"), Ok(1.0));
        for bad in ["0", "60", "-1%", "nan", "x"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
