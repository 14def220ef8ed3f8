//! Every strategy on one large score table: how long it takes, and what it has in memory beside the columns.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use xshell::Shell;

use super::table::table;
use super::{GIB, build, run_ours};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rows of the table
    #[arg(long, value_name = "N", default_value_t = 5_000_000)]
    rows: u64,
}

/// Every strategy that needs no data beside the table, and budgets of each kind.
const CASES: [(&str, &str); 9] = [
    ("lobass", "5%"),
    ("lobass", "50%"),
    ("lobass", "1Gtok"),
    ("gap", "5%"),
    ("gap-sum", "5%"),
    ("perplexity-high", "5%"),
    ("perplexity-middle", "5%"),
    ("longest", "5%"),
    ("random", "5%"),
];

pub(super) fn run(shell: &Shell, args: &Args) -> Result<()> {
    let table = table(shell, args.rows)?;
    build(shell, "select-peer")?;
    let mut lines = vec![
        "| strategy | budget | kept | reading | selecting | summary | columns | bytes a row | beside them | with the \
         summary |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (strategy, budget) in CASES {
        eprintln!("==> {strategy}, {budget}");
        let request = json!({"table": table, "strategy": strategy, "budget": budget, "rows": false});
        lines.push(line(strategy, budget, &run_ours(shell, "select-peer", request)?)?);
    }
    eprintln!("\n{}", lines.join("\n"));
    Ok(())
}

fn line(strategy: &str, budget: &str, run: &Value) -> Result<String> {
    let number = |name: &str| run[name].as_f64().with_context(|| format!("a run without `{name}`"));
    let columns = number("columns_bytes")?;
    let beside = |name: &str| Ok::<f64, anyhow::Error>((number(name)? - columns) / GIB);
    Ok(format!(
        "| {strategy} | {budget} | {} | {:.1} s | {:.1} s | {:.1} s | {:.2} GiB | {:.0} | {:.2} GiB | {:.2} GiB |",
        run["n_selected"],
        number("seconds_reading")?,
        number("seconds_selecting")?,
        number("seconds_summarizing")?,
        columns / GIB,
        columns / number("n_rows")?,
        beside("peak_rss_bytes")?,
        beside("peak_rss_bytes_summarizing")?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_beside_the_columns() {
        let gib = 1u64 << 30;
        let run = json!({
            "n_rows": 1 << 26, "n_selected": 7, "seconds_reading": 1.0, "seconds_selecting": 2.0,
            "seconds_summarizing": 3.0, "columns_bytes": 2 * gib, "peak_rss_bytes": 3 * gib,
            "peak_rss_bytes_summarizing": 4 * gib,
        });
        let expected = "| lobass | 5% | 7 | 1.0 s | 2.0 s | 3.0 s | 2.00 GiB | 32 | 1.00 GiB | 2.00 GiB |";
        assert_eq!(line("lobass", "5%", &run).unwrap(), expected);
        assert!(line("lobass", "5%", &json!({})).is_err());
    }
}
