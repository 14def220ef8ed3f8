//! The hub's description of a repository and of a file.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::Deserialize;
use url::Url;

use super::http::{Ask, Client, not_hub};
use crate::listing::{FileMeta, Listing, is_etag, is_inside};
use crate::repo::is_commit;
use crate::{Error, RepoId};

/// A revision, as the hub describes it.
#[derive(Deserialize)]
struct Revision {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: u64,
}

/// More than that no listing has.
const MAX_LISTING_BYTES: u64 = 256 << 20;

/// Asks the hub for all files of a repository at a revision.
pub(super) fn listing(client: &Client, repo: &RepoId) -> Result<Listing, Error> {
    let (org, name) = repo.name().split_once('/').unwrap_or_default();
    let mut url = client.address(["api", repo.kind().plural(), org, name, "revision", repo.revision()])?;
    url.set_query(Some("blobs=true"));
    let answer = client.ask(Ask { repo, url: &url, file: None, head: false, from: 0 })?;
    let mut text = String::new();
    let mut body = answer.body.into_with_config().limit(MAX_LISTING_BYTES).reader();
    body.read_to_string(&mut text).map_err(|error| not_hub(&url, format!("no whole listing: {error}")))?;
    let revision: Revision =
        serde_json::from_str(&text).map_err(|error| not_hub(&url, format!("no listing: {error}")))?;
    listing_of(revision, &url)
}

fn listing_of(revision: Revision, url: &Url) -> Result<Listing, Error> {
    if !is_commit(&revision.sha) {
        return Err(not_hub(url, format!("`{}` for a commit", revision.sha)));
    }
    let mut files = BTreeMap::new();
    for sibling in revision.siblings {
        if !is_inside(&sibling.rfilename) {
            return Err(not_hub(url, format!("a file called `{}`", sibling.rfilename)));
        }
        let meta = match (sibling.lfs, sibling.size, sibling.blob_id) {
            (Some(lfs), _, blob_id) => Some(FileMeta { size: lfs.size, etag: lfs.sha256, blob_id }),
            (None, Some(size), Some(id)) => Some(FileMeta { size, etag: id.clone(), blob_id: Some(id) }),
            _ => None,
        };
        files.insert(sibling.rfilename, meta.filter(|meta| is_etag(&meta.etag)));
    }
    Ok(Listing { commit: revision.sha, files })
}

/// Asks for what a listing does not say of a file.
pub(super) fn meta(client: &Client, repo: &RepoId, url: &Url, file: &str) -> Result<FileMeta, Error> {
    let answer = client.ask(Ask { repo, url, file: Some(file), head: true, from: 0 })?;
    let etag = answer.header("x-linked-etag").or(answer.header("etag")).map(|text| {
        let text = text.strip_prefix("W/").unwrap_or(text);
        text.trim_matches('"').to_owned()
    });
    let etag =
        etag.filter(|etag| is_etag(etag)).ok_or_else(|| not_hub(url, format!("no ETag of `{file}`")))?;
    let own = (!answer.status.is_redirection()).then(|| answer.header("content-length")).flatten();
    let size = answer.header("x-linked-size").or(own).and_then(|text| text.parse().ok());
    let size = size.ok_or_else(|| not_hub(url, format!("no size of `{file}`")))?;
    Ok(FileMeta { size, etag, blob_id: None })
}
