//! `{% generation %}` blocks, which mark the assistant's text for transformers and which Jinja itself does not know.

/// Turns every `{% generation %} .. {% endgeneration %}` into a block that is always rendered.
///
/// White-space control (`{%-`, `-%}`) stays as it was, so the text is the same as transformers renders.
pub(super) fn without_generation_blocks(source: &str) -> String {
    let mut result = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let tag = &rest[start + 2..start + length];
        let word = tag.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        result.push_str(&rest[..start + 2]);
        match word {
            "generation" => result.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => result.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => result.push_str(tag),
        }
        result.push_str("%}");
        rest = &rest[start + length + 2..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_generation_tags_change() {
        let source = "{%- if x %}a{%- generation -%}b{% endgeneration %}{{ '{% generation' }}";
        let expected = "{%- if x %}a{%- if true -%}b{% endif %}{{ '{% generation' }}";
        assert_eq!(without_generation_blocks(source), expected);
    }
}
