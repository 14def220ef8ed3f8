//! The losses of tokens, as strategies read them.

use std::error::Error;

use lobass_run::ScoreFile;
use lobass_select::TokenLosses;

/// The losses of tokens of a score table.
#[derive(Debug)]
pub(super) struct TableTokens<'a> {
    pub(super) table: &'a ScoreFile,
    pub(super) threads: usize,
}

impl TokenLosses for TableTokens<'_> {
    fn each_row(
        &self,
        models: &[&str],
        take: &mut dyn FnMut(usize, &[Vec<f32>]),
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.table.token_losses(models, self.threads, |row| {
            if let Ok(at) = usize::try_from(row.row) {
                take(at, &row.losses);
            }
            Ok(())
        })?;
        Ok(())
    }
}
