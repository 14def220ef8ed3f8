//! Damages to JSON values that leave JSON.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::mutate::pick;

/// Changes one place of a value.
pub(crate) fn damage(rng: &mut ChaCha8Rng, value: &mut Value) {
    let n_nodes = count(value);
    let at = rng.random_range(0..n_nodes);
    let donor = nth(value, rng.random_range(0..n_nodes)).cloned().unwrap_or(Value::Null);
    let Some(node) = nth_mut(value, &mut { at }) else { return };
    match rng.random_range(0..9) {
        0 => *node = donor,
        1 => *node = deep(rng, std::mem::take(node)),
        2 | 3 => inside(rng, node, donor),
        4 => *node = changed(rng, node),
        _ => *node = odd(rng),
    }
}

/// A value that readers may not expect.
fn odd(rng: &mut ChaCha8Rng) -> Value {
    let values = [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(3),
        json!(7),
        json!(65_536),
        json!(2_147_483_648_u64),
        json!(9_007_199_254_740_993_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e308),
        json!(5e-324),
        json!(-0.0),
        json!(""),
        json!("a"),
        json!("\u{0}\u{1b}[31m"),
        json!("\u{feff}\u{202e}é😀"),
        json!("NaN"),
        json!("../../x"),
        json!("(a*)*b"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null, 1, "a", {}]),
        json!({"": ""}),
    ];
    match rng.random_range(0..20) {
        0 => json!("word ".repeat(rng.random_range(1..20_000))),
        1 => json!(vec![0; rng.random_range(1..5000)]),
        _ => pick(rng, &values).clone(),
    }
}

/// A value of the same kind, a little different.
fn changed(rng: &mut ChaCha8Rng, value: &Value) -> Value {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => match rng.random_range(0..4) {
                0 => json!(whole.wrapping_add(1)),
                1 => json!(whole.wrapping_sub(1)),
                2 => json!(whole.wrapping_mul(2)),
                _ => json!(whole.wrapping_neg()),
            },
            (None, Some(number)) => json!(number * -1000.0),
            _ => Value::Null,
        },
        Value::String(text) if text.starts_with(['{', '[']) => match serde_json::from_str(text) {
            // JSON in a text is damaged as JSON.
            Ok(mut inner) => {
                damage(rng, &mut inner);
                json!(inner.to_string())
            }
            Err(_) => odd(rng),
        },
        Value::String(text) => {
            let mut letters: Vec<char> = text.chars().collect();
            let at = rng.random_range(0..=letters.len());
            match rng.random_range(0..3) {
                0 => letters.truncate(at),
                1 => {
                    letters.insert(at, *pick(rng, &['\0', ' ', '{', '"', '\u{300}', '\u{10ffff}', '.', '/']));
                }
                _ => letters.extend(letters.clone()),
            }
            json!(letters.into_iter().collect::<String>())
        }
        Value::Bool(flag) => json!(!flag),
        _ => odd(rng),
    }
}

/// Takes something out of a list or an object, or puts something in.
fn inside(rng: &mut ChaCha8Rng, value: &mut Value, donor: Value) {
    match value {
        Value::Array(list) if !list.is_empty() => {
            let at = rng.random_range(0..list.len());
            match rng.random_range(0..3) {
                0 => {
                    list.remove(at);
                }
                1 => list.insert(at, donor),
                _ => list.push(list[at].clone()),
            }
        }
        Value::Object(map) if !map.is_empty() => {
            let name = map.keys().nth(rng.random_range(0..map.len())).cloned().unwrap_or_default();
            let inner = map.shift_remove(&name).unwrap_or_default();
            match rng.random_range(0..3) {
                0 => {}
                1 => {
                    map.insert(format!("{name}x"), inner);
                }
                _ => {
                    map.insert(name, donor);
                }
            }
        }
        other => *other = donor,
    }
}

/// A value inside many lists or objects.
fn deep(rng: &mut ChaCha8Rng, mut value: Value) -> Value {
    let depth = *pick(rng, &[1, 2, 5, 100, 130]);
    let list = rng.random_range(0..2) == 0;
    for _ in 0..depth {
        value = if list { json!([value]) } else { json!({ "a": value }) };
    }
    value
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn nth(value: &Value, mut at: usize) -> Option<&Value> {
    if at == 0 {
        return Some(value);
    }
    at -= 1;
    let inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(list) => Box::new(list.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => return None,
    };
    for value in inner {
        let n_nodes = count(value);
        if at < n_nodes {
            return nth(value, at);
        }
        at -= n_nodes;
    }
    None
}

fn nth_mut<'a>(value: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(value);
    }
    *at -= 1;
    let inner: Box<dyn Iterator<Item = &'a mut Value>> = match value {
        Value::Array(list) => Box::new(list.iter_mut()),
        Value::Object(map) => Box::new(map.values_mut()),
        _ => return None,
    };
    for value in inner {
        let n_nodes = count(value);
        if *at < n_nodes {
            return nth_mut(value, at);
        }
        *at -= n_nodes;
    }
    None
}
