//! The text that the shipped checkpoint was pretrained on.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;

use crate::World;
use crate::skill::{Dialogue, Skill, stream};

/// A document: plain text, or a conversation of several turns.
pub type Document = Vec<Dialogue>;

/// Conversations that exercise the known skills, and plain text about the world's things.
///
/// Plain text is a dialogue without a question. Names of animals and numbers up to 99 occur in it, so that their words
/// are known; the new skills do not.
pub fn pretraining_documents(world: &World, count: usize, seed: u64) -> Vec<Document> {
    let mut rng = stream(seed, 1);
    (0..count)
        .map(|_| {
            if rng.random_bool(0.25) {
                let sentences: Vec<String> =
                    (0..rng.random_range(1..4)).map(|_| sentence(world, &mut rng)).collect();
                return vec![Dialogue { question: String::new(), answer: sentences.join(" ") }];
            }
            let turns = rng.random_range(1..4);
            (0..turns).map(|_| Skill::any_of(&Skill::KNOWN, &mut rng).dialogue(world, &mut rng)).collect()
        })
        .collect()
}

fn sentence(world: &World, rng: &mut rand_chacha::ChaCha8Rng) -> String {
    let (thing, colour) = world.coloured_thing(rng);
    let (animal, number) = (World::animal(rng), rng.random_range(2..100u32));
    let (word, opposite) = World::opposites(rng);
    let forms = [
        format!("the {animal} sat on the {colour} {thing}."),
        format!("a {animal} saw {number} things and the {thing}."),
        format!("there were {number} of them, all {word} and none {opposite}."),
        format!("The {thing} is {colour}, said the {animal}."),
        format!("{} LOOK! the {animal} has a {colour} {thing}.", thing.to_uppercase()),
    ];
    forms.choose(rng).expect("there are forms").clone()
}
