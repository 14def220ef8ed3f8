//! The text of a question with its options in an order.

use std::fmt::Write as _;

use crate::Question;

/// What a model reads of a question: a beginning that all orders share, and a block of options for each of them.
///
/// The block is everything after the first `A:`, and the log-probabilities of its tokens are summed. The paper's program
/// has a blank behind the third option; it is left out here, since it marks the place of an option.
///
/// Source: the text of the program of arXiv 2409.01790.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// Everything up to the first option.
    pub prefix: String,
    /// The options of each order.
    pub blocks: Vec<String>,
}

impl Texts {
    /// The texts of these orders.
    ///
    /// # Panics
    /// If an order names an option that there is not, or there are more than 26.
    pub fn of(question: &Question, orders: &[Vec<usize>]) -> Self {
        let block = |order: &Vec<usize>| {
            let mut block = String::new();
            for (letter, &option) in ('A'..='Z').zip(order) {
                if letter != 'A' {
                    let _ = write!(block, "{letter}:"); // to a string
                }
                let _ = writeln!(block, "{}", question.options[option].trim());
            }
            block
        };
        assert!(question.options.len() <= 26, "options have letters");
        Self {
            prefix: format!("\n{}:\nA:", question.text.trim()),
            blocks: orders.iter().map(block).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_begins_behind_the_first_letter() {
        let options = ["1", "2", "3"].map(str::to_owned).to_vec();
        let question = Question { text: "1 + 1".to_owned(), options, subject: None };
        let texts = Texts::of(&question, &[vec![0, 1, 2], vec![2, 0, 1]]);
        assert_eq!(texts.prefix, "\n1 + 1:\nA:");
        assert_eq!(texts.blocks, ["1\nB:2\nC:3\n", "3\nB:1\nC:2\n"]);
    }
}
