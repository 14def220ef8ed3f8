//! Release binaries for NVIDIA cards, built from the registry alone.
//!
//! burn's CUDA back end contains two generators of device code, and the one that we do not use is linked against an
//! LLVM that its build script fetches from elsewhere. Documentation builds skip that; what is then missing at the link
//! is defined here, as functions that say so and abort. None of them is called: kernels go through NVRTC.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leave out the cache of compiled kernels, which takes long to build
    #[arg(long)]
    without_cache: bool,
}

const PACKAGES: [&str; 2] = ["lobass-cli", "lobass-benches"];
const BINARIES: [&str; 2] = ["lobass", "gpu-bench"];
const PROFILE: &str = "cuda-binary";
/// Where the binaries are left, within the target directory.
const OUT: &str = "cuda";
/// The oldest CUDA whose driver is enough, as `cudarc` writes 12.8; cards of the Blackwell generation need as much.
const CUDA_VERSION: &str = "12080";
/// Prefixes of functions of LLVM's C interface, and of the C++ that stands between it and burn.
const PREFIXES: [&str; 2] = ["LLVM", "cubecl_"];

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let target = target_dir(shell)?;
    let out = target.join(OUT);
    shell.create_dir(&out)?;
    // Everything is linked with the stub from the beginning, since other flags would build everything again.
    let object = compile(shell, &out, &BTreeSet::new())?;
    let version = shell.var("CUDARC_CUDA_VERSION").unwrap_or_else(|_| CUDA_VERSION.to_owned());
    let _skip = shell.push_env("DOCS_RS", "1");
    let _version = shell.push_env("CUDARC_CUDA_VERSION", version);
    let _link = shell.push_env("CARGO_ENCODED_RUSTFLAGS", format!("-Clink-arg={}", object.display()));
    let features = if args.without_cache { "full,cuda-nvrtc" } else { "full,cuda-nvrtc,kernel-cache" };
    // Together, since what is compiled depends on which packages are.
    let packages: Vec<&str> = PACKAGES.into_iter().flat_map(|name| ["--package", name]).collect();
    let build: Vec<&str> =
        ["--locked", "--profile", PROFILE, "--features", features].into_iter().chain(packages).collect();

    eprintln!("==> everything but the binaries");
    let of = build.iter();
    cmd!(shell, "cargo build {of...} --lib").run()?;
    let missing = missing(shell, &target.join(PROFILE).join("deps"))?;
    compile(shell, &out, &missing)?;
    eprintln!("==> binaries, with {} functions that abort", missing.len());
    let binaries = BINARIES.into_iter().flat_map(|name| ["--bin", name]);
    let of = build.iter();
    cmd!(shell, "cargo build {of...} {binaries...}").run()?;
    for binary in BINARIES {
        let copy = out.join(binary);
        shell.copy_file(target.join(PROFILE).join(binary), &copy)?;
        let bytes = fs_err::metadata(&copy)?.len();
        eprintln!("{}: {:.0} MiB", copy.display(), bytes as f64 / f64::from(1u32 << 20));
    }
    Ok(())
}

/// Compiles an object file that defines functions; gives its path.
fn compile(shell: &Shell, out: &Path, functions: &BTreeSet<String>) -> Result<PathBuf> {
    let (source, object) = (out.join("stub.c"), out.join("stub.o"));
    shell.write_file(&source, stub(functions))?;
    cmd!(shell, "cc -c -O1 {source} -o {object}").quiet().run().context("a C compiler is needed")?;
    Ok(object)
}

pub(crate) fn target_dir(shell: &Shell) -> Result<PathBuf> {
    let metadata = cmd!(shell, "cargo metadata --format-version 1 --no-deps --offline").quiet().read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    Ok(metadata["target_directory"].as_str().context("cargo names its target directory")?.into())
}

/// Functions of LLVM that libraries of the build refer to, but do not define.
fn missing(shell: &Shell, deps: &Path) -> Result<BTreeSet<String>> {
    let libraries = libraries(deps)?;
    let symbols = |which: &str| -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        for library in &libraries {
            let listing = cmd!(shell, "nm --extern-only {which} --format=just-symbols {library}")
                .quiet()
                .ignore_stderr()
                .read()
                .context("nm is needed, as it comes with a C compiler")?;
            let is_of_llvm = |name: &&str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            found.extend(listing.lines().filter(is_of_llvm).map(str::to_owned));
        }
        Ok(found)
    };
    let missing: BTreeSet<String> =
        symbols("--undefined-only")?.difference(&symbols("--defined-only")?).cloned().collect();
    if missing.is_empty() {
        bail!("expected functions of LLVM to be missing in `{}`, found none", deps.display());
    }
    Ok(missing)
}

/// Those that may speak of LLVM.
fn libraries(deps: &Path) -> Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for entry in fs_err::read_dir(deps)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains("llvm") && name.ends_with(".rlib") {
            libraries.push(path);
        }
    }
    Ok(libraries)
}

/// C code that defines the functions.
fn stub(functions: &BTreeSet<String>) -> String {
    let head = "#include <stdio.h>\n#include <stdlib.h>\n\n\
                __attribute__((unused)) static void missing(const char *name) {\n  \
                fprintf(stderr, \"error: `%s` is called, and this build has no LLVM\\n\", name);\n  abort();\n}\n\n";
    let define = |name: &String| format!("void {name}(void) {{ missing(\"{name}\"); }}\n");
    head.to_owned() + &functions.iter().map(define).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_defines_what_is_missing_and_says_so() {
        let code = stub(&BTreeSet::from(["LLVMB".to_owned(), "LLVMA".to_owned()]));
        assert!(code.ends_with(
            "void LLVMA(void) { missing(\"LLVMA\"); }\nvoid LLVMB(void) { missing(\"LLVMB\"); }\n"
        ));
        assert!(code.contains("abort()"));
    }
}
