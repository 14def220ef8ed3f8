//! Jinja as transformers sets it up for chat templates.
//!
//! Source: `_compile_jinja_template` in `utils/chat_template_utils.py` of transformers 5.24.

use jiff::civil::DateTime;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind};

use super::{filters, generation, nesting, python};

/// An environment with the functions and filters that chat templates use. `now` is what `strftime_now` returns.
pub(super) fn environment(now: DateTime) -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("standard delimiters"));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_unknown_method_callback(python::unknown_method);
    environment.set_formatter(|output, state, value| {
        match value.as_str().filter(|_| value.kind() == ValueKind::String) {
            Some(text) => output.write_str(text)?,
            None => output.write_str(&python::text(value, python::bytes_left(state))?)?,
        }
        Ok(())
    });
    filters::add_to(&mut environment);
    environment.add_filter(generation::FILTER, generation::mark);
    environment.add_filter(nesting::FILTER, nesting::bounded);
    environment.add_filter(nesting::LIST, nesting::list);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", move |format: String| -> Result<String, Error> {
        jiff::fmt::strtime::format(&format, now)
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
    });
    environment
}
