//! How much attention computes on devices.

use std::ops::AddAssign;

use super::pieces::{Cut, Side, rectangles};
use crate::batch::{Packed, Rows, Span, parts};
use crate::{AttentionSpec, DecoderSpec};

/// The scores that attention computes in tensor operations, of all query heads and layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttentionWork {
    /// Scores of keys that their queries see.
    pub seen: u64,
    /// Scores that are computed, and masked where they are not seen.
    pub computed: u64,
    /// Those of the computed scores that have no query or no key, since they fill a rectangle up.
    pub filled: u64,
    /// Rectangles, each of which is a few operations.
    pub rectangles: u64,
}

impl AttentionWork {
    /// The work in a pass over packed sequences, for the hidden states of some rows.
    ///
    /// # Panics
    /// If there are no rows.
    pub fn new(spec: &DecoderSpec, packed: &Packed, rows: &[usize]) -> Self {
        let part = parts(spec, packed, rows, packed.n_rows()).remove(0);
        let mut sum = Self::default();
        for (at, layer) in spec.layers.iter().enumerate().filter(|(_, layer)| layer.linear.is_none()) {
            let asked = part.asked.as_ref().filter(|_| at + 1 == spec.layers.len());
            sum += Self::of_layer(&layer.attention, &part.all, asked.unwrap_or(&part.all));
        }
        sum
    }

    fn of_layer(spec: &AttentionSpec, all: &Rows, asked: &Rows) -> Self {
        let (heads, window) = (spec.heads, spec.window);
        let sides = rectangles(Cut::default(), heads, window, &all.spans, &asked.spans);
        let computed = |side: &Side| side.pieces.len() * side.n_queries * side.n_keys;
        let of_pieces = |side: &Side| {
            side.pieces.iter().map(|piece| piece.queries.len() * piece.keys.len()).sum::<usize>()
        };
        let seen = asked.spans.iter().map(|span| seen(span, window)).sum::<usize>();
        let filled = sides.iter().map(|side| computed(side) - of_pieces(side)).sum::<usize>();
        let computed = sides.iter().map(computed).sum::<usize>();
        let scores = |pairs: usize| (pairs * heads) as u64;
        Self {
            seen: scores(seen),
            computed: scores(computed),
            filled: scores(filled),
            rectangles: sides.len() as u64,
        }
    }
}

/// Pairs of a query of a span and a key that it sees.
fn seen(span: &Span, window: Option<usize>) -> usize {
    (span.position..span.end())
        .map(|position| window.map_or(position + 1, |window| window.min(position + 1)))
        .sum()
}

impl AddAssign for AttentionWork {
    fn add_assign(&mut self, other: Self) {
        self.seen += other.seen;
        self.computed += other.computed;
        self.filled += other.filled;
        self.rectangles += other.rectangles;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tiny_with;

    #[test]
    fn a_pass_computes_what_its_layers_do() {
        let windows =
            r#", "use_sliding_window": true, "sliding_window": 3, "max_window_layers": 1, "head_dim": 4"#;
        let spec = DecoderSpec::from_json(&tiny_with(windows).replace(r#""llama""#, r#""qwen3""#)).unwrap();
        let [first, last] = &spec.layers[..] else { panic!("two layers") };
        assert_eq!((first.attention.window, last.attention.window), (None, Some(3)));
        let heads = first.attention.heads as u64;
        let packed = Packed::new([[1; 5].as_slice(), &[1; 4]]);
        let found = AttentionWork::new(&spec, &packed, &[3, 4, 8]);
        // Two rectangles of pieces that are five and four rows long; then the last two rows and the last one, beside
        // the keys in their windows.
        assert_eq!(found.seen, heads * (15 + 10 + (3 + 3) + 3));
        assert_eq!(found.rectangles, 2);
        assert_eq!(found.computed, heads * (2 * 25 + 2 * 2 * 4));
        assert_eq!(found.filled, heads * (9 + 8 - 3));
    }
}
