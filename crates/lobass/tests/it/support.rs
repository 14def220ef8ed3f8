//! A base, a reference, and rows to score.

use std::path::PathBuf;
use std::sync::OnceLock;

use lobass::settings::TrainSettings;
use lobass::{Model, Runtime, TrainOptions};
use serde_json::{Map, Value};

/// The shared material of all tests: the shipped base, and a reference that was trained on its pool.
pub(crate) struct Shipped {
    _dir: tempfile::TempDir,
    pub(crate) base: PathBuf,
    pub(crate) tuned: PathBuf,
    pub(crate) rows: Vec<Map<String, Value>>,
}

/// The first rows of the shipped pool, with a malformed one among them.
const N_ROWS: usize = 120;

pub(crate) fn shipped() -> &'static Shipped {
    static SHIPPED: OnceLock<Shipped> = OnceLock::new();
    SHIPPED.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let unpacked = lobass_demo::unpack(dir.path()).unwrap();
        let text = fs_err::read_to_string(&unpacked.pool).unwrap();
        let mut rows: Vec<Map<String, Value>> =
            text.lines().take(N_ROWS).map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.insert(7, Map::from_iter([("instruction".to_owned(), Value::from("nothing else"))]));
        let (runtime, tuned) = (Runtime::default(), dir.path().join("tuned"));
        let base = Model::open(&unpacked.base, &runtime).unwrap();
        let train =
            TrainSettings { learning_rate: Some(1e-3), batch_size: Some(16), ..TrainSettings::default() };
        let options = TrainOptions { train, ..TrainOptions::default() };
        lobass::train(&rows, &base, &options, &tuned, &runtime).unwrap();
        Shipped { _dir: dir, base: unpacked.base, tuned, rows }
    })
}
