//! The losses of the tokens of some rows.

use std::path::Path;

use super::groups::Groups;
use super::not_a_table;
use super::wanted::{self, Wanted};
use crate::Error;
use crate::manifest::token_column;

/// The losses of a row's scored tokens under each of some models, in nats; `None` if the row has none.
pub(super) type RowTokens = Option<Vec<Vec<f32>>>;

/// The losses of tokens under some models, of rows that are ascending.
pub(super) fn read(
    groups: &Groups,
    path: &Path,
    wanted: &[Wanted],
    roles: &[&str],
    threads: usize,
) -> Result<Vec<RowTokens>, Error> {
    let columns_of: Vec<String> = roles.iter().map(|role| token_column(role)).collect();
    if let Some(name) = columns_of.iter().find(|name| !groups.has(name)) {
        return Err(not_a_table(path, format!("expected a column `{name}`, found none")));
    }
    let names: Vec<&str> = columns_of.iter().map(String::as_str).collect();
    wanted::read(groups, wanted, &names, threads, |columns, places| {
        let lists = names.iter().map(|name| columns.f32_lists(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(places.iter().map(|&at| lists.iter().map(|lists| lists[at].clone()).collect()).collect())
    })
}
