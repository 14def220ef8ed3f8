//! Near-duplicate groups of as many made-up rows as one likes, and how long they took: `lobass-text` alone.
//!
//! `cargo run -p lobass-text --example groups -- 1000000 2`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Instant;

use lobass_text::{GroupOptions, NearDuplicates, Sketch};

/// Words of a text.
const N_WORDS: usize = 60;
/// Texts that a thread sketches at once.
const CHUNK: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>());
    let n = numbers.next().transpose()?.unwrap_or(10_000);
    let threads = numbers.next().transpose()?.unwrap_or(2).max(1);
    // Every fourth text is another one again, with two words changed.
    let texts: Vec<String> =
        (0..n).map(|at| if at % 4 == 3 { text(at - 3, 2) } else { text(at, 0) }).collect();

    let started = Instant::now();
    let mut near = NearDuplicates::new(&GroupOptions::default())?;
    for chunk in texts.chunks(CHUNK * threads) {
        let sketches: Vec<Vec<Sketch>> = std::thread::scope(|scope| {
            let near = &near;
            let sketch = |part: &'_ [String]| part.iter().map(|text| near.sketch([text.as_str()])).collect();
            let workers: Vec<_> = chunk.chunks(CHUNK).map(|part| scope.spawn(move || sketch(part))).collect();
            workers.into_iter().map(|worker| worker.join().expect("no text makes it panic")).collect()
        });
        sketches.iter().flatten().for_each(|sketch| near.push(sketch));
    }
    let sketched = started.elapsed();
    let groups = near.groups(threads);
    let all = started.elapsed();

    let found = (3..n).step_by(4).filter(|&at| groups[at] == groups[at - 3]).count();
    let n_groups = groups.iter().max().map_or(0, |last| last + 1);
    println!("{n} texts, {n_groups} groups; {found} of {} near duplicates found", n / 4);
    println!(
        "sketches {:.1} s, groups {:.1} s, {:.0} texts/s",
        sketched.as_secs_f64(),
        all.saturating_sub(sketched).as_secs_f64(),
        n as f64 / all.as_secs_f64()
    );
    Ok(())
}

/// Words from a generator that is good enough for that (SplitMix64).
fn text(number: usize, n_changed: usize) -> String {
    let word = |at: usize| {
        let mut bits = (number as u64 * 1000 + at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % 20_000
    };
    (0..N_WORDS)
        .map(
            |at| {
                if at % 30 == 7 && at / 30 < n_changed {
                    "else ".to_owned()
                } else {
                    format!("w{} ", word(at))
                }
            },
        )
        .collect()
}
