//! A model inside a wrapper, whose tensors have longer names.

/// Pairs of beginnings of names: in files, and in the model inside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wrapping(Vec<(&'static str, &'static str)>);

impl Wrapping {
    pub(crate) const fn none() -> Self {
        Self(Vec::new())
    }

    pub(super) fn new(prefixes: &[(&'static str, &'static str)]) -> Self {
        Self(prefixes.to_vec())
    }

    /// The name in files of a tensor or module of the model.
    pub(crate) fn outer(&self, name: &str) -> String {
        exchanged(name, self.0.iter().map(|&(outer, inner)| (inner, outer)))
            .unwrap_or_else(|| name.to_owned())
    }

    /// The name in the model of a tensor or module of a file; `None` if it is outside of the model.
    pub(crate) fn inner(&self, name: &str) -> Option<String> {
        match self.0.is_empty() {
            true => Some(name.to_owned()),
            false => exchanged(name, self.0.iter().copied()),
        }
    }
}

fn exchanged<'a>(name: &str, mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    pairs.find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)))
}
