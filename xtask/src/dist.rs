//! The files for a release: one binary for any Linux with an old enough glibc, and wheels for the same.
//!
//! zig links against the glibc of 2014 whatever this machine has. It comes from PyPI, as do the tools around it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::cuda_binary::target_dir;
use crate::python::{self, TOOLS};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile to build with; `dev` is quicker, for trying this out
    #[arg(long, default_value = "release")]
    profile: String,
    /// Build the binary, and no wheel
    #[arg(long)]
    without_wheel: bool,
}

/// The glibc of RHEL 7, and of the wheels' tag `manylinux2014`.
const GLIBC: (u32, u32) = (2, 17);
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Where everything is left, within the target directory.
const OUT: &str = "dist";

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!("expected Linux on x86-64, which is what the binary and the wheel are for");
    }
    let python = python::environment(shell, TOOLS.0, TOOLS.1)?;
    let bin = Path::new(&python).parent().context("an interpreter is in a folder")?.to_owned();
    // Both tools look for zig as a module of the `python3` on the path.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [shell.current_dir().join(&bin)].into_iter().chain(std::env::split_paths(&path));
    let _path = shell.push_env("PATH", std::env::join_paths(folders)?);
    let (target, profile) = (target_dir(shell)?, &args.profile);
    let out = target.join(OUT);
    shell.remove_path(&out)?;
    shell.create_dir(&out)?;
    eprintln!("==> the binary");
    let (zigbuild, old) = (bin.join("cargo-zigbuild"), format!("{TARGET}.{}.{}", GLIBC.0, GLIBC.1));
    cmd!(
        shell,
        "{zigbuild} zigbuild --locked --profile {profile} --package lobass-cli --features full --target {old}"
    )
    .run()?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let binary = out.join("lobass");
    shell.copy_file(target.join(TARGET).join(folder).join("lobass"), &binary)?;
    check(shell, &binary)?;
    cmd!(shell, "{binary} --version").run()?;
    if args.without_wheel {
        return Ok(());
    }
    eprintln!("==> the wheel");
    let (maturin, manifest) = (bin.join("maturin"), "python/lobass/Cargo.toml");
    let tag = ["--zig", "--compatibility", "manylinux2014", "--target", TARGET];
    cmd!(
        shell,
        "{maturin} build --locked --profile {profile} --manifest-path {manifest} --out {out} {tag...}"
    )
    .run()?;
    Ok(())
}

/// Fails if a binary needs a newer glibc than it should.
fn check(shell: &Shell, binary: &Path) -> Result<()> {
    let symbols =
        cmd!(shell, "objdump --dynamic-syms {binary}").quiet().read().context("objdump is needed")?;
    let newest = newest_glibc(&symbols);
    let Some((major, minor)) = newest else {
        bail!("{}: expected symbols of glibc, found none", binary.display())
    };
    eprintln!("{}: needs glibc {major}.{minor}", binary.display());
    if (major, minor) > GLIBC {
        bail!("expected glibc {}.{} at most", GLIBC.0, GLIBC.1);
    }
    Ok(())
}

/// The newest version of glibc that a list of symbols names.
fn newest_glibc(symbols: &str) -> Option<(u32, u32)> {
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let mut numbers = rest[..end].split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let symbols =
            "0000 DF *UND* (GLIBC_2.2.5) malloc\n0000 DF *UND* (GLIBC_2.17) clock_gettime\n0 (GLIBC_2.9) x";
        assert_eq!(newest_glibc(symbols), Some((2, 17)));
        assert_eq!(newest_glibc("nothing"), None);
    }
}
