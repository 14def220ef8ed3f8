//! Rows of data, and the templates that they are rendered with.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use super::{Target, command, remove, small_pool, unpack_demo};
use crate::mutate::Kind;

/// Reads every row for its text, its tokens, and its mask.
pub(super) fn read(dir: &Path, name: &str) {
    // An error is right; a panic is not.
    let _ = command(dir, &format!("inspect --base {{base}} --data {{{name}}} --row 0"));
    let _ = command(dir, &format!("inspect --base {{base}} --data {{{name}}} --row 3"));
    let _ = command(dir, &format!("quality --data {{{name}}}"));
}

pub(super) fn write_and_read(dir: &Path, name: &str, input: &[u8]) {
    remove(dir.join(name));
    fs_err::write(dir.join(name), input).unwrap();
    read(dir, name);
}

pub(super) const CONVERSATIONS: &str = r#"{"id": 1, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi there."}]}
{"id": "b", "conversations": [{"from": "human", "value": "One?"}, {"from": "gpt", "value": "Two."}, {"from": "human", "value": "Three?"}, {"from": "gpt", "value": "Four.", "weight": 0}]}
{"messages": [{"role": "user", "content": [{"type": "text", "text": "Parts"}]}, {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1e-5}}}]}, {"role": "tool", "content": "3"}, {"role": "assistant", "content": "It is 3.", "reasoning_content": "Add."}], "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}
{"prompt": "Say", "completion": " it", "chat_template_kwargs": {"enable_thinking": false}}
{"instruction": "Add", "input": "1 2", "output": "3", "chosen": "a", "rejected": "b"}
"#;

fn seeds(dir: &Path) -> Vec<Vec<u8>> {
    unpack_demo(dir);
    vec![CONVERSATIONS.as_bytes().to_vec(), small_pool(dir, 6)]
}

pub(super) const LINES: Target = Target {
    name: "json-lines",
    kind: Kind::Lines,
    prepare: |dir| {
        let mut seeds = seeds(dir);
        // A file has one format, so that each line of the first is a file too.
        seeds.extend(CONVERSATIONS.lines().map(|line| format!("{line}\n{line}\n").into_bytes()));
        seeds
    },
    run: |dir, input| write_and_read(dir, "rows.jsonl", input),
};

pub(super) const ARRAY: Target = Target {
    name: "json-array",
    kind: Kind::Json,
    prepare: |dir| {
        let array = |seed: &Vec<u8>| {
            let text = String::from_utf8_lossy(seed).trim_end().replace('\n', ",\n");
            format!("[{text}]").into_bytes()
        };
        let mut arrays: Vec<Vec<u8>> = seeds(dir).iter().map(array).collect();
        arrays.extend(CONVERSATIONS.lines().map(|line| format!("{{\"data\": [{line}]}}").into_bytes()));
        arrays
    },
    run: |dir, input| write_and_read(dir, "rows.json", input),
};

pub(super) const CSV: Target = Target {
    name: "csv",
    kind: Kind::Text(&[
        ",",
        "\"",
        "\"\"",
        "\n",
        "\r\n",
        ";",
        "\t",
        "\u{feff}",
        "\0",
        "prompt",
        "\"a,\nb\"",
        "é",
    ]),
    prepare: |dir| {
        unpack_demo(dir);
        vec![
            b"id,prompt,completion\n1,Say it,\"It, \"\"quoted\"\"\nover lines\"\n2,Again,Yes\n3,a,b\n4,c,d\n"
                .to_vec(),
            b"instruction,input,output\r\nAdd,1 2,3\r\nSub,,0\r\n".to_vec(),
        ]
    },
    run: |dir, input| write_and_read(dir, "rows.csv", input),
};

pub(super) const PARQUET: Target = Target {
    name: "parquet",
    kind: Kind::Bytes,
    prepare: |dir| {
        unpack_demo(dir);
        vec![parquet_rows()]
    },
    run: |dir, input| write_and_read(dir, "rows.parquet", input),
};

fn parquet_rows() -> Vec<u8> {
    let texts = |word: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..5).map(|row| format!("{word} {row}"))))
    };
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5));
    let columns = [("id", ids), ("prompt", texts("say")), ("completion", texts("said"))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

const JINJA: &[&str] = &[
    "{%",
    "%}",
    "{{",
    "}}",
    "{#",
    "#}",
    "{%-",
    "-%}",
    "{% for m in messages %}",
    "{% endfor %}",
    "{% if ",
    "{% endif %}",
    "{% else %}",
    "{% set x = ",
    "{% macro f(a) %}",
    "{% endmacro %}",
    "messages",
    "messages[0]",
    "message['content']",
    ".content",
    "['role']",
    "loop.index0",
    "loop.last",
    "range(10)",
    "range(1000000000)",
    "namespace(x=1)",
    "| tojson",
    "| trim",
    "| join(',')",
    "| length",
    "| safe",
    "| tojson(indent=4)",
    ".split('a')",
    "[::-1]",
    "[1:]",
    "* 99999999",
    "** 9",
    "% 0",
    "/ 0",
    "~ 'a'",
    "not in",
    "is defined",
    "is string",
    "raise_exception('no')",
    "strftime_now('%Y')",
    "f(f)",
    "{% generation %}",
    "{% endgeneration %}",
    "add_generation_prompt",
    "'a' * 1000000000",
    "none",
    "-1",
];

const TEMPLATES: [&str; 3] = [
    "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "{%- if tools %}{{ tools | tojson(indent=2) }}{% endif -%}{% set ns = namespace(last=none) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}{% for m in messages %}{{ '<' + m.role + '>' }}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}{% if m.tool_calls %}{% for c in m.tool_calls %}{{ c.function | tojson }}{% endfor %}{% endif %}</{{ m.role }}>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
    "{% macro turn(m) %}{{ m.role.upper() }}: {{ m.content.split('x')[-1] }}{% endmacro %}{% for m in messages[:-1] %}{{ turn(m) }}{% endfor %}{% generation %}{{ messages[-1].content }}{% endgeneration %}",
];

pub(super) const TEMPLATE: Target = Target {
    name: "template",
    kind: Kind::Text(JINJA),
    prepare: |dir| {
        unpack_demo(dir);
        let rows: Vec<&str> = CONVERSATIONS.lines().take(1).collect();
        fs_err::write(dir.join("one.jsonl"), rows.concat()).unwrap();
        let rows: Vec<&str> = CONVERSATIONS.lines().skip(2).take(1).collect();
        fs_err::write(dir.join("tools.jsonl"), rows.concat()).unwrap();
        TEMPLATES.map(|template| template.as_bytes().to_vec()).to_vec()
    },
    run: |dir, input| {
        fs_err::write(dir.join("chat.jinja"), input).unwrap();
        for data in ["one.jsonl", "tools.jsonl"] {
            let _ = command(
                dir,
                &format!("inspect --base {{base}} --data {{{data}}} --chat-template {{chat.jinja}} --row 0"),
            );
        }
    },
};
