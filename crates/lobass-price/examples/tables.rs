//! The tables of `docs/guides/cost.md`: what a job takes, by rate, schedule, failures, and length of units.
//!
//! Run with `cargo run -p lobass-price --example tables`. Its test fails if the document has others.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_price::{Cluster, Error, Failures, Outcome, Schedule, expect};

const HOUR: f64 = 3600.0;
/// Every time is a mean of so many simulations.
const N_SEEDS: u32 = 20;
const DEVICES: [usize; 4] = [8, 64, 256, 1024];
const DEVICES_PER_NODE: usize = 8;
/// Standard deviation of the speeds of devices.
const SPEED_SPREAD: f64 = 0.03;
/// Both models, from a store.
const LOAD_SECONDS: f64 = 60.0;
/// Nodes that are cheap because they may be taken away.
const SPOT: Failures = Failures { mtbf_seconds: 24.0 * HOUR, replacement_seconds: 600.0 };
const TASKS_PER_DEVICE: usize = 16;
const USD_PER_DEVICE_HOUR: f64 = 2.5;

/// Dense bf16 of an H100 (NVIDIA's data sheet, SXM).
const H100_FLOPS: f64 = 989e12;
const LLAMA_7B: f64 = 6.74e9;
/// The 135 M shape of the benchmarks with a vocabulary of 32 k.
const SMOL_135M: f64 = 125_077_824.0;
/// The factor that attention adds to the products with weights, in sequences of 512 tokens.
const ATTENTION: f64 = 1.02;
/// Assumed values for a card, from before anything ran on one.
const MFUS: [f64; 4] = [0.15, 0.25, 0.4, 0.55];
const MFU: f64 = 0.4;

/// Rows a second that `lobass plan --explain --measure` found for the 135 M shape in f32, on two cores of an AMD EPYC
/// (Zen 4, AVX-512 and AVX512-BF16) that nothing else used at that time.
const MEASURED_ROWS_PER_SECOND: f64 = 669.0;
/// From the page cache.
const MEASURED_LOAD_SECONDS: f64 = 0.5;
/// Counts of the pool of the measurement, 9,229 rows of Alpaca: shards, and rows of computation for its tokens.
const ALPACA_SHARDS: usize = 37;
const ALPACA_ROWS: f64 = 744_279.0;

/// Samples and their length, without anything that is shared.
const N_SAMPLES: f64 = 100e6;
const SAMPLE_TOKENS: f64 = 512.0;
const N_TOKENS: f64 = N_SAMPLES * SAMPLE_TOKENS;
const N_MODELS: usize = 2;
/// Tokens of a shard of a large pool: 16 MiB of text, at 4 bytes a token.
const SHARD_TOKENS: f64 = (16u32 << 20) as f64 / 4.0;

fn main() -> Result<(), Error> {
    println!("{}", tables()?.join("\n"));
    Ok(())
}

fn tables() -> Result<Vec<String>, Error> {
    Ok(vec![by_rate()?, by_schedule()?, by_length()?, by_device()?])
}

/// Tokens a second of one device and one model. A token takes two operations for each weight.
fn tokens_per_second(mfu: f64, parameters: f64) -> f64 {
    mfu * H100_FLOPS / (2.0 * parameters * ATTENTION)
}

/// Seconds of each unit of the large job.
fn units(tokens_per_second: f64) -> Vec<f64> {
    units_of(SHARD_TOKENS / tokens_per_second, N_MODELS as f64 * N_TOKENS / tokens_per_second)
}

/// Units of about so many seconds, all alike, that take so many together.
fn units_of(seconds: f64, together: f64) -> Vec<f64> {
    let count = (together / seconds).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some ten thousand")]
    let n_units = count as usize;
    vec![together / count; n_units]
}

fn cluster(devices: usize, failures: Option<Failures>) -> Cluster {
    Cluster {
        devices,
        devices_per_node: DEVICES_PER_NODE,
        speed_spread: SPEED_SPREAD,
        load_seconds: LOAD_SECONDS,
        failures,
    }
}

fn hours(units: &[f64], devices: usize, load_seconds: f64) -> Result<String, Error> {
    let cluster = Cluster { load_seconds, ..cluster(devices, None) };
    Ok(time(expect(units, &cluster, Schedule::Pool, N_SEEDS)?.makespan))
}

/// `56 s`, `5 min`, `2.6 h`, `330 h`, `85 days`, `9 years`.
fn time(seconds: f64) -> String {
    match seconds / HOUR {
        ..0.05 => format!("{seconds:.0} s"),
        ..1.0 => format!("{:.0} min", seconds / 60.0),
        hours @ ..100.0 => format!("{hours:.1} h"),
        hours @ ..1000.0 => format!("{hours:.0} h"),
        hours @ ..20_000.0 => format!("{:.0} days", hours / 24.0),
        hours => format!("{:.0} years", hours / 24.0 / 365.25),
    }
}

fn table(headings: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(headings.len()));
    std::iter::once(line(headings) + &rule).chain(rows.iter().map(|row| line(row))).collect()
}

fn headings(first: &[&str], last: &[&str]) -> Vec<String> {
    let devices = DEVICES.iter().map(|n| format!("N = {n}"));
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    words(first).into_iter().chain(devices).chain(words(last)).collect()
}

/// Hours and cost of the large job, by how much of a card is used.
fn by_rate() -> Result<String, Error> {
    let row = |mfu: f64| {
        let rate = tokens_per_second(mfu, LLAMA_7B);
        let units = units(rate);
        let device_hours = units.iter().sum::<f64>() / HOUR;
        let mut row = vec![format!("{:.0} %", 100.0 * mfu), thousands(rate), thousands(device_hours)];
        for devices in DEVICES {
            row.push(hours(&units, devices, LOAD_SECONDS)?);
        }
        row.push(format!("${}", thousands(USD_PER_DEVICE_HOUR * device_hours)));
        Ok(row)
    };
    let rows: Vec<Vec<String>> = MFUS.into_iter().map(row).collect::<Result<_, Error>>()?;
    let headings = headings(&["MFU, assumed", "tokens a second", "device-hours"], &["at $2.50"]);
    Ok(table(&headings, &rows))
}

/// How much longer it takes than at best, by schedule.
fn by_schedule() -> Result<String, Error> {
    let units = units(tokens_per_second(MFU, LLAMA_7B));
    let schedules =
        [Schedule::Static, Schedule::Array { tasks_per_device: TASKS_PER_DEVICE }, Schedule::Pool];
    let row = |devices: usize| {
        let of = |schedule, failures| expect(&units, &cluster(devices, failures), schedule, N_SEEDS);
        let mut row = vec![devices.to_string()];
        for schedule in schedules {
            let ratio = |failures| Ok::<_, Error>(of(schedule, failures)?.ratio());
            row.push(format!("{:.2}, {:.2}", ratio(None)?, ratio(Some(SPOT))?));
        }
        let Outcome { n_failures, lost, .. } = of(Schedule::Pool, Some(SPOT))?;
        row.extend([format!("{n_failures:.1}"), format!("{:.1}", lost / HOUR)]);
        Ok(row)
    };
    let rows: Vec<Vec<String>> = DEVICES.into_iter().map(row).collect::<Result<_, Error>>()?;
    let array = format!("array of {TASKS_PER_DEVICE} tasks a device");
    let names = ["N", "static", &array, "pool", "failures", "device-hours lost"];
    Ok(table(&names.map(str::to_owned), &rows))
}

/// How much longer a pool takes than at best, by how long units are.
fn by_length() -> Result<String, Error> {
    let job = N_MODELS as f64 * N_TOKENS / tokens_per_second(MFU, LLAMA_7B);
    let row = |seconds: f64| {
        let units = units_of(seconds, job);
        let mut row = vec![format!("{seconds:.0} s"), thousands(units.len() as f64)];
        for devices in DEVICES {
            let ratio = |failures| {
                let outcome = expect(&units, &cluster(devices, failures), Schedule::Pool, N_SEEDS)?;
                Ok::<_, Error>(outcome.ratio())
            };
            row.push(format!("{:.3}, {:.3}", ratio(None)?, ratio(Some(SPOT))?));
        }
        Ok(row)
    };
    let lengths = [60.0, 150.0, 300.0, 600.0, 1200.0, 3600.0];
    let rows: Vec<Vec<String>> = lengths.into_iter().map(row).collect::<Result<_, Error>>()?;
    Ok(table(&headings(&["a unit", "units"], &[]), &rows))
}

/// Jobs by device: the measured rate, and assumed ones.
fn by_device() -> Result<String, Error> {
    let large = "100 M samples of 512 tokens";
    let alpaca_seconds = ALPACA_ROWS / MEASURED_ROWS_PER_SECOND / ALPACA_SHARDS as f64;
    let alpaca = vec![alpaca_seconds; N_MODELS * ALPACA_SHARDS];
    let scaled = MEASURED_ROWS_PER_SECOND * SMOL_135M / LLAMA_7B;
    let assumed = format!("H100 at {:.0} % MFU, assumed", 100.0 * MFU);
    let jobs = [
        ("9,229 rows of Alpaca", "135 M", "two cores, measured", alpaca, MEASURED_LOAD_SECONDS),
        (large, "135 M", "two cores, measured", units(MEASURED_ROWS_PER_SECOND), MEASURED_LOAD_SECONDS),
        (large, "7 B", "two cores, by the weights", units(scaled), LOAD_SECONDS),
        (large, "7 B", &assumed, units(tokens_per_second(MFU, LLAMA_7B)), LOAD_SECONDS),
    ];
    let row = |(job, model, device, units, load): (&str, &str, &str, Vec<f64>, f64)| {
        let mut row = [job, model, device].map(str::to_owned).to_vec();
        row.push(time(units.iter().sum::<f64>()));
        for devices in DEVICES {
            row.push(hours(&units, devices, load)?);
        }
        Ok(row)
    };
    let rows: Vec<Vec<String>> = jobs.into_iter().map(row).collect::<Result<_, Error>>()?;
    Ok(table(&headings(&["job", "models", "device", "one device"], &[]), &rows))
}

/// `16,473`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let n_digits = digits.len();
    let comma = |at: usize| at > 0 && (n_digits - at).is_multiple_of(3);
    digits
        .char_indices()
        .flat_map(|(at, digit)| comma(at).then_some(',').into_iter().chain([digit]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_these_tables() {
        let document = include_str!("../../../docs/guides/cost.md");
        for table in tables().unwrap() {
            assert!(
                document.contains(&table),
                "docs/guides/cost.md lacks a table that `cargo run -p lobass-price --example tables` prints:\n{table}"
            );
        }
    }

    #[test]
    fn a_card_takes_what_was_reckoned_by_hand() {
        // 2 x 100 M x 512 tokens x 2 x 6.74e9 x 1.02 operations at 0.4 x 989e12 a second.
        let units = units(tokens_per_second(0.4, LLAMA_7B));
        let device_hours = units.iter().sum::<f64>() / HOUR;
        assert!((device_hours - 988.7).abs() < 0.1, "{device_hours}");
        assert_eq!(units.len(), 24_414);
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!([0.4, 999.0, 16_473.0, 1e6].map(thousands), ["0", "999", "16,473", "1,000,000"]);
        assert_eq!([90.0, 1800.0, 9360.0, 1.188e6].map(time), ["90 s", "30 min", "2.6 h", "330 h"]);
        assert_eq!([7.344e6, 1e9].map(time), ["85 days", "32 years"]);
    }
}
