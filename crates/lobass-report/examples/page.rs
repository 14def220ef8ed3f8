//! A page of made-up losses: sums that are learned, chat that is known, and noise that is neither.
//!
//! Run with `cargo run -p lobass-report --example page -- 100000 page.html`. It says how long it took and how large the
//! page is, which stays bounded however many rows there are.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(clippy::print_stderr, reason = "times are no result")]

use std::time::Instant;

use lobass_core::{Budget, ExampleKey, Nll, RowStatus, ScoreColumns, ScoreRecord};
use lobass_report::{Body, Command, Example, Measuring, Piece, Report, to_html, to_text};
use lobass_select::strategies::{Gap, Lobass, Longest, PerplexityHigh, Random};
use lobass_select::{Request, Strategy};
use serde_json::json;

/// Numbers in [0, 1) that look random and are not: SplitMix64.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Bell-shaped, from -1 to 1.
    fn bell(&mut self) -> f64 {
        (self.next() + self.next() + self.next() + self.next() - 2.0) / 2.0
    }
}

fn record(row: u64, draws: &mut Draws) -> ScoreRecord {
    let (kind, share) = match draws.next() {
        0.0..0.35 => ("sums", 0.25 + 0.2 * draws.bell()),
        0.35..0.8 => ("chat", 0.85 + 0.1 * draws.bell()),
        _ => ("noise", 0.98 + 0.06 * draws.bell()),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let n_scored = (4.6 + 1.6 * draws.bell() + if kind == "noise" { 0.6 } else { 0.0 }).exp().max(1.0) as u32;
    let base = match kind {
        "sums" => 2.2 + 1.2 * draws.bell(),
        "chat" => 1.3 + 0.9 * draws.bell(),
        _ => 4.2 + 1.4 * draws.bell(),
    };
    let wobble = 1.0 + draws.bell() / f64::from(n_scored).sqrt();
    let status = match draws.next() {
        0.0..0.99 => RowStatus::Ok,
        0.99..0.996 => RowStatus::HeldOut,
        _ => RowStatus::Overlong,
    };
    let sum = |mean: f64| (mean * f64::from(n_scored)).max(1e-3);
    let scored = ScoreRecord::scored(row, n_scored, sum(base * wobble), sum(base * share * wobble));
    let nll = |nll: Option<Nll>| nll.filter(|_| status.is_scored());
    ScoreRecord {
        key: ExampleKey::new(format!("{kind}-{row}")),
        status,
        reason: (status == RowStatus::Overlong).then(|| "5,120 tokens, above the maximum of 4096".to_owned()),
        source: kind.to_owned(),
        n_tokens: n_scored + 40,
        n_scored: if status.is_scored() { n_scored } else { 0 },
        base: nll(scored.base),
        reference: nll(scored.reference),
        ..scored
    }
}

/// Words for a row, each with losses about the row's own.
fn example(record: &ScoreRecord, draws: &mut Draws) -> Example {
    const WORDS: [&str; 12] =
        ["The", " answer", " is", " 42", ",", " since", " six", " times", " seven", " gives", " it", ".\n"];
    let mean = |nll: Option<Nll>| nll.and_then(|nll| nll.mean()).unwrap_or_default();
    let (base, reference) = (mean(record.base), mean(record.reference));
    let prompt = "### Instruction:\nWhat do you get if you multiply six by nine?\n\n### Response:\n";
    let mut pieces = vec![Piece { text: prompt.to_owned(), losses: None }];
    for at in 0..record.n_scored as usize {
        #[expect(clippy::cast_possible_truncation, reason = "losses of a few nats")]
        let spread = |mean: f64, draw: f64| (mean * 2.0 * draw) as f32;
        let text = WORDS[at % WORDS.len()].to_owned();
        let losses = Some((spread(base, draws.next()), spread(reference, draws.next())));
        pieces.push(Piece { text, losses });
    }
    Example {
        key: record.key.to_string(),
        source: record.source.clone(),
        status: record.status.to_string(),
        n_tokens: record.n_tokens,
        n_scored: record.n_scored,
        base: Some(base),
        reference: Some(reference),
        body: Body::Pieces(pieces),
    }
}

fn report(n_rows: u64) -> Result<Report, Box<dyn std::error::Error>> {
    let mut draws = Draws(7);
    let records: Vec<ScoreRecord> = (0..n_rows).map(|row| record(row, &mut draws)).collect();
    let columns = ScoreColumns::of(&records, 0);
    let begun = Instant::now();
    let mut measuring = Measuring::new(&columns, 3);
    for strategy in [&Lobass as &dyn Strategy, &Gap, &PerplexityHigh, &Longest, &Random] {
        measuring.add(&Request::new(strategy, Budget::Fraction(0.06)))?;
    }
    measuring.leave_out("quality", "it needs a rating column");
    let mut report = measuring.report(format!("{n_rows} made-up rows"));
    eprintln!("measured in {:.2} s", begun.elapsed().as_secs_f64());
    "lobass, from made-up numbers".clone_into(&mut report.tool);
    let rows: Vec<u64> = report.views.iter().flat_map(|view| view.picks.rows().collect::<Vec<_>>()).collect();
    for row in rows {
        let found = example(&records[usize::try_from(row)?], &mut draws);
        report.examples.entry(row).or_insert(found);
    }
    report.manifest =
        json!({"version": 1, "n_rows": n_rows, "models": [{"role": "base"}, {"role": "reference"}]});
    let line = format!("cargo run -p lobass-report --example page -- {n_rows} page.html");
    report.commands.push(Command { what: "This page again".to_owned(), line });
    Ok(report)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let n_rows = arguments.first().map_or(Ok(2_000), |n| n.parse())?;
    let report = report(n_rows)?;
    let begun = Instant::now();
    let page = to_html(&report);
    eprintln!("drawn in {:.2} s, {} bytes", begun.elapsed().as_secs_f64(), page.len());
    match arguments.get(1) {
        #[expect(clippy::disallowed_methods, reason = "an example has the library alone")]
        Some(path) => std::fs::write(path, page)?,
        None => println!("{}", to_text(&report, 100)),
    }
    Ok(())
}
