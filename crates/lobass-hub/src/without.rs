//! The hub in a build without the feature `hub`: what is in the cache can be used, and nothing can be downloaded.

use crate::cache::RepoCache;
use crate::listing::{FileMeta, Listing};
use crate::{Error, HubSettings, RepoId};

/// A hub that cannot be asked.
#[derive(Debug)]
pub(crate) struct Remote;

#[expect(clippy::unused_self, reason = "the same methods as with the feature")]
impl Remote {
    #[expect(clippy::unnecessary_wraps, reason = "settings can be wrong with the feature")]
    pub(crate) fn new(_settings: &HubSettings) -> Result<Self, Error> {
        Ok(Self)
    }

    pub(crate) fn listing(&self, repo: &RepoId) -> Result<Listing, Error> {
        Err(Error::NoDownloads { repo: repo.clone() })
    }

    pub(crate) fn meta(&self, repo: &RepoId, _file: &str) -> Result<FileMeta, Error> {
        Err(Error::NoDownloads { repo: repo.clone() })
    }

    pub(crate) fn fetch(
        &self,
        _cache: &RepoCache,
        repo: &RepoId,
        _file: &str,
        _meta: &FileMeta,
        _observe: &mut dyn FnMut(u64),
    ) -> Result<(), Error> {
        Err(Error::NoDownloads { repo: repo.clone() })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Hub, HubSettings, RepoId};

    #[test]
    fn a_download_names_the_feature_and_a_cached_commit_needs_none() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::new(HubSettings::new(dir.path())).unwrap();
        let id: RepoId = "org/name".parse().unwrap();
        let error = hub.model(&id, &mut |_| {}).unwrap_err();
        assert!(matches!(&error, Error::NoDownloads { repo } if *repo == id), "{error}");
        assert!(error.to_string().contains("`hub`"), "{error}");

        let commit = "c".repeat(40);
        let folder = dir.path().join("models--org--name");
        let snapshot = folder.join("snapshots").join(&commit);
        fs_err::create_dir_all(&snapshot).unwrap();
        fs_err::create_dir_all(folder.join("trees")).unwrap();
        let mut files = serde_json::Map::new();
        for name in ["config.json", "model.safetensors", "tokenizer.json"] {
            fs_err::write(snapshot.join(name), "{}").unwrap();
            files.insert(name.to_owned(), serde_json::json!({"size": 2, "blob_id": "ab"}));
        }
        let tree = serde_json::json!({"format_version": 1, "files": files});
        fs_err::write(folder.join(format!("trees/{commit}.json")), tree.to_string()).unwrap();
        assert_eq!(hub.model(&id.at(&commit), &mut |_| {}).unwrap().dir, snapshot);

        // One of its files is gone: that cannot be fetched again.
        fs_err::remove_file(snapshot.join("model.safetensors")).unwrap();
        let error = hub.model(&id.at(&commit), &mut |_| {}).unwrap_err();
        assert!(matches!(error, Error::NoDownloads { .. }), "{error}");
    }
}
