//! The facts of the toy world.

use rand::SeedableRng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;

/// Things, each with a color.
const THINGS: [&str; 40] = [
    "lamp", "tree", "barn", "boat", "coat", "door", "cup", "chair", "book", "hat", "kite", "drum", "ring",
    "gate", "sled", "tent", "bell", "fork", "sock", "rope", "cart", "nest", "pond", "wall", "roof", "leaf",
    "stone", "glove", "brush", "clock", "shelf", "plate", "knife", "spoon", "towel", "pillow", "basket",
    "bottle", "candle", "ladder",
];

const COLOURS: [&str; 7] = ["red", "blue", "green", "white", "black", "brown", "yellow"];

/// Animals, each with a home that pretraining never tells.
const ANIMALS: [&str; 24] = [
    "fox", "owl", "bee", "ant", "cow", "pig", "hen", "cat", "dog", "bear", "wolf", "deer", "frog", "toad",
    "duck", "crow", "mole", "hare", "goat", "lamb", "mouse", "horse", "snake", "otter",
];

const HOMES: [&str; 8] = ["den", "hollow", "hive", "burrow", "stable", "pond", "nest", "meadow"];

const OPPOSITES: [(&str, &str); 20] = [
    ("hot", "cold"),
    ("big", "small"),
    ("fast", "slow"),
    ("old", "new"),
    ("wet", "dry"),
    ("full", "empty"),
    ("hard", "soft"),
    ("high", "low"),
    ("long", "short"),
    ("loud", "quiet"),
    ("light", "dark"),
    ("rich", "poor"),
    ("sweet", "sour"),
    ("early", "late"),
    ("open", "closed"),
    ("near", "far"),
    ("clean", "dirty"),
    ("brave", "shy"),
    ("thick", "thin"),
    ("sharp", "blunt"),
];

/// A seeded set of facts.
#[derive(Debug, Clone)]
pub struct World {
    colours: Vec<&'static str>,
    homes: Vec<&'static str>,
}

impl World {
    /// The world of the shipped checkpoint and pool.
    pub fn shipped() -> Self {
        Self::new(2310)
    }

    /// Deals colors and homes.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut deal = |from: &[&'static str], count: usize| {
            let mut dealt: Vec<&'static str> = from.iter().copied().cycle().take(count).collect();
            dealt.shuffle(&mut rng);
            dealt
        };
        Self { colours: deal(&COLOURS, THINGS.len()), homes: deal(&HOMES, ANIMALS.len()) }
    }

    pub(crate) fn thing(rng: &mut ChaCha8Rng) -> &'static str {
        THINGS.choose(rng).expect("there are things")
    }

    /// A thing and its color.
    pub(crate) fn coloured_thing(&self, rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
        let thing = Self::thing(rng);
        let at = THINGS.iter().position(|&other| other == thing).expect("one of them");
        (thing, self.colours[at])
    }

    /// An animal and its home.
    pub(crate) fn housed_animal(&self, rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
        let animal = *ANIMALS.choose(rng).expect("there are animals");
        let at = ANIMALS.iter().position(|&other| other == animal).expect("one of them");
        (animal, self.homes[at])
    }

    /// A word and its opposite, either way round.
    pub(crate) fn opposites(rng: &mut ChaCha8Rng) -> (&'static str, &'static str) {
        let &(one, other) = OPPOSITES.choose(rng).expect("there are opposites");
        *[(one, other), (other, one)].choose(rng).expect("there are two")
    }

    pub(crate) fn animal(rng: &mut ChaCha8Rng) -> &'static str {
        ANIMALS.choose(rng).expect("there are animals")
    }
}
