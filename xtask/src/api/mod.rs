//! The public API of each library as a list, a line an item, so that a change of it shows in review.
//!
//! It is read from the sources, on the stable toolchain. `pub` is enough to go by: the lint `unreachable_pub` keeps it
//! off whatever cannot be reached from outside. Items that a macro makes are not seen.

mod items;
mod text;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use syn::{Attribute, Item, Meta};

use items::Items;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing, and fail if a list is not what the sources say
    #[arg(long)]
    pub(crate) check: bool,
}

/// The list, in the folder of a crate.
const LIST: &str = "api.txt";

pub(crate) fn run(root: &Path, args: &Args) -> Result<()> {
    let mut outdated = Vec::new();
    for folder in libraries(root)? {
        let (path, list) = (folder.join(LIST), listing(&folder.join("src/lib.rs"))?);
        if fs_err::read_to_string(&path).is_ok_and(|found| found == list) {
            continue;
        }
        match args.check {
            true => outdated.push(path.strip_prefix(root)?.display().to_string()),
            false => fs_err::write(&path, list)?,
        }
    }
    if outdated.is_empty() {
        return Ok(());
    }
    bail!("the public API is not what {} says: write it anew with `cargo xtask api`", outdated.join(", "))
}

/// The folders of crates that others can embed, in order.
fn libraries(root: &Path) -> Result<Vec<PathBuf>> {
    let folders = fs_err::read_dir(root.join("crates"))?.map(|entry| Ok(entry?.path()));
    let mut folders = folders.collect::<Result<Vec<_>>>()?;
    folders.retain(|folder| folder.join("src/lib.rs").exists());
    folders.sort();
    Ok(folders)
}

fn listing(lib: &Path) -> Result<String> {
    let mut items = Items::default();
    let folder = lib.parent().context("a source file is in a folder")?;
    walk(lib, folder, "", &mut items)?;
    Ok(items.into_text())
}

/// Takes in a file and the modules that it declares. `folder` is where those are, and `path` what stands before names.
fn walk(file: &Path, folder: &Path, path: &str, into: &mut Items) -> Result<()> {
    let text = fs_err::read_to_string(file)?;
    let parsed = syn::parse_file(&text).with_context(|| format!("cannot read {} as Rust", file.display()))?;
    for item in parsed.items {
        match item {
            Item::Mod(module) if module.content.is_none() && !is_for_tests(&module.attrs) => {
                let name = module.ident.to_string();
                let (flat, nested) = (folder.join(format!("{name}.rs")), folder.join(&name));
                let file = if flat.exists() { flat } else { nested.join("mod.rs") };
                let is_public = matches!(module.vis, syn::Visibility::Public(_));
                let path = if is_public { format!("{path}{name}::") } else { path.to_owned() };
                walk(&file, &nested, &path, into)?;
            }
            item => into.add(&item, path),
        }
    }
    Ok(())
}

/// Whether an item is there in tests only.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => {
            let inside = list.tokens.to_string();
            attribute.path().is_ident("cfg") && inside.split([',', '(', ')', ' ']).any(|word| word == "test")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("lib.rs");
        fs_err::write(&lib, "mod inner;\npub mod outer;\n#[cfg(test)]\nmod tests;\npub use inner::Known;\n")
            .unwrap();
        fs_err::create_dir(dir.path().join("outer")).unwrap();
        fs_err::write(dir.path().join("outer/mod.rs"), "pub const N: [u8; 2] = [1, 2];\nfn hidden() {}\n")
            .unwrap();
        let inner = "/// Docs.\n#[derive(Debug, Clone)]\npub struct Known<T: Ord> { pub at: Vec<T>, size: usize }\n\
                     impl<T: Ord> Known<T> { pub fn find<'a>(&'a self, f: impl Fn(&T) -> bool) -> Option<&'a T> { None }\n\
                     fn grow(&mut self) {} }\n\
                     impl<T: Ord> Default for Known<T> { fn default() -> Self { todo!() } }\n\
                     struct Private;\nimpl Default for Private { fn default() -> Self { Self } }\n\
                     pub trait Way: Send { type End; fn go(&mut self, to: &str) -> Result<(), Self::End>; }\n\
                     pub enum Kind { One(u8, String), Two { at: usize }, Three }\n";
        fs_err::write(dir.path().join("inner.rs"), inner).unwrap();
        let expected = "\
impl<T: Ord> Default for Known<T>
pub const outer::N: [u8; 2]
pub enum Kind
pub enum Kind::One(u8, String)
pub enum Kind::Three
pub enum Kind::Two { at: usize }
pub fn Known<T>::find<'a>(&'a self, f: impl Fn(&T) -> bool) -> Option<&'a T>
pub struct Known: Clone
pub struct Known: Debug
pub struct Known::at: Vec<T>
pub struct Known<T: Ord>
pub trait Way: Send
pub trait Way::End
pub trait Way::go(&mut self, to: &str) -> Result<(), Self::End>
pub use inner::Known
";
        assert_eq!(listing(&lib).unwrap(), expected);
    }
}
