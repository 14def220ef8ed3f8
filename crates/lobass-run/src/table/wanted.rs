//! Rows of a table of which something is to be read.

use super::groups::{Group, Groups};
use crate::Error;
use crate::columns::Columns;

/// A row that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wanted {
    pub(super) row: u64,
    /// Its position among the wanted.
    pub(super) at: usize,
}

/// The result of `of_batch` on some columns of a batch, for its wanted rows; rows are ascending.
///
/// Row groups and batches without any are passed over.
pub(super) fn read<T: Send>(
    groups: &Groups,
    wanted: &[Wanted],
    names: &[&str],
    threads: usize,
    of_batch: impl Fn(&Columns, &[usize]) -> Result<Vec<T>, Error> + Sync,
) -> Result<Vec<T>, Error> {
    let of = |group: Group| {
        let start = wanted.partition_point(|wanted| wanted.row < group.first_row);
        let end = wanted.partition_point(|wanted| wanted.row < group.first_row + group.n_rows);
        &wanted[start..end]
    };
    let some: Vec<Group> = groups.all().into_iter().filter(|group| !of(*group).is_empty()).collect();
    let decode = |group: Group, batches: &mut dyn Iterator<Item = Result<Columns, Error>>| {
        let mut left = of(group);
        let mut found = Vec::with_capacity(left.len());
        let mut first_row = group.first_row;
        for columns in batches {
            let columns = columns?;
            let next_row = first_row + columns.n_rows() as u64;
            let (here, later) = left.split_at(left.partition_point(|wanted| wanted.row < next_row));
            if !here.is_empty() {
                let place =
                    |wanted: &Wanted| usize::try_from(wanted.row - first_row).expect("within the batch");
                found.extend(of_batch(&columns, &here.iter().map(place).collect::<Vec<_>>())?);
            }
            (left, first_row) = (later, next_row);
        }
        Ok(found)
    };
    let mut all = Vec::with_capacity(wanted.len());
    groups.read(&some, names, threads, decode, |_, found: Vec<T>| {
        all.extend(found);
        Ok(())
    })?;
    Ok(all)
}
