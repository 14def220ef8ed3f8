//! Which template a checkpoint has for a row, what it is given, and what stops it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::Path;

use lobass_data::{ChatTemplate, DateTime, Duplicates, Error, Example, Message, Pool, Role, TemplateChoice};
use serde_json::{Map, Value, json};

fn example(more: &Value) -> Example {
    let messages = vec![Message::new(Role::User, "q"), Message::new(Role::Assistant, "a")];
    let arguments = more.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default();
    Example {
        messages,
        tools: more.get("tools").cloned(),
        documents: more.get("documents").cloned(),
        template_arguments: arguments,
        ..Example::default()
    }
}

fn load(dir: &Path, choice: &str) -> Result<ChatTemplate, Error> {
    let pool = Pool::new(Vec::new(), Duplicates::Keep);
    ChatTemplate::load(&choice.parse::<TemplateChoice>().unwrap(), dir, pool.fallback(), DateTime::default())
}

fn of_source(source: &str) -> ChatTemplate {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("chat_template.jinja"), source).unwrap();
    load(dir.path(), "auto").unwrap()
}

fn render(source: &str, more: &Value) -> Result<String, String> {
    of_source(source).render(&example(more), false)
}

#[test]
fn rows_with_tools_have_a_template_of_their_own() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    let in_list = tempfile::tempdir().unwrap();
    let named = json!([{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"},
        {"name": "rag", "template": "R"}]);
    let config = json!({"chat_template": named}).to_string();
    fs_err::write(in_list.path().join("tokenizer_config.json"), config).unwrap();
    let in_map = tempfile::tempdir().unwrap();
    let config = json!({"chat_template": {"default": "D", "tool_use": "T", "rag": "R"}}).to_string();
    fs_err::write(in_map.path().join("tokenizer_config.json"), config).unwrap();
    let in_files = tempfile::tempdir().unwrap();
    let folder = in_files.path().join("additional_chat_templates");
    fs_err::create_dir(&folder).unwrap();
    fs_err::write(in_files.path().join("chat_template.jinja"), "D").unwrap();
    fs_err::write(folder.join("tool_use.jinja"), "T").unwrap();
    fs_err::write(folder.join("rag.jinja"), "R").unwrap();
    for dir in [in_list.path(), in_map.path(), in_files.path()] {
        let auto = load(dir, "auto").unwrap();
        assert_eq!(auto.render(&example(&tools), false).unwrap(), "T");
        assert_eq!(auto.render(&example(&json!({"tools": []})), false).unwrap(), "T");
        assert_eq!(auto.render(&example(&json!({})), false).unwrap(), "D");
        assert!(auto.name().contains("`tool_use` for rows with tools"), "{}", auto.name());
        let named = load(dir, "named:rag").unwrap();
        assert_eq!(named.render(&example(&tools), false).unwrap(), "R");
        assert_ne!(named.digest(), auto.digest());
        let error = load(dir, "named:rga").unwrap_err().to_string();
        assert!(error.contains("`rga`") && error.contains("found `default`, `rag`, `tool_use`"), "{error}");
    }
}

#[test]
fn a_list_without_a_default_says_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let config = json!({"chat_template": [{"name": "tool_use", "template": "T"}]}).to_string();
    fs_err::write(dir.path().join("tokenizer_config.json"), config).unwrap();
    let error = load(dir.path(), "auto").unwrap_err().to_string();
    assert!(
        error.contains("`default`") && error.contains("found `tool_use`; `named:NAME` chooses"),
        "{error}"
    );
    assert_eq!(load(dir.path(), "named:tool_use").unwrap().render(&example(&json!({})), false).unwrap(), "T");
}

#[test]
fn a_rows_arguments_come_before_those_of_all_rows() {
    let source = "{{ a }}-{{ b is defined and b }}-{{ documents[0].title if documents }}";
    let for_all: Map<String, Value> = json!({"a": 1e-05, "b": true}).as_object().unwrap().clone();
    let template = of_source(source).with_arguments(&for_all).unwrap();
    assert_ne!(template.digest(), of_source(source).digest());
    assert!(template.reads("a") && template.reads("documents") && !template.reads("c"));
    assert_eq!(template.render(&example(&json!({})), false).unwrap(), "1e-05-True-");
    let row = json!({"arguments": {"a": "x"}, "documents": [{"title": "t", "text": "u"}]});
    assert_eq!(template.render(&example(&row), false).unwrap(), "x-True-t");
    let reserved: Map<String, Value> = json!({"messages": []}).as_object().unwrap().clone();
    let error = of_source(source).with_arguments(&reserved).unwrap_err().to_string();
    assert!(error.contains("template argument `messages`"), "{error}");
}

#[test]
fn integers_of_any_size_keep_their_digits() {
    // As rows of JSON hold what 64 bits do not.
    let big = |digits: &str| json!({"arguments": {"n": {"$lobass::number": digits}}});
    for digits in ["123456789012345678901234567890", "-18446744073709551616", &"7".repeat(60)] {
        let text =
            render("{{ n }} {{ n | tojson }} {{ [n] }} {{ 'x' ~ n }} {{ n is integer }}", &big(digits))
                .unwrap();
        assert_eq!(text, format!("{digits} {digits} [{digits}] x{digits} True"));
    }
}

#[test]
fn templates_that_never_end_are_stopped() {
    let grow = |set: &str, end: &str| {
        format!("{{% set ns = namespace(x='x', l=[]) %}}{{% for i in range(99) %}}{set}{{% endfor %}}{end}")
    };
    for source in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}".to_owned(),
        "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}".to_owned(),
        grow("{% set ns.x = ns.x ~ ns.x %}", "{{ ns.x }}"),
        grow("{% set ns.x = ns.x + ns.x %}", ""),
        grow("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l | tojson }}"),
        grow("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l }}"),
        grow("{% set ns.l = [ns.l, ns.l] %}", "{{ ns.l | string }}"),
        grow("{% set ns.x = '%s%s' % (ns.x, ns.x) %}", ""),
        grow("{% set ns.x = ns.x.replace('x', 'xxxxxxxxxxxxxxxx') %}", ""),
        grow("{% set ns.x = (ns.x * 9).join(['', '', '']) %}", ""),
        "{{ 'x' * 2000000000 }}".to_owned(),
        "{{ '%2000000000d' % 1 }}".to_owned(),
        "{{ '{:2000000000}'.format(1) }}".to_owned(),
        "{{ 'x'.ljust(2000000000) }}{{ '1'.zfill(2000000000) }}".to_owned(),
        "{{ [1] | tojson(indent=2000000000) }}".to_owned(),
        "{{ ('ab' * 10000).replace('a', 'x' * 1000000) }}".to_owned(),
    ] {
        let refused = render(&source, &json!({})).unwrap_err();
        assert!(!refused.is_empty(), "{source}");
    }
    let error =
        render("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", &json!({}));
    assert!(error.unwrap_err().contains("takes too many steps"));
}

#[test]
fn long_conversations_are_rendered() {
    let source = "{% for m in messages %}{% for n in messages %}{{ '' if n.role else 'x' }}{% endfor %}\
                  {{ m.content | trim | upper | lower }}{% endfor %}";
    let mut long = example(&json!({}));
    let turns = long.messages.clone();
    long.messages = turns.iter().cycle().take(600).cloned().collect();
    long.messages[0].content = "word ".repeat(400_000);
    assert_eq!(of_source(source).render(&long, false).unwrap().len(), 1_999_999 + 599);
}

/// A template that puts a value into another, as often as it can.
fn growing(value: &str, shown: &str) -> String {
    format!(
        "{{% set ns = namespace(x=[1], y=[]) %}}{{% for i in range(100000) %}}{{% set ns.x = {value} %}}{{% endfor %}}{shown}"
    )
}

#[test]
fn values_that_grow_into_each_other_are_stopped() {
    for value in
        ["[ns.x]", "{'a': ns.x}", "(ns.x, 1)", "namespace(x=ns.x)", "dict(a=ns.x)", "ns.x | batch(1)"]
    {
        let error = render(&growing(value, "a"), &json!({})).unwrap_err();
        assert!(error.contains("nested too deep") || error.contains("too many steps"), "{value}: {error}");
    }
    // What is small but stands for much is as expensive as all of it.
    let error = render(&growing("[ns.x, ns.x]", "{{ ns.x == ns.y }}"), &json!({})).unwrap_err();
    assert!(error.contains("too many steps"), "{error}");
    let recursive = "{% macro f(x, n) %}{% if n %}{{ f([[[[[[[[x]]]]]]]], n - 1) }}{% endif %}{% endmacro %}{{ f(1, 30) }}";
    let error = render(recursive, &json!({})).unwrap_err();
    assert!(error.contains("nested too deep"), "{error}");
}

#[test]
fn lists_that_grow_are_as_long_as_they_are() {
    let source = "{% set ns = namespace(x=messages) %}{% for i in range(5000) %}{% set ns.x = ns.x[0:] + [i] %}\
                  {% set ns.x = ns.x[1:] %}{% endfor %}{{ ns.x }}";
    assert_eq!(render(source, &json!({})).unwrap(), "[4998, 4999]");
}

#[test]
fn the_template_of_a_processor_is_read_where_the_tokenizer_has_none() {
    // As LLaVA's: text is shown as a part of a list only.
    let parts = "{% for m in messages %}{{ m.role }}:{% for part in m.content | selectattr('type', 'equalto', 'text') \
                 %} {{ part.text }}{% endfor %};{% endfor %}";
    let texts = "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}";
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, template: &str| {
        fs_err::write(dir.path().join(name), json!({"chat_template": template}).to_string()).unwrap();
    };
    let rendered = |place: &str| {
        let template = load(dir.path(), "auto").unwrap();
        assert!(template.name().starts_with(place), "{}", template.name());
        (template.render(&example(&json!({})), false).unwrap(), template.digest().to_owned())
    };
    fs_err::write(dir.path().join("processor_config.json"), "{\"image_seq_length\": 576}").unwrap();
    write("chat_template.json", parts);
    let (text, digest) =
        rendered("chat_template.json of the processor; the tokenizer has no template, which gets");
    assert_eq!(text, "user: q;assistant: a;");
    fs_err::write(dir.path().join("of_file.jinja"), parts).unwrap();
    let of_file = load(dir.path(), dir.path().join("of_file.jinja").to_str().unwrap()).unwrap();
    assert_eq!(of_file.render(&example(&json!({})), false).unwrap(), "user:;assistant:;");
    assert_ne!(of_file.digest(), digest, "the same source, and other texts");

    // As in `AutoProcessor`, the config comes first; the tokenizer's own comes before both.
    write("processor_config.json", texts);
    assert_eq!(
        rendered("processor_config.json of the processor; the tokenizer has no template").0,
        "user=q;assistant=a;"
    );
    write("tokenizer_config.json", "T");
    assert_eq!(rendered("tokenizer_config.json").0, "T");
    fs_err::write(dir.path().join("tokenizer_config.json"), "{}").unwrap();
    fs_err::write(dir.path().join("processor_config.json"), "{\"chat_template\": {\"a\": \"b\"}}").unwrap();
    let error = load(dir.path(), "auto").unwrap_err().to_string();
    assert!(error.contains("processor_config.json") && error.contains("--chat-template FILE"), "{error}");
}
