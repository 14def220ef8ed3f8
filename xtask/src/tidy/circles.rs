//! No circle of files: within a crate, files import each other in one direction.
//!
//! Only `use` items count, outside of tests. An item that a module passes on by `pub use` counts as imported from the file
//! that defines it, and passing on is no import. So a folder may hand out what its files define.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use super::read;

/// Crates that still have circles. Nothing is added here.
const OPEN: [&str; 9] = [
    "crates/lobass-data",
    "crates/lobass-hub",
    "crates/lobass-kernels",
    "crates/lobass-loss",
    "crates/lobass-model",
    "crates/lobass-run",
    "crates/lobass-text",
    "crates/lobass-train",
    "xtask",
];

/// A module by its path in the crate: `comparison::trial` is `["comparison", "trial"]`.
type Module = Vec<String>;

/// Finds circles in every crate but those that are open.
pub(super) fn offenses(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let mut crates: BTreeMap<PathBuf, Vec<(Module, PathBuf)>> = BTreeMap::new();
    for file in super::with_extension(files, "rs") {
        let Some((source, module)) = module_of(file) else { continue };
        if OPEN.iter().any(|open| source.starts_with(open)) {
            continue;
        }
        crates.entry(source).or_default().push((module, file.clone()));
    }
    let mut found = Vec::new();
    for modules in crates.into_values() {
        let mut sources = Sources::default();
        for (module, file) in modules {
            sources.add(module, file.display().to_string(), &read(root, &file)?)?;
        }
        found.extend(sources.circles());
    }
    Ok(found)
}

/// The folder `src` of a crate of ours, and the module of a file in it.
fn module_of(file: &Path) -> Option<(PathBuf, Module)> {
    let parts: Vec<&str> = file.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    let at = parts.iter().position(|part| *part == "src")?;
    let mut module: Module =
        parts[at + 1..].iter().map(|part| part.trim_end_matches(".rs").to_owned()).collect();
    match module.last().map(String::as_str) {
        Some("mod") => drop(module.pop()),
        Some("lib" | "main") if module.len() == 1 => module.clear(),
        Some("tests") => return None,
        _ => {}
    }
    Some((parts[..=at].iter().collect(), module))
}

/// The files of a crate, what they import, and what they pass on.
#[derive(Default)]
struct Sources {
    files: BTreeMap<Module, String>,
    imports: Vec<(Module, Module)>,
    passed_on: BTreeMap<Module, Vec<Passed>>,
}

/// An item that a module passes on.
struct Passed {
    /// Its name here; without one, all items of a module.
    name: Option<String>,
    from: Module,
}

impl Sources {
    fn add(&mut self, module: Module, file: String, text: &str) -> Result<()> {
        for item in syn::parse_file(text)?.items {
            let Item::Use(item) = item else { continue };
            if !is_test(&item.attrs) {
                self.add_use(&module, &item);
            }
        }
        self.files.insert(module, file);
        Ok(())
    }

    fn add_use(&mut self, module: &Module, item: &ItemUse) {
        let is_passed_on = !matches!(item.vis, Visibility::Inherited);
        for (path, name) in leaves(&item.tree, Vec::new()) {
            if is_passed_on {
                let passed = Passed { name, from: path.clone() };
                self.passed_on.entry(module.clone()).or_default().push(passed);
            } else {
                self.imports.push((module.clone(), path));
            }
        }
    }

    /// The absolute path that a path in a module means; `None` if it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut start = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.clone(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            child => {
                let child = [module.as_slice(), &[child.to_owned()]].concat();
                return self.files.contains_key(&child).then(|| [child.as_slice(), rest].concat());
            }
        };
        for part in rest {
            match part.as_str() {
                "super" => drop(start.pop()),
                part => start.push(part.to_owned()),
            }
        }
        Some(start)
    }

    /// The module whose file defines what a path means.
    fn definer(&self, path: &Module, depth: usize) -> Option<Module> {
        let length = (0..=path.len()).rev().find(|&length| self.files.contains_key(&path[..length]))?;
        let (module, rest) = path.split_at(length);
        let (Some(item), true) = (rest.first(), depth < 8) else { return Some(module.to_vec()) };
        for passed in self.passed_on.get(module).into_iter().flatten() {
            let Some(from) = self.absolute(&module.to_vec(), &passed.from) else { continue };
            match &passed.name {
                Some(name) if name == item => return self.definer(&from, depth + 1),
                _ => {}
            }
        }
        Some(module.to_vec())
    }

    /// The circles, each as a line.
    fn circles(&self) -> Vec<String> {
        let mut edges: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, path) in &self.imports {
            let target = self.absolute(module, path).and_then(|path| self.definer(&path, 0));
            if let Some(target) = target.filter(|target| target != module) {
                edges.entry(module).or_default().insert(target);
            }
        }
        let mut found: BTreeSet<BTreeSet<&str>> = BTreeSet::new();
        for start in self.files.keys() {
            let reached = reach(start, &edges);
            let circle = reached.iter().filter(|other| reach(other, &edges).contains(start));
            let circle: BTreeSet<&str> = circle.map(|module| self.files[module].as_str()).collect();
            if !circle.is_empty() {
                found.insert(circle);
            }
        }
        let line = |circle: BTreeSet<&str>| {
            format!("{}: a circle of files", circle.into_iter().collect::<Vec<_>>().join(", "))
        };
        found.into_iter().map(line).collect()
    }
}

/// Every module that can be reached along imports.
fn reach(start: &Module, edges: &BTreeMap<&Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start.clone()];
    while let Some(module) = open.pop() {
        for next in edges.get(&module).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The paths of a tree of imports, each with the name that it gets here; without one for `*`.
fn leaves(tree: &UseTree, mut path: Vec<String>) -> Vec<(Vec<String>, Option<String>)> {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves(&part.tree, path)
        }
        UseTree::Name(name) if name.ident == "self" => {
            let last = path.last().cloned();
            vec![(path, last)]
        }
        UseTree::Name(name) => {
            path.push(name.ident.to_string());
            vec![(path, Some(name.ident.to_string()))]
        }
        UseTree::Rename(rename) => {
            path.push(rename.ident.to_string());
            vec![(path, Some(rename.rename.to_string()))]
        }
        UseTree::Glob(_) => vec![(path, None)],
        UseTree::Group(group) => group.items.iter().flat_map(|item| leaves(item, path.clone())).collect(),
    }
}

/// Whether an item is there for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let list = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && list.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let mut sources = Sources::default();
        for (file, text) in files {
            let (_, module) = module_of(&Path::new("crates/c/src").join(file)).unwrap();
            sources.add(module, (*file).to_owned(), text).unwrap();
        }
        sources.circles()
    }

    #[test]
    fn circles_are_found() {
        let two = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use super::a::{A, Other};"),
        ];
        assert_eq!(circles(&two), ["a.rs, b.rs: a circle of files"]);
        let child = [("a/mod.rs", "mod b; use b::B; pub struct A;"), ("a/b.rs", "use super::A;")];
        assert_eq!(circles(&child), ["a/b.rs, a/mod.rs: a circle of files"]);
        let passed_on = [
            ("lib.rs", ""),
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub(crate) use self::c::C as D;"),
            ("a/b.rs", "use crate::a::D;"),
            ("a/c.rs", "use super::B;"),
        ];
        assert_eq!(circles(&passed_on), ["a/b.rs, a/c.rs: a circle of files"]);
    }

    #[test]
    fn what_is_passed_on_makes_no_circle() {
        let files = [
            ("lib.rs", "mod a; mod d; pub use a::B; pub use d::D;"),
            ("a/mod.rs", "mod b; mod c; pub use b::B; pub use c::C;"),
            ("a/b.rs", "use super::C; use std::fmt; use crate::D;"),
            ("a/c.rs", "#[cfg(test)] use super::B; mod tests { use super::super::B; }"),
            ("d.rs", "use serde::Serialize;"),
        ];
        assert_eq!(circles(&files), Vec::<String>::new());
    }
}
