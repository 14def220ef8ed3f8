//! Rows to look at: what they say, token by token, and how much of each token's loss is gone.

use std::fmt::Write as _;

use crate::escape::{html, shortened};
use crate::number::{count, plain, signed};
use crate::report::{Body, Example, Piece, Ranked, Report, Turn, View};

/// The maximal size of the examples of a page; further examples are counted and left out.
pub const MAX_EXAMPLE_BYTES: usize = 900_000;

/// Scored tokens that all examples of a page share.
const ALL_TOKENS: usize = 14_000;
/// Characters of one token, of a stretch that is not scored, and of all scored text of a row.
const MAX_TOKEN: usize = 60;
const MAX_CONTEXT: usize = 320;
const MAX_SCORED: usize = 2_400;
/// Drops of the loss, in nats, at which the next color begins.
pub(super) const LEVELS: [f64; 5] = [0.1, 0.5, 1.0, 2.0, 4.0];

/// The remaining room for examples.
pub(super) struct Room {
    bytes: usize,
    tokens: usize,
}

impl Room {
    /// Room of at most `bytes`.
    pub(super) fn of(report: &Report, bytes: usize) -> Self {
        let n_examples = report.views.iter().map(|view| view.picks.rows().count()).sum::<usize>();
        Self { bytes: bytes.min(MAX_EXAMPLE_BYTES), tokens: (ALL_TOKENS / n_examples.max(1)).clamp(24, 320) }
    }
}

/// The rows of one strategy, group by group.
pub(super) fn draw(report: &Report, view: &View, room: &mut Room) -> String {
    let picks = &view.picks;
    let groups = [
        ("Best", "the first by rank", &picks.best),
        ("Last kept", "the last that are kept", &picks.last_kept),
        ("First left", "the first by rank that are not kept", &picks.first_left),
        ("Worst", "the last by rank", &picks.worst),
    ];
    let mut drawn = String::new();
    let mut n_left_out = 0;
    for (name, what, rows) in groups.into_iter().filter(|(.., rows)| !rows.is_empty()) {
        let mut cards = String::new();
        for ranked in rows {
            let Some(example) = report.examples.get(&ranked.row) else { continue };
            let card = card(view, ranked, example, room.tokens);
            if card.len() > room.bytes {
                n_left_out += 1;
                continue;
            }
            room.bytes -= card.len();
            cards += &card;
        }
        if !cards.is_empty() {
            let _ = write!(
                drawn,
                "<div class=\"group\"><h4>{name} <small>{what}</small></h4><div class=\"cards\">{cards}</div></div>"
            );
        }
    }
    if !drawn.is_empty() {
        drawn += "<p class=\"note\">Of rows with the very same losses, which have the same text, each group shows the first.</p>";
    }
    if n_left_out > 0 {
        let _ = write!(
            drawn,
            "<p class=\"note\">{} more examples are left out, so that the page stays small.</p>",
            count(n_left_out)
        );
    }
    drawn
}

fn card(view: &View, ranked: &Ranked, example: &Example, max_tokens: usize) -> String {
    let losses = match (example.base, example.reference) {
        (Some(base), Some(reference)) => format!(
            "<span>loss <b>{base:.3}</b> → <b>{reference:.3}</b> nats/token ({})</span>",
            signed(reference - base, 3)
        ),
        (Some(base), None) => format!("<span>base loss <b>{base:.3}</b> nats/token</span>"),
        _ => String::new(),
    };
    let body = match &example.body {
        Body::Pieces(pieces) => heat(pieces, max_tokens),
        Body::Turns(turns) => turns.iter().map(turn).collect(),
        Body::Missing(why) => format!("<p class=\"note\">{}</p>", html(&shortened(why, MAX_CONTEXT))),
    };
    let status = match example.status.as_str() {
        "ok" => String::new(),
        other => format!("<span>{}</span>", html(other)),
    };
    format!(
        "<article><header><span class=\"rank\">rank {} <small>of {}</small></span><span>score <b>{}</b></span>{losses}\
         <span>{} of {} tokens scored</span>{status}<span class=\"key\">row {} · <bdi>{}</bdi> · <bdi>{}</bdi></span></header>\
         <div class=\"says\" dir=\"auto\">{body}</div></article>",
        count(ranked.rank),
        count(view.n_eligible),
        plain(ranked.score),
        count(example.n_scored.into()),
        count(example.n_tokens.into()),
        count(ranked.row),
        html(&shortened(&example.source, 60)),
        html(&shortened(&example.key, 24)),
    )
}

fn turn(turn: &Turn) -> String {
    let (class, limit) = if turn.is_scored { ("scored", MAX_SCORED) } else { ("u", MAX_CONTEXT) };
    format!(
        "<p class=\"turn\"><b>{}</b> <span class=\"{class}\">{}</span></p>",
        html(&shortened(&turn.role, 40)),
        middle_out(&turn.text, limit)
    )
}

/// The text, with scored tokens in the color of their drop.
fn heat(pieces: &[Piece], max_tokens: usize) -> String {
    let mut drawn = String::new();
    let (mut n_tokens, mut n_characters) = (0, 0);
    for group in pieces.chunk_by(|a, b| a.losses.is_some() == b.losses.is_some()) {
        if group[0].losses.is_none() {
            let text: String = group.iter().map(|piece| piece.text.as_str()).collect();
            let _ = write!(drawn, "<span class=\"u\">{}</span>", middle_out(&text, MAX_CONTEXT));
            continue;
        }
        for (at, piece) in group.iter().enumerate() {
            if n_tokens >= max_tokens || n_characters >= MAX_SCORED {
                drawn += &rest(&group[at..]);
                break;
            }
            n_tokens += 1;
            n_characters += piece.text.chars().count();
            drawn += &token(piece);
        }
    }
    drawn
}

fn token(piece: &Piece) -> String {
    let Some((base, reference)) = piece.losses else { return html(&piece.text) };
    let class = level(f64::from(base) - f64::from(reference));
    // An end of line alone would have no place to be colored.
    let text = html(&shortened(&piece.text, MAX_TOKEN)).replace('\n', "↵\n");
    format!("<i class=\"{class}\" data-l=\"{base:.2} {reference:.2}\">{text}</i>")
}

/// The color of a drop: `p` if the loss fell, `m` if it rose, and by how much.
fn level(drop: f64) -> String {
    let at = LEVELS.iter().filter(|bound| drop.abs() >= **bound).count();
    match (at, drop > 0.0) {
        (0, _) => "z".to_owned(),
        (at, true) => format!("p{at}"),
        (at, false) => format!("m{at}"),
    }
}

/// The note about tokens that are not shown.
fn rest(pieces: &[Piece]) -> String {
    let drop: f64 = pieces
        .iter()
        .filter_map(|piece| piece.losses)
        .map(|(base, reference)| f64::from(base) - f64::from(reference))
        .sum();
    format!(
        "<span class=\"more\">… {} more scored tokens, loss {} nats</span>",
        count(pieces.len() as u64),
        signed(-drop, 1)
    )
}

/// The beginning and the end of a text, if it is long.
fn middle_out(text: &str, limit: usize) -> String {
    let n = text.chars().count();
    if n <= limit {
        return html(text);
    }
    let (head, tail) = (limit * 2 / 3, limit / 3);
    let first: String = text.chars().take(head).collect();
    let last: String = text.chars().skip(n - tail).collect();
    let left_out = count((n - head - tail) as u64);
    format!("{}<span class=\"more\"> … {left_out} more characters … </span>{}", html(&first), html(&last))
}

/// The legend of the colors.
pub(super) fn legend(report: &Report) -> String {
    if let Some(why) = &report.without_heat {
        return format!("<p class=\"note\">{}</p>", html(why));
    }
    let step = |class: String, label: String| format!("<span><i class=\"{class}\"></i>{label}</span>");
    let rose = (1..=LEVELS.len()).rev().map(|at| step(format!("m{at}"), format!("+{}", LEVELS[at - 1])));
    let fell = (1..=LEVELS.len()).map(|at| step(format!("p{at}"), format!("−{}", LEVELS[at - 1])));
    let steps: String = rose.chain([step("z".to_owned(), "0".to_owned())]).chain(fell).collect();
    format!(
        "<div class=\"heat-legend\"><span class=\"end\">loss rose</span><span class=\"steps\">{steps}</span><span class=\"end\">loss fell</span>\
         <p class=\"note\">Change of each scored token’s loss from base to reference, in nats; a color begins at the number under it. \
         Gray text is the prompt, which is not scored.</p></div>"
    )
}
