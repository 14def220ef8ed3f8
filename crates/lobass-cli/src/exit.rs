//! Exit codes.

/// Everything was done.
pub const DONE: u8 = 0;
/// It was done, but rows could not be scored or the budget could not be met.
pub const INCOMPLETE: u8 = 1;
/// It could not be done.
pub const FAILED: u8 = 2;
/// Some of it is not done yet; the same command continues.
pub const UNFINISHED: u8 = 75;

/// How a command that could be done ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Incomplete,
    Unfinished,
}

impl Outcome {
    pub(crate) fn incomplete_if(incomplete: bool) -> Self {
        if incomplete { Self::Incomplete } else { Self::Done }
    }

    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Done => DONE,
            Self::Incomplete => INCOMPLETE,
            Self::Unfinished => UNFINISHED,
        }
    }
}
