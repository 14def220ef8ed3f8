//! Groups from candidates.

use std::collections::HashMap;

use super::union::Union;
use super::{ALONE, NearDuplicates};

/// The number of candidates up to which all pairs are compared.
const ALL_PAIRS: usize = 128;
/// The number of following texts that each is compared with, in larger groups.
const WINDOW: usize = 64;

/// Connects the near duplicates among the candidates of one band.
///
/// Texts are sorted by this band's hash, then by the next band's. Near duplicates often agree in that as well. So they
/// are close together even if too many texts agree in this band to compare all pairs. The order depends on the texts
/// alone.
pub(super) fn connect_band(texts: &NearDuplicates, band: usize, union: &mut Union) {
    let n_bands = texts.bands().bands;
    let next = (band + 1) % n_bands;
    let mut order: Vec<(u32, u32, u32)> = (0_u32..)
        .zip(texts.bands.chunks_exact(n_bands))
        .map(|(text, bands)| (bands[band], bands[next], text))
        .collect();
    order.sort_unstable_by(|left, right| {
        let identity = |text: u32| texts.identities[text as usize];
        (left.0, left.1).cmp(&(right.0, right.1)).then_with(|| identity(left.2).cmp(&identity(right.2)))
    });
    for bucket in order.chunk_by(|left, right| left.0 == right.0) {
        let reach = if bucket.len() <= ALL_PAIRS { bucket.len() } else { WINDOW };
        for (at, &(_, _, text)) in bucket.iter().enumerate() {
            for &(_, _, other) in bucket[at + 1..].iter().take(reach) {
                if union.root(text) != union.root(other) && texts.sets.are_similar(text, other, texts.jaccard)
                {
                    union.connect(text, other);
                }
            }
        }
    }
}

/// Numbers groups by the smallest identity in them; texts that are alone come last, in their order.
#[expect(clippy::cast_possible_truncation, reason = "texts are numbered in 32 bits")]
pub(super) fn number(distinct: &[u32], identities: &[u128], union: &Union) -> Vec<u32> {
    let mut smallest: HashMap<u32, u128> = HashMap::new();
    let roots: Vec<u32> = (0..identities.len() as u32).map(|text| union.root_of(text)).collect();
    for (&root, &identity) in roots.iter().zip(identities) {
        smallest.entry(root).and_modify(|least| *least = identity.min(*least)).or_insert(identity);
    }
    let mut order: Vec<(u128, u32)> = smallest.into_iter().map(|(root, identity)| (identity, root)).collect();
    order.sort_unstable();
    let numbers: HashMap<u32, u32> = (0..).zip(order).map(|(number, (_, root))| (root, number)).collect();
    let mut next = numbers.len() as u32;
    let mut alone = || {
        next += 1;
        next - 1
    };
    let group = |&text: &u32| if text == ALONE { alone() } else { numbers[&roots[text as usize]] };
    distinct.iter().map(group).collect()
}
