//! What is wrong with what a command was given, all of it at once.

use std::fmt;

use anyhow::Context as _;

/// Faults that were found. A command looks for all that it can see before it begins, and names them together.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<anyhow::Error>);

impl Faults {
    /// Keeps the fault of a check, if it found one; its value otherwise.
    pub(crate) fn take<T>(&mut self, result: anyhow::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    /// The faults of several checks stand beside each other.
    pub(crate) fn add(&mut self, error: anyhow::Error) {
        match error.downcast::<Several>() {
            Ok(Several(errors)) => self.0.extend(errors),
            Err(error) => self.0.push(error),
        }
    }

    /// Keeps a fault if something is not there.
    pub(crate) fn expect<T>(&mut self, value: Option<T>, fault: &'static str) -> Option<T> {
        self.take(value.ok_or_else(|| anyhow::Error::msg(fault)))
    }

    /// What checks have found, if they found no fault.
    pub(crate) fn end_with<T>(self, found: Option<T>) -> anyhow::Result<T> {
        self.end()?;
        found.context("something is missing")
    }

    /// The only fault as it is, or several as one error.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(self.0.remove(0)),
            _ => Err(Several(self.0).into()),
        }
    }
}

/// Several faults.
#[derive(Debug)]
pub(crate) struct Several(pub(crate) Vec<anyhow::Error>);

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} things are wrong", self.0.len())?;
        self.0.iter().zip(1..).try_for_each(|(error, number)| write!(f, "; ({number}) {error:#}"))
    }
}

impl std::error::Error for Several {}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn faults_of_faults_stand_beside_each_other() {
        let inner = || {
            let mut faults = Faults::default();
            assert_eq!(faults.take::<u32>(Err(anyhow::anyhow!("one"))), None);
            assert_eq!(faults.expect(Some(7), "not this"), Some(7));
            faults.add(anyhow::anyhow!("two"));
            faults.end()
        };
        let mut faults = Faults::default();
        faults.take(inner());
        faults.take::<()>((|| bail!("three"))());
        assert_eq!(faults.end().unwrap_err().to_string(), "3 things are wrong; (1) one; (2) two; (3) three");
        let mut single = Faults::default();
        single.add(anyhow::anyhow!("alone"));
        assert_eq!(single.end().unwrap_err().to_string(), "alone");
        Faults::default().end().unwrap();
    }
}
