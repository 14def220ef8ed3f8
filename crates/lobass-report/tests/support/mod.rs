//! Pools, and a reader of pages that accepts nothing but what every reader understands.

use lobass_core::{ExampleKey, RowStatus, ScoreRecord};

/// Rows of three sources whose losses go with nothing in particular.
pub(crate) fn pool(n_rows: u64) -> Vec<ScoreRecord> {
    let record = |row: u64| {
        let hash = row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
        let n_scored = u32::try_from(hash % 190 + 1).expect("at most 190");
        let (base, reference) = ((hash % 997) as f64 / 200.0 + 0.01, (hash % 787) as f64 / 200.0);
        let sum = |mean: f64| mean * f64::from(n_scored);
        ScoreRecord {
            key: ExampleKey::new(format!("k{row}")),
            status: if hash % 50 == 49 { RowStatus::Truncated } else { RowStatus::Ok },
            source: format!("s{}", hash % 3),
            n_tokens: n_scored + 12,
            ..ScoreRecord::scored(row, n_scored, sum(base), sum(reference))
        }
    };
    (0..n_rows).map(record).collect()
}

const VOID: [&str; 4] = ["meta", "input", "br", "link"];

/// Reads a page strictly. Every element is closed in its place, and every attribute is quoted. Ids are unique, and
/// references to ids exist. Scripts and styles end where they should.
pub(crate) fn check(page: &str) {
    let mut open: Vec<String> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    let mut wanted = Vec::new();
    let mut rest = page.strip_prefix("<!doctype html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a stray > in {:?}", &rest[..at.min(200)]);
        let end = rest[at..].find('>').expect("an end of the tag") + at;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "open: {open:?}");
            continue;
        }
        let (tag, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let name = tag.split([' ', '\n']).next().unwrap_or_default().to_owned();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        for (key, value) in attributes(&tag[name.len()..]) {
            match key.as_str() {
                "id" => assert!(ids.insert(value.clone()), "id {value} twice"),
                "for" | "aria-labelledby" => wanted.extend(value.split(' ').map(str::to_owned)),
                key => assert!(!key.starts_with("on"), "{key}"),
            }
        }
        if name == "script" || name == "style" {
            let end = rest.find(&format!("</{name}")).expect("its end");
            if tag.contains("application/json") {
                serde_json::from_str::<serde_json::Value>(&rest[..end]).expect("JSON");
            }
            rest = &rest[end..];
        }
        if !closed && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(wanted.iter().all(|id| ids.contains(id)), "{wanted:?}");
    assert!(page.chars().all(|c| c == '\n' || c == '\t' || !c.is_control()));
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        assert!(key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{key:?} in {text:?}");
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix('=') {
            let inside = quoted.strip_prefix('"').expect("quotes");
            let end = inside.find('"').expect("the other quote");
            inside[..end].clone_into(&mut value);
            rest = &inside[end + 1..];
            assert!(rest.is_empty() || rest.starts_with([' ', '\n']), "{rest:?}");
        }
        found.push((key, value));
        rest = rest.trim_start();
    }
    found
}

/// The text of a page without tags, with one space between words.
pub(crate) fn text_of(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let inline = ["<b>", "</b>", "<small", "</small"].iter().any(|tag| rest[at..].starts_with(tag));
        text.push_str(if inline { "" } else { " " });
        let end = rest[at..].find('>').expect("an end of the tag") + at;
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    text.split([' ', '\n']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
