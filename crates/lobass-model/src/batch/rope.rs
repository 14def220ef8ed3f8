//! Rotary position embedding in the rotate-half layout of Hugging Face checkpoints.

use std::ops::Range;

use super::frequencies::inverse_frequencies;
use crate::{Growth, RopeSpec};

/// Cosines and sines for every row of some packed sequences.
#[derive(Debug, Clone)]
pub(crate) struct RopeTables {
    /// `[rows, width/2]`.
    cos: Vec<f32>,
    /// `[rows, width/2]`.
    sin: Vec<f32>,
    /// How many values of a head are turned.
    width: usize,
}

impl RopeTables {
    /// The angles at some places, each with the length of the sequence that they are in.
    pub(super) fn new(rope: &RopeSpec, places: impl IntoIterator<Item = (Range<usize>, usize)>) -> Self {
        let mut tables = Self { cos: Vec::new(), sin: Vec::new(), width: rope.width };
        // Frequencies depend on the length only where the scaling says so.
        let mut known: Option<(usize, (Vec<f32>, f64))> = None;
        let varies = rope.length_dependent_beyond().is_some();
        for (positions, length) in places {
            if known.as_ref().is_none_or(|(of, _)| varies && *of != length) {
                known = Some((length, inverse_frequencies(rope, length)));
            }
            if let Some((_, (frequencies, factor))) = &known {
                tables.push(positions, frequencies, *factor, rope.growth);
            }
        }
        tables
    }

    #[expect(clippy::cast_possible_truncation, reason = "as in the reference, angles are f32")]
    fn push(&mut self, positions: Range<usize>, frequencies: &[f32], factor: f64, growth: Option<Growth>) {
        for position in positions {
            let factor = growth.map_or(factor, |growth| factor * growth.at(position));
            for frequency in frequencies {
                let (sin, cos) = (position as f32 * frequency).sin_cos();
                self.cos.push(cos * factor as f32);
                self.sin.push(sin * factor as f32);
            }
        }
    }

    /// Cosines and sines, `[rows, width/2]` each.
    pub(crate) fn into_values(self) -> (Vec<f32>, Vec<f32>) {
        (self.cos, self.sin)
    }

    /// How many values of a head are turned.
    pub(crate) fn width(&self) -> usize {
        self.width
    }
}
