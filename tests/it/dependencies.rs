//! Dependency direction, as in `docs/architecture.md`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Everything that a package needs to be built and used on this platform: dependencies for tests and build scripts do
/// not count. What these tests were built with is all that may be asked about, since nothing else need be downloaded.
fn closure(package: &str) -> BTreeSet<String> {
    let text = cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none"]);
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != package).map(str::to_owned).collect()
}

/// Dependencies in the manifest of a package of this workspace, on any platform and with any feature. It needs our
/// packages only.
fn named(package: &str) -> BTreeSet<String> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&text).unwrap();
    let members = metadata["packages"].as_array().unwrap();
    let member = members.iter().find(|member| member["name"] == package);
    let dependencies =
        member.unwrap_or_else(|| panic!("no member `{package}`"))["dependencies"].as_array().unwrap();
    let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
    normal.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect()
}

/// The output of a cargo command, without a network.
fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--locked", "--offline"]);
    let output = cargo.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_crate_keeps_to_its_floor() {
    let check = |name: &str, lobass: &[&str], never: &[&[&str]]| {
        let closure = closure(name);
        let found: Vec<&str> =
            closure.iter().map(String::as_str).filter(|other| other.starts_with("lobass-")).collect();
        let mut lobass = lobass.to_vec();
        lobass.sort_unstable();
        assert_eq!(found, lobass, "{name} depends on other crates of ours than its floor allows");
        for other in never.concat() {
            assert!(!closure.contains(other), "{name} must not depend on {other}");
        }
    };
    let text: &[&str] = &["tokenizers", "minijinja"];
    let files: &[&str] = &["arrow-array", "parquet"];
    check("lobass-core", &[], &[&["burn-core", "clap", "serde_json", "rayon"], text, files]);
    let (kernels, whole) = ("lobass-kernels", "lobass-files");
    check(whole, &[], &[&["burn-core", "clap", "rayon", "serde"], text, files]);
    check("lobass-data", &["lobass-core", whole], &[&["burn-core", "clap"]]);
    check(kernels, &[], &[&["burn-core", "rayon", "serde", "clap"], text, files]);
    check("lobass-model", &["lobass-core", whole, kernels], &[&["clap"], text, files]);
    check("lobass-loss", &["lobass-core", whole, kernels, "lobass-model"], &[&["clap"], text, files]);
    check(
        "lobass-train",
        &["lobass-core", whole, kernels, "lobass-model", "lobass-loss", "lobass-mixture"],
        &[&["clap"], text, files],
    );
    check(
        "lobass-influence",
        &["lobass-core", whole, kernels, "lobass-model", "lobass-loss", "lobass-mixture", "lobass-train"],
        &[&["clap"], text, files],
    );
    check(
        "lobass-generate",
        &["lobass-core", whole, kernels, "lobass-model", "lobass-loss"],
        &[&["clap"], text, files],
    );
    check("lobass-matrix", &[whole], &[&["burn-core", "clap", "rayon"], text, files]);
    check("lobass-merge", &["lobass-core"], &[&["burn-core", "clap", "rayon", "safetensors"], text, files]);
    check("lobass-run", &["lobass-core", "lobass-data", whole, "lobass-matrix"], &[&["burn-core", "clap"]]);
    check("lobass-select", &["lobass-core"], &[&["burn-core", "clap", "serde_json"], text, files]);
    check("lobass-check", &["lobass-core", "lobass-data", whole, "lobass-text"], &[&["burn-core", "clap"]]);
    check("lobass-text", &[], &[&["burn-core", "clap", "serde", "rayon"], text, files]);
    check(
        "lobass-report",
        &["lobass-core", "lobass-evidence", "lobass-regions", "lobass-select"],
        &[&["burn-core", "clap", "rayon"], text, files],
    );
    check("lobass-price", &[], &[&["burn-core", "clap", "serde"], text, files]);
    check(
        "lobass-evidence",
        &["lobass-core", "lobass-select"],
        &[&["burn-core", "clap", "serde_json"], text, files],
    );
    check(
        "lobass-hub",
        &["lobass-core", whole],
        &[&["burn-core", "clap", "tokio", "openssl-sys", "native-tls", "ring"], text, files],
    );
    check(
        "lobass-regions",
        &["lobass-core", "lobass-evidence", "lobass-select"],
        &[&["burn-core", "clap", "rayon", "serde_json"], text, files],
    );
    check(
        "lobass-information",
        &["lobass-core", "lobass-evidence", "lobass-select"],
        &[&["burn-core", "clap", "serde_json"], text, files],
    );
    check("lobass-federate", &["lobass-core"], &[&["burn-core", "clap", "rayon"], text, files]);
    check("lobass-leakage", &[], &[&["burn-core", "clap", "rayon"], text, files]);
    check("lobass-mixture", &[], &[&["burn-core", "clap", "rayon"], text, files]);
    check("lobass-trainers", &[], &[&["burn-core", "clap", "rayon"], text, files]);
    check("lobass-demo", &[], &[&["burn-core", "clap"], text, files]);
    check("xtask", &[], &[&["burn-core"]]);
}

/// Nobody needs a Python to build or test the tool. `cargo test` does not even download what the module is built with,
/// so this reads its manifest.
#[test]
fn python_stays_in_its_module() {
    let direct = named("lobass-python");
    let ours: Vec<&String> = direct.iter().filter(|name| name.starts_with("lobass-")).collect();
    assert_eq!(ours, ["lobass-cli", "lobass-evidence"], "everything else goes by way of the library");
    assert!(direct.contains("lobass"));
    assert!(direct.contains("pyo3"));
    for package in ["lobass-cli", "lobass-tests", "xtask"] {
        assert!(!closure(package).contains("pyo3-ffi"), "{package} must not depend on Python");
    }
}

#[test]
fn the_default_build_has_no_gpu() {
    let closure = closure("lobass-cli");
    for heavy in ["cubecl", "cubecl-cuda", "wgpu", "cudarc", "tch", "burn-wgpu", "burn-cuda", "datafusion"] {
        assert!(!closure.contains(heavy), "the default build must not depend on {heavy}");
    }
}

/// The first build is short: TLS, clients of object stores, and a large codec are features.
#[test]
fn the_default_build_has_no_network() {
    let closure = closure("lobass-cli");
    for heavy in ["aws-lc-rs", "brotli", "burn-nn", "hyper", "reqwest", "rustls", "ureq"] {
        assert!(!closure.contains(heavy), "the default build must not depend on {heavy}");
    }
}

#[test]
fn clap_and_anyhow_stay_at_the_top() {
    for name in [
        "check",
        "core",
        "data",
        "demo",
        "evidence",
        "hub",
        "influence",
        "kernels",
        "loss",
        "matrix",
        "model",
        "price",
        "report",
        "run",
        "select",
        "text",
        "train",
    ] {
        let direct = named(&format!("lobass-{name}"));
        for top in ["clap", "anyhow", "indicatif", "anstream"] {
            assert!(!direct.contains(top), "lobass-{name} must not depend on {top}");
        }
    }
}

/// A clock may go backwards, and those of two machines never agree.
#[test]
fn nothing_of_a_run_depends_on_a_clock() {
    let mut folders =
        vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/lobass-run/src"))];
    let mut n_files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs_err::read_to_string(&path).unwrap();
            for clock in ["SystemTime", "Instant", "last_modified", "jiff"] {
                assert!(!text.contains(clock), "{} speaks of {clock}", path.display());
            }
            n_files += 1;
        }
    }
    assert!(n_files > 20, "{n_files}");
}
