//! The text of example rows: token by token if there are losses, else as in the data.

use lobass_data::{Encoder, Example, Trace};
use lobass_report::{Body, Piece, Turn};

use super::heat::Heat;
use super::shown::{Pair, Shown};
use crate::error::{Error, Result, bail};

/// The text of each row.
pub(super) fn bodies(shown: &Shown<'_>, heat: &Heat<'_>) -> Result<Vec<Body>> {
    let examples = shown.examples()?;
    let losses = heat.losses(shown, &examples)?;
    let mut bodies = Vec::with_capacity(shown.rows.len());
    for (row, losses) in shown.rows.iter().zip(losses) {
        bodies.push(match (&examples[row], heat.encoder(), losses) {
            (Err(why), ..) => Body::Missing(why.clone()),
            (Ok(example), Some(encoder), Some(losses)) => {
                Body::Pieces(pieces(*row, example, encoder, &losses)?)
            }
            (Ok(example), ..) => Body::Turns(turns(example)),
        });
    }
    Ok(bodies)
}

fn turns(example: &Example) -> Vec<Turn> {
    let turn = |message: &lobass_data::Message| Turn {
        role: message.role.to_string(),
        text: message.content.clone(),
        is_scored: message.scored,
    };
    example.messages.iter().map(turn).collect()
}

/// A row as the model reads it. Losses are those of the scored tokens, in order. A row that was cut has no losses after
/// the cut.
fn pieces(row: u64, example: &Example, encoder: &Encoder, losses: &Pair) -> Result<Vec<Piece>> {
    let trace =
        encoder.trace(example).map_err(|fault| Error::Table(format!("row {row}: {}", fault.reason)))?;
    let length = encoder.options().max_length.min(trace.ids.len());
    let n_scored = trace.scored[..length].iter().filter(|&&scored| scored).count();
    if (losses.0.len(), losses.1.len()) != (n_scored, n_scored) {
        bail!(
            Table,
            "row {row}: expected the losses of {n_scored} tokens, found {} under the base and {} under the reference",
            losses.0.len(),
            losses.1.len()
        );
    }
    let mut of_tokens = losses.0.iter().copied().zip(losses.1.iter().copied());
    let mut pieces: Vec<Piece> = Vec::new();
    let mut shown = 0;
    for at in 0..trace.ids.len() {
        let losses = if at < length && trace.scored[at] { of_tokens.next() } else { None };
        let (between, text) = text_of(&trace, at, shown, encoder);
        shown = shown.max(trace.offsets[at].1);
        if !between.is_empty() {
            pieces.push(Piece { text: between, losses: None });
        }
        match (pieces.last_mut(), losses) {
            // Tokens that share a character are shown, and counted, as one.
            (Some(Piece { losses: Some((base, reference)), .. }), Some((more_base, more_reference)))
                if text.is_empty() =>
            {
                *base += more_base;
                *reference += more_reference;
            }
            _ => pieces.push(Piece { text, losses }),
        }
    }
    let rest = trace.text.get(shown..).unwrap_or_default();
    if !rest.is_empty() {
        pieces.push(Piece { text: rest.to_owned(), losses: None });
    }
    Ok(pieces)
}

/// The text of a token that is not shown yet, and the text before it that belongs to no token.
fn text_of(trace: &Trace, at: usize, shown: usize, encoder: &Encoder) -> (String, String) {
    let (start, end) = trace.offsets[at];
    if start == end {
        // Inserted tokens have no span of the text.
        return (String::new(), encoder.tokenizer().token(trace.ids[at]).unwrap_or_default());
    }
    let between = trace.text.get(shown..start).unwrap_or_default();
    (between.to_owned(), trace.text.get(start.max(shown)..end).unwrap_or_default().to_owned())
}
