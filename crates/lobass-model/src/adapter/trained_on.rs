//! Whether an adapter was trained on a rounded base, as far as its files say so.
//!
//! `adapter_config.json` does not say it. Its name of the base may, and the model card beside it: PEFT writes the
//! quantization of the base there, and axolotl its whole config.
//!
//! Source: `create_or_update_model_card` of PEFT 0.21; the model card of axolotl's trainer.

use std::path::Path;

use lobass_core::Rounding;

use crate::{Checkpoint, Finding};

/// Parts of names of quantized checkpoints.
const QUANTIZED: [&str; 9] = ["4bit", "8bit", "nf4", "int4", "int8", "fp8", "gptq", "awq", "mxfp4"];
/// The model card.
const CARD: &str = "README.md";
/// What PEFT writes before the settings of the quantization.
const OF_PEFT: &str = "quantization config was used during training:";
/// What axolotl writes before its config.
const OF_AXOLOTL: &str = "See axolotl config";

/// What is known of the weights that an adapter was trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainedOn {
    /// Weights in few bits.
    Rounded {
        /// Their format, as far as it is known.
        format: String,
        /// What says so, and where.
        evidence: String,
    },
    /// Weights as they are stored.
    AsStored {
        /// What says so, and where.
        evidence: String,
    },
    /// No file says it.
    Unknown,
}

impl TrainedOn {
    /// Reads what the files of an adapter say, given its name of the base.
    pub(super) fn of(dir: &Path, named: Option<&str>) -> Self {
        let of_name = named.and_then(of_base);
        let card = || fs_err::read_to_string(dir.join(CARD)).ok();
        of_name.or_else(|| of_card(&card()?)).unwrap_or(Self::Unknown)
    }

    /// What disagrees with the base that the adapter is put on.
    pub(super) fn finding(&self, base: &Checkpoint) -> Option<Finding> {
        let found = base.rounding().map(|rounding| rounding.name().to_owned()).or(base.stored_format());
        match (self, found) {
            (Self::Rounded { format, evidence }, None) => {
                Some(Finding::TrainedOnRounded { format: format.clone(), evidence: evidence.clone() })
            }
            (Self::Rounded { format, evidence }, Some(found)) if differ(format, &found) => {
                let (format, evidence) = (format.clone(), evidence.clone());
                Some(Finding::TrainedOnOtherFormat { format, evidence, found })
            }
            (Self::AsStored { evidence }, Some(found)) => {
                Some(Finding::TrainedOnStored { evidence: evidence.clone(), found })
            }
            _ => None,
        }
    }
}

/// Whether a name is that of a checkpoint in few bits.
pub(super) fn is_quantized(name: &str) -> bool {
    mark(name).is_some()
}

fn mark(name: &str) -> Option<&'static str> {
    QUANTIZED.into_iter().find(|mark| name.contains(mark))
}

/// Whether two formats are known to be different ones.
fn differ(trained: &str, found: &str) -> bool {
    let is_known = |format: &str| Rounding::ALL.iter().any(|rounding| rounding.name() == format);
    let kind = |format: &str| format.to_lowercase().split('-').next().unwrap_or_default().to_owned();
    match is_known(trained) && is_known(found) {
        true => trained != found,
        // Names such as `4bit` say less.
        false => ["nf4", "fp4", "int8"].contains(&kind(trained).as_str()) && kind(trained) != kind(found),
    }
}

/// What the name of the base says, or its files, if it is a directory of this machine.
fn of_base(named: &str) -> Option<TrainedOn> {
    let there = Path::new(named);
    let stored = || Checkpoint::open(there).ok()?.stored_format();
    let evidence = format!("adapter_config.json: `base_model_name_or_path` is `{named}`");
    if there.is_absolute() && there.is_dir() {
        return stored().map(|format| TrainedOn::Rounded { format, evidence });
    }
    let name = named.rsplit(['/', '\\']).next().unwrap_or(named).to_lowercase();
    mark(&name).map(|mark| TrainedOn::Rounded { format: mark.to_owned(), evidence })
}

/// What a model card says.
fn of_card(card: &str) -> Option<TrainedOn> {
    let after = |mark: &str| card.split_once(mark).map(|(_, rest)| rest);
    after(OF_PEFT).and_then(of_peft).or_else(|| after(OF_AXOLOTL).and_then(of_axolotl))
}

/// A list of settings, `- load_in_4bit: True`.
fn of_peft(list: &str) -> Option<TrainedOn> {
    let lines = list.lines().map(str::trim).skip_while(|line| line.is_empty());
    let settings: Vec<(&str, &str)> =
        lines.map_while(|line| line.strip_prefix("- ")?.split_once(": ")).collect();
    let of = |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let is = |name: &str| of(name) == Some("True");
    let format = if is("load_in_4bit") || is("_load_in_4bit") {
        match (of("bnb_4bit_quant_type"), is("bnb_4bit_use_double_quant")) {
            (Some("nf4"), true) => Rounding::Nf4.name(),
            (Some("nf4"), false) => Rounding::Nf4Single.name(),
            (kind, _) => kind.unwrap_or("fp4"),
        }
    } else if is("load_in_8bit") || is("_load_in_8bit") {
        "int8"
    } else {
        of("quant_method").filter(|method| !method.to_lowercase().contains("bits"))?
    };
    let evidence = format!("{CARD}: its quantization config");
    Some(TrainedOn::Rounded { format: format.to_owned(), evidence })
}

/// A YAML file in a block of code.
fn of_axolotl(card: &str) -> Option<TrainedOn> {
    let config = card.split("```").nth(1)?;
    let of = |name: &str| {
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned());
        config.lines().find_map(value)
    };
    let is = |name: &str| of(name).as_deref() == Some("true");
    let format = match (is("load_in_4bit"), is("load_in_8bit")) {
        (true, _) => "nf4",
        (_, true) => "int8",
        _ => {
            let evidence = format!("{CARD}: axolotl's config has neither `load_in_4bit` nor `load_in_8bit`");
            return (of("adapter").as_deref() == Some("lora")).then_some(TrainedOn::AsStored { evidence });
        }
    };
    let field = if format == "nf4" { "load_in_4bit" } else { "load_in_8bit" };
    // Scales are in 8 bits unless `bnb_config_kwargs` says otherwise, which is a kind of NF4 all the same.
    Some(TrainedOn::Rounded {
        format: format.to_owned(),
        evidence: format!("{CARD}: axolotl's config has `{field}: true`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(trained: Option<TrainedOn>) -> String {
        match trained {
            Some(TrainedOn::Rounded { format, .. }) => format,
            Some(TrainedOn::AsStored { .. }) => "as stored".to_owned(),
            _ => "unknown".to_owned(),
        }
    }

    #[test]
    fn cards_of_peft() {
        let card = |settings: &str| {
            format!(
                "# Card\n## Training procedure\n\nThe following `bitsandbytes` {OF_PEFT}\n{settings}\n\n### More\n- other: 1\n"
            )
        };
        let format = |settings: &str| format_of(of_card(&card(settings)));
        let four = "- quant_method: bitsandbytes\n- _load_in_4bit: True\n- load_in_8bit: False\n- load_in_4bit: True\n\
            - bnb_4bit_quant_type: ";
        assert_eq!(format(&format!("{four}nf4\n- bnb_4bit_use_double_quant: True")), "nf4");
        assert_eq!(format(&format!("{four}nf4\n- bnb_4bit_use_double_quant: False")), "nf4-single");
        assert_eq!(format(&format!("{four}fp4")), "fp4");
        assert_eq!(format("- load_in_8bit: True\n- load_in_4bit: False"), "int8");
        assert_eq!(format("- quant_method: gptq"), "gptq");
        assert_eq!(format_of(of_card("# Card\n\n### Framework versions\n\n- PEFT 0.21.2\n")), "unknown");
    }

    #[test]
    fn cards_of_axolotl() {
        let format = |config: &str| {
            let head = format!("<details><summary>{OF_AXOLOTL}</summary>\n\naxolotl version: `0.9`\n");
            format_of(of_card(&format!("{head}```yaml\n{config}\n```\n</details>")))
        };
        assert_eq!(format("base_model: a\nload_in_8bit: false\nload_in_4bit: true\nadapter: qlora"), "nf4");
        assert_eq!(format("load_in_8bit: true\nadapter: lora"), "int8");
        assert_eq!(format("load_in_8bit: false\nload_in_4bit: false\nadapter: lora"), "as stored");
        assert_eq!(format("base_model: a"), "unknown");
    }

    #[test]
    fn names_of_bases() {
        assert_eq!(format_of(of_base("unsloth/Llama-3.2-1B-bnb-4bit")), "4bit");
        assert_eq!(format_of(of_base("org/name")), "unknown");
    }

    #[test]
    fn formats_that_are_known_to_differ() {
        for (trained, found, expected) in [
            ("nf4", "nf4", false),
            ("nf4", "nf4-single", true),
            ("nf4-single", "NF4", false),
            ("int8", "nf4", true),
            ("int8", "int8", false),
            ("4bit", "nf4", false),
            ("fp4", "NF4", true),
        ] {
            assert_eq!(differ(trained, found), expected, "{trained} and {found}");
        }
    }
}
