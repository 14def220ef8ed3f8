//! What every family has to pass, for each directory of `fixtures/families`. A new family is an entry of
//! `gen_families.py` and needs no line here.

mod bits;
mod losses;
mod saving;
mod split;
mod steps;
mod streamed;

use std::path::PathBuf;

use lobass_core::Sequence;
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, DecoderSpec, DeviceName, Dtype};
use lobass_tests::{fixture, read_json};
use serde::Deserialize;

use crate::training::{Recipe, Row, Step};

/// A directory of `fixtures/families`.
struct Family {
    name: String,
    dir: PathBuf,
    checkpoint: Checkpoint,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    losses: Vec<LossRow>,
    recipe: Recipe,
    /// The batch of all steps.
    rows: Vec<Row>,
    full: Vec<Step>,
    lora: Lora,
    /// An adapter of single experts and routers.
    experts: Option<Lora>,
}

#[derive(Deserialize)]
struct LossRow {
    input_ids: Vec<u32>,
    nll: Vec<f64>,
}

#[derive(Deserialize)]
struct Lora {
    /// The losses of `rows` before the first step.
    nll: Vec<Vec<f64>>,
    steps: Vec<Step>,
}

impl Family {
    /// All of them.
    fn all() -> Vec<Self> {
        let entries = fs_err::read_dir(fixture("families")).unwrap();
        let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        dirs.sort();
        dirs.into_iter().map(Self::open).collect()
    }

    fn open(dir: PathBuf) -> Self {
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let checkpoint = Checkpoint::open(&dir).unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { expected: read_json(&dir.join("expected.json")), name, dir, checkpoint }
    }

    fn load(&self, dtype: Dtype) -> Decoder {
        self.checkpoint.load(dtype, &DeviceName::Cpu.open()).unwrap()
    }

    /// The adapters, and what is expected of them.
    fn adapters(&self) -> Vec<Adapter<'_>> {
        let adapter = |name: &str, expected| {
            let dir = self.dir.join(name);
            let checkpoint = AdapterCheckpoint::open(&dir).unwrap();
            Adapter { name: format!("{}, {name}", self.name), family: self, checkpoint, dir, expected }
        };
        let experts = self.expected.experts.as_ref().map(|expected| adapter("experts", expected));
        std::iter::once(adapter("lora", &self.expected.lora)).chain(experts).collect()
    }

    /// The batch of all steps.
    fn batch(&self) -> Vec<Sequence> {
        self.expected.rows.iter().map(Row::sequence).collect()
    }
}

/// An adapter on a model of a family.
struct Adapter<'a> {
    name: String,
    family: &'a Family,
    checkpoint: AdapterCheckpoint,
    dir: PathBuf,
    expected: &'a Lora,
}

impl Adapter<'_> {
    /// The model with its adapter.
    fn adapted(&self) -> Decoder {
        self.checkpoint.apply(&self.family.load(Dtype::F32)).unwrap()
    }
}

#[test]
fn there_is_a_fixture_for_every_family() {
    let of = |folder: &str, name: &str| {
        let dir = fixture(folder).join(name);
        DecoderSpec::from_json(&fs_err::read_to_string(dir.join("config.json")).unwrap()).unwrap().model_type
    };
    let folders = ["models", "families"].map(|folder| (folder, fs_err::read_dir(fixture(folder)).unwrap()));
    let mut present: Vec<_> = folders
        .into_iter()
        .flat_map(|(folder, entries)| {
            entries.map(move |entry| of(folder, entry.unwrap().file_name().to_str().unwrap()))
        })
        .collect();
    present.sort_unstable();
    present.dedup();
    let mut known: Vec<_> = DecoderSpec::model_types().collect();
    known.sort_unstable();
    assert_eq!(present, known);
}
