//! Questions in the rows of benchmark files.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::Question;

/// The columns of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// `question`, and `option` with an object of letters: the JSON of arXiv 2409.01790.
    Paper,
    /// `question`, and `choices` with a list, or with an object of lists `text` and `label`, as in ARC.
    Mmlu,
    /// The CSV files that MMLU was published as, without column names: question, four options, and a letter.
    MmluCsv,
    /// `question` or `Question`, and a column for each letter, as in CMMLU and C-Eval.
    Letters,
    /// `ctx` and `endings`.
    HellaSwag,
    /// Columns by name.
    Columns {
        /// The column of the question.
        question: String,
        /// The columns of the options, or one column with a list.
        options: Vec<String>,
    },
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError(String);

const NAMES: [(&str, Format); 5] = [
    ("paper", Format::Paper),
    ("mmlu", Format::Mmlu),
    ("mmlu-csv", Format::MmluCsv),
    ("letters", Format::Letters),
    ("hellaswag", Format::HellaSwag),
];

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.map(|(name, _)| name).join(", ");
        write!(f, "expected {names}, or question=COLUMN,options=A+B+C, found `{}`", self.0)
    }
}

impl std::error::Error for FormatError {}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        if let Some((_, format)) = NAMES.into_iter().find(|(name, _)| *name == text) {
            return Ok(format);
        }
        let wrong = || FormatError(text.to_owned());
        let mut parts = text.split(',').map(|part| part.split_once('='));
        let (Some(Some(("question", question))), Some(Some(("options", options))), None) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let options: Vec<String> = options.split('+').map(str::to_owned).collect();
        if question.is_empty() || options.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self::Columns { question: question.to_owned(), options })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns { question, options } => {
                write!(f, "question={question},options={}", options.join("+"))
            }
            known => {
                let name = NAMES.into_iter().find(|(_, format)| format == known).map(|(name, _)| name);
                f.write_str(name.unwrap_or_default())
            }
        }
    }
}

impl Format {
    /// The format that these columns have; `None` if it is no known one.
    pub fn detect(fields: &Map<String, Value>) -> Option<Self> {
        let has = |name: &str| fields.contains_key(name);
        let formats = [
            (has("question") && has("option"), Self::Paper),
            (has("question") && has("choices"), Self::Mmlu),
            (has("ctx") && has("endings"), Self::HellaSwag),
            ((has("question") || has("Question")) && has("A") && has("B"), Self::Letters),
        ];
        formats.into_iter().find_map(|(is, format)| is.then_some(format))
    }

    /// The names of the columns, in their order, if files have no line of them.
    pub fn columns(&self) -> Option<&'static [&'static str]> {
        matches!(self, Self::MmluCsv).then_some(&["question", "A", "B", "C", "D", "answer"])
    }

    /// Reads a question.
    ///
    /// # Errors
    /// Which column was expected, and what was found.
    pub fn read(&self, fields: &Map<String, Value>) -> Result<Question, String> {
        let (text, options) = match self {
            Self::Paper => (text(fields, "question")?, lettered(fields, "option")?),
            Self::Mmlu => (text(fields, "question")?, listed(fields, "choices")?),
            Self::HellaSwag => (text(fields, "ctx")?, listed(fields, "endings")?),
            Self::Letters | Self::MmluCsv => {
                let question = if fields.contains_key("Question") { "Question" } else { "question" };
                let letters = ('A'..='Z').map(String::from).take_while(|letter| fields.contains_key(letter));
                let options = letters.map(|letter| text(fields, &letter)).collect::<Result<_, _>>()?;
                (text(fields, question)?, options)
            }
            Self::Columns { question, options } => {
                let options = match &options[..] {
                    [list] => listed(fields, list)?,
                    all => all.iter().map(|name| text(fields, name)).collect::<Result<_, _>>()?,
                };
                (text(fields, question)?, options)
            }
        };
        let subject = ["subject", "category"].iter().find_map(|name| fields.get(*name)?.as_str());
        Ok(Question { text, options, subject: subject.map(str::to_owned) })
    }
}

fn found(value: Option<&Value>) -> &'static str {
    match value {
        None => "no such column",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "a boolean",
        Some(Value::Number(_)) => "a number",
        Some(Value::String(_)) => "text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    }
}

/// Text, or a number as text: options are often numbers.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
    let value = fields.get(name);
    let text = value.and_then(as_text);
    text.ok_or_else(|| format!("column `{name}`: expected text, found {}", found(value)))
}

/// A list of texts, or the list `text` of an object.
fn listed(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let value = fields.get(name);
    let list = value.and_then(|value| value.as_array().or_else(|| value.get("text")?.as_array()));
    let list =
        list.ok_or_else(|| format!("column `{name}`: expected a list of texts, found {}", found(value)))?;
    let option = |(number, option): (usize, &Value)| {
        as_text(option).ok_or_else(|| {
            format!(
                "column `{name}`, option {number} of {}: expected text, found {}; write the text of the option, or leave \
                 the question out",
                list.len(),
                found(Some(option))
            )
        })
    };
    (1..).zip(list).map(option).collect()
}

/// The values of `A`, `B`, and so on, of an object.
fn lettered(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let value = fields.get(name);
    let object = value.and_then(Value::as_object);
    let object =
        object.ok_or_else(|| format!("column `{name}`: expected an object, found {}", found(value)))?;
    let letters = ('A'..='Z').map(String::from).take_while(|letter| object.contains_key(letter));
    let options: Vec<String> = letters.map(|letter| text(object, &letter)).collect::<Result<_, _>>()?;
    if options.len() < object.len() {
        return Err(format!("column `{name}`: expected the letters from A on, found other keys"));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn assert_reads(row: &Value, format: &str) {
        let fields = row.as_object().unwrap();
        let detected = Format::detect(fields).unwrap();
        assert_eq!(detected.to_string(), format);
        let question = detected.read(fields).unwrap();
        assert_eq!(
            (question.text.as_str(), &question.options[..]),
            ("1 + 1", &["1", "2", "3"].map(str::to_owned)[..])
        );
    }

    #[test]
    fn public_formats_are_known_by_their_columns() {
        assert_reads(&json!({"question": "1 + 1", "option": {"A": "1", "B": 2, "C": "3"}}), "paper");
        assert_reads(&json!({"question": "1 + 1", "choices": ["1", "2", "3"], "answer": 1}), "mmlu");
        assert_reads(
            &json!({"question": "1 + 1", "choices": {"text": ["1", "2", "3"], "label": ["A", "B", "C"]}}),
            "mmlu",
        );
        assert_reads(&json!({"Question": "1 + 1", "A": "1", "B": "2", "C": "3", "Answer": "B"}), "letters");
        assert_reads(&json!({"ctx": "1 + 1", "endings": ["1", "2", "3"], "label": 1}), "hellaswag");
        assert_eq!(Format::detect(json!({"text": "x"}).as_object().unwrap()), None);
    }

    #[test]
    fn columns_have_names() {
        let format: Format = "question=q,options=x+y+z".parse().unwrap();
        let row = json!({"q": "1 + 1", "x": "1", "y": "2", "z": 3, "subject": "sums"});
        let question = format.read(row.as_object().unwrap()).unwrap();
        assert_eq!((question.options.len(), question.subject.as_deref()), (3, Some("sums")));
        let list: Format = "question=q,options=all".parse().unwrap();
        assert_eq!(
            list.read(json!({"q": "?", "all": ["1", "2"]}).as_object().unwrap()).unwrap().options.len(),
            2
        );
        for text in ["question=q,options=x+y", "paper", "mmlu", "mmlu-csv", "letters", "hellaswag"] {
            assert_eq!(text.parse::<Format>().unwrap().to_string(), text);
        }
        for wrong in
            ["", "csv", "question=q", "options=x,question=q", "question=,options=x", "question=q,options=x+"]
        {
            assert!(wrong.parse::<Format>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_there_is_said() {
        let read = |format: &str, row: Value| {
            format.parse::<Format>().unwrap().read(row.as_object().unwrap()).unwrap_err()
        };
        let error = read("mmlu", json!({"question": "?", "choices": "1"}));
        assert_eq!(error, "column `choices`: expected a list of texts, found text");
        let error = read("mmlu", json!({"question": "?", "choices": ["1", null, "3"]}));
        assert!(error.starts_with("column `choices`, option 2 of 3: expected text, found null"), "{error}");
        let error = read("mmlu", json!({"question": "?", "choices": null}));
        assert_eq!(error, "column `choices`: expected a list of texts, found null");
        let error = read("question=q,options=x+y", json!({"q": "?", "x": "1"}));
        assert_eq!(error, "column `y`: expected text, found no such column");
        let error = read("paper", json!({"question": "?", "option": {"A": "1", "C": "2"}}));
        assert!(error.contains("letters from A on"), "{error}");
    }
}
