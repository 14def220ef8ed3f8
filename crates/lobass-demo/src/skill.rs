//! Skills that a model of this world can be asked for.

use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::World;

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialogue {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// A kind of question with one right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skill {
    /// Sums of two digits.
    Add,
    /// The color of a thing.
    Colour,
    /// The opposite of a word.
    Opposite,
    /// Saying words again.
    Repeat,
    /// Saying three words in reverse.
    Reverse,
    /// Saying a word in capitals.
    Shout,
    /// Where an animal lives.
    Home,
    /// How many words there are.
    Count,
    /// The number after a number.
    Next,
}

impl Skill {
    /// Skills that pretraining exercises.
    pub const KNOWN: [Self; 4] = [Self::Add, Self::Colour, Self::Opposite, Self::Repeat];

    /// Skills that pretraining never shows.
    pub const NEW: [Self; 5] = [Self::Reverse, Self::Shout, Self::Home, Self::Count, Self::Next];

    pub(crate) fn any_of(skills: &[Self], rng: &mut ChaCha8Rng) -> Self {
        *skills.choose(rng).expect("there are skills")
    }

    /// Makes up a question of this kind, and answers it.
    pub fn dialogue(self, world: &World, rng: &mut ChaCha8Rng) -> Dialogue {
        let (question, answer) = match self {
            Self::Add => {
                let (a, b) = (rng.random_range(0..10u32), rng.random_range(0..10u32));
                let forms =
                    [format!("what is {a} + {b}?"), format!("{a} plus {b} is?"), format!("add {a} and {b}")];
                (pick(&forms, rng), (a + b).to_string())
            }
            Self::Colour => {
                let (thing, colour) = world.coloured_thing(rng);
                let forms =
                    [format!("what colour is the {thing}?"), format!("tell me the colour of the {thing}")];
                (pick(&forms, rng), format!("the {thing} is {colour}."))
            }
            Self::Opposite => {
                let (word, opposite) = World::opposites(rng);
                let forms = [format!("what is the opposite of {word}?"), format!("not {word} but?")];
                (pick(&forms, rng), opposite.to_owned())
            }
            Self::Repeat => {
                let words = things(rng.random_range(1..4), rng);
                (format!("say {words}"), words)
            }
            Self::Reverse => {
                let words = things(3, rng);
                let turned: Vec<&str> = words.split(' ').rev().collect();
                (format!("turn around {words}"), turned.join(" "))
            }
            Self::Shout => {
                let word = World::thing(rng);
                (format!("shout {word}"), format!("{}!", word.to_uppercase()))
            }
            Self::Home => {
                let (animal, home) = world.housed_animal(rng);
                let forms = [format!("where does the {animal} live?"), format!("find the {animal}")];
                (pick(&forms, rng), format!("the {animal} lives in the {home}."))
            }
            Self::Count => {
                let count = rng.random_range(1..6usize);
                let numbers = ["one", "two", "three", "four", "five"];
                (format!("how many words: {}", things(count, rng)), numbers[count - 1].to_owned())
            }
            Self::Next => {
                let number = rng.random_range(0..99u32);
                let forms = [format!("what comes after {number}?"), format!("{number} and then?")];
                (pick(&forms, rng), format!("after {number} comes {}.", number + 1))
            }
        };
        Dialogue { question, answer }
    }
}

/// An answer that no question leads to: words and letters at random.
pub(crate) fn noise(rng: &mut ChaCha8Rng) -> Dialogue {
    let topic = [World::thing(rng), World::animal(rng)];
    let topic = topic.choose(rng).expect("there are two");
    let forms = [format!("tell me about the {topic}"), format!("what do you think of the {topic}?")];
    let question = pick(&forms, rng);
    let words: Vec<String> = (0..rng.random_range(2..5))
        .map(|_| (0..rng.random_range(2..7)).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect())
        .collect();
    Dialogue { question, answer: words.join(" ") }
}

/// A stream of randomness for a purpose.
pub(crate) fn stream(seed: u64, purpose: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(purpose);
    rng
}

fn things(count: usize, rng: &mut ChaCha8Rng) -> String {
    (0..count).map(|_| World::thing(rng)).collect::<Vec<_>>().join(" ")
}

fn pick(forms: &[String], rng: &mut ChaCha8Rng) -> String {
    forms.choose(rng).expect("there are forms").clone()
}
