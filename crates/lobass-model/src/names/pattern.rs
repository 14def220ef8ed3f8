//! Paths of modules with numbers left open.

/// A dotted path in which `*` stands for any number: `model.layers.*.mlp.gate_proj`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The numbers of a path that fits, in order.
    pub(super) fn numbers(&self, path: &str) -> Option<Vec<usize>> {
        let (mut open, mut parts) = (Vec::new(), path.split('.'));
        for expected in self.0.split('.') {
            let part = parts.next()?;
            match expected {
                "*" => open.push(part.parse().ok()?),
                _ if expected == part => {}
                _ => return None,
            }
        }
        parts.next().is_none().then_some(open)
    }

    /// Whether a path ends as this one does after its last number.
    pub(super) fn ends(&self, path: &str) -> bool {
        path.ends_with(self.0.rsplit('*').next().unwrap_or(&self.0))
    }

    /// The path with these numbers; spare numbers are left out.
    pub(super) fn with(&self, numbers: &[usize]) -> String {
        let mut numbers = numbers.iter();
        let mut filled = |part: &str| match part {
            "*" => numbers.next().map_or_else(|| part.to_owned(), usize::to_string),
            _ => part.to_owned(),
        };
        self.0.split('.').map(&mut filled).collect::<Vec<_>>().join(".")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_are_numbers_and_nothing_else() {
        let pattern = Pattern::new("model.layers.*.mlp.experts.*.up_proj");
        assert_eq!(pattern.numbers("model.layers.3.mlp.experts.12.up_proj"), Some(vec![3, 12]));
        assert_eq!(pattern.with(&[3, 12]), "model.layers.3.mlp.experts.12.up_proj");
        assert_eq!(Pattern::new("layers.*.mlp").with(&[3, 12]), "layers.3.mlp");
        for other in [
            "model.layers.3.mlp.experts.12.up_proj.weight",
            "model.layers.3.mlp.experts.12",
            "model.layers.a.mlp.experts.12.up_proj",
            "layers.3.mlp.experts.12.up_proj",
        ] {
            assert_eq!(pattern.numbers(other), None, "{other}");
        }
    }
}
