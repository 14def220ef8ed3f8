//! Known properties of cards.

/// Dense bf16 products with sums in f32, in TFLOP/s, as the makers state them; a card is known by a part of its name.
/// More specific names come first.
const RATES: [(&str, f64); 15] = [
    ("B200", 2250.0),
    ("H200 NVL", 835.0),
    ("H200", 989.0),
    ("H100 NVL", 835.0),
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("A100", 312.0),
    ("A30", 165.0),
    ("L40S", 362.0),
    ("L40", 181.0),
    ("L4", 121.0),
    ("RTX 5090", 209.5),
    ("RTX 4090", 165.2),
    ("RTX 3090", 71.0),
    ("RTX A6000", 154.8),
];

/// The rate of a card, in FLOP/s, if it is one of the table.
pub(crate) fn rate(name: &str) -> Option<f64> {
    RATES.iter().find(|(part, _)| name.contains(part)).map(|(_, rate)| rate * 1e12)
}
