//! Reading a memory-mapped matrix.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};

use crate::{Error, Format, KEY, PRESENT, Shape, VECTORS};

/// A matrix on disk, mapped into memory.
#[derive(Debug)]
pub struct Matrix {
    path: PathBuf,
    bytes: Mmap,
    shape: Shape,
    format: Format,
    vectors: Range<usize>,
    present: Range<usize>,
    metadata: String,
}

impl Matrix {
    /// Maps a file and checks that it is whole.
    ///
    /// # Errors
    /// [`Error::NotAMatrix`] if it is something else, [`Error::Io`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = fs_err::File::open(path)?;
        #[expect(unsafe_code, reason = "mapping is how a matrix larger than memory is read")]
        // SAFETY: the map is read-only and private to this struct. What remains is that another process might truncate
        // the file while it is read; matrices are written beside their name and never changed under it.
        let bytes = unsafe { Mmap::map(file.file()) }
            .map_err(|error| std::io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?;
        let fail = |reason: String| Error::NotAMatrix { path: path.to_owned(), reason };
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(|error| fail(error.to_string()))?;
        let start = length + size_of::<u64>();
        let tensor = |name: &str| {
            let info =
                header.info(name).ok_or_else(|| fail(format!("expected a tensor `{name}`, found none")))?;
            Ok::<_, Error>((
                info.dtype,
                info.shape.clone(),
                start + info.data_offsets.0..start + info.data_offsets.1,
            ))
        };
        let (dtype, shape, vectors) = tensor(VECTORS)?;
        let (_, marks, present) = tensor(PRESENT)?;
        let format = match dtype {
            Dtype::F32 => Format::F32,
            Dtype::F16 => Format::F16,
            other => return Err(fail(format!("expected `{VECTORS}` in F32 or F16, found {other:?}"))),
        };
        let &[n_rows, dim] = &shape[..] else {
            return Err(fail(format!("expected `{VECTORS}` to be a matrix, found shape {shape:?}")));
        };
        if marks != [n_rows] || present.len() != n_rows {
            return Err(fail(format!("expected `{PRESENT}` to have {n_rows} bytes, found shape {marks:?}")));
        }
        let metadata = header.metadata().as_ref().and_then(|pairs| pairs.get(KEY)).cloned();
        let metadata = metadata.ok_or_else(|| fail(format!("expected metadata `{KEY}`, found none")))?;
        let shape = Shape { n_rows, dim };
        Ok(Self { path: path.to_owned(), bytes, shape, format, vectors, present, metadata })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How large it is.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The metadata of the file.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Whether a row has a vector; a row beyond the last has none.
    pub fn is_present(&self, row: usize) -> bool {
        self.bytes[self.present.clone()].get(row).is_some_and(|&mark| mark != 0)
    }

    /// The number of rows that have one.
    pub fn n_present(&self) -> usize {
        self.bytes[self.present.clone()].iter().filter(|&&mark| mark != 0).count()
    }

    /// The vector of a row, if it has one; from `f16` a copy.
    pub fn row(&self, row: usize) -> Option<Cow<'_, [f32]>> {
        self.is_present(row).then(|| self.values(row..row + 1))
    }

    /// All values of some rows, NaN where a row has no vector; from `f16` a copy.
    ///
    /// # Panics
    /// If there are no such rows.
    pub fn values(&self, rows: Range<usize>) -> Cow<'_, [f32]> {
        let (dim, width) = (self.shape.dim, self.format.width());
        let bytes = &self.bytes[self.vectors.clone()][rows.start * dim * width..rows.end * dim * width];
        match self.format {
            Format::F32 => match bytemuck::try_cast_slice(bytes) {
                Ok(values) if cfg!(target_endian = "little") => Cow::Borrowed(values),
                _ => bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            },
            Format::F16 => {
                let halves: Vec<f16> =
                    bytes.as_chunks::<2>().0.iter().map(|&bytes| f16::from_le_bytes(bytes)).collect();
                let mut values = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut values);
                Cow::Owned(values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::MatrixWriter;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn rows_survive_their_file(
            rows in prop::collection::vec(prop::option::of(prop::collection::vec(-9f32..9.0, 5)), 0..20),
            half: bool, metadata in ".*",
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("m.safetensors");
            let format = if half { Format::F16 } else { Format::F32 };
            let shape = Shape { n_rows: rows.len(), dim: 5 };
            let mut writer = MatrixWriter::create(&path, shape, format, &metadata).unwrap();
            for row in &rows {
                prop_assert!(!path.exists());
                writer.push(row.as_deref()).unwrap();
            }
            writer.finish().unwrap();
            let matrix = Matrix::open(&path).unwrap();
            prop_assert_eq!((matrix.shape(), matrix.format()), (shape, format));
            prop_assert_eq!(matrix.metadata(), &metadata);
            prop_assert_eq!(matrix.n_present(), rows.iter().flatten().count());
            for (at, row) in rows.iter().enumerate() {
                let rounded = |value: &f32| if half { f16::from_f32(*value).to_f32() } else { *value };
                let expected = row.as_ref().map(|row| row.iter().map(rounded).collect::<Vec<f32>>());
                prop_assert_eq!(matrix.row(at).map(Cow::into_owned), expected);
                prop_assert!(row.is_some() || matrix.values(at..at + 1).iter().all(|value| value.is_nan()));
            }
            prop_assert_eq!(matrix.row(rows.len()), None);
            // Other tools read it too.
            let bytes = fs_err::read(&path).unwrap();
            prop_assert_eq!(SafeTensors::deserialize(&bytes).unwrap().names().len(), 2);
            prop_assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.safetensors");
        let begin = |format| MatrixWriter::create(&path, Shape { n_rows: 2, dim: 2 }, format, "").unwrap();
        let refused =
            |writer: &mut MatrixWriter, row: &[f32]| writer.push(Some(row)).unwrap_err().to_string();
        let mut writer = begin(Format::F32);
        assert!(refused(&mut writer, &[1.0]).contains("rows of 2 values, found 1 in row 0"));
        assert!(refused(&mut writer, &[1.0, f32::NAN]).contains("finite numbers in f32, found NaN"));
        writer.push(Some(&[1e5, 1.0])).unwrap();
        assert!(writer.finish().unwrap_err().to_string().contains("expected 2 rows, found 1"));
        assert!(refused(&mut begin(Format::F16), &[1e5, 1.0]).contains("in f16, found 100000"));
        let mut writer = begin(Format::F16);
        writer.push(None).unwrap();
        writer.push(None).unwrap();
        assert!(writer.push(None).unwrap_err().to_string().contains("one more"));
        drop(writer);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn something_else_is_no_matrix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.safetensors");
        for (bytes, reason) in [
            (b"nothing of the kind, and longer than a header".to_vec(), "not a matrix"),
            (
                [&58u64.to_le_bytes()[..], br#"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}     0"#]
                    .concat(),
                "expected a tensor `vectors`",
            ),
        ] {
            fs_err::write(&path, bytes).unwrap();
            let error = Matrix::open(&path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
