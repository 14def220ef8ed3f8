//! Progress on standard error: a bar on a terminal, a line now and then in a log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lobass_core::readable::{bytes, count, counted, duration, rate};
use lobass_core::{ProgressUnit, StageProgress, visible};
use unicode_width::UnicodeWidthStr as _;

use crate::stream::Stream;

/// How often a log gets a line.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// When stages began, and the lines that a log gets of them.
#[derive(Default)]
pub(crate) struct Stages(Mutex<BTreeMap<String, Times>>);

#[derive(Clone, Copy)]
struct Times {
    started: Instant,
    last_line: Instant,
}

impl Stages {
    /// The line that a log gets now, if one is due: every half minute, and at the end.
    pub(crate) fn line(&self, at: &StageProgress<'_>) -> Option<String> {
        let now = Instant::now();
        let mut stages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let times = stages.entry(at.stage.to_owned()).or_insert(Times { started: now, last_line: now });
        let elapsed = now - times.started;
        if at.done == at.all {
            stages.remove(at.stage);
            return ending(at, elapsed);
        }
        if now - times.last_line < LINE_EVERY {
            return None;
        }
        times.last_line = now;
        Some(format!("{:16} {}  {}", at.stage, position(at), facts(at, elapsed).join(", ")))
    }

    fn elapsed(&self, stage: &str) -> Duration {
        let stages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stages.get(stage).map_or(Duration::ZERO, |times| times.started.elapsed())
    }
}

/// The bar of a terminal. Of stages that run at the same time the first is drawn; the others have lines.
#[derive(Default)]
pub(crate) struct Bars {
    stages: Stages,
    drawn: Mutex<Option<(String, ProgressBar)>>,
}

impl Bars {
    /// Draws a stage if there is a terminal to draw on; the line that it gets instead, or at its end.
    pub(crate) fn show(&self, at: &StageProgress<'_>, draws: bool) -> Option<String> {
        let elapsed = self.stages.elapsed(at.stage);
        let line = self.stages.line(at);
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if at.done == at.all {
            if let Some((_, bar)) = drawn.take_if(|(stage, _)| stage == at.stage) {
                bar.finish_and_clear();
            }
            return line;
        }
        if draws && drawn.is_none() {
            *drawn = Some((at.stage.to_owned(), drawn_line()));
        }
        match drawn.as_ref().filter(|(stage, _)| stage == at.stage) {
            Some((_, bar)) => {
                let width = Stream::Err.width().unwrap_or(usize::MAX);
                let done = (at.done, at.all);
                bar.set_message(bar_line(at.stage, done, &position(at), &facts(at, elapsed), width));
                None
            }
            None => line,
        }
    }

    /// Prints something while the bar is off the screen.
    pub(crate) fn suspended(&self, print: impl FnOnce()) {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        match drawn.as_ref() {
            Some((_, bar)) => bar.suspend(print),
            None => print(),
        }
    }
}

/// How far a stage is, in its unit.
fn position(at: &StageProgress<'_>) -> String {
    match at.unit {
        ProgressUnit::Bytes => format!("{}/{}", bytes(at.done), bytes(at.all)),
        _ => format!("{}/{}", at.done, at.all),
    }
}

/// The facts beside the bar, the most important first.
fn facts(at: &StageProgress<'_>, elapsed: Duration) -> Vec<String> {
    let done_here = at.done.saturating_sub(at.before);
    let left = time_left(elapsed, done_here, at.all.saturating_sub(at.done));
    let speed = match at.unit {
        ProgressUnit::Bytes => per_second(done_here, elapsed),
        _ if at.n_tokens == 0 => String::new(),
        _ => rate(at.n_tokens, elapsed, "tok"),
    };
    let mut facts = at.facts.to_vec();
    facts.insert(facts.len().min(1), left);
    facts.push(speed);
    facts.retain(|fact| !fact.is_empty());
    facts
}

/// `1.5 MiB/s`; nothing while there is too little to go by.
fn per_second(done: u64, elapsed: Duration) -> String {
    if elapsed < Duration::from_millis(50) {
        return String::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
    let rate = (done as f64 / elapsed.as_secs_f64()) as u64;
    format!("{}/s", bytes(rate))
}

/// The line at the end of a stage. Downloads have one for all files together.
fn ending(at: &StageProgress<'_>, elapsed: Duration) -> Option<String> {
    let noun = match at.unit {
        ProgressUnit::Bytes => return None,
        ProgressUnit::Steps => "step",
        _ => "row",
    };
    let mut line = format!("{:16} {}", at.stage, counted(at.all, noun));
    if at.before > 0 && at.unit == ProgressUnit::Rows {
        line += &format!(" ({} done before)", count(at.before));
    }
    if at.n_tokens > 0 {
        line += &format!(", {}", counted(at.n_tokens, "token"));
    }
    line += &format!(" in {}", duration(elapsed));
    at.facts.iter().for_each(|fact| line += &format!(", {fact}"));
    Some(line)
}

/// A line of a terminal that is drawn again and again, and shows nothing but its message.
fn drawn_line() -> ProgressBar {
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
fn bar_line(what: &str, (done, all): (u64, u64), at: &str, facts: &[String], width: usize) -> String {
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
fn time_left(elapsed: Duration, done: u64, left: u64) -> String {
    if done == 0 || left == 0 {
        return String::new();
    }
    format!("{} left", duration(elapsed.mul_f64(left as f64 / done as f64)))
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
    fn a_stage_that_counts_no_tokens_has_no_rate() {
        let at = |n_tokens| StageProgress {
            stage: "co-state",
            unit: ProgressUnit::Steps,
            done: 4,
            before: 0,
            all: 8,
            n_tokens,
            facts: &[],
        };
        let took = Duration::from_secs(2);
        assert_eq!(facts(&at(0), took), ["2.0 s left"]);
        assert_eq!(facts(&at(50), took), ["2.0 s left", "25 tok/s"]);
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
