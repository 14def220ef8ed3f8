//! One set of rotary settings.

use serde_json::{Map, Value};

use super::Around;
use super::scaling::ORIGINAL;
use crate::config::ConfigError;
use crate::config::fields::{Fields, Said, brief};
use crate::config::unread::says_something;
use crate::{Finding, Growth, RopeScaling, RopeSpec};

/// One set of rotary settings, and what stands around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) root: Fields<'a>,
    pub(super) around: Around,
    /// Entries for kinds of layers, all the same, of which the settings are one.
    pub(super) nested: bool,
}

impl<'a> Settings<'a> {
    pub(super) fn new(
        root: Fields<'a>,
        name: &'a str,
        map: &'a Map<String, Value>,
        around: Around,
    ) -> Result<Self, ConfigError> {
        let flat = Self { fields: root.within(name, map), root, around, nested: false };
        let mut entries = map.iter().filter_map(|(kind, value)| Some((kind, value.as_object()?)));
        let Some((_, first)) = entries.next() else { return Ok(flat) };
        let unsupported = |kind: &str, expected: &str| Err(ConfigError::unsupported(name, kind, expected));
        if let Some((other, _)) = entries.find(|(_, entry)| *entry != first) {
            return unsupported(other, "one set of parameters for all layers");
        }
        let inner = Self { fields: root.within(name, first), nested: true, ..flat };
        // Classes without kinds of layers take what stands beside the entries.
        match !around.has_kinds && flat.rope()? != inner.rope()? {
            true => unsupported(
                "parameters for kinds of layers",
                "one set of parameters, since transformers ignores such entries in this family",
            ),
            false => Ok(inner),
        }
    }

    /// Settings of one kind of layers.
    pub(super) fn of_kind(
        root: Fields<'a>,
        name: &'a str,
        map: &'a Map<String, Value>,
        around: Around,
    ) -> Self {
        Self { fields: root.within(name, map), root, around, nested: true }
    }

    /// The embedding that the settings describe.
    pub(super) fn rope(&self) -> Result<RopeSpec, ConfigError> {
        let width = self.width()?;
        let theta = match self.fields.positive("rope_theta")? {
            Some(theta) => theta,
            None => self.root.positive("rope_theta")?.unwrap_or(self.around.theta),
        };
        let max_positions = self.around.max_positions;
        let (theta, scaling) = match self.alpha(width)? {
            Some(stretch) => (theta * stretch, RopeScaling::Default),
            None => (theta, self.scaling(theta, width)?),
        };
        Ok(RopeSpec { theta, width, max_positions, scaling, growth: self.growth()? })
    }

    /// How many values of a head are turned. All of them where the config says null: the class of a family then has no
    /// default.
    fn width(&self) -> Result<usize, ConfigError> {
        let inside = self.fields.number("partial_rotary_factor")?;
        let outside = self.root.number("partial_rotary_factor")?;
        let is_null = self.root.value("partial_rotary_factor").is_some_and(Value::is_null);
        let partial = inside.or(outside).or(is_null.then_some(1.0));
        let Around { head_width, partial: of_family, .. } = self.around;
        if self.is_proportional()? {
            return Ok(head_width);
        }
        match (partial, of_family) {
            (None | Some(1.0), None) => Ok(head_width),
            (Some(partial), None) => Err(ConfigError::unsupported("partial_rotary_factor", partial, "1.0")),
            (partial, Some(default)) => {
                let partial = partial.unwrap_or(default);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "as in the reference, the part is rounded down"
                )]
                let width = (head_width as f64 * partial) as usize;
                let expected = "a part of the head that is an even number of values";
                match width > 0 && width <= head_width && width.is_multiple_of(2) {
                    true => Ok(width),
                    false => Err(ConfigError::invalid("partial_rotary_factor", partial, expected)),
                }
            }
        }
    }

    /// The factor of the base, where `dynamic` scaling has a fixed one.
    ///
    /// Source: `compute_ntk_alpha_rope_parameters` of `modeling_hunyuan_v1_dense.py` in transformers 5.24.
    fn alpha(&self, width: usize) -> Result<Option<f64>, ConfigError> {
        if !self.around.has_alpha || self.kind()? != "dynamic" {
            return Ok(None);
        }
        let alpha = self.fields.number("alpha")?.filter(|&alpha| alpha != 0.0);
        if alpha.is_some() {
            self.fields.knows(&["factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow"]);
        }
        Ok(alpha.map(|alpha| alpha.powf(width as f64 / (width as f64 - 2.0))))
    }

    /// Whether all of a head counts, and the first pairs turn.
    fn is_proportional(&self) -> Result<bool, ConfigError> {
        Ok(self.around.has_proportional && self.kind()? == "proportional")
    }

    /// The growth of cosines and sines, in families that have one.
    fn growth(&self) -> Result<Option<Growth>, ConfigError> {
        const BETA: &str = "llama_4_scaling_beta";
        if !self.around.grows {
            return Ok(None);
        }
        let beta = self.fields.number(BETA)?.ok_or_else(|| ConfigError::missing(&self.fields.path(BETA)))?;
        let every = match self.kind()? {
            "llama3" | "yarn" | "longrope" => self.original()?,
            _ => self.required(ORIGINAL)?,
        };
        Ok(Some(Growth { beta, every }))
    }

    /// The name of the scaling.
    pub(super) fn kind(&self) -> Result<&'a str, ConfigError> {
        let name = if self.fields.value("rope_type").is_some() { "rope_type" } else { "type" };
        match self.fields.text(name)? {
            Said::Value(kind) => {
                let alias = self.around.aliases.iter().find(|(alias, _)| *alias == kind);
                Ok(alias.map_or(kind, |(_, kind)| *kind))
            }
            Said::LeftOut => Ok("default"),
            Said::Null => Err(ConfigError::invalid(&self.fields.path(name), "null", "a text")),
        }
    }

    /// Notes the fields that this kind of settings has no use for.
    pub(super) fn note_unread(&self) {
        self.fields.knows(&["rope_type", "type", "rope_theta", "partial_rotary_factor", "mrope_section"]);
        self.fields.knows(self.around.also);
        for (name, value) in self.fields.iter() {
            if !self.fields.is_read(name) && says_something(value) {
                let (field, value) = (self.fields.path(name), brief(value));
                self.fields.note(Finding::UnreadField { field, value });
            }
        }
    }
}
