//! Rows of an evaluation that the pool holds.

use lobass_data::{Example, Pool, Role};
use lobass_text::{Overlap, Said, Twin};

use super::Check;
use crate::row::{Row, beginning};
use crate::{CheckName, Error, Finding, Options, RowAt, Shown, SourceReport};

/// Looks for the rows of an evaluation in those of a pool.
///
/// Memory: that of [`Overlap`], and the beginning of each row of the evaluation.
pub(super) struct EvalOverlap {
    overlap: Overlap,
    rows: Vec<EvalRow>,
    sources: Vec<EvalSource>,
    n_shown: usize,
}

/// A row of the evaluation.
struct EvalRow {
    source: usize,
    at: RowAt,
    is_found: bool,
}

#[derive(Default)]
struct EvalSource {
    name: String,
    n_rows: u64,
    n_found: u64,
    examples: Vec<Shown>,
}

impl EvalOverlap {
    /// Reads an evaluation. Its rows need no response.
    pub(super) fn new(evaluation: &Pool, options: &Options) -> Result<Self, Error> {
        let (mut rows, mut examples, mut sources) = (Vec::new(), Vec::new(), Vec::<EvalSource>::new());
        let mut next_row = 0;
        for file in evaluation.files() {
            let known = sources.iter().position(|source| source.name == file.source());
            let source = known.unwrap_or(sources.len());
            if known.is_none() {
                sources.push(EvalSource { name: file.source().to_owned(), ..EvalSource::default() });
            }
            for raw in file.rows()? {
                let (row, fields) = (next_row, raw?.fields);
                next_row += 1;
                sources[source].n_rows += 1;
                // What cannot be read has no text to look for.
                let Ok(example) = fields.and_then(|fields| file.layout().example(&fields)) else { continue };
                let text = Some(beginning(&example));
                let at = RowAt { source: file.source().to_owned(), row, key: example.id.clone(), text };
                rows.push(EvalRow { source, at, is_found: false });
                examples.push(example);
            }
        }
        let said: Vec<Said<'_>> = examples.iter().map(said).collect();
        let overlap = Overlap::new(&said, &options.overlap)?;
        Ok(Self { overlap, rows, sources, n_shown: options.n_shown })
    }
}

impl Check for EvalOverlap {
    type Seen = Vec<(usize, Twin)>;

    fn look(&self, row: &Row<'_>) -> Vec<(usize, Twin)> {
        row.example().map(|example| self.overlap.find(&said(example))).unwrap_or_default()
    }

    fn take(&mut self, row: &Row<'_>, sources: &[SourceReport], seen: Vec<(usize, Twin)>) {
        for (held, twin) in seen {
            let held = &mut self.rows[held];
            if std::mem::replace(&mut held.is_found, true) {
                continue;
            }
            let source = &mut self.sources[held.source];
            source.n_found += 1;
            if source.examples.len() < self.n_shown {
                let other = RowAt {
                    source: sources[row.source].source.clone(),
                    row: row.row.row,
                    key: Some(row.row.key.to_string()),
                    text: row.beginning(),
                };
                source.examples.push(Shown { at: held.at.clone(), detail: detail(twin), other: Some(other) });
            }
        }
    }

    fn findings(self: Box<Self>, _: &mut [SourceReport]) -> Vec<Finding> {
        let finding = |source: EvalSource| Finding {
            check: CheckName::EvalOverlap,
            source: source.name,
            what: "a row of the data that holds them".to_owned(),
            n_rows: source.n_found,
            n_of: source.n_rows,
            advice: CheckName::EvalOverlap.info().advice.to_owned(),
            examples: source.examples,
        };
        self.sources.into_iter().filter(|source| source.n_found > 0).map(finding).collect()
    }
}

/// A conversation without system messages, which many rows share.
fn said(example: &Example) -> Said<'_> {
    let mut said = Said::default();
    for turn in example.messages.iter().filter(|turn| !turn.role.is_instruction()) {
        let side = if turn.role == Role::Assistant { &mut said.responses } else { &mut said.prompt };
        side.push(turn.content.as_str());
    }
    said
}

fn detail(twin: Twin) -> String {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    match twin {
        Twin::SamePrompt => "the same prompt".to_owned(),
        Twin::Near { similarity } => format!("a near duplicate, similarity {similarity:.2}"),
        Twin::Prompt { share } => format!("{} of the runs of 13 words of its prompt", percent(share)),
        Twin::Response { share } => format!("{} of the runs of 13 words of its response", percent(share)),
    }
}
