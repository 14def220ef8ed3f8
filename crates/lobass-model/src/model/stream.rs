//! Layers that are read when they are needed, for models that are larger than memory.
//!
//! A pass goes through places: the layers in order, and for gradients the same layers in reverse. A place below the
//! number of layers is the layer of that number, and the others count backwards.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::layer::DecoderLayer;
use super::parts::{Part, PartMut, Parts as _};

/// The most layers in memory: the one of the slowest pass, the next one, and one that is read ahead.
pub(crate) const HELD: usize = 3;

/// Reads a layer by its number.
type Read = Box<dyn Fn(usize) -> DecoderLayer + Send + Sync>;

/// The layers of a model on disk, of which a few are in memory. Several passes go through them side by side. While they
/// compute, a thread reads the next layer. Clones share the layers and the thread.
#[derive(Clone)]
pub(crate) struct LayerStream(Arc<Reading>);

/// What passes and the thread that reads ahead share; the last clone of the stream ends that thread.
struct Reading {
    shared: Arc<Shared>,
    ahead: Option<JoinHandle<()>>,
}

struct Shared {
    read: Read,
    n_layers: usize,
    state: Mutex<State>,
    changed: Condvar,
    /// Layers that were read.
    n_read: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Layers in memory, by their number.
    ready: BTreeMap<usize, Arc<DecoderLayer>>,
    /// The layer that is being read.
    reading: Option<usize>,
    /// The place whose layer is to be read ahead.
    wanted: Option<usize>,
    /// The place that each pass is in, by the number of the pass.
    passes: BTreeMap<u64, usize>,
    n_passes: u64,
    is_over: bool,
}

/// A pass through the layers of a stream. It waits for slower passes, so that a layer is read once for all of them.
pub(super) struct StreamedPass<'a> {
    shared: &'a Shared,
    number: u64,
    /// The number of its places.
    n_places: usize,
}

/// A layer in memory or of a stream.
#[derive(Debug)]
pub(super) enum LayerRef<'a> {
    Held(&'a DecoderLayer),
    Read(Box<DecoderLayer>),
}

impl DecoderLayer {
    /// This layer with the low-rank updates and the replaced weights of `other`, whose other matrices are placeholders.
    /// What is frozen in `other` is frozen in it.
    pub(super) fn with_updates_of(&self, other: &Self) -> Self {
        let mut updates = Vec::new();
        other.parts("", &mut |_, part| updates.push(part));
        let mut updates = updates.into_iter();
        let mut layer = self.clone();
        layer.parts_mut("", &mut |_, mut part| {
            let update = updates.next().unwrap_or_else(|| unreachable!("both are the same layer"));
            part.set_frozen(update.is_frozen());
            match (part, update) {
                (PartMut::Linear(linear), Part::Linear(update)) => {
                    linear.lora.clone_from(&update.lora);
                    if linear.weight.dims() == update.weight.dims() {
                        linear.weight = update.weight.clone();
                    }
                }
                (PartMut::Norm(norm), Part::Norm(update)) => norm.weight = update.weight.clone(),
                _ => {}
            }
        });
        layer
    }
}

impl Deref for LayerRef<'_> {
    type Target = DecoderLayer;

    fn deref(&self) -> &DecoderLayer {
        match self {
            Self::Held(layer) => layer,
            Self::Read(layer) => layer,
        }
    }
}

impl LayerStream {
    /// - `read`: reads the layer of a number below `n_layers`
    pub(crate) fn new(n_layers: usize, read: Read) -> Self {
        let state = Mutex::new(State::default());
        let shared =
            Arc::new(Shared { read, n_layers, state, changed: Condvar::new(), n_read: AtomicU64::new(0) });
        let ahead = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name("layers".to_owned()).spawn(move || shared.read_ahead())
        };
        // If the thread cannot start, passes read each layer themselves.
        Self(Arc::new(Reading { shared, ahead: ahead.ok() }))
    }

    /// Whether another one is a clone of this one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How often a layer was read.
    pub(super) fn n_read(&self) -> u64 {
        self.0.shared.n_read.load(Ordering::Relaxed)
    }

    /// Begins a pass through all layers.
    pub(super) fn pass(&self) -> StreamedPass<'_> {
        self.begin(self.0.shared.n_layers)
    }

    /// Begins a pass through all layers and back.
    pub(super) fn round_trip(&self) -> StreamedPass<'_> {
        self.begin(2 * self.0.shared.n_layers)
    }

    fn begin(&self, n_places: usize) -> StreamedPass<'_> {
        let shared = &self.0.shared;
        let mut state = shared.state();
        state.n_passes += 1;
        let number = state.n_passes;
        state.passes.insert(number, 0);
        StreamedPass { shared, number, n_places }
    }
}

impl fmt::Debug for LayerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerStream").field("n_layers", &self.0.shared.n_layers).finish_non_exhaustive()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.shared.state().is_over = true;
        self.shared.changed.notify_all();
        if let Some(ahead) = self.ahead.take() {
            // If reading panics, the pass that needs the layer panics too, so this result says nothing new.
            drop(ahead.join());
        }
    }
}

impl StreamedPass<'_> {
    /// Goes on to a place, and waits until its layer is there.
    pub(super) fn layer(&mut self, place: usize) -> Arc<DecoderLayer> {
        let (shared, next) = (self.shared, place + 1);
        let mut state = shared.state();
        state.passes.insert(self.number, place);
        shared.forget(&mut state);
        shared.changed.notify_all();
        loop {
            let slowest = state.slowest();
            if let Some(layer) = state.ready.get(&shared.layer_at(place)).map(Arc::clone) {
                if next < self.n_places && next < slowest + HELD && !shared.is_ready(&state, next) {
                    state.wanted = Some(next);
                    shared.changed.notify_all();
                }
                return layer;
            }
            if state.reading.is_some() || place >= slowest + HELD - 1 {
                state = shared.wait(state);
                continue;
            }
            state = shared.read_into(state, shared.layer_at(place));
        }
    }
}

impl fmt::Debug for StreamedPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamedPass").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for StreamedPass<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.passes.remove(&self.number);
        self.shared.forget(&mut state);
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the layer of a place.
    fn layer_at(&self, place: usize) -> usize {
        if place < self.n_layers { place } else { 2 * self.n_layers - 1 - place }
    }

    fn is_ready(&self, state: &State, place: usize) -> bool {
        state.ready.contains_key(&self.layer_at(place))
    }

    /// Drops the layers that no pass comes to soon.
    fn forget(&self, state: &mut State) {
        let slowest = state.slowest();
        let ahead = match state.passes.is_empty() {
            true => slowest..slowest,
            false => slowest..(slowest + HELD).min(2 * self.n_layers),
        };
        state.ready.retain(|at, _| ahead.clone().any(|place| self.layer_at(place) == *at));
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a layer while others may go on.
    fn read_into<'a>(&'a self, mut state: MutexGuard<'a, State>, at: usize) -> MutexGuard<'a, State> {
        /// Lets others read if reading ends in a panic.
        struct Token<'a>(&'a Shared);
        impl Drop for Token<'_> {
            fn drop(&mut self) {
                self.0.state().reading = None;
                self.0.changed.notify_all();
            }
        }
        state.reading = Some(at);
        drop(state);
        let token = Token(self);
        let layer = Arc::new((self.read)(at));
        self.n_read.fetch_add(1, Ordering::Relaxed);
        self.state().ready.insert(at, layer);
        drop(token);
        self.state()
    }

    /// Reads what is wanted next, until the stream ends.
    fn read_ahead(&self) {
        let mut state = self.state();
        while !state.is_over {
            let is_needed = |place: &usize| state.is_ahead(*place) && !self.is_ready(&state, *place);
            let wanted = state.wanted.filter(|place| state.reading.is_none() && is_needed(place));
            state = match wanted {
                Some(place) => {
                    state.wanted = None;
                    self.read_into(state, self.layer_at(place))
                }
                None => self.wait(state),
            };
        }
    }
}

impl State {
    /// The place of the pass that is furthest behind.
    fn slowest(&self) -> usize {
        self.passes.values().copied().min().unwrap_or_default()
    }

    /// Whether some pass has yet to come to a place.
    fn is_ahead(&self, place: usize) -> bool {
        self.passes.values().any(|pass| *pass <= place)
    }
}
