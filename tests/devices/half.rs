//! Half precision between operations of a card.

use lobass_core::{Detail, Dtype, LossEngine as _};
use lobass_loss::Engine;
use lobass_model::{Checkpoint, DeviceName, save, to_burn};

use crate::{FAMILIES, card, config, sequences, tiny};

/// f16 against f32 on the same rounded weights, in nats a token.
const TOLERANCE: f32 = 0.05;

#[test]
fn losses_are_near_those_of_the_same_weights_in_f32() {
    let sequences = sequences(&[16, 3, 11]);
    // The third has experts, which are chosen by rounded scores.
    for family in &FAMILIES[..2] {
        let dir = tempfile::tempdir().unwrap();
        save(&tiny(*family, &DeviceName::Cpu), &config(*family), Dtype::F32, dir.path()).unwrap();
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let losses = |device: &DeviceName| -> Vec<f32> {
            device.check(Dtype::F16).unwrap();
            let model = checkpoint.load(Dtype::F16, &device.open()).unwrap();
            assert_eq!(model.weight_dtype(), to_burn(Dtype::F16));
            let losses = Engine::new(model, 1).losses(&sequences, Detail::PerToken).unwrap();
            losses.into_iter().flat_map(|loss| loss.per_token.unwrap()).collect()
        };
        // On the processor, the arithmetic on f16 weights is f32.
        let (found, expected) = (losses(&card()), losses(&DeviceName::Cpu));
        let distances = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
        let worst = distances.fold(0.0, f32::max);
        println!("{} in f16: worst of {} tokens {worst}", family.0, found.len());
        assert!(worst > 0.0, "half precision rounds");
        assert!(worst <= TOLERANCE, "{family:?}: {found:?}, expected {expected:?}");
    }
}

#[test]
fn a_format_that_the_card_lacks_is_refused() {
    let card = card();
    assert!(card.supports(Dtype::F16), "shaders of this card may use f16");
    for dtype in Dtype::ALL {
        match card.check(dtype) {
            Ok(()) => assert!(card.dtypes().contains(&dtype)),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("expected a number format that it computes in (f32"), "{error}");
                assert!(error.contains(&format!("found {dtype}")) && !error.contains('\n'), "{error}");
            }
        }
    }
    // Shaders in WGSL have no bf16.
    assert!(card.check(Dtype::Bf16).is_err());
}
