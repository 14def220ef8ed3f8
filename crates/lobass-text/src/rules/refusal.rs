//! Responses that refuse, speak of themselves, or ask for an input.

use std::sync::LazyLock;

use super::passage::Place;
use super::phrase::{Phrases, joined};
use super::{Turn, quoted};

/// Words of a prompt that allow a refusal as an answer.
const ASKS_FOR_ONE: &str = "decline declining refuse refusing refusal reject rejecting rejection apology apologize \
    apologizing apologise apologetic dialogue dialog roleplay roleplaying pretend character conversation monologue \
    script letter email";

static REFUSALS: LazyLock<Phrases> = LazyLock::new(|| {
    let sorry = joined(
        &[
            "I'm sorry but",
            "I am sorry but",
            "sorry but",
            "I apologize but",
            "I'm sorry",
            "I am sorry",
            "I apologize",
            "unfortunately",
            "I'm afraid",
            "I am afraid",
        ],
        &[
            "I can't",
            "I cannot",
            "I can not",
            "I'm unable",
            "I am unable",
            "I'm not able",
            "I am not able",
            "I won't",
            "I will not",
            "I don't have access",
            "I do not have access",
            "I couldn't",
        ],
    );
    let cannot = joined(
        &[
            "I can't",
            "I cannot",
            "I can not",
            "I'm unable to",
            "I am unable to",
            "I'm not able to",
            "I am not able to",
            "I won't be able to",
            "I will not",
        ],
        &[
            "help",
            "assist",
            "provide",
            "fulfill",
            "comply",
            "answer that",
            "answer this",
            "answer your",
            "create",
            "generate",
            "complete this",
            "complete that",
            "fulfil",
            "access",
            "browse",
            "process your",
            "perform",
            "do that",
            "do this",
            "engage in",
            "support or",
            "recommend or",
            "promote",
        ],
    );
    let others = [
        "I must decline",
        "I have to decline",
        "I must refuse",
        "no output because",
        "it is not possible for me to",
        "this request is not possible",
        "this instruction cannot be completed",
        "this task cannot be completed",
        "lo siento pero no puedo",
        "lo siento no puedo",
        "no puedo ayudarte con",
        "no puedo ayudar con",
        "no puedo proporcionar",
        "je suis désolé mais je ne peux pas",
        "désolé mais je ne peux pas",
        "désolée mais je ne peux pas",
        "je ne peux pas vous aider",
        "es tut mir leid aber ich kann",
        "tut mir leid aber ich kann",
        "ich kann dir dabei nicht helfen",
        "ich kann ihnen dabei nicht helfen",
        "mi dispiace ma non posso",
        "mi spiace ma non posso",
        "desculpe mas não posso",
        "sinto muito mas não posso",
        "lamento mas não posso",
        "het spijt me maar ik kan",
        "sorry maar ik kan",
        "извините но я не могу",
        "простите но я не могу",
        "к сожалению я не могу",
        "抱歉我无法",
        "很抱歉我无法",
        "抱歉我不能",
        "很抱歉我不能",
        "对不起我无法",
        "对不起我不能",
        "對不起我無法",
        "抱歉我無法",
        "很抱歉我無法",
        "申し訳ありませんがお答えできません",
        "申し訳ありませんがお手伝いできません",
        "申し訳ありませんがそのリクエスト",
        "죄송하지만 도와드릴 수 없습니다",
        "죄송하지만 답변할 수 없습니다",
    ];
    let all = sorry.iter().chain(&cannot).map(String::as_str);
    Phrases::new(all.chain(others))
});

/// Whether one of the first sentences refuses.
pub(super) fn refusal(turn: &Turn<'_>, within: f64) -> Option<String> {
    let (from, to) = REFUSALS.find(turn.response, Place::Sentence, whole(within))?;
    if turn.asked.mentions(ASKS_FOR_ONE) {
        return None;
    }
    let phrase = quoted(turn.response.span(from, to));
    Some(match from {
        0 => format!("the response begins with {phrase}"),
        _ => format!("a sentence of the first {within} words begins with {phrase}"),
    })
}

/// Words of a prompt whose subject is an AI.
const ASKS_ABOUT_IT: &str =
    "ai ais chatbot chatbots bot robot robots assistant gpt chatgpt llm alexa siri ki ia yourself";

static ASKED_ABOUT: LazyLock<Phrases> = LazyLock::new(|| {
    let who =
        ["made", "built", "created", "trained", "developed", "programmed", "taught", "named", "designed"];
    let made: Vec<String> = who.iter().map(|verb| format!("{verb} you")).collect();
    let others = [
        "are you",
        "you are",
        "about you",
        "do you call",
        "your name",
        "language model",
        "language models",
        "artificial intelligence",
        "tu es",
        "es-tu",
        "êtes-vous",
        "eres",
        "bist du",
        "sind sie",
        "ты",
        "你是",
        "人工智能",
        "人工知能",
        "인공지능",
    ];
    Phrases::new(made.iter().map(String::as_str).chain(others))
});

static SELF_REFERENCES: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "as an AI language model",
        "as an AI model",
        "as an AI assistant",
        "as an AI chatbot",
        "as an AI I",
        "as an AI developed",
        "as an AI trained",
        "as an artificial intelligence I",
        "as an artificial intelligence language model",
        "as a language model",
        "as a large language model",
        "as a machine learning model I",
        "as a text-based AI",
        "I am an AI language model",
        "I'm an AI language model",
        "I am a language model",
        "I'm a language model",
        "I'm just an AI",
        "I am just an AI",
        "I am only an AI",
        "I'm only an AI",
        "I'm an AI assistant",
        "I am an AI assistant",
        "I'm an AI and",
        "I am an AI and",
        "I don't have personal opinions",
        "I do not have personal opinions",
        "I don't have personal experiences",
        "I do not have personal experiences",
        "I don't have personal beliefs",
        "I do not have personal beliefs",
        "as of my knowledge cutoff",
        "as of my last knowledge update",
        "as of my last training",
        "my training data",
        "my knowledge cutoff",
        "my knowledge cut-off",
        "en tant que modèle de langage",
        "en tant qu'IA je",
        "en tant qu'intelligence artificielle je",
        "como modelo de lenguaje",
        "como un modelo de lenguaje",
        "como inteligencia artificial no",
        "als KI-Sprachmodell",
        "als Sprachmodell",
        "als künstliche Intelligenz habe ich",
        "als KI habe ich",
        "als KI kann ich",
        "come modello linguistico",
        "in quanto modello linguistico",
        "come modello di linguaggio",
        "como modelo de linguagem",
        "como um modelo de linguagem",
        "как языковая модель",
        "как искусственный интеллект я",
        "作为一个人工智能",
        "作为人工智能",
        "作为一个AI",
        "作为AI",
        "作为一名AI",
        "作为一个语言模型",
        "作为语言模型",
        "作為一個人工智慧",
        "作為AI",
        "AI言語モデルとして",
        "AI 언어 모델로서",
    ])
});

/// Whether the response speaks of itself as an AI, unasked.
pub(super) fn self_reference(turn: &Turn<'_>) -> Option<String> {
    let (from, to) = SELF_REFERENCES.find(turn.response, Place::Clause, usize::MAX)?;
    let is_asked = ASKED_ABOUT.find(turn.prompt, Place::Anywhere, usize::MAX).is_some();
    if is_asked || turn.asked.mentions(ASKS_ABOUT_IT) {
        return None;
    }
    let phrase = quoted(turn.response.span(from, to));
    let what = if turn.response.begins(from, Place::Sentence) { "sentence" } else { "clause" };
    Some(format!("a {what} begins with {phrase}, and the prompt does not mention an AI"))
}

/// Words of a prompt that allow an answer which asks for something.
const ASKS_FOR_A_QUESTION: &str = "question questions respond response reply customer dialogue conversation email letter \
    message polite politely ask asks asking request requests rewrite rephrase paraphrase form survey translate grammar edit";

static MISSING: LazyLock<Phrases> = LazyLock::new(|| {
    let nouns = [
        "text",
        "sentence",
        "sentences",
        "article",
        "passage",
        "paragraph",
        "input",
        "code",
        "image",
        "picture",
        "document",
        "data",
        "list",
        "context",
        "content",
        "story",
        "poem",
        "number",
        "numbers",
        "word",
        "words",
        "equation",
    ];
    let asks = joined(
        &[
            "please provide the",
            "please provide a",
            "please provide an",
            "please provide me with the",
            "please provide me with a",
            "please provide your",
            "could you please provide the",
            "can you please provide the",
            "could you provide the",
            "please share the",
            "please paste the",
            "please enter the",
            "I need the",
            "I would need the",
            "I'd need the",
            "you have not provided the",
            "you haven't provided the",
            "you did not provide the",
            "you have not provided a",
            "you haven't provided a",
            "you didn't provide a",
            "there is no",
            "I don't see the",
            "I don't see any",
            "I do not see any",
        ],
        &nouns,
    );
    let missing = joined(
        &[
            "no input",
            "no text",
            "no article",
            "no passage",
            "no image",
            "no data",
            "no context",
            "no sentence",
        ],
        &[
            "provided",
            "given",
            "was provided",
            "was given",
            "is provided",
            "is given",
            "has been provided",
            "is available",
            "available",
            "found",
        ],
    );
    let others = [
        "noinput",
        "the input is missing",
        "the input is empty",
        "your input is missing",
        "I'm sorry the input is missing",
        "I'm sorry but the input is missing",
        "please provide more context",
        "please provide more information",
        "please provide additional information",
        "I need more information",
        "I need more context",
        "I would need more information",
        "could you please clarify",
        "can you please clarify",
        "more context is needed",
        "more information is needed",
        "por favor proporciona el texto",
        "por favor proporcione el texto",
        "bitte geben Sie den Text",
        "veuillez fournir le texte",
        "请提供",
        "請提供",
        "没有提供",
    ];
    Phrases::new(asks.iter().chain(&missing).map(String::as_str).chain(others))
});

/// Whether a short response asks for what the prompt does not hold.
pub(super) fn missing_input(turn: &Turn<'_>, short: f64) -> Option<String> {
    if turn.response.n_words() > whole(short) {
        return None;
    }
    let (from, to) = MISSING.find(turn.response, Place::Sentence, usize::MAX)?;
    if turn.asked.mentions(ASKS_FOR_A_QUESTION) {
        return None;
    }
    let (n, phrase) = (turn.response.n_words(), quoted(turn.response.span(from, to)));
    Some(format!("a sentence of a response of {n} words begins with {phrase}"))
}

/// A threshold that is a number of words.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "thresholds are from 0 to 1e9")]
pub(super) fn whole(number: f64) -> usize {
    number as usize
}
