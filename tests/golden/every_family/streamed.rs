//! Layers that are read when they are needed give the bits of layers that are in memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lobass_core::{Detail, LossEngine, Sequence};
use lobass_loss::{Engine, FEWEST_ROWS, Together, row_bytes};
use lobass_model::{ALL_LINEAR, Checkpoint, Decoder, DeviceName, Dtype, LoraConfig};
use lobass_train::{
    Checkpoints, Error, Event, Every, Objective, Session, Sources, TrainConfig, TrainData, TrainReport,
    fine_tune,
};

use super::Family;
use super::bits::{bits, sequences};

/// An engine with the smallest batches, so that there are several rounds of them.
fn in_rounds(model: Decoder, threads: usize) -> Engine {
    assert!(model.is_streamed());
    let bytes = (threads * FEWEST_ROWS) as u64 * row_bytes(model.spec());
    let too_small = Engine::new(model.clone(), threads).within(bytes - 1);
    assert!(too_small.is_none(), "batches have at least {FEWEST_ROWS} rows");
    Engine::new(model, threads).within(bytes).unwrap()
}

#[test]
fn layers_from_disk_change_no_bit() {
    let sequences: Vec<_> = sequences().into_iter().cycle().take(60).collect();
    for family in Family::all() {
        let checkpoint = Arc::new(Checkpoint::open(&family.dir).unwrap());
        for dtype in [Dtype::F32, Dtype::Bf16] {
            let name = format!("{} in {dtype}", family.name);
            let streamed = checkpoint.stream(dtype, &DeviceName::Cpu.open()).unwrap();
            let held = bits(&Engine::new(family.load(dtype), 1), &sequences);
            for threads in [1, 2, 5] {
                let found = bits(&in_rounds(streamed.clone(), threads), &sequences);
                assert_eq!(found, held, "{name} on {threads} threads");
            }
        }
        for adapter in family.adapters() {
            let streamed = checkpoint.stream(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
            let adapted = adapter.checkpoint.apply(&streamed).unwrap();
            let held = bits(&Engine::new(adapter.adapted(), 1), &sequences);
            assert_eq!(bits(&in_rounds(adapted.clone(), 2), &sequences), held, "{}", adapter.name);
            let of_base = Engine::new(family.load(Dtype::F32), 1);
            let apart =
                [of_base, Engine::new(adapter.adapted(), 1)].map(|engine| loss_bits(&engine, &sequences));
            together(&adapter.name, [streamed, adapted], &sequences, &apart);
        }
    }
}

/// Losses per token.
fn loss_bits(engine: &impl LossEngine, sequences: &[Sequence]) -> Vec<Vec<u32>> {
    let found = engine.losses(sequences, Detail::PerToken).unwrap();
    found.iter().map(|loss| loss.per_token.iter().flatten().map(|loss| loss.to_bits()).collect()).collect()
}

/// Runs a base and an adapter together. Each has the bits of a pass by itself, and each layer is read once a round.
fn together(
    name: &str,
    [base, adapted]: [Decoder; 2],
    sequences: &[Sequence],
    expected: &[Vec<Vec<u32>>; 2],
) {
    let n_layers = base.spec().layers.len() as u64;
    for (threads, bytes) in
        [(1, 1 << 30), (3, 1 << 30), (2, 2 * (FEWEST_ROWS as u64 + 80) * row_bytes(base.spec()))]
    {
        let engines = Together::within(base.clone(), adapted.clone(), threads, bytes).unwrap();
        let n_read = base.n_layers_read();
        let of_base = loss_bits(&engines.first(), sequences);
        let n_read_for_both = base.n_layers_read() - n_read;
        assert_eq!(
            &[of_base, loss_bits(&engines.second(), sequences)],
            expected,
            "{name} on {threads} threads"
        );
        assert_eq!(base.n_layers_read() - n_read, n_read_for_both, "{name}: the adapter reads nothing");
        // By itself, the adapter reads every layer again. So with room for all rows, both together read half as much.
        // On several threads, a batch of so few rows may end before another begins, and then both read.
        loss_bits(&engines.second(), sequences);
        let n_read_alone = base.n_layers_read() - n_read - n_read_for_both;
        assert!(n_read_alone >= n_layers, "{name}");
        if threads == 1 {
            assert_eq!(n_read_for_both, n_read_alone, "{name}: half of two passes");
        }
    }
    assert!(Together::within(base.clone(), adapted, 2, 1 << 10).is_none(), "{name}: too little memory");
    let other = Decoder::random(base.spec(), 1, &DeviceName::Cpu.open());
    assert!(Together::within(base, other, 2, 1 << 30).is_none(), "{name}: layers are not shared");
}

/// Two steps of an epoch, and two of the next, with held-out losses.
fn train(
    model: Decoder,
    rows: &[Sequence],
    session: Session<'_>,
    stop_after: Option<usize>,
) -> Result<(Decoder, TrainReport), Error> {
    let recipe = TrainConfig {
        epochs: 2,
        batch_size: rows.len().div_ceil(2),
        learning_rate: 1e-2,
        warmup_ratio: 0.0,
        micro_batch_tokens: 20,
        ..TrainConfig::default()
    };
    let stop = AtomicBool::new(false);
    let session = Session { stop: Some(&stop), ..session };
    let objective = Objective::Sft(rows);
    let data =
        TrainData { train: objective, held_out: objective, eval_every: 1, sources: Sources::default() };
    fine_tune(model, &data, &recipe, session, &mut |event| {
        if let Event::Step(step) = event {
            stop.store(Some(step.step) == stop_after, Ordering::Relaxed);
        }
    })
}

fn assert_same(name: &str, found: &(Decoder, TrainReport), expected: &(Decoder, TrainReport)) {
    assert_eq!(found.1, expected.1, "{name}");
    for (parameter, _) in expected.0.trained_parameters() {
        assert_eq!(found.0.weight(&parameter), expected.0.weight(&parameter), "{name}: {parameter}");
    }
}

/// Trains in memory, and with layers from disk on some threads, with memory for one micro-batch on each or for more.
fn check_training(
    name: &str,
    [held, streamed]: [&Decoder; 2],
    rows: &[Sequence],
    ways: &[(usize, u64)],
) -> (Decoder, TrainReport) {
    assert!(streamed.is_streamed() && !held.is_streamed());
    let expected = train(held.clone(), rows, Session::default(), None).unwrap();
    assert_eq!(expected.1.losses.len(), 4, "{name}");
    for &(threads, batch_bytes) in ways {
        let session = Session { threads, batch_bytes, ..Session::default() };
        let found = train(streamed.clone(), rows, session, None).unwrap();
        assert_same(&format!("{name} on {threads} threads"), &found, &expected);
    }
    expected
}

/// Every training is interrupted after two steps, and taken up with layers from disk or in memory.
fn check_interrupted(
    name: &str,
    [first, then]: [&Decoder; 2],
    rows: &[Sequence],
    dir: &Path,
) -> (Decoder, TrainReport) {
    let checkpoints = Checkpoints { dir: dir.join(name), every: Every::Steps(1), keep: 1 };
    let session = Session { threads: 2, checkpoints: Some(&checkpoints), ..Session::default() };
    let stopped = train(first.clone(), rows, session, Some(2));
    assert!(matches!(stopped, Err(Error::Interrupted { step: 2, n_steps: 4 })), "{name}");
    train(then.clone(), rows, session, None).unwrap()
}

#[test]
fn adapters_are_trained_to_the_same_bits_on_layers_from_disk() {
    for family in Family::all() {
        let checkpoint = Arc::new(Checkpoint::open(&family.dir).unwrap());
        for adapter in family.adapters() {
            let stream = checkpoint.stream(Dtype::F32, &DeviceName::Cpu.open()).unwrap();
            let streamed = adapter.checkpoint.apply(&stream).unwrap();
            let ways = [(1, 0), (2, 1 << 30), (5, 1 << 16)];
            check_training(&adapter.name, [&adapter.adapted(), &streamed], &family.batch(), &ways);
        }
    }
}

#[test]
fn new_adapters_with_dropout_and_whole_modules_survive_an_interruption_on_layers_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    for family in Family::all() {
        let checkpoint = Arc::new(Checkpoint::open(&family.dir).unwrap());
        let lora = LoraConfig {
            rank: 2,
            dropout: 0.2,
            target_modules: vec![ALL_LINEAR.to_owned()],
            modules_to_save: vec!["lm_head".to_owned(), "norm".to_owned()],
            ..LoraConfig::default()
        };
        let name = format!("{}, new", family.name);
        let held = lora.attach(&family.load(Dtype::Bf16), 3).unwrap();
        let stream = checkpoint.stream(Dtype::Bf16, &DeviceName::Cpu.open()).unwrap();
        let streamed = lora.attach(&stream, 3).unwrap();
        let rows = family.batch();
        let expected = check_training(&name, [&held, &streamed], &rows, &[(2, 0)]);
        for (how, models) in [("streamed", [&streamed, &streamed]), ("held first", [&held, &streamed])] {
            let name = format!("{name}, {how}");
            let found = check_interrupted(&name, models, &rows, dir.path());
            assert_same(&name, &found, &expected);
        }
    }
}
