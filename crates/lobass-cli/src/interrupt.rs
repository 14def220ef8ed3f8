//! The message if a command that can be resumed is stopped.

/// Reports at SIGINT and SIGTERM that the same command continues, and ends the process as these signals would.
///
/// Nothing waits for the work that is under way: what is committed is whole, whenever a process ends. A signal that was
/// ignored before, as in jobs behind `nohup` or `&`, stays ignored.
#[cfg(unix)]
pub(crate) fn announce() -> std::io::Result<()> {
    use std::io::{IsTerminal as _, Write as _};

    use signal_hook::consts::{SIGINT, SIGTERM};

    let ignored = ignored_signals();
    let heard: Vec<i32> =
        [SIGINT, SIGTERM].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0).collect();
    let mut signals = signal_hook::iterator::Signals::new(heard)?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Over the bar, if there is one, and what the terminal shows of the key.
            let clear = if std::io::stderr().is_terminal() { "\r\u{1b}[2K" } else { "" };
            // A failure here cannot be reported.
            let _ = writeln!(std::io::stderr(), "{clear}{SAYING}");
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
    Ok(())
}

#[cfg(unix)]
const SAYING: &str = "interrupted; finished work is kept: the same command continues";

/// The signals that this process ignores, a bit each, where the system says so.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
