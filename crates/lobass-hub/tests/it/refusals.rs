//! Servers that say no.

use std::time::Instant;

use lobass_hub::{Error, Hub, HubSettings, Way};

use crate::server::{Fault, Gate, Repo};
use crate::{Place, checkpoint, model, tls};

#[test]
fn gated_with_and_without_a_token() {
    let place = Place::with(Repo { gate: Gate::Gated("secret"), ..checkpoint() });
    let error = model(&place.hub(), "org/name").unwrap_err();
    let text = error.to_string();
    let page = format!("{}/org/name", place.server.endpoint());
    assert!(matches!(error, Error::Gated { known: false, .. }) && text.contains(&page), "{text}");
    let error = model(&place.known_as("other"), "org/name").unwrap_err();
    assert!(matches!(error, Error::Gated { known: true, .. }), "{error}");
    assert!(!error.to_string().contains("other"), "{error}");
}

#[test]
fn missing_or_private() {
    let place = Place::with(Repo { gate: Gate::Private("secret"), ..checkpoint() });
    for name in ["org/name", "org/none"] {
        let error = model(&place.hub(), name).unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, Error::NoRepo { .. }) && text.contains("found none, or a private one"),
            "{text}"
        );
    }
    let error = model(&place.known_as("other"), "org/name").unwrap_err().to_string();
    assert!(error.contains("found none that this token may read"), "{error}");
    assert!(model(&place.known_as("secret"), "org/name").is_ok());
}

#[test]
fn a_token_that_is_none() {
    let place = Place::with(checkpoint());
    let headers = vec![("X-Error-Message", "Invalid credentials in Authorization header")];
    place.server.fail("/api/", 1, Fault::Status(401, headers));
    let error = model(&place.known_as("expired"), "org/name").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Token { .. }) && text.contains("Invalid credentials"), "{text}");
}

/// The address of a mirror may hold a password, and that of a file a signature; no error shows either.
#[test]
fn secrets_of_addresses_are_never_shown() {
    let place = Place::with(checkpoint());
    let with_password = place.server.endpoint().replace("http://", "http://user:s3cret@");
    let hub = |endpoint: &str, tries| {
        let endpoint = endpoint.to_owned();
        Hub::new(HubSettings { endpoint, tries, ..place.settings() }).unwrap()
    };
    let mut errors = vec![model(&hub("http://user:s3cret@127.0.0.1:1", 1), "org/name").unwrap_err()];
    let mirror = hub(&with_password, 1);
    assert!(!format!("{mirror:?}").contains("s3cret"));
    let location = vec![("Location", "https://other.invalid/blob?X-Amz-Signature=s3cret&X-Amz-Date=1")];
    let moved = vec![("Location", "http://[bad/?token=s3cret")];
    for fault in [
        Fault::Status(503, vec![]),
        Fault::Status(404, vec![]),
        Fault::Status(418, vec![("X-Error-Message", "not for https://user:s3cret@host")]),
        Fault::Status(302, location),
        Fault::Status(302, moved),
    ] {
        place.server.fail("/api/", 1, fault);
        errors.push(model(&mirror, "org/name").unwrap_err());
    }
    errors.push(model(&mirror, "org/none").unwrap_err());
    for endpoint in ["ftp://user:s3cret@host", "http://user:s3cret@", "http://user:s3/cret@host:x"] {
        let settings = HubSettings { endpoint: endpoint.to_owned(), ..place.settings() };
        errors.push(Hub::new(settings).unwrap_err());
    }
    for proxy in ["http://user:s3cret@", "user:s3cret@host:x", "http://user:s3/cret@host:x"] {
        let settings = HubSettings { proxy: Some(proxy.to_owned()), ..place.settings() };
        errors.extend(Hub::new(settings).err());
    }
    assert!(errors.len() >= 10);
    for error in errors {
        let (shown, debugged) = (error.to_string(), format!("{error:?}"));
        assert!(!shown.contains("s3cret") && !debugged.contains("s3cret"), "{shown}\n{debugged}");
    }
}

#[test]
fn no_such_revision() {
    let place = Place::with(checkpoint());
    let error = model(&place.hub(), "org/name@v9").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NoRevision { .. }) && text.contains("`v9`"), "{text}");
}

#[test]
fn pickled_weights_are_not_fetched() {
    let repo = Repo::new("models", "org/old").with("config.json", "{}").with("pytorch_model.bin", "never");
    let place = Place::with(repo);
    let error = model(&place.hub(), "org/old").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::NoWeights { .. }) && text.contains("`pytorch_model.bin`"), "{text}");
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn a_busy_server_is_asked_again() {
    let place = Place::with(checkpoint());
    place.server.fail("/api/", 1, Fault::Status(429, vec![("Retry-After", "0")]));
    place.server.fail("/config.json", 2, Fault::Status(503, Vec::new()));
    model(&place.hub(), "org/name").unwrap();
    assert_eq!(place.lines().iter().filter(|line| line.ends_with("/config.json")).count(), 3);

    place.server.fail("/api/", 9, Fault::Status(500, Vec::new()));
    let error = model(&place.hub(), "org/name").unwrap_err();
    assert!(matches!(error, Error::Busy { status: 500, tries: 3, .. }) && error.may_pass(), "{error}");
    assert_eq!(place.lines().len(), 3);
}

#[test]
fn nobody_waits_for_an_hour() {
    let place = Place::with(checkpoint());
    place.server.fail("/api/", 9, Fault::Status(429, vec![("Retry-After", "3600")]));
    let started = Instant::now();
    let error = model(&place.hub(), "org/name").unwrap_err();
    assert!(error.to_string().contains("wait for 3600 seconds"), "{error}");
    assert!(started.elapsed().as_secs() < 30);
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn answers_that_no_hub_gives() {
    let place = Place::with(checkpoint());
    let commit = "a".repeat(40);
    for body in [
        "<html>please log in</html>".to_owned(),
        r#"{"sha": "../../etc", "siblings": []}"#.to_owned(),
        format!(r#"{{"sha": "{commit}", "siblings": [{{"rfilename": "../../../config.json"}}]}}"#),
        format!(r#"{{"sha": "{commit}", "siblings": [{{"rfilename": "/etc/passwd"}}]}}"#),
    ] {
        place.server.fail("/api/", 1, Fault::Body(body.into_bytes()));
        let error = model(&place.hub(), "org/name").unwrap_err();
        assert!(matches!(error, Error::NotHub { .. }), "{error}");
    }
    place.server.fail(
        "/api/",
        1,
        Fault::Status(302, vec![("Location", "/api/models/org/name/revision/main")]),
    );
    place.server.fail(
        "/api/",
        50,
        Fault::Status(302, vec![("Location", "/api/models/org/name/revision/main")]),
    );
    let error = model(&place.hub(), "org/name").unwrap_err();
    assert!(matches!(error, Error::NotHub { .. }) && error.to_string().contains("redirections"), "{error}");
}

#[test]
fn what_is_in_the_way() {
    let place = Place::with(checkpoint());
    let at = |endpoint: &str| HubSettings { endpoint: endpoint.to_owned(), ..place.settings() };
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let way = |settings: HubSettings| match model(&Hub::new(settings).unwrap(), "org/name").unwrap_err() {
        Error::Unreachable { way, .. } => way,
        other => panic!("{other}"),
    };
    assert_eq!(way(at(&format!("http://{nobody}"))), Way::Host);
    let proxied = HubSettings { proxy: Some(format!("http://me:hidden@{nobody}")), ..place.settings() };
    assert_eq!(way(proxied.clone()), Way::Proxy);
    let direct = HubSettings { no_proxy: vec!["127.0.0.1".to_owned()], ..proxied };
    assert!(model(&Hub::new(direct).unwrap(), "org/name").is_ok());
}

#[test]
fn a_server_that_is_not_trusted() {
    let place = Place::with(checkpoint());
    let endpoint = tls::before(place.server.endpoint());
    let settings = HubSettings { endpoint, ..place.settings() };
    let error = model(&Hub::new(settings.clone()).unwrap(), "org/name").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Unreachable { way: Way::Tls, .. }) && text.contains("TLS"), "{text}");
    // Trusted by those who name its authority.
    let trusting = HubSettings { certificates: Some(tls::authority()), ..settings };
    model(&Hub::new(trusting).unwrap(), "org/name").unwrap();
}

#[test]
fn settings_that_are_none() {
    let place = Place::new();
    for endpoint in ["huggingface.co", "ftp://host", "https://", ""] {
        let settings = HubSettings { endpoint: endpoint.to_owned(), ..place.settings() };
        assert!(matches!(Hub::new(settings), Err(Error::Setting { what: "endpoint", .. })), "{endpoint}");
    }
    let path = place.cache().join("roots.pem");
    fs_err::write(&path, "no certificate").unwrap();
    let settings = HubSettings { certificates: Some(path), ..place.settings() };
    assert!(matches!(Hub::new(settings), Err(Error::Setting { what: "certificates", .. })));
    let settings = HubSettings { proxy: Some("http://me:hidden@:x".to_owned()), ..place.settings() };
    let error = Hub::new(settings).unwrap_err().to_string();
    assert!(error.starts_with("proxy") && !error.contains("hidden"), "{error}");
}
