//! Which tokens of a response are trained on: the reducible ones.

use super::Threshold;

/// The score of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScore {
    /// `L_base - L_ref`: Rho-1's excess loss (arXiv 2404.07965), with the base for the model that is trained. Tokens
    /// compete within their row there.
    Rho1,
    /// The same score, and never a token whose loss the reference raised: Token Cleaning (arXiv 2502.01968), with a
    /// fixed reference. Tokens compete with those of the whole pool there.
    TokenCleaning,
}

/// The tokens that a token competes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// All scored tokens of the pool.
    #[default]
    Pool,
    /// Those of their own row.
    Row,
}

/// A choice of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenMask {
    /// The score of a token.
    pub score: TokenScore,
    /// The share of the scored tokens that is kept, 0 to 1; rounded up to whole tokens, and with equal ones more.
    pub keep: f64,
    /// The tokens that a token competes with.
    pub scope: Scope,
}

impl TokenMask {
    /// The score of a token, in nats.
    pub fn score(base: f32, reference: f32) -> f32 {
        base - reference
    }

    /// Which tokens of a row are kept. `threshold` is that of the pool ([`Threshold::of_largest`] of the scores of all
    /// its tokens), and is not used if tokens compete within their row.
    ///
    /// - `base`, `reference`: the loss of each scored token in nats, as many of one as of the other
    pub fn of_row(&self, base: &[f32], reference: &[f32], threshold: Option<f32>) -> Vec<bool> {
        let scores: Vec<f32> =
            base.iter().zip(reference).map(|(&base, &reference)| Self::score(base, reference)).collect();
        let threshold = match self.scope {
            Scope::Pool => threshold,
            Scope::Row => {
                let stream = |take: &mut dyn FnMut(f32)| {
                    scores.iter().copied().for_each(take);
                    Ok::<(), std::convert::Infallible>(())
                };
                match Threshold::of_largest(self.keep, stream) {
                    Ok(threshold) => threshold,
                    Err(never) => match never {},
                }
            }
        };
        let kept = |score: f32| match self.score {
            TokenScore::Rho1 => true,
            TokenScore::TokenCleaning => score > 0.0,
        };
        scores.iter().map(|&score| threshold.is_some_and(|least| score >= least) && kept(score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: [f32; 5] = [3.0, 2.0, 1.0, 5.0, 0.5];
    const REFERENCE: [f32; 5] = [1.0, 2.5, 0.9, 1.0, 0.5];

    fn mask(score: TokenScore, keep: f64, scope: Scope, threshold: Option<f32>) -> Vec<bool> {
        TokenMask { score, keep, scope }.of_row(&BASE, &REFERENCE, threshold)
    }

    #[test]
    fn by_hand() {
        let (rho, clean) = (TokenScore::Rho1, TokenScore::TokenCleaning);
        assert_eq!(mask(rho, 0.4, Scope::Row, None), [true, false, false, true, false]);
        assert_eq!(mask(rho, 1.0, Scope::Row, None), [true; 5]);
        assert_eq!(
            mask(clean, 1.0, Scope::Row, None),
            [true, false, true, true, false],
            "only what got better"
        );
        assert_eq!(mask(rho, 0.4, Scope::Pool, Some(3.0)), [false, false, false, true, false]);
        assert_eq!(mask(rho, 0.4, Scope::Pool, None), [false; 5], "nothing is let through");
    }
}
