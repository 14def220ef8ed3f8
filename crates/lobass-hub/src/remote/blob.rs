//! Bytes of one file: fetched once, whole, and checked.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use fs_err::File;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::http::{Answer, Ask, Client, shown};
use crate::cache::RepoCache;
use crate::listing::FileMeta;
use crate::{Error, RepoId};

/// One file that is to be fetched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) repo: &'a RepoId,
    pub(crate) file: &'a str,
    pub(crate) url: &'a Url,
    pub(crate) meta: &'a FileMeta,
}

/// Downloads bytes into the cache, unless they are there. `observe` gets the number of bytes so far.
///
/// The name of a large file is its digest, so the `ETAG.incomplete` of an interrupted download is continued, also if
/// another process began it. A file with another digest is deleted. The caller holds the lock of the bytes.
pub(crate) fn fetch(
    client: &Client,
    cache: &RepoCache,
    wanted: Wanted<'_>,
    observe: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let folder = cache.blobs();
    let whole = folder.join(&wanted.meta.etag);
    if whole.exists() {
        return Ok(());
    }
    fs_err::create_dir_all(&folder)?;
    let Some(sha256) = wanted.meta.sha256() else {
        let partial = temporary(&folder, &wanted.meta.etag)?;
        fill(client, wanted, partial.path(), observe)?;
        lobass_files::keep(partial.path(), &whole)?;
        return Ok(());
    };
    let partial = folder.join(format!("{sha256}.incomplete"));
    loop {
        let resumed = partial.exists();
        fill(client, wanted, &partial, observe)?;
        let found = digest(&partial)?;
        if found == sha256 {
            return Ok(lobass_files::keep(&partial, &whole)?);
        }
        fs_err::remove_file(&partial)?;
        if !resumed {
            let (expected, found) = (format!("SHA-256 {sha256}"), found);
            return Err(Error::Differs { url: shown(wanted.url), expected, found });
        }
    }
}

/// Asks for what a partial file lacks until it has its size.
fn fill(
    client: &Client,
    wanted: Wanted<'_>,
    partial: &Path,
    observe: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let Wanted { repo, file, url, meta } = wanted;
    let mut out =
        fs_err::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(partial)?;
    let mut failures = 0;
    loop {
        let have = out.seek(SeekFrom::End(0))?;
        if have == meta.size {
            return Ok(out.sync_all()?);
        }
        let answer = client.ask(Ask { repo, url, file: Some(file), head: false, from: have })?;
        if !goes_on(&answer, have) {
            out.set_len(0)?;
            out.seek(SeekFrom::Start(0))?;
            if answer.status.as_u16() == 416 {
                continue; // there is more here than there
            }
        }
        check_announced(&answer, wanted)?;
        let ended = copy(answer, meta.size, &mut out, observe)?;
        let found = out.seek(SeekFrom::End(0))?;
        if found > meta.size {
            out.set_len(0)?;
            let (expected, found) = (format!("{} bytes", meta.size), "more".to_owned());
            return Err(Error::Differs { url: shown(url), expected, found });
        }
        if found < meta.size {
            failures = if found > have { 1 } else { failures + 1 };
            if failures >= client.tries() {
                return Err(Error::Cut { url: shown(url), expected: meta.size, found, reason: ended });
            }
            client.wait(failures);
        }
    }
}

/// Whether an answer holds what comes after the bytes that are here.
fn goes_on(answer: &Answer, have: u64) -> bool {
    let begins = || {
        answer.header("content-range")?.strip_prefix("bytes ")?.split('-').next()?.trim().parse::<u64>().ok()
    };
    have > 0 && answer.status.as_u16() == 206 && begins() == Some(have)
}

/// An answer that says beforehand that it is another file is not read to its end.
fn check_announced(answer: &Answer, wanted: Wanted<'_>) -> Result<(), Error> {
    let length = answer.header("content-length").and_then(|text| text.parse::<u64>().ok());
    let expected = wanted.meta.size;
    match length {
        Some(found) if answer.status.as_u16() == 200 && found != expected => Err(Error::Differs {
            url: shown(&answer.url),
            expected: format!("{expected} bytes"),
            found: format!("{found}"),
        }),
        _ => Ok(()),
    }
}

/// Copies a body to its end, or to just beyond a size, and says how it ended. Only a failure to write is an error.
fn copy(answer: Answer, size: u64, out: &mut File, observe: &mut dyn FnMut(u64)) -> Result<String, Error> {
    let mut body = answer.body.into_with_config().limit(u64::MAX).reader();
    let mut have = out.stream_position()?;
    let mut buffer = vec![0; 256 << 10];
    while have <= size {
        match body.read(&mut buffer) {
            Ok(0) => return Ok("the body ended".to_owned()),
            Ok(n) => {
                out.write_all(&buffer[..n])?;
                have += n as u64;
                observe(have.min(size));
            }
            Err(error) => return Ok(error.to_string()),
        }
    }
    Ok("there was more".to_owned())
}

fn digest(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path)?;
    let mut sha = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => sha.update(&buffer[..n]),
        }
    }
}

/// A file that no other process has, with the permissions of new files.
fn temporary(folder: &Path, name: &str) -> Result<tempfile::NamedTempFile, Error> {
    let prefix = format!("{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".incomplete");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(folder)?)
}
