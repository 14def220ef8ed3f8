//! The rows of a work directory as training examples and held-out examples.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use lobass_core::readable::{count, counted};
use lobass_core::{Context, Detail, LossEngine as _, Observer, Sequence, Silent};
use lobass_data::DataFile;
use lobass_loss::Engine;
use lobass_model::Decoder;
use lobass_run::WorkDir;
use lobass_train::{Dpo, Objective, Pair, hold_out};

use super::part::Part;
use super::request::TrainRequest;
use super::sources::SourceNames;
use crate::error::{Result, bail};
use crate::model::Room;
use crate::runtime::Runtime;
use crate::sequences as inputs;
use crate::settings::DataSettings;

/// One row, and its other response if it is a pair.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) row: u64,
    /// Its source, by its place among the names.
    pub(super) source: u32,
    pub(super) chosen: Sequence,
    pub(super) rejected: Option<Sequence>,
}

/// Training examples and held-out examples.
pub(super) struct Examples {
    pub(super) train: Vec<Row>,
    pub(super) held_out: Vec<Row>,
    /// Rows of the pool among the held-out rows.
    pub(super) held_out_rows: BTreeSet<u64>,
    /// The digests of the files of held-out rows, as they were read.
    pub(super) eval_files: Vec<String>,
    /// The names of the sources of all rows.
    pub(super) sources: SourceNames,
}

impl Examples {
    pub(super) fn of(request: &TrainRequest<'_>, work: &WorkDir, runtime: &Runtime) -> Result<Self> {
        let (train, mut held_out) = of_pool(request, work, runtime)?;
        let held_out_rows = held_out.iter().map(|row| row.row).collect();
        let mut sources = SourceNames::of(work.plan());
        let (further, eval_files) = of_files(request, &mut sources, runtime)?;
        held_out.extend(further);
        warn_of_leaks(&train, &held_out, runtime);
        let [train, held_out] = [train, held_out].map(|rows| in_context(rows, request.context));
        Ok(Self { train, held_out, held_out_rows, eval_files, sources })
    }
}

/// Checks that a training takes at least one step, and that its rows fit into a limit on memory.
///
/// # Errors
/// If there are too few rows for the recipe, or if the limit is too small.
pub(crate) fn check_rows(request: &TrainRequest<'_>, work: &WorkDir) -> Result<()> {
    let (train, _) = of_pool(request, work, &Silent)?;
    let train = in_context(train, request.context);
    request.room(longest(&train))?;
    Ok(request.recipe.check_steps(request.recipe.n_steps(train.len()))?)
}

/// Rows with another text before their responses. It comes after rows are assigned to parts, which whole sequences decide.
fn in_context(rows: Vec<Row>, context: Context) -> Vec<Row> {
    let in_context = |row: Row| Row {
        chosen: context.of(row.chosen),
        rejected: row.rejected.map(|rejected| context.of(rejected)),
        ..row
    };
    rows.into_iter().map(in_context).collect()
}

/// Tokens of the longest example.
pub(super) fn longest(rows: &[Row]) -> usize {
    let n_tokens = |row: &Row| {
        let rejected = row.rejected.as_ref().map_or(0, Sequence::n_tokens);
        row.chosen.n_tokens() + rejected
    };
    rows.iter().map(n_tokens).max().unwrap_or_default()
}

/// The rows of the pool that are trained on, and those that are held out.
fn of_pool(
    request: &TrainRequest<'_>,
    work: &WorkDir,
    observer: &dyn Observer,
) -> Result<(Vec<Row>, Vec<Row>)> {
    let rows = rows(request, work, observer)?;
    let asked = request.eval.rows;
    if asked > 0 && asked >= rows.len() {
        let found = counted(rows.len() as u64, "row");
        bail!(Training, "cannot hold {asked} rows out: the pool has {found} that can be scored");
    }
    let (mut train, held_out) = hold_out(rows, asked, request.eval_seed);
    let n_rows = train.len();
    train.retain(|row| request.part.has(&row.chosen));
    if let Part::AllBut { fold, n_folds, .. } = request.part
        && train.len() == n_rows
    {
        observer.warn(&format!(
            "fold {fold} of {n_folds} has no row, so its reference scores none; use fewer folds"
        ));
    }
    if train.is_empty() && request.part != Part::All {
        bail!(Training, "no row of the pool is left for training; use fewer folds or another share");
    }
    Ok((train, held_out))
}

/// Every row that can be trained on; for preference objectives, the pairs alone.
fn rows(request: &TrainRequest<'_>, work: &WorkDir, observer: &dyn Observer) -> Result<Vec<Row>> {
    let mut rejected: BTreeMap<u64, Sequence> =
        work.pairs()?.into_iter().map(|(row, _, rejected)| (row, rejected)).collect();
    let sources = SourceNames::of(work.plan());
    let row =
        |(row, chosen)| Row { row, source: sources.of_row(row), chosen, rejected: rejected.remove(&row) };
    let mut rows: Vec<Row> = work.sequences()?.into_iter().map(row).collect();
    if rows.is_empty() {
        let counts: Vec<String> =
            work.unscored()?.iter().map(|(status, n)| format!("{} {status}", count(*n))).collect();
        bail!(
            Training,
            "no row of the pool can be trained on: {}; `lobass inspect --row 0` shows why",
            if counts.is_empty() { "it has none".to_owned() } else { counts.join(", ") }
        );
    }
    if request.dpo.is_some() {
        let n_rows = rows.len();
        rows.retain(|row| row.rejected.is_some());
        match n_rows - rows.len() {
            0 => {}
            _ if rows.is_empty() => bail!(
                Training,
                "the objective needs pairs of a chosen and a rejected response, and the pool has none that can be \
                 scored"
            ),
            n => observer.warn(&format!(
                "{} with one response only, which the objective leaves out",
                counted(n as u64, "row")
            )),
        }
    }
    Ok(rows)
}

/// Warns of held-out rows that are also trained on.
fn warn_of_leaks(train: &[Row], held_out: &[Row], runtime: &Runtime) {
    let seen: HashSet<&[u32]> = train.iter().map(|row| row.chosen.input_ids()).collect();
    let n_leaks = held_out.iter().filter(|row| seen.contains(row.chosen.input_ids())).count();
    if n_leaks > 0 {
        runtime.warn(&format!(
            "{n_leaks} of the {} held-out rows are also among the training rows, so the held-out loss is too low; \
             `--duplicates drop` leaves repeated rows out",
            held_out.len()
        ));
    }
}

/// Further held-out rows, from other files, and the digests of these.
fn of_files(
    request: &TrainRequest<'_>,
    sources: &mut SourceNames,
    runtime: &Runtime,
) -> Result<(Vec<Row>, Vec<String>)> {
    let files: Vec<String> = request.eval.files.iter().map(|path| path.display().to_string()).collect();
    if files.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let pool = inputs::open_further(&DataSettings { files, ..request.data.clone() }, runtime)?;
    let mut rows = Vec::new();
    let mut n_rows = 0;
    for row in pool.rows() {
        n_rows += 1;
        let row = row?;
        if let Ok(example) = &row.example {
            let encoded = request.sequences.encoder.encode(example);
            let usable = encoded.sequence.filter(|_| request.dpo.is_none() || encoded.rejected.is_some());
            let source = sources.place(pool.files()[row.file].source());
            rows.extend(usable.map(|chosen| Row {
                row: row.row,
                source,
                chosen,
                rejected: encoded.rejected,
            }));
        }
    }
    if rows.is_empty() {
        let what = if request.dpo.is_some() { "pair" } else { "row" };
        bail!(Training, "the held-out files have no {what} that can be scored");
    }
    if rows.len() < n_rows {
        let unusable = counted((n_rows - rows.len()) as u64, "row");
        runtime.warn(&format!(
            "{unusable} of the held-out files cannot be scored and are left out of the held-out loss"
        ));
    }
    let digests = pool.files().iter().map(DataFile::fingerprint).collect::<Result<_, _>>()?;
    Ok((rows, digests))
}

/// Rows with the numbers that the objective needs.
pub(super) enum Prepared {
    Sft(Vec<Sequence>),
    Preference(Vec<Pair>, Dpo),
}

impl Prepared {
    /// For preferences, computes the losses of all responses under the anchor, or under the model that training starts from.
    pub(super) fn new(
        rows: Vec<Row>,
        request: &TrainRequest<'_>,
        start: &Decoder,
        room: Room,
    ) -> Result<Self> {
        let Some(dpo) = request.dpo else {
            return Ok(Self::Sft(rows.into_iter().map(|row| row.chosen).collect()));
        };
        let sides = rows.into_iter().filter_map(|row| Some([row.chosen, row.rejected?]));
        let sides: Vec<Sequence> = sides.flatten().collect();
        let losses = match request.anchor {
            None => engine(start, room, request.threads).losses(&sides, Detail::Sum)?,
            Some(anchor) => Engine::new(anchor.load()?, request.threads).losses(&sides, Detail::Sum)?,
        };
        let mut losses = losses.into_iter().map(|loss| loss.nll.sum);
        let mut sides = sides.into_iter();
        let mut pairs = Vec::new();
        while let (Some(chosen), Some(rejected)) = (sides.next(), sides.next())
            && let (Some(reference_chosen), Some(reference_rejected)) = (losses.next(), losses.next())
        {
            pairs.push(Pair { chosen, rejected, reference_chosen, reference_rejected });
        }
        Ok(Self::Preference(pairs, dpo))
    }

    pub(super) fn objective(&self) -> Objective<'_> {
        match self {
            Self::Sft(sequences) => Objective::Sft(sequences),
            Self::Preference(pairs, dpo) => Objective::Preference(pairs, *dpo),
        }
    }
}

/// An engine for a model that is going to be trained. Layers from disk are read for as many rows as fit.
fn engine(model: &Decoder, room: Room, threads: usize) -> Engine {
    let engine = || Engine::new(model.clone(), threads);
    match room {
        Room::Layers { batch_bytes } => engine().within(batch_bytes).unwrap_or_else(engine),
        Room::Whole { .. } => engine(),
    }
}
