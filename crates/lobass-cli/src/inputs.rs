//! Settings to data: pools, encoders, and plans.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::civil::DateTime;
use lobass_core::{Context, Observer as _};
use lobass_data::{
    ChatTemplate, DataFile, EncodeOptions, Encoder, FormatChoice, Pool, RoleWord, TemplateChoice,
    TextTokenizer, find_files, open_files,
};
use lobass_llama::LlamaConfig;
use lobass_run::Plan;

use crate::hub::{Given, find_data};
use crate::settings::{DataSettings, EncodeSettings};
use crate::text::{count, counted};
use crate::ui::Ui;

/// Opens the files of a pool, and says what each was taken for.
pub(crate) fn open_pool(settings: &DataSettings, ui: &Ui) -> anyhow::Result<Pool> {
    if settings.files.is_empty() {
        bail!("no data: name the pool with `--data FILE ..`");
    }
    let choice = match (&settings.format, &settings.columns) {
        (Some(_), Some(_)) => bail!("the data: expected a format or columns, found both"),
        (Some(name), None) => {
            FormatChoice::Named(name.parse().map_err(anyhow::Error::msg).context("the data format")?)
        }
        (None, Some(columns)) => FormatChoice::Columns(columns.parse()?),
        (None, None) => FormatChoice::Auto,
    };
    let words =
        RoleWord::parse_all(&settings.roles).map_err(anyhow::Error::msg).context("the words for roles")?;
    let (home, registry) = (std::env::home_dir(), settings.dataset_info.as_deref());
    let mut files: Vec<DataFile> = Vec::new();
    for given in find_data(&settings.files, ui)? {
        match given {
            Given::Here(given) => {
                let opened = open_files(&given, home.as_deref(), registry, &choice)?;
                if !opened.left_out.is_empty() {
                    ui.note(&format!("{:16} {given}: without `{}`", "data", opened.left_out.join("`, `")));
                }
                files.extend(opened.files);
            }
            Given::Fetched { source, path, address } => {
                let file = DataFile::open(&path, &source, &choice)?.from_origin(&address);
                files.push(file.in_set(&format!("hub {source}")));
            }
        }
    }
    let files = files.into_iter().map(|file| file.with_roles(&words)).collect();
    let pool = Pool::new(files, settings.duplicates);
    let alike =
        |one: &DataFile, other: &DataFile| (one.source(), one.kind()) == (other.source(), other.kind());
    for files in pool.files().chunk_by(alike) {
        let more = match files.len() {
            1 => String::new(),
            n => format!(" and {} like it", counted(n as u64 - 1, "file")),
        };
        ui.note(&format!("{:16} {}{more}, source `{}`", "data", files[0], files[0].source()));
    }
    Ok(pool)
}

/// The files that are meant by paths, folders, and patterns.
pub(crate) fn paths_of(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let home = std::env::home_dir();
    let mut paths = Vec::new();
    for given in given {
        paths.extend(
            find_files(&given.to_string_lossy(), home.as_deref())?.into_iter().flat_map(|one| one.files),
        );
    }
    Ok(paths)
}

/// Everything that decides what a model sees of a pool.
pub(crate) struct Sequences {
    pub(crate) pool: Pool,
    pub(crate) encoder: Encoder,
    /// The time the template was told.
    now: DateTime,
}

impl Sequences {
    /// Puts a pool and a checkpoint's tokenizer together. `told` is the time that templates were told before, if an
    /// earlier attempt or the reference knows.
    pub(crate) fn open(
        data: &DataSettings,
        encode: &EncodeSettings,
        checkpoint: &Path,
        config: &LlamaConfig,
        told: Option<String>,
        ui: &Ui,
    ) -> anyhow::Result<Self> {
        Self::of(open_pool(data, ui)?, encode, checkpoint, config, told, ui)
    }

    /// The same, of a pool that is open.
    pub(crate) fn of(
        pool: Pool,
        encode: &EncodeSettings,
        checkpoint: &Path,
        config: &LlamaConfig,
        told: Option<String>,
        ui: &Ui,
    ) -> anyhow::Result<Self> {
        let positions = Some(config.max_position_embeddings);
        let (encoder, now) = open_encoder(&pool, encode, checkpoint, positions, told, ui)?;
        if let Some((n_tokens, first)) = encoder.tokenizer().beyond(config.vocab_size) {
            ui.warn(&format!(
                "the model has embeddings for {} tokens, and its tokenizer has {} more, from `{}` (id {}) on; rows \
                 with them cannot be scored",
                count(config.vocab_size as u64),
                count(n_tokens as u64),
                first.text,
                first.id
            ));
        }
        Ok(Self { pool, encoder, now })
    }

    /// What comes before a response that is shown without its prompt: the token that sequences begin with, or, of a
    /// tokenizer without one, that which ends them.
    pub(crate) fn unconditional(&self) -> anyhow::Result<Context> {
        let tokenizer = self.encoder.tokenizer();
        let start = tokenizer.bos().or(tokenizer.eos()).context(
            "losses without the prompt: expected a token that sequences begin or end with, found none in the tokenizer",
        )?;
        Ok(Context::Unconditional { start: start.id })
    }

    /// Reads the pool once and plans it.
    pub(crate) fn plan(&self) -> anyhow::Result<Plan> {
        self.plan_of(&self.pool)
    }

    /// Plans another pool that is encoded as this one is.
    pub(crate) fn plan_of(&self, pool: &Pool) -> anyhow::Result<Plan> {
        Ok(Plan::make(pool, &self.encoder, Some(self.now.to_string()))?)
    }
}

/// A checkpoint's tokenizer and chat template, and the time that the template sees. `positions` is the longest
/// sequence that the model was made for; without it and without a maximal length, sequences may have any length.
pub(crate) fn open_encoder(
    pool: &Pool,
    encode: &EncodeSettings,
    checkpoint: &Path,
    positions: Option<usize>,
    told: Option<String>,
    ui: &Ui,
) -> anyhow::Result<(Encoder, DateTime)> {
    let choice: TemplateChoice =
        encode.chat_template.parse().map_err(anyhow::Error::msg).context("the chat template")?;
    let now = match told {
        Some(told) => told.parse().context("the time that the chat template was told before")?,
        None => jiff::Zoned::now().datetime(),
    };
    let template =
        ChatTemplate::load(&choice, checkpoint, pool, now)?.with_arguments(&encode.template_arguments)?;
    let tokenizer = TextTokenizer::open(checkpoint, encode.bos)?;
    if encode.max_length == Some(0) {
        bail!("the maximal length: expected at least 1, found 0");
    }
    if let Some(positions) =
        positions.filter(|&positions| encode.max_length.is_some_and(|length| length > positions))
    {
        ui.warn(&format!(
            "longer sequences than the {} tokens that the model was made for are scored too",
            count(positions as u64)
        ));
    }
    let longest = encode.max_length.or(positions);
    let options = EncodeOptions {
        mask: encode.mask,
        max_length: longest.unwrap_or(usize::MAX),
        overlong: encode.overlong,
    };
    ui.note(&format!(
        "{:16} {}; mask {}; {}",
        "template",
        template.name(),
        options.mask,
        match longest {
            Some(length) =>
                format!("at most {} tokens, longer rows: {}", count(length as u64), options.overlong),
            None => "of any length".to_owned(),
        }
    ));
    for note in tokenizer.notes() {
        ui.note(&format!("{:16} {note}", "tokenizer"));
    }
    if tokenizer.eos().is_none() {
        ui.warn("the tokenizer names no end-of-sequence token, so templates that end turns with it do not");
    }
    Ok((Encoder::new(tokenizer, template, options)?, now))
}
