//! What was found, as text and as data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use lobass_core::readable::{Labelled, count, counted};
use lobass_leakage::{Paired, Placed, QuestionFault, THRESHOLDS, Tally, outlier};
use serde::Serialize;
use serde_json::{Value, json};

use super::files::{N_GRAM, Questions};
use super::scores::Found;
use crate::error::Result;
use crate::model::Model;

/// Flagged questions in the text of a report.
const SHOWN: usize = 3;

/// What was found about a benchmark.
#[derive(Debug, Serialize)]
pub struct LeakageReport {
    /// Under each model: the base, and the reference if there is one.
    pub models: Vec<ModelFound>,
    /// The questions that were tested, and all of them.
    pub n_questions: (u64, u64),
    /// Questions that were not tested, by their fault.
    pub faults: BTreeMap<QuestionFault, u64>,
    /// The reference compared with the base, question by question; `None` without a reference or tested questions.
    pub by_fine_tuning: Option<Paired>,
    /// The file of the numbers of each question.
    pub out: Option<PathBuf>,
    #[serde(skip)]
    found: Vec<Found>,
    #[serde(skip)]
    first: Vec<String>,
    #[serde(skip)]
    n_data: usize,
}

/// What was found under one model.
#[derive(Debug, Serialize)]
pub struct ModelFound {
    /// `base` or `reference`.
    pub role: String,
    /// All questions of the benchmark.
    pub all: SetFound,
    /// Those of each subject, if the file names subjects.
    pub subjects: BTreeMap<String, SetFound>,
    /// Questions that were certainly not seen, if there are any.
    pub control: Option<SetFound>,
    /// Tokens of all orders, and rows that went through the layers: orders share their beginnings.
    pub n_tokens: u64,
    /// See `n_tokens`.
    pub n_rows: u64,
}

/// Statistics of some questions under one model.
#[derive(Debug, Serialize)]
pub struct SetFound {
    /// Where the original order stands.
    pub orders: Tally,
    /// The shares of questions whose best order is an outlier at each of the paper's thresholds; **not calibrated**.
    pub outliers: [f64; 3],
    /// N-grams of the questions that greedy decoding completes, and all that were tried.
    pub completed: (u64, u64),
    /// Questions that were not tested, by their fault.
    #[serde(skip)]
    faults: BTreeMap<QuestionFault, u64>,
}

impl SetFound {
    fn of(found: &Found, which: &[usize]) -> Self {
        let mut faults = BTreeMap::new();
        for fault in which.iter().filter_map(|&at| found.scores[at].as_ref().err()) {
            *faults.entry(*fault).or_default() += 1;
        }
        let scores: Vec<_> = which.iter().filter_map(|&at| found.scores[at].as_ref().ok()).collect();
        let placed: Vec<Placed> = scores.iter().map(|scores| Placed::of(&scores.orders)).collect();
        let outliers: Vec<f64> = scores.iter().map(|scores| outlier(&scores.orders)).collect();
        let below = |threshold: f64| outliers.iter().filter(|score| **score < threshold).count();
        let completed = scores
            .iter()
            .fold((0, 0), |(done, all), scores| (done + scores.completed.0, all + scores.completed.1));
        Self {
            orders: Tally::of(&placed),
            outliers: THRESHOLDS.map(|threshold| below(threshold) as f64 / outliers.len() as f64),
            completed,
            faults,
        }
    }

    fn is_tested(&self) -> bool {
        self.orders.n > 0
    }
}

impl LeakageReport {
    pub(super) fn of(
        models: &[Model],
        questions: &Questions,
        n_data: usize,
        found: Vec<Found>,
        out: Option<&Path>,
    ) -> Self {
        let data: Vec<usize> = (0..n_data).collect();
        let control: Vec<usize> = (n_data..questions.all.len()).collect();
        let mut subjects = BTreeMap::<String, Vec<usize>>::new();
        for (at, asked) in questions.all[..n_data].iter().enumerate() {
            if let Some(subject) = &asked.subject {
                subjects.entry(subject.clone()).or_default().push(at);
            }
        }
        let of_model = |(model, found): (&Model, &Found)| ModelFound {
            role: model.key.role.to_string(),
            all: SetFound::of(found, &data),
            subjects: subjects
                .iter()
                .map(|(name, which)| (name.clone(), SetFound::of(found, which)))
                .collect(),
            control: (!control.is_empty()).then(|| SetFound::of(found, &control)),
            n_tokens: found.work.n_tokens,
            n_rows: found.work.n_rows,
        };
        let mut faults = BTreeMap::new();
        for at in &data {
            if let Some(fault) = found.iter().find_map(|found| found.scores[*at].as_ref().err()) {
                *faults.entry(*fault).or_default() += 1;
            }
        }
        let n_tested = n_data as u64 - faults.values().sum::<u64>();
        let mut report = Self {
            models: models.iter().zip(&found).map(of_model).collect(),
            n_questions: (n_tested, n_data as u64),
            faults,
            by_fine_tuning: None,
            out: out.map(Path::to_owned),
            first: Vec::new(),
            found,
            n_data,
        };
        report.by_fine_tuning = report.paired();
        report.first = report.flagged(questions);
        report
    }

    /// The places of the original order of a question, under each model; `None` if it was not tested.
    fn places(&self, at: usize) -> Option<Vec<Placed>> {
        let place = |found: &Found| Some(Placed::of(&found.scores[at].as_ref().ok()?.orders));
        self.found.iter().map(place).collect()
    }

    fn paired(&self) -> Option<Paired> {
        if self.found.len() < 2 {
            return None;
        }
        let places = (0..self.n_data).filter_map(|at| self.places(at));
        let (base, reference): (Vec<_>, Vec<_>) = places.map(|places| (places[0], places[1])).unzip();
        (!base.is_empty()).then(|| Paired::of(&base, &reference))
    }

    /// The first questions to look at: those that fine-tuning put on top, or, without a reference, those on top.
    fn flagged(&self, questions: &Questions) -> Vec<String> {
        let is_flagged = |at: &usize| match self.places(*at).as_deref() {
            Some([base, reference]) => reference.is_on_top && !base.is_on_top,
            Some([base]) => base.is_on_top,
            _ => false,
        };
        let line = |at: usize| {
            let asked = &questions.all[at];
            format!("{} row {}", questions.files[asked.file].display(), asked.row)
        };
        (0..self.n_data).filter(is_flagged).take(SHOWN).map(line).collect()
    }

    /// Whether some questions could not be tested.
    pub fn falls_short(&self) -> bool {
        self.n_questions.0 < self.n_questions.1
    }

    /// Gives the numbers of each question away.
    pub(super) fn each_question(
        &self,
        questions: &Questions,
        mut take: impl FnMut(Value) -> Result<()>,
    ) -> Result<()> {
        for (at, asked) in questions.all.iter().enumerate() {
            let mut line = json!({
                "file": questions.files[asked.file].display().to_string(),
                "row": asked.row,
                "subject": asked.subject,
                "control": at >= self.n_data,
                "refers": asked.refers,
            });
            for (model, found) in self.models.iter().zip(&self.found) {
                line[&model.role] = match &found.scores[at] {
                    Err(fault) => json!({"status": fault}),
                    Ok(scores) => json!({
                        "status": "scored",
                        "place": Placed::of(&scores.orders),
                        "outlier": outlier(&scores.orders),
                        "completed": scores.completed,
                        "scores": scores.orders,
                    }),
                };
            }
            take(line)?;
        }
        Ok(())
    }
}

/// A share in per cent.
fn percent(share: f64) -> String {
    if share.is_nan() { "-".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}

/// A p value.
fn p(value: f64) -> String {
    match value {
        value if value < 1e-99 => "p < 1e-99".to_owned(),
        value if value < 1e-3 => format!("p = {value:.0e}"),
        value => format!("p = {value:.3}"),
    }
}

impl SetFound {
    fn line(&self, name: &str) -> String {
        if !self.is_tested() {
            let faults = self.faults.iter().map(|(fault, n)| format!("{} {fault}", count(*n)));
            let faults: Vec<String> = faults.collect();
            return format!("{name}: no question was tested ({})", faults.join(", "));
        }
        let Tally { share, interval: (low, high), chance, p: p_value, height, p_of_height, .. } = self.orders;
        format!(
            "{name}: {} [{}, {}], by chance {}, {}; mean height {height:.3}, by chance 0.5, {}",
            percent(share),
            percent(low),
            percent(high),
            percent(chance),
            p(p_value),
            p(p_of_height)
        )
    }

    fn outliers(&self, name: &str) -> String {
        format!("{name}: {}", self.outliers.map(percent).join(", "))
    }
}

impl LeakageReport {
    /// The shares of outliers under each model, of the questions and of the control if some of them were tested.
    fn outliers(&self) -> Vec<String> {
        let of = |model: &ModelFound| {
            let control = model.control.as_ref().map(|found| (found, format!("{}, control", model.role)));
            let sets = [(&model.all, model.role.clone())].into_iter().chain(control);
            sets.filter(|(found, _)| found.is_tested())
                .map(|(found, name)| found.outliers(&name))
                .collect::<Vec<_>>()
        };
        self.models.iter().flat_map(of).collect()
    }
}

impl fmt::Display for LeakageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let (tested, all) = self.n_questions;
        text.line("questions", format!("{} of {} tested", count(tested), count(all)));
        for (fault, n) in &self.faults {
            text.line("", format!("{} not tested: {fault}", count(*n)));
        }
        for model in &self.models {
            text.line("on top", model.all.line(&model.role));
            if let Some(control) = &model.control {
                text.line("on top", control.line(&format!("{}, control", model.role)));
            }
        }
        if let Some(Paired { n_gained, n_lost, p: value }) = self.by_fine_tuning {
            text.line(
                "training",
                format!(
                    "put {} on top and took {} from there, {}",
                    counted(n_gained, "question"),
                    n_lost,
                    p(value)
                ),
            );
        }
        for model in self.models.iter().filter(|model| model.all.is_tested()) {
            let (done, all) = model.all.completed;
            let line = format!("{}: {} of {} {N_GRAM}-grams", model.role, count(done), count(all));
            text.line("completed", line);
        }
        let outliers = self.outliers();
        for line in &outliers {
            text.line("outliers", line);
        }
        if !outliers.is_empty() {
            text.line("", format!("at {THRESHOLDS:?}; not calibrated, compare with a control"));
        }
        for model in &self.models {
            for (subject, found) in &model.subjects {
                text.line("subject", format!("{subject} ({}), {}", found.orders.n, found.line(&model.role)));
            }
        }
        for line in &self.first {
            text.line("look at", line);
        }
        for model in self.models.iter().filter(|model| model.n_tokens > 0) {
            let (tokens, rows) = (count(model.n_tokens), count(model.n_rows));
            text.line(
                "work",
                format!("{}: {tokens} tokens in all orders, {rows} of them computed", model.role),
            );
        }
        if let Some(out) = &self.out {
            text.line("numbers", out.display());
        }
        text.fmt(f)
    }
}
