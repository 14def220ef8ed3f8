//! Does the sign of the primary difference depend on the settings?

use super::study::{Replicate, difference};
use crate::markdown::table;

/// A setting, with the comparisons that have lobass, random, and full under it.
struct Setting {
    name: &'static str,
    lobass: &'static str,
    random: &'static str,
    full: &'static str,
}

impl Setting {
    /// Other trainings of all three.
    const fn training(name: &'static str, small: &'static str, full: &'static str) -> Self {
        Self { name, lobass: small, random: small, full }
    }

    /// Another reference: random rows and all rows do not depend on it.
    const fn reference(name: &'static str, lobass: &'static str) -> Self {
        Self { name, lobass, random: "epochs-6", full: "epochs-full" }
    }

    fn against_random(&self, replicate: &Replicate) -> Option<f64> {
        difference(replicate, (self.lobass, "lobass"), (self.random, "random"))
    }

    fn against_full(&self, replicate: &Replicate) -> Option<f64> {
        difference(replicate, (self.lobass, "lobass"), (self.full, "full"))
    }
}

const AS_PLANNED: Setting = Setting::training("as in the claims", "epochs-6", "epochs-full");

const SETTINGS: [Setting; 8] = [
    Setting::training("half the learning rate", "rate-half-6", "rate-half-full"),
    Setting::training("double the learning rate", "rate-double-6", "rate-double-full"),
    Setting::training("one epoch", "one-epoch-6", "one-epoch-full"),
    Setting::training("five epochs", "five-epochs-6", "five-epochs-full"),
    Setting::reference("LoRA reference", "reference-lora-6"),
    Setting::reference("reference with another seed", "reference-seed-1-6"),
    Setting::reference("reference with a third seed", "reference-seed-2-6"),
    Setting::reference("two cross-fitted references", "cross-fitted"),
];

/// The same trainings of a model of another family.
const OTHER_FAMILY: Setting = Setting::training("Gemma 3 270M", "epochs-6", "epochs-full");

type Compare = fn(&Setting, &Replicate) -> Option<f64>;

/// Two results of one replicate: those with a setting, and those of the claims.
type Pair<'a> = (&'a Replicate, &'a Replicate);

/// A line for each setting that a replicate has. The numbers are in the order of the replicates.
///
/// `other_family` has the results of a model of another family, replicate by replicate.
pub(super) fn robustness(replicates: &[Replicate], other_family: &[Replicate]) -> Option<String> {
    let of_settings = SETTINGS.iter().filter_map(|setting| row(setting, replicates.iter().zip(replicates)));
    let of_family = row(&OTHER_FAMILY, other_family.iter().zip(replicates));
    let rows: Vec<Vec<String>> = of_settings.chain(of_family).collect();
    let headings = [
        "setting",
        "lobass minus random",
        "as in the claims",
        "lobass minus full",
        "as in the claims",
        "sign flips",
    ];
    (!rows.is_empty()).then(|| table(&headings, &rows))
}

/// The line of a setting, if a replicate has it.
fn row<'a>(setting: &Setting, pairs: impl Iterator<Item = Pair<'a>>) -> Option<Vec<String>> {
    let with: Vec<Pair<'_>> =
        pairs.filter(|(replicate, _)| setting.against_random(replicate).is_some()).collect();
    if with.is_empty() {
        return None;
    }
    let cells = |compare: Compare| {
        let under = with.iter().map(|(replicate, _)| compare(setting, replicate));
        [said(under), said(with.iter().map(|(_, planned)| compare(&AS_PLANNED, planned)))]
    };
    let [random, planned_random] = cells(Setting::against_random);
    let [full, planned_full] = cells(Setting::against_full);
    Some(vec![setting.name.to_owned(), random, planned_random, full, planned_full, flips(setting, &with)])
}

fn said(differences: impl Iterator<Item = Option<f64>>) -> String {
    let say = |found: Option<f64>| found.map_or("-".to_owned(), |found| format!("{found:+.4}"));
    differences.map(say).collect::<Vec<_>>().join(", ")
}

/// In how many of the replicates a difference has another sign than under the settings of the claims.
fn flips(setting: &Setting, with: &[Pair<'_>]) -> String {
    let of = |compare: Compare| {
        let pairs = with.iter().filter_map(|(replicate, planned)| {
            Some((compare(setting, replicate)?, compare(&AS_PLANNED, planned)?))
        });
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let n = pairs.iter().filter(|(one, other)| (*one < 0.0) != (*other < 0.0)).count();
        format!("{n} of {}", pairs.len())
    };
    format!("random {}, full {}", of(Setting::against_random), of(Setting::against_full))
}
