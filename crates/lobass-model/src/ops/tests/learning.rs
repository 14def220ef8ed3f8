//! Products, dropout, losses, and steps of an optimizer.

use burn::tensor::DType;
use lobass_kernels::AdamW;
use proptest::prelude::*;

use super::carried::CarriedOps;
use super::{TOLERANCE, assert_close, both, random, tensor, values, worst};
use crate::ops::{Dropout, DropoutMasks, Ops};

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn products(rows in 1usize..6, inputs in 1usize..20, outputs in 1usize..20, seed: u64) {
        let (host, device) = both();
        let x = random(seed, [rows, inputs]);
        let weights = [random(seed ^ 1, [outputs, inputs]), random(seed ^ 2, [2 * outputs, inputs])];
        for dtype in [DType::F32, DType::BF16, DType::F16] {
            if !CarriedOps::computes_in(dtype) {
                continue;
            }
            let weights = weights.clone().map(|weight| weight.cast(dtype));
            for is_traced in [false, true] {
                let packed = |ops: &dyn Ops| ops.pack(x.clone(), ops.activation_dtype(dtype, is_traced));
                let (on_host, on_device) = (packed(&host), packed(&device));
                let found = host.products(&on_host, &weights);
                let expected = device.products(&on_device, &weights);
                // Products of half precision are rounded on devices, to 8 bits at least.
                let tolerance = if dtype == DType::F32 { TOLERANCE } else { 0.05 };
                for ((found, expected), weight) in found.into_iter().zip(expected).zip(&weights) {
                    prop_assert_eq!(values(host.product(&on_host, weight)), values(found.clone()));
                    let worst = worst(found, expected);
                    prop_assert!(worst < tolerance, "a product in {:?} differs by {}", dtype, worst);
                }
                let d_output = random(seed ^ 3, [rows, outputs]);
                let gradient = |ops: &dyn Ops| ops.product_backward(&d_output, weights[0].clone());
                assert_close("the gradient of a product", gradient(&host), gradient(&device));
            }
        }
    }

    #[test]
    fn dropouts(rows in 1usize..6, width in 1usize..40, share in 0.05f64..0.95, seed: u64) {
        let (host, device) = both();
        let (x, dropout) = (random(seed, [rows, width]), Dropout::new(seed, 7, share));
        let expected = values(host.drop_out(x.clone(), dropout, &DropoutMasks::default()));
        for masks in [DropoutMasks::new(true), DropoutMasks::default()] {
            for _ in ["forward", "backward"] {
                prop_assert_eq!(&values(device.drop_out(x.clone(), dropout, &masks)), &expected);
            }
        }
        let kept = expected.iter().filter(|&&value| value != 0.0).count() as f64;
        let n = (rows * width) as f64;
        let deviation = (share * (1.0 - share) / n).sqrt();
        prop_assert!((kept / n - (1.0 - share)).abs() < 5.0 * deviation + 1.0 / n, "{} of {}", kept, n);
    }

    #[test]
    fn losses(
        rows in prop::collection::vec((prop::collection::vec(-8f32..8.0, 7), 0u32..7, -2f32..2.0), 1..5),
    ) {
        let (host, device) = both();
        let labels: Vec<u32> = rows.iter().map(|row| row.1).collect();
        let seeds: Vec<f32> = rows.iter().map(|row| row.2).collect();
        let logits = tensor(rows.iter().flat_map(|row| row.0.clone()).collect(), [rows.len(), 7]);
        let (expected, expected_gradient) = device.cross_entropy_backward(logits.clone(), &labels, &seeds);
        let (found, gradient) = host.cross_entropy_backward(logits.clone(), &labels, &seeds);
        for (found, expected) in found.iter().zip(expected) {
            prop_assert!((found - expected).abs() < 1e-5);
        }
        let worst = worst(gradient, expected_gradient);
        prop_assert!(worst < 1e-6, "{}", worst);
    }

    #[test]
    fn steps_of_adamw(
        rows in prop::collection::vec((-2f32..2.0, -2f32..2.0, -1f32..1.0, 0f32..1.0), 1..20), n_steps in 1i32..50,
    ) {
        let (host, device) = both();
        let column = |value: fn(&(f32, f32, f32, f32)) -> f32| tensor(rows.iter().map(value).collect(), [rows.len()]);
        let step = AdamW {
            learning_rate: 0.01,
            beta_1: 0.9,
            beta_2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            correction_1: 1.0 - 0.9f32.powi(n_steps),
            correction_2_sqrt: (1.0 - 0.95f32.powi(n_steps)).sqrt(),
        };
        let stepped = |ops: &dyn Ops| {
            let means = [column(|row| row.2), column(|row| row.3)];
            let (weights, [means, squares]) = ops.adamw(step, column(|row| row.0), column(|row| row.1), means);
            [weights, means, squares]
        };
        for (found, expected) in stepped(&host).into_iter().zip(stepped(&device)) {
            let worst = worst(found, expected);
            prop_assert!(worst < 1e-5, "{}", worst);
        }
    }
}
