//! Pages as a browser would read them: well-formed, whole, harmless, bounded, and with the right numbers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use lobass_core::{Budget, Direction, RowStatus, ScoreColumns};
use lobass_report::{Body, Command, Example, Measuring, Piece, Report, Turn, to_html, to_text};
use lobass_select::strategies::{Gap, GapSum, Lobass, Longest, PerplexityHigh, Random};
use lobass_select::{Chosen, Guards, Request, Shape, Strategy, agreement, select, summarize};
use proptest::prelude::{ProptestConfig, prop_assert, proptest};
use serde_json::json;
use support::{check, pool, text_of};

fn request(strategy: &dyn Strategy) -> Request<'_> {
    Request::new(strategy, Budget::Fraction(0.1))
}

fn strategies() -> [&'static dyn Strategy; 5] {
    [&Lobass, &Gap, &PerplexityHigh, &Longest, &Random]
}

fn measured(columns: &ScoreColumns) -> Report {
    let mut measuring = Measuring::new(columns, 4);
    for strategy in strategies() {
        measuring.add(&request(strategy)).unwrap();
    }
    measuring.leave_out("quality", "it needs ratings");
    measuring.report("a test")
}

fn shaped(columns: &ScoreColumns, strategy: &dyn Strategy, guards: Guards) -> Chosen {
    let shape = Shape { guards, ..Shape::default() };
    select(columns, &Request { shape: &shape, ..request(strategy) }).unwrap()
}

/// A report whose examples all say the same.
fn with_examples(mut report: Report, body: &Body) -> Report {
    let rows: Vec<u64> = report.views.iter().flat_map(|view| view.picks.rows()).collect();
    for row in rows {
        let example = Example {
            key: format!("key-{row}"),
            source: "s0".to_owned(),
            status: "ok".to_owned(),
            n_tokens: 30,
            n_scored: 9,
            base: Some(2.5),
            reference: Some(1.25),
            body: body.clone(),
        };
        report.examples.insert(row, example);
    }
    report.manifest = json!({"models": [{"role": "base"}], "note": "</script><b>"});
    report.commands =
        vec![Command { what: "again".to_owned(), line: "lobass report --scores 'a b'".to_owned() }];
    report
}

fn pieces(text: &str, n: usize) -> Body {
    let piece =
        |at: usize| Piece { text: text.to_owned(), losses: (at > 0).then_some((3.0, at as f32 / n as f32)) };
    Body::Pieces((0..n).map(piece).collect())
}

#[test]
fn a_page_is_well_formed_and_whole() {
    let columns = ScoreColumns::of(&pool(500), 1);
    let page = to_html(&with_examples(measured(&columns), &pieces(" word", 12)));
    check(&page);
    for id in ["glance", "overlap", "strategies", "statuses", "repeat", "manifest"] {
        assert_eq!(page.matches(&format!("<section id=\"{id}\"")).count(), 1, "{id}");
    }
    for at in 0..5 {
        for part in ["l", "h", "n"] {
            let svg = format!("<svg id=\"{part}{at}\" viewBox=\"0 0 440 330\" role=\"img\"");
            assert_eq!(page.matches(&svg).count(), 1, "{svg}");
            assert!(page.contains(&format!("<title id=\"{part}{at}-t\">")));
        }
        assert!(page.contains(&format!("<input type=\"radio\" name=\"strategy\" id=\"s{at}\"")));
    }
    assert_eq!(page.matches("<article>").count(), 5 * (4 + 2 + 2 + 4));
    assert!(page.contains("quality</b>: it needs ratings"));
    assert!(page.contains("loss fell"));
}

/// Nothing is loaded, whatever the text says.
#[test]
fn a_page_loads_nothing() {
    let columns = ScoreColumns::of(&pool(300), 1);
    let page = to_html(&with_examples(measured(&columns), &pieces("<img src=https://example.com/x>", 5)));
    for tag in ["<link", "<img", "<iframe", "<object", "<embed", "<base", "<form", "<audio", "<video"] {
        assert!(!page.contains(tag), "{tag}");
    }
    for loads in ["src=\"", "href=\"", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(loads), "{loads}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn numbers_are_those_of_the_selection() {
    let columns = ScoreColumns::of(&pool(700), 3);
    let report = measured(&columns);
    let page = text_of(&to_html(&report));
    for (strategy, view) in strategies().into_iter().zip(&report.views) {
        let shaped = shaped(&columns, strategy, Guards::default());
        let (selection, summary) = (&shaped.selection, summarize(&columns, &shaped, 2));
        assert_eq!(view.n_selected, selection.selected.len() as u64);
        assert_eq!((view.n_tokens, view.n_eligible), (selection.n_tokens, selection.n_eligible));
        assert_eq!(view.length_correlation, summary.length_correlation);
        assert_eq!(view.mean_scored_tokens, summary.mean_scored_tokens);
        let correlation =
            summary.length_correlation.map(|found| format!("{found:+.3}").replace('-', "−")).unwrap();
        assert!(page.contains(&format!("Spearman correlation {correlation}")), "{strategy}");
        for (part, share) in view.sources.iter().zip(&summary.sources) {
            assert_eq!(
                (&part.source, part.n_pool, part.n_selected),
                (&share.source, share.n_pool, share.n_selected)
            );
            let (n_pool, n_selected) = (share.n_pool, share.n_selected);
            let of_kept =
                format!("{:.1}\u{a0}%", 100.0 * n_selected as f64 / selection.selected.len() as f64);
            assert!(
                page.contains(&format!("{of_kept} {n_pool} {n_selected} ")),
                "{strategy} {of_kept} {n_pool} {n_selected}"
            );
        }
        let counted: Vec<(String, u64)> =
            summary.statuses.iter().map(|(status, n)| (status.to_string(), *n)).collect();
        let shown: Vec<(String, u64)> =
            report.statuses.iter().map(|s| (s.status.clone(), s.n_rows)).collect();
        assert_eq!(shown, counted);
        let first = view.picks.best[0];
        assert_eq!((first.row, first.rank), (selection.selected[0].row, 1));
        for one in view.picks.best.iter().chain(&view.picks.last_kept) {
            let found = selection.selected[usize::try_from(one.rank).unwrap() - 1];
            assert_eq!((found.row, found.score.value()), (one.row, one.score), "{strategy}");
        }
        let rows = view.histogram.bins.iter().map(|bin| bin.n_selected).sum::<u64>();
        assert_eq!(rows, view.n_selected);
        let plane = view.losses.as_ref().unwrap();
        assert_eq!(
            plane.n_rows,
            columns.statuses.iter().filter(|status| status.is_eligible()).count() as u64
        );
    }
}

#[test]
fn overlaps_are_those_of_agreement() {
    let columns = ScoreColumns::of(&pool(400), 3);
    let report = measured(&columns);
    assert_eq!(report.overlaps.len(), 10);
    let scores = |strategy: &dyn Strategy| {
        let ranking = select(&columns, &Request::new(strategy, Budget::Rows(400))).unwrap().selection;
        let mut scores = lobass_core::Numbers::missing(columns.len());
        for one in &ranking.selected {
            scores.set(usize::try_from(one.row).unwrap(), Some(one.score.value()));
        }
        scores
    };
    let found = {
        let (one, other) = (scores(&Lobass), scores(&Longest));
        agreement(&columns, &one, &other, 40, Direction::Descending).unwrap()
    };
    let shown = report.overlaps.iter().find(|one| (one.left, one.right) == (0, 3)).unwrap();
    assert_eq!((shown.shared, shown.k, shown.spearman), (found.overlap, found.k, found.spearman));
    // Both keep what chance gives of each other, in the end: the sets themselves say how much.
    let rows = |at: usize| -> std::collections::BTreeSet<u64> {
        let found = select(&columns, &request(strategies()[at])).unwrap();
        found.selection.selected.iter().map(|one| one.row).collect()
    };
    for one in &report.overlaps {
        let common = rows(one.left).intersection(&rows(one.right)).count();
        assert_eq!(one.shared, common as f64 / one.k as f64, "{} and {}", one.left, one.right);
    }
}

#[test]
fn a_selection_made_elsewhere_is_shown_as_it_is() {
    let columns = ScoreColumns::of(&pool(200), 3);
    let mut shaped = shaped(&columns, &Lobass, Guards::default());
    let left_out = shaped.selection.selected.remove(0);
    let mut measuring = Measuring::new(&columns, 3);
    measuring.add_selected(&Lobass, &shaped);
    let report = measuring.report("without the first");
    let view = &report.views[0];
    assert_eq!(view.n_selected, shaped.selection.selected.len() as u64);
    assert_eq!(view.picks.first_left[0].row, left_out.row);
    assert_eq!(view.picks.first_left[0].rank, 1);
    check(&to_html(&report));
}

/// Everything on a page is of the scores that were ranked by, whatever changes them or leaves rows out.
#[test]
fn a_page_has_the_scores_that_were_ranked_by() {
    let columns = ScoreColumns::of(&pool(400), 3);
    let guards = Guards { min_scored: Some(20), shrinkage: Some(1e6), ..Guards::default() };
    let lobass = shaped(&columns, &Lobass, guards);
    let sum = shaped(&columns, &GapSum, Guards { shrinkage: None, ..guards });
    let mut measuring = Measuring::new(&columns, 4);
    measuring.add_selected(&Lobass, &lobass);
    measuring.add_selected(&GapSum, &sum);
    let report = measuring.report("shrunken");
    // So much shrinkage leaves the order of the plain differences.
    let overlap = &report.overlaps[0];
    assert!(overlap.shared > 0.97 && overlap.spearman.unwrap() > 0.999, "{overlap:?}");
    let view = &report.views[0];
    assert_eq!(view.n_eligible, lobass.scores.iter().flatten().count() as u64);
    assert_eq!(view.histogram.bins.iter().map(|bin| bin.n_pool).sum::<u64>(), view.n_eligible);
    assert_eq!(view.lengths.n_rows, view.n_eligible);
    assert_eq!(view.length_correlation, summarize(&columns, &lobass, 2).length_correlation);
    assert_eq!(view.excluded.len(), 1);
    let (best, worst) = view.kept_scores.unwrap();
    for one in &view.picks.worst {
        assert!(one.score <= worst && worst <= best, "{one:?}");
        assert!(columns.n_scored[usize::try_from(one.row).unwrap()] >= 20, "a candidate");
    }
    let page = to_html(&report);
    check(&page);
    assert!(page.contains("(base - reference) / (base + 1000000)"));
    let n_borders = |shrinkage| {
        let mut measuring = Measuring::new(&columns, 4);
        let guards = Guards { shrinkage, ..Guards::default() };
        measuring.add_selected(&Lobass, &shaped(&columns, &Lobass, guards));
        to_html(&measuring.report("alone")).matches("class=\"border\"").count()
    };
    assert_eq!(
        n_borders(None),
        n_borders(Some(30.0)) + 1,
        "a border of shrunken sums is no line among means"
    );
    assert!(text_of(&page).contains("fewer than 20 scored tokens"));
    assert!(to_text(&report, 100).contains("fewer than 20 scored tokens"));
}

#[test]
fn a_table_with_one_model_says_so() {
    let mut rows = pool(100);
    for row in &mut rows {
        row.reference = None;
    }
    let columns = ScoreColumns::of(&rows, 0);
    let mut measuring = Measuring::new(&columns, 2);
    let error = measuring.add(&request(&Lobass)).unwrap_err();
    measuring.leave_out("lobass", error.to_string());
    measuring.add(&request(&Longest)).unwrap();
    let mut report = measuring.report("base only");
    report.without_heat = Some("no reference".to_owned());
    assert!(report.views[0].losses.is_none());
    let page = to_html(&report);
    check(&page);
    assert!(page.contains("This table has the losses of one model"));
    assert!(page.contains("expected losses under a reference model"));
}

#[test]
fn the_size_of_a_page_is_bounded() {
    let mut sizes = Vec::new();
    for (n_rows, times) in [(3_000, 1), (3_000, 3), (100_000, 1), (100_000, 3)] {
        let columns = ScoreColumns::of(&pool(n_rows), 1);
        let mut report = with_examples(measured(&columns), &pieces(&"long".repeat(500), 4_000));
        report.views = vec![report.views; times].concat();
        let page = to_html(&report);
        sizes.push(page.len());
        check(&page);
    }
    assert!(sizes.iter().all(|size| *size < 2_000_000), "{sizes:?}");
}

#[test]
fn hostile_examples_harm_nothing() {
    let hostile = "</script><script>alert(1)</script><!-- \u{202e}\u{0}\u{1b}[31m ]]> ' \" & سلام";
    let columns = ScoreColumns::of(&pool(150), 1);
    let turn = |is_scored| Turn { role: hostile.to_owned(), text: hostile.repeat(400), is_scored };
    for body in
        [pieces(hostile, 9), Body::Turns(vec![turn(false), turn(true)]), Body::Missing(hostile.to_owned())]
    {
        let mut report = with_examples(measured(&columns), &body);
        report.title = hostile.to_owned();
        report.tool = hostile.to_owned();
        report.without_heat = Some(hostile.to_owned());
        report.commands[0].line = hostile.to_owned();
        let page = to_html(&report);
        check(&page);
        assert!(!page.contains("alert(1)</script>") && !page.contains("<script>alert"));
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(!page.contains(['\u{202e}', '\u{0}', '\u{1b}']));
        let text = to_text(&report, 80);
        assert!(!text.contains(['\u{202e}', '\u{0}', '\u{1b}']));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn a_row_without_a_score_is_on_no_chart() {
    let mut rows = pool(50);
    rows[7].status = RowStatus::Malformed;
    rows[7].reason = Some("line 8: not JSON".to_owned());
    (rows[7].base, rows[7].reference, rows[7].n_scored) = (None, None, 0);
    let columns = ScoreColumns::of(&rows, 0);
    let report = measured(&columns);
    assert!(
        report.views.iter().all(|view| view.lengths.n_rows == 49 && !view.picks.rows().any(|row| row == 7))
    );
    let page = to_html(&report);
    assert!(page.contains("first row 7: <bdi>line 8: not JSON</bdi>"));
    assert!(to_text(&report, 100).contains("1 malformed, the first of them row 7: line 8: not JSON"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_names_and_texts(source: String, key: String, text: String, reason: String, n in 1usize..60, width in 0usize..140) {
        let mut rows = pool(n as u64);
        for row in &mut rows {
            row.source.clone_from(&source);
        }
        rows[0].status = RowStatus::TemplateError;
        rows[0].reason = Some(reason);
        let columns = ScoreColumns::of(&rows, 0);
        let mut measuring = Measuring::new(&columns, 3);
        if measuring.add(&request(&Random)).is_ok() {
            let mut report = with_examples(measuring.report(&text), &pieces(&text, 5));
            report.examples.values_mut().for_each(|example| example.key.clone_from(&key));
            check(&to_html(&report));
            let text = to_text(&report, width);
            prop_assert!(text.lines().all(|line| line.chars().count() <= width.max(60)), "{}", text);
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }
}
