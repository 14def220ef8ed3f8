//! The keys and values that the rows to come can see.

/// Keys and values of one layer from the beginning of a sequence to the rows before the next, copied into one piece
/// each. Where sequences part, the second one overwrites what the first had beyond their common beginning.
#[derive(Debug, Default)]
pub(crate) struct KeyPath {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KeyPath {
    /// Writes the keys and values of rows that begin at a position, `width` values each, and returns everything up to
    /// the last of them.
    pub(super) fn extended(
        &mut self,
        position: usize,
        width: usize,
        keys: &[f32],
        values: &[f32],
    ) -> (&[f32], &[f32]) {
        let start = position * width;
        for (path, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            path.truncate(start);
            debug_assert_eq!(path.len(), start, "what comes before is there");
            path.extend_from_slice(rows);
        }
        (&self.keys, &self.values)
    }
}
