//! Dependency direction, as in `docs/architecture.md`.

use std::collections::BTreeSet;
use std::process::Command;

/// What a package needs to be built and used on this platform: dependencies for tests and build scripts do not count.
/// `depth` is 1 for what its manifest names.
fn dependencies(package: &str, depth: Option<u32>) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--locked",
            "--offline",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if let Some(depth) = depth {
        cargo.args(["--depth", &depth.to_string()]);
    }
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != package).map(str::to_owned).collect()
}

#[test]
fn every_crate_keeps_to_its_floor() {
    let check = |name: &str, lobass: &[&str], never: &[&[&str]]| {
        let closure = dependencies(name, None);
        let found: Vec<&str> =
            closure.iter().map(String::as_str).filter(|other| other.starts_with("lobass-")).collect();
        assert_eq!(found, lobass, "{name} depends on other crates of ours than its floor allows");
        for other in never.concat() {
            assert!(!closure.contains(other), "{name} must not depend on {other}");
        }
    };
    let text: &[&str] = &["tokenizers", "minijinja"];
    let files: &[&str] = &["arrow-array", "parquet"];
    check("lobass-core", &[], &[&["burn", "clap", "serde_json", "rayon"], text, files]);
    check("lobass-data", &["lobass-core"], &[&["burn", "clap"]]);
    let kernels = "lobass-kernels";
    check(kernels, &[], &[&["burn", "rayon", "serde", "clap"], text, files]);
    check("lobass-llama", &[kernels], &[&["clap"], text, files]);
    check("lobass-loss", &["lobass-core", kernels, "lobass-llama"], &[&["clap"], text, files]);
    check(
        "lobass-train",
        &["lobass-core", kernels, "lobass-llama", "lobass-loss"],
        &[&["clap"], text, files],
    );
    check("lobass-run", &["lobass-core", "lobass-data"], &[&["burn", "clap"]]);
    check("lobass-select", &["lobass-core"], &[&["burn", "clap", "serde_json"], text, files]);
    check("lobass-price", &[], &[&["burn", "clap", "serde"], text, files]);
    check("lobass-evidence", &[], &[&["burn", "clap", "serde_json"], text, files]);
    check("lobass-demo", &[], &[&["burn", "clap"], text, files]);
    check("xtask", &[], &[&["burn"]]);
}

#[test]
fn the_default_build_has_no_gpu() {
    let closure = dependencies("lobass-cli", None);
    for heavy in ["cubecl", "cubecl-cuda", "wgpu", "cudarc", "tch", "burn-wgpu", "burn-cuda", "datafusion"] {
        assert!(!closure.contains(heavy), "the default build must not depend on {heavy}");
    }
}

#[test]
fn clap_and_anyhow_stay_at_the_top() {
    for name in
        ["core", "data", "demo", "evidence", "kernels", "llama", "loss", "price", "run", "select", "train"]
    {
        let direct = dependencies(&format!("lobass-{name}"), Some(1));
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
