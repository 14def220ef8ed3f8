//! Where the chosen rows of a pool's files go.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::{DataFile, Pool};

impl Pool {
    /// For each file the path, below a folder, of its chosen rows: `SOURCE` with the container's ending, or, if
    /// several files are one source, their names below a folder `SOURCE`. All differ.
    pub fn output_paths(&self) -> Vec<PathBuf> {
        let mut taken = BTreeSet::new();
        self.files().iter().map(|file| free(self.output_path(file), &mut taken)).collect()
    }

    fn output_path(&self, file: &DataFile) -> PathBuf {
        let others: Vec<&Path> =
            self.files().iter().filter(|other| other.source() == file.source()).map(DataFile::path).collect();
        if others.len() == 1 {
            return format!("{}{}", file.source(), file.container().suffix()).into();
        }
        let shared = shared_folders(&others);
        let rest = file.path().components().skip(shared);
        let inside = rest.filter(|part| matches!(part, Component::Normal(_)));
        Path::new(file.source()).join(inside.collect::<PathBuf>())
    }
}

/// How many folders the paths of files have in common at their beginning.
fn shared_folders(paths: &[&Path]) -> usize {
    let folders = |path: &'_ Path| path.components().count().saturating_sub(1);
    let most = paths.iter().map(|path| folders(path)).min().unwrap_or(0);
    let same = |at: &usize| {
        let mut parts = paths.iter().map(|path| path.components().nth(*at));
        let first = parts.next().flatten();
        parts.all(|part| part == first)
    };
    (0..most).take_while(same).count()
}

/// A path that no other file has.
fn free(path: PathBuf, taken: &mut BTreeSet<PathBuf>) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = name
        .split_once('.')
        .map_or((name.as_str(), String::new()), |(stem, ending)| (stem, format!(".{ending}")));
    let numbered = (2..).map(|number| path.with_file_name(format!("{stem}-{number}{ending}")));
    let free = std::iter::once(path.clone()).chain(numbered).find(|path| !taken.contains(path));
    let free = free.unwrap_or(path);
    taken.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Duplicates, FormatChoice};

    fn pool(dir: &Path, files: &[(&str, &str, &str)]) -> Pool {
        let open = |(path, name, set): &(&str, &str, &str)| {
            let path = dir.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, "{\"question\": \"q\", \"answer\": \"a\"}\n").unwrap();
            DataFile::open(&path, name, &FormatChoice::Auto).unwrap().in_set(set)
        };
        Pool::new(files.iter().map(open).collect(), Duplicates::Keep)
    }

    fn told(pool: &Pool) -> Vec<(String, String)> {
        let path = |path: PathBuf| path.to_str().unwrap().to_owned();
        let sources = pool.files().iter().map(|file| file.source().to_owned());
        sources.zip(pool.output_paths().into_iter().map(path)).collect()
    }

    #[test]
    fn files_of_a_set_are_one_source_with_a_file_each() {
        let dir = tempfile::tempdir().unwrap();
        let pool = pool(
            dir.path(),
            &[
                ("s/x=1/p.jsonl", "s", "folder s"),
                ("s/x=2/p.jsonl", "s", "folder s"),
                ("a/pool.jsonl", "pool", "a"),
                ("b/pool.json", "pool", "b"),
                ("c.jsonl", "mine", "named mine"),
                ("c.jsonl", "mine", "named mine"),
            ],
        );
        let expected = [
            ("s", "s/x=1/p.jsonl"),
            ("s", "s/x=2/p.jsonl"),
            ("pool", "pool.jsonl"),
            ("pool-2", "pool-2.jsonl"),
            ("mine", "mine/c.jsonl"),
            ("mine", "mine/c-2.jsonl"),
        ];
        assert_eq!(told(&pool), expected.map(|(source, path)| (source.to_owned(), path.to_owned())));
    }

    #[test]
    fn paths_stay_below_their_source() {
        let paths = ["../a/x.jsonl", "b/x.jsonl"].map(Path::new);
        assert_eq!(shared_folders(&paths), 0);
        assert_eq!(shared_folders(&["/d/a/x", "/d/a/y"].map(Path::new)), 3);
        assert_eq!(shared_folders(&["/d/a/x", "/d/a/x"].map(Path::new)), 3);
    }
}
