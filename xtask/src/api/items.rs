//! Items as lines.

use std::collections::BTreeSet;

use syn::{
    Fields, ImplItem, Item, ItemEnum, ItemImpl, ItemStruct, ItemTrait, Signature, TraitItem, Type, Visibility,
};

use super::is_for_tests;
use super::text::text;

/// The items found so far.
#[derive(Debug, Default)]
pub(super) struct Items {
    lines: BTreeSet<String>,
    /// Names of types that cannot be reached from outside.
    private: BTreeSet<String>,
    /// Implementations of traits, by the name of the type.
    impls: Vec<(String, String)>,
}

impl Items {
    /// The list, in order.
    pub(super) fn into_text(mut self) -> String {
        let seen =
            self.impls.into_iter().filter(|(name, _)| !self.private.contains(name)).map(|(_, line)| line);
        self.lines.extend(seen);
        self.lines.into_iter().map(|line| line + "\n").collect()
    }

    /// Adds an item of a module, whose `path` stands before its name.
    pub(super) fn add(&mut self, item: &Item, path: &str) {
        match item {
            Item::Const(item) if is_public(&item.vis) => {
                self.line(&format!("const {path}{}: {}", item.ident, text(&item.ty)));
            }
            Item::Enum(item) => self.enumeration(item, path),
            Item::Fn(item) if is_public(&item.vis) && !is_for_tests(&item.attrs) => {
                self.function(&format!("fn {path}"), &item.sig);
            }
            Item::Impl(item) if !is_for_tests(&item.attrs) => self.implementation(item),
            Item::Macro(item)
                if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) =>
            {
                let name = item.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                self.line(&format!("macro {name}!"));
            }
            Item::Static(item) if is_public(&item.vis) => {
                self.line(&format!("static {path}{}: {}", item.ident, text(&item.ty)));
            }
            Item::Struct(item) => self.structure(item, path),
            Item::Trait(item) => self.interface(item, path),
            Item::Type(item) if is_public(&item.vis) => {
                let (name, generics) = (&item.ident, text(&item.generics));
                self.line(&format!("type {path}{name}{generics} = {}", text(&item.ty)));
            }
            // A file that passes on names of another one inside the crate says nothing to those outside.
            Item::Use(item) if is_public(&item.vis) => self.line(&format!("use {path}{}", text(&item.tree))),
            _ => {}
        }
    }

    fn line(&mut self, line: &str) {
        self.lines.insert(format!("pub {line}"));
    }

    fn function(&mut self, before: &str, signature: &Signature) {
        let (mut bare, name) = (signature.clone(), signature.ident.to_string());
        bare.ident = syn::Ident::new("name", signature.ident.span());
        let shown = text(&bare).replacen("fn name", &format!("{before}{name}"), 1);
        self.lines.insert(format!("pub {shown}"));
    }

    fn structure(&mut self, item: &ItemStruct, path: &str) {
        if !is_public(&item.vis) {
            self.private.insert(item.ident.to_string());
            return;
        }
        let (name, generics) = (&item.ident, text(&item.generics));
        self.line(&format!("struct {path}{name}{generics}"));
        self.derived("struct", &format!("{path}{name}"), &item.attrs);
        for (at, field) in item.fields.iter().enumerate().filter(|(_, field)| is_public(&field.vis)) {
            let field_name = field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string);
            self.line(&format!("struct {path}{name}::{field_name}: {}", text(&field.ty)));
        }
    }

    fn enumeration(&mut self, item: &ItemEnum, path: &str) {
        if !is_public(&item.vis) {
            self.private.insert(item.ident.to_string());
            return;
        }
        let (name, generics) = (&item.ident, text(&item.generics));
        self.line(&format!("enum {path}{name}{generics}"));
        self.derived("enum", &format!("{path}{name}"), &item.attrs);
        for variant in &item.variants {
            self.line(&format!("enum {path}{name}::{}{}", variant.ident, fields(&variant.fields)));
        }
    }

    fn interface(&mut self, item: &ItemTrait, path: &str) {
        if !is_public(&item.vis) {
            return;
        }
        let (name, generics) = (&item.ident, text(&item.generics));
        let bounds = if item.supertraits.is_empty() {
            String::new()
        } else {
            format!(": {}", text(&item.supertraits))
        };
        self.line(&format!("trait {path}{name}{generics}{bounds}"));
        for inner in &item.items {
            match inner {
                TraitItem::Fn(method) => {
                    let (mut bare, method_name) = (method.sig.clone(), method.sig.ident.to_string());
                    bare.ident = syn::Ident::new("name", method.sig.ident.span());
                    let given = if method.default.is_some() { " { .. }" } else { "" };
                    let shown =
                        text(&bare).replacen("fn name", &format!("trait {path}{name}::{method_name}"), 1);
                    self.line(&(shown + given));
                }
                TraitItem::Type(inner) => self.line(&format!("trait {path}{name}::{}", inner.ident)),
                TraitItem::Const(inner) => {
                    self.line(&format!("trait {path}{name}::{}: {}", inner.ident, text(&inner.ty)));
                }
                _ => {}
            }
        }
    }

    fn implementation(&mut self, item: &ItemImpl) {
        let of = text(&item.self_ty);
        let name = name_of(&item.self_ty).unwrap_or_else(|| of.clone());
        let (generics, condition) = (text(&item.generics), text(&item.generics.where_clause));
        if let Some((interface, _)) = &item.trait_ {
            let line = format!("impl{generics} {} for {of} {condition}", text(interface));
            self.impls.push((name, line.trim_end().to_owned()));
            return;
        }
        for inner in &item.items {
            match inner {
                ImplItem::Fn(method) if is_public(&method.vis) && !is_for_tests(&method.attrs) => {
                    self.function(&format!("fn {of}::"), &method.sig);
                }
                ImplItem::Const(inner) if is_public(&inner.vis) => {
                    self.line(&format!("const {of}::{}: {}", inner.ident, text(&inner.ty)));
                }
                _ => {}
            }
        }
    }

    /// Traits that a type derives.
    fn derived(&mut self, kind: &str, name: &str, attributes: &[syn::Attribute]) {
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            // What the compiler accepts parses here too.
            let _ = attribute.parse_nested_meta(|interface| {
                self.lines.insert(format!("pub {kind} {name}: {}", text(&interface.path)));
                Ok(())
            });
        }
        if attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive")) {
            self.lines.insert(format!("pub {kind} {name}: non_exhaustive"));
        }
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The last name of a type's path.
fn name_of(of: &Type) -> Option<String> {
    match of {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        Type::Reference(reference) => name_of(&reference.elem),
        _ => None,
    }
}

/// The fields of a variant.
fn fields(fields: &Fields) -> String {
    let types = fields.iter().map(|field| match &field.ident {
        Some(name) => format!("{name}: {}", text(&field.ty)),
        None => text(&field.ty),
    });
    let types = types.collect::<Vec<_>>().join(", ");
    match fields {
        Fields::Named(_) => format!(" {{ {types} }}"),
        Fields::Unnamed(_) => format!("({types})"),
        Fields::Unit => String::new(),
    }
}
