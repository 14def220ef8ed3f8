//! Rules on a prompt and its response, each of which says why it fires.

mod asked;
mod catalog;
mod characters;
mod echo;
mod empty;
mod language;
mod leftover;
mod passage;
mod phrase;
mod refusal;
mod repetition;
mod spec;
mod truncated;
mod web;

use asked::Asked;
pub use catalog::{Rule, RuleInfo};
use passage::Passage;

use crate::Error;

/// A finding of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The finding and its limit, in words.
    pub detail: String,
}

/// Which rules are on, and their thresholds.
///
/// Parses from text: names and commas turn on just those rules; `default` and `all` are names too; `+NAME` and `-NAME`
/// add a rule and take one away, from the default ones if nothing stands before; `NAME=NUMBER` sets a threshold too.
/// `all,-truncated,echo=10` is an example.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    settings: [Setting; Rule::ALL.len()],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Setting {
    on: bool,
    threshold: f64,
}

impl Default for Rules {
    /// All but those of little confidence.
    fn default() -> Self {
        let setting = |rule: Rule| Setting { on: rule.info().on, threshold: rule.info().threshold };
        Self { settings: Rule::ALL.map(setting) }
    }
}

impl Rules {
    /// Every rule.
    pub fn all() -> Self {
        let mut rules = Self::default();
        rules.settings.iter_mut().for_each(|setting| setting.on = true);
        rules
    }

    /// No rule.
    pub fn none() -> Self {
        let mut rules = Self::default();
        rules.settings.iter_mut().for_each(|setting| setting.on = false);
        rules
    }

    /// Turns a rule on or off.
    pub fn set(&mut self, rule: Rule, on: bool) {
        self.settings[rule as usize].on = on;
    }

    /// Changes a rule's threshold.
    ///
    /// # Errors
    /// [`Error::Threshold`] for a number that the rule cannot have.
    pub fn set_threshold(&mut self, rule: Rule, threshold: f64) -> Result<(), Error> {
        let info = rule.info();
        let (least, most) = info.thresholds;
        if !(least..=most).contains(&threshold) {
            let expected = format!("a number from {least} to {most} ({})", info.meaning);
            return Err(Error::Threshold { rule: info.name, expected, found: threshold.to_string() });
        }
        self.settings[rule as usize].threshold = threshold;
        Ok(())
    }

    /// Whether a rule is on.
    pub fn is_on(&self, rule: Rule) -> bool {
        self.settings[rule as usize].on
    }

    /// A rule's threshold, whether or not it is on.
    pub fn threshold(&self, rule: Rule) -> f64 {
        self.settings[rule as usize].threshold
    }

    /// The rules that are on.
    pub fn on(&self) -> impl Iterator<Item = Rule> + '_ {
        Rule::ALL.into_iter().filter(|rule| self.is_on(*rule))
    }

    /// Findings in a response to a prompt, in the order of [`Rule::ALL`], with at most one for each rule. Their number
    /// can serve as a penalty for the row.
    pub fn check(&self, prompt: &str, response: &str) -> Vec<Finding> {
        let mut conversation = self.conversation();
        conversation.hear(prompt);
        conversation.answer(response)
    }

    /// A conversation that is checked turn by turn.
    pub fn conversation(&self) -> Conversation<'_> {
        Conversation { rules: self, asked: Asked::default(), prompt: String::new() }
    }
}

/// A conversation so far. What was asked for in any turn counts: who asks for a dialogue gets one.
#[derive(Debug, Clone)]
pub struct Conversation<'r> {
    rules: &'r Rules,
    asked: Asked,
    /// The last turn before the response.
    prompt: String,
}

impl Conversation<'_> {
    /// Somebody but the assistant speaks.
    pub fn hear(&mut self, text: &str) {
        self.asked.hear(text);
        text.clone_into(&mut self.prompt);
    }

    /// The assistant speaks: what the rules find in it.
    pub fn answer(&self, text: &str) -> Vec<Finding> {
        let (prompt, response) = (Passage::new(&self.prompt), Passage::new(text));
        let turn = Turn { asked: &self.asked, prompt: &prompt, response: &response };
        let finding = |rule: Rule| {
            let detail = turn.check(rule, self.rules.threshold(rule))?;
            Some(Finding { rule, detail })
        };
        self.rules.on().filter_map(finding).collect()
    }
}

/// The input of the rules.
struct Turn<'a> {
    asked: &'a Asked,
    prompt: &'a Passage<'a>,
    response: &'a Passage<'a>,
}

impl Turn<'_> {
    fn check(&self, rule: Rule, threshold: f64) -> Option<String> {
        match rule {
            Rule::RepeatedLines => repetition::lines(self, threshold),
            Rule::RepeatedPhrase => repetition::phrase(self, threshold),
            Rule::RepeatedPassages => repetition::passages(self, threshold),
            Rule::Refusal => refusal::refusal(self, threshold),
            Rule::SelfReference => refusal::self_reference(self),
            Rule::MissingInput => refusal::missing_input(self, threshold),
            Rule::EmptyAnswer => empty::empty(self),
            Rule::Placeholder => leftover::placeholder(self, threshold),
            Rule::TemplateMarker => leftover::marker(self),
            Rule::Language => language::language(self, threshold),
            Rule::BrokenCharacters => characters::broken(self, threshold),
            Rule::Symbols => characters::symbols(self, threshold),
            Rule::Echo => echo::echo(self, threshold),
            Rule::WebBoilerplate => web::boilerplate(self),
            Rule::Truncated => truncated::truncated(self, threshold),
        }
    }
}

/// A short piece of text for a finding, on one line.
fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for (at, letter) in text.trim().chars().enumerate() {
        if at == 60 {
            shown.push_str(" ..");
            break;
        }
        let is_plain = !letter.is_control() && !letter.is_whitespace();
        shown.push(if is_plain { letter } else { ' ' });
    }
    format!("`{shown}`")
}

/// `31 %`.
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
