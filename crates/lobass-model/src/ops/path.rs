//! The keys and values that the rows to come can see.

/// Keys and values of one layer from the beginning of a sequence to the rows before the next, copied into one piece
/// each. Where sequences part, the second one overwrites what the first had beyond their common beginning.
#[derive(Debug, Default)]
pub(crate) struct KeyPath {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KeyPath {
    /// Writes the keys and values of rows that begin at a position, as many numbers each as `widths` says, and returns
    /// everything up to the last of them.
    pub(super) fn extended(
        &mut self,
        position: usize,
        widths: [usize; 2],
        keys: &[f32],
        values: &[f32],
    ) -> (&[f32], &[f32]) {
        let paths = [(&mut self.keys, keys), (&mut self.values, values)];
        for ((path, rows), width) in paths.into_iter().zip(widths) {
            let start = position * width;
            path.truncate(start);
            debug_assert_eq!(path.len(), start, "what comes before is there");
            path.extend_from_slice(rows);
        }
        (&self.keys, &self.values)
    }
}
