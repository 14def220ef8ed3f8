//! Which tokenizer class `AutoTokenizer` picks for a checkpoint.
//!
//! transformers 5 does not take the class that `tokenizer_config.json` names: for some model types it has another one,
//! and for others it reads `tokenizer.json` as it is. Source: `models/auto/tokenization_auto.py` of 5.24, for an
//! installation without `mistral-common` and without code of the checkpoint.

use super::files::Files;
use super::registered::{Registered, registered, rejects_declared_class};
use crate::Error;

/// How a tokenizer is built from `tokenizer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `TokenizersBackend`: the file as it is.
    AsInFile,
    CodeGen,
    CodeLlama,
    Cohere,
    Gemma,
    Gpt2,
    GptNeoX,
    Llama,
    Qwen2,
    Qwen35,
}

impl Class {
    /// Its name in transformers.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AsInFile => "TokenizersBackend",
            Self::CodeGen => "CodeGenTokenizer",
            Self::CodeLlama => "CodeLlamaTokenizer",
            Self::Cohere => "CohereTokenizer",
            Self::Gemma => "GemmaTokenizer",
            Self::Gpt2 => "GPT2Tokenizer",
            Self::GptNeoX => "GPTNeoXTokenizer",
            Self::Llama => "LlamaTokenizer",
            Self::Qwen2 => "Qwen2Tokenizer",
            Self::Qwen35 => "Qwen3_5Tokenizer",
        }
    }
}

/// The meaning of a class name in transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Here(Class),
    /// A class of transformers whose pipeline lobass does not build; loading it is an error.
    Elsewhere,
}

/// The class, and the name of a class that only the checkpoint's own code has.
pub(super) struct Choice {
    pub(super) class: Class,
    pub(super) foreign_code: Option<String>,
}

/// Decides as `AutoTokenizer.from_pretrained` does.
///
/// # Errors
/// [`Error::Tokenizer`] for a class whose pipeline lobass does not build.
pub(super) fn choose(files: &Files) -> Result<Choice, Error> {
    let model_type = files.of_model("model_type").unwrap_or_default();
    let entry = registered(model_type);
    let rejected = rejects_declared_class(model_type)
        || files.of_model("model_name").is_some_and(rejects_declared_class);
    let in_tokenizer_config = files.setting("tokenizer_class");
    let declared = in_tokenizer_config.or(files.of_model("tokenizer_class"));
    let has_code = has_code(files);
    if let (Some(name), false) = (declared, has_code) {
        let is_llama = stem(name) == "LlamaTokenizer";
        if is_llama && entry != Some(Registered::Mistral) && !rejected && files.is_byte_level()? {
            return Ok(Choice::of(Class::AsInFile));
        }
        match entry {
            Some(Registered::AsInFile | Registered::Mistral) if stem(name) != "MistralCommonBackend" => {
                return Ok(Choice::of(Class::AsInFile));
            }
            Some(Registered::Class(own)) if own != stem(name) => {
                return by_name(if rejected { own } else { name }, has_code, files);
            }
            _ => {}
        }
    }
    match (declared, entry) {
        (Some(name), _) => by_name(name, has_code, files),
        (None, Some(Registered::Class(own))) => by_name(own, has_code, files),
        (None, _) => Ok(Choice::of(Class::AsInFile)),
    }
}

impl Choice {
    fn of(class: Class) -> Self {
        Self { class, foreign_code: None }
    }
}

/// Whether the checkpoint brings Python code for its tokenizer.
fn has_code(files: &Files) -> bool {
    match files.config.get("auto_map") {
        Some(serde_json::Value::Object(map)) => map.contains_key("AutoTokenizer"),
        Some(serde_json::Value::Array(_)) => true,
        _ => false,
    }
}

fn by_name(name: &str, has_code: bool, files: &Files) -> Result<Choice, Error> {
    match known(stem(name)) {
        Some(Known::Here(class)) => Ok(Choice::of(class)),
        Some(Known::Elsewhere) => Err(files.fault(format!(
            "expected a tokenizer class that lobass knows, found `{name}`, for which transformers replaces steps of \
             tokenizer.json; load it with transformers, write `tokenizer.backend_tokenizer.save(\"tokenizer.json\")`, \
             and set `tokenizer_class` to `PreTrainedTokenizerFast`"
        ))),
        // transformers reads the file where it knows no such class.
        None => Ok(Choice { class: Class::AsInFile, foreign_code: has_code.then(|| name.to_owned()) }),
    }
}

/// Before version 5 a class that reads `tokenizer.json` had a name that ends in `Fast`.
pub(super) fn stem(name: &str) -> &str {
    name.strip_suffix("Fast").unwrap_or(name)
}

fn known(stem: &str) -> Option<Known> {
    const BUILT: [Class; 10] = [
        Class::AsInFile,
        Class::CodeGen,
        Class::CodeLlama,
        Class::Cohere,
        Class::Gemma,
        Class::Gpt2,
        Class::GptNeoX,
        Class::Llama,
        Class::Qwen2,
        Class::Qwen35,
    ];
    if let Some(class) = BUILT.into_iter().find(|class| class.name() == stem) {
        return Some(Known::Here(class));
    }
    match stem {
        "PreTrainedTokenizer" | "PythonBackend" | "BloomTokenizer" | "ParakeetTokenizer" => {
            Some(Known::Here(Class::AsInFile))
        }
        _ => ELSEWHERE.contains(&stem).then_some(Known::Elsewhere),
    }
}

/// Other classes of transformers that build their own pipeline, or do not read `tokenizer.json` at all.
#[rustfmt::skip]
const ELSEWHERE: [&str; 78] = [
    "AlbertTokenizer", "BarthezTokenizer", "BartphoTokenizer", "BertGenerationTokenizer", "BertJapaneseTokenizer",
    "BertTokenizer", "BertweetTokenizer", "BigBirdTokenizer", "BioGptTokenizer", "BlenderbotSmallTokenizer",
    "BlenderbotTokenizer", "ByT5Tokenizer", "CLIPTokenizer", "CTRLTokenizer", "CamembertTokenizer",
    "CanineTokenizer", "ClvpTokenizer", "ConvBertTokenizer", "CpmAntTokenizer", "CpmTokenizer",
    "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer", "DPRReaderTokenizer", "DebertaTokenizer",
    "DebertaV2Tokenizer", "DiaTokenizer", "DistilBertTokenizer", "EsmTokenizer", "EsmcTokenizer", "FNetTokenizer",
    "FSMTTokenizer", "FastSpeech2ConformerTokenizer", "FlaubertTokenizer", "FunnelTokenizer",
    "GPTNeoXJapaneseTokenizer", "GPTSw3Tokenizer", "HerbertTokenizer", "LasrTokenizer", "LayoutLMv2Tokenizer",
    "LayoutLMv3Tokenizer", "LayoutXLMTokenizer", "LukeTokenizer", "M2M100Tokenizer", "MBart50Tokenizer",
    "MBartTokenizer", "MLukeTokenizer", "MPNetTokenizer", "MarianTokenizer", "MarkupLMTokenizer",
    "MgpstrTokenizer", "MistralCommonBackend", "MistralCommonTokenizer", "MyT5Tokenizer", "NllbTokenizer",
    "NougatTokenizer", "OpenAIGPTTokenizer", "PegasusTokenizer", "PerceiverTokenizer", "PhobertTokenizer",
    "Pop2PianoTokenizer", "ProphetNetTokenizer", "ReformerTokenizer", "RemBertTokenizer", "RoCBertTokenizer",
    "RobertaTokenizer", "SeamlessM4TTokenizer", "Siglip2Tokenizer", "SiglipTokenizer", "Speech2TextTokenizer",
    "SpeechT5Tokenizer", "SplinterTokenizer", "T5Tokenizer", "UdopTokenizer", "WhisperTokenizer",
    "XGLMTokenizer", "XLMRobertaTokenizer", "XLMTokenizer", "XLNetTokenizer",
];
