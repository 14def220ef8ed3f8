//! All faults of a request at once.

use crate::error::{Context as _, Error, Result};

/// Faults that were found. A call looks for all faults that it can see before it begins, and names them together.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Error>);

impl Faults {
    /// Keeps the error of a check, or returns its value.
    pub(crate) fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// Keeps an error. The errors of [`Error::Several`] are kept one by one.
    pub(crate) fn add(&mut self, error: Error) {
        match error {
            Error::Several(errors) => self.0.extend(errors),
            error => self.0.push(error),
        }
    }

    /// Keeps an error if a value is missing.
    pub(crate) fn expect<T>(&mut self, value: Option<T>, fault: &'static str) -> Option<T> {
        self.take(value.ok_or_else(|| Error::Settings(fault.to_owned())))
    }

    /// The value of the checks, if they found no fault.
    pub(crate) fn end_with<T>(self, found: Option<T>) -> Result<T> {
        self.end()?;
        found.context("something is missing")
    }

    /// The only fault unchanged, or several as one error.
    pub(crate) fn end(mut self) -> Result<()> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(self.0.remove(0)),
            _ => Err(Error::Several(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_faults_stand_beside_each_other() {
        let inner = || {
            let mut faults = Faults::default();
            assert_eq!(faults.take::<u32>(Err(Error::Settings("one".to_owned()))), None);
            assert_eq!(faults.expect(Some(7), "not this"), Some(7));
            faults.add(Error::Settings("two".to_owned()));
            faults.end()
        };
        let mut faults = Faults::default();
        faults.take(inner());
        faults.take::<()>(Err(Error::Settings("three".to_owned())));
        assert_eq!(faults.end().unwrap_err().to_string(), "3 things are wrong; (1) one; (2) two; (3) three");
        let mut single = Faults::default();
        single.add(Error::Settings("alone".to_owned()));
        assert_eq!(single.end().unwrap_err().to_string(), "alone");
        Faults::default().end().unwrap();
    }
}
