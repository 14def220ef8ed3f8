//! A second table beside the first: the same rows in both, and the regions of the second.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use lobass_core::ExampleKey;
use lobass_core::readable::{count, counted};
use lobass_data::Pool;
use lobass_regions::RowPair;
use lobass_select::Strata;
use serde::Serialize;

use super::cut::Cut;
use super::table::Tables;
use crate::error::{Error, Result};
use crate::settings::available_threads;

/// The region of rows of a second table that the first lacks, where regions depend on the whole pool.
const NEW: &str = "rows of the second table only";

/// Rows of two tables, by their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Shared {
    /// Rows that are in both and say the same.
    pub n_same: u64,
    /// Rows of one key that say something else in the second table.
    pub n_changed: u64,
    /// Rows of the first table only.
    pub n_first_only: u64,
    /// Rows of the second table only.
    pub n_second_only: u64,
}

impl Shared {
    /// In words.
    pub(super) fn in_words(&self) -> String {
        format!(
            "{} alike, {} changed, {} of the first only, {} of the second only",
            counted(self.n_same, "row"),
            count(self.n_changed),
            count(self.n_first_only),
            count(self.n_second_only)
        )
    }
}

/// Two tables, row by row.
pub(super) struct Against {
    pub(super) second: Tables,
    pub(super) pool: Pool,
    /// Pairs of rows that say the same.
    same: Vec<RowPair>,
    /// For each row of the second table, the row of that key in the first.
    partner: Vec<Option<u32>>,
    pub(super) shared: Shared,
}

impl Against {
    /// Finds the rows of both tables.
    ///
    /// # Errors
    /// If keys or rows cannot be read.
    pub(super) fn find(first: &Tables, first_pool: &Pool, second: Tables, pool: Pool) -> Result<Self> {
        let (ours, theirs) = (keys(first)?, keys(&second)?);
        let (our_texts, their_texts) = (texts(first_pool)?, texts(&pool)?);
        let places: HashMap<&ExampleKey, u32> = ours.iter().map(|(row, key)| (key, *row)).collect();
        let mut partner = vec![None; second.first().columns.len()];
        let (mut same, mut shared) = (Vec::new(), Shared::default());
        for (after, key) in &theirs {
            let Some(&before) = places.get(key) else {
                shared.n_second_only += 1;
                continue;
            };
            partner[*after as usize] = Some(before);
            let alike = our_texts.get(before as usize) == their_texts.get(*after as usize);
            match alike {
                true => same.push(RowPair { before, after: *after }),
                false => shared.n_changed += 1,
            }
        }
        shared.n_same = same.len() as u64;
        shared.n_first_only = ours.len() as u64 - shared.n_same - shared.n_changed;
        Ok(Self { second, pool, same, partner, shared })
    }

    /// The regions of the second table, where those of the first depend on its whole pool: a row is where the row of its
    /// key is.
    pub(super) fn regions_of(&self, first: &Cut) -> Result<Strata> {
        let mut names = first.strata.names.clone();
        names.push(NEW.to_owned());
        let new = u32::try_from(names.len() - 1)?;
        let of = self.partner.iter().map(|row| row.map_or(new, |row| first.strata.of[row as usize]));
        Ok(Strata { names, of: of.collect() })
    }

    /// Pairs by region, of rows that are in a region of the same name in both tables.
    pub(super) fn pairs(&self, first: &Strata, second: &Strata) -> BTreeMap<String, Vec<RowPair>> {
        let name = |strata: &Strata, row: u32| strata.names[strata.of[row as usize] as usize].clone();
        let mut pairs: BTreeMap<String, Vec<RowPair>> = BTreeMap::new();
        for pair in &self.same {
            let region = name(first, pair.before);
            if region == name(second, pair.after) {
                pairs.entry(region).or_default().push(*pair);
            }
        }
        pairs
    }
}

/// The key of every row that counts.
fn keys(tables: &Tables) -> Result<Vec<(u32, ExampleKey)>> {
    let rows: Vec<u64> = tables.rows.iter().map(|&row| row.into()).collect();
    let keys = tables.first().file.keys(&rows, available_threads())?;
    Ok(tables.rows.iter().copied().zip(keys).collect())
}

/// A hash of what each row says: its turns, in order.
fn texts(pool: &Pool) -> Result<Vec<Option<u64>>> {
    let mut texts = Vec::new();
    for row in pool.rows() {
        let text = row?.example.ok().map(|example| {
            let mut hash = DefaultHasher::new();
            for message in example.messages.iter().chain(example.rejected.iter().flatten()) {
                (serde_json::to_string(message)?, message.scored).hash(&mut hash);
            }
            Ok::<u64, Error>(hash.finish())
        });
        texts.push(text.transpose()?);
    }
    Ok(texts)
}
