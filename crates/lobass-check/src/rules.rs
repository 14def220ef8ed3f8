//! Rules on the responses of rows.

use std::collections::BTreeMap;

use lobass_data::{Example, Pool, PoolRow, Role};
use lobass_text::{Finding, Rule, Rules};
use serde::Serialize;

use crate::{Error, each_row};

/// A finding of a rule in one turn of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFinding {
    /// The turn, counted from 0, the system message too.
    pub turn: usize,
    /// The finding.
    pub finding: Finding,
}

/// Findings of the rules in the responses of a conversation, turn by turn; for a pair in the chosen one.
pub fn findings(rules: &Rules, example: &Example) -> Vec<RowFinding> {
    let mut conversation = rules.conversation();
    let mut all = Vec::new();
    for (turn, message) in example.messages.iter().enumerate() {
        match message.role {
            Role::Assistant if message.scored && !message.content.trim().is_empty() => {
                let found = conversation.answer(&message.content).into_iter();
                all.extend(found.map(|finding| RowFinding { turn, finding }));
            }
            Role::Assistant => {}
            Role::System | Role::Developer | Role::User | Role::Tool => conversation.hear(&message.content),
        }
    }
    all
}

/// A row on which a rule fires, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExample {
    /// Its position in the pool.
    pub row: u64,
    /// Its name.
    pub key: String,
    /// The turn, counted from 0, the system message too.
    pub turn: usize,
    /// The finding in words.
    pub detail: String,
}

/// How many rows a rule fires on, and the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleCount {
    /// How many rows.
    pub n_rows: u64,
    /// The first of them.
    pub examples: Vec<RuleExample>,
}

/// Rows of each rule that fires, with as many examples as are kept.
#[derive(Debug, Clone, Default)]
pub struct RuleCounts {
    /// The counts of each rule that fires.
    pub by_rule: BTreeMap<Rule, RuleCount>,
    n_kept: usize,
}

impl RuleCounts {
    /// Keeps this number of examples of each rule.
    pub fn keeping(n_kept: usize) -> Self {
        Self { by_rule: BTreeMap::new(), n_kept }
    }

    /// Counts a row, however many of its turns a rule fires on.
    pub fn add(&mut self, row: &PoolRow, found: &[RowFinding]) {
        for (at, RowFinding { turn, finding }) in found.iter().enumerate() {
            if found[..at].iter().any(|earlier| earlier.finding.rule == finding.rule) {
                continue;
            }
            let count = self.by_rule.entry(finding.rule).or_default();
            count.n_rows += 1;
            if count.examples.len() < self.n_kept {
                let (key, detail) = (row.key.to_string(), finding.detail.clone());
                count.examples.push(RuleExample { row: row.row, key, turn: *turn, detail });
            }
        }
    }
}

/// Rows that a selection leaves out for what they say.
#[derive(Debug, Clone)]
pub struct Excluded {
    /// For every row of the pool, whether a rule fires on it. Rows that cannot be read have no response to check.
    pub rows: Vec<bool>,
    /// How many rows each rule fires on, with the first of them. A row can be in several.
    pub counts: RuleCounts,
}

/// Which rows of a pool rules fire on.
///
/// # Errors
/// If a file cannot be read.
pub fn rules_excluded(pool: &Pool, rules: &Rules, threads: usize) -> Result<Excluded, Error> {
    let mut excluded = Excluded { rows: Vec::new(), counts: RuleCounts::keeping(1) };
    each_row(
        pool,
        threads,
        |example| findings(rules, example),
        |row, found| {
            let found = found.unwrap_or_default();
            excluded.rows.push(!found.is_empty());
            excluded.counts.add(row, &found);
            Ok::<(), Error>(())
        },
    )?;
    Ok(excluded)
}

#[cfg(test)]
mod tests {
    use lobass_data::{DataFile, Duplicates, FormatChoice};

    use super::*;
    use crate::{near_duplicate_groups, said};

    fn pool(dir: &std::path::Path, rows: &[&str]) -> Pool {
        let path = dir.join("pool.jsonl");
        fs_err::write(&path, rows.iter().map(|row| format!("{row}\n")).collect::<String>()).unwrap();
        Pool::new(vec![DataFile::open(&path, "pool", &FormatChoice::Auto).unwrap()], Duplicates::Keep)
    }

    const ROWS: [&str; 5] = [
        r#"{"id": "a", "prompt": "Name the color of the sky on a clear day in summer.", "completion": "It is blue."}"#,
        r#"{"id": "b", "prompt": "Draw a tree.", "completion": "<nooutput>"}"#,
        "{",
        r#"{"id": "d", "prompt": "Name the color of the sky on a clear day in summer!", "completion": "It is blue"}"#,
        r#"{"id": "e", "prompt": "Draw a house.", "completion": "N/A"}"#,
    ];

    #[test]
    fn rows_that_are_left_out_are_counted_by_rule() {
        let dir = tempfile::tempdir().unwrap();
        let excluded = rules_excluded(&pool(dir.path(), &ROWS), &Rules::default(), 1).unwrap();
        assert_eq!(excluded.rows, [false, true, false, false, true]);
        let counts = &excluded.counts.by_rule;
        assert_eq!(counts.keys().collect::<Vec<_>>(), [&Rule::EmptyAnswer]);
        let found = &counts[&Rule::EmptyAnswer];
        assert_eq!((found.n_rows, found.examples.len()), (2, 1));
        assert_eq!(
            (found.examples[0].row, found.examples[0].key.as_str(), found.examples[0].turn),
            (1, "b", 1)
        );
        let none = rules_excluded(&pool(dir.path(), &ROWS), &Rules::none(), 3).unwrap();
        assert_eq!(none.rows, [false; 5]);
    }

    #[test]
    fn groups_are_of_conversations_whatever_the_threads() {
        let dir = tempfile::tempdir().unwrap();
        let pool = pool(dir.path(), &ROWS);
        let groups = near_duplicate_groups(&pool, 0.8, 0, 1).unwrap();
        assert_eq!(groups[0], groups[3]);
        assert_eq!(groups.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
        assert_eq!(groups, near_duplicate_groups(&pool, 0.8, 0, 3).unwrap());
        assert!(near_duplicate_groups(&pool, 2.0, 0, 1).unwrap_err().to_string().contains("from 0.1 to 1"));
    }

    #[test]
    fn each_scored_turn_is_looked_at() {
        let say = |role, text: &str| lobass_data::Message::new(role, text);
        let mut context = say(Role::Assistant, "N/A");
        context.scored = false;
        let messages = vec![
            say(Role::System, "Be kind."),
            say(Role::User, "Draw a tree."),
            context,
            say(Role::User, "Draw a house."),
            say(Role::Assistant, "<nooutput>"),
            say(Role::User, "And?"),
            say(Role::Assistant, "[Your Name]"),
        ];
        let example = Example { messages, ..Example::default() };
        let found = findings(&Rules::default(), &example);
        let turns: Vec<_> = found.iter().map(|found| (found.turn, found.finding.rule)).collect();
        assert_eq!(turns, [(4, Rule::EmptyAnswer), (6, Rule::Placeholder)]);
        assert_eq!(said(&example).count(), 6);
    }
}
