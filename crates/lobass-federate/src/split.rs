//! Dealing rows to simulated clients.

use std::fmt;
use std::str::FromStr;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Gamma, OpenClosed01};
use serde::{Deserialize, Serialize};

use crate::Error;

/// How rows are dealt to clients. Every row goes to one client.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Split {
    /// At random, to each client as many, or one more: clients have alike data.
    Iid,
    /// The rows of each label by shares from a Dirichlet distribution. The smaller alpha, the more clients differ.
    Dirichlet(f64),
    /// A client for each label.
    Label,
}

impl Split {
    /// Deals rows, which are given by their labels; `n_clients` has no effect on [`Split::Label`]. Returns the places of
    /// each client's rows, ascending.
    ///
    /// # Errors
    /// [`Error::EmptyClient`] if a client gets no row. [`Error::NoClients`] if `n_clients` is 0, or if [`Split::Label`] gets no
    /// labels.
    pub fn deal(self, labels: &[u32], n_clients: usize, seed: u64) -> Result<Vec<Vec<usize>>, Error> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n_labels = labels.iter().max().map_or(0, |last| *last as usize + 1);
        let mut of_label: Vec<Vec<usize>> = vec![Vec::new(); n_labels];
        labels.iter().enumerate().for_each(|(row, label)| of_label[*label as usize].push(row));
        let mut clients: Vec<Vec<usize>> = match self {
            Self::Label => of_label,
            Self::Iid => {
                let mut rows: Vec<usize> = (0..labels.len()).collect();
                rows.shuffle(&mut rng);
                let mut clients = vec![Vec::new(); n_clients];
                if n_clients > 0 {
                    rows.into_iter().enumerate().for_each(|(at, row)| clients[at % n_clients].push(row));
                }
                clients
            }
            Self::Dirichlet(alpha) => {
                let mut clients = vec![Vec::new(); n_clients];
                for mut rows in of_label {
                    rows.shuffle(&mut rng);
                    let shares = dirichlet(&mut rng, alpha, n_clients);
                    deal_by_shares(&rows, &shares, &mut clients);
                }
                clients
            }
        };
        let n_clients = clients.len();
        if n_clients == 0 {
            return Err(Error::NoClients);
        }
        if let Some(client) = clients.iter().position(Vec::is_empty) {
            return Err(Error::EmptyClient { client, n_clients });
        }
        for rows in &mut clients {
            rows.sort_unstable();
        }
        Ok(clients)
    }
}

/// Cuts rows where the sums of shares fall, so that every row goes to one client.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn deal_by_shares(rows: &[usize], shares: &[f64], clients: &mut [Vec<usize>]) {
    let (mut start, mut sum) = (0, 0.0);
    for (at, client) in clients.iter_mut().enumerate() {
        sum += shares[at];
        let end =
            if at + 1 == shares.len() { rows.len() } else { (sum * rows.len() as f64).round() as usize };
        let end = end.clamp(start, rows.len());
        client.extend(&rows[start..end]);
        start = end;
    }
}

/// Shares from a symmetric Dirichlet distribution: draws from a gamma distribution, divided by their sum. Draws are of
/// logarithms, since with a small alpha most of them are too small for f64.
fn dirichlet(rng: &mut ChaCha8Rng, alpha: f64, n: usize) -> Vec<f64> {
    let logs: Vec<f64> = (0..n).map(|_| log_gamma_draw(rng, alpha)).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let draws: Vec<f64> = logs.into_iter().map(|log| (log - largest).exp()).collect();
    let sum: f64 = draws.iter().sum();
    draws.into_iter().map(|draw| draw / sum).collect()
}

/// The logarithm of a draw from a gamma distribution of scale 1: for a shape `a`, that of a draw of shape `a + 1` times
/// `u^(1/a)` with `u` uniform.
///
/// Source: Marsaglia and Tsang, 2000, "A simple method for generating gamma variables", section 6.
fn log_gamma_draw(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    let above = Gamma::new(shape + 1.0, 1.0).expect("a shape above 0");
    let uniform: f64 = OpenClosed01.sample(rng);
    f64::ln(above.sample(rng)) + uniform.ln() / shape
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iid => f.write_str("iid"),
            Self::Dirichlet(alpha) => write!(f, "dirichlet:{alpha}"),
            Self::Label => f.write_str("label"),
        }
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail =
            || format!("expected `iid`, `label`, or `dirichlet:ALPHA` with an alpha above 0, found `{text}`");
        match text {
            "iid" => Ok(Self::Iid),
            "label" => Ok(Self::Label),
            _ => {
                let alpha = text.strip_prefix("dirichlet:").and_then(|alpha| alpha.parse::<f64>().ok());
                let alpha = alpha.filter(|alpha| alpha.is_finite() && *alpha > 0.0);
                alpha.map(Self::Dirichlet).ok_or_else(fail)
            }
        }
    }
}

impl From<Split> for String {
    fn from(split: Split) -> Self {
        split.to_string()
    }
}

impl TryFrom<String> for Split {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_goes_to_one_client(
            labels in prop::collection::vec(0u32..4, 1..200), n_clients in 1usize..8, seed: u64, alpha in 0.05f64..50.0,
        ) {
            for split in [Split::Iid, Split::Dirichlet(alpha), Split::Label] {
                let Ok(clients) = split.deal(&labels, n_clients, seed) else { continue };
                let mut rows: Vec<usize> = clients.concat();
                rows.sort_unstable();
                prop_assert_eq!(rows, (0..labels.len()).collect::<Vec<_>>());
                prop_assert_eq!(&clients, &split.deal(&labels, n_clients, seed).unwrap());
            }
        }
    }

    #[test]
    fn a_small_alpha_parts_labels_and_a_large_one_mixes_them() {
        let labels: Vec<u32> = (0..4000).map(|row| row % 4).collect();
        // The mean over clients of the share of the most frequent label.
        let purity = |alpha: f64| {
            let clients = Split::Dirichlet(alpha).deal(&labels, 8, 5).unwrap();
            let purest = |rows: &Vec<usize>| {
                let of = |label: u32| rows.iter().filter(|&&row| labels[row] == label).count();
                (0..4).map(of).max().unwrap() as f64 / rows.len() as f64
            };
            clients.iter().map(purest).sum::<f64>() / 8.0
        };
        assert!(purity(0.5) > 0.55 && purity(1000.0) < 0.3, "{} {}", purity(0.5), purity(1000.0));
        let iid = Split::Iid.deal(&labels, 7, 1).unwrap();
        assert!(iid.iter().all(|rows| rows.len() == 571 || rows.len() == 572));
        let error = Split::Iid.deal(&labels[..2], 3, 0).unwrap_err();
        assert_eq!(error, Error::EmptyClient { client: 2, n_clients: 3 });
        assert_eq!(Split::Iid.deal(&labels, 0, 0).unwrap_err(), Error::NoClients);
    }

    #[test]
    fn draws_have_the_moments_of_a_gamma_distribution() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        for shape in [0.3, 1.0, 4.5] {
            let draws: Vec<f64> = (0..20_000).map(|_| log_gamma_draw(&mut rng, shape).exp()).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean / shape - 1.0).abs() < 0.06, "{shape}: {mean}");
            assert!((variance / shape - 1.0).abs() < 0.15, "{shape}: {variance}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for name in ["iid", "dirichlet:0.1", "label"] {
            assert_eq!(name.parse::<Split>().unwrap().to_string(), name);
        }
        assert!("dirichlet:0".parse::<Split>().unwrap_err().contains("alpha above 0"));
    }
}
