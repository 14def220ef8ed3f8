//! Hints about errors.

use std::error::Error as StdError;
use std::io::ErrorKind;

use super::Error;

/// The error of a crate below, where this crate passes it on as it is; any other error unchanged.
pub fn inner<'a>(cause: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let ours =
        cause.downcast_ref::<Error>().or_else(|| cause.downcast_ref::<Box<Error>>().map(AsRef::as_ref));
    ours.map_or(cause, Error::inner)
}

/// The hint if the program was built without a feature.
const REBUILD: &str = "install the whole program with `cargo install --path crates/lobass-cli --features full`, or run it \
                       from the checkout with `cargo run -p lobass-cli --features full -- ..`";

/// The hint if a place could not be reached.
const AGAIN: &str = "finished work is kept: run the same command again when the place can be reached";

/// The hint if a place was reached, and refuses.
const REFUSED: &str =
    "finished work is kept: check the address, the key and its secret, and what they may read and write";

/// The hint if the system refuses.
fn of_system(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Some("finished work is kept: make room, and run the same command again")
        }
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            Some("finished work is kept: choose a writable directory, or fix its permissions")
        }
        _ => None,
    }
}

/// The hint for an error of the hub, in terms of its environment variables.
fn of_hub(error: &lobass_hub::Error) -> Option<&'static str> {
    use lobass_hub::{Error, Way};
    Some(match error {
        Error::Gated { known: false, .. } => {
            "accept its terms there, and set HF_TOKEN to a token of the same account"
        }
        Error::Gated { known: true, .. } => {
            "accept its terms there with the account of the token, and let the token read gated repositories"
        }
        Error::NoRepo { known: false, .. } => "check the spelling; a private repository needs HF_TOKEN",
        Error::NoRepo { known: true, .. } => "check the spelling, and what the token in HF_TOKEN may read",
        Error::Token { .. } => {
            "set HF_TOKEN to a token that is valid, or unset it, and remove the file `token` in HF_HOME if it is from there"
        }
        Error::NoDownloads { .. } => REBUILD,
        Error::NotCached { .. } => {
            "fetch it once without HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE), or set HF_HOME to where it is"
        }
        Error::Ambiguous { .. } => "name one of them instead, or a folder of the data set",
        Error::Unreachable { way: Way::Host | Way::Server, .. } => {
            "HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy; with HF_HUB_OFFLINE=1 the cache is all that is used"
        }
        Error::Unreachable { way: Way::Proxy, .. } => {
            "the proxy is that of HTTPS_PROXY, HTTP_PROXY, or ALL_PROXY; NO_PROXY names hosts that need none"
        }
        Error::Unreachable { way: Way::Tls, .. } => {
            "SSL_CERT_FILE names the certificates to trust, such as those of a proxy that looks into connections"
        }
        Error::Busy { .. } => "run the same command again later; with HF_TOKEN the hub allows more requests",
        Error::Cut { .. } => "what has come of large files is kept: run the same command again",
        Error::Setting { what: "endpoint", .. } => "HF_ENDPOINT is an address such as https://huggingface.co",
        _ => return None,
    })
}

/// The hint for an error, if there is something to do. `cause` is an error of this crate, or of one below.
pub fn hint(cause: &(dyn StdError + 'static)) -> Option<&'static str> {
    let cause = inner(cause);
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return of_system(error.kind());
    }
    if let Some(error) = cause.downcast_ref::<lobass_data::Error>() {
        return match error {
            lobass_data::Error::UnknownFormat { .. } => Some(
                "say which columns hold what, as in `--columns prompt=question,response=reply` or \
                 `--columns messages=dialog`",
            ),
            lobass_data::Error::MissingColumn { .. } => {
                Some("`--columns` says which of the columns that are there hold what")
            }
            lobass_data::Error::Codec { .. } => Some(REBUILD),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<lobass_hub::Error>() {
        return of_hub(error);
    }
    if let Some(error) = cause.downcast_ref::<lobass_run::Error>() {
        return match error {
            lobass_run::Error::Data(error) => hint(error),
            lobass_run::Error::Overlong { .. } => {
                Some("`--overlong drop` leaves such rows out, `--overlong truncate` cuts them")
            }
            lobass_run::Error::Quarantined { .. } => Some(
                "`lobass worker --retry-quarantined` tries them again, `lobass seal --allow-quarantined N` goes without",
            ),
            lobass_run::Error::Mixture { .. } => {
                Some("plan anew, in another place, and have every worker run the same version")
            }
            lobass_run::Error::NoCloud { .. } => Some(REBUILD),
            lobass_run::Error::Store { kind: Some(kind), again: false, .. } => of_system(*kind),
            lobass_run::Error::Store { kind: None, again: false, .. } => Some(REFUSED),
            lobass_run::Error::Store { kind, .. } => Some(kind.and_then(of_system).unwrap_or(AGAIN)),
            _ => None,
        };
    }
    if let Some(lobass_select::SelectError::NoReference { .. }) = cause.downcast_ref() {
        return Some("`lobass score --reference` adds the losses of a second model");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_this_build_lacks_comes_with_a_command() {
        let codec =
            || lobass_data::Error::Codec { path: "p.parquet".into(), codec: "brotli", feature: "brotli" };
        let place = "s3://bucket/run".parse().unwrap();
        let errors: [Box<dyn StdError>; 4] = [
            Box::new(codec()),
            Box::new(lobass_run::Error::Data(codec())),
            Box::new(lobass_run::Error::NoCloud { place }),
            Box::new(lobass_hub::Error::NoDownloads { repo: "org/name".parse().unwrap() }),
        ];
        for error in errors {
            let hint = hint(error.as_ref()).unwrap_or_default();
            assert!(
                hint.contains("cargo install --path crates/lobass-cli --features full"),
                "{error}: {hint}"
            );
        }
    }
}
