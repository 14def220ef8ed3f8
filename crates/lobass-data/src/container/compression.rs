//! Plain, gzip, or zstd bytes, told apart by what they are and not by what they are called.

use std::io::{self, BufRead, BufReader, BufWriter, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::Error;
use crate::original::Original;

/// How a text file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, possibly several members.
    Gzip,
    /// Zstandard.
    Zstd,
}

const BUFFER: usize = 1 << 18;

impl Compression {
    /// The ending that file names of this kind have, `""`, `".gz"`, or `".zst"`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Tells it from the first bytes of a file.
    pub(super) fn sniff(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Opens a file for reading as text.
    pub(super) fn open(self, file: &Original) -> Result<Box<dyn BufRead + Send>, Error> {
        let reader = BufReader::with_capacity(BUFFER, file.open()?);
        Ok(match self {
            Self::None => Box::new(reader),
            Self::Gzip => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(reader))),
            Self::Zstd => Box::new(BufReader::with_capacity(BUFFER, zstd::Decoder::with_buffer(reader)?)),
        })
    }

    /// Wraps a file for writing text.
    pub(super) fn create(self, file: fs_err::File) -> io::Result<TextWriter> {
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(match self {
            Self::None => TextWriter::Plain(file),
            Self::Gzip => TextWriter::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Self::Zstd => TextWriter::Zstd(zstd::Encoder::new(file, 0)?),
        })
    }
}

/// A writer that must be told when it is done.
pub(super) enum TextWriter {
    Plain(BufWriter<fs_err::File>),
    Gzip(GzEncoder<BufWriter<fs_err::File>>),
    Zstd(zstd::Encoder<'static, BufWriter<fs_err::File>>),
}

impl TextWriter {
    /// Writes what is still buffered and makes it durable.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Write for TextWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(writer) => writer.write(bytes),
            Self::Gzip(writer) => writer.write(bytes),
            Self::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(writer) => writer.flush(),
            Self::Gzip(writer) => writer.flush(),
            Self::Zstd(writer) => writer.flush(),
        }
    }
}
