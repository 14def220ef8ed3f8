//! Columns from folder names: `lang=en/year=2024/part-0.parquet`, as Hive, Spark, and pandas write them.

use std::path::Path;

use serde_json::Value;

use crate::Container;

/// The value of a partition for rows without one.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of a file name, with their values as text, from the outside in. Only files that are
/// stored in columns are partitioned: for others such a folder is a name like any other.
pub(crate) fn partitions(path: &Path, container: &Container) -> Vec<(String, Value)> {
    if !matches!(container, Container::Parquet | Container::Arrow(_)) {
        return Vec::new();
    }
    let folders = path.parent().into_iter().flat_map(Path::components);
    let names = folders.filter_map(|folder| folder.as_os_str().to_str()?.split_once('='));
    let value = |text: &str| match text {
        NULL => Value::Null,
        text => Value::from(decoded(text)),
    };
    names.filter(|(name, _)| !name.is_empty()).map(|(name, text)| (decoded(name), value(text))).collect()
}

/// A text without the `%20` of addresses.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%');
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Compression;

    #[test]
    fn folders_name_columns() {
        let path = Path::new("set/lang=en/topic=a%2Fb%20c/n=__HIVE_DEFAULT_PARTITION__/x=y.parquet");
        let text = |name: &str, value: &str| (name.to_owned(), Value::from(value));
        let expected = vec![text("lang", "en"), text("topic", "a/b c"), ("n".to_owned(), Value::Null)];
        assert_eq!(partitions(path, &Container::Parquet), expected);
        assert_eq!(partitions(path, &Container::JsonLines(Compression::None)), Vec::new());
        assert_eq!(decoded("100%"), "100%");
    }
}
