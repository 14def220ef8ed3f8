//! Whether the parts of an Arrow file are where it says: the reader takes room for what a part claims to be before it
//! looks at it.

use std::io::{self, Read, Seek, SeekFrom};

use arrow_ipc::{Block, Buffer, MessageHeader, RecordBatch, root_as_footer, root_as_message};
use arrow_schema::ArrowError;

use super::ArrowKind;

/// How many times larger than its bytes in the file a compressed part can be. Zstandard needs more than one byte for
/// 64 KiB of zeros.
const MAX_RATIO: u64 = 1 << 16;
/// The beginning of a message in today's format, before its length.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Looks at what every message says of its parts.
pub(super) fn check(file: &mut (impl Read + Seek), kind: ArrowKind) -> Result<(), ArrowError> {
    let length = file.seek(SeekFrom::End(0))?;
    match kind {
        ArrowKind::Stream => check_stream(file, length),
        ArrowKind::File => check_file(file, length),
    }
}

fn check_stream(file: &mut (impl Read + Seek), length: u64) -> Result<(), ArrowError> {
    let mut at = 0;
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        let Some((metadata, n_bytes)) = metadata(file, length - at)? else { return Ok(()) };
        let body = at + n_bytes;
        at = body + check_message(file, &metadata, body, length)?;
    }
    Ok(())
}

fn check_file(file: &mut (impl Read + Seek), length: u64) -> Result<(), ArrowError> {
    let mut end = [0; 10];
    let n_end = end.len() as u64;
    file.seek(SeekFrom::Start(length.saturating_sub(n_end)))?;
    file.read_exact(&mut end)?;
    let n_footer = u64::from(u32::from_le_bytes([end[0], end[1], end[2], end[3]]));
    let start = length.checked_sub(n_footer + n_end).ok_or_else(|| beyond("the footer"))?;
    file.seek(SeekFrom::Start(start))?;
    let footer = read(file, n_footer)?;
    let footer = root_as_footer(&footer).map_err(|error| damaged(&error.to_string()))?;
    let blocks = [footer.dictionaries(), footer.recordBatches()];
    for block in blocks.into_iter().flatten().flatten() {
        check_block(file, block, length)?;
    }
    Ok(())
}

fn check_block(file: &mut (impl Read + Seek), block: &Block, length: u64) -> Result<(), ArrowError> {
    let number = |number: i64| u64::try_from(number).map_err(|_| beyond("a block"));
    let (start, n_metadata) = (number(block.offset())?, number(block.metaDataLength().into())?);
    let body = start.checked_add(n_metadata).ok_or_else(|| beyond("a block"))?;
    let end = body.checked_add(number(block.bodyLength())?).ok_or_else(|| beyond("a block"))?;
    if end > length {
        return Err(beyond("a block"));
    }
    file.seek(SeekFrom::Start(start))?;
    if let Some((metadata, _)) = metadata(file, n_metadata)? {
        check_message(file, &metadata, body, end)?;
    }
    Ok(())
}

/// The metadata of a message and how many bytes it takes with its length; `None` at the end of a stream.
fn metadata(file: &mut impl Read, limit: u64) -> Result<Option<(Vec<u8>, u64)>, ArrowError> {
    let mut word = [0; 4];
    let mut n_bytes = 4;
    if !filled(file, &mut word)? {
        return Ok(None);
    }
    if word == CONTINUATION {
        file.read_exact(&mut word)?;
        n_bytes += 4;
    }
    let length = u64::from(u32::from_le_bytes(word));
    match length {
        0 => Ok(None),
        _ if n_bytes + length > limit => Err(beyond("the metadata of a message")),
        _ => Ok(Some((read(file, length)?, n_bytes + length))),
    }
}

/// Whether there were as many bytes.
fn filled(file: &mut impl Read, bytes: &mut [u8]) -> Result<bool, ArrowError> {
    match file.read_exact(bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        done => Ok(done.map(|()| true)?),
    }
}

fn read(file: &mut impl Read, length: u64) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Looks at a message whose body begins somewhere and has to end before `end`; the length of its body.
fn check_message(
    file: &mut (impl Read + Seek),
    metadata: &[u8],
    body: u64,
    end: u64,
) -> Result<u64, ArrowError> {
    let message = root_as_message(metadata).map_err(|error| damaged(&error.to_string()))?;
    let length = u64::try_from(message.bodyLength()).map_err(|_| beyond("the body of a message"))?;
    if body.checked_add(length).is_none_or(|body_end| body_end > end) {
        return Err(beyond("the body of a message"));
    }
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
        _ => None,
    };
    if let Some(batch) = batch {
        check_batch(file, batch, body, length)?;
    }
    Ok(length)
}

fn check_batch(
    file: &mut (impl Read + Seek),
    batch: RecordBatch<'_>,
    body: u64,
    length: u64,
) -> Result<(), ArrowError> {
    let mut n_bytes = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let at = place(buffer).filter(|&(start, length_of_it)| {
            start.checked_add(length_of_it).is_some_and(|end| end <= length)
        });
        let (start, n_stored) = at.ok_or_else(|| beyond("a buffer"))?;
        if batch.compression().is_some() && n_stored >= 8 {
            let mut claimed = [0; 8];
            file.seek(SeekFrom::Start(body + start))?;
            file.read_exact(&mut claimed)?;
            // Below zero it is not compressed.
            let claimed = u64::try_from(i64::from_le_bytes(claimed)).unwrap_or(0);
            if claimed > n_stored.saturating_mul(MAX_RATIO) {
                return Err(damaged(&format!(
                    "{n_stored} bytes that claim to be {claimed} when decompressed"
                )));
            }
            n_bytes = n_bytes.saturating_add(claimed);
        }
    }
    // A batch is in memory as a whole.
    let room =
        usize::try_from(n_bytes).ok().and_then(|n_bytes| Vec::<u8>::new().try_reserve_exact(n_bytes).ok());
    room.ok_or_else(|| ArrowError::MemoryError(format!("no memory for a batch of {n_bytes} bytes")))
}

fn place(buffer: &Buffer) -> Option<(u64, u64)> {
    Some((u64::try_from(buffer.offset()).ok()?, u64::try_from(buffer.length()).ok()?))
}

fn beyond(what: &str) -> ArrowError {
    damaged(&format!("{what} that ends behind what it is in"))
}

fn damaged(found: &str) -> ArrowError {
    ArrowError::ParseError(format!("expected a whole Arrow file, found {found}"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use arrow_array::{ArrayRef, StringArray};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

    use super::*;

    fn files() -> [(ArrowKind, Vec<u8>); 2] {
        let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..99).map(|_| "the same text")));
        let batch = arrow_array::RecordBatch::try_from_iter([("a", column)]).unwrap();
        let options =
            || IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
        let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        file.write(&batch).unwrap();
        file.finish().unwrap();
        let mut stream = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options()).unwrap();
        stream.write(&batch).unwrap();
        stream.finish().unwrap();
        [(ArrowKind::File, file.into_inner().unwrap()), (ArrowKind::Stream, stream.into_inner().unwrap())]
    }

    #[test]
    fn what_claims_to_be_larger_than_it_can_be_is_named() {
        for (kind, bytes) in files() {
            check(&mut Cursor::new(&bytes), kind).unwrap();
            // 99 texts of 13 bytes.
            let claim = 1287_u64.to_le_bytes();
            let at = bytes.windows(8).rposition(|window| window == claim).unwrap();
            let mut large = bytes.clone();
            large[at + 6] = 1;
            let error = check(&mut Cursor::new(&large), kind).unwrap_err().to_string();
            assert!(error.contains("claim to be 281474976711943 when decompressed"), "{error}");
        }
    }

    #[test]
    fn what_ends_early_is_an_error() {
        for (kind, bytes) in files() {
            let cut = bytes.len() / 2;
            assert!(check(&mut Cursor::new(&bytes[..cut]), kind).is_err(), "{kind:?}");
        }
    }
}
