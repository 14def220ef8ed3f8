//! The section about regions: well-formed, harmless, bounded, and with the right numbers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod support;

use std::collections::BTreeMap;

use lobass_core::{Budget, Numbers, ScoreColumns};
use lobass_evidence::Bootstrap;
use lobass_regions::{Beside, Losses, Regions, Settings, Side, compare, measure};
use lobass_report::{Measuring, RegionRow, RegionsCut, RegionsPart, Report, to_html};
use lobass_select::{Request, Strata, strategies::Lobass};
use support::{check, pool, text_of};

/// Rows whose region is a number; those of even regions fell by 2 nats per token, those of odd ones rose by 1.
fn measured(n_regions: usize, n_each: usize) -> (Regions, Vec<u32>, Vec<Numbers>, Vec<u64>) {
    let n = n_regions * n_each;
    let tokens = vec![4u32; n];
    let drop = |row: usize| if (row % n_regions).is_multiple_of(2) { 8.0 } else { -4.0 } + (row % 3) as f64;
    let drops = vec![(0..n).map(|row| Some(drop(row))).collect::<Numbers>()];
    let hashes: Vec<u64> = (0..n as u64).collect();
    let names: Vec<String> = (0..n).map(|row| format!("<b>{:03}", row % n_regions)).collect();
    let strata = Strata::of_values(names.iter().map(String::as_str));
    let losses = Losses { n_tokens: &tokens, drops: &drops, hashes: &hashes };
    let rows: Vec<u32> = (0..u32::try_from(n).unwrap()).collect();
    let base = vec![Some(12.0); n].into_iter().collect();
    let beside = Beside { parts: Some((losses, losses)), base: Some(&base), in_sample: Some(&base) };
    let found = measure(&losses, &strata, &rows, &beside, &settings()).unwrap();
    (found, tokens, drops, hashes)
}

fn settings() -> Settings {
    let bootstrap = Bootstrap { n_resamples: 100, ..Bootstrap::default() };
    Settings { bootstrap, ..Settings::default() }
}

fn page(part: Option<RegionsPart>) -> Report {
    let columns = ScoreColumns::of(&pool(60), 0);
    let mut measuring = Measuring::new(&columns, 2);
    measuring.add(&Request::new(&Lobass, Budget::Rows(6))).unwrap();
    Report { regions: part, ..measuring.report("a test") }
}

fn part(cut: RegionsCut) -> RegionsPart {
    let text = |row: u64| RegionRow {
        key: format!("k{row}"),
        source: "<i>".to_owned(),
        prompt: "what is </script> here?".to_owned(),
        response: format!("\u{1b}[2J answer {row}"),
    };
    let rows = (0..60).map(|row| (row, text(row))).collect();
    RegionsPart {
        seen: "in-sample".to_owned(),
        cuts: vec![cut.clone(), cut],
        rows,
        shared: Some("2 rows alike".to_owned()),
    }
}

#[test]
fn a_page_has_its_regions_and_is_whole() {
    let (found, tokens, drops, hashes) = measured(3, 12);
    let side = Side { losses: Losses { n_tokens: &tokens, drops: &drops, hashes: &hashes }, regions: &found };
    let changes = compare(&side, &side, &BTreeMap::new(), &settings()).unwrap();
    let cut = RegionsCut {
        by: "field:<u>".to_owned(),
        found,
        warning: Some("all alike & so on".to_owned()),
        changes: Some(changes),
        typical: [("<b>000".to_owned(), 3)].into(),
    };
    let page = to_html(&page(Some(part(cut))));
    check(&page);
    let text = text_of(&page);
    for words in [
        "What was taught, region by region",
        "By field:&lt;u&gt;",
        "All alike &amp; so on",
        "&lt;b&gt;001",
        "worse",
        "learned",
        "To repair",
        "2 rows alike",
        "in the middle",
        "answer 3",
        "what is &lt;/script&gt; here?",
        "format",
        "in-sample",
    ] {
        assert!(text.contains(words), "{words}");
    }
    // Region 0 fell by 8 to 10 nats over 4 tokens, a mean of 2 and of 1 on rows of 0, 3, 6, ..
    assert!(page.contains("<td>+2.000</td>") && page.contains("v-worse"), "numbers");
    assert!(page.matches("class=\"forest\"").count() == 2 && !page.contains('\u{1b}'));
}

#[test]
fn many_regions_keep_the_page_small() {
    let (found, ..) = measured(400, 10);
    let typical = BTreeMap::new();
    let cut = RegionsCut { by: "column".to_owned(), found, warning: None, changes: None, typical };
    let page = to_html(&page(Some(part(cut))));
    check(&page);
    assert!(page.len() < 500_000, "{}", page.len());
    assert!(text_of(&page).contains("360 more regions"));
}

#[test]
fn without_regions_there_is_no_section() {
    assert!(!to_html(&page(None)).contains("id=\"regions\""));
}
