//! The losses of the tokens of some rows.

use std::path::Path;

use super::groups::{Group, Groups};
use super::not_a_table;
use super::wanted::Wanted;
use crate::Error;
use crate::columns::Columns;
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
    let of = |group: Group| {
        let start = wanted.partition_point(|wanted| wanted.row < group.first_row);
        let end = wanted.partition_point(|wanted| wanted.row < group.first_row + group.n_rows);
        &wanted[start..end]
    };
    let some: Vec<Group> = groups.all().into_iter().filter(|group| !of(*group).is_empty()).collect();
    let decode = |group: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let mut wanted = of(group).iter().peekable();
        let mut found = Vec::with_capacity(wanted.len());
        let mut first_row = group.first_row;
        for columns in batches {
            let columns = columns?;
            let next_row = first_row + columns.n_rows() as u64;
            if wanted.peek().is_some_and(|wanted| wanted.row < next_row) {
                let lists =
                    names.iter().map(|name| columns.f32_lists(name)).collect::<Result<Vec<_>, _>>()?;
                while let Some(wanted) = wanted.next_if(|wanted| wanted.row < next_row) {
                    let at = usize::try_from(wanted.row - first_row).expect("within the batch");
                    found.push(lists.iter().map(|lists| lists[at].clone()).collect());
                }
            }
            first_row = next_row;
        }
        Ok(found)
    };
    let mut all = Vec::with_capacity(wanted.len());
    groups.read(&some, &names, threads, decode, |_, found: Vec<RowTokens>| {
        all.extend(found);
        Ok(())
    })?;
    Ok(all)
}
