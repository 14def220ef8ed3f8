//! Images, audio, and video, which lobass does not read.

use lobass_core::RowStatus;
use serde_json::{Map, Value};

use crate::RowFault;

/// Columns of rows, and fields of turns, that hold media.
const NAMES: [&str; 22] = [
    "image",
    "images",
    "image_url",
    "image_urls",
    "image_path",
    "image_paths",
    "img",
    "picture",
    "pictures",
    "input_image",
    "input_images",
    "input_audio",
    "input_video",
    "pixel_values",
    "video",
    "videos",
    "video_path",
    "video_url",
    "audio",
    "audios",
    "audio_path",
    "audio_url",
];

/// Types of content parts that are media.
const PARTS: [&str; 11] = [
    "image",
    "image_url",
    "input_image",
    "video",
    "video_url",
    "input_video",
    "audio",
    "audio_url",
    "input_audio",
    "file",
    "input_file",
];

/// Whether a column of this name holds media.
pub(crate) fn is_media(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Refuses fields that hold media: those with the usual names, unless a layout reads them as something else, and those
/// that someone named.
pub(super) fn refuse(fields: &Map<String, Value>, read: &[&str], named: &[String]) -> Result<(), RowFault> {
    let usual = NAMES.into_iter().filter(|name| !read.contains(name));
    let mut all = usual.chain(named.iter().map(String::as_str));
    match all.find(|name| fields.get(*name).is_some_and(is_there)) {
        None => Ok(()),
        Some(name) => Err(fault(&format!("field `{name}`"))),
    }
}

/// The fault of a content part that is media.
pub(super) fn part(content: &str, part: &Map<String, Value>) -> Option<RowFault> {
    let kind = match part.get("type").and_then(Value::as_str) {
        Some(kind) => PARTS.contains(&kind).then_some(kind)?,
        None => NAMES.into_iter().find(|name| part.get(*name).is_some_and(is_there))?,
    };
    Some(fault(&format!("field `{content}`, a part of type `{kind}`")))
}

fn fault(place: &str) -> RowFault {
    let reason = format!("{place}: expected text, found an image, audio, or video; lobass reads text only");
    RowFault { status: RowStatus::Media, reason }
}

/// Whether a value holds anything: empty lists, and objects of nulls as Arrow has them, do not.
fn is_there(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(values) => values.iter().any(|value| value.is_number() || is_there(value)),
        Value::Object(fields) => fields.values().any(is_there),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_there_is_refused() {
        let refused = |row: Value, read: &[&str]| {
            refuse(row.as_object().unwrap(), read, &[]).err().map(|fault| (fault.status, fault.reason))
        };
        for row in [
            json!({"images": ["1.jpg"]}),
            json!({"image": {"bytes": "ff", "path": null}}),
            json!({"audios": [{"path": "a.wav"}]}),
            json!({"pixel_values": [[0.5]]}),
        ] {
            let (status, reason) = refused(row.clone(), &[]).unwrap();
            assert_eq!(status, RowStatus::Media);
            assert!(reason.contains(row.as_object().unwrap().keys().next().unwrap().as_str()), "{reason}");
        }
        for row in [
            json!({"images": []}),
            json!({"images": null}),
            json!({"image": {"bytes": null, "path": null}}),
            json!({"images": [null]}),
            json!({"video": ""}),
            json!({"image": false}),
        ] {
            assert_eq!(refused(row.clone(), &[]), None, "{row}");
        }
        assert_eq!(refused(json!({"image": "a caption"}), &["image"]), None, "a column that someone named");
    }
}
