//! `lobass doctor`: what there is to compute on, and where models come from.

use lobass::device::tried;
use lobass_core::readable::Labelled;
use lobass_core::without_secrets;
use lobass_model::{Backend, DeviceName};
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::ui::Ui;

pub(crate) fn doctor(ui: &Ui) -> anyhow::Result<Outcome> {
    let mut text = Labelled::default();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let features = processor_features();
    text.line("processor", format!("{}, {threads} threads, {}", std::env::consts::ARCH, features.join(" ")));
    let memory = Memory::read();
    if let Some(Memory { total, available }) = memory {
        text.line("memory", format!("{} of {} are free", gibibytes(available), gibibytes(total)));
    }
    let backends = Backend::ALL.into_iter().filter(|backend| !backend.is_built()).map(Backend::name);
    let lacks: Vec<&str> = absent_features().chain(backends).collect();
    if !lacks.is_empty() {
        text.line("lacks", format!("{} (built without these features)", lacks.join(", ")));
    }
    let hub = describe_hub(ui, &mut text);
    let devices: Vec<Value> =
        DeviceName::all().iter().map(|device| describe(device, ui, &mut text)).collect();
    let json = json!({
        "arch": std::env::consts::ARCH, "threads": threads, "features": features,
        "memory_bytes": memory.map(|memory| memory.total),
        "available_bytes": memory.map(|memory| memory.available),
        "lacks": lacks, "hub": hub, "devices": devices,
    });
    ui.result(text, &json)?;
    Ok(Outcome::Done)
}

/// Features besides those of devices that this program was built without.
fn absent_features() -> impl Iterator<Item = &'static str> {
    let features = [
        ("brotli", cfg!(feature = "brotli")),
        ("cloud", cfg!(feature = "cloud")),
        ("hub", cfg!(feature = "hub")),
    ];
    features.into_iter().filter(|(_, is_built)| !is_built).map(|(name, _)| name)
}

/// The settings of the hub from the environment, as lines and as JSON. The token is not shown.
fn describe_hub(ui: &Ui, text: &mut Labelled) -> Value {
    match ui.runtime().hub() {
        Some(settings) => {
            let (token, endpoint) = (settings.token.is_some(), without_secrets(&settings.endpoint));
            text.line("hub", format!("{endpoint}{}", if settings.offline { ", offline" } else { "" }));
            text.line("hub", format!("a token is {}set", if token { "" } else { "not " }));
            text.line("hub", format!("cache {}", settings.cache.display()));
            json!({
                "endpoint": endpoint, "offline": settings.offline, "token": token, "cache": settings.cache,
                "proxy": settings.proxy.is_some(),
            })
        }
        None => {
            let missing = "no cache: set HF_HOME or HOME";
            text.line("hub", missing);
            json!({"error": missing})
        }
    }
}

/// A line on a device, and the same as JSON. One that does not compute is something to say, and no failure.
fn describe(device: &DeviceName, ui: &Ui, text: &mut Labelled) -> Value {
    match tried(device, ui.runtime()) {
        Ok(tried) => {
            let name = tried.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
            let default = device.default_dtype();
            text.line("device", format!("{device}: {name}{} [{default}]", tried.dtypes.join(" ")));
            json!({
                "device": device.to_string(), "name": tried.name, "dtypes": tried.dtypes,
                "default_dtype": default.to_string(),
            })
        }
        Err(error) => {
            text.line("device", error.chain());
            json!({"device": device.to_string(), "error": error.chain()})
        }
    }
}

/// Instructions of this processor that kernels may use.
#[cfg(target_arch = "x86_64")]
fn processor_features() -> Vec<&'static str> {
    let known = [
        ("avx2", std::is_x86_feature_detected!("avx2")),
        ("fma", std::is_x86_feature_detected!("fma")),
        ("avx512f", std::is_x86_feature_detected!("avx512f")),
        ("avx512bf16", std::is_x86_feature_detected!("avx512bf16")),
    ];
    known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_features() -> Vec<&'static str> {
    Vec::new()
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Memory {
    total: u64,
    available: u64,
}

impl Memory {
    /// The memory according to Linux; other systems are not asked.
    fn read() -> Option<Self> {
        Self::parse(&fs_err::read_to_string("/proc/meminfo").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
        };
        Some(Self { total: field("MemTotal")?, available: field("MemAvailable")? })
    }
}

fn gibibytes(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1u32 << 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_as_linux_writes_it() {
        let text = "MemTotal:       24 kB\nMemFree:  3 kB\nMemAvailable:    12 kB\n";
        assert_eq!(Memory::parse(text), Some(Memory { total: 24 << 10, available: 12 << 10 }));
        assert_eq!(Memory::parse("MemTotal: 24 kB\n"), None);
    }
}
