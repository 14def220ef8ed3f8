//! A pool without a model: rows, their encoding, and an engine that every test can compute by hand.

use std::path::Path;
use std::sync::Mutex;

use lobass_core::{Detail, LossEngine, Nll, Sequence, SequenceLoss};
use lobass_data::{
    ChatTemplate, DataFile, DateTime, Duplicates, EncodeOptions, Encoder, FormatChoice, Mask, Overlong, Pool,
    Preset, TemplateChoice, TextTokenizer,
};
use lobass_run::{Plan, Store, WorkDir};
use serde_json::{Value, json};

/// A loss that only a model of this number gives: so much per scored token and its id.
#[derive(Debug, Default)]
pub(crate) struct Linear {
    pub(crate) nats: f64,
    /// The number of sequences of each call.
    pub(crate) calls: Mutex<Vec<usize>>,
}

impl Linear {
    pub(crate) fn new(nats: f64) -> Self {
        Self { nats, calls: Mutex::default() }
    }

    pub(crate) fn sum(&self, sequence: &Sequence) -> f64 {
        sequence.scored_labels().map(|label| self.nats * (1.0 + f64::from(label))).sum()
    }
}

impl LossEngine for Linear {
    type Error = std::convert::Infallible;

    fn vocab_size(&self) -> usize {
        100_000
    }

    fn losses(&self, sequences: &[Sequence], detail: Detail) -> Result<Vec<SequenceLoss>, Self::Error> {
        self.calls.lock().unwrap().push(sequences.len());
        let loss = |sequence: &Sequence| SequenceLoss {
            nll: Nll { sum: self.sum(sequence), n_scored: sequence.n_scored() as u64 },
            per_token: (detail == Detail::PerToken).then(|| vec![1.5; sequence.n_scored()]),
        };
        Ok(sequences.iter().map(loss).collect())
    }
}

/// Data files with an encoder, planned.
pub(crate) struct Planned {
    pub(crate) pool: Pool,
    pub(crate) encoder: Encoder,
    pub(crate) plan: Plan,
}

impl Planned {
    /// Rows in a file of this directory.
    pub(crate) fn new(dir: &Path, rows: &[Value]) -> Self {
        let path = dir.join("pool.jsonl");
        fs_err::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
        let file = DataFile::open(&path, "pool", &FormatChoice::Auto).unwrap();
        let pool = Pool::new(vec![file], Duplicates::Keep);
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/chat/bytes");
        let choice = TemplateChoice::Preset(Preset::ChatMl);
        let template =
            ChatTemplate::load(&choice, &checkpoint, pool.fallback(), DateTime::default()).unwrap();
        let options = EncodeOptions {
            mask: Mask::Response,
            max_length: 200,
            overlong: Overlong::Drop,
            vocabulary: None,
            transform: None,
        };
        let encoder = Encoder::new(TextTokenizer::from_dir(&checkpoint).unwrap(), template, options).unwrap();
        let plan = Plan::make(&pool, &encoder, None).unwrap();
        Self { pool, encoder, plan }
    }

    /// A work directory in a store, encoded.
    pub(crate) fn encoded(&self, store: Store) -> WorkDir {
        let work = WorkDir::open(store, self.plan.clone()).unwrap();
        work.encode(&self.pool, &self.encoder, 2, &mut |_| ()).unwrap();
        work
    }
}

/// A question and its answer.
pub(crate) fn single(n: u32) -> Value {
    json!({"question": format!("what is {n}?"), "answer": format!("it is {n}")})
}
