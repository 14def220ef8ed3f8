//! The findings of every rule in lines of a prompt, a tab, and a response: `lobass-text` alone.
//!
//! `printf 'Say hello.\t<nooutput>\n' | cargo run -p lobass-text --example findings -- all`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::io::BufRead as _;

use lobass_text::Rules;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rules: Rules = std::env::args().nth(1).unwrap_or_default().parse()?;
    for (row, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        let (prompt, response) = line.split_once('\t').ok_or("expected a prompt, a tab, and a response")?;
        let plain = |text: &str| text.replace("\\n", "\n").replace("\\t", "\t");
        for finding in rules.check(&plain(prompt), &plain(response)) {
            println!("{row}\t{}\t{}", finding.rule, finding.detail);
        }
    }
    Ok(())
}
