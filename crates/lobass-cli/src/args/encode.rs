//! How rows become sequences.

use clap::Args;
use lobass::settings::EncodeSettings;
use lobass_data::{Bos, Mask, Overlong, TemplateChoice, Transform, template_argument};
use serde_json::Value;

use super::words;

/// How rows become sequences.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sequences")]
pub(crate) struct EncodeArgs {
    /// auto, alpaca, vicuna, chatml, llama2, llama3, tulu, plain, named:NAME, a Jinja file, or a directory
    /// [default: auto]
    ///
    /// auto is the checkpoint's own template, or that of its reference or adapter if it has none; without either,
    /// plain for data with prompts and completions only, and alpaca for everything else. If a checkpoint has several
    /// templates, rows with tools get `tool_use`, and named:NAME takes one for all rows. A directory is a checkpoint
    /// whose template is used.
    #[arg(long, value_name = "TEMPLATE", value_parser = check_template)]
    chat_template: Option<String>,
    /// An argument of the chat template for all rows, such as `enable_thinking=false`; can be given several times
    ///
    /// The value is read as JSON, or else as plain text. Arguments of a row take precedence.
    #[arg(long, value_name = "NAME=VALUE", value_parser = template_argument)]
    template_arg: Vec<(String, Value)>,
    /// Which tokens are scored: the responses with their end-of-turn tokens, their text alone, tokens that the chat
    /// template marks as generated (as TRL does), or all [default: response]
    #[arg(long, value_name = "MASK", value_parser = words::<Mask>(&["response", "text", "generation", "all"]))]
    mask: Option<Mask>,
    /// The longest sequence, in tokens [default: the maximum of the model]
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// What to do with longer rows [default: drop]
    #[arg(long, value_name = "POLICY", value_parser = words::<Overlong>(&["drop", "truncate", "error"]))]
    overlong: Option<Overlong>,
    /// Whether sequences begin with the tokenizer's BOS token: auto (as transformers 5 decides), yes, or no
    /// [default: auto]
    #[arg(long, value_name = "WHETHER", value_parser = words::<Bos>(&["auto", "yes", "no"]))]
    bos: Option<Bos>,
    /// Change every prompt first, to measure what prompts tell: shuffle-words (or shuffle-words=SEED), drop-system,
    /// drop-history, or drop-input
    ///
    /// shuffle-words puts the words of each turn in another order. drop-history leaves the last question, drop-input the
    /// instruction of rows with an instruction and an input. Responses stay; with drop-history only the last one.
    #[arg(long, value_name = "TRANSFORM")]
    transform: Option<Transform>,
}

fn check_template(text: &str) -> Result<String, String> {
    text.parse::<TemplateChoice>().map(|_| text.to_owned())
}

impl EncodeArgs {
    pub(crate) fn apply(&self, settings: &mut EncodeSettings) {
        if let Some(template) = &self.chat_template {
            settings.chat_template.clone_from(template);
        }
        settings.template_arguments.extend(self.template_arg.iter().cloned());
        settings.mask = self.mask.unwrap_or(settings.mask);
        settings.max_length = self.max_length.or(settings.max_length);
        settings.overlong = self.overlong.unwrap_or(settings.overlong);
        settings.transform = self.transform.or(settings.transform);
        settings.bos = self.bos.unwrap_or(settings.bos);
    }
}
