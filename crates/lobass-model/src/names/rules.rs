//! How a family stores what the model calls otherwise.

use super::pattern::Pattern;
use super::rows::RotaryHead;
use super::wrapping::Wrapping;

/// The rules by which a family's files name and arrange the tensors of a model. Without rules, files and model agree.
///
/// Paths are those of modules, from the root, with `*` for a number. A rule holds for weight and bias alike.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NameRules {
    pub(super) modules: Vec<ModuleRule>,
    /// Stacks that some files have instead of a tensor for each expert.
    some_have: Vec<ModuleRule>,
    pub(super) turned: Vec<(Pattern, RotaryHead)>,
    pub(super) wrappings: Vec<Wrapping>,
    pub(super) carried: Vec<&'static str>,
    /// A stored head that differs from the embedding is no tied one, whatever the config means.
    pub(crate) head_may_differ: bool,
}

/// A module of the file and the modules of the model in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModuleRule {
    pub(super) stored: Pattern,
    pub(super) parts: Vec<Pattern>,
    pub(super) form: Form,
}

/// How the parts of a module lie in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In this many equal groups of rows, each with some rows of every part.
    Groups(usize),
    /// A tensor without a module: its name does not end in `.weight`.
    Bare,
    /// Each in one matrix of a stack.
    Stack(Stack),
}

/// A stack of the matrices of all experts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Rows of the parts alternate; else the parts follow each other.
    pub(crate) interleaved: bool,
    /// Matrices are `[in, out]`.
    pub(crate) transposed: bool,
    /// The tensor is a parameter without a module: `gate_up_proj` and `gate_up_proj_bias`, not `.weight` and `.bias`.
    pub(crate) bare: bool,
}

impl NameRules {
    /// A module has another name in files.
    #[must_use]
    pub(crate) fn renamed(self, stored: &str, module: &str) -> Self {
        self.fused(stored, &[module])
    }

    /// A module of files has the rows of several modules, one after the other.
    #[must_use]
    pub(crate) fn fused(self, stored: &str, modules: &[&str]) -> Self {
        self.grouped(stored, modules, 1)
    }

    /// A module of files has the rows of several modules, in equal groups with some rows of each.
    #[must_use]
    pub(crate) fn grouped(self, stored: &str, modules: &[&str], groups: usize) -> Self {
        self.module(stored, modules, Form::Groups(groups))
    }

    /// A tensor of files without a module is the weight of a module.
    #[must_use]
    pub(crate) fn bare(self, stored: &str, module: &str) -> Self {
        self.module(stored, &[module], Form::Bare)
    }

    /// A tensor of files has the matrices of all experts. The last number in the paths of `modules` is the expert's.
    #[must_use]
    pub(crate) fn stacked(self, stored: &str, modules: &[&str], stack: Stack) -> Self {
        self.module(stored, modules, Form::Stack(stack))
    }

    /// As [`NameRules::stacked`], in some of the family's files; the others have a tensor for each expert.
    #[must_use]
    pub(crate) fn stacked_in_some(mut self, stored: &str, modules: &[&str], stack: Stack) -> Self {
        let last = self.modules.len();
        self = self.stacked(stored, modules, stack);
        self.some_have.extend(self.modules.drain(last..));
        self
    }

    /// The rules for files with tensors of these names.
    #[must_use]
    pub(crate) fn for_files<'a>(mut self, mut stored: impl Iterator<Item = &'a str>) -> Self {
        let some_have = std::mem::take(&mut self.some_have);
        if stored.any(|name| some_have.iter().any(|rule| rule.stored.ends(name))) {
            self.modules.extend(some_have);
        }
        self
    }

    /// The rows of a module are those of heads which RoPE turns in pairs of neighbors. The model turns halves.
    #[must_use]
    pub(crate) fn interleaved_rotary(mut self, module: &str, head: RotaryHead) -> Self {
        self.turned.push((Pattern::new(module), head));
        self
    }

    /// The model is inside a wrapper: pairs of beginnings of names, in files and in the model. Of several wrappings the
    /// first that fits a file is used; files are written with the first one, or with that of the base.
    #[must_use]
    pub(crate) fn wrapped(mut self, prefixes: &[(&'static str, &'static str)]) -> Self {
        self.wrappings.push(Wrapping::new(prefixes));
        self
    }

    /// Tensors that are no part of the model, by the beginnings of their names in files. They are written to files as
    /// they were read.
    #[must_use]
    pub(crate) fn carried(mut self, prefixes: &[&'static str]) -> Self {
        self.carried.extend(prefixes);
        self
    }

    /// A tied head that is stored, and differs from the embedding, is a head.
    #[must_use]
    pub(crate) fn with_head_that_may_differ(mut self) -> Self {
        self.head_may_differ = true;
        self
    }

    /// Whether a tensor of a file is no part of the model, and known to be none.
    pub(crate) fn is_carried(&self, stored: &str) -> bool {
        self.carried.iter().any(|prefix| stored.starts_with(prefix))
    }

    /// The wrapping that most of the names of a file have, given those that the model knows; of equal ones the first.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator that is gone through more than once")]
    pub(crate) fn wrapping_of<'a>(
        &self,
        stored: impl Iterator<Item = &'a str> + Clone,
        is_known: impl Fn(&str) -> bool,
    ) -> Option<&Wrapping> {
        let n_known = |wrapping: &&Wrapping| {
            stored.clone().filter(|name| wrapping.inner(name).is_some_and(|inner| is_known(&inner))).count()
        };
        // Of equal ones `max_by_key` takes the last.
        self.wrappings.iter().rev().max_by_key(n_known)
    }

    /// The wrapping that files are written with.
    pub(crate) fn wrapping(&self) -> &Wrapping {
        static NONE: Wrapping = Wrapping::none();
        self.wrappings.first().unwrap_or(&NONE)
    }

    fn module(mut self, stored: &str, modules: &[&str], form: Form) -> Self {
        let parts = modules.iter().map(|path| Pattern::new(path)).collect();
        self.modules.push(ModuleRule { stored: Pattern::new(stored), parts, form });
        self
    }
}
