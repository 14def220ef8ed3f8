//! Settings of the hub from the variables and files of Python's `huggingface_hub`.

use std::path::{Path, PathBuf};

use crate::{HubSettings, Token};

/// Settings by `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`, and the usual
/// variables of proxies and certificates; `None` if neither they nor the home directory name a place for the cache.
///
/// `variable` gives the value of an environment variable: this crate does not read the environment. The file of the
/// token is read.
pub fn settings_from(variable: &dyn Fn(&str) -> Option<String>, home: Option<&Path>) -> Option<HubSettings> {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let first = |names: &[&str]| names.iter().find_map(|name| set(name));
    let path = |names: &[&str]| first(names).map(|text| expanded(&text, home));
    let hf_home = path(&["HF_HOME"])
        .or_else(|| path(&["XDG_CACHE_HOME"]).map(|cache| cache.join("huggingface")))
        .or_else(|| home.map(|home| home.join(".cache/huggingface")));
    let cache = path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"])
        .or_else(|| hf_home.as_ref().map(|home| home.join("hub")))?;
    let token = match first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
        Some(token) => Token::new(&token),
        None => path(&["HF_TOKEN_PATH"]).or(hf_home.map(|home| home.join("token"))).and_then(|path| {
            // A token that cannot be read is as good as none: public repositories need none.
            Token::new(&fs_err::read_to_string(path).ok()?)
        }),
    };
    let mut settings = HubSettings { token, ..HubSettings::new(&cache) };
    if let Some(endpoint) = set("HF_ENDPOINT") {
        endpoint.trim().trim_end_matches('/').clone_into(&mut settings.endpoint);
    }
    settings.offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
        .iter()
        .any(|name| set(name).is_some_and(|value| is_yes(&value)));
    let is_plain = settings.endpoint.starts_with("http://");
    let proxies: &[&str] = match is_plain {
        true => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        false => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    };
    settings.proxy = first(proxies);
    let direct = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    settings.no_proxy =
        direct.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect();
    settings.certificates = path(&["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]);
    Some(settings)
}

/// As Python's `huggingface_hub` reads a switch.
fn is_yes(text: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&text.trim().to_ascii_uppercase().as_str())
}

/// A path whose `~` is the person's home.
fn expanded(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix('~').map(|rest| rest.trim_start_matches('/')), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], home: Option<&str>) -> Option<HubSettings> {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        settings_from(&variable, home.map(Path::new))
    }

    #[test]
    fn the_cache_as_python_finds_it() {
        let cache = |variables: &[(&str, &str)]| read(variables, Some("/me")).unwrap().cache;
        assert_eq!(cache(&[]), Path::new("/me/.cache/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")]), Path::new("/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "~/h")]), Path::new("/me/h/hub"));
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")]), Path::new("/c"));
        assert_eq!(cache(&[("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", " ")]), Path::new("/old"));
        assert_eq!(read(&[("HF_HOME", "/h")], None).unwrap().cache, Path::new("/h/hub"));
        assert!(read(&[], None).is_none());
    }

    #[test]
    fn the_token_as_python_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        let token = |variables: &[(&str, &str)]| read(variables, None).unwrap().token;
        assert_eq!(token(&[("HF_HOME", home)]), None);
        fs_err::write(dir.path().join("token"), "hf_of_file\n").unwrap();
        assert_eq!(token(&[("HF_HOME", home)]), Token::new("hf_of_file"));
        assert_eq!(token(&[("HF_HOME", home), ("HF_TOKEN", "hf_of_variable")]), Token::new("hf_of_variable"));
        let other = dir.path().join("other");
        fs_err::write(&other, "hf_of_path").unwrap();
        assert_eq!(
            token(&[("HF_HOME", home), ("HF_TOKEN_PATH", other.to_str().unwrap())]),
            Token::new("hf_of_path")
        );
    }

    #[test]
    fn switches_endpoints_and_proxies() {
        let read = |variables: &[(&str, &str)]| read(variables, Some("/me")).unwrap();
        for (value, offline) in
            [("1", true), ("true", true), ("ON", true), ("0", false), ("", false), ("no", false)]
        {
            assert_eq!(read(&[("HF_HUB_OFFLINE", value)]).offline, offline, "{value}");
        }
        assert!(read(&[("TRANSFORMERS_OFFLINE", "yes")]).offline);
        assert_eq!(read(&[("HF_ENDPOINT", "https://mirror.example/")]).endpoint, "https://mirror.example");
        let proxied = [
            ("https_proxy", "http://a:1"),
            ("http_proxy", "http://b:2"),
            ("no_proxy", "localhost, .example.com"),
        ];
        let found = read(&proxied);
        assert_eq!((found.proxy.as_deref(), found.no_proxy.len()), (Some("http://a:1"), 2));
        let plain = [proxied[0], proxied[1], ("HF_ENDPOINT", "http://localhost:1")];
        assert_eq!(read(&plain).proxy.as_deref(), Some("http://b:2"));
    }
}
