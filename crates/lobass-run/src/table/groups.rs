//! Row groups of a Parquet table, some of their columns at a time, on several threads.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::input::Input;
use crate::Error;
use crate::columns::Columns;

/// Texts of which few are different; they are read as dictionaries.
const CODED: [&str; 3] = ["status", "reason", "source"];
/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1 << 13;

/// A Parquet file whose metadata has been read.
#[derive(Debug)]
pub(super) struct Groups {
    input: Input,
    metadata: ArrowReaderMetadata,
}

/// Rows of a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Among the row groups.
    pub(super) at: usize,
    /// In the table.
    pub(super) first_row: u64,
    pub(super) n_rows: u64,
}

impl Groups {
    pub(super) fn open(input: Input) -> Result<Self, Error> {
        let fail = |source| Error::Parquet { path: input.path().to_owned(), source };
        let file = input.open()?;
        let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(fail)?;
        lobass_data::require_codecs(input.path(), found.metadata())?;
        let fields = found.schema().fields().iter().map(|field| coded(field)).collect::<Vec<_>>();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(found.metadata().clone(), options).map_err(fail)?;
        Ok(Self { input, metadata })
    }

    /// The bytes of the table.
    pub(super) fn input(&self) -> &Input {
        &self.input
    }

    /// A text of the file's metadata.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        let pairs = self.metadata.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.clone()
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.metadata.schema().column_with_name(column).is_some()
    }

    pub(super) fn all(&self) -> Vec<Group> {
        let mut first_row = 0;
        let groups = self.metadata.metadata().row_groups().iter().enumerate();
        let group = |(at, group): (usize, &parquet::file::metadata::RowGroupMetaData)| {
            let n_rows = u64::try_from(group.num_rows()).unwrap_or_default();
            first_row += n_rows;
            Group { at, first_row: first_row - n_rows, n_rows }
        };
        groups.map(group).collect()
    }

    /// Decodes some columns of row groups, several at a time, and takes what comes of them in their order.
    ///
    /// A group's decoder gets its batches in order. As many groups are in memory as there are threads, and one more
    /// for each that waits to be taken.
    pub(super) fn read<T: Send>(
        &self,
        groups: &[Group],
        columns: &[&str],
        threads: usize,
        decode: impl Fn(Group, &mut dyn Iterator<Item = Result<Columns, Error>>) -> Result<T, Error> + Sync,
        mut take: impl FnMut(Group, T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let threads = threads.clamp(1, groups.len().max(1));
        let decode = |group: Group| decode(group, &mut self.batches(group, columns)?);
        std::thread::scope(|scope| {
            let queues: Vec<_> = (0..threads)
                .map(|first| {
                    let (sender, queue) = sync_channel(1);
                    let decode = &decode;
                    let mut mine = groups.iter().skip(first).step_by(threads);
                    // Nobody listens any more if another group could not be read.
                    scope.spawn(move || mine.try_for_each(|group| sender.send(decode(*group))));
                    queue
                })
                .collect();
            for (group, queue) in groups.iter().zip(queues.iter().cycle()) {
                take(*group, queue.recv().expect("a thread that decodes all of its groups")?)?;
            }
            Ok(())
        })
    }

    fn batches(
        &self,
        group: Group,
        columns: &[&str],
    ) -> Result<impl Iterator<Item = Result<Columns, Error>>, Error> {
        let fail = |source| Error::Parquet { path: self.input.path().to_owned(), source };
        let file = self.input.open()?;
        let names = self.metadata.parquet_schema();
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_projection(ProjectionMask::columns(names, columns.iter().copied()))
            .with_row_groups(vec![group.at])
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(fail)?;
        Ok(batches.map(move |batch| match batch {
            Ok(batch) => Ok(Columns::new(self.input.path(), batch)),
            Err(source) => Err(fail(source.into())),
        }))
    }
}

fn coded(field: &Field) -> Field {
    let is_coded = CODED.contains(&field.name().as_str()) && *field.data_type() == DataType::Utf8;
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    if is_coded { field.clone().with_data_type(coded) } else { field.clone() }
}
