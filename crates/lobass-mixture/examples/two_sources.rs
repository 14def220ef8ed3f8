//! Two sources, one of which is learned: the shares move to it, and its rows are seen at most four times.

use lobass_mixture::{Length, Mixer, Mixing, MixingPolicy, Seen, Source};

fn main() -> Result<(), lobass_mixture::Error> {
    let source = |name: &str, n_rows| Source { name: name.to_owned(), n_rows, n_scored: 50 * n_rows };
    let sources = [source("learned", 8_000), source("noise", 8_000)];
    let source_of: Vec<u32> = (0..16_000).map(|row| row / 8_000).collect();
    let length = Length { epochs: 1, batch_size: 16, seed: 0 };
    let mut mixer = Mixer::new(&Mixing::new(MixingPolicy::Ado), &sources, &source_of, length)?;
    for step in 1..=mixer.n_steps() {
        let mut seen = [Seen::default(); 2];
        for drawn in mixer.batch() {
            let learned = 0.5 + 6.0 * (800.0 * step as f64).powf(-0.3);
            let seen = &mut seen[drawn.source];
            seen.n_rows += 1;
            seen.n_scored += 50;
            seen.nll += 50.0 * [learned, 3.0][drawn.source];
            seen.is_repeated |= drawn.pass > 1;
        }
        mixer.learn(&seen);
    }
    let (shares, n_drawn) = (mixer.shares(), mixer.n_drawn());
    assert!(shares[0] > 0.8 && n_drawn[0] > 11_000, "{shares:?} {n_drawn:?}");
    Ok(())
}
