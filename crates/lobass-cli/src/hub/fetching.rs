//! What a download shows.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar};
use lobass_core::Observer as _;
use lobass_hub::Event;

use crate::progress::{bar_line, drawn_line, time_left};
use crate::text::{counted, duration};
use crate::ui::{Stream, Ui};

/// A bar for the file that comes, on a terminal; and a line in the end if anything came.
pub(super) struct Fetching<'a> {
    ui: &'a Ui,
    what: String,
    started: Instant,
    /// When the file that comes was begun.
    begun: Instant,
    file: String,
    bar: ProgressBar,
    n_files: u64,
    n_bytes: u64,
    /// Of the file that comes.
    done: u64,
}

impl<'a> Fetching<'a> {
    pub(super) fn new(ui: &'a Ui, what: &str) -> Self {
        Self {
            ui,
            what: what.to_owned(),
            started: Instant::now(),
            begun: Instant::now(),
            file: String::new(),
            bar: ProgressBar::hidden(),
            n_files: 0,
            n_bytes: 0,
            done: 0,
        }
    }

    pub(super) fn observe(&mut self, event: Event<'_>) {
        match event {
            Event::Waiting { file } => {
                self.ui.note(&format!("{:16} {file}: another process fetches it; waiting", "hub"));
            }
            Event::Bytes { file, done, size } => {
                if file != self.file {
                    self.begin(file);
                }
                self.n_bytes += done.saturating_sub(self.done);
                self.done = done;
                self.show(size);
            }
        }
    }

    fn begin(&mut self, file: &str) {
        self.bar.finish_and_clear();
        file.clone_into(&mut self.file);
        self.n_files += 1;
        self.done = 0;
        self.begun = Instant::now();
        if self.ui.shows_progress() {
            self.bar = drawn_line();
        }
    }

    /// Draws how much of the file is there.
    fn show(&self, size: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let elapsed = self.begun.elapsed();
        let rate = (elapsed > Duration::from_millis(50)).then(|| self.done as f64 / elapsed.as_secs_f64());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
        let rate = rate.map_or(String::new(), |rate| format!("{}/s", HumanBytes(rate as u64)));
        let at = format!("{}/{}", HumanBytes(self.done), HumanBytes(size));
        let left = time_left(elapsed, self.done, size.saturating_sub(self.done));
        let width = Stream::Err.width().unwrap_or(usize::MAX);
        let facts = [left, rate, self.file.clone()];
        self.bar.set_message(bar_line("hub", (self.done, size), &at, &facts, width));
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
        if self.n_files > 0 {
            let (files, bytes) = (counted(self.n_files, "file"), HumanBytes(self.n_bytes));
            let elapsed: Duration = self.started.elapsed();
            self.ui.note(&format!("{:16} {}: {files}, {bytes} in {}", "hub", self.what, duration(elapsed)));
        }
    }
}
