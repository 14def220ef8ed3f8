//! Assignment of units to devices: tasks, and the queues they wait in.

use std::collections::VecDeque;
use std::ops::Range;

/// How units are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// One task for each device, a contiguous block of units, started at once. After a failure it continues on
    /// the same device, when that has been replaced.
    Static,
    /// Several tasks for each device, in a queue. Each is a contiguous block of units, and a process that loads the
    /// model. A lost task goes to the front of the queue, without its finished units.
    Array {
        /// Tasks for each device; 0 counts as 1. No task is empty, so there are at most as many as units.
        tasks_per_device: usize,
    },
    /// One process for each device, which takes the next unit when it has finished one. A lost unit goes to the front
    /// of the queue.
    Pool,
}

/// Units that one process does, one after the other; what is done is taken off its front.
pub(crate) type Task = Range<usize>;

/// Tasks that wait.
#[derive(Debug)]
pub(crate) enum Waiting {
    /// For their own device.
    Own(Vec<Option<Task>>),
    /// For anyone.
    Shared(VecDeque<Task>),
}

impl Waiting {
    pub(crate) fn new(schedule: Schedule, n_units: usize, n_devices: usize) -> Self {
        let nonempty = |tasks: Vec<Task>| tasks.into_iter().filter(|task| !task.is_empty());
        match schedule {
            Schedule::Static => {
                let tasks = blocks(n_units, n_devices);
                Self::Own(tasks.into_iter().map(|task| (!task.is_empty()).then_some(task)).collect())
            }
            Schedule::Array { tasks_per_device } => {
                let n_tasks = n_devices.saturating_mul(tasks_per_device.max(1)).min(n_units);
                Self::Shared(nonempty(blocks(n_units, n_tasks)).collect())
            }
            Schedule::Pool => Self::Shared(nonempty(blocks(n_units, n_units)).collect()),
        }
    }

    pub(crate) fn take(&mut self, device: usize) -> Option<Task> {
        match self {
            Self::Own(tasks) => tasks[device].take(),
            Self::Shared(tasks) => tasks.pop_front(),
        }
    }

    pub(crate) fn give_back(&mut self, device: usize, task: Task) {
        match self {
            Self::Own(tasks) => tasks[device] = Some(task),
            Self::Shared(tasks) => tasks.push_front(task),
        }
    }
}

/// Contiguous blocks whose numbers of units differ by one at most.
fn blocks(n_units: usize, n_blocks: usize) -> Vec<Task> {
    let begin = |block: usize| n_units * block / n_blocks;
    (0..n_blocks).map(|block| begin(block)..begin(block + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(schedule: Schedule, n_units: usize, n_devices: usize) -> Vec<Task> {
        match Waiting::new(schedule, n_units, n_devices) {
            Waiting::Own(tasks) => tasks.into_iter().flatten().collect(),
            Waiting::Shared(tasks) => tasks.into(),
        }
    }

    #[test]
    fn blocks_are_contiguous_and_about_equal() {
        assert_eq!(shared(Schedule::Static, 7, 3), [0..2, 2..4, 4..7]);
        assert_eq!(shared(Schedule::Static, 2, 3), [0..1, 1..2]);
        assert_eq!(shared(Schedule::Array { tasks_per_device: 2 }, 7, 2), [0..1, 1..3, 3..5, 5..7]);
        assert_eq!(shared(Schedule::Array { tasks_per_device: 9 }, 3, 2), [0..1, 1..2, 2..3]);
        assert_eq!(shared(Schedule::Array { tasks_per_device: 0 }, 3, 1), [0..3; 1]);
        assert_eq!(shared(Schedule::Pool, 3, 2), [0..1, 1..2, 2..3]);
        assert!(shared(Schedule::Pool, 0, 2).is_empty());
    }

    #[test]
    fn what_comes_back_is_next() {
        let mut waiting = Waiting::new(Schedule::Pool, 3, 2);
        let first = waiting.take(0).unwrap();
        waiting.give_back(0, first.clone());
        assert_eq!(waiting.take(1), Some(first));
    }
}
