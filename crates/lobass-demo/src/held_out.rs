//! Held-out questions for a model that was fine-tuned on the pool: no row of the pool asks them.

use std::collections::HashSet;

use crate::World;
use crate::pool::{Kind, PoolRow, SEED, pool};
use crate::skill::{Skill, stream};

/// Questions of each skill, if that many are not in the pool.
const OF_EACH: usize = 60;
/// Tries at finding one more.
const TRIES: usize = 2000;

/// Right answers to questions that no row of the shipped pool asks, skill by skill and each once. There are up to 60 of
/// every skill, both of pretraining ([`Kind::Known`]) and of those that it never showed ([`Kind::Learnable`]).
///
/// Some skills have few questions, and the pool asks nearly all of them: homes, shouts, colors, and opposites are rare
/// here. The pool is what it was before there was this.
pub fn held_out() -> Vec<PoolRow> {
    let world = World::shipped();
    let mut rng = stream(SEED, 1);
    let mut asked: HashSet<String> = pool().into_iter().map(|row| row.question).collect();
    let mut rows = Vec::new();
    let known = Skill::KNOWN.map(|skill| (skill, Kind::Known));
    for (skill, kind) in known.into_iter().chain(Skill::NEW.map(|skill| (skill, Kind::Learnable))) {
        let mut found = 0;
        for _ in 0..TRIES {
            let dialogue = skill.dialogue(&world, &mut rng);
            if found < OF_EACH && asked.insert(dialogue.question.clone()) {
                found += 1;
                rows.push(PoolRow { question: dialogue.question, answer: dialogue.answer, kind });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_it_is_asked_in_the_pool_and_nothing_twice() {
        let rows = held_out();
        let asked: HashSet<String> = pool().into_iter().map(|row| row.question).collect();
        let questions: HashSet<&str> = rows.iter().map(|row| row.question.as_str()).collect();
        assert_eq!(questions.len(), rows.len());
        assert!(rows.iter().all(|row| !asked.contains(&row.question)));
        let of = |kind: Kind| rows.iter().filter(|row| row.kind == kind).count();
        assert!(
            of(Kind::Known) >= 100 && of(Kind::Learnable) >= 150,
            "{} {}",
            of(Kind::Known),
            of(Kind::Learnable)
        );
        assert_eq!(of(Kind::Known) + of(Kind::Learnable), rows.len());
    }

    #[test]
    fn it_is_the_same_every_time() {
        assert_eq!(held_out(), held_out());
    }
}
