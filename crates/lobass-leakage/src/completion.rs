//! Pieces of a text that greedy decoding may complete.

/// Where pieces of `length` tokens begin: `count` places at equal distances, none before the second token, none the
/// same; fewer if the text is too short.
///
/// Greedy decoding from the true tokens before a piece gives the piece if and only if each of its tokens is the most
/// likely one after the true tokens before it. So nothing has to be decoded.
///
/// Source: the n-gram completion of arXiv 2505.24263.
pub fn starts(n_tokens: usize, length: usize, count: usize) -> Vec<usize> {
    if length == 0 || n_tokens < length + 1 || count == 0 {
        return Vec::new();
    }
    let last = n_tokens - length;
    let count = count.min(last);
    let place = |at: usize| if count == 1 { last } else { 1 + at * (last - 1) / (count - 1) };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_lie_within_the_text_and_differ(n in 0usize..60, length in 0usize..9, count in 0usize..8) {
            let starts = starts(n, length, count);
            prop_assert!(starts.len() <= count);
            prop_assert!(starts.iter().all(|start| *start >= 1 && start + length <= n));
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
            if length > 0 && count > 0 && n > length {
                prop_assert_eq!(starts.len(), count.min(n - length));
                prop_assert_eq!(starts.last(), Some(&(n - length)));
            }
        }
    }
}
