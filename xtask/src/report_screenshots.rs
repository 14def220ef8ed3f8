//! Pages of `lobass report` as a browser shows them: in both themes, wide and narrow, on screen and on paper.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

/// Names under which Chromium is installed.
const BROWSERS: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const THEMES: [&str; 2] = ["light", "dark"];
/// A desktop and a telephone.
const WIDTHS: [u32; 2] = [1600, 400];
/// Rows of the pages of made-up numbers: every row a point, and a density.
const SIZES: [u32; 2] = [2_000, 100_000];

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pages; without any, the demo's, and two of made-up numbers
    #[arg(value_name = "PAGE")]
    pages: Vec<PathBuf>,
    /// Where the pictures go
    #[arg(long, value_name = "DIR", default_value = "target/report-screenshots")]
    out: PathBuf,
    /// How much of a page is seen, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 3600)]
    height: u32,
    /// The browser: Chromium or one that is made of it [default: the first that is installed]
    #[arg(long, value_name = "PROGRAM")]
    browser: Option<String>,
}

pub(crate) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let browser = browser(shell, args.browser.as_deref())?;
    fs_err::create_dir_all(&args.out)?;
    let pages = if args.pages.is_empty() { made_up(shell, &args.out)? } else { args.pages.clone() };
    for page in &pages {
        let page = fs_err::canonicalize(page)?;
        for theme in THEMES {
            for width in WIDTHS {
                shoot(shell, &browser, args, &page, theme, width)?;
            }
        }
        print(shell, &browser, args, &page)?;
    }
    Ok(())
}

/// A browser that answers.
fn browser(shell: &Shell, given: Option<&str>) -> Result<String> {
    let names: Vec<&str> = given.map_or(BROWSERS.to_vec(), |given| vec![given]);
    let answers = |name: &&&str| {
        let name = **name;
        cmd!(shell, "{name} --version").quiet().ignore_stdout().ignore_stderr().run().is_ok()
    };
    match names.iter().find(answers) {
        Some(name) => Ok((*name).to_owned()),
        None => bail!(
            "expected a browser, found none of {}; install Chromium (Debian: `apt-get install chromium`) or name one with \
             `--browser`",
            names.join(", ")
        ),
    }
}

/// The demo's page, and pages of made-up numbers.
fn made_up(shell: &Shell, out: &Path) -> Result<Vec<PathBuf>> {
    let demo = out.join("demo");
    cmd!(shell, "cargo run --package lobass-cli -- --quiet demo --out {demo}").ignore_stdout().run()?;
    let mut pages = vec![demo.join("report.html")];
    for size in SIZES.map(|size| size.to_string()) {
        let page = out.join(format!("{size}-rows.html"));
        cmd!(shell, "cargo run --package lobass-report --example page -- {size} {page}").run()?;
        pages.push(page);
    }
    Ok(pages)
}

fn name(page: &Path) -> String {
    let stem = page.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match page.parent().and_then(Path::file_name) {
        Some(folder) if stem == "report" => folder.to_string_lossy().into_owned(),
        _ => stem,
    }
}

fn shoot(shell: &Shell, browser: &str, args: &Args, page: &Path, theme: &str, width: u32) -> Result<()> {
    let file = args.out.join(format!("{}-{theme}-{width}.png", name(page)));
    let (size, picture) =
        (format!("--window-size={width},{}", args.height), format!("--screenshot={}", file.display()));
    let url = format!("file://{}?theme={theme}", page.display());
    headless(shell, browser, &[&size, &picture, &url], &file)
}

fn print(shell: &Shell, browser: &str, args: &Args, page: &Path) -> Result<()> {
    let file = args.out.join(format!("{}.pdf", name(page)));
    let (paper, url) = (format!("--print-to-pdf={}", file.display()), format!("file://{}", page.display()));
    headless(shell, browser, &["--no-pdf-header-footer", &paper, &url], &file)
}

fn headless(shell: &Shell, browser: &str, arguments: &[&str], file: &Path) -> Result<()> {
    // Without its sandbox, which containers do not allow: it opens nothing but a page of ours.
    cmd!(shell, "{browser} --headless=new --no-sandbox --disable-gpu --hide-scrollbars {arguments...}")
        .quiet()
        .ignore_stderr()
        .ignore_stdout()
        .run()?;
    let size = fs_err::metadata(file).map(|found| found.len()).context("the browser made no picture")?;
    eprintln!("==> {} ({size} bytes)", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_browser_is_named() {
        let shell = Shell::new().unwrap();
        let error = browser(&shell, Some("no-such-browser")).unwrap_err().to_string();
        assert!(error.contains("`--browser`") && error.contains("no-such-browser"), "{error}");
    }

    #[test]
    fn a_picture_is_named_after_its_page() {
        assert_eq!(name(Path::new("runs/demo/report.html")), "demo");
        assert_eq!(name(Path::new("a/2000-rows.html")), "2000-rows");
    }
}
