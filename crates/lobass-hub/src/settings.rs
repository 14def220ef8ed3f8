//! Settings of a client of the hub.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lobass_core::without_secrets;

/// The default address of the hub.
const ENDPOINT: &str = "https://huggingface.co";

/// Where the cache is, who asks whom, and how patiently.
#[derive(Clone)]
pub struct HubSettings {
    /// The directory of all repositories, `$HF_HOME/hub` in Python.
    pub cache: PathBuf,
    /// The token; public repositories need none. It is sent to the endpoint only.
    pub token: Option<Token>,
    /// The hub, or a mirror of it, without a slash at the end.
    pub endpoint: String,
    /// Fetch nothing: what is in the cache is all there is.
    pub offline: bool,
    /// A proxy, as `http://user:password@host:port`.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy, as `localhost` or `.example.com`.
    pub no_proxy: Vec<String>,
    /// A PEM file of the certificate authorities to trust, instead of Mozilla's, which are built in.
    pub certificates: Option<PathBuf>,
    /// How often a request is made that fails for reasons that may pass, before it is given up.
    pub tries: u32,
    /// The wait before the second try, which doubles from try to try; a server that names a time is obeyed.
    pub first_wait: Duration,
}

impl HubSettings {
    /// The public hub without a token: five tries, with waits of 1, 2, 4, and 8 seconds between them.
    pub fn new(cache: &Path) -> Self {
        Self {
            cache: cache.to_owned(),
            token: None,
            endpoint: ENDPOINT.to_owned(),
            offline: false,
            proxy: None,
            no_proxy: Vec::new(),
            certificates: None,
            tries: 5,
            first_wait: Duration::from_secs(1),
        }
    }
}

/// Without secrets: the addresses of an endpoint and of a proxy may hold a password.
impl fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubSettings")
            .field("cache", &self.cache)
            .field("token", &self.token)
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("offline", &self.offline)
            .field("proxy", &self.proxy.as_ref().map(|_| ".."))
            .finish_non_exhaustive()
    }
}

/// A secret that says who asks. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token without the white space around it; `None` if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    #[cfg(any(feature = "hub", test))]
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let settings = HubSettings {
            token: Token::new(" hf_secret\n"),
            proxy: Some("http://me:secret@host".to_owned()),
            endpoint: "https://me:secret@mirror".to_owned(),
            ..HubSettings::new(Path::new("cache"))
        };
        assert_eq!(settings.token.as_ref().map(Token::secret), Some("hf_secret"));
        assert!(!format!("{settings:?}").contains("secret"));
        assert_eq!(Token::new(" \n"), None);
    }
}
