//! What two references taught about each of three sources, from numbers that are made up.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use lobass_core::Numbers;
use lobass_regions::{Beside, Error, Losses, Settings, measure};
use lobass_select::Strata;

/// The drop of a row: sums are learned, poems are not, and a third of the code was made worse.
fn drop(source: &str, row: u32, reference: u32) -> f64 {
    let swing = f64::from((row * 7 + reference * 3) % 11) - 5.0;
    match source {
        "sums" => 12.0 + swing,
        "poems" => 0.2 * swing,
        _ => -4.0 + swing,
    }
}

fn main() -> Result<(), Error> {
    let source = |row: u32| ["sums", "poems", "code"][row as usize % 3];
    let column = |reference| (0..150).map(|row| Some(drop(source(row), row, reference))).collect::<Numbers>();
    let drops = [column(0), column(1)];
    let hashes: Vec<u64> = (0..150).collect();
    let losses = Losses { n_tokens: &[20; 150], drops: &drops, hashes: &hashes };
    let strata = Strata::of_values((0..150).map(source));
    let rows: Vec<u32> = (0..150).collect();
    let found = measure(&losses, &strata, &rows, &Beside::default(), &Settings::default())?;
    for region in &found.regions {
        let (value, (low, high)) = region
            .per_token
            .and_then(|drop| Some((drop.value, drop.interval?)))
            .expect("fifty rows have an interval");
        println!("{:6} {value:+.3} [{low:+.3}, {high:+.3}] {}", region.name, region.verdict);
    }
    let queue: Vec<&str> = found.queue.iter().map(|&at| found.regions[at].name.as_str()).collect();
    assert_eq!(queue, ["code", "poems"]);
    println!("to repair: {}", queue.join(", "));
    Ok(())
}

#[cfg(test)]
#[test]
fn the_example_runs() {
    main().unwrap();
}
