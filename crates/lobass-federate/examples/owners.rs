//! Three owners keep their best rows under one budget, and say no more than counts.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use lobass_core::{Budget, Direction, Score, tie_break};
use lobass_federate::{Border, Owner, Place, find_border};

fn main() {
    let scores = [vec![0.9, 0.2, 0.5, 0.4], vec![0.8, 0.7], vec![0.1, 0.95, 0.3]];
    let mut owners = Vec::new();
    for (name, scores) in ["clinic", "library", "shop"].iter().zip(&scores) {
        let place = |(row, &score): (usize, &f64)| {
            let tie = tie_break(&format!("{name}-{row}"), 0);
            (Place::of(Score::new(score).expect("a finite score"), Direction::Descending, tie), 100)
        };
        let rows: Vec<(Place, u32)> = scores.iter().enumerate().map(place).collect();
        owners.push(Owner::new(&rows, scores.len() as u64, 1));
    }
    let Ok(border) = find_border(&mut owners, Budget::Rows(4));
    assert!(matches!(border, Border::Before { .. }));
    let kept: Vec<Vec<usize>> =
        owners.iter_mut().zip(0..).map(|(owner, at)| owner.kept(&border, at)).collect();
    assert_eq!(kept, [vec![0], vec![0, 1], vec![1]], "0.95, 0.9, 0.8, and 0.7");
    println!("{kept:?}");
}
