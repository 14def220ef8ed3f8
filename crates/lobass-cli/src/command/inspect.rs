//! `lobass inspect`.

use std::fmt::Write as _;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, bail};
use lobass::hub::find_model;
use lobass::model::{Model, check_pair, with_template_of};
use lobass::sequences::Sequences;
use lobass::settings::Settings;
use lobass_core::readable::Labelled;
use lobass_core::{Detail, LossEngine as _, Sequence};
use lobass_data::{PoolRow, TextTokenizer, Trace};
use lobass_loss::Engine;
use lobass_run::{Manifest, ScoreFile};
use serde_json::{Value, json};

use crate::args::{InspectArgs, OutputFormat};
use crate::exit::Outcome;
use crate::layout::table;
use crate::style::Styled;
use crate::ui::{Stream, Ui, fitted};

/// The loss of each scored token under one model.
struct TokenLosses {
    role: &'static str,
    losses: Vec<f32>,
}

pub(crate) fn inspect(args: &InspectArgs, ui: &Ui) -> anyhow::Result<Outcome> {
    let mut settings = Settings::default();
    args.data.apply(&mut settings.data);
    args.encode.apply(&mut settings.sequences);
    args.compute.apply(&mut settings.compute);
    let base = Model::open_as("base", &args.base, &settings.compute, ui.runtime())?;
    let config = base.checkpoint.config();
    let scores = args.scores.as_deref().map(ScoreFile::open).transpose()?;
    // A template that asks for the time gets the time of the table, so that both have the same tokens.
    let told = scores.as_ref().and_then(|table| table.manifest().template.now.clone());
    let tuned = args.reference.as_deref().map(|dir| find_model(dir, ui.runtime())).transpose()?;
    let encode = with_template_of(
        &settings.sequences,
        base.dir(),
        tuned.as_ref().map(|found| found.dir.as_path()),
        ui.runtime(),
    )?;
    let sequences = Sequences::open(&settings.data, &encode, base.dir(), config, told, ui.runtime())?;
    let row = find_row(&sequences, args.row)?;
    let encoder = &sequences.encoder;

    let mut facts = Labelled::default();
    facts.line("row", format!("{} of source `{}`", row.row, sequences.pool.files()[row.file].source()));
    facts.line("key", &row.key);
    if let (Some(path), Some(table)) = (&args.scores, &scores) {
        check_table(path, table.manifest(), &sequences, &base, row.file, ui)?;
    }
    let in_table = args.scores.as_deref().zip(scores.as_ref());
    let in_table = in_table.map(|(path, table)| scored_as(path, table, &row)).transpose()?;
    let example = match &row.example {
        Ok(example) => example,
        Err(fault) => {
            facts.line("status", format!("{}: {}", fault.status, fault.reason));
            let json =
                json!({"row": row.row, "key": row.key, "status": fault.status, "reason": fault.reason});
            ui.result(facts, &json)?;
            return Ok(Outcome::Incomplete);
        }
    };
    let encoded = encoder.encode(example);
    let status = match &encoded.reason {
        Some(reason) => format!("{}: {reason}", encoded.status),
        None => encoded.status.to_string(),
    };
    facts.line("status", status);
    let unread = [row.unread.as_slice(), &encoded.unread].concat();
    for unread in &unread {
        facts.line("not read", unread);
    }
    let trace = match encoder.trace(example) {
        Ok(trace) => trace,
        Err(fault) => {
            let json =
                json!({"row": row.row, "key": row.key, "status": fault.status, "reason": fault.reason});
            ui.result(facts, &json)?;
            return Ok(Outcome::Incomplete);
        }
    };
    let n_scored = trace.scored.iter().filter(|&&counts| counts).count();
    facts.line("tokens", format!("{}, {n_scored} of them scored", trace.ids.len()));
    if let Some(rejected) = &encoded.rejected {
        let (n_tokens, n_scored) = (rejected.n_tokens(), rejected.n_scored());
        facts.line(
            "rejected",
            format!("{n_tokens} tokens, {n_scored} of them scored; the chosen side is shown"),
        );
    }
    if let Some(found) = &in_table {
        facts.line("table", found);
    }
    let losses = if args.losses {
        losses(args, &base, &sequences, encoded.sequence.as_ref(), ui)?
    } else {
        Vec::new()
    };
    if ui.format() == OutputFormat::Json {
        ui.result("", &as_json(&row, &encoded, &trace, encoder.tokenizer(), &losses))?;
    } else {
        let mut shown = Styled::default();
        shown.plain(&fitted(&format!("{facts}\n"), Stream::Out));
        mark_text(&mut shown, &trace, encoder.tokenizer());
        shown.plain(&loss_table(&trace, encoder.tokenizer(), &losses));
        ui.styled_result(&shown, &Value::Null)?;
    }
    Ok(Outcome::incomplete_if(!encoded.status.is_scored()))
}

fn find_row(sequences: &Sequences, wanted: u64) -> anyhow::Result<PoolRow> {
    let mut count = 0;
    for row in sequences.pool.rows() {
        let row = row?;
        if row.row == wanted {
            return Ok(row);
        }
        count = row.row + 1;
    }
    bail!("row {wanted}: the pool has {count} rows, counted from 0")
}

/// Refuses a table of other data, and says what else makes its numbers those of other tokens or weights.
fn check_table(
    path: &Path,
    manifest: &Manifest,
    sequences: &Sequences,
    base: &Model,
    file: usize,
    ui: &Ui,
) -> anyhow::Result<()> {
    let inputs = manifest.inputs.iter().map(Some).chain(std::iter::repeat(None));
    for (file, input) in sequences.pool.files().iter().zip(inputs).take(file + 1) {
        let (found, expected) =
            (file.fingerprint()?, input.map_or("no such file", |input| input.sha256.as_str()));
        if found != expected {
            bail!(
                "score table `{}` was made from other data than `{}`: expected SHA-256 {expected}, found {found}",
                path.display(),
                file.path().display()
            );
        }
    }
    let encoder = &sequences.encoder;
    let of_base = manifest.models.iter().find(|record| record.model.role == "base");
    let differences = [
        (manifest.tokenizer != encoder.tokenizer().digest(), "tokenizer"),
        (manifest.template.digest != encoder.template().digest(), "chat template"),
        (manifest.encoding != *encoder.options(), "mask, maximal length, or rule for longer rows"),
        (of_base.is_some_and(|record| record.model.weights_digest != base.key.weights_digest), "base"),
    ];
    for (_, what) in differences.iter().filter(|(differs, _)| *differs) {
        ui.warn(&format!("the score table was made with another {what} than what is shown here"));
    }
    Ok(())
}

/// The entry of a score table for a row.
fn scored_as(path: &Path, table: &ScoreFile, row: &PoolRow) -> anyhow::Result<String> {
    let record = table
        .record(row.row)?
        .with_context(|| format!("score table `{}` has no row {}", path.display(), row.row))?;
    if record.key != row.key {
        bail!(
            "score table `{}`: expected key `{}` in row {}, found `{}`",
            path.display(),
            row.key,
            row.row,
            record.key
        );
    }
    let mut text = record.status.to_string();
    for (role, nll) in [("base", record.base), ("reference", record.reference)] {
        if let Some(mean) = nll.and_then(|nll| nll.mean()) {
            let _ = write!(text, ", {role} {mean:.4} nats per token");
        }
    }
    Ok(text)
}

fn losses(
    args: &InspectArgs,
    base: &Model,
    sequences: &Sequences,
    sequence: Option<&Sequence>,
    ui: &Ui,
) -> anyhow::Result<Vec<TokenLosses>> {
    let Some(sequence) = sequence else { return Ok(Vec::new()) };
    let of = |role: &'static str, model: &Model| -> anyhow::Result<TokenLosses> {
        let engine = Engine::new(model.load()?, 1);
        let mut found = engine.losses(std::slice::from_ref(sequence), Detail::PerToken)?;
        let losses = found.pop().and_then(|loss| loss.per_token).unwrap_or_default();
        Ok(TokenLosses { role, losses })
    };
    let mut all = vec![of("base", base)?];
    if let Some(dir) = &args.reference {
        let reference = base.open_tuned("reference", dir, ui.runtime())?;
        check_pair(base, &reference, sequences.encoder.tokenizer(), ui.runtime())?;
        all.push(of("reference", &reference)?);
    }
    Ok(all)
}

/// Adds the text with every scored run in brackets and in color, and the border token underlined.
fn mark_text(shown: &mut Styled, trace: &Trace, tokenizer: &TextTokenizer) {
    let scored = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let border = Style::new().fg_color(Some(AnsiColor::Yellow.into())).underline();
    let mut at = 0;
    let mut open = false;
    for (token, &(start, end)) in trace.offsets.iter().enumerate() {
        if trace.scored[token] != open {
            open = !open;
            shown.plain(if open { "⟦" } else { "⟧" });
        }
        // Tokens of one character share its bytes, and inserted ones have none.
        let piece = if start == end {
            tokenizer.token(trace.ids[token]).unwrap_or_default()
        } else {
            trace.text.get(start.max(at)..end).unwrap_or_default().to_owned()
        };
        at = at.max(end);
        let style = match (trace.border == Some(token), trace.scored[token]) {
            (true, _) => border,
            (false, true) => scored,
            (false, false) => Style::new(),
        };
        shown.push(style, &piece);
    }
    shown.plain(if open { "⟧\n\n" } else { "\n\n" });
}

fn loss_table(trace: &Trace, tokenizer: &TextTokenizer, losses: &[TokenLosses]) -> String {
    if losses.is_empty() {
        return String::new();
    }
    let scored = trace.scored.iter().enumerate().filter_map(|(token, &counts)| counts.then_some(token));
    let rows: Vec<Vec<String>> = scored
        .enumerate()
        .map_while(|(at, token)| {
            let piece = tokenizer.token(trace.ids[token]).unwrap_or_default();
            let mut row = vec![format!("{piece:?}"), token.to_string()];
            for model in losses {
                row.push(format!("{:.4}", model.losses.get(at)?));
            }
            if let [base, reference] = losses {
                row.push(format!("{:+.4}", reference.losses.get(at)? - base.losses.get(at)?));
            }
            Some(row)
        })
        .collect();
    let mut headings = vec!["token", "at"];
    headings.extend(losses.iter().map(|model| model.role));
    if losses.len() == 2 {
        headings.push("change");
    }
    format!("{}\n", table(&headings, &rows, Stream::Out.width()))
}

fn as_json(
    row: &PoolRow,
    encoded: &lobass_data::Encoded,
    trace: &Trace,
    tokenizer: &TextTokenizer,
    losses: &[TokenLosses],
) -> Value {
    let tokens: Vec<_> = trace.ids.iter().map(|&id| tokenizer.token(id)).collect();
    let losses: serde_json::Map<String, Value> =
        losses.iter().map(|model| (model.role.to_owned(), json!(model.losses))).collect();
    json!({
        "row": row.row,
        "key": row.key,
        "status": encoded.status,
        "reason": encoded.reason,
        "text": trace.text,
        "input_ids": trace.ids,
        "mask": trace.scored,
        "tokens": tokens,
        "offsets": trace.offsets,
        "border": trace.border,
        "unread": ([row.unread.as_slice(), &encoded.unread].concat()),
        "token_nll": losses,
    })
}
