//! Formats that lobass does not read, so that an error can name them.

/// The formats that are read, for messages.
pub(crate) const READ: &str = "JSON, JSON lines, CSV, or TSV (plain, gzip, or zstd), Parquet, or Arrow";

/// The first bytes of files that are something else, what they are, and what to do.
const MAGIC: [(&[u8], &str); 14] = [
    (b"\xff\xfe\x00\x00", "UTF-32 text; write it as UTF-8 (`iconv -f UTF-32 -t UTF-8`)"),
    (b"\xff\xfe", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)"),
    (b"\xfe\xff", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)"),
    (b"{\0", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16LE -t UTF-8`)"),
    (b"[\0", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16LE -t UTF-8`)"),
    (b"\0{", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16BE -t UTF-8`)"),
    (b"\0[", "UTF-16 text; write it as UTF-8 (`iconv -f UTF-16BE -t UTF-8`)"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
    (b"BZh", "bzip2; unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ\0", "xz; unpack it, or pack it with gzip or zstd"),
    (b"FEA1", "Feather of version 1; write it again with a newer version"),
    (b"ORC", "ORC; write it as Parquet"),
    (b"Obj\x01", "Avro; write it as Parquet or JSON lines"),
    (b"SQLite format 3\0", "an SQLite database; export the table as CSV or JSON lines"),
];

/// The format of a file that begins with these bytes, if it is known and cannot be read.
pub(super) fn foreign(head: &[u8]) -> Option<&'static str> {
    if let Some((_, what)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(what);
    }
    let is_tar = head.get(257..262).is_some_and(|word| word == b"ustar");
    let is_pickle = matches!(head, [0x80, 2..=5, ..]);
    let page = head.trim_ascii_start();
    match () {
        () if is_tar => Some("a tar archive; unpack it"),
        () if is_pickle => Some("a Python pickle; write it as Parquet or JSON lines"),
        () if page.starts_with(b"<") => Some("HTML or XML; a download may have failed"),
        () if page.starts_with(b"version https://git-lfs") => {
            Some("a pointer of Git LFS; fetch the file with `git lfs pull`")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_files_are_named() {
        assert!(foreign(b"\xff\xfe{\0").unwrap().contains("UTF-16"));
        assert!(foreign(b"PK\x03\x04..").unwrap().contains("ZIP"));
        assert!(foreign(b"\n<!DOCTYPE html>").unwrap().contains("HTML"));
        assert!(foreign(b"version https://git-lfs.github.com/spec/v1\n").unwrap().contains("Git LFS"));
        assert_eq!(foreign(b"{\"a\": 1}"), None);
        assert_eq!(foreign(b"[]"), None);
    }
}
