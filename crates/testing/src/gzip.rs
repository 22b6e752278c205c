//! The gzip format without compression, so that a client's decoder is tested without a compressor.

use bytes::{BufMut, Bytes, BytesMut};

/// The longest block that the format stores.
const BLOCK: usize = 0xFFFF;

/// The bytes as a gzip file of stored blocks (RFC 1951, RFC 1952).
pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(bytes.len() + 64);
    out.put_slice(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]);
    let mut blocks = bytes.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        out.put_slice(&[1, 0, 0, 0xFF, 0xFF]);
    }
    while let Some(block) = blocks.next() {
        out.put_u8(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.put_u16_le(length);
        out.put_u16_le(!length);
        out.put_slice(block);
    }
    out.put_u32_le(crc32(bytes));
    // The format counts modulo 2^32.
    out.put_u32_le(u32::try_from(bytes.len() & 0xFFFF_FFFF).unwrap_or_default());
    out.freeze()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_check_value_of_the_standard_comes_out() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
