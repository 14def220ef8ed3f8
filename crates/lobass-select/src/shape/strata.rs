//! A pool cut into parts, of which each may get a share of a budget.

use lobass_core::{Numbers, ScoreColumns};

use crate::order::ascending;

/// A pool cut into parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strata {
    /// The names of the parts.
    pub names: Vec<String>,
    /// The part of each row, by position in the pool, as a position among the names.
    pub of: Vec<u32>,
}

impl Strata {
    /// By source, in the order of the names.
    pub fn of_sources(columns: &ScoreColumns) -> Self {
        Self::of_codes(&columns.source_names, &columns.sources)
    }

    /// By text, in the order of the texts.
    ///
    /// # Panics
    /// If there are more than 2^32 of them.
    pub fn of_values<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut known = std::collections::HashMap::new();
        let codes: Vec<u32> = values
            .into_iter()
            .map(|value| {
                *known.entry(value.to_owned()).or_insert_with(|| {
                    names.push(value.to_owned());
                    u32::try_from(names.len() - 1).expect("fewer values than rows")
                })
            })
            .collect();
        Self::of_codes(&names, &codes)
    }

    /// By length, in at most `n_bins` bins with about as many of the rows with a score in each.
    ///
    /// Rows of one length are in one bin.
    ///
    /// # Panics
    /// If there are more than 2^32 bins.
    pub fn of_lengths(columns: &ScoreColumns, scores: &Numbers, n_bins: usize) -> Self {
        let lengths = &columns.n_scored;
        let order = ascending(columns.len(), |row| scores.get(row).map(|_| f64::from(lengths[row])));
        // The shortest length of each bin but the first.
        let mut bounds: Vec<u32> = (1..n_bins)
            .filter_map(|bin| order.get(bin * order.len() / n_bins).map(|&row| lengths[row as usize]))
            .collect();
        bounds.dedup();
        if bounds
            .first()
            .is_some_and(|&first| order.first().is_some_and(|&row| lengths[row as usize] == first))
        {
            bounds.remove(0); // nothing is shorter
        }
        let of = lengths.iter().map(|length| bounds.partition_point(|bound| bound <= length));
        let of = of.map(|bin| u32::try_from(bin).expect("few bins")).collect();
        let starts = std::iter::once(0).chain(bounds.iter().copied());
        let ends = bounds.iter().map(|&bound| Some(bound - 1)).chain([None]);
        let name = |(start, end): (u32, Option<u32>)| match end {
            Some(end) => format!("{start} to {end} scored tokens"),
            None => format!("{start} and more scored tokens"),
        };
        Self { names: starts.zip(ends).map(name).collect(), of }
    }

    /// Both at once: a part for each two of them.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let n_others = u32::try_from(other.names.len()).expect("fewer parts than rows");
        let names = self.names.iter().flat_map(|one| other.names.iter().map(move |other| (one, other)));
        Self {
            names: names.map(|(one, other)| format!("{one}, {other}")).collect(),
            of: self.of.iter().zip(&other.of).map(|(one, other)| one * n_others + other).collect(),
        }
    }

    /// Sorts the names.
    fn of_codes(names: &[String], codes: &[u32]) -> Self {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&code| &names[code]);
        let mut place = vec![0; names.len()];
        for (at, &code) in order.iter().enumerate() {
            place[code] = u32::try_from(at).expect("fewer names than rows");
        }
        Self {
            names: order.iter().map(|&code| names[code].clone()).collect(),
            of: codes.iter().map(|&code| place[code as usize]).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(lengths: &[u32], n_bins: usize) -> Strata {
        let n_scored = lengths.to_vec();
        let statuses = vec![lobass_core::RowStatus::Ok; n_scored.len()];
        let columns = ScoreColumns { statuses, n_scored, ..ScoreColumns::default() };
        let scores: Numbers = lengths.iter().map(|_| Some(1.0)).collect();
        Strata::of_lengths(&columns, &scores, n_bins)
    }

    #[test]
    fn bins_hold_about_as_many() {
        let strata = lengths(&[5, 1, 2, 3, 4, 6], 3);
        assert_eq!(strata.of, [2, 0, 0, 1, 1, 2]);
        assert_eq!(
            strata.names,
            ["0 to 2 scored tokens", "3 to 4 scored tokens", "5 and more scored tokens"]
        );
    }

    #[test]
    fn one_length_is_in_one_bin() {
        assert_eq!(lengths(&[7, 7, 7, 7], 4).names.len(), 1);
        let strata = lengths(&[1, 7, 7, 7, 7, 9], 3);
        assert_eq!(strata.of, [0, 1, 1, 1, 1, 1]);
        assert_eq!(lengths(&[], 3).of, [0; 0]);
    }

    #[test]
    fn names_are_sorted() {
        let strata = Strata::of_values(["b", "a", "b", "c"]);
        assert_eq!((strata.names, strata.of), (vec!["a".into(), "b".into(), "c".into()], vec![1, 0, 1, 2]));
    }
}
