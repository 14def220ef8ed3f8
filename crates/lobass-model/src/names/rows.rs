//! Which rows of a file's tensor are those of a tensor of the model.

/// How heads are turned: their width in rows, and how many of these rows RoPE turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RotaryHead {
    /// Rows of one head.
    pub(crate) width: usize,
    /// Rows that are turned, the first of the head; an even number.
    pub(crate) rotary: usize,
}

/// The rows of one part of a fused tensor. The tensor consists of `groups` equal groups, each with some rows of every
/// part. `sizes` are the rows of the parts in all groups together.
pub(super) fn of_part(sizes: &[usize], part: usize, groups: usize) -> Vec<usize> {
    let group: usize = sizes.iter().sum::<usize>() / groups;
    let before: usize = sizes[..part].iter().sum::<usize>() / groups;
    let size = sizes[part] / groups;
    (0..groups).flat_map(|at| (0..size).map(move |row| at * group + before + row)).collect()
}

/// For each row of heads that are turned as halves, its row in a file where pairs are neighbors.
///
/// Pair `i` is rows `2 i` and `2 i + 1` of the file, and rows `i` and `rotary / 2 + i` of the model.
///
/// Source: `rotate_half` against `apply_rotary_pos_emb` of `cohere2` and `glm4` in transformers 5.24.
pub(super) fn of_halves(rows: usize, head: RotaryHead) -> Vec<usize> {
    let RotaryHead { width, rotary } = head;
    let source = |row: usize| {
        let (start, within) = (row - row % width, row % width);
        let half = rotary / 2;
        start
            + match within {
                _ if within >= rotary => within,
                _ if within < half => 2 * within,
                _ => 2 * (within - half) + 1,
            }
    };
    (0..rows).map(source).collect()
}
