//! A table by columns beside the same table by rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use lobass_core::{ColumnSet, Numbers, ScoreColumns};
use lobass_run::{Error, ScoreFile, ScoreTable};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;

/// Writes a table again with three rows in a row group, so that several groups are in flight at once.
pub(crate) fn write_in_small_groups(path: &Path, out: &Path) {
    let file = fs_err::File::open(path).unwrap().into_parts().0;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let file = fs_err::File::create(out).unwrap();
    let mut writer = ArrowWriter::try_new(file, reader.schema().clone(), Some(properties)).unwrap();
    for batch in reader.build().unwrap() {
        writer.write(&batch.unwrap()).unwrap();
    }
    let ours = metadata.into_iter().filter(|pair| pair.key == "lobass");
    ours.for_each(|pair| writer.append_key_value_metadata(pair));
    writer.close().unwrap();
}

/// Reading some columns of a file gives what its rows have.
pub(crate) fn same_as_rows(table: &ScoreTable, path: &Path) {
    let file = ScoreFile::open(path).unwrap();
    assert_eq!(file.manifest(), &table.manifest);
    let plain = ScoreColumns::of(&table.records, 7);
    let mut wanted = ColumnSet::of_losses(table.further.iter().map(|(name, _)| name.clone()));
    wanted.extend(ColumnSet::of_losses(["base", "in_sample", "reference_rejected", "none"]));
    let columns = file.columns(&ColumnSet { folds: true, ..wanted.clone() }, 7, 2).unwrap();
    for name in &wanted.losses {
        let further = table.further.iter().find(|(other, _)| other == name);
        let expected: Numbers = match further {
            Some((_, losses)) => losses.iter().map(|nll| Some((*nll)?.sum)).collect(),
            None => (0..plain.len()).map(|row| plain.losses(name).get(row)).collect(),
        };
        assert!((0..plain.len()).all(|row| columns.losses(name).get(row) == expected.get(row)), "{name}");
    }
    for row in 0..plain.len() {
        let of = |columns: &ScoreColumns| {
            let source = columns.source_name(row).map(str::to_owned);
            (columns.fold(row), columns.n_tokens_read(row), columns.is_pair(row), source)
        };
        assert_eq!(of(&columns), of(&plain));
    }
    same_in_pieces(&file, &wanted, &columns);
    let ties = plain.ties;
    assert_eq!((&columns.ties, columns.statuses), (&ties, plain.statuses));
    assert_eq!((columns.n_scored, columns.reasons), (plain.n_scored, plain.reasons));
    let few = file.columns(&ColumnSet::default(), 7, 1).unwrap();
    assert!(few.losses.is_empty() && few.folds.is_empty(), "nothing that is not wanted");
    let is_parquet = path.extension().is_some_and(|extension| extension == "parquet");
    assert_eq!(few.ties.is_empty(), is_parquet, "keys are read where they are wanted");
    assert_eq!(file.ties(7, 2).unwrap(), ties);
    let some = [0, u32::try_from(ties.len()).unwrap() - 1, 0];
    assert_eq!(file.ties_of(&some, 7, 2).unwrap(), some.map(|row| ties[row as usize]));

    for record in &table.records {
        assert_eq!(file.record(record.row).unwrap().as_ref(), Some(record));
    }
    assert_eq!(file.record(table.manifest.n_rows).unwrap(), None);
    let last = table.records.len() as u64 - 1;
    let keys = |rows: &[u64]| file.keys(rows, 2);
    let of = |row: u64| table.records[usize::try_from(row).unwrap()].key.clone();
    assert_eq!(keys(&[last, 0, last]).unwrap(), [of(last), of(0), of(last)]);
    assert!(matches!(keys(&[last + 1]).unwrap_err(), Error::NotATable { .. }));
}

/// Pieces are the rows of the whole, each once, without sources and reasons.
fn same_in_pieces(file: &ScoreFile, wanted: &ColumnSet, whole: &ScoreColumns) {
    let pieces = Mutex::new(Vec::new());
    let take = |first_row, piece: &ScoreColumns| pieces.lock().unwrap().push((first_row, piece.clone()));
    file.pieces(&ColumnSet { folds: true, ..wanted.clone() }, 7, 2, take).unwrap();
    let mut pieces = pieces.into_inner().unwrap();
    pieces.sort_by_key(|(first_row, _)| *first_row);
    let mut joined = ScoreColumns::with_capacity(0, 7);
    for (first_row, piece) in pieces {
        assert_eq!(first_row, joined.len() as u64);
        assert!(piece.sources.is_empty() && piece.source_names.is_empty() && piece.reasons.is_empty());
        joined.append(&piece);
    }
    let bare = ScoreColumns {
        source_names: Vec::new(),
        sources: Vec::new(),
        reasons: BTreeMap::new(),
        ..whole.clone()
    };
    assert_eq!(joined, bare);
}
