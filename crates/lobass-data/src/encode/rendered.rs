//! A conversation as text, and how it is rendered with something else in place of a part of it.

use std::ops::Range;

use lobass_core::RowStatus;

use super::shadow::{self, Part};
use crate::template::Scene;
use crate::{ChatTemplate, Example, RowFault};

/// A rendered conversation.
pub(super) struct Rendered<'a> {
    pub(super) template: &'a ChatTemplate,
    pub(super) example: &'a Example,
    pub(super) scene: Scene,
    pub(super) special_tokens: &'a [String],
    /// The token that sequences begin with, which ends no turn.
    pub(super) bos: Option<&'a str>,
    pub(super) text: String,
}

/// The visibility of a part of a turn in a rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// These bytes of the text.
    At(Range<usize>),
    /// Nothing: another text there makes no difference.
    Not,
    /// The template does not accept another text.
    Unknown,
}

impl Shown {
    /// The bytes, if they are known.
    pub(super) fn place(self) -> Option<Range<usize>> {
        match self {
            Self::At(place) => Some(place),
            Self::Not | Self::Unknown => None,
        }
    }
}

impl<'a> Rendered<'a> {
    /// # Errors
    /// [`RowStatus::TemplateError`] if the template does not accept the conversation.
    pub(super) fn new(
        template: &'a ChatTemplate,
        example: &'a Example,
        special_tokens: &'a [String],
        bos: Option<&'a str>,
    ) -> Result<Self, RowFault> {
        let scene = Scene::new(example)?;
        let text = template
            .render_turns(&scene, scene.turns.len(), false)
            .map_err(|reason| RowFault { status: RowStatus::TemplateError, reason })?;
        Ok(Self { template, example, scene, special_tokens, bos, text })
    }

    /// The rendering of the first turns alone; `None` if the template does not accept them, although it accepts all.
    pub(super) fn prefix(&self, n_turns: usize, add_generation_prompt: bool) -> Option<String> {
        self.template.render_turns(&self.scene, n_turns, add_generation_prompt).ok()
    }

    /// The text that the template writes to ask for turn `at`.
    pub(super) fn generation_prompt(&self, at: usize) -> Option<String> {
        let (without, with) = (self.prefix(at, false)?, self.prefix(at, true)?);
        with.strip_prefix(without.as_str()).map(str::to_owned)
    }

    /// Where the whole rendering shows a part of turn `at`.
    pub(super) fn shown(&self, at: usize, part: Part) -> Shown {
        match self.with_other(at, part, self.scene.turns.len()) {
            None => Shown::Unknown,
            Some(other) => shadow::difference(&self.text, &other).map_or(Shown::Not, Shown::At),
        }
    }

    /// The rendering of the first turns, with something else in place of a part of turn `at`.
    pub(super) fn with_other(&self, at: usize, part: Part, n_turns: usize) -> Option<String> {
        let scene = self.scene.with_turn(at, shadow::shadow(&self.example.messages[at], part));
        self.template.render_turns(&scene, n_turns, false).ok()
    }
}

/// Why the response of turn `at` cannot be scored.
pub(super) fn fault(at: usize, why: &str) -> RowFault {
    let reason = format!("cannot tell where the response of turn {} is: {why}", at + 1);
    RowFault { status: RowStatus::TemplateError, reason }
}

/// The length of the white space that a text begins with.
pub(super) fn leading_space(text: &str) -> usize {
    text.len() - text.trim_start().len()
}
