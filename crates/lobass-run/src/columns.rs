//! Small Parquet files of lobass's own, written to memory and read by column name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{Field, Schema};
use bytes::Bytes;
use lobass_core::Numbers;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::ChunkReader;

use crate::Error;

/// Named columns of equal length.
pub(crate) fn batch(columns: Vec<(&str, bool, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, nullable, array)| Field::new(*name, array.data_type().clone(), *nullable))
        .collect();
    let arrays = columns.into_iter().map(|(.., array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .expect("columns of one length, nulls where allowed")
}

/// Properties of every file that lobass writes.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("lobass ", env!("CARGO_PKG_VERSION")).to_owned())
}

/// The bytes of a file with one batch.
pub(crate) fn to_bytes(batch: &RecordBatch, path: &Path) -> Result<Vec<u8>, Error> {
    let fail = |source| Error::Parquet { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties().build())).map_err(fail)?;
    writer.write(batch).map_err(fail)?;
    writer.close().map_err(fail)?;
    Ok(bytes)
}

/// A file's batches and its key-value metadata.
pub(crate) struct Reader<T: ChunkReader> {
    pub(crate) path: PathBuf,
    builder: ParquetRecordBatchReaderBuilder<T>,
}

impl Reader<std::fs::File> {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::new(fs_err::File::open(path)?.into_parts().0, path)
    }
}

impl Reader<Bytes> {
    /// A file that is in memory; `path` is its name in errors.
    pub(crate) fn of(bytes: Bytes, path: &Path) -> Result<Self, Error> {
        Self::new(bytes, path)
    }
}

impl<T: ChunkReader + 'static> Reader<T> {
    pub(crate) fn new(file: T, path: &Path) -> Result<Self, Error> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|source| Error::Parquet { path: path.to_owned(), source })?;
        lobass_data::require_codecs(path, builder.metadata())?;
        Ok(Self { path: path.to_owned(), builder })
    }

    /// A text of the file's metadata.
    pub(crate) fn metadata(&self, key: &str) -> Option<String> {
        let all = self.builder.metadata().file_metadata().key_value_metadata()?;
        all.iter().find(|entry| entry.key == key)?.value.clone()
    }

    /// Reads one row group alone.
    pub(crate) fn only(self, group: usize) -> Self {
        Self { builder: self.builder.with_row_groups(vec![group]), ..self }
    }

    pub(crate) fn batches(self) -> Result<impl Iterator<Item = Result<Columns, Error>>, Error> {
        let Self { path, builder } = self;
        let fail = |path: &Path, source| Error::Parquet { path: path.to_owned(), source };
        let batches = builder.with_batch_size(8192).build().map_err(|source| fail(&path, source))?;
        Ok(batches.map(move |batch| match batch {
            Ok(batch) => Ok(Columns { path: path.clone(), batch }),
            Err(source) => Err(fail(&path, source.into())),
        }))
    }
}

/// One batch, by column name.
pub(crate) struct Columns {
    path: PathBuf,
    batch: RecordBatch,
}

impl Columns {
    pub(crate) fn new(path: &Path, batch: RecordBatch) -> Self {
        Self { path: path.to_owned(), batch }
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.batch.num_rows()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.batch.column_by_name(name).is_some()
    }

    /// A column of any type, if it is there.
    pub(crate) fn array(&self, name: &str) -> Option<&ArrayRef> {
        self.batch.column_by_name(name)
    }

    pub(crate) fn u64s(&self, name: &str) -> Result<&[u64], Error> {
        self.get(name, |array| array.as_primitive_opt::<UInt64Type>().map(|array| &array.values()[..]))
    }

    pub(crate) fn u32s(&self, name: &str) -> Result<&[u32], Error> {
        self.get(name, |array| array.as_primitive_opt::<UInt32Type>().map(|array| &array.values()[..]))
    }

    /// `None` where the value is null.
    pub(crate) fn optional_u32s(&self, name: &str) -> Result<Vec<Option<u32>>, Error> {
        self.get(name, |array| array.as_primitive_opt::<UInt32Type>().map(|array| array.iter().collect()))
    }

    /// `None` where the value is null.
    pub(crate) fn f64s(&self, name: &str) -> Result<Vec<Option<f64>>, Error> {
        self.get(name, |array| array.as_primitive_opt::<Float64Type>().map(|array| array.iter().collect()))
    }

    /// Missing where the value is null.
    pub(crate) fn numbers(&self, name: &str) -> Result<Numbers, Error> {
        self.get(name, |array| {
            let array = array.as_primitive_opt::<Float64Type>()?;
            Some(match array.null_count() {
                0 => array.values().to_vec().into(),
                _ => array.iter().collect(),
            })
        })
    }

    /// A column that was read as a dictionary: its texts, and the position among them of each row's text, if it has one.
    pub(crate) fn coded(
        &self,
        name: &str,
    ) -> Result<(&StringArray, impl Iterator<Item = Option<usize>>), Error> {
        self.get(name, |array| {
            let array = array.as_dictionary_opt::<Int32Type>()?;
            let codes = array.keys().iter().map(|code| code.and_then(|code| usize::try_from(code).ok()));
            Some((array.values().as_string_opt()?, codes))
        })
    }

    /// `None` where the value is null.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<Option<&str>>, Error> {
        self.get(name, |array| array.as_string_opt::<i32>().map(|array| array.iter().collect()))
    }

    pub(crate) fn u32_lists(&self, name: &str) -> Result<Vec<Vec<u32>>, Error> {
        self.get(name, |array| {
            let lists = array.as_list_opt::<i32>()?;
            lists.iter().map(|list| Some(list?.as_primitive_opt::<UInt32Type>()?.values().to_vec())).collect()
        })
    }

    /// `None` where the list is null.
    pub(crate) fn optional_u32_lists(&self, name: &str) -> Result<Vec<Option<Vec<u32>>>, Error> {
        self.get(name, |array| {
            let lists = array.as_list_opt::<i32>()?;
            let values = |list: ArrayRef| Some(list.as_primitive_opt::<UInt32Type>()?.values().to_vec());
            Some(lists.iter().map(|list| list.and_then(values)).collect())
        })
    }

    /// `None` where the list is null.
    pub(crate) fn f32_lists(&self, name: &str) -> Result<Vec<Option<Vec<f32>>>, Error> {
        self.get(name, |array| {
            let lists = array.as_list_opt::<i32>()?;
            let values = |list: ArrayRef| Some(list.as_primitive_opt::<Float32Type>()?.values().to_vec());
            Some(lists.iter().map(|list| list.and_then(values)).collect())
        })
    }

    fn get<'a, T>(&'a self, name: &str, read: impl FnOnce(&'a ArrayRef) -> Option<T>) -> Result<T, Error> {
        let damaged = |reason: String| Error::Damaged { path: self.path.clone(), reason };
        let array =
            self.batch.column_by_name(name).ok_or_else(|| damaged(format!("expected column `{name}`")))?;
        read(array).ok_or_else(|| damaged(format!("column `{name}` has type {}", array.data_type())))
    }
}
