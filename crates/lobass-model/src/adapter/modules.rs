//! The modules of a base as its files have them: what `target_modules` and the tensors of an adapter name.

use std::collections::{BTreeMap, BTreeSet};

use crate::DecoderSpec;
use crate::checkpoint::{HEAD, skeleton};
use crate::names::{Layout, Piece, StoredPart, StoredTensor, Wrapping};

/// The modules that an adapter may change, by their paths in files, without what a wrapper puts before them.
#[derive(Debug)]
pub(super) struct Modules {
    /// Projections, which have low-rank updates.
    pub(super) projections: BTreeMap<String, Module>,
    /// Embedding, head, and norms, which are replaced.
    pub(super) wholes: BTreeMap<String, Module>,
    /// The last names of the projections of the layers, without routers, in the order of the model.
    linear_names: Vec<String>,
    /// The last names of routers.
    router_names: Vec<String>,
    /// What a wrapper puts before paths.
    wrapping: Wrapping,
}

/// One module of a file.
#[derive(Debug, Clone)]
pub(super) struct Module {
    /// The shape of its weight; `[out, in]` of a projection.
    pub(super) shape: Vec<usize>,
    /// The modules of the model in it.
    pub(super) parts: Vec<ModulePart>,
}

/// A module of the model, and its rows in the file's.
#[derive(Debug, Clone)]
pub(super) struct ModulePart {
    pub(super) path: String,
    pub(super) piece: Piece,
}

impl Modules {
    pub(super) fn of(base: &DecoderSpec) -> Self {
        let (model, tensors) = skeleton(base);
        let in_order: Vec<String> = model.projections().into_iter().map(|(path, _)| path).collect();
        let projections: BTreeSet<&String> = in_order.iter().collect();
        let mut modules = Self {
            projections: BTreeMap::new(),
            wholes: BTreeMap::new(),
            linear_names: Vec::new(),
            router_names: Vec::new(),
            wrapping: base.names.wrapping().clone(),
        };
        for stored in Layout::new(&base.names, &tensors).stored() {
            // The weights of a convolution can be neither updated nor replaced.
            let Some((path, module)) = Module::of(stored).filter(|(_, module)| module.shape.len() < 3) else {
                continue;
            };
            let is_projection = module.parts.iter().all(|part| projections.contains(&part.path));
            let kind = if is_projection { &mut modules.projections } else { &mut modules.wholes };
            kind.insert(path, module);
        }
        modules.name_projections(&in_order);
        modules.add_tied_head(base);
        modules
    }

    /// The path of a module as PEFT has it.
    pub(super) fn outer(&self, path: &str) -> String {
        self.wrapping.outer(path)
    }

    /// The last names of the projections.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.linear_names.iter().chain(&self.router_names)
    }

    /// The last names of the projections without routers: what `all-linear` means. PEFT leaves routers out too, since
    /// they are no `Linear` in transformers 5.
    pub(super) fn linear_names(&self) -> &[String] {
        &self.linear_names
    }

    /// Whether a projection chooses experts.
    pub(super) fn is_router(&self, path: &str) -> bool {
        self.projections.get(path).is_some_and(|module| module.parts.iter().any(|part| is_router(&part.path)))
    }

    /// Gathers the names of projections, given the projections of the model in order.
    fn name_projections(&mut self, in_order: &[String]) {
        let stored: BTreeMap<&String, &String> = self
            .projections
            .iter()
            .flat_map(|(path, module)| module.parts.iter().map(move |part| (&part.path, path)))
            .collect();
        for part in in_order {
            let names = if is_router(part) { &mut self.router_names } else { &mut self.linear_names };
            let name = stored.get(part).and_then(|path| path.rsplit('.').next());
            if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
                names.push(name.to_owned());
            }
        }
    }

    /// A tied head is a module too, which an adapter may replace.
    fn add_tied_head(&mut self, base: &DecoderSpec) {
        let (stored, model) = (base.names.stored_name(HEAD), module_of(HEAD));
        let head = || Module {
            shape: vec![base.vocab_size, base.hidden_size],
            parts: vec![ModulePart { path: model.to_owned(), piece: Piece::default() }],
        };
        self.wholes.entry(module_of(&stored).to_owned()).or_insert_with(head);
    }

    /// What a wrapper puts before paths of these modules. The adapter of a model without its wrapper has nothing there.
    pub(super) fn wrapping<'a>(
        &self,
        base: &DecoderSpec,
        paths: impl Iterator<Item = &'a str> + Clone,
    ) -> Wrapping {
        let is_known = |path: &str| self.projections.contains_key(path) || self.wholes.contains_key(path);
        match paths.clone().any(is_known) {
            true => Wrapping::none(),
            false => base.names.wrapping_of(paths, is_known).cloned().unwrap_or_default(),
        }
    }
}

impl Module {
    /// The module of a weight, if it is one: experts in a stack are not modules.
    fn of(stored: &StoredTensor) -> Option<(String, Self)> {
        let path = stored.spec.name.strip_suffix(".weight")?;
        let part = |part: &StoredPart| {
            let path = part.spec.name.strip_suffix(".weight").filter(|_| part.piece.slab.is_none())?;
            Some(ModulePart { path: path.to_owned(), piece: part.piece.clone() })
        };
        let parts = stored.parts.iter().map(part).collect::<Option<_>>()?;
        Some((path.to_owned(), Self { shape: stored.spec.shape.clone(), parts }))
    }

    /// Rows and columns of its weight; a norm has one column for each.
    pub(super) fn dims(&self) -> [usize; 2] {
        match *self.shape {
            [out, inputs] => [out, inputs],
            _ => [1, self.shape.iter().product()],
        }
    }
}

impl ModulePart {
    /// Its rows in the model.
    pub(super) fn n_rows(&self, module: &Module) -> usize {
        self.piece.rows.as_ref().map_or(module.shape[0], Vec::len)
    }
}

/// Whether a projection of the model is what chooses experts.
fn is_router(path: &str) -> bool {
    path.ends_with(".mlp.gate")
}

fn module_of(weight: &str) -> &str {
    weight.trim_end_matches(".weight")
}
