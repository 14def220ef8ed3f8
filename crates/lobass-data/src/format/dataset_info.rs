//! LLaMA-Factory's registry of data sets, read as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ConversationLayout, Layout, NamedColumns, PairLayout, PreferenceLayout};
use crate::{Error, Role};

/// One data set of a `dataset_info.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetEntry {
    /// Its name in the registry.
    pub name: String,
    /// Its file, beside the registry.
    pub path: PathBuf,
    /// How its rows are read.
    pub layout: Layout,
    /// The columns that the registry names.
    pub named: Vec<String>,
}

#[derive(Deserialize)]
struct RawEntry {
    file_name: Option<String>,
    #[serde(default)]
    formatting: Option<String>,
    #[serde(default)]
    ranking: bool,
    #[serde(default)]
    columns: BTreeMap<String, Option<String>>,
    #[serde(default)]
    tags: BTreeMap<String, Option<String>>,
}

/// Reads one entry of a `dataset_info.json`; `None` if it has no entry of that name.
///
/// # Errors
/// [`Error::Io`] or [`Error::Json`] if the registry cannot be read, [`Error::DatasetInfo`] if the entry asks for what
/// is not supported: hub data sets, an unknown `formatting`, a `ranking` without two responses.
pub fn read_dataset_info(registry: &Path, name: &str) -> Result<Option<DatasetEntry>, Error> {
    let text = fs_err::read_to_string(registry)?;
    let mut entries: Map<String, Value> = serde_json::from_str(&text).map_err(|source| Error::Json {
        path: registry.to_owned(),
        expected: "a LLaMA-Factory data set registry",
        source,
    })?;
    let Some(entry) = entries.remove(name) else { return Ok(None) };
    let fail =
        |reason: String| Error::DatasetInfo { path: registry.to_owned(), name: name.to_owned(), reason };
    let entry: RawEntry = serde_json::from_value(entry).map_err(|error| fail(error.to_string()))?;
    let file =
        entry.file_name.clone().ok_or_else(|| fail("expected `file_name`, a local file".to_owned()))?;
    if entry.column("kto_tag").is_some() {
        return Err(fail(
            "`kto_tag`: expected responses to be learned, found responses that are good or bad".to_owned(),
        ));
    }
    let responses = entry.responses().map_err(|reason| fail(reason.to_owned()))?;
    let layout = match (entry.formatting.as_deref().unwrap_or("alpaca"), responses) {
        ("alpaca", None) => Layout::Pair(entry.pair()),
        ("alpaca", Some([chosen, rejected])) => Layout::Preference(PreferenceLayout::Columns {
            chosen: PairLayout { response: chosen, ..entry.pair() },
            rejected,
        }),
        ("sharegpt" | "openai", None) => Layout::Conversation(entry.conversation()),
        ("sharegpt" | "openai", Some([chosen, rejected])) => {
            Layout::Preference(PreferenceLayout::Turns { prompt: entry.conversation(), chosen, rejected })
        }
        (other, _) => {
            return Err(fail(format!("formatting: expected alpaca, sharegpt, or openai, found `{other}`")));
        }
    };
    let path = registry.parent().unwrap_or(Path::new("")).join(file);
    let named = entry.columns.into_values().flatten().collect();
    Ok(Some(DatasetEntry { name: name.to_owned(), path, layout, named }))
}

impl RawEntry {
    fn column(&self, key: &str) -> Option<String> {
        self.columns.get(key).cloned().flatten()
    }

    /// The columns of the chosen and the rejected response; LLaMA-Factory knows no defaults for them.
    fn responses(&self) -> Result<Option<[String; 2]>, &'static str> {
        if !self.ranking {
            return Ok(None);
        }
        match (self.column("chosen"), self.column("rejected")) {
            (Some(chosen), Some(rejected)) => Ok(Some([chosen, rejected])),
            _ => Err("`ranking` needs the columns `chosen` and `rejected`"),
        }
    }

    /// The columns of tools and of media, under the names that the entry gives them.
    fn beside(&self) -> NamedColumns {
        let media = ["images", "videos", "audios"].into_iter().filter_map(|key| self.column(key)).collect();
        NamedColumns { tools: self.column("tools"), media }
    }

    fn pair(&self) -> PairLayout {
        // Defaults as in LLaMA-Factory's `DatasetAttr`: history and system are read only where the entry names them.
        PairLayout {
            prompt: self.column("prompt").unwrap_or_else(|| "instruction".to_owned()),
            query: Some(self.column("query").unwrap_or_else(|| "input".to_owned())),
            response: self.column("response").unwrap_or_else(|| "output".to_owned()),
            system: self.column("system"),
            history: self.column("history"),
            id: "id".to_owned(),
            roles: BTreeMap::new(),
            beside: self.beside(),
        }
    }

    fn conversation(&self) -> ConversationLayout {
        let tag = |key: &str, default: &str| {
            self.tags.get(key).cloned().flatten().unwrap_or_else(|| default.to_owned())
        };
        let messages = self.column("messages").unwrap_or_else(|| "conversations".to_owned());
        ConversationLayout {
            role: tag("role_tag", "from"),
            content: tag("content_tag", "value"),
            roles: BTreeMap::from([
                (tag("user_tag", "human"), Role::User),
                (tag("assistant_tag", "gpt"), Role::Assistant),
                (tag("observation_tag", "observation"), Role::Tool),
                (tag("function_tag", "function_call"), Role::Assistant),
                (tag("system_tag", "system"), Role::System),
            ]),
            calls: vec![tag("function_tag", "function_call")],
            beside: self.beside(),
            system: self.column("system"),
            ..ConversationLayout::messages(&messages)
        }
    }
}
