//! Progress on standard error, for terminals.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lobass_core::{Observer as _, StageProgress, visible};
use lobass_run::{Progress, Stage};
use lobass_train::{Event, StepReport};
use unicode_width::UnicodeWidthStr as _;

use crate::text::{count, counted, duration, rate};
use crate::ui::{Stream, Ui};

/// A bar for one stage; where no bar would be seen, a line now and then.
pub(crate) struct Bar<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
    what: String,
    length: u64,
    started: Instant,
    last_line: RefCell<Instant>,
}

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(30);

impl<'a> Bar<'a> {
    pub(crate) fn new(ui: &'a Ui, what: impl Into<String>, length: u64) -> Self {
        let bar = if ui.shows_progress() { drawn_line() } else { ProgressBar::hidden() };
        let now = Instant::now();
        Self { ui, bar, what: what.into(), length, started: now, last_line: RefCell::new(now) }
    }

    /// Shows how far the stage is. Of the facts, the last are left out first where a terminal is narrow.
    pub(crate) fn set(&self, position: u64, facts: &[String]) {
        let at = format!("{position}/{}", self.length);
        if !self.bar.is_hidden() {
            let width = Stream::Err.width().unwrap_or(usize::MAX);
            self.bar.set_message(bar_line(&self.what, (position, self.length), &at, facts, width));
            return;
        }
        let mut last = self.last_line.borrow_mut();
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            self.ui.note(&format!("{:16} {at}  {}", self.what, facts.join(", ")));
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

/// A line of a terminal that is drawn again and again, and shows nothing but its message.
pub(crate) fn drawn_line() -> ProgressBar {
    // The style comes before the terminal: a bar of another style would flash up otherwise.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(ProgressStyle::with_template("{msg}").expect("a valid template"));
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar
}

/// The columns of a bar, where there is room, and the least that still says something.
const BAR: (usize, usize) = (30, 8);

/// A bar between its label and how far it is, then facts, in at most `width` columns: the bar gets shorter first, then
/// the last facts go.
pub(crate) fn bar_line(
    what: &str,
    (done, all): (u64, u64),
    at: &str,
    facts: &[String],
    width: usize,
) -> String {
    let label = format!("{:16}", visible(what));
    // A terminal that is written to in its last column may break the line.
    let room = width.saturating_sub(label.width() + at.width() + 3);
    let mut shown: Vec<&str> = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
    let text = loop {
        let text = if shown.is_empty() { String::new() } else { format!("  {}", shown.join(", ")) };
        if shown.is_empty() || text.width() + BAR.1 <= room {
            break text;
        }
        shown.pop();
    };
    let columns = room.saturating_sub(text.width()).clamp(BAR.1, BAR.0);
    let full = u128::from(done.min(all)) * columns as u128 / u128::from(all.max(1));
    let full = usize::try_from(full).unwrap_or(columns);
    format!("{label} {}{} {at}{text}", "━".repeat(full), "─".repeat(columns - full))
}

/// Time left if the rest goes as fast as what was done in this process.
pub(crate) fn time_left(elapsed: Duration, done: u64, left: u64) -> String {
    if done == 0 || left == 0 {
        return String::new();
    }
    format!("{} left", duration(elapsed.mul_f64(left as f64 / done as f64)))
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
        bar.set(progress.rows_done, &[left, rate(progress.n_tokens, elapsed, "tok")]);
        if progress.rows_done == progress.n_rows {
            let resumed = match progress.rows_resumed {
                0 => String::new(),
                rows => format!(" ({} done before)", count(rows)),
            };
            bar.finish(format!(
                "{}{resumed}, {} in {}",
                counted(progress.n_rows, "row"),
                counted(progress.n_tokens, "token"),
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
            let line = format!("held-out loss {loss:.4} after {}", counted(found.step as u64, "step"));
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
    let margin = step.margins.map_or(String::new(), |margins| format!("margin {:.3}", margins.mean));
    let (loss, epoch) = (format!("loss {:.4}", step.loss), format!("epoch {}", step.epoch));
    bar.set(step.step as u64, &[loss, left, epoch, margin, rate]);
    if step.step == step.n_steps {
        bar.finish(format!(
            "{}, {} in {}, last loss {:.4}",
            counted(step.n_steps as u64, "step"),
            counted(tokens, "token"),
            duration(elapsed),
            step.loss
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(width: usize) -> String {
        let facts = ["loss 7.1567", "12 min 5 s left", "epoch 1", "", "12,803 tok/s"].map(str::to_owned);
        bar_line("train", (12, 17), "12/17", &facts, width)
    }

    #[test]
    fn a_bar_gives_way_before_facts_do() {
        let wide = line(200);
        assert_eq!(
            wide,
            format!(
                "{:16} {}{} 12/17  loss 7.1567, 12 min 5 s left, epoch 1, 12,803 tok/s",
                "train",
                "━".repeat(21),
                "─".repeat(9)
            )
        );
        let narrow = line(80);
        assert!(narrow.ends_with("12/17  loss 7.1567, 12 min 5 s left, epoch 1"), "{narrow}");
        assert!(line(56).ends_with("12/17  loss 7.1567"), "{}", line(56));
        for width in 40..120 {
            assert!(line(width).width() < width, "{width}: {}", line(width));
        }
    }

    #[test]
    fn bars_are_full_at_the_end() {
        for (done, all, full) in [(0, 9, 0), (9, 9, 30), (0, 0, 0), (u64::MAX, u64::MAX, 30)] {
            let line = bar_line("a\u{1b}[2J", (done, all), "", &[], 100);
            assert!(line.starts_with("a␛[2J "), "{line}");
            assert_eq!(
                (line.matches('━').count(), line.matches(['━', '─']).count()),
                (full, 30),
                "{done}/{all}"
            );
        }
    }
}
