//! Sorting rows by a column of numbers, in 4 bytes a row beside the column.

/// Rows that are few enough to be sorted beside a copy of their numbers.
const FEW: usize = 1 << 22;
/// Leading bits that part numbers into buckets: sign, exponent, and 8 of the mantissa.
const BITS: u32 = 20;

/// The rows that have a number, ascending by it, and by row where numbers are equal; -0.0 comes before 0.0.
///
/// Rows are parted by the leading bits of their numbers first, so that what is sorted fits into a processor's caches.
/// Linear in the rows, except for sorting within a bucket.
pub(crate) fn ascending(n_rows: usize, number: impl Fn(usize) -> Option<f64>) -> Vec<u32> {
    let place = |row: usize| number(row).map(place_of);
    if n_rows > FEW {
        return by_bucket(n_rows, place);
    }
    let mut order: Vec<u32> = (0..n_rows).filter(|&row| place(row).is_some()).map(small).collect();
    sort(&mut order, place);
    order
}

fn by_bucket(n_rows: usize, place: impl Fn(usize) -> Option<u64>) -> Vec<u32> {
    let bucket_of = |place: u64| usize::try_from(place >> (u64::BITS - BITS)).expect("few bits");
    let mut ends = vec![0usize; 1 << BITS];
    (0..n_rows).filter_map(&place).for_each(|place| ends[bucket_of(place)] += 1);
    let mut all = 0;
    for end in &mut ends {
        all += std::mem::replace(end, all);
    }
    let mut order = vec![0; all];
    for row in 0..n_rows {
        if let Some(place) = place(row) {
            let at = &mut ends[bucket_of(place)];
            order[*at] = small(row);
            *at += 1;
        }
    }
    let mut start = 0;
    for end in ends {
        sort(&mut order[start..end], &place);
        start = end;
    }
    order
}

/// Sorts rows, which are ascending.
fn sort(rows: &mut [u32], place: impl Fn(usize) -> Option<u64>) {
    if rows.len() <= FEW {
        rows.sort_by_cached_key(|&row| place(row as usize)); // stable, so equal ones stay ascending
    } else {
        rows.sort_unstable_by_key(|&row| (place(row as usize), row));
    }
}

/// An integer that sorts as `f64::total_cmp` does.
pub(crate) fn place_of(number: f64) -> u64 {
    let bits = number.to_bits();
    bits ^ if number.is_sign_negative() { u64::MAX } else { 1 << 63 }
}

fn small(row: usize) -> u32 {
    u32::try_from(row).expect("a table of at most 2^31 rows")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(numbers: &[Option<f64>]) -> Vec<u32> {
        let mut rows: Vec<usize> = (0..numbers.len()).filter(|&row| numbers[row].is_some()).collect();
        rows.sort_by(|&a, &b| numbers[a].unwrap().total_cmp(&numbers[b].unwrap()));
        rows.into_iter().map(small).collect()
    }

    fn any_numbers() -> impl Strategy<Value = Vec<Option<f64>>> {
        let number = prop_oneof![-3i8..4, any::<i8>()].prop_map(f64::from);
        let number = prop_oneof![number, Just(-0.0), -1e300..1e300, 0.5..0.75];
        prop::collection::vec(prop::option::of(number), 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn both_ways_sort(numbers in any_numbers()) {
            let number = |row: usize| numbers[row];
            prop_assert_eq!(ascending(numbers.len(), number), plainly(&numbers));
            prop_assert_eq!(by_bucket(numbers.len(), |row| number(row).map(place_of)), plainly(&numbers));
        }
    }

    #[test]
    fn a_large_bucket_is_sorted_in_place() {
        let n_rows = FEW + 3;
        let order = ascending(n_rows, |row| Some(if row == 7 { 1.5 } else { 1.5 + (row % 2) as f64 / 1e9 }));
        assert_eq!((order.len(), order[0], order[3], order[n_rows - 1]), (n_rows, 0, 6, small(n_rows - 2)));
        assert_eq!(order.iter().position(|&row| row == 7), Some(4));
    }
}
