//! The shape of a selection, beside its budget.

use lobass_select::{Guards, NamedShares};
use lobass_text::Rules;
use serde::{Deserialize, Serialize};

use super::spelled::Spelled;
use crate::error::{Context as _, Result, bail};

/// The shape of a selection, beside its budget.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShapeSettings {
    /// Rows with fewer scored tokens are left out.
    pub min_scored: Option<u32>,
    /// Rows with a lower loss under the base, in nats per scored token, are left out.
    pub min_base_loss: Option<f64>,
    /// Rows above this quantile (0 to 1) of the reference's loss per scored token are left out.
    pub max_reference_quantile: Option<f64>,
    /// Nats that are added to the denominator of a relative loss reduction.
    pub shrinkage: Option<f64>,
    /// Rules of texts, as `lobass quality` takes them. Rows on which a rule fires are left out.
    pub rules: Option<String>,
    /// The Jaccard similarity of near duplicates, of which one row is kept.
    pub near_duplicates: Option<f64>,
    /// Which responses to one prompt may be kept; `None` leaves it to the strategy.
    pub responses: Option<Responses>,
    /// `source`, `length`, or a column of the data.
    pub quota_by: Option<String>,
    /// The number of bins of a quota by length.
    pub length_bins: Option<usize>,
    /// Each part gets a share in proportion to its candidates to the power of one over this.
    pub temperature: Option<f64>,
    /// The share of each part by its name, as in `a=1,b=3`.
    pub shares: Option<String>,
}

/// Which responses to one prompt may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Responses {
    /// All of them
    All,
    /// The best by the strategy
    Best,
    /// The most probable one under the base (GRAPE), whatever the strategy ranks by
    MostProbable,
}

impl ShapeSettings {
    /// The least and largest values of a row.
    pub fn guards(&self) -> Guards {
        Guards {
            min_scored: self.min_scored,
            min_base_loss: self.min_base_loss,
            max_reference_quantile: self.max_reference_quantile,
            shrinkage: self.shrinkage,
        }
    }

    pub(super) fn spell(&self, spelled: &mut Spelled) {
        spelled.value("min-scored", self.min_scored);
        spelled.value("min-base-loss", self.min_base_loss);
        spelled.value("max-reference-quantile", self.max_reference_quantile);
        spelled.value("shrinkage", self.shrinkage);
        spelled.text("rules", self.rules.as_deref());
        spelled.value("near-duplicates", self.near_duplicates);
        spelled.value(
            "responses",
            self.responses.map(|responses| match responses {
                Responses::All => "all",
                Responses::Best => "best",
                Responses::MostProbable => "most-probable",
            }),
        );
        spelled.text("quota-by", self.quota_by.as_deref());
        spelled.value("length-bins", self.length_bins);
        spelled.value("temperature", self.temperature);
        spelled.text("shares", self.shares.as_deref());
    }

    /// Checks what can be checked before anything is read.
    pub(super) fn check(&self) -> Result<()> {
        let number = |flag: &str, value: Option<f64>, expected: &str, fits: fn(f64) -> bool| match value {
            Some(value) if !fits(value) => bail!(Settings, "`{flag}`: expected {expected}, found {value}"),
            _ => Ok(()),
        };
        number("--min-base-loss", self.min_base_loss, "a number", f64::is_finite)?;
        let quantile = |value: f64| (0.0..=1.0).contains(&value);
        number("--max-reference-quantile", self.max_reference_quantile, "0 to 1", quantile)?;
        let nats = |nats: f64| nats >= 0.0 && nats.is_finite();
        number("--shrinkage", self.shrinkage, "nats, at least 0", nats)?;
        number("--temperature", self.temperature, "a number above 0, or inf", |t| t > 0.0)?;
        let jaccard = |jaccard: f64| (0.1..=1.0).contains(&jaccard);
        number("--near-duplicates", self.near_duplicates, "0.1 to 1", jaccard)?;
        if let Some(rules) = &self.rules {
            rules.parse::<Rules>().with_context(|| format!("`--rules {rules}`"))?;
        }
        self.check_quota()
    }

    fn check_quota(&self) -> Result<()> {
        if self.length_bins == Some(0) {
            bail!(Settings, "`--length-bins`: expected at least 1, found 0");
        }
        if self.temperature.is_some() && self.shares.is_some() {
            bail!(Settings, "`--temperature` and `--shares` both split the budget; give one of them");
        }
        if let Some(shares) = &self.shares {
            shares.parse::<NamedShares>().with_context(|| format!("`--shares {shares}`"))?;
        }
        match self.quota_by.as_deref() {
            None if self.temperature.is_some() || self.shares.is_some() => {
                bail!(
                    Settings,
                    "`--temperature` and `--shares` need `--quota-by`: `source`, `length`, or a column of the data"
                )
            }
            None | Some("source") if self.length_bins.is_some() => {
                bail!(Settings, "`--length-bins` only applies to `--quota-by length`")
            }
            Some(by) if by != "length" && self.length_bins.is_some() => {
                bail!(
                    Settings,
                    "`--length-bins` only applies to `--quota-by length`, found `--quota-by {by}`"
                )
            }
            Some("length") if self.shares.is_some() => {
                bail!(
                    Settings,
                    "`--shares` needs parts with names, found `--quota-by length`; use `--temperature`"
                )
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Case = (fn(&mut ShapeSettings), &'static str);

    /// Each with the part of the message that says what to do.
    #[test]
    fn numbers_and_quotas_that_would_do_nothing() {
        let with = |set: fn(&mut ShapeSettings)| {
            let mut settings = ShapeSettings::default();
            set(&mut settings);
            settings.check().map_err(|error| error.chain())
        };
        let cases: [Case; 13] = [
            (|s| s.min_base_loss = Some(f64::NAN), "`--min-base-loss`: expected a number"),
            (|s| s.max_reference_quantile = Some(1.5), "`--max-reference-quantile`: expected 0 to 1"),
            (|s| s.shrinkage = Some(-1.0), "`--shrinkage`: expected nats"),
            (|s| s.temperature = Some(0.0), "`--temperature`: expected a number above 0"),
            (|s| s.near_duplicates = Some(2.0), "`--near-duplicates`: expected 0.1 to 1"),
            (|s| s.rules = Some("no-such-rule".into()), "`--rules no-such-rule`"),
            (|s| s.temperature = Some(2.0), "need `--quota-by`"),
            (|s| s.shares = Some("a=1".into()), "need `--quota-by`"),
            (|s| s.length_bins = Some(5), "only applies to `--quota-by length`"),
            (|s| (s.quota_by, s.length_bins) = (Some("kind".into()), Some(5)), "found `--quota-by kind`"),
            (|s| (s.quota_by, s.length_bins) = (Some("length".into()), Some(0)), "at least 1, found 0"),
            (|s| (s.quota_by, s.shares) = (Some("length".into()), Some("a=1".into())), "use `--temperature`"),
            (
                |s| (s.quota_by, s.shares) = (Some("source".into()), Some("a=1,a=2".into())),
                "found two, 1 and 2",
            ),
        ];
        for (set, expected) in cases {
            let error = with(set).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(with(|s| (s.quota_by, s.temperature) = (Some("length".into()), Some(2.0))).is_ok());
        assert!(with(|s| (s.quota_by, s.shares) = (Some("source".into()), Some("a=1,b=2".into()))).is_ok());
    }
}
