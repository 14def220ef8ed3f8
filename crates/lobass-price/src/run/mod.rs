//! One run of a job, event by event.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::schedule::{Task, Waiting};
use crate::{Cluster, Error, Schedule};

/// A job with more failures is given up.
const MOST_FAILURES: usize = 100_000;

/// The input of a simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) units: &'a [f64],
    pub(crate) cluster: &'a Cluster,
    pub(crate) schedule: Schedule,
    /// The speed of each device.
    pub(crate) speeds: &'a [f64],
}

/// A unit that a device has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Commit {
    pub(crate) unit: usize,
    pub(crate) device: usize,
    pub(crate) begin: f64,
    pub(crate) end: f64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ended {
    /// In the order in which they were done.
    pub(crate) commits: Vec<Commit>,
    pub(crate) lost: f64,
    pub(crate) n_failures: usize,
}

impl Ended {
    pub(crate) fn makespan(&self) -> f64 {
        self.commits.last().map_or(0.0, |commit| commit.end)
    }
}

#[derive(Debug, Clone)]
struct Device {
    doing: Doing,
    since: f64,
    loaded: bool,
    /// The rest of the task.
    task: Task,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Loading,
    Working,
    /// Its node is awaited.
    Away,
}

/// An event at some time. Events of an earlier life of a node are ignored.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Event {
    time: f64,
    what: What,
    node: usize,
    life: usize,
    /// Events of one time and kind come in the order in which they were planned.
    number: usize,
}

/// The kinds of events. At equal times, the first kind here comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A device has loaded the model, or done a unit.
    Done { device: usize },
    /// A node is there.
    Up,
    /// A node fails; in whichever life.
    Failure,
}

impl What {
    fn rank(self) -> u8 {
        match self {
            Self::Done { .. } => 0,
            Self::Up => 1,
            Self::Failure => 2,
        }
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    /// The earliest is the greatest, so that a heap gives it first.
    fn cmp(&self, other: &Self) -> Ordering {
        let rest = |event: &Self| (event.what.rank(), event.number);
        other.time.total_cmp(&self.time).then_with(|| rest(other).cmp(&rest(self)))
    }
}

/// A run on its way.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    setting: Setting<'a>,
    devices: Vec<Device>,
    /// How often each node has failed.
    lives: Vec<usize>,
    waiting: Waiting,
    events: BinaryHeap<Event>,
    n_events: usize,
    ended: Ended,
}

impl<'a> Run<'a> {
    pub(crate) fn new(setting: Setting<'a>) -> Self {
        let (n_devices, n_units) = (setting.cluster.devices, setting.units.len());
        let device = Device { doing: Doing::Away, since: 0.0, loaded: false, task: 0..0 };
        Self {
            setting,
            devices: vec![device; n_devices],
            lives: vec![0; setting.cluster.n_nodes()],
            waiting: Waiting::new(setting.schedule, n_units, n_devices),
            events: BinaryHeap::new(),
            n_events: 0,
            ended: Ended { commits: Vec::with_capacity(n_units), lost: 0.0, n_failures: 0 },
        }
    }

    /// Runs until every unit is done. `next_failure` gives the times at which a node fails, one after the other, and
    /// infinity if it does no more.
    pub(crate) fn finish(mut self, next_failure: &mut dyn FnMut(usize) -> f64) -> Result<Ended, Error> {
        for node in 0..self.lives.len() {
            self.plan(0.0, What::Up, node);
            self.plan(next_failure(node), What::Failure, node);
        }
        while self.ended.commits.len() < self.setting.units.len() {
            let Event { time, what, node, life, .. } =
                self.events.pop().expect("while a unit is not done, a device works or a node is awaited");
            let lives = life == self.lives[node];
            match what {
                What::Done { device } if lives => self.done(device, time),
                What::Up if lives => self.up(node, time),
                What::Done { .. } | What::Up => {}
                What::Failure => {
                    self.fail(node, time)?;
                    self.plan(next_failure(node), What::Failure, node);
                }
            }
        }
        Ok(self.ended)
    }

    fn plan(&mut self, time: f64, what: What, node: usize) {
        if time.is_finite() {
            self.n_events += 1;
            self.events.push(Event { time, what, node, life: self.lives[node], number: self.n_events });
        }
    }

    fn node_of(&self, device: usize) -> usize {
        device / self.setting.cluster.devices_per_node
    }

    fn devices_of(&self, node: usize) -> std::ops::Range<usize> {
        let n_devices = self.setting.cluster.devices_per_node;
        node * n_devices..((node + 1) * n_devices).min(self.devices.len())
    }

    fn up(&mut self, node: usize, time: f64) {
        self.devices_of(node).for_each(|device| self.go_on(device, time));
    }

    fn done(&mut self, at: usize, time: f64) {
        let device = &mut self.devices[at];
        if device.doing == Doing::Loading {
            device.loaded = true;
        } else {
            let unit = device.task.next().expect("who works has a unit");
            self.ended.commits.push(Commit { unit, device: at, begin: device.since, end: time });
        }
        self.go_on(at, time);
    }

    /// Loads or works, whatever is next for a device that is there and has ended what it did.
    fn go_on(&mut self, at: usize, time: f64) {
        let stays = self.setting.schedule == Schedule::Pool;
        let device = &mut self.devices[at];
        if device.task.is_empty() && (device.loaded || !stays) {
            let Some(task) = self.waiting.take(at) else {
                device.doing = Doing::Nothing;
                return;
            };
            device.task = task;
            device.loaded &= stays; // each task of an array is a new process
        }
        device.since = time;
        let seconds = if device.loaded {
            device.doing = Doing::Working;
            self.setting.units[device.task.start] / self.setting.speeds[at]
        } else {
            device.doing = Doing::Loading;
            self.setting.cluster.load_seconds
        };
        self.plan(time + seconds, What::Done { device: at }, self.node_of(at));
    }

    fn fail(&mut self, node: usize, time: f64) -> Result<(), Error> {
        self.lives[node] += 1;
        self.ended.n_failures += 1;
        if self.ended.n_failures > MOST_FAILURES {
            return Err(self.endless());
        }
        // Backwards, so that the first of them ends up at the front of the queue.
        for at in self.devices_of(node).rev() {
            let device = &mut self.devices[at];
            if matches!(device.doing, Doing::Loading | Doing::Working) {
                self.ended.lost += time - device.since;
            }
            (device.doing, device.loaded) = (Doing::Away, false);
            let task = std::mem::take(&mut device.task);
            if !task.is_empty() {
                self.waiting.give_back(at, task);
            }
        }
        let replacement = self.setting.cluster.failures.map_or(0.0, |failures| failures.replacement_seconds);
        self.plan(time + replacement, What::Up, node);
        for at in 0..self.devices.len() {
            if self.devices[at].doing == Doing::Nothing {
                self.go_on(at, time);
            }
        }
        Ok(())
    }

    fn endless(&self) -> Error {
        Error::Endless {
            n_failures: self.ended.n_failures - 1,
            n_done: self.ended.commits.len(),
            n_units: self.setting.units.len(),
            longest: self.setting.units.iter().copied().fold(0.0, f64::max),
            mtbf: self.setting.cluster.failures.map_or(f64::INFINITY, |failures| failures.mtbf_seconds),
        }
    }
}

#[cfg(test)]
mod tests;
