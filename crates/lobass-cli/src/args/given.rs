//! Flags by which a message names what it refuses.

/// The flags that were given, as messages name them.
pub(super) fn given(flags: &[(&str, bool)]) -> Vec<String> {
    flags.iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| format!("`{flag}`")).collect()
}
