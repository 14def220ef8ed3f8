//! Signatures of requests, version 4 of AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>.

use sha2::{Digest as _, Sha256};

use super::{Request, decoded};

/// The code of S3's refusal, unless a request is signed by this account.
pub(super) fn refused(request: &Request, (account, secret): (&str, &str)) -> Option<&'static str> {
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let Some(fields) = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Some("AccessDenied");
    };
    let field = |name: &str| {
        let mut pairs = fields.split(", ").filter_map(|field| field.split_once('='));
        pairs.find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    };
    let Some((id, scope)) = field("Credential").split_once('/') else { return Some("AccessDenied") };
    if id != account {
        return Some("InvalidAccessKeyId");
    }
    let content = header("x-amz-content-sha256");
    if content != hex(Sha256::digest(&request.body)) {
        return Some("XAmzContentSHA256Mismatch");
    }
    let signed = field("SignedHeaders");
    let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
    let mut query: Vec<String> = request.query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    query.sort_unstable();
    let canonical =
        format!("{}\n{}\n{}\n{headers}\n{signed}\n{content}", request.method, request.path, query.join("&"));
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", header("x-amz-date"), hex(Sha256::digest(canonical)));
    let signature = hex(hmac(&signing_key(secret, scope), to_sign.as_bytes()));
    (field("Signature") != signature).then_some("SignatureDoesNotMatch")
}

/// A pair of a query as it is signed: with a value, even if it is empty, and all but plain characters encoded.
fn pair(text: &str) -> String {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    format!("{}={}", encoded(&decoded(name)), encoded(&decoded(value)))
}

fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The key of a day, a region, and a service, in the order of `scope`.
fn signing_key(secret: &str, scope: &str) -> Vec<u8> {
    let start = format!("AWS4{secret}").into_bytes();
    scope.split('/').fold(start, |key, part| hmac(&key, part.as_bytes()))
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let padded = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS's documentation of a derived key.
    #[test]
    fn a_key_of_the_documentation() {
        let key =
            signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830/us-east-1/iam/aws4_request");
        assert_eq!(hex(key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
