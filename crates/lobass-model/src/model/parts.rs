//! The modules of a model that have weights, by their paths: what adapters update, replace, and freeze.

use burn::module::Param;
use burn::tensor::Tensor;

use super::embedding::Embedding;
use super::linear::Linear;
use super::loose::{Filters, Numbers};
use super::norm::Norm;

/// A module that has a weight.
pub(super) enum Part<'a> {
    Embedding(&'a Embedding),
    Linear(&'a Linear),
    Norm(&'a Norm),
    /// Numbers that belong to the model and are never trained.
    Constant,
    Numbers(&'a Numbers),
    Filters(&'a Filters),
}

/// A module that has a weight, to be changed.
pub(super) enum PartMut<'a> {
    Embedding(&'a mut Embedding),
    Linear(&'a mut Linear),
    Norm(&'a mut Norm),
    Constant,
    Numbers(&'a mut Numbers),
    Filters(&'a mut Filters),
}

/// A module that has weights, or consists of modules that have some.
pub(super) trait Parts {
    /// Gives `take` the path and the part of every module that has a weight, in the order of the forward pass.
    fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>));

    /// The parts, to be changed.
    fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>));
}

/// Says which fields of a module have weights. Their names are those of checkpoints.
macro_rules! parts {
    ($module:ty: $($field:ident),+) => {
        impl $crate::model::parts::Parts for $module {
            fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, $crate::model::parts::Part<'a>)) {
                $(self.$field.parts(&$crate::model::parts::joined(path, stringify!($field)), take);)+
            }

            fn parts_mut<'a>(
                &'a mut self,
                path: &str,
                take: &mut dyn FnMut(String, $crate::model::parts::PartMut<'a>),
            ) {
                $(self.$field.parts_mut(&$crate::model::parts::joined(path, stringify!($field)), take);)+
            }
        }
    };
}
pub(super) use parts;

/// The path of something in a module.
pub(super) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

macro_rules! leaf {
    ($module:ty, $variant:ident) => {
        impl Parts for $module {
            fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>)) {
                take(path.to_owned(), Part::$variant(self));
            }

            fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>)) {
                take(path.to_owned(), PartMut::$variant(self));
            }
        }
    };
}

leaf!(Embedding, Embedding);
leaf!(Linear, Linear);
leaf!(Norm, Norm);
leaf!(Numbers, Numbers);
leaf!(Filters, Filters);

/// A parameter that stands in a module by itself is one that training leaves as it is.
impl Parts for Param<Tensor<1>> {
    fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>)) {
        take(path.to_owned(), Part::Constant);
    }

    fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>)) {
        take(path.to_owned(), PartMut::Constant);
    }
}

impl<P: Parts> Parts for Option<P> {
    fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>)) {
        if let Some(part) = self {
            part.parts(path, take);
        }
    }

    fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>)) {
        if let Some(part) = self {
            part.parts_mut(path, take);
        }
    }
}

impl<P: Parts> Parts for Vec<P> {
    fn parts<'a>(&'a self, path: &str, take: &mut dyn FnMut(String, Part<'a>)) {
        self.iter().enumerate().for_each(|(at, part)| part.parts(&format!("{path}.{at}"), take));
    }

    fn parts_mut<'a>(&'a mut self, path: &str, take: &mut dyn FnMut(String, PartMut<'a>)) {
        self.iter_mut().enumerate().for_each(|(at, part)| part.parts_mut(&format!("{path}.{at}"), take));
    }
}

impl Part<'_> {
    /// Whether training leaves its weight as it is.
    pub(super) fn is_frozen(&self) -> bool {
        match self {
            Self::Embedding(embedding) => embedding.frozen,
            Self::Linear(linear) => linear.frozen,
            Self::Norm(norm) => norm.frozen,
            Self::Constant => true,
            Self::Numbers(numbers) => numbers.frozen,
            Self::Filters(filters) => filters.frozen,
        }
    }
}

impl PartMut<'_> {
    /// Says whether training leaves its weight as it is.
    pub(super) fn set_frozen(&mut self, is_frozen: bool) {
        match self {
            Self::Embedding(embedding) => embedding.frozen = is_frozen,
            Self::Linear(linear) => linear.frozen = is_frozen,
            Self::Norm(norm) => norm.frozen = is_frozen,
            Self::Constant => {}
            Self::Numbers(numbers) => numbers.frozen = is_frozen,
            Self::Filters(filters) => filters.frozen = is_frozen,
        }
    }
}
