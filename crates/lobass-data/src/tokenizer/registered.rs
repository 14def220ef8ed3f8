//! Which tokenizer class transformers 5.24 has on record for a model type, for models that generate text.

/// An entry of `TOKENIZER_MAPPING_NAMES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registered {
    /// `TokenizersBackend`: `tokenizer.json` as it is, whatever class its config names.
    AsInFile,
    /// `MistralCommonBackend`, which is `TokenizersBackend` without `mistral-common`.
    Mistral,
    /// A class with a separate pipeline.
    Class(&'static str),
}

/// The entry of a model type; `None` for types like `llama` that have none.
#[rustfmt::skip]
pub(super) fn registered(model_type: &str) -> Option<Registered> {
    Some(match model_type {
        "arctic" | "aria" | "beam" | "bigbird_pegasus" | "camembertv2-base" | "chatlm" | "cohere_asr" | "ernie4_5"
        | "ernie4_5_moe" | "flex_olmo" | "fuyu" | "glm" | "glm4" | "glm4_moe" | "glm4_moe_lite" | "glm4v"
        | "glm4v_moe" | "got_ocr2" | "gpt_bigcode" | "granite" | "granitemoe" | "granitemoehybrid"
        | "granitemoeshared" | "h2ovl_chat" | "hyperclovax" | "hyperclovax_vlm" | "internlm2" | "internlm3"
        | "iquestcoder" | "jamba" | "kimi_k25" | "kimi_linear" | "kosmos-2" | "llava" | "llava_next"
        | "mimo_v2_flash" | "minicpm3" | "minicpm_ocr" | "minicpmv" | "minicpmv4_6" | "minicpmv4_7" | "minimax_m2"
        | "modernbert" | "modernbert-decoder" | "molmo" | "molmo2" | "nemotron" | "nvfp4" | "olmo2" | "olmo3"
        | "olmo_hybrid" | "opencua" | "openvla" | "paddleocr_vl" | "persimmon" | "phi3" | "phi3_v" | "phimoe"
        | "pix2struct" | "smolvlm" | "stablelm" | "step3_vl" | "vipllava" | "xlm-roberta-xl" => Registered::AsInFile,
        "ministral" | "ministral3" | "mistral" | "mistral3" | "mistral_large4" | "mixtral" | "pixtral" | "voxtral"
        | "voxtral_realtime" => Registered::Mistral,
        "aya_vision" | "cohere" | "cohere2" => Registered::Class("CohereTokenizer"),
        "blip-2" | "codegen" | "dbrx" | "emu3" | "gpt-sw3" | "gpt2" | "gpt_neo" | "gptj" | "hyperclovax_vision_v2"
        | "instructblip" | "instructblipvideo" | "jais2" | "opt" | "phi" | "starcoder2" => {
            Registered::Class("GPT2Tokenizer")
        }
        "code_llama" => Registered::Class("CodeLlamaTokenizer"),
        "cosmos3_omni" | "dots3_note" | "hunyuan_vl" | "internvl" | "lighton_ocr" | "moss_transcribe_diarize" | "ovis2"
        | "qianfan_ocr" | "qwen2" | "qwen2_5_omni" | "qwen2_5_vl" | "qwen2_audio" | "qwen2_moe" | "qwen2_vl" | "qwen3"
        | "qwen3_moe" | "qwen3_next" | "qwen3_omni_moe" | "qwen3_vl" | "qwen3_vl_moe" => {
            Registered::Class("Qwen2Tokenizer")
        }
        "diffusion_gemma" | "gemma" | "gemma2" | "gemma3" | "gemma3_text" | "gemma3n" | "gemma3n_text"
        | "recurrent_gemma" | "shieldgemma2" | "t5gemma" | "zaya" => Registered::Class("GemmaTokenizer"),
        "falcon_mamba" | "gpt_neox" | "mamba" | "mamba2" | "mpt" | "olmo" | "olmoe" | "rwkv" | "xlstm" => {
            Registered::Class("GPTNeoXTokenizer")
        }
        "idefics" | "idefics2" => Registered::Class("LlamaTokenizer"),
        "qwen3_5" | "qwen3_5_moe" | "qwen3_5_moe_text" | "qwen3_5_text" | "qwen4_exp" => {
            Registered::Class("Qwen3_5Tokenizer")
        }
        _ => return None,
    })
}

/// Model types, and names of models, whose checkpoints are known to declare a wrong class.
#[rustfmt::skip]
pub(super) fn rejects_declared_class(model: &str) -> bool {
    matches!(
        model,
        "arctic" | "camembertv2-base" | "chatlm" | "cohere_asr" | "ernie4_5" | "ernie4_5_moe" | "fuyu" | "h2ovl_chat"
            | "hyperclovax" | "hyperclovax_vision_v2" | "hyperclovax_vlm" | "internlm2" | "internlm3" | "iquestcoder"
            | "jamba" | "llava" | "llava_next" | "minicpm3" | "minicpmv" | "minimax_m2" | "modernbert"
            | "modernbert-decoder" | "molmo" | "molmo2" | "nemotron" | "nvfp4" | "opencua" | "openvla"
            | "paddleocr_vl" | "phi3" | "phi3_v" | "phimoe" | "qwen2" | "qwen3_5" | "qwen3_5_moe"
            | "qwen3_5_moe_text" | "qwen4_exp" | "siglip2" | "smolvlm" | "step3_vl" | "vipllava"
    )
}
