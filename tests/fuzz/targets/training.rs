//! States of trainings: what one is taken up from, what AdamW knew, and what a directory says of its training.

use std::path::Path;

use lobass_core::Sequence;
use lobass_influence::WarmUp;
use lobass_model::{AdapterCheckpoint, Checkpoint, Decoder, DeviceName, Dtype};
use lobass_tests::fixture;
use lobass_train::{AdamState, Checkpoints, Every, Session, TrainConfig, TrainData, fine_tune};

use super::{Target, command, remove, small_pool, unpack_demo};
use crate::mutate::Kind;

fn model(name: &str) -> Decoder {
    Checkpoint::open(fixture(name)).unwrap().load(Dtype::F32, &DeviceName::Cpu.open()).unwrap()
}

/// Trains for three steps, or takes up what lies in the directory.
fn train(dir: &Path, every: usize) -> Result<Decoder, lobass_train::Error> {
    let sequence =
        |ids: [u32; 4]| Sequence::from_scored_tokens(ids.to_vec(), &[false, true, true, true]).unwrap();
    let rows = [sequence([1, 2, 3, 4]), sequence([1, 4, 3, 2]), sequence([2, 2, 1, 1])];
    let recipe = TrainConfig { epochs: 1, batch_size: 1, learning_rate: 1e-3, ..TrainConfig::default() };
    let checkpoints = Checkpoints { dir: dir.join("state"), every: Every::Steps(every), keep: 3 };
    let session = Session { threads: 1, checkpoints: Some(&checkpoints), ..Session::default() };
    fine_tune(model("models/llama-gqa"), &TrainData::sft(&rows), &recipe, session, &mut |_| {})
        .map(|(model, _)| model)
}

const STATE: &str = "state/step-000000002.safetensors";

pub(super) const TRAINING_STATE: Target = Target {
    name: "training-state",
    kind: Kind::Framed,
    prepare: |dir| {
        train(dir, 1).unwrap();
        let state = fs_err::read(dir.join(STATE)).unwrap();
        remove(dir.join("state"));
        vec![state]
    },
    run: |dir, input| {
        fs_err::create_dir_all(dir.join("state")).unwrap();
        fs_err::write(dir.join(STATE), input).unwrap();
        let _ = train(dir, 0);
    },
};

pub(super) const OPTIMIZER: Target = Target {
    name: "optimizer",
    kind: Kind::Framed,
    prepare: |_| vec![fs_err::read(fixture("influence/epoch-1/optimizer.safetensors")).unwrap()],
    run: |dir, input| {
        fs_err::write(dir.join("optimizer.safetensors"), input).unwrap();
        let Ok(state) = AdamState::read(&dir.join("optimizer.safetensors")) else { return };
        let adapter = AdapterCheckpoint::open(fixture("influence/epoch-1")).unwrap();
        let Ok(warm_up) = WarmUp::new(adapter.apply(&model(BASE)).unwrap(), state) else { return };
        let sequence = Sequence::from_scored_tokens(vec![1, 2, 3], &[false, true, true]).unwrap();
        warm_up.precondition(&mut warm_up.gradient(&sequence));
    },
};

const BASE: &str = "models/llama-gqa";

pub(super) const TRAINING_RECORD: Target = Target {
    name: "training-record",
    kind: Kind::Json,
    prepare: |dir| {
        unpack_demo(dir);
        fs_err::write(dir.join("small.jsonl"), small_pool(dir, 4)).unwrap();
        command(dir, TRAIN).unwrap();
        vec![fs_err::read(dir.join("trained/lobass-training.json")).unwrap()]
    },
    run: |dir, input| {
        fs_err::write(dir.join("trained/lobass-training.json"), input).unwrap();
        remove(dir.join("scores.jsonl"));
        let line = "score --base {base} --reference {trained} --data {small.jsonl} --out {scores.jsonl}";
        let _ = command(dir, line);
    },
};

const TRAIN: &str = "train --model {base} --data {small.jsonl} --out {trained} --method lora --lora-rank 2 --epochs 2 --batch-size 1 --eval-rows 1";
