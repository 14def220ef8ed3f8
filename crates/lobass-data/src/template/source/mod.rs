//! The source of a template, before the engine parses it.
//!
//! Extensions of transformers to Jinja that the Rust engine lacks are rewritten into features that it has. White space
//! and lines stay unchanged.

mod depth;
mod literal;
mod percent;
mod scan;
mod tokens;

use std::ops::Range;

pub(super) use depth::fault;
use scan::{Tag, TagKind, tags};

use super::filters::{ITEMS, PERCENT};
use super::generation;

/// A replacement for a part of the source.
struct Edit {
    at: Range<usize>,
    text: String,
}

/// The source that the engine is given.
pub(super) fn prepare(source: &str) -> String {
    // As Jinja does before it parses.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut edits: Vec<Edit> = Vec::new();
    let mut n_macros = 0_u32;
    let counts = ["last", "length", "revindex", "nextitem"]
        .iter()
        .any(|name| source.contains(&format!("loop.{name}")));
    for tag in tags(&source) {
        edits.extend(generation_edit(&source, &tag));
        // Of two edits at one place the inner one comes first.
        edits.extend(literal::edits(&source, &tag));
        edits.extend(percent::edits(&source, &tag.inner));
        match tag.word(&source) {
            "macro" => n_macros += 1,
            "endmacro" => n_macros = n_macros.saturating_sub(1),
            "set" => {
                let enclosed = if n_macros > 0 { enclosed(&source, &tag) } else { None };
                let (before, after) = enclosed.map(|[before, after]| (before, after)).unzip();
                edits.extend(before);
                edits.extend(literal::assigned(&source, &tag).into_iter().flatten());
                edits.extend(after);
            }
            _ => {}
        }
        if counts && tag.word(&source) == "for" {
            edits.extend(counted(&source, &tag).into_iter().flatten());
        }
    }
    apply(&source, edits)
}

/// Whether a template marks what models say.
pub(super) fn marks_generation(source: &str) -> bool {
    tags(source).any(|tag| generation_edit(source, &tag).is_some())
}

/// `{% generation %} .. {% endgeneration %}` becomes a block whose text goes through a filter.
fn generation_edit(source: &str, tag: &Tag) -> Option<Edit> {
    let text = match (tag.kind, source[tag.inner.clone()].trim()) {
        (TagKind::Statement, "generation") => format!("filter {}", generation::FILTER),
        (TagKind::Statement, "endgeneration") => "endfilter".to_owned(),
        _ => return None,
    };
    let inner = &source[tag.inner.clone()];
    let start = tag.inner.start + inner.len() - inner.trim_start().len();
    Some(Edit { at: start..start + inner.trim().len(), text })
}

/// An assignment to an attribute of a namespace inside a macro. There, the engine sees variables of the template only
/// if they are read. So the value is read from a list that also contains the namespace.
fn enclosed(source: &str, tag: &Tag) -> Option<[Edit; 2]> {
    let tokens = tokens::tokens(source, &tag.inner);
    let [set, name, dot, _, equals, value @ ..] = &tokens[..] else { return None };
    let text = |token: &tokens::Token| &source[token.at.clone()];
    let is_assignment = text(set) == "set" && text(dot) == "." && text(equals) == "=";
    if !is_assignment || tokens::has_comma(source, value) {
        return None;
    }
    let (first, last) = (value.first()?, value.last()?);
    let (start, end) = (first.at.start, last.at.end);
    Some([
        Edit { at: start..start, text: "[".to_owned() },
        Edit { at: end..end, text: format!(", {}][0]", text(name)) },
    ])
}

/// Puts a filter on what a loop runs over, since the engine does not know the number of characters of a text.
fn counted(source: &str, tag: &Tag) -> Option<[Edit; 2]> {
    let tokens = tokens::tokens(source, &tag.inner);
    let text = |at: usize| &source[tokens[at].at.clone()];
    let outside = |word: &[&str], from: usize| {
        let mut depth = 0_u32;
        (from..tokens.len()).find(|&at| {
            match tokens[at].kind {
                tokens::TokenKind::Open => depth += 1,
                tokens::TokenKind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && word.contains(&text(at))
        })
    };
    let start = outside(&["in"], 0)? + 1;
    let end = outside(&["if", "recursive"], start)
        .unwrap_or(tokens.len())
        .checked_sub(1)
        .filter(|&end| end >= start)?;
    let (start, end) = (tokens[start].at.start, tokens[end].at.end);
    Some([Edit { at: start..start, text: "(".to_owned() }, Edit { at: end..end, text: format!(")|{ITEMS}") }])
}

/// Edits do not overlap, except that one may be empty at the border of another.
fn apply(source: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut result = String::with_capacity(source.len());
    let mut done = 0;
    for edit in edits {
        result.push_str(&source[done..edit.at.start]);
        result.push_str(&edit.text);
        done = edit.at.end;
    }
    result.push_str(&source[done..]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_become_filters_and_nothing_else_changes() {
        let source = "{%- if x %}a{%- generation -%}b{% endgeneration %}{{ '{% generation %}' }}{# {% generation %} #}";
        let expected = format!(
            "{{%- if x %}}a{{%- filter {} -%}}b{{% endfilter %}}{{{{ '{{% generation %}}' }}}}{{# {{% generation %}} #}}",
            generation::FILTER
        );
        assert_eq!(prepare(source), expected);
        assert!(marks_generation(source));
        assert!(!marks_generation("{{ '{% generation %}' }}{% raw %}{% generation %}{% endraw %}"));
    }

    #[test]
    fn percent_signs_between_values_become_a_filter() {
        for (source, expected) in [
            ("{{ 'a%b' % x }}", "{{ 'a%b' |P( x) }}"),
            ("{{ x.y[1]|f('%') % (1, 2) + 3 }}", "{{ x.y[1]|f('%') |P( (1, 2)) + 3 }}"),
            ("{%- if loop.index0 % 2 == 0 -%}", "{%- if loop.index0 |P( 2) == 0 -%}"),
            ("{{ a % b % c }}", "{{ a |P( b) |P( c) }}"),
            ("{{ a * b % c }}", "{{ a * b % c }}"),
            ("{{ a % b ** 2 }}", "{{ a |P( b ** 2) }}"),
            ("{{ a % -b.c(d)|e }}", "{{ a |P( -b.c(d)|e) }}"),
            ("{{ (a + b) % 'x' 'y' }}", "{{ (a + b) |P( 'x' 'y') }}"),
            ("{{ {'a': 1}['b' % 2] }}", "{{ {'a': 1}['b' |P( 2)] }}"),
            (
                "50 % {# 5 % 3 #} {% raw %}{{ a % b }}{% endraw %}",
                "50 % {# 5 % 3 #} {% raw %}{{ a % b }}{% endraw %}",
            ),
        ] {
            assert_eq!(prepare(source), expected.replace("|P(", &format!("|{PERCENT}(")), "{source}");
        }
    }

    #[test]
    fn loops_that_ask_for_their_end_know_how_long_they_are() {
        for (source, expected) in [
            ("{% for c in a.b %}{{ c }}{% endfor %}", "{% for c in a.b %}{{ c }}{% endfor %}"),
            (
                "{% for c in a.b -%}{{ loop.last }}{% endfor %}",
                "{% for c in (a.b)|I -%}{{ loop.last }}{% endfor %}",
            ),
            (
                "{% for c in a[1:] if c in d %}{{ loop.last }}{% endfor %}",
                "{% for c in (a[1:])|I if c in d %}{{ loop.last }}{% endfor %}",
            ),
            (
                "{%- for k, v in (a if b else c) recursive %}{{ loop.last }}",
                "{%- for k, v in ((a if b else c))|I recursive %}{{ loop.last }}",
            ),
        ] {
            assert_eq!(prepare(source), expected.replace("|I", &format!("|{ITEMS}")), "{source}");
        }
    }

    #[test]
    fn containers_that_a_template_makes_are_looked_at() {
        for (source, expected) in [
            ("{{ ['a', 'b'] }}{{ x in ('a', 1) }}", "{{ ['a', 'b'] }}{{ x in ('a', 1) }}"),
            ("{{ [x] }}{{ f([x], {'a': y}) }}", "{{ [x]|B }}{{ f([x]|B, {'a': y}|B) }}"),
            ("{{ (x, 1) }}{{ (x + 1) * 2 }}{{ x[y] }}", "{{ (x, 1)|B }}{{ (x + 1) * 2 }}{{ x[y] }}"),
            ("{{ [x][0] }}{{ 'a%s' % [x] }}", "{{ [x][0] }}{{ 'a%s' |P( [x]|B) }}"),
            ("{% set n.a = n.a + [x] -%}", "{% set n.a = (n.a + [x]|B)|B -%}"),
            ("{% set a = b.c %}{% set a = m[1:] %}", "{% set a = b.c %}{% set a = (m[1:])|L %}"),
            (
                "{% set a = b | list %}{% set a %}x{% endset %}",
                "{% set a = (b | list)|B %}{% set a %}x{% endset %}",
            ),
        ] {
            let expected = expected.replace("|P(", &format!("|{PERCENT}("));
            let expected = expected.replace("|B", &format!("|{}", super::super::nesting::FILTER));
            let expected = expected.replace("|L", &format!("|{}", super::super::nesting::LIST));
            assert_eq!(prepare(source), expected, "{source}");
        }
    }

    #[test]
    fn sources_that_are_too_deep_are_named_with_their_line() {
        for source in [
            format!("a\n{{{{ {}1 }}}}", "- ".repeat(300)),
            format!("a\n{{{{ {}1 }}}}", "not ".repeat(300)),
            format!("a\n{{{{ x{} }}}}", ".y".repeat(300)),
            format!("a\n{{{{ 1{} }}}}", " + 1".repeat(300)),
            format!("a\n{{{{ {}1{} }}}}", "(".repeat(300), ")".repeat(300)),
        ] {
            let reason = fault(&source).unwrap();
            assert!(reason.contains("250 operators") && reason.contains("line 2"), "{reason}");
        }
        let branches = format!("{{% if a %}}{}{{% endif %}}", "{% elif b %}\n".repeat(300));
        assert!(fault(&branches).unwrap().contains("`elif`"));
        // What is beside is not inside.
        assert_eq!(fault(&format!("{{{{ [{}] }}}}", "a.b + 1, ".repeat(300))), None);
        assert_eq!(fault(&"{% if a %}{% elif b %}{% endif %}".repeat(300)), None);
    }

    #[test]
    fn many_tags_take_no_longer_each() {
        let source = "{% set a = b %}".repeat(100_000);
        assert_eq!(prepare(&source), source);
    }

    #[test]
    fn macros_see_the_namespaces_that_they_change() {
        let source = "{% set n.a = 1 %}{% macro f() %}{% set n.a = n.b if x else 2 %}{% endmacro %}";
        let expected =
            "{% set n.a = 1 %}{% macro f() %}{% set n.a = [n.b if x else 2, n][0] %}{% endmacro %}";
        assert_eq!(prepare(source), expected);
    }
}
