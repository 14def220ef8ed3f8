//! Addresses without what is secret in them.

use std::borrow::Cow;

/// Stands for what is left out.
const HIDDEN: &str = "..";
/// A parameter whose name has one of these in it, in lower case, is a secret.
const SECRET: [&str; 12] = [
    "auth",
    "code",
    "credential",
    "key",
    "passw",
    "policy",
    "pwd",
    "secret",
    "session",
    "sig",
    "token",
    "x-amz",
];

/// A text whose URLs have no user, no password, and no secret parameter: `https://me:pw@host/a?token=x` becomes
/// `https://..@host/a?token=..`.
///
/// Anything around `://` counts as a URL, up to white space or a quote. A password with a `/` in it, which is no
/// valid URL, is found too.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let url = &after[..after.find(ends_url).unwrap_or(after.len())];
        // Signs of the sentence around it.
        let (url, behind) = after.split_at(url.trim_end_matches([':', ',', ';', '.', ')']).len());
        shown.push_str(before);
        push_url(&mut shown, url);
        rest = behind;
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn ends_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '`' | '"' | '\'' | '<' | '>')
}

/// Everything behind `://`.
fn push_url(shown: &mut String, url: &str) {
    let (place, query) = url.split_once('?').map_or((url, None), |(place, query)| (place, Some(query)));
    match user_end(url, place) {
        // A password may have a `?` in it; what is behind the `@` is looked at by itself.
        Some(end) => {
            shown.push_str(HIDDEN);
            shown.push('@');
            return push_url(shown, &url[end..]);
        }
        None => shown.push_str(place),
    }
    let Some(query) = query else { return };
    for (at, parameter) in query.split('&').enumerate() {
        shown.push(if at == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                shown.push_str(name);
                shown.push('=');
                shown.push_str(HIDDEN);
            }
            _ => shown.push_str(parameter),
        }
    }
}

/// Where the user and the password end, behind their `@`.
fn user_end(url: &str, place: &str) -> Option<usize> {
    let authority = place.split(['/', '#']).next().unwrap_or_default();
    if let Some(at) = authority.rfind('@') {
        return Some(at + 1);
    }
    // `key:se/cret@bucket`: what is behind the colon is no port.
    let is_address = authority.starts_with('[');
    let (_, port) = authority.split_once(':').filter(|_| !is_address)?;
    let is_port = port.chars().all(|c| c.is_ascii_digit());
    url.find('@').filter(|_| !is_port).map(|at| at + 1)
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_passwords_and_signatures() {
        let cases = [
            ("http://user:s3cret@host:1/a", "http://..@host:1/a"),
            ("http://user@host", "http://..@host"),
            ("http://u:p@w@host/x@y", "http://..@host/x@y"),
            ("`s3://key:se/cr+et@bucket/run` is not there", "`s3://..@bucket/run` is not there"),
            ("s3://key:se?cret@bucket/run", "s3://..@bucket/run"),
            (
                "https://h/f?download=1&X-Amz-Signature=abc&token=t",
                "https://h/f?download=1&X-Amz-Signature=..&token=..",
            ),
            (
                "https://h/f?sig=a%2Fb: status 403, https://me:pw@h",
                "https://h/f?sig=..: status 403, https://..@h",
            ),
        ];
        for (text, shown) in cases {
            assert_eq!(without_secrets(text), shown);
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for text in [
            "no address at all, me@host",
            "hf://datasets/org/name@main/a.jsonl",
            "https://huggingface.co:443/org/name/resolve/main/a?blobs=true",
            "http://[::1]:8080/a@b",
            "s3://bucket/run",
            "://",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
