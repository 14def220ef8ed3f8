//! SFT data of known composition.

use rand::RngExt as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::World;
use crate::skill::{Dialogue, Skill, noise, stream};

/// The kind of a row, by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A right answer of a skill that pretraining exercised.
    Known,
    /// A right answer of a skill that pretraining never showed.
    Learnable,
    /// An answer that nothing leads to.
    Noise,
    /// A repetition of a row of any kind.
    Duplicate,
    /// A question with the answer of another one.
    Mislabelled,
}

impl Kind {
    /// Every kind, with its number of rows in the shipped pool.
    pub const COMPOSITION: [(Self, usize); 5] = [
        (Self::Known, 700),
        (Self::Learnable, 600),
        (Self::Noise, 400),
        (Self::Duplicate, 400),
        (Self::Mislabelled, 300),
    ];

    /// Its name in the pool's `kind` column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Learnable => "learnable",
            Self::Noise => "noise",
            Self::Duplicate => "duplicate",
            Self::Mislabelled => "mislabelled",
        }
    }
}

/// One row of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRow {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// The kind of the row.
    pub kind: Kind,
}

pub(crate) const SEED: u64 = 13008;
/// How often a duplicated row is repeated.
const COPIES: usize = 4;

/// The shipped pool, in the order of its file.
pub fn pool() -> Vec<PoolRow> {
    let world = World::shipped();
    let mut rng = stream(SEED, 0);
    let mut rows: Vec<PoolRow> = Vec::new();
    for (kind, count) in Kind::COMPOSITION {
        let new: Vec<PoolRow> = match kind {
            Kind::Known => fresh(count, kind, || of(&Skill::KNOWN, &world, &mut rng)),
            Kind::Learnable => fresh(count, kind, || of(&Skill::NEW, &world, &mut rng)),
            Kind::Noise => fresh(count, kind, || noise(&mut rng)),
            Kind::Mislabelled => fresh(count, kind, || mislabelled(&world, &mut rng)),
            Kind::Duplicate => {
                let originals: Vec<PoolRow> = rows.sample(&mut rng, count / COPIES).cloned().collect();
                let copies = originals.iter().flat_map(|row| std::iter::repeat_n(row, COPIES));
                copies.map(|row| PoolRow { kind, ..row.clone() }).collect()
            }
        };
        rows.extend(new);
    }
    rows.shuffle(&mut rng);
    rows
}

/// Rows of one kind. Right answers may come twice by chance, since some skills have few questions.
fn fresh(count: usize, kind: Kind, mut dialogue: impl FnMut() -> Dialogue) -> Vec<PoolRow> {
    std::iter::repeat_with(|| {
        let Dialogue { question, answer } = dialogue();
        PoolRow { question, answer, kind }
    })
    .take(count)
    .collect()
}

fn of(skills: &[Skill], world: &World, rng: &mut ChaCha8Rng) -> Dialogue {
    Skill::any_of(skills, rng).dialogue(world, rng)
}

/// A question of any skill with the answer of another question of the same skill.
fn mislabelled(world: &World, rng: &mut ChaCha8Rng) -> Dialogue {
    let skills: &[Skill] = if rng.random() { &Skill::KNOWN } else { &Skill::NEW };
    let skill = Skill::any_of(skills, rng);
    let right = skill.dialogue(world, rng);
    loop {
        let other = skill.dialogue(world, rng);
        if other.answer != right.answer {
            return Dialogue { answer: other.answer, ..right };
        }
    }
}

/// The shipped pool.
pub fn as_json_lines(rows: &[PoolRow]) -> String {
    rows.iter().map(PoolRow::as_json_line).collect()
}

impl PoolRow {
    fn as_json_line(&self) -> String {
        serde_json::to_string(self).expect("rows are plain data") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use super::*;

    #[test]
    fn the_composition_is_as_announced() {
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let rows = pool();
        for row in &rows {
            *counts.entry(row.kind).or_default() += 1;
        }
        assert_eq!(counts, Kind::COMPOSITION.into_iter().collect());
        let originals: HashSet<(&str, &str)> = rows
            .iter()
            .filter(|row| row.kind != Kind::Duplicate)
            .map(|row| (row.question.as_str(), row.answer.as_str()))
            .collect();
        let duplicates = rows.iter().filter(|row| row.kind == Kind::Duplicate);
        assert!(
            duplicates
                .into_iter()
                .all(|row| originals.contains(&(row.question.as_str(), row.answer.as_str())))
        );
    }

    #[test]
    fn the_shipped_pool_is_the_generated_one() {
        assert_eq!(as_json_lines(&pool()), include_str!("../assets/pool.jsonl"));
    }
}
