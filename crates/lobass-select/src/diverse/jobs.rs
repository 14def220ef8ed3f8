//! The size of jobs that several threads share.

/// How many rows make a job. Its work takes far longer than starting a thread.
pub(super) fn rows_of_a_job(dim: usize, products_per_row: usize) -> usize {
    const VALUES: usize = if cfg!(test) { 8 } else { 1 << 19 };
    (VALUES / (dim * products_per_row.max(1)).max(1)).clamp(1, 1 << 16)
}
