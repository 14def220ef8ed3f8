//! Opens a checkpoint, says what it is, and asks it for the likeliest next token.
//!
//! Run with `cargo run -p lobass-model --example describe -- CHECKPOINT`; without a directory it takes the checkpoint
//! that the demo ships.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_model::{Checkpoint, DeviceName, Dtype, Packed};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../lobass-demo/assets/base");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let checkpoint = Checkpoint::open(std::env::args().nth(1).unwrap_or_else(|| SHIPPED.to_owned()))?;
    let spec = checkpoint.spec();
    println!("{}: {}, {}", checkpoint.dir().display(), spec.model_type, checkpoint.dtype());
    println!("{} layers of width {}", spec.layers.len(), spec.hidden_size);
    println!("{} parameters, vocabulary of {}", spec.n_parameters(), spec.vocab_size);
    println!("weights {}", checkpoint.weights_digest());

    let device = DeviceName::Cpu.open();
    let model = checkpoint.load(Dtype::F32, &device)?;
    let start = spec.bos_token_id.unwrap_or(0);
    let hidden = model.hidden_states(&Packed::new([[start].as_slice()]));
    let likeliest = model.logits(&hidden).argmax(1).into_scalar::<i64>();
    println!("after token {start} comes, most likely, token {likeliest}");
    Ok(())
}
