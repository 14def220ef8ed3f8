//! Connections that end, and files that are not what they should be.

use lobass_hub::{Error, Hub, HubSettings};

use crate::server::{Fault, hex};
use crate::{Place, checkpoint, model, names, weights};

/// The part of a line that the bytes of the weights are asked for by, on the host that has them.
fn of_weights() -> &'static str {
    Box::leak(format!("GET /{}", hex(&weights())).into_boxed_str())
}

#[test]
fn a_connection_that_ends_is_taken_up() {
    let place = Place::with(checkpoint());
    place.server.fail(of_weights(), 2, Fault::Cut(100_000));
    let found = model(&place.hub(), "org/name").unwrap();
    assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
    let asked = place.server.asked();
    let ranges: Vec<_> =
        asked.iter().filter(|asked| asked.elsewhere).map(|asked| asked.range.as_deref()).collect();
    assert_eq!(ranges, [None, Some("bytes=100000-"), Some("bytes=200000-")]);
    assert!(asked.iter().any(|asked| asked.status == 206));
}

#[test]
fn what_an_earlier_process_left_is_taken_up() {
    let place = Place::with(checkpoint());
    place.server.fail(of_weights(), 1, Fault::Cut(123_456));
    let once = Hub::new(HubSettings { tries: 1, ..place.settings() }).unwrap();
    let error = model(&once, "org/name").unwrap_err();
    assert!(
        matches!(error, Error::Cut { expected: 300_000, found: 123_456, .. }) && error.may_pass(),
        "{error}"
    );
    let blobs = place.cache().join("models--org--name/blobs");
    assert!(!blobs.join(hex(&weights())).exists(), "no part may have the name of the whole");
    place.server.asked();
    let found = model(&once, "org/name").unwrap();
    assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
    assert!(place.server.asked().iter().any(|asked| asked.range.as_deref() == Some("bytes=123456-")));
    assert!(names(&blobs).iter().all(|name| !name.contains("incomplete")));
}

#[test]
fn a_server_without_ranges_sends_all_of_it() {
    let place = Place::with(checkpoint());
    let partial =
        place.cache().join("models--org--name/blobs").join(format!("{}.incomplete", hex(&weights())));
    fs_err::create_dir_all(partial.parent().unwrap()).unwrap();
    fs_err::write(&partial, &weights()[..50_000]).unwrap();
    place.server.fail(of_weights(), 1, Fault::NoRange);
    let found = model(&place.hub(), "org/name").unwrap();
    assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights());
}

#[test]
fn a_partial_file_that_is_another_is_thrown_away() {
    for wrong in [vec![7; 50_000], vec![7; 300_000], vec![7; 400_000]] {
        let place = Place::with(checkpoint());
        let partial =
            place.cache().join("models--org--name/blobs").join(format!("{}.incomplete", hex(&weights())));
        fs_err::create_dir_all(partial.parent().unwrap()).unwrap();
        fs_err::write(&partial, &wrong).unwrap();
        let found = model(&place.hub(), "org/name").unwrap();
        assert_eq!(fs_err::read(found.dir.join("model.safetensors")).unwrap(), weights(), "{}", wrong.len());
        assert!(!partial.exists());
    }
}

#[test]
fn other_bytes_than_were_announced() {
    let place = Place::with(checkpoint());
    place.server.fail(of_weights(), 1, Fault::Body(vec![1; 300_000]));
    let error = model(&place.hub(), "org/name").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Differs { .. }) && text.contains(&hex(&weights())), "{text}");
    // Nothing of it stays.
    let kept = names(&place.cache().join("models--org--name/blobs"));
    assert!(kept.iter().all(|name| !name.starts_with(&hex(&weights()))), "{kept:?}");

    // Of a small file there is a size to go by.
    place.server.fail("/tokenizer.json", 1, Fault::Body(b"<html>login first</html>".to_vec()));
    fs_err::remove_dir_all(place.cache()).unwrap();
    let error = model(&place.hub(), "org/name").unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, Error::Differs { .. }) && text.contains("expected 7 bytes, found 24"), "{text}");
}

#[test]
fn a_small_file_that_is_cut_is_asked_for_again() {
    let place = Place::with(checkpoint());
    place.server.fail("/tokenizer.json", 2, Fault::Cut(3));
    let found = model(&place.hub(), "org/name").unwrap();
    assert_eq!(fs_err::read_to_string(found.dir.join("tokenizer.json")).unwrap(), "{\"t\":1}");
}
