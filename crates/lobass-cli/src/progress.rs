//! Progress on standard error, for terminals.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use lobass_core::{Observer as _, StageProgress};
use lobass_run::{Progress, Stage};
use lobass_train::{Event, StepReport};

use crate::text::{count, duration, rate};
use crate::ui::Ui;

/// A bar for one stage; where no bar would be seen, a line now and then.
pub(crate) struct Bar<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
    what: String,
    started: Instant,
    last_line: RefCell<Instant>,
}

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(30);

impl<'a> Bar<'a> {
    pub(crate) fn new(ui: &'a Ui, what: impl Into<String>, length: u64) -> Self {
        let bar = if ui.shows_progress() { ProgressBar::new(length) } else { ProgressBar::hidden() };
        bar.set_length(length); // a hidden bar has none
        let style = ProgressStyle::with_template("{prefix:16} {bar:30} {pos}/{len}  {msg}");
        bar.set_style(style.expect("a valid template").progress_chars("━━─"));
        let what = what.into();
        bar.set_prefix(what.clone());
        let now = Instant::now();
        Self { ui, bar, what, started: now, last_line: RefCell::new(now) }
    }

    pub(crate) fn set(&self, position: u64, message: &str) {
        self.bar.set_position(position);
        self.bar.set_message(message.to_owned());
        let mut last = self.last_line.borrow_mut();
        if self.bar.is_hidden() && last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            let length = self.bar.length().unwrap_or_default();
            self.ui.note(&format!("{:16} {position}/{length}  {message}", self.what));
        }
    }

    /// Clears the bar and leaves a line.
    pub(crate) fn finish(&self, line: impl std::fmt::Display) {
        self.bar.finish_and_clear();
        self.ui.note(&format!("{:16} {line}", self.what));
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Time left if the rest goes as fast as what was done in this process.
fn time_left(elapsed: Duration, done: u64, left: u64) -> String {
    if done == 0 || left == 0 {
        return String::new();
    }
    format!(", {} left", duration(elapsed.mul_f64(left as f64 / done as f64)))
}

/// Shows a stage of a run that begins now. The first it hears of it is that a shard is done.
pub(crate) fn run_stage(ui: &Ui, n_rows: u64) -> impl FnMut(Progress) {
    let started = Instant::now();
    let mut bar: Option<Bar<'_>> = None;
    move |progress: Progress| {
        let bar = bar.get_or_insert_with(|| {
            let what = match &progress.stage {
                Stage::Encode => "tokenise".to_owned(),
                Stage::Score(role) => format!("score {role}"),
                Stage::Embed(role) => format!("embed {role}"),
            };
            Bar { started, ..Bar::new(ui, what, n_rows) }
        });
        let Progress { rows_done, n_rows, n_tokens, .. } = progress;
        ui.progress(&StageProgress { stage: &bar.what, done: rows_done, all: n_rows, n_tokens });
        let (elapsed, here) = (bar.elapsed(), progress.rows_done - progress.rows_resumed);
        let left = time_left(elapsed, here, progress.n_rows - progress.rows_done);
        bar.set(progress.rows_done, &format!("{}{left}", rate(progress.n_tokens, elapsed, "tok")));
        if progress.rows_done == progress.n_rows {
            let resumed = match progress.rows_resumed {
                0 => String::new(),
                rows => format!(" ({} done before)", count(rows)),
            };
            bar.finish(format!(
                "{} rows{resumed}, {} tokens in {}",
                count(progress.n_rows),
                count(progress.n_tokens),
                duration(elapsed)
            ));
        }
    }
}

/// Shows training.
pub(crate) fn training(ui: &Ui) -> impl FnMut(&Event<'_>) {
    let mut bar: Option<Bar<'_>> = None;
    let mut tokens = 0;
    let mut taken_up = 0;
    move |event: &Event<'_>| match event {
        Event::Resumed { step } => {
            taken_up = *step;
            ui.note(&format!("{:16} an earlier attempt is taken up after step {step}", "train"));
        }
        Event::Epoch { .. } => {}
        Event::HeldOut(found) => {
            let loss = found.nll.mean().unwrap_or_default();
            let line = format!("held-out loss {loss:.4} after {} steps", found.step);
            match &bar {
                Some(bar) => bar.bar.suspend(|| ui.note(&format!("{:16} {line}", "train"))),
                None => ui.note(&format!("{:16} {line}", "train")),
            }
        }
        Event::Step(step) => {
            let bar = bar.get_or_insert_with(|| Bar::new(ui, "train", step.n_steps as u64));
            tokens += step.n_tokens as u64;
            show_step(bar, step, tokens, taken_up);
        }
    }
}

fn show_step(bar: &Bar<'_>, step: &StepReport, tokens: u64, taken_up: usize) {
    let elapsed = bar.elapsed();
    let left = time_left(elapsed, (step.step - taken_up) as u64, (step.n_steps - step.step) as u64);
    let rate = rate(tokens, elapsed, "tok");
    let margin = step.margins.map_or(String::new(), |margins| format!(", margin {:.3}", margins.mean));
    bar.set(step.step as u64, &format!("loss {:.4}{margin}, epoch {}, {rate}{left}", step.loss, step.epoch));
    if step.step == step.n_steps {
        bar.finish(format!(
            "{} steps, {} tokens in {}, last loss {:.4}",
            count(step.n_steps as u64),
            count(tokens),
            duration(elapsed),
            step.loss
        ));
    }
}
