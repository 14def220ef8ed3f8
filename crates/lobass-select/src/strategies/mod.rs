//! The strategies that lobass brings, a file each.
//!
//! Another one is a file like these, a `mod` line, a place in the list, and a line in `docs/reference/strategies.md`;
//! `docs/guides/strategies.md` says what each is good for. A strategy can also stay in your crate.

use std::fmt;

use crate::strategy::Strategy;

mod demonstration_advantage;
mod gap;
mod gap_sum;
mod grape;
mod ifd;
mod ifd_perplexity;
mod lark;
mod length_matched_random;
pub(crate) mod lobass;
mod longest;
mod perplexity_high;
mod perplexity_low;
mod perplexity_middle;
mod prompt_gain;
mod pvi;
mod pvi_trained;
mod quality;
mod random;
mod rds;
mod reward_margin;
mod s2l;
mod s_ifd;

/// Re-exports strategies, and lists them in this order.
macro_rules! list {
    ($($file:ident::$name:ident),+ $(,)?) => {
        $(pub use $file::$name;)+

        static ALL: &[&dyn Strategy] = &[$(&$name),+];
    };
}

list![
    lobass::Lobass,
    gap::Gap,
    gap_sum::GapSum,
    reward_margin::RewardMargin,
    demonstration_advantage::DemonstrationAdvantage,
    demonstration_advantage::DemonstrationAdvantageMean,
    perplexity_low::PerplexityLow,
    perplexity_middle::PerplexityMiddle,
    perplexity_high::PerplexityHigh,
    grape::Grape,
    ifd::Ifd,
    ifd_perplexity::IfdPerplexity,
    s_ifd::SelectiveIfd,
    pvi::Pvi,
    pvi_trained::PviTrained,
    prompt_gain::PromptGain,
    lark::Lark,
    s2l::S2l,
    rds::Rds,
    quality::Quality,
    longest::Longest,
    length_matched_random::LengthMatchedRandom,
    random::Random,
];

/// Every strategy that lobass brings, the paper's first.
pub fn all() -> &'static [&'static dyn Strategy] {
    ALL
}

/// Finds a strategy by its name, or by another name that it is known by.
///
/// # Errors
/// [`UnknownStrategy`] with the names there are, and the one that was probably meant.
pub fn named(name: &str) -> Result<&'static dyn Strategy, UnknownStrategy> {
    let is_named = |strategy: &&&dyn Strategy| {
        let info = strategy.info();
        info.name == name || info.other_names.contains(&name)
    };
    ALL.iter().find(is_named).copied().ok_or_else(|| UnknownStrategy { found: name.to_owned() })
}

/// No strategy has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownStrategy {
    /// The name.
    pub found: String,
}

impl fmt::Display for UnknownStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found } = self;
        let known: Vec<_> = ALL.iter().map(|strategy| strategy.name()).collect();
        write!(f, "expected one of {}, found `{found}`", known.join(", "))?;
        match likeliest(found, &known) {
            _ if found.contains(',') => f.write_str("; several names are separated by blanks"),
            Some(likely) => write!(f, "; did you mean `{likely}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UnknownStrategy {}

/// The name that is most like another one, if any is much like it.
fn likeliest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = known.iter().map(|&other| (strsim::jaro_winkler(&name.to_lowercase(), other), other));
    alike
        .filter(|(alike, _)| *alike > 0.8)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other)
}
