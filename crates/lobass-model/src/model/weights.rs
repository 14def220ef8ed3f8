//! Parameters by their checkpoint names.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use super::decoder::Decoder;

impl Decoder {
    /// Copies a parameter's values to the host, by its name in the checkpoint; `None` if there is no such parameter.
    pub fn weight(&self, name: &str) -> Option<TensorData> {
        let mut finder = Finder { path: Vec::new(), name, found: None };
        self.visit(&mut finder);
        finder.found
    }

    /// Every parameter's checkpoint name and its identity in burn's gradients, in the order of the modules.
    pub fn parameter_names(&self) -> Vec<(String, ParamId)> {
        let mut lister = Lister { path: Vec::new(), names: Vec::new() };
        self.visit(&mut lister);
        lister.names
    }
}

/// The name of a parameter in files: the path through the modules, with the parts of adapters as PEFT calls them.
fn checkpoint_name(path: &[String]) -> String {
    let steps: Vec<&str> = path.iter().map(String::as_str).filter(|step| !step.is_empty()).collect();
    let path = steps.join(".");
    for (field, name) in [(".lora.a", ".lora_A.weight"), (".lora.b", ".lora_B.weight")] {
        if let Some(module) = path.strip_suffix(field) {
            return format!("{module}{name}");
        }
    }
    path
}

/// A step of a path: nothing for the variant of an enum, which files know nothing of.
fn step(name: &str, container_type: &str) -> String {
    if container_type.starts_with("Enum:") { String::new() } else { name.to_owned() }
}

struct Finder<'a> {
    path: Vec<String>,
    name: &'a str,
    found: Option<TensorData>,
}

impl ModuleVisitor for Finder<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(step(name, container_type));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if checkpoint_name(&self.path) == self.name {
            self.found = Some(param.val().into_data());
        }
    }
}

struct Lister {
    path: Vec<String>,
    names: Vec<(String, ParamId)>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(step(name, container_type));
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.names.push((checkpoint_name(&self.path), param.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecoderSpec, DeviceName, expected_tensors, testing};

    #[test]
    fn parameters_are_named_as_in_the_checkpoint() {
        for extra in ["", r#", "tie_word_embeddings": true, "attention_bias": true, "mlp_bias": true"#] {
            let spec = DecoderSpec::from_json(&testing::tiny_with(extra)).unwrap();
            let model = Decoder::random(&spec, 1, &DeviceName::Cpu.open());
            let mut names: Vec<_> = model.parameter_names().into_iter().map(|(name, _)| name).collect();
            let mut expected: Vec<_> = expected_tensors(&spec).into_iter().map(|spec| spec.name).collect();
            names.sort();
            expected.sort();
            assert_eq!(names, expected);
            for spec in expected_tensors(&spec) {
                let weight = model.weight(&spec.name).unwrap();
                assert_eq!(weight.shape().to_vec(), spec.shape, "{}", spec.name);
            }
        }
    }
}
