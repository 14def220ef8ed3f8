//! All tensors of a model and all tensors of its files, and how the ones lie in the others.

use std::collections::BTreeMap;

use super::pattern::Pattern;
use super::piece::Piece;
use super::rows;
use super::rules::{Form, ModuleRule, NameRules};
use super::tensor::TensorSpec;

/// The tensors of a model's files, without what a wrapper adds to their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    stored: Vec<StoredTensor>,
    /// Index of the stored tensor and of the part in it, by the model's name.
    places: BTreeMap<String, (usize, usize)>,
}

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredTensor {
    /// Its name and shape in the file.
    pub(crate) spec: TensorSpec,
    /// The tensors of the model in it. Together they are all of it.
    pub(crate) parts: Vec<StoredPart>,
}

impl StoredTensor {
    /// Whether it has rows as columns.
    pub(crate) fn is_transposed(&self) -> bool {
        self.parts.iter().any(|part| part.piece.transposed)
    }
}

/// A tensor of the model, and where it is in one of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredPart {
    /// Its name and shape in the model.
    pub(crate) spec: TensorSpec,
    pub(crate) piece: Piece,
}

/// A tensor of the model that waits for the others of its stored tensor.
struct Found<'a> {
    spec: &'a TensorSpec,
    /// Its place among the parts of the rule.
    part: usize,
    /// Its matrix, in a stack.
    expert: usize,
}

impl Layout {
    /// Arranges the tensors of a model by rules. The order is that of the first part of each.
    ///
    /// # Panics
    /// If the rows of a part are no multiple of the number of groups.
    pub(crate) fn new(rules: &NameRules, model: &[TensorSpec]) -> Self {
        let mut order: Vec<String> = Vec::new();
        let mut by_name: BTreeMap<String, (Option<Form>, Vec<Found<'_>>)> = BTreeMap::new();
        for spec in model {
            let (name, form, found) = rules.stored(spec);
            let (_, parts) = by_name.entry(name.clone()).or_insert_with(|| {
                order.push(name);
                (form, Vec::new())
            });
            parts.push(found);
        }
        let stored = order.into_iter().map(|name| {
            let (form, mut found) = by_name.remove(&name).unwrap_or_default();
            found.sort_by_key(|found| (found.expert, found.part));
            rules.joined(name, form, &found)
        });
        let stored: Vec<StoredTensor> = stored.collect();
        let mut places = BTreeMap::new();
        for (at, tensor) in stored.iter().enumerate() {
            let names = tensor.parts.iter().map(|part| part.spec.name.clone());
            places.extend(names.enumerate().map(|(part, name)| (name, (at, part))));
        }
        Self { stored, places }
    }

    /// The tensors of the files.
    pub(crate) fn stored(&self) -> &[StoredTensor] {
        &self.stored
    }

    /// Where a tensor of the model is.
    pub(crate) fn place(&self, name: &str) -> Option<(&TensorSpec, &Piece)> {
        let &(stored, part) = self.places.get(name)?;
        let stored = &self.stored[stored];
        Some((&stored.spec, &stored.parts[part].piece))
    }
}

impl NameRules {
    /// The name in files of a tensor of the model.
    pub(crate) fn stored_name(&self, name: &str) -> String {
        let (path, parameter) = split(name);
        self.rule_of(path)
            .map_or_else(|| name.to_owned(), |(rule, _, numbers)| rule.name(parameter, &numbers))
    }

    fn stored<'a>(&self, spec: &'a TensorSpec) -> (String, Option<Form>, Found<'a>) {
        let (path, parameter) = split(&spec.name);
        let Some((rule, part, numbers)) = self.rule_of(path) else {
            return (spec.name.clone(), None, Found { spec, part: 0, expert: 0 });
        };
        let is_stack = matches!(rule.form, Form::Stack(_));
        let expert = numbers.last().copied().filter(|_| is_stack).unwrap_or_default();
        (rule.name(parameter, &numbers), Some(rule.form), Found { spec, part, expert })
    }

    /// The rule for a module of the model, its place in the rule, and the numbers of its path.
    fn rule_of(&self, path: &str) -> Option<(&ModuleRule, usize, Vec<usize>)> {
        self.modules.iter().find_map(|rule| {
            let fits = |(at, pattern): (usize, &Pattern)| Some((at, pattern.numbers(path)?));
            let (part, numbers) = rule.parts.iter().enumerate().find_map(fits)?;
            Some((rule, part, numbers))
        })
    }

    /// The stored tensor of some parts, in order.
    fn joined(&self, name: String, form: Option<Form>, found: &[Found<'_>]) -> StoredTensor {
        let experts = found.last().map_or(1, |last| last.expert + 1);
        let in_first: Vec<usize> =
            found.iter().take_while(|part| part.expert == 0).map(|part| part.spec.shape[0]).collect();
        let n_parts = in_first.len().max(1);
        let (groups, transposed, is_stack) = match form {
            None | Some(Form::Bare) => (1, false, false),
            Some(Form::Groups(groups)) => (groups, false, false),
            Some(Form::Stack(stack)) => {
                let groups = if stack.interleaved { in_first[0] } else { 1 };
                (groups, stack.transposed && found[0].spec.shape.len() == 2, true)
            }
        };
        assert!(in_first.iter().all(|rows| rows % groups == 0), "`{name}`: parts have rows in each group");
        assert_eq!(n_parts * experts, found.len(), "`{name}`: each expert has all parts");
        let part = |(at, part): (usize, &Found<'_>)| {
            let fused = (n_parts > 1).then(|| rows::of_part(&in_first, at % n_parts, groups));
            let rows = self.turned(part.spec, fused);
            let piece = Piece { slab: is_stack.then_some(part.expert), rows, transposed };
            StoredPart { spec: part.spec.clone(), piece }
        };
        let parts = found.iter().enumerate().map(part).collect();
        let mut shape = found[0].spec.shape.clone();
        shape[0] = in_first.iter().sum();
        if transposed {
            shape.reverse();
        }
        if is_stack {
            shape.insert(0, experts);
        }
        StoredTensor { spec: TensorSpec { name, shape }, parts }
    }

    /// The rows of a tensor of the model in a file, given those of the part that it is.
    fn turned(&self, spec: &TensorSpec, rows: Option<Vec<usize>>) -> Option<Vec<usize>> {
        let (path, _) = split(&spec.name);
        let Some((_, head)) = self.turned.iter().find(|(pattern, _)| pattern.numbers(path).is_some()) else {
            return rows;
        };
        let turned = rows::of_halves(spec.shape[0], *head);
        Some(match rows {
            None => turned,
            Some(rows) => turned.into_iter().map(|row| rows[row]).collect(),
        })
    }
}

impl ModuleRule {
    /// The name in files of a parameter of the module.
    fn name(&self, parameter: &str, numbers: &[usize]) -> String {
        let path = self.stored.with(numbers);
        match (self.form, parameter) {
            (Form::Bare, _) => path,
            (Form::Stack(stack), "weight") if stack.bare => path,
            (Form::Stack(stack), _) if stack.bare => format!("{path}_{parameter}"),
            _ => format!("{path}.{parameter}"),
        }
    }
}

/// The module of a tensor, and the name of the parameter in it.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}
