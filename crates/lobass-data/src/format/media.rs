//! Images, audio, video, and files, which lobass does not read.

use lobass_core::RowStatus;
use serde_json::{Map, Value};

use super::names::{texts_that_count, words};
use crate::RowFault;

/// Words in the names of columns of rows, and of fields of turns, that hold media.
const MEDIA: &str =
    "audio audios frames image images img imgs photo photos picture pictures pixel video videos wav wavs";

/// Words that may stand beside them: `image_path`, `audio_filepath`, `pixel_values`. A `caption` or a `size` of an image
/// do not count.
const CARRIERS: &str = "base bytes data file filename filepath filepaths files input list name names path paths raw uri url urls values";

/// Fields of turns with files that belong to the turn. A column of a row with such a name is metadata.
const FILES: [&str; 5] = ["file", "files", "file_ids", "attachment", "attachments"];

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
    let has = |known: &str, word: &str| known.split(' ').any(|known| known == word);
    words(name).any(|word| has(MEDIA, &word))
        && words(name).all(|word| has(MEDIA, &word) || has(CARRIERS, &word))
}

/// Refuses fields that hold media: those with the usual names, unless a layout reads them as something else, and those
/// that someone named.
pub(super) fn refuse(fields: &Map<String, Value>, read: &[&str], named: &[String]) -> Result<(), RowFault> {
    let is_usual = |name: &str| is_media(name) && !read.contains(&name);
    let mut media = fields.iter().filter(|(name, _)| is_usual(name) || named.contains(name));
    match media.find(|(_, value)| is_there(value)) {
        None => Ok(()),
        Some((name, _)) => Err(fault(&format!("field `{name}`"))),
    }
}

/// Refuses fields of a turn that hold files by their names only. Where the text of a file stands there too, it is text
/// that a template may show.
pub(super) fn refuse_files(turn: &Map<String, Value>, read: &[&str]) -> Result<(), RowFault> {
    let is_file = |name: &str| FILES.contains(&name) && !read.contains(&name);
    let mut files = turn.iter().filter(|(name, value)| is_file(name) && is_there(value));
    match files.find(|(name, value)| texts_that_count(name, value).is_empty()) {
        None => Ok(()),
        Some((name, _)) => Err(RowFault {
            status: RowStatus::Media,
            reason: format!("field `{name}`: expected text, found a file; lobass reads text only"),
        }),
    }
}

/// The fault of a content part that is media.
pub(super) fn part(content: &str, part: &Map<String, Value>) -> Option<RowFault> {
    let kind = match part.get("type").and_then(Value::as_str) {
        Some(kind) => PARTS.contains(&kind).then_some(kind)?,
        None => part.iter().find(|(name, value)| is_media(name) && is_there(value))?.0,
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
        // CSV has lists as text.
        Value::String(text) => !matches!(text.trim(), "" | "[]" | "{}" | "null" | "None"),
        Value::Array(values) => values.iter().any(|value| value.is_number() || is_there(value)),
        Value::Object(fields) => fields.values().any(is_there),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_of_a_turn_are_refused_unless_their_text_is_there() {
        let refused = |turn: Value, read: &[&str]| {
            refuse_files(turn.as_object().unwrap(), read).err().map(|fault| (fault.status, fault.reason))
        };
        for turn in [
            json!({"files": ["a.pdf"]}),
            json!({"file": {"file_id": "file-1"}}),
            json!({"file_ids": ["file-1"]}),
            json!({"attachments": [{"name": "a.pdf", "size": 17}]}),
        ] {
            let (status, reason) = refused(turn.clone(), &[]).unwrap();
            assert_eq!(status, RowStatus::Media);
            assert!(reason.contains(turn.as_object().unwrap().keys().next().unwrap().as_str()), "{reason}");
        }
        for turn in [
            json!({"files": []}),
            json!({"files": null}),
            json!({"attachments": [{"name": "a.txt", "content": "All dogs are red."}]}),
            json!({"filename": "a.pdf"}),
        ] {
            assert_eq!(refused(turn.clone(), &[]), None, "{turn}");
        }
        assert_eq!(refused(json!({"file": "what it says"}), &["file"]), None, "the content of a turn");
    }

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
            json!({"image1": "1.jpg"}),
            json!({"Images": ["1.jpg"]}),
            json!({"image_base64": "iVBORw0KGgo"}),
            json!({"audio_filepath": "a.wav"}),
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
            json!({"images": "[]"}),
            json!({"image_caption": "a dog"}),
            json!({"video_title": "A dog"}),
            json!({"image_id": "17"}),
        ] {
            assert_eq!(refused(row.clone(), &[]), None, "{row}");
        }
        assert_eq!(refused(json!({"image": "a caption"}), &["image"]), None, "a column that someone named");
    }
}
