//! Inputs that do not exist. A call looks for all inputs before it reads one, and one error names all that are missing.

use std::path::{Path, PathBuf};

use lobass_data::{TemplateChoice, find_files, read_dataset_info};
use lobass_hub::DataAddress;

use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::hub::is_local;
use crate::outputs;
use crate::runtime::Runtime;
use crate::settings::{DataSettings, EncodeSettings, SelectSettings};
use crate::table_input::TableInput;

/// Collects the inputs of a call that do not exist. It does not look for models and data on the hub.
///
/// ```
/// use std::path::Path;
///
/// use lobass::Missing;
///
/// let inputs = Missing::default().file("score table", Path::new("no.parquet")).model("base", Path::new("./no"));
/// let error = inputs.end().unwrap_err().to_string();
/// assert!(error.contains("score table `no.parquet`: No such file or directory"));
/// ```
#[derive(Debug, Default)]
pub struct Missing(Faults);

impl Missing {
    /// Looks for a file or a folder.
    #[must_use]
    pub fn file(mut self, role: &str, path: &Path) -> Self {
        if !path.exists() {
            let path = path.display();
            self.0.add(Error::Missing(format!("{role} `{path}`: No such file or directory")));
        }
        self
    }

    /// Looks for files or folders of one kind.
    #[must_use]
    pub fn files(self, role: &str, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        paths.into_iter().fold(self, |missing, path| missing.file(role, path.as_ref()))
    }

    /// Looks for the files of score tables.
    #[must_use]
    pub(crate) fn tables(self, tables: &[TableInput]) -> Self {
        self.files("score table", tables.iter().filter_map(TableInput::file))
    }

    /// Looks for a model.
    #[must_use]
    pub fn model(mut self, role: &str, path: &Path) -> Self {
        if is_local(path) && !path.exists() {
            let path = path.display();
            self.0.add(Error::Model(format!(
                "{role} model `{path}`: expected a checkpoint directory, or `org/name` on the hub, found nothing"
            )));
        }
        self
    }

    /// Looks for models of one role.
    #[must_use]
    pub fn models(self, role: &str, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        paths.into_iter().fold(self, |missing, path| missing.model(role, path.as_ref()))
    }

    /// Looks for the data files of a pool, and for what says how they are read.
    #[must_use]
    pub fn data(self, settings: &DataSettings, runtime: &Runtime) -> Self {
        match &settings.dataset_info {
            // The names are those of the registry.
            Some(registry) => {
                self.file("data set registry", registry).entry(registry, &settings.files, runtime)
            }
            None => settings.files.iter().fold(self, |missing, given| {
                missing.rows(given, runtime, &|path| lobass_data::Error::NotThere { path }.into())
            }),
        }
    }

    /// Refuses an output that is a data file, or that is in a folder of data: the next call would read it as data. Names
    /// that begin with `.` or `_` are not read.
    #[must_use]
    pub fn apart(mut self, out: &Path, settings: &DataSettings) -> Self {
        let place = outputs::place(out);
        let is_read = |path: &Path| {
            !path.iter().any(|name| name.to_string_lossy().starts_with(['.', '_'])) && path != Path::new("")
        };
        let ways = |given: &'_ str| {
            let address = given.split_once('=').map_or(given, |(_, address)| address);
            [given, address].map(PathBuf::from)
        };
        let folder = |given: &String| {
            let folder = ways(given).into_iter().find(|path| path.is_dir())?;
            place.strip_prefix(outputs::place(&folder)).is_ok_and(is_read).then_some(folder)
        };
        let is_file = |path: PathBuf| path.is_file() && outputs::place(&path) == place;
        if settings.files.iter().flat_map(|given| ways(given)).any(is_file) {
            let out = out.display();
            self.0.add(Error::Output(format!("output `{out}` is a data file; give it another name")));
        }
        if let Some(folder) = settings.files.iter().find_map(folder) {
            let (out, folder) = (out.display(), folder.display());
            self.0.add(Error::Output(format!(
                "output `{out}`: expected a place outside of the data folder `{folder}`, since all files there are read as \
                 data; use another place, or a name that begins with `_`"
            )));
        }
        self
    }

    /// Looks for an entry of a registry among the names of data. Reading an entry finds whatever else is wrong.
    fn entry(mut self, registry: &Path, names: &[String], runtime: &Runtime) -> Self {
        let is_file = |name: &String| {
            let found = find_files(name, runtime.home()).into_iter().flatten().flat_map(|found| found.files);
            DataAddress::is_meant(name) || found.into_iter().any(|path| path.exists())
        };
        let is_file_alone =
            |name: &String| matches!(read_dataset_info(registry, name), Ok(None)) && is_file(name);
        if !names.is_empty() && names.iter().all(is_file_alone) {
            let (registry, names) = (registry.display(), names.join("`, `"));
            self.0.add(Error::Missing(format!(
                "data set registry `{registry}`: expected an entry that `--data` names, found none in `{names}`, so it \
                 has no effect"
            )));
        }
        self
    }

    /// Looks for other files of rows, such as those of an evaluation.
    #[must_use]
    pub fn further_data(self, role: &str, files: &[String], runtime: &Runtime) -> Self {
        let error =
            |path: PathBuf| Error::Missing(format!("{role} `{}`: No such file or directory", path.display()));
        files.iter().fold(self, |missing, given| missing.rows(given, runtime, &error))
    }

    fn rows(mut self, given: &str, runtime: &Runtime, error: &dyn Fn(PathBuf) -> Error) -> Self {
        let address = given.split_once('=').map_or(given, |(_, address)| address);
        if DataAddress::is_meant(address) || DataAddress::is_meant(given) {
            return self;
        }
        // Opening the files finds whatever else is wrong.
        for path in find_files(given, runtime.home()).into_iter().flatten().flat_map(|found| found.files) {
            if !path.exists() {
                self.0.add(error(path));
            }
        }
        self
    }

    /// Looks for the chat template.
    #[must_use]
    pub fn sequences(self, settings: &EncodeSettings) -> Self {
        match settings.chat_template.parse() {
            Ok(TemplateChoice::File(path)) => self.file("chat template", &path),
            _ => self,
        }
    }

    /// Looks for ratings and vectors.
    #[must_use]
    pub fn select(self, settings: &SelectSettings) -> Self {
        let files = settings.files().into_iter();
        files.fold(self, |missing, (role, path)| missing.file(role.trim_start_matches("the "), path))
    }

    /// Ends the search.
    ///
    /// # Errors
    /// Every input that is not there.
    pub fn end(self) -> Result<()> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_named_with_what_they_are() {
        let runtime = Runtime::default();
        let files = ["no1.jsonl", "mine=no2.parquet", "hf://datasets/org/name", "x=hf://datasets/org/name"];
        let data = DataSettings { files: files.map(str::to_owned).to_vec(), ..DataSettings::default() };
        let encode = EncodeSettings { chat_template: "./no.jinja".to_owned(), ..EncodeSettings::default() };
        let select = SelectSettings { ratings: Some("no3.jsonl".into()), ..SelectSettings::default() };
        let error = Missing::default()
            .model("base", Path::new("./no"))
            .model("reference", Path::new("org/name"))
            .data(&data, &runtime)
            .further_data("evaluation file", &["no4.jsonl".to_owned()], &runtime)
            .sequences(&encode)
            .select(&select)
            .file("score table", Path::new("Cargo.toml"))
            .end()
            .unwrap_err()
            .to_string();
        for words in [
            "6 things are wrong",
            "base model `./no`: expected a checkpoint directory",
            "data file `no1.jsonl`",
            "data file `no2.parquet`",
            "chat template `./no.jinja`: No such file",
            "evaluation file `no4.jsonl`: No such file",
            "ratings `no3.jsonl`: No such file",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
        let registry = DataSettings { dataset_info: Some("no.json".into()), ..data };
        let error = Missing::default().data(&registry, &runtime).end().unwrap_err().to_string();
        assert_eq!(error, "data set registry `no.json`: No such file or directory");
        Missing::default().end().unwrap();
    }

    #[test]
    fn a_registry_of_which_no_entry_is_used_has_no_effect() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs_err::write(at("info.json"), r#"{"mine": {"file_name": "pool.jsonl"}}"#).unwrap();
        fs_err::write(at("pool.jsonl"), "{}").unwrap();
        let check = |given: &[&str]| {
            let files =
                given.iter().map(|name| name.replace("HERE", &home.path().display().to_string())).collect();
            let data = DataSettings { files, dataset_info: Some(at("info.json")), ..DataSettings::default() };
            Missing::default().data(&data, &Runtime::default()).end().map_err(|error| error.to_string())
        };
        assert!(check(&["HERE/pool.jsonl"]).unwrap_err().contains("so it has no effect"));
        check(&["mine", "HERE/pool.jsonl"]).unwrap();
        check(&["other"]).unwrap();
    }

    #[test]
    fn outputs_are_not_in_folders_of_data() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        fs_err::create_dir(at("data")).unwrap();
        fs_err::write(at("data/pool.jsonl"), "{}").unwrap();
        let check = |given: &str, out: &str| {
            let files = vec![given.replace("HERE", &home.path().display().to_string())];
            let data = DataSettings { files, ..DataSettings::default() };
            Missing::default().apart(&at(out), &data).end().map_err(|error| error.to_string())
        };
        for out in ["data/run", "data/new/scores.parquet", "data/../data/run"] {
            for given in ["HERE/data", "HERE/data/", "name=HERE/data"] {
                assert!(
                    check(given, out).unwrap_err().contains("outside of the data folder"),
                    "{given} {out}"
                );
            }
        }
        for out in ["run", "data2/run", "data/_run", "data/.lobass/run", "data/../run"] {
            check("HERE/data", out).unwrap();
        }
        check("HERE/data/pool.jsonl", "data/run").unwrap();
        for given in ["HERE/data/pool.jsonl", "name=HERE/data/pool.jsonl"] {
            assert!(
                check(given, "data/../data/pool.jsonl").unwrap_err().contains("is a data file"),
                "{given}"
            );
        }
    }
}
