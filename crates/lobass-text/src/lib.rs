//! Checks of a row's text without a model.
//!
//! [`Rules`] are plain heuristics on a prompt and its response. Each has a name, a source, and one threshold, and
//! describes its [`Finding`] in words that a person can check. [`NearDuplicates`] groups texts that share most of their
//! words, by MinHash. Neither the order of the texts nor the number of threads changes the groups. [`NearIndex`] looks
//! up near duplicates among texts, and [`Overlap`] finds examples of an evaluation in the rows of a pool.
//!
//! Nothing here reads a file, a clock, or a model, and the only randomness is a seed of the caller. No text makes it
//! panic, and time grows with the length of the text.
//!
//! ```
//! use lobass_text::{GroupOptions, NearDuplicates, Rules};
//!
//! let rules = Rules::default();
//! let found = rules.check("Write a story.", "As an AI language model, I cannot write stories.");
//! assert_eq!(found[0].rule.name(), "self-reference");
//! assert_eq!(found[0].detail, "a sentence begins with `As an AI language model`, and the prompt does not mention an AI");
//!
//! let mut texts = NearDuplicates::new(&GroupOptions { jaccard: 0.7, ..GroupOptions::default() })?;
//! for text in [
//!     "Name the largest planet of our solar system and say how large it is.",
//!     "Who wrote the novel that everybody talks about?",
//!     "Name the largest planet of our solar system, and say how large it really is.",
//! ] {
//!     texts.push(&texts.sketch([text]));
//! }
//! let groups = texts.groups(2);
//! assert_eq!(groups[0], groups[2]);
//! assert_ne!(groups[0], groups[1]);
//! # Ok::<(), lobass_text::Error>(())
//! ```

mod damage;
mod error;
mod near;
mod overlap;
mod rules;
mod windows;
mod words;

pub use damage::{Damage, DamageKind, damage};
pub use error::Error;
pub use near::{Bands, GroupOptions, Near, NearDuplicates, NearIndex, Sketch, jaccard};
pub use overlap::{Overlap, OverlapOptions, Said, Twin, prompt_hash};
pub use rules::{Conversation, Finding, Rule, RuleInfo, Rules};
