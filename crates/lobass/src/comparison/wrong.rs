//! Wrong responses to the prompts of held-out rows.

use lobass_core::Sequence;
use lobass_data::{Encoder, Example, Pool};
use serde_json::Value;

use crate::error::{Context as _, Result, bail};

/// Wrong responses to the prompts of some rows, as a column of their files has them.
#[derive(Debug, Default)]
pub(super) struct WrongResponses {
    /// By row: the texts, and the place of the row for errors.
    of_rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    texts: Vec<String>,
    place: String,
}

impl WrongResponses {
    /// Reads a column of all files. Rows without a value have no wrong responses.
    pub(super) fn read(pool: &Pool, column: &str) -> Result<Self> {
        let mut of_rows = Vec::new();
        for file in pool.files() {
            let path = file.path().display();
            let first = of_rows.len();
            for (number, value) in (1u64..).zip(file.column(column)?) {
                let place = format!("`{path}`, row {number}");
                let texts = texts(value.as_ref())
                    .with_context(|| format!("{place}, column `{column}`: expected a list of texts"))?;
                of_rows.push(Row { texts, place });
            }
            if of_rows[first..].iter().all(|row| row.texts.is_empty()) {
                bail!(
                    Comparison,
                    "`{path}`: expected wrong responses in column `{column}`, found none; leave `--wrong-responses` \
                     out, or name the right column"
                );
            }
        }
        Ok(Self { of_rows })
    }

    /// The wrong responses of a row after its prompt; `None` if one of them cannot be scored.
    ///
    /// # Errors
    /// If the row has other than one response of plain text, or the right one is among the wrong ones.
    pub(super) fn of(&self, row: u64, example: &Example, encoder: &Encoder) -> Result<Option<Vec<Sequence>>> {
        let row = usize::try_from(row).ok().and_then(|row| self.of_rows.get(row));
        let Some(row) = row.filter(|row| !row.texts.is_empty()) else { return Ok(Some(Vec::new())) };
        let is_plain = |example: &Example| {
            let n_scored = example.messages.iter().filter(|message| message.scored).count();
            let last = example.messages.last();
            n_scored == 1
                && last.is_some_and(|last| last.scored && last.parts.is_none() && last.extra.is_empty())
        };
        if !is_plain(example) {
            bail!(
                Comparison,
                "{}: expected one response of plain text at the end, beside which wrong ones can stand, found another \
                 form",
                row.place
            );
        }
        let right = example.messages.last().map(|last| last.content.trim());
        if row.texts.iter().any(|text| Some(text.trim()) == right) {
            bail!(Comparison, "{}: the right response is one of the wrong ones", row.place);
        }
        Ok(row.texts.iter().map(|text| encoder.encode(&with_response(example, text)).sequence).collect())
    }
}

fn texts(value: Option<&Value>) -> Option<Vec<String>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(value) => value.as_array()?.iter().map(|text| Some(text.as_str()?.to_owned())).collect(),
    }
}

fn with_response(example: &Example, text: &str) -> Example {
    let mut example = example.clone();
    if let Some(last) = example.messages.last_mut() {
        text.clone_into(&mut last.content);
    }
    example
}

/// The share of the right response among those with the lowest loss per token: 1 if it is the only one, else 0 or a part.
///
/// Each response is `(nats, scored tokens)`. Without wrong responses there is no choice.
pub(super) fn choice(right: (f64, u64), wrong: impl ExactSizeIterator<Item = (f64, u64)>) -> Option<f64> {
    if wrong.len() == 0 {
        return None;
    }
    let mean = |(nats, n_scored): (f64, u64)| nats / n_scored as f64;
    let (right, mut n_equal) = (mean(right), 1.0);
    for wrong in wrong.map(mean) {
        if wrong < right {
            return Some(0.0);
        }
        n_equal += f64::from(u8::from(wrong == right));
    }
    Some(1.0 / n_equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_loss_per_token_is_chosen() {
        let of = |right, wrong: &[(f64, u64)]| choice(right, wrong.iter().copied());
        assert_eq!(of((4.0, 4), &[(3.0, 2), (1.0, 1)]), Some(0.5), "1.0 twice, and 1.5");
        assert_eq!(of((4.0, 4), &[(3.0, 2), (9.0, 3)]), Some(1.0));
        assert_eq!(of((4.0, 4), &[(1.9, 2)]), Some(0.0));
        assert_eq!(of((4.0, 4), &[]), None);
    }
}
