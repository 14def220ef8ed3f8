//! Two calls with different settings at the same time in one process, each with its observer.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};

use lobass::run::run;
use lobass::settings::{DataSettings, ModelSettings, SelectSettings, Settings};
use lobass::{Observer, Runtime, StageProgress};
use serde_json::json;

use crate::support::shipped;

/// Waits at the first progress until the other call has made some too.
struct Meeting {
    both: Arc<Barrier>,
    has_met: Mutex<bool>,
    lines: Mutex<Vec<String>>,
    counts: Mutex<BTreeSet<u64>>,
}

impl Observer for Meeting {
    fn note(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn warn(&self, line: &str) {
        self.note(line);
    }

    fn progress(&self, at: &StageProgress<'_>) {
        self.counts.lock().unwrap().insert(at.all);
        let mut has_met = self.has_met.lock().unwrap();
        if !std::mem::replace(&mut *has_met, true) {
            self.both.wait();
        }
    }

    fn is_interrupted(&self) -> bool {
        false
    }
}

#[test]
fn two_runs_with_different_settings() {
    let (shipped, dir) = (shipped(), tempfile::tempdir().unwrap());
    let settings = |name: &str, n_rows: usize, budget: &str| {
        let path = dir.path().join(format!("{name}.jsonl"));
        let lines: Vec<String> =
            shipped.rows[..n_rows].iter().map(|row| json!(row).to_string() + "\n").collect();
        fs_err::write(&path, lines.concat()).unwrap();
        Settings {
            out: Some(dir.path().join(name)),
            model: ModelSettings {
                base: Some(shipped.base.clone()),
                reference: Some(shipped.tuned.clone()),
                ..ModelSettings::default()
            },
            data: DataSettings { files: vec![path.display().to_string()], ..DataSettings::default() },
            select: SelectSettings {
                strategies: vec!["lobass".to_owned()],
                budget: Some(budget.to_owned()),
                ..SelectSettings::default()
            },
            ..Settings::default()
        }
    };
    let both = Arc::new(Barrier::new(2));
    let (one, other) = (settings("one", 60, "5"), settings("other", 100, "8"));
    let run_one = |settings: &Settings| {
        let observer = Arc::new(Meeting {
            both: Arc::clone(&both),
            has_met: Mutex::default(),
            lines: Mutex::default(),
            counts: Mutex::default(),
        });
        let report = run(settings, &Runtime::new(observer.clone())).unwrap();
        (report, observer)
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run_one(&one));
        let second = scope.spawn(|| run_one(&other));
        (first.join().unwrap(), second.join().unwrap())
    });
    for ((report, observer), settings, mine, n_rows, kept) in
        [(first, &one, "one.jsonl", 60, 5), (second, &other, "other.jsonl", 100, 8)]
    {
        let lines = observer.lines.lock().unwrap().join("\n");
        let theirs = if mine == "one.jsonl" { "other.jsonl" } else { "/one.jsonl" };
        assert!(lines.contains(mine) && !lines.contains(theirs), "{lines}");
        assert!(observer.counts.lock().unwrap().contains(&n_rows));
        assert_eq!(report.json["selections"][0]["n_selected"], kept);
        let alone = run(settings, &Runtime::default()).unwrap();
        assert_eq!(alone.json["manifest"]["digest"], report.json["manifest"]["digest"]);
    }
}
