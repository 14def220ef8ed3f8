//! Rows of files that are stored in columns: schema, metadata, and compression stay.

use arrow_array::{BooleanArray, RecordBatch};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

use super::super::{ArrowKind, arrow, parquet as parquet_rows};
use super::SubsetReport;
use crate::Error;
use crate::original::{Original, WatchedFile};

/// Copies rows of Parquet.
pub(super) fn copy_parquet(
    input: &Original,
    file: fs_err::File,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let parquet = |source| parquet_rows::parquet_error(input, source);
    let arrow = |source: ArrowError| parquet(source.into());
    let reader = parquet_rows::open(input)?;
    let properties = properties_like(&reader);
    let mut writer =
        ArrowWriter::try_new(file, reader.schema().clone(), Some(properties)).map_err(parquet)?;
    let mut report = SubsetReport::default();
    for batch in reader.build().map_err(parquet)? {
        let kept = filter(&batch.map_err(arrow)?, keep, &mut report).map_err(arrow)?;
        writer.write(&kept).map_err(parquet)?;
    }
    let file = writer.into_inner().map_err(parquet)?;
    file.sync_all()?;
    Ok(report)
}

/// Copies rows of Arrow.
pub(super) fn copy_arrow(
    input: &Original,
    kind: ArrowKind,
    file: fs_err::File,
    keep: &mut dyn FnMut(u64) -> bool,
) -> Result<SubsetReport, Error> {
    let fail = |source| arrow::arrow_error(input, source);
    let reader = arrow::open(input, kind, None)?;
    let mut report = SubsetReport::default();
    let mut kept = reader.batches.map(|batch| filter(&batch?, keep, &mut report));
    let file = match kind {
        ArrowKind::Stream => {
            let mut writer = StreamWriter::try_new_buffered(file, &reader.schema).map_err(fail)?;
            kept.try_for_each(|batch| writer.write(&batch?)).map_err(fail)?;
            writer.into_inner().map_err(fail)?.into_inner()
        }
        ArrowKind::File => {
            let mut writer = FileWriter::try_new_buffered(file, &reader.schema).map_err(fail)?;
            kept.try_for_each(|batch| writer.write(&batch?)).map_err(fail)?;
            writer.into_inner().map_err(fail)?.into_inner()
        }
    };
    file.map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    Ok(report)
}

/// The rows of a batch that are kept.
fn filter(
    batch: &RecordBatch,
    keep: &mut dyn FnMut(u64) -> bool,
    report: &mut SubsetReport,
) -> Result<RecordBatch, ArrowError> {
    let kept: BooleanArray = (0..batch.num_rows()).map(|_| Some(report.count(keep))).collect();
    arrow_select::filter::filter_record_batch(batch, &kept)
}

/// The compression of the input's first column, and its key-value metadata.
fn properties_like(reader: &ParquetRecordBatchReaderBuilder<WatchedFile>) -> WriterProperties {
    let metadata = reader.metadata();
    let mut properties = WriterProperties::builder();
    if let Some(column) = metadata.row_groups().first().and_then(|group| group.columns().first()) {
        properties = properties.set_compression(column.compression());
    }
    // The Arrow schema is written anew; everything else (pandas, huggingface) is the owner's.
    let kept = metadata
        .file_metadata()
        .key_value_metadata()
        .map(|pairs| pairs.iter().filter(|pair| pair.key != "ARROW:schema").cloned().collect::<Vec<_>>());
    properties.set_key_value_metadata(kept).build()
}
