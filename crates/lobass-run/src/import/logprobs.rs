//! Log-probabilities of tokens, as vLLM and plain scripts write them, against the tokens of a row.
//!
//! With `prompt_logprobs`, vLLM gives a list with an entry for each token of the prompt. The first is null. The others are
//! maps from token ids to `{logprob, rank, decoded_token}`: the prompt's token comes first, then the most likely ones, as
//! many as were asked for. `RequestOutput` has the list, and `prompt_token_ids` beside it. The server has both in each of
//! its `choices`; for chats, beside them.

use std::fmt;

use lobass_core::Sequence;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::json_lines::not_json;

/// What vLLM's server writes for a log-probability of minus infinity.
const MINUS_INFINITY: f64 = -9999.0;
/// How far above 0 rounding may lift the log-probability of a token that is certain.
const ROUNDING: f64 = 1e-5;

/// The fields of a line that are about tokens.
#[derive(Debug, Deserialize)]
struct Line {
    choices: Option<Vec<Choice>>,
    prompt_logprobs: Option<Vec<Option<Candidates>>>,
    prompt_token_ids: Option<Vec<u32>>,
    input_ids: Option<Vec<u32>>,
    logprobs: Option<Vec<Option<f64>>>,
}

/// One answer of vLLM's server.
#[derive(Debug, Deserialize)]
struct Choice {
    prompt_logprobs: Option<Vec<Option<Candidates>>>,
    prompt_token_ids: Option<Vec<u32>>,
}

/// The first token of a map of vLLM: the one of the prompt.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidates {
    id: u32,
    logprob: f64,
}

#[derive(Debug, Deserialize)]
struct Logprob {
    logprob: f64,
}

impl<'de> Deserialize<'de> for Candidates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Candidates;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from token ids to log-probabilities, or null")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Candidates, A::Error> {
                let first = map.next_entry::<u32, Logprob>()?;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                let (id, Logprob { logprob }) = first.ok_or_else(|| {
                    A::Error::custom("expected the token of the prompt, found an empty map")
                })?;
                Ok(Candidates { id, logprob })
            }
        }
        deserializer.deserialize_map(First)
    }
}

/// The log-probabilities of the tokens of one row.
#[derive(Debug, PartialEq)]
pub(super) struct Logprobs {
    /// All tokens, if the line has their ids in a list.
    ids: Option<Vec<u32>>,
    /// For each token its log-probability, and its id if that is beside it.
    tokens: Vec<Option<(Option<u32>, f64)>>,
}

impl Logprobs {
    /// Reads a line.
    ///
    /// # Errors
    /// If it has log-probabilities of no prompt, or of several.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| not_json(line, &error))?;
        if let Some(logprobs) = line.logprobs {
            let ids = line.input_ids.ok_or("expected `input_ids` beside `logprobs`, found none")?;
            let tokens = logprobs.into_iter().map(|logprob| logprob.map(|logprob| (None, logprob)));
            return Ok(Self { ids: Some(ids), tokens: tokens.collect() });
        }
        let (prompt, ids) = match (line.prompt_logprobs, line.choices) {
            (Some(prompt), _) => (prompt, line.prompt_token_ids),
            (None, Some(mut choices)) if choices.len() == 1 => {
                let choice = choices.remove(0);
                let missing =
                    "expected `prompt_logprobs` in `choices`, found none; send `\"prompt_logprobs\": 0`";
                (choice.prompt_logprobs.ok_or(missing)?, choice.prompt_token_ids)
            }
            (None, choices) => {
                let found = choices.map_or(0, |choices| choices.len());
                return Err(format!(
                    "expected one choice of a response, found {found}; write a line for each prompt"
                ));
            }
        };
        let of_token = |one: Candidates| (Some(one.id), one.logprob);
        Ok(Self { ids, tokens: prompt.into_iter().map(|one| one.map(of_token)).collect() })
    }

    /// The loss of each scored token in nats, once the tokens are found to be those of the row.
    ///
    /// # Errors
    /// If an id or the number of tokens differs, or a scored token has no log-probability or an impossible one.
    pub(super) fn losses(&self, sequence: &Sequence) -> Result<Vec<f64>, String> {
        self.check_ids(sequence.input_ids())?;
        if self.tokens.first().is_some_and(Option::is_some) {
            return Err("expected null for the first token, which nothing predicts, found a log-probability"
                .to_owned());
        }
        let scored = sequence.scored_positions().map(|position| position + 1);
        scored.map(|token| loss(token, self.tokens[token])).collect()
    }

    fn check_ids(&self, expected: &[u32]) -> Result<(), String> {
        let beside = || self.tokens.iter().map(|token| token.and_then(|(id, _)| id));
        let found: Vec<Option<u32>> = match &self.ids {
            Some(ids) => ids.iter().copied().map(Some).collect(),
            None => beside().collect(),
        };
        let pairs = || expected.iter().zip(0..);
        let differing = |found: &[Option<u32>]| {
            let found =
                found.iter().zip(pairs()).find(|(found, (id, _))| found.is_some_and(|found| found != **id));
            found.and_then(|(found, (id, at))| Some((at, *id, (*found)?)))
        };
        let beside: Vec<Option<u32>> = beside().collect();
        if let Some((at, expected, found)) = differing(&found).or_else(|| differing(&beside)) {
            let at: usize = at;
            return Err(format!(
                "token {at}: expected id {expected}, found {found}; the row was tokenized in another way"
            ));
        }
        match [found.len(), beside.len()].into_iter().find(|length| *length != expected.len()) {
            Some(found) => Err(format!("expected {} tokens, found {found}", expected.len())),
            None => Ok(()),
        }
    }
}

/// The loss of a scored token in nats, by its number from 0.
fn loss(token: usize, given: Option<(Option<u32>, f64)>) -> Result<f64, String> {
    match given {
        None => Err(format!("token {token}: expected a log-probability, since it is scored, found null")),
        Some((_, logprob)) if logprob > ROUNDING => Err(format!(
            "token {token}: expected a log-probability of at most 0, found {logprob}; losses are not negated here"
        )),
        Some((_, MINUS_INFINITY)) => Ok(f64::INFINITY),
        Some((_, logprob)) => Ok(-logprob),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Four tokens, the last two of them scored.
    fn row() -> Sequence {
        Sequence::from_scored_tokens(vec![5, 6, 7, 8], &[false, false, true, true]).unwrap()
    }

    fn losses(line: &Value) -> Result<Vec<f64>, String> {
        Logprobs::read(line.to_string().as_bytes())?.losses(&row())
    }

    /// The entry of one token, as vLLM writes it, with a more likely one behind it.
    fn of(id: u32, logprob: f64) -> Value {
        json!({
            id.to_string(): {"logprob": logprob, "rank": 2, "decoded_token": "x"},
            "99": {"logprob": -0.1, "rank": 1, "decoded_token": "y"},
        })
    }

    fn prompt(ids: [u32; 3]) -> Value {
        json!([null, of(ids[0], -1.0), of(ids[1], -2.0), of(ids[2], -3.0)])
    }

    #[test]
    fn every_shape_gives_the_same_losses() {
        let prompt = prompt([6, 7, 8]);
        let lines = [
            json!({"row": 0, "prompt_logprobs": prompt, "prompt_token_ids": [5, 6, 7, 8]}),
            json!({"row": 0, "prompt_logprobs": prompt, "choices": [{"index": 0, "message": {}, "logprobs": null}]}),
            json!({"row": 0, "model": "m", "choices": [{
                "index": 0, "text": "", "logprobs": null, "prompt_logprobs": prompt, "prompt_token_ids": null,
            }]}),
            json!({"row": 0, "input_ids": [5, 6, 7, 8], "logprobs": [null, null, -2.0, -3.0]}),
        ];
        for line in &lines {
            assert_eq!(losses(line).unwrap(), [2.0, 3.0], "{line}");
        }
    }

    #[track_caller]
    fn refused(line: &Value, words: &str) {
        let error = losses(line).unwrap_err();
        assert!(error.contains(words), "{error}");
    }

    #[test]
    fn other_tokens_are_refused() {
        refused(&json!({"prompt_logprobs": prompt([6, 9, 8])}), "token 2: expected id 7, found 9");
        let ids = json!({"prompt_logprobs": prompt([6, 7, 8]), "prompt_token_ids": [1, 5, 6, 7, 8]});
        refused(&ids, "token 0: expected id 5, found 1");
        let more = json!({"prompt_logprobs": prompt([6, 7, 8]), "prompt_token_ids": [5, 6, 7, 8, 9]});
        refused(&more, "expected 4 tokens, found 5");
        refused(&json!({"prompt_logprobs": [null, of(6, -1.0), of(7, -1.0)]}), "expected 4 tokens, found 3");
        refused(
            &json!({"input_ids": [5, 6, 7], "logprobs": [null, -1.0, -1.0]}),
            "expected 4 tokens, found 3",
        );
        let short = json!({"input_ids": [5, 6, 7, 8], "logprobs": [null, -1.0, -1.0]});
        refused(&short, "expected 4 tokens, found 3");
        refused(&json!({"logprobs": [null, -1.0]}), "expected `input_ids`");
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let plain = |third: Value| json!({"input_ids": [5, 6, 7, 8], "logprobs": [null, -1.0, third, -1.0]});
        refused(&plain(json!(0.5)), "token 2: expected a log-probability of at most 0, found 0.5");
        refused(&plain(Value::Null), "token 2: expected a log-probability, since it is scored");
        assert_eq!(losses(&plain(json!(1e-7))).unwrap(), [-1e-7, 1.0]);
        assert_eq!(losses(&plain(json!(-9999.0))).unwrap(), [f64::INFINITY, 1.0]);
        let first = json!({"input_ids": [5, 6, 7, 8], "logprobs": [-1.0, -1.0, -1.0, -1.0]});
        refused(&first, "expected null for the first token");
        refused(&json!({"prompt_logprobs": [null, {}, of(7, -1.0), of(8, -1.0)]}), "found an empty map");
        refused(&json!({"prompt_logprobs": [null, 3]}), "expected a map from token ids to log-probabilities");
        refused(&json!({"choices": []}), "expected one choice of a response, found 0");
        refused(&json!({"choices": [{"text": ""}]}), "send `\"prompt_logprobs\": 0`");
    }
}
