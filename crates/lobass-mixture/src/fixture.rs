//! The numbers of `tests/fixtures/gen_mixture.py`, for tests.

use serde::Deserialize;

use crate::Point;

#[derive(Deserialize)]
pub(crate) struct Fixture {
    pub(crate) filters: Vec<Filter>,
    pub(crate) replay: Replay,
    pub(crate) curves: Vec<Curve>,
}

#[derive(Deserialize)]
pub(crate) struct Filter {
    pub(crate) values: Vec<f64>,
    pub(crate) window: usize,
    pub(crate) order: usize,
    pub(crate) smooth: Vec<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Replay {
    pub(crate) prior: Vec<f64>,
    pub(crate) steps: Vec<ReplayStep>,
}

#[derive(Deserialize)]
pub(crate) struct ReplayStep {
    pub(crate) n: f64,
    pub(crate) counts: Vec<u64>,
    pub(crate) alpha: Vec<f64>,
    pub(crate) beta: Vec<f64>,
    pub(crate) eps: Vec<f64>,
    pub(crate) shares: Vec<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Curve {
    pub(crate) n_steps: u32,
    pub(crate) tokens: u32,
    pub(crate) eps: f64,
    pub(crate) beta: f64,
    pub(crate) alpha: f64,
    pub(crate) noise: f64,
    pub(crate) fit: Fitted,
    pub(crate) official: Option<Official>,
}

#[derive(Deserialize)]
pub(crate) struct Fitted {
    pub(crate) alpha: f64,
    pub(crate) eps: f64,
    pub(crate) potential: f64,
}

#[derive(Deserialize)]
pub(crate) struct Official {
    pub(crate) floor: Fitted,
    pub(crate) none: Fitted,
}

impl Fixture {
    pub(crate) fn read() -> Self {
        serde_json::from_str(include_str!("../fixtures/expected.json")).unwrap()
    }
}

impl Curve {
    /// The same points as in the script.
    pub(crate) fn points(&self) -> Vec<Point> {
        let Self { n_steps, tokens, eps, beta, alpha, noise, .. } = *self;
        let point = |step: u32| {
            let (step, n) = (f64::from(step), f64::from(tokens) * f64::from(step));
            let wave = (step * 12.9898).sin() + (step * 78.233).sin() + (step * 37.719).sin();
            Point { n, loss: (eps + beta * n.powf(-alpha)) * (noise * wave).exp(), weight: 1.0 }
        };
        (n_steps / 20 + 1..=n_steps).map(point).collect()
    }

    pub(crate) fn potential(&self) -> f64 {
        self.alpha * self.beta * f64::from(self.tokens * self.n_steps).powf(-self.alpha)
    }
}
