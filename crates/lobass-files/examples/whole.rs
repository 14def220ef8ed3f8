//! Writes lines to a file that appears under its name when all of them are there.

use std::io::Write as _;

use lobass_files::WholeFile;

fn main() -> std::io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("lines.txt");
    let mut file = WholeFile::create(&path)?;
    for number in 0..3 {
        writeln!(file, "line {number}")?;
    }
    assert!(!path.exists());
    file.finish()?;
    assert_eq!(fs_err::read_to_string(&path)?.lines().count(), 3);
    Ok(())
}
