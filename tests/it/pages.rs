//! The documentation that the command line generates.

use crate::sandbox::Sandbox;

/// Builds with back ends for cards say which in the help.
#[test]
#[cfg(not(feature = "wgpu"))]
fn the_page_is_what_the_binary_prints() {
    let printed = Sandbox::new().expect(0, "markdown").stdout;
    let page = fs_err::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md")).unwrap();
    assert!(printed == page, "docs/cli.md is of another version; `cargo xtask cli` writes it anew");
}

#[test]
fn completions_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.expect(0, &format!("completions {shell}")).stdout;
        for word in ["score", "completions", "reference", "overlong"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        assert!(!script.contains('\u{1b}'), "a script has no colors");
    }
    sandbox.fails("completions tcsh", &["tcsh"]);
}

#[test]
#[cfg(unix)]
fn bash_completes() {
    let sandbox = Sandbox::new();
    sandbox.write("lobass.bash", sandbox.expect(0, "completions bash").stdout);
    let script = "source ./lobass.bash; COMP_WORDS=(lobass sc); COMP_CWORD=1; _lobass lobass sc lobass; \
                  echo \"${COMPREPLY[@]}\"; COMP_WORDS=(lobass score --overlong ''); COMP_CWORD=3; \
                  _lobass lobass '' --overlong; echo \"${COMPREPLY[@]}\"";
    let Ok(output) =
        std::process::Command::new("bash").args(["-c", script]).current_dir(sandbox.path("")).output()
    else {
        return; // no bash, no completions
    };
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), ["score", "drop truncate error"]);
}

#[test]
fn a_manual_page_for_every_command() {
    let sandbox = Sandbox::new();
    let written = sandbox.json(0, "man --out man");
    assert_eq!(
        written["written"].as_array().unwrap().len(),
        fs_err::read_dir(sandbox.path("man")).unwrap().count()
    );
    let page = sandbox.read("man/lobass-score.1");
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    assert!(page.contains("fine\\-tuned") || page.contains("fine-tuned"), "{page}");
    assert!(sandbox.path("man/lobass.1").exists());
    assert!(!sandbox.path("man/lobass-markdown.1").exists(), "hidden commands have no page");
}

/// The page of strategies has a section for each, with its other names and its source, and advice for and against it.
#[test]
fn every_strategy_has_a_section() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/strategies.md");
    let page = fs_err::read_to_string(path).unwrap();
    let strategies = Sandbox::new().json(0, "strategies");
    let section = |name: &str| {
        let rest = page.split_once(&format!("\n### `{name}`\n"));
        let (_, rest) = rest.unwrap_or_else(|| panic!("`{name}` has no section"));
        rest.split("\n## ").next().unwrap().split("\n### ").next().unwrap().to_owned()
    };
    for strategy in strategies.as_array().unwrap() {
        let name = strategy["name"].as_str().unwrap();
        assert!(page.contains(&format!("| [`{name}`](#{name}) |")), "`{name}` is not in the table");
        let section = section(name);
        let source = strategy["source"].as_str().unwrap();
        let ids = source.split("arXiv ").skip(1).filter_map(|id| id.get(..10));
        let others = strategy["other_names"].as_array().unwrap().iter().map(|other| other.as_str().unwrap());
        let parts = ["**Score:**", "**Needs:**", "**Source:**", "**Use it when**", "**Do not use it when**"];
        for part in parts.into_iter().chain(ids).chain(others) {
            assert!(section.contains(part), "the section of `{name}` lacks `{part}`");
        }
    }
    let n_sections = page.matches("\n### `").count();
    assert_eq!(n_sections, strategies.as_array().unwrap().len(), "a section of no strategy");
}

/// The page of models has a row for each family, and no other.
#[test]
fn every_family_has_a_row() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/models.md");
    let page = fs_err::read_to_string(path).unwrap();
    let families = page.split("\n## ").find(|section| section.starts_with("Families")).unwrap();
    let rows = families.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut rows: Vec<&str> = rows.filter(|name| *name != "model_type").collect();
    let mut known: Vec<&str> = lobass_model::DecoderSpec::model_types().collect();
    rows.sort_unstable();
    known.sort_unstable();
    assert_eq!(rows, known);
}
