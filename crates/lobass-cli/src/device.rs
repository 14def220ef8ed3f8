//! Devices that compute: cards are tried in a process of their own before anything is entrusted to them.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use lobass_llama::{Backend, DeviceName};
use serde::{Deserialize, Serialize};

use crate::again::this_program;

/// The hidden command that the other process is given.
pub(crate) const TRY: &str = "try-device";

/// What a device said of itself when it was tried.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// As the driver calls it.
    pub(crate) name: Option<String>,
    pub(crate) dtypes: Vec<String>,
}

/// The device of a name, if it is there and computes.
///
/// burn panics on threads of its own if a driver cannot do what it is asked, and compilers of some drivers crash the
/// process. Here both become errors.
pub(crate) fn find(name: &str) -> anyhow::Result<DeviceName> {
    let device: DeviceName = name.parse()?;
    if device != DeviceName::Cpu {
        tried(&device)?;
    }
    Ok(device)
}

/// Tries a device in another process, once.
pub(crate) fn tried(device: &DeviceName) -> anyhow::Result<Tried> {
    static TRIED: Mutex<BTreeMap<String, Tried>> = Mutex::new(BTreeMap::new());
    let mut all = TRIED.lock().unwrap_or_else(PoisonError::into_inner);
    let name = device.to_string();
    if let Some(tried) = all.get(&name) {
        return Ok(tried.clone());
    }
    let output = this_program()?
        .args([TRY, &name, "--format", "json"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("device `{name}`: a process to try it in"))?;
    let tried = read(&name, &output)?;
    all.insert(name, tried.clone());
    Ok(tried)
}

fn read(name: &str, output: &Output) -> anyhow::Result<Tried> {
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .with_context(|| format!("device `{name}`: what the process said that tried it"));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    match reason(&words) {
        Some(reason) => {
            bail!("device `{name}` was found, but does not compute ({}): {reason}", output.status)
        }
        None => bail!("device `{name}` was found, but does not compute ({})", output.status),
    }
}

/// Our own error, the message of the first panic, or the last line.
fn reason(words: &str) -> Option<&str> {
    let lines = || words.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find_map(|line| line.strip_prefix("error: "))
        .or_else(|| lines().skip_while(|line| !line.contains("panicked at")).nth(1))
        .or_else(|| lines().next_back())
}

/// The devices that this build has, for the help.
pub(crate) fn help() -> String {
    let built: Vec<&str> =
        Backend::ALL.into_iter().filter(|backend| backend.is_built()).map(Backend::name).collect();
    match built.as_slice() {
        [] => "The device; this build has `cpu` [default: cpu]".to_owned(),
        names => {
            let cards: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!(
                "The device: `cpu`, or a graphics card, by number if there are several, as in `{}:1`; this build \
                 has {} [default: cpu]",
                names[0],
                cards.join(" and ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_helps_most() {
        let ours =
            "\nthread 'x' panicked at a.rs:1:2:\nno driver\nnote: run with\nerror: device `cuda:0`: no";
        assert_eq!(reason(ours), Some("device `cuda:0`: no"));
        let panic =
            "warning\nthread 'x' panicked at a.rs:1:2:\nno driver\nthread 'main' panicked at b.rs:1:2:\nRecv";
        assert_eq!(reason(panic), Some("no driver"));
        assert_eq!(reason("one\ntwo\n"), Some("two"));
        assert_eq!(reason(" \n"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_is_an_error() {
        let status = std::os::unix::process::ExitStatusExt::from_raw(11);
        let output = Output { status, stdout: Vec::new(), stderr: Vec::new() };
        let error = read("vulkan:0", &output).unwrap_err().to_string();
        assert!(error.contains("`vulkan:0`") && error.contains("signal: 11"), "{error}");
    }
}
