//! One `.safetensors` file, mapped into memory.

use std::io;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, UncheckedAdvice};
use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::{Dtype, Error};

/// One mapped weight file: its parsed header, and bytes that are read from disk when touched.
#[derive(Debug)]
pub(crate) struct WeightShard {
    path: PathBuf,
    bytes: Mmap,
    metadata: Metadata,
    data_start: usize,
}

impl WeightShard {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = fs_err::File::open(path)?;
        #[expect(unsafe_code, reason = "mapping is how a file larger than memory is read tensor by tensor")]
        // SAFETY: the map is read-only and private to this struct. What remains is that another process might
        // truncate the file while we read it; checkpoints are not edited in place, and every mapping tool, Python's
        // safetensors included, relies on that.
        let mapped = unsafe { Mmap::map(file.file()) };
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot map `{}`: {error}", path.display()))
        };
        let bytes = mapped.map_err(named)?;
        if bytes.starts_with(b"version https://git-lfs") {
            return Err(Error::Pointer { path: path.to_owned() });
        }
        let (header_len, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|source| Error::Shard { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), bytes, metadata, data_start: header_len + size_of::<u64>() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names in this shard, in no particular order.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> {
        self.metadata.tensors().into_keys()
    }

    pub(crate) fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.metadata.info(name)
    }

    /// The tensor's bytes, little-endian and row-major, as in the file.
    pub(crate) fn bytes(&self, info: &TensorInfo) -> &[u8] {
        let (start, end) = info.data_offsets;
        &self.bytes[self.data_start + start..self.data_start + end]
    }

    /// Lets the system drop the pages of a tensor that has been copied, so that loading a checkpoint does not
    /// hold it twice.
    pub(crate) fn release(&self, info: &TensorInfo) {
        let (start, end) = info.data_offsets;
        #[expect(unsafe_code, reason = "memmap2 has no safe way to drop pages")]
        // SAFETY: the map is read-only and backed by a file, so dropped pages are read again from the same file.
        let advised = unsafe {
            self.bytes.unchecked_advise_range(UncheckedAdvice::DontNeed, self.data_start + start, end - start)
        };
        // Advice may be ignored by the system; nothing depends on it but the peak of memory.
        drop(advised);
    }
}

/// A tensor's place: its shard, its header entry, and its dtype, already known to be a float.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Located<'a> {
    pub(crate) shard: &'a WeightShard,
    pub(crate) info: &'a TensorInfo,
    pub(crate) dtype: Dtype,
}

impl<'a> Located<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.shard.bytes(self.info)
    }
}
