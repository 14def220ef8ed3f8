//! Logits, some rows and a block of the vocabulary at a time.

use std::ops::Range;

use super::lent::Lent;
use crate::ops::logits::{HeadProducts, LogitBlocks, Logits};

/// Rows, and tokens of the vocabulary, whose logits are held at once: 4 MiB.
const LOGIT_ROWS: usize = 512;
const LOGIT_TOKENS: usize = 2048;

pub(super) fn each_logits(
    n_rows: usize,
    vocab: usize,
    HeadProducts { pack, product }: HeadProducts<'_>,
    read: &mut dyn FnMut(Range<usize>, Logits<'_>),
) {
    for start in (0..n_rows).step_by(LOGIT_ROWS) {
        let rows = start..n_rows.min(start + LOGIT_ROWS);
        let packed = pack(&rows);
        let each_block = |take: &mut dyn FnMut(&mut [f32], Range<usize>)| {
            for start in (0..vocab).step_by(LOGIT_TOKENS) {
                let tokens = start..vocab.min(start + LOGIT_TOKENS);
                take(Lent::new(product(&packed, &tokens)).values_mut(), tokens);
            }
        };
        read(rows.clone(), Logits::Blocks(LogitBlocks(&each_block)));
    }
}
