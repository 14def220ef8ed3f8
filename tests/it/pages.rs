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
