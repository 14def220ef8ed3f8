//! Plain, gzip, or zstd bytes, told apart by what they are and not by what they are called.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};

use flate2::bufread::GzDecoder;
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
            // The second one begins a frame that decoders skip, as in files of pzstd and seekable files.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// Opens a file for reading as text.
    pub(super) fn open(self, file: &Original) -> Result<Box<dyn BufRead + Send>, Error> {
        let reader = BufReader::with_capacity(BUFFER, file.open()?);
        Ok(match self {
            Self::None => Box::new(reader),
            Self::Gzip => Box::new(BufReader::with_capacity(BUFFER, Cut(Members::new(reader)))),
            Self::Zstd => {
                Box::new(BufReader::with_capacity(BUFFER, Cut(zstd::Decoder::with_buffer(reader)?)))
            }
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

/// Members of gzip, one after the other, perhaps with zeros behind them, which gzip and Python skip.
struct Members<R: BufRead>(Option<GzDecoder<R>>);

impl<R: BufRead> Members<R> {
    fn new(reader: R) -> Self {
        Self(Some(GzDecoder::new(reader)))
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let n_read = member.read(buffer)?;
            if n_read > 0 || buffer.is_empty() {
                return Ok(n_read);
            }
            let Some(mut reader) = self.0.take().map(GzDecoder::into_inner) else { break };
            if !skip_zeros(&mut reader)? {
                self.0 = Some(GzDecoder::new(reader));
            }
        }
        Ok(0)
    }
}

/// Whether nothing follows but zeros.
fn skip_zeros(reader: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(true);
        }
        let n_zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let is_end = n_zeros < bytes.len();
        reader.consume(n_zeros);
        if is_end {
            return Ok(false);
        }
    }
}

/// Compressed bytes that end too early are those of a file that is not whole.
struct Cut<R>(R);

impl<R: Read> Read for Cut<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => io::Error::new(
                ErrorKind::UnexpectedEof,
                "expected more compressed bytes, found the end of the file; copy or download it again",
            ),
            _ => error,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, String> {
        let file = Original::of_memory("text", bytes.to_vec());
        let mut text = String::new();
        let mut reader = Compression::sniff(bytes).open(&file).map_err(|error| error.to_string())?;
        reader.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn several_members_and_padding() {
        assert_eq!(read(&[gzip("one\n"), gzip("two\n")].concat()), Ok("one\ntwo\n".to_owned()));
        assert_eq!(read(&[gzip("one\n"), vec![0; 700_000]].concat()), Ok("one\n".to_owned()));
        assert!(read(&[gzip("one\n"), b"plain".to_vec()].concat()).is_err());
    }

    #[test]
    fn frames_that_are_skipped() {
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"abcd"].concat();
        let frame = |text: &str| zstd::encode_all(text.as_bytes(), 0).unwrap();
        let bytes = [skipped.clone(), frame("one\n"), skipped, frame("two\n")].concat();
        assert_eq!(read(&bytes), Ok("one\ntwo\n".to_owned()));
    }

    #[test]
    fn a_file_that_was_cut() {
        let text: String = (0..2000).map(|i| format!("line {i}\n")).collect();
        for whole in [gzip(&text), zstd::encode_all(text.as_bytes(), 0).unwrap()] {
            let error = read(&whole[..whole.len() / 2]).unwrap_err();
            assert!(error.contains("download it again"), "{error}");
        }
    }
}
