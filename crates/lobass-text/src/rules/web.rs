//! Messages of web pages to browsers.

use std::sync::LazyLock;

use super::passage::Place;
use super::phrase::Phrases;
use super::{Turn, quoted};

static BOILERPLATE: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new([
        "please enable JavaScript",
        "JavaScript is disabled",
        "requires JavaScript",
        "this site uses cookies",
        "this website uses cookies",
        "we use cookies",
        "cookie policy",
        "accept all cookies",
        "terms of use and privacy policy",
        "all rights reserved",
        "click here to subscribe",
        "subscribe to our newsletter",
        "skip to main content",
        "share on Facebook",
        "tweet this",
    ])
});

/// Words of a prompt that allow an answer to browsers.
const ASKS_FOR_IT: &str = "javascript cookie cookies policy privacy terms website webpage web page html newsletter subscribe \
    copyright license footer legal blog email ad advertisement";

pub(super) fn boilerplate(turn: &Turn<'_>) -> Option<String> {
    let (from, to) = BOILERPLATE.find(turn.response, Place::Anywhere, usize::MAX)?;
    (!turn.asked.mentions(ASKS_FOR_IT)).then(|| {
        format!(
            "the response contains {}, a message of web pages to browsers",
            quoted(turn.response.span(from, to))
        )
    })
}
