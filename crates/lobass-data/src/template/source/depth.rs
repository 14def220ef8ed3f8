//! How deep the parts of a template are in each other: the engine goes down as deep when it compiles them, and does not
//! count all of it itself.

use super::scan::tags;
use super::tokens::{TokenKind, tokens};

/// Operators in a row, each of which is inside the next; and brackets around them.
const MAX_OPERATORS: usize = 250;
/// Branches of one condition.
const MAX_BRANCHES: usize = 250;

/// The part of a source that is too deep, and its line.
pub(in super::super) fn fault(source: &str) -> Option<String> {
    let mut branches = Vec::new();
    for tag in tags(source) {
        let line = || source[..tag.inner.start].matches('\n').count() + 1;
        if operators(source, &tag.inner) > MAX_OPERATORS {
            let line = line();
            return Some(format!(
                "expected at most {MAX_OPERATORS} operators in an expression, found more in line {line}"
            ));
        }
        match tag.word(source) {
            "if" => branches.push(0),
            "endif" => {
                branches.pop();
            }
            "elif" => {
                if let Some(count) = branches.last_mut() {
                    *count += 1;
                    if *count > MAX_BRANCHES {
                        let line = line();
                        return Some(format!(
                            "expected at most {MAX_BRANCHES} `elif` of one `if`, found more in line {line}"
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    None
}

/// The largest number of operators and brackets around one operand.
fn operators(source: &str, within: &std::ops::Range<usize>) -> usize {
    let mut levels = vec![0];
    let mut most = 0;
    for token in tokens(source, within) {
        let text = &source[token.at.clone()];
        match token.kind {
            TokenKind::Open => {
                add(&mut levels, 1);
                levels.push(0);
            }
            TokenKind::Close if levels.len() > 1 => {
                levels.pop();
            }
            // What is beside does not lie inside.
            TokenKind::Sign if text == "," => levels.iter_mut().rev().take(1).for_each(|level| *level = 0),
            TokenKind::Sign => add(&mut levels, 1),
            TokenKind::Word if matches!(text, "and" | "or" | "not" | "if" | "else" | "is" | "in") => {
                add(&mut levels, 1);
            }
            _ => continue,
        }
        most = most.max(levels.iter().sum());
        if most > MAX_OPERATORS {
            break;
        }
    }
    most
}

fn add(levels: &mut [usize], n: usize) {
    if let Some(level) = levels.last_mut() {
        *level += n;
    }
}
