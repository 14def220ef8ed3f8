//! The files of a repository at a commit.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::cache::{RepoCache, read_optional, write_whole};

/// All files of a repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    /// By path; what is known of each. Some mirrors tell names alone.
    pub(crate) files: BTreeMap<String, Option<FileMeta>>,
}

/// Metadata of a file before it is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileMeta {
    /// In bytes.
    pub(crate) size: u64,
    /// The name of its bytes in the cache: their SHA-256 if the file is large, else git's name for them.
    pub(crate) etag: String,
    /// Git's name for what is under version control, which of large files is a note of their SHA-256.
    pub(crate) blob_id: Option<String>,
}

impl FileMeta {
    /// The SHA-256 of its bytes, in lower case, if that is what they are called by.
    pub(crate) fn sha256(&self) -> Option<&str> {
        let is_hex = self.etag.chars().all(|c| c.is_ascii_digit() || matches!(c, 'a'..='f'));
        (self.etag.len() == 64 && is_hex).then_some(self.etag.as_str())
    }
}

/// `trees/COMMIT.json`, as Python writes it.
#[derive(Serialize, Deserialize)]
struct Tree {
    format_version: u32,
    files: BTreeMap<String, TreeEntry>,
}

#[derive(Serialize, Deserialize)]
struct TreeEntry {
    size: u64,
    blob_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
}

/// The version of `trees/COMMIT.json` that is read and written here.
const TREE_VERSION: u32 = 1;

impl Listing {
    /// The listing that was stored before.
    pub(crate) fn read(cache: &RepoCache, commit: &str) -> Result<Option<Self>, Error> {
        let Some(text) = read_optional(&cache.tree(commit))? else { return Ok(None) };
        // Python passes over what it cannot read too, and asks again.
        let Ok(tree) = serde_json::from_str::<Tree>(&text) else { return Ok(None) };
        let entries = tree.files.into_iter().map(|(file, entry)| {
            let TreeEntry { size, blob_id, lfs_sha256, lfs_size } = entry;
            let etag = lfs_sha256.unwrap_or_else(|| blob_id.clone());
            (file, Some(FileMeta { size: lfs_size.unwrap_or(size), etag, blob_id: Some(blob_id) }))
        });
        let files: BTreeMap<_, _> = entries.collect();
        let sound = |(file, meta): (&String, &Option<FileMeta>)| {
            is_inside(file) && meta.iter().all(|m| is_etag(&m.etag))
        };
        let known = tree.format_version == TREE_VERSION && files.iter().all(sound);
        Ok(known.then(|| Self { commit: commit.to_owned(), files }))
    }

    /// Writes it down where it is not yet, if everything is known of every file.
    pub(crate) fn write(&self, cache: &RepoCache) -> Result<(), Error> {
        let path = cache.tree(&self.commit);
        let entry = |(file, meta): (&String, &Option<FileMeta>)| {
            let meta = meta.as_ref()?;
            let lfs_sha256 = meta.sha256().map(str::to_owned);
            let lfs_size = lfs_sha256.is_some().then_some(meta.size);
            Some((
                file.clone(),
                TreeEntry { size: meta.size, blob_id: meta.blob_id.clone()?, lfs_sha256, lfs_size },
            ))
        };
        let Some(files) = self.files.iter().map(entry).collect::<Option<BTreeMap<_, _>>>() else {
            return Ok(());
        };
        if path.exists() {
            return Ok(());
        }
        let text = serde_json::to_vec(&Tree { format_version: TREE_VERSION, files })
            .map_err(std::io::Error::other)?;
        write_whole(&path, &text)
    }

    /// The files of a commit in the cache, if no listing was stored.
    pub(crate) fn on_disk(cache: &RepoCache, commit: &str) -> Result<Self, Error> {
        let root = cache.snapshot(commit);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs_err::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.exists() {
                    let inside = path.strip_prefix(&root).unwrap_or(&path);
                    let parts: Vec<_> =
                        inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
                    files.insert(parts.join("/"), None);
                }
            }
        }
        Ok(Self { commit: commit.to_owned(), files })
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.files.keys().map(String::as_str).collect()
    }
}

/// Whether a text can be the name of a file in the cache.
pub(crate) fn is_etag(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=128).contains(&text.len()) && text.chars().all(known)
}

/// Whether a path stays below the directory that it is put in.
pub(crate) fn is_inside(file: &str) -> bool {
    let parts = Path::new(file).components();
    let plain = !file.is_empty() && !file.contains(['\\', '\0', ':']);
    plain
        && parts.clone().count() == file.split('/').count()
        && parts.into_iter().all(|p| matches!(p, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_snapshot() {
        for good in ["a", "a/b.json", "a b/ä.jsonl", "..a/b"] {
            assert!(is_inside(good), "{good}");
        }
        for bad in ["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "C:a", "a\\b"] {
            assert!(!is_inside(bad), "{bad}");
        }
    }

    #[test]
    fn trees_as_python_writes_them() {
        let dir = tempfile::tempdir().unwrap();
        let cache = RepoCache::of(&crate::HubSettings::new(dir.path()), &"org/name".parse().unwrap());
        let commit = "c".repeat(40);
        let sha = "d".repeat(64);
        let text = format!(
            r#"{{"format_version": 1, "files": {{
                "config.json": {{"size": 519, "blob_id": "{commit}"}},
                "model.safetensors": {{"size": 12, "blob_id": "ab", "lfs_sha256": "{sha}", "lfs_size": 12, "xet_hash": "x"}}}}}}"#
        );
        write_whole(&cache.tree(&commit), text.as_bytes()).unwrap();
        let listing = Listing::read(&cache, &commit).unwrap().unwrap();
        let weights = listing.files["model.safetensors"].as_ref().unwrap();
        assert_eq!((weights.size, weights.sha256()), (12, Some(sha.as_str())));
        assert_eq!(listing.files["config.json"].as_ref().unwrap().sha256(), None);
        // What is written says the same.
        fs_err::remove_file(cache.tree(&commit)).unwrap();
        listing.write(&cache).unwrap();
        assert_eq!(Listing::read(&cache, &commit).unwrap(), Some(listing));
        // Another version is not ours to understand.
        write_whole(&cache.tree(&commit), text.replace("_version\": 1", "_version\": 2").as_bytes()).unwrap();
        assert_eq!(Listing::read(&cache, &commit).unwrap(), None);
    }
}
