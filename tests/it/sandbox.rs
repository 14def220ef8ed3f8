//! A separate directory for every test, with the shipped checkpoint in it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A temporary directory in which the command line runs.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { dir: tempfile::tempdir().unwrap() };
        lobass_demo::unpack(sandbox.dir.path()).unwrap();
        sandbox
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, content).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// The first rows of the shipped pool, as `small.jsonl`.
    pub(crate) fn small_pool(&self, n_rows: usize) -> PathBuf {
        let lines: Vec<String> =
            self.read("pool.jsonl").lines().take(n_rows).map(|line| format!("{line}\n")).collect();
        self.write("small.jsonl", lines.concat())
    }

    /// A copy of the shipped checkpoint that can be damaged.
    pub(crate) fn copy_of_base(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        fs_err::create_dir_all(&copy).unwrap();
        for entry in fs_err::read_dir(self.path("base")).unwrap() {
            let entry = entry.unwrap();
            fs_err::copy(entry.path(), copy.join(entry.file_name())).unwrap();
        }
        copy
    }

    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lobass-under-test"));
        command.args(arguments).current_dir(self.dir.path()).env("NO_COLOR", "1").env("RUST_BACKTRACE", "0");
        command
    }

    pub(crate) fn spawn(&self, arguments: &[impl AsRef<OsStr>]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command line, words separated by spaces. No command may ever panic.
    pub(crate) fn run(&self, line: &str) -> Ended {
        let arguments: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let output = self.command(&arguments).output().unwrap();
        let ended = Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!ended.stderr.contains("panicked"), "`{line}` panicked: {}", ended.stderr);
        ended
    }

    /// Runs a command line that must end with this exit code.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, line: &str) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, code, "`{line}`\nstdout: {}\nstderr: {}", ended.stdout, ended.stderr);
        ended
    }

    /// Runs a command line that must fail, and whose error must hold all these words.
    #[track_caller]
    pub(crate) fn fails(&self, line: &str, words: &[&str]) -> Ended {
        let ended = self.expect(2, line);
        for word in words {
            assert!(ended.stderr.contains(word), "`{line}`: expected `{word}` in: {}", ended.stderr);
        }
        ended
    }

    /// Runs a command line that must end with this exit code, and reads its JSON.
    #[track_caller]
    pub(crate) fn json(&self, code: i32, line: &str) -> Value {
        let ended = self.expect(code, &format!("{line} --format json"));
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    }
}
