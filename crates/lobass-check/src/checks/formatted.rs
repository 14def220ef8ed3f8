//! Turns that are formatted with a chat template already.

use crate::row::Row;
use crate::tally::Found;

/// Templates, each with groups of markers: all markers of a group in one turn are a sign of the template.
const TEMPLATES: [(&str, &[&[&str]]); 14] = [
    ("ChatML", &[&["<|im_start|>"], &["<|im_end|>"]]),
    ("Llama 2 or Mistral", &[&["[INST]", "[/INST]"], &["<<SYS>>"]]),
    ("Llama 3", &[&["<|start_header_id|>"], &["<|eot_id|>"], &["<|begin_of_text|>"]]),
    ("Llama 4", &[&["<|header_start|>"]]),
    ("Gemma", &[&["<start_of_turn>"], &["<end_of_turn>"]]),
    ("Zephyr, Tülu, or Phi", &[&["<|user|>"], &["<|assistant|>"]]),
    ("Cohere", &[&["<|START_OF_TURN_TOKEN|>"], &["<|END_OF_TURN_TOKEN|>"]]),
    ("DeepSeek", &[&["<｜User｜>"], &["<｜Assistant｜>"]]),
    ("Harmony", &[&["<|start|>", "<|message|>"]]),
    ("Granite", &[&["<|start_of_role|>"]]),
    ("Alpaca", &[&["### Instruction:", "### Response:"], &["Below is an instruction that describes a task"]]),
    ("Vicuna", &[&["USER: ", "ASSISTANT:"], &["### Human:", "### Assistant:"]]),
    ("HH-RLHF", &[&["Human: ", "\n\nAssistant:"]]),
    ("GPT-2", &[&["<|endoftext|>"]]),
];

/// The markers of the templates that are special tokens: one word in brackets.
pub(super) fn is_marker(token: &str) -> bool {
    TEMPLATES.iter().flat_map(|(_, groups)| groups.iter()).any(|group| group.contains(&token))
}

/// The first template whose markers a turn holds.
pub(super) fn find(row: &Row<'_>) -> Vec<Found> {
    let of_turn = |text: &str| {
        TEMPLATES.iter().find_map(|(name, groups)| {
            let group = groups.iter().find(|group| group.iter().all(|marker| text.contains(marker)))?;
            Some((*name, *group))
        })
    };
    let Some((turn, (name, markers))) = row.turns().find_map(|turn| Some((turn, of_turn(&turn.content)?)))
    else {
        return Vec::new();
    };
    let markers: Vec<String> = markers.iter().map(|marker| format!("`{}`", marker.trim())).collect();
    vec![Found {
        what: format!("markers of a chat template ({name})"),
        detail: format!("{} turn holds {}", turn.role, markers.join(" and ")),
    }]
}
