//! The settings that a directory of a simulation is known by, and how those of two simulations differ.

use serde_json::Value;

use crate::error::Result;

/// The differences of two records, in words: each setting with its value in the directory, and its value now.
///
/// # Errors
/// If a record is not JSON.
pub(super) fn differences(found: &str, now: &str) -> Result<Vec<String>> {
    // Both are read, so that numbers of both went through text.
    let (found, now): (Value, Value) = (serde_json::from_str(found)?, serde_json::from_str(now)?);
    let mut differences = Vec::new();
    for name in names(&found, &now) {
        let (found, now) = (&found[name], &now[name]);
        match name {
            // Digests tell nobody anything.
            "plan" => add(&mut differences, found, now, || "data or sequences".to_owned()),
            _ if found.is_object() && now.is_object() => of_section(&mut differences, name, found, now),
            _ => add(&mut differences, found, now, || changed(name, found, now)),
        }
    }
    Ok(differences)
}

fn of_section(differences: &mut Vec<String>, section: &str, found: &Value, now: &Value) {
    for name in names(found, now) {
        let (found, now) = (&found[name], &now[name]);
        add(differences, found, now, || match (section, name) {
            ("base", "weights_digest") => "weights of the base".to_owned(),
            ("base", _) => changed(&format!("{name} of the base"), found, now),
            _ => changed(name, found, now),
        });
    }
}

fn add(differences: &mut Vec<String>, found: &Value, now: &Value, in_words: impl FnOnce() -> String) {
    if found != now {
        differences.push(in_words());
    }
}

fn changed(name: &str, found: &Value, now: &Value) -> String {
    format!("{name} ({}, now {})", value(found), value(now))
}

/// A value as it is typed. A setting that is not in a record was not given.
fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The names of both, each once.
fn names<'a>(found: &'a Value, now: &'a Value) -> Vec<&'a str> {
    let of = |value: &'a Value| value.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    let mut names: Vec<&str> = of(now).chain(of(found)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn every_setting_that_differs_is_named_with_both_values() {
        let record = |rounds: u32, lora: serde_json::Value, digest: &str| {
            json!({
                "plan": digest, "base": {"dtype": "f32", "weights_digest": digest}, "lora": lora,
                "federation": {"rounds": rounds, "by": "source"},
            })
            .to_string()
        };
        let first = record(3, json!({"rank": 4}), "aa");
        assert!(super::differences(&first, &first).unwrap().is_empty());
        let found = super::differences(&first, &record(4, json!({"rank": 8}), "bb")).unwrap();
        assert_eq!(
            found,
            ["weights of the base", "rounds (3, now 4)", "rank (4, now 8)", "data or sequences"]
        );
        let found = super::differences(&first, &record(3, json!(null), "aa")).unwrap();
        assert_eq!(found, [r#"lora ({"rank":4}, now none)"#]);
        assert!(super::differences("nothing", &first).is_err());
    }
}
