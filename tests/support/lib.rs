//! Shared parts of the test binaries: paths of fixtures, and comparisons of numbers.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// A path under `tests/fixtures`.
pub fn fixture(relative: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(relative)
}

/// Reads a JSON fixture.
///
/// # Panics
/// If the file is missing or is not what the test expects; both are faults of the test.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs_err::read_to_string(path).expect("fixtures are committed");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asserts that two lists of numbers agree to an absolute tolerance, and says where they part most.
///
/// # Panics
/// If they do not.
#[track_caller]
pub fn assert_close(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len(), "{what}: lengths differ");
    let worst = (0..actual.len()).max_by(|&a, &b| {
        let distance = |at: usize| (actual[at] - expected[at]).abs();
        distance(a).total_cmp(&distance(b))
    });
    if let Some(at) = worst {
        let distance = (actual[at] - expected[at]).abs();
        assert!(
            distance <= tolerance,
            "{what}: worst at {at}: expected {}, found {}, which is {distance:e} apart (at most {tolerance:e})",
            expected[at],
            actual[at]
        );
    }
}
