//! Layers that are read when they are needed give the bits of layers that are in memory.

use std::sync::Arc;

use lobass_loss::{Engine, FEWEST_ROWS, row_bytes};
use lobass_model::{Checkpoint, Decoder, DeviceName, Dtype};

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
            let streamed = in_rounds(adapter.checkpoint.apply(&streamed).unwrap(), 2);
            let held = bits(&Engine::new(adapter.adapted(), 1), &sequences);
            assert_eq!(bits(&streamed, &sequences), held, "{}", adapter.name);
        }
    }
}
