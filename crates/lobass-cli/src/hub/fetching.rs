//! What a download shows.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use lobass_core::Observer as _;
use lobass_hub::Event;

use crate::text::{counted, duration};
use crate::ui::Ui;

/// A bar for the file that comes, on a terminal; and a line in the end if anything came.
pub(super) struct Fetching<'a> {
    ui: &'a Ui,
    what: String,
    started: Instant,
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
                    self.begin(file, size);
                }
                self.n_bytes += done.saturating_sub(self.done);
                self.done = done;
                self.bar.set_position(done);
            }
        }
    }

    fn begin(&mut self, file: &str, size: u64) {
        self.bar.finish_and_clear();
        file.clone_into(&mut self.file);
        self.n_files += 1;
        self.done = 0;
        if self.ui.shows_progress() {
            let style = ProgressStyle::with_template(
                "{prefix:16} {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}, {eta} left  {msg}",
            );
            self.bar = ProgressBar::new(size);
            self.bar.set_style(style.expect("a valid template").progress_chars("━━─"));
            self.bar.set_prefix("hub");
            self.bar.set_message(file.to_owned());
        }
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
