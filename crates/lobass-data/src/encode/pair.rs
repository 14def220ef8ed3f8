//! Two encoded responses to one prompt as one row.

use lobass_core::RowStatus;

use super::Encoded;

/// Puts the sides of a pair together. A side without a sequence leaves the pair without any, for its reason; of two
/// scored sides the pair has the status that says more.
pub(super) fn join(chosen: Encoded, rejected: Encoded) -> Encoded {
    for (side, encoded) in [("chosen", &chosen), ("rejected", &rejected)] {
        if encoded.sequence.is_none() {
            let reason = format!("{side}: {}", encoded.reason.as_deref().unwrap_or_default());
            return Encoded::without_sequence(encoded.status, reason, encoded.n_tokens);
        }
    }
    if chosen.sequence == rejected.sequence {
        let reason = "chosen and rejected become the same tokens".to_owned();
        return Encoded::without_sequence(RowStatus::TemplateError, reason, chosen.n_tokens);
    }
    let (side, telling) =
        if rejected.status > chosen.status { ("rejected", &rejected) } else { ("chosen", &chosen) };
    let reason = telling.reason.as_ref().map(|reason| format!("{side}: {reason}"));
    let (status, n_tokens) = (telling.status, chosen.n_tokens);
    let mut unread = [chosen.unread, rejected.unread].concat();
    unread.sort_unstable();
    unread.dedup();
    Encoded { status, reason, n_tokens, sequence: chosen.sequence, rejected: rejected.sequence, unread }
}

#[cfg(test)]
mod tests {
    use lobass_core::Sequence;

    use super::*;
    use RowStatus::{Border, EmptyResponse, Ok, Overlong, Truncated};

    fn side(status: RowStatus, label: u32) -> Encoded {
        let sequence = Sequence::from_scored_tokens(vec![1, label], &[false, true]).unwrap();
        let reason = (status != Ok).then(|| format!("{status} {label}"));
        let sequence = status.is_scored().then_some(sequence);
        Encoded { status, reason, n_tokens: label as usize, sequence, rejected: None, unread: Vec::new() }
    }

    #[test]
    fn one_side_that_fails_fails_the_pair() {
        let fails = |chosen, rejected| {
            let joined = join(side(chosen, 7), side(rejected, 8));
            assert_eq!((joined.sequence, joined.rejected), (None, None));
            (joined.status, joined.reason.unwrap(), joined.n_tokens)
        };
        assert_eq!(fails(Overlong, Ok), (Overlong, "chosen: overlong 7".to_owned(), 7));
        assert_eq!(fails(Ok, Overlong), (Overlong, "rejected: overlong 8".to_owned(), 8));
        assert_eq!(fails(EmptyResponse, Overlong), (EmptyResponse, "chosen: empty_response 7".to_owned(), 7));
    }

    #[test]
    fn the_status_that_says_more_is_that_of_the_pair() {
        let joined = |chosen, rejected| {
            let joined = join(side(chosen, 7), side(rejected, 8));
            assert_eq!(joined.sequence, side(Ok, 7).sequence);
            assert_eq!(joined.rejected, side(Ok, 8).sequence);
            assert_eq!(joined.n_tokens, 7);
            (joined.status, joined.reason)
        };
        assert_eq!(joined(Ok, Ok), (Ok, None));
        assert_eq!(joined(Ok, Border), (Border, Some("rejected: border 8".to_owned())));
        assert_eq!(joined(Truncated, Border), (Truncated, Some("chosen: truncated 7".to_owned())));
        assert_eq!(joined(Border, Border), (Border, Some("chosen: border 7".to_owned())));
    }

    #[test]
    fn a_pair_without_a_difference_is_none() {
        let joined = join(side(Ok, 7), side(Ok, 7));
        assert_eq!((joined.status, joined.sequence), (RowStatus::TemplateError, None));
    }
}
