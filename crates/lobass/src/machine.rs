//! This machine: what there is to compute on, and where models come from.

use std::fmt;
use std::path::PathBuf;

use lobass_core::readable::Labelled;
use lobass_core::without_secrets;
use lobass_model::{Backend, DeviceName};
use serde::Serialize;
use serde_json::{Value, json};

use crate::device::{Tried, tried};
use crate::error::Result;
use crate::runtime::Runtime;

/// The processor, the memory, the devices, and the settings of the hub.
#[derive(Debug)]
pub struct Machine {
    threads: usize,
    /// Instructions of the processor that kernels may use.
    features: Vec<&'static str>,
    memory: Option<Memory>,
    /// Features that this program was built without.
    lacks: Vec<&'static str>,
    hub: Option<Hub>,
    devices: Vec<(DeviceName, Result<Tried>)>,
}

/// The settings of the hub. The token is not shown.
#[derive(Debug, Serialize)]
struct Hub {
    endpoint: String,
    offline: bool,
    token: bool,
    cache: PathBuf,
    proxy: bool,
}

impl Machine {
    /// Looks at this machine, and tries each device in a separate process. A device that does not compute is part of
    /// the report.
    pub fn look(runtime: &Runtime) -> Self {
        let backends = Backend::ALL.into_iter().filter(|backend| !backend.is_built()).map(Backend::name);
        let hub = runtime.hub().map(|settings| Hub {
            endpoint: without_secrets(&settings.endpoint).into_owned(),
            offline: settings.offline,
            token: settings.token.is_some(),
            cache: settings.cache.clone(),
            proxy: settings.proxy.is_some(),
        });
        let tried = |device: DeviceName| {
            let tried = tried(&device, runtime);
            (device, tried)
        };
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            features: processor_features(),
            memory: Memory::read(),
            lacks: absent_features().chain(backends).collect(),
            hub,
            devices: DeviceName::all().into_iter().map(tried).collect(),
        }
    }

    fn json(&self) -> Value {
        let hub = self.hub.as_ref().map_or_else(|| json!({"error": NO_CACHE}), |hub| json!(hub));
        let devices: Vec<Value> =
            self.devices.iter().map(|(device, tried)| device_json(device, tried)).collect();
        json!({
            "arch": std::env::consts::ARCH, "threads": self.threads, "features": self.features,
            "memory_bytes": self.memory.map(|memory| memory.total),
            "available_bytes": self.memory.map(|memory| memory.available),
            "lacks": self.lacks, "hub": hub, "devices": devices,
        })
    }
}

/// The hub without a place for its files.
const NO_CACHE: &str = "no cache: set HF_HOME or HOME";

fn device_json(device: &DeviceName, tried: &Result<Tried>) -> Value {
    match tried {
        Ok(tried) => json!({
            "device": device.to_string(), "name": tried.name, "dtypes": tried.dtypes,
            "default_dtype": device.default_dtype().to_string(),
        }),
        Err(error) => json!({"device": device.to_string(), "error": error.chain()}),
    }
}

impl Serialize for Machine {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Labelled::default();
        let (arch, threads, features) = (std::env::consts::ARCH, self.threads, self.features.join(" "));
        text.line("processor", format!("{arch}, {threads} threads, {features}"));
        if let Some(Memory { total, available }) = self.memory {
            text.line("memory", format!("{} of {} are free", gibibytes(available), gibibytes(total)));
        }
        if !self.lacks.is_empty() {
            text.line("lacks", format!("{} (built without these features)", self.lacks.join(", ")));
        }
        match &self.hub {
            Some(Hub { endpoint, offline, token, cache, .. }) => {
                text.line("hub", format!("{endpoint}{}", if *offline { ", offline" } else { "" }));
                text.line("hub", format!("a token is {}set", if *token { "" } else { "not " }));
                text.line("hub", format!("cache {}", cache.display()));
            }
            None => text.line("hub", NO_CACHE),
        }
        for (device, tried) in &self.devices {
            match tried {
                Ok(tried) => {
                    let name = tried.name.as_ref().map_or(String::new(), |name| format!("{name}, "));
                    let default = device.default_dtype();
                    text.line("device", format!("{device}: {name}{} [{default}]", tried.dtypes.join(" ")));
                }
                Err(error) => text.line("device", error.chain()),
            }
        }
        text.fmt(f)
    }
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
