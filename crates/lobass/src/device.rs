//! Devices that compute: graphics cards are tried in a separate process first.

use std::process::{Output, Stdio};

use lobass_model::DeviceName;

use crate::error::{Context as _, Result, bail};
use crate::runtime::Runtime;

pub use crate::memory::Tried;

/// The hidden command of `lobass` that tries a device.
pub const TRY: &str = "try-device";

/// The device with a name, if it exists and computes.
///
/// burn panics on its own threads if a driver fails, and compilers of some drivers crash the process. So a device is
/// tried in another process, and both become errors.
///
/// # Errors
/// If the device is missing or does not compute.
pub fn find(name: &str, runtime: &Runtime) -> Result<DeviceName> {
    let device: DeviceName = name.parse()?;
    if device != DeviceName::Cpu {
        tried(&device, runtime)?;
    }
    Ok(device)
}

/// Tries a device in another process, once.
///
/// # Errors
/// If it does not compute, or no process can be started.
pub fn tried(device: &DeviceName, runtime: &Runtime) -> Result<Tried> {
    let name = device.to_string();
    if let Some(tried) = runtime.memory().devices.get(&name) {
        return Ok(tried.clone());
    }
    let output = runtime
        .process(&format!("device `{name}`"))?
        .args([TRY, &name, "--format", "json"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("device `{name}`: cannot start a process to test it"))?;
    let tried = read(&name, &output)?;
    runtime.memory().devices.insert(name, tried.clone());
    Ok(tried)
}

fn read(name: &str, output: &Output) -> Result<Tried> {
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .with_context(|| format!("device `{name}`: cannot read the answer of the test process"));
    }
    let words = String::from_utf8_lossy(&output.stderr);
    match reason(&words) {
        Some(reason) => {
            bail!(
                Device,
                "device `{name}` was found, but failed a test computation ({}): {reason}",
                output.status
            )
        }
        None => bail!(Device, "device `{name}` was found, but failed a test computation ({})", output.status),
    }
}

/// The error of lobass, the message of the first panic, or the last line.
fn reason(words: &str) -> Option<&str> {
    let lines = || words.lines().map(str::trim).filter(|line| !line.is_empty());
    lines()
        .find_map(|line| line.strip_prefix("error: "))
        .or_else(|| lines().skip_while(|line| !line.contains("panicked at")).nth(1))
        .or_else(|| lines().next_back())
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
