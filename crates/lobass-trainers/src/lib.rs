//! Settings of other trainers as settings of lobass.
//!
//! ```
//! use lobass_trainers::{Trainer, parse};
//!
//! let reading = parse("base_model: org/name\nsequence_len: 2048\nadapter: qlora\ntrain_on_inputs: false\n")?;
//! assert_eq!(reading.trainer, Trainer::Axolotl);
//! assert_eq!(reading.settings()["sequences"]["max_length"], 2048);
//! assert_eq!(reading.settings()["train"]["method"], "lora");
//! assert!(reading.settings()["compute"]["quantize_base"].as_str().is_some());
//! # Ok::<(), lobass_trainers::Error>(())
//! ```

mod axolotl;
mod common;
mod detect;
mod draft;
mod error;
mod fields;
mod llama_factory;
mod place;
mod reading;
mod trl;
mod values;
mod yaml;

use std::path::Path;

pub use detect::Trainer;
pub use error::Error;
pub use place::Place;
pub use reading::{Difference, LeftOut, Reading, Taken};

/// Reads a trainer's config from a file. Paths in it are looked up on the disk, from the working directory, as the
/// trainers do: `data/mine` is a folder if it is there, and else a data set of the hub.
///
/// # Errors
/// [`Error::Io`] if it cannot be read; the errors of [`parse`], with the file's name, otherwise.
pub fn read(path: &Path) -> Result<Reading, Error> {
    let text = fs_err::read_to_string(path)?;
    parse_here(&text, &Place::on_disk)
        .map_err(|error| Error::File { path: path.to_owned(), source: Box::new(error) })
}

/// Reads a trainer's config from YAML or JSON, and finds out by its keys whose it is. No path in it is looked up.
///
/// # Errors
/// [`Error::Yaml`] for text that is not YAML, [`Error::NotAMap`] for YAML without keys, [`Error::UnknownTrainer`] for
/// keys that no trainer has, [`Error::NotATraining`] for a config of something else than fine-tuning on data.
pub fn parse(text: &str) -> Result<Reading, Error> {
    parse_here(text, &|_| None)
}

/// As [`parse`], with a function that tells which paths are there.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_here(text: &str, look_up: &dyn Fn(&str) -> Option<Place>) -> Result<Reading, Error> {
    let values = yaml::values(text)?;
    match detect::trainer(&values)? {
        Trainer::Axolotl => axolotl::read(values, look_up),
        Trainer::LlamaFactory => llama_factory::read(values, look_up),
        Trainer::Trl => trl::read(values, look_up),
    }
}
