//! What a template marks as said by the model, with `{% generation %}`.

use lobass_core::RowStatus;

use super::rendered::Rendered;
use super::spans::ResponseSpan;
use crate::{Role, RowFault};

/// The marked parts, in order, as transformers finds them. Turns that are not to be scored are left out, where the
/// template marks as many parts as there are turns of the assistant.
///
/// # Errors
/// [`RowStatus::TemplateError`] if marks change the text, if nothing is marked, or if it cannot be told which parts
/// are of turns that are not to be scored.
pub(super) fn spans(rendered: &Rendered<'_>) -> Result<Vec<ResponseSpan>, RowFault> {
    let fault = |reason: &str| RowFault { status: RowStatus::TemplateError, reason: reason.to_owned() };
    let marked = rendered.template.render_marked(&rendered.scene).map_err(|reason| fault(&reason))?;
    if marked.text != rendered.text {
        return Err(fault(
            "cannot tell what `{% generation %}` blocks mark: the template changes their text later",
        ));
    }
    if marked.blocks.is_empty() {
        return Err(fault("no `{% generation %}` block of the chat template is in the text"));
    }
    let scored: Vec<bool> = rendered
        .example
        .messages
        .iter()
        .filter(|turn| turn.role == Role::Assistant)
        .map(|turn| turn.scored)
        .collect();
    let all = scored.iter().all(|&scored| scored);
    if !all && scored.len() != marked.blocks.len() {
        let reason = format!(
            "cannot tell which `{{% generation %}}` blocks are of turns that are not to be scored: {} blocks, {} turns",
            marked.blocks.len(),
            scored.len()
        );
        return Err(fault(&reason));
    }
    let counts = marked.blocks.into_iter().enumerate().filter(|(at, _)| all || scored[*at]);
    Ok(counts.map(|(at, block)| ResponseSpan::marked(block, at)).collect())
}
