//! A comparison of pools of pairs as it is asked for: checked, and opened.

use std::path::Path;

use lobass_core::{Budget, Dtype};
use lobass_data::Pool;
use lobass_evidence::Bootstrap;
use lobass_evidence::pairs::{PairMatching, PairSubset};
use lobass_train::{Dpo, TrainConfig};
use serde_json::Value;

use super::super::decided::{DECIDED, check_directory, keep};
use super::super::files::TrialFiles;
use super::data::{HeldOutPairs, PairData};
use super::opened::{Compared, PairsComparison};
use super::record::PairsDecided;
use super::subsets;
use super::wanted::Wanted;
use crate::error::{Context as _, Result, bail};
use crate::model::Model;
use crate::runtime::Runtime;
use crate::sequences::Sequences;
use crate::settings::{MatchedTokens, Settings};

/// What is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum PairArms {
    /// Nested shares of the pairs.
    Shares {
        /// Each above 0 and at most 1.
        shares: Vec<f64>,
        /// Whether each source is a pool too, beside all of them together.
        by_source: bool,
    },
    /// Selections by strategies; random pairs and all pairs are compared too.
    Strategies {
        /// `NAME`, or `NAME:low`, `NAME:middle`, `NAME:high` for an end of the score.
        names: Vec<String>,
        /// With folds, the margin of a pair is that under a model which was trained on the other folds.
        folds: Option<u32>,
    },
}

/// A comparison of what pools or selections of preference pairs teach.
#[derive(Debug)]
pub struct PairsJob<'a> {
    /// The pairs; each source is a pool.
    pub pool: &'a Pool,
    /// The pairs that trainings are measured on.
    pub held_out: HeldOutPairs<'a>,
    /// The model that every training starts from.
    pub base: &'a Path,
    /// What is compared.
    pub arms: &'a PairArms,
    /// How pairs are encoded and trained on, on which device; of the selection, the budget and the seed.
    pub settings: &'a Settings,
    /// Seeds, one after the other: of the order of keys, and of training.
    pub n_seeds: u64,
    /// The ways in which trainings are made comparable.
    pub matchings: &'a [PairMatching],
    /// Tokens of every training at equal tokens; `None` takes those of all pairs, or of a random subset of the budget,
    /// over the epochs.
    pub tokens: Option<MatchedTokens>,
    /// Steps of every training at equal steps; `None` takes those of all pairs, or of the budget, over the epochs.
    pub steps: Option<u64>,
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// Threads of each training.
    pub threads: usize,
    /// The directory of the comparison. Trainings that are done in it are not done again.
    pub out: &'a Path,
}

impl PairsJob<'_> {
    /// Checks what settings say by themselves.
    ///
    /// # Errors
    /// If they contradict each other, or mean nothing in a comparison of pairs.
    pub fn check(&self) -> Result<()> {
        self.compared()?;
        self.dpo()?;
        if let Some(mixing) = self.settings.train.mixing {
            bail!(
                Settings,
                "a comparison trains on each subset as it is: expected no `mixing`, found `{mixing}`"
            );
        }
        if self.tokens.is_some() && !self.matchings.contains(&PairMatching::Tokens) {
            bail!(
                Settings,
                "`--tokens` only applies to trainings at equal tokens: expected `--match tokens`"
            );
        }
        if self.steps.is_some() && !self.matchings.contains(&PairMatching::Steps) {
            bail!(Settings, "`--steps` only applies to trainings at equal steps: expected `--match steps`");
        }
        let share = self.held_out.share;
        if self.held_out.rows.is_none() && !(share > 0.0 && share < 1.0) {
            bail!(Settings, "the held-out share: expected a number between 0 and 1, found {share}");
        }
        Ok(())
    }

    fn dpo(&self) -> Result<Dpo> {
        self.settings
            .train
            .dpo()
            .context("a comparison of pairs: expected `--objective dpo` or `davir-dpo`, found sft")
    }

    fn compared(&self) -> Result<Compared> {
        let select = &self.settings.select;
        match self.arms {
            PairArms::Shares { shares, by_source } => {
                if let Some(share) = shares.iter().find(|share| !(**share > 0.0 && **share <= 1.0)) {
                    bail!(
                        Settings,
                        "a share of the pairs: expected a number above 0 and at most 1, found {share}"
                    );
                }
                if shares.is_empty() {
                    bail!(Settings, "expected at least one share of the pairs, found none");
                }
                if self.matchings.contains(&PairMatching::Pairs) && !by_source {
                    bail!(Settings, "equal numbers of pairs of each source: expected `--by-source`");
                }
                if select.budget.is_some() {
                    bail!(Settings, "`--budget` only applies to strategies: expected `--strategy`");
                }
                let mut shares = shares.clone();
                shares.sort_by(f64::total_cmp);
                shares.dedup();
                Ok(Compared::Shares { shares, by_source: *by_source })
            }
            PairArms::Strategies { names, folds } => {
                if self.matchings.contains(&PairMatching::Pairs) {
                    bail!(
                        Settings,
                        "`--match pairs` only applies to shares of each source: expected `--by-source`"
                    );
                }
                let mut wanted = vec![Wanted::parse("random")?];
                for name in names {
                    let one = Wanted::parse(name)?;
                    if !wanted.iter().any(|other| other.subset() == one.subset()) {
                        wanted.push(one);
                    }
                }
                let needs_margins = wanted.iter().any(Wanted::needs_margins);
                if folds.is_some_and(|folds| folds < 2) || folds.is_some() && !needs_margins {
                    bail!(Settings, "`--folds`: expected at least 2, and a strategy that reads margins");
                }
                Ok(Compared::Selections { wanted, budget: select.budget()?, folds: *folds })
            }
        }
    }

    /// Reads, encodes, and splits the pairs: everything before the first training.
    ///
    /// # Errors
    /// If settings, data, and the model do not fit together, or the directory holds another comparison.
    pub fn open(&self, runtime: &Runtime) -> Result<PairsComparison> {
        self.check()?;
        let settings = self.settings;
        let base = Model::open_as("base", self.base, &settings.compute, runtime)?;
        base.check_plain()?;
        base.check_start(&settings.train, runtime)?;
        settings.train.check_for(base.checkpoint.spec(), self.pool)?;
        check_directory(self.out)?;
        let (checkpoint, told) = (&base.checkpoint, told(self.out)?);
        let (pool, encode) = (self.pool.clone(), &settings.sequences);
        let sequences = Sequences::of(pool, encode, checkpoint.dir(), checkpoint.spec(), told, runtime)?;
        let data = PairData::open(&sequences, self.held_out, settings.select.seed, runtime)?;
        let recipe = settings.train.config_for(&base, runtime)?;
        let compared = self.compared()?;
        let amounts = Amounts::of(&data, &compared, &recipe);
        let (budget, folds) = match &compared {
            Compared::Shares { .. } => (None, None),
            Compared::Selections { budget, folds, .. } => (Some(budget.to_string()), *folds),
        };
        let decided = PairsDecided {
            version: 1,
            base: base.key.weights_digest.clone(),
            dtype: settings.train.adapter().map_or(Dtype::F32, |_| base.key.dtype),
            plan: sequences.plan()?.id(),
            template_time: sequences.template_time(),
            dpo: self.dpo()?,
            recipe: TrainConfig { recompute: false, ..recipe.clone() },
            adapter: settings.train.adapter().map(|adapter| adapter.on(checkpoint.spec())),
            held_out: data.held_out_digest(),
            eval_share: self.held_out.rows.is_none().then_some(self.held_out.share),
            seed: settings.select.seed,
            budget,
            folds,
            matched_steps: self.steps.unwrap_or(amounts.steps),
            matched_tokens: match self.tokens {
                None => amounts.tokens,
                Some(MatchedTokens::Count(tokens)) => tokens,
                Some(MatchedTokens::Full) => amounts.full_tokens,
            },
        };
        let comparison = PairsComparison {
            base,
            data,
            compared,
            train: settings.train.clone(),
            recipe,
            dpo: decided.dpo,
            n_seeds: self.n_seeds,
            matchings: self.matchings.to_vec(),
            bootstrap: self.bootstrap,
            decided,
            threads: self.threads,
            files: TrialFiles::new(self.out),
            out: self.out.to_owned(),
        };
        comparison.check_steps()?;
        fs_err::create_dir_all(self.out)?;
        keep(&comparison.decided, self.out)?;
        Ok(comparison)
    }
}

/// The time that the chat template saw in an earlier attempt.
fn told(out: &Path) -> Result<Option<String>> {
    let path = out.join(DECIDED);
    if !path.exists() {
        return Ok(None);
    }
    let found: Value = serde_json::from_slice(&fs_err::read(path)?)?;
    Ok(found["template_time"].as_str().map(str::to_owned))
}

/// How much trainings have in common if nothing else is asked for.
struct Amounts {
    steps: u64,
    tokens: u64,
    /// The tokens of all pairs over the epochs.
    full_tokens: u64,
}

impl Amounts {
    /// Those of all pairs, or of a random subset of a budget, over the epochs of the recipe.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of tokens and pairs"
    )]
    fn of(data: &PairData, compared: &Compared, recipe: &TrainConfig) -> Self {
        let rows = &data.train.rows;
        let (n_rows, epochs) = (rows.len() as u64, u64::from(recipe.epochs));
        let pool_tokens: u64 = rows.iter().map(|pair| pair.n_tokens() as u64).sum();
        let share = match compared {
            Compared::Shares { .. } => 1.0,
            Compared::Selections { budget: Budget::Tokens(tokens), .. } => {
                (*tokens as f64 / pool_tokens as f64).min(1.0)
            }
            Compared::Selections { budget, .. } => {
                let rows = budget.row_limit(n_rows).unwrap_or(n_rows).min(n_rows);
                rows as f64 / n_rows as f64
            }
        };
        let n_pairs = (share * n_rows as f64).round() as usize;
        Self {
            steps: recipe.n_steps(n_pairs.max(1)) as u64,
            tokens: epochs * (share * pool_tokens as f64).round() as u64,
            full_tokens: epochs * pool_tokens,
        }
    }
}

impl PairsComparison {
    /// Checks that the smallest share takes a step that teaches something.
    fn check_steps(&self) -> Result<()> {
        for (subset, matching) in self.arms() {
            let PairSubset::Share { pool, share } = &subset else { continue };
            let n_pairs = subsets::of_share(&self.data.train, pool, *share, matching, 0).len();
            let n_steps = match matching {
                PairMatching::Epochs | PairMatching::Pairs => self.recipe.n_steps(n_pairs),
                PairMatching::Steps => usize::try_from(self.decided.matched_steps).unwrap_or(usize::MAX),
                PairMatching::Tokens => continue,
            };
            self.recipe.check_steps(n_steps).with_context(|| format!("{subset}, equal {matching}"))?;
        }
        Ok(())
    }
}
