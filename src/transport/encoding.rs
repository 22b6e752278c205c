//! Undoes the compression of responses, whether or not it was asked for: gateways compress what they like.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};

use super::{Failure, TransportError, TransportResponse};
use crate::error::names_no_encoding;

/// What a gzip file begins with.
const GZIP: &[u8] = b"\x1f\x8b";

/// More layers of compression than this are an attack.
const MOST_LAYERS: usize = 3;

/// The response as the service wrote it: gzip and deflate are undone, and their header is taken away.
///
/// A body that is not compressed although a header says so is taken as it is. What cannot be undone (another encoding, a broken
/// body) is left with its header. `limit` is of the body as it is afterwards.
///
/// # Errors
/// `TooLarge`; `Interrupted` for a success whose compressed body breaks off. Of another response what came is kept.
pub(crate) fn decoded(mut response: TransportResponse, limit: usize) -> Result<TransportResponse, TransportError> {
    if !response.headers.contains_key(CONTENT_ENCODING) {
        return Ok(response);
    }
    let lines = response.headers.get_all(CONTENT_ENCODING).into_iter();
    let names = lines.flat_map(|line| line.to_str().unwrap_or("unknown").split(','));
    let mut encodings: Vec<String> = names.map(|name| name.trim().to_ascii_lowercase()).collect();
    encodings.retain(|name| !names_no_encoding(name));
    let is_success = response.status.is_success();
    let mut layers = 0;
    while let Some(encoding) = encodings.last() {
        if layers == MOST_LAYERS {
            break;
        }
        let Some(read) = open(encoding, &response.body).map(|opened| read(opened, limit)) else { break };
        response.body = match read {
            Ok(body) => body,
            Err(Broken::TooLarge) => return Err(Failure::TooLarge.into()),
            Err(Broken::Off(body, _)) if !is_success && !body.is_empty() => body,
            Err(Broken::Off(_, error)) if is_success => return Err(TransportError::new(Failure::Interrupted, error)),
            Err(_) => break,
        };
        layers += 1;
        encodings.pop();
    }
    if layers > 0 {
        response.headers.remove(CONTENT_LENGTH);
        response.headers.remove(CONTENT_ENCODING);
        // Those that could not be undone.
        for encoding in encodings.iter().filter_map(|name| HeaderValue::try_from(name).ok()) {
            response.headers.append(CONTENT_ENCODING, encoding);
        }
    }
    Ok(response)
}

/// The body in this encoding, to be read; `None` for an encoding that is not known.
fn open<'a>(encoding: &str, body: &'a [u8]) -> Option<Box<dyn Read + 'a>> {
    match encoding {
        "gzip" | "x-gzip" if body.starts_with(GZIP) => Some(Box::new(Files(GzDecoder::new(body)))),
        "deflate" if is_zlib(body) => Some(Box::new(ZlibDecoder::new(body))),
        // A proxy that inflates may leave the header.
        "gzip" | "x-gzip" | "deflate" if is_plain(body) => Some(Box::new(body)),
        // Some servers leave out the frame that the standard asks for.
        "deflate" => Some(Box::new(DeflateDecoder::new(body))),
        _ => None,
    }
}

/// Whether the body begins with the frame of RFC 1950.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [method, flags, ..] if method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0)
}

/// Whether the body is text: JSON, a page, a mark before them, words.
fn is_plain(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()))
}

/// All files in one stream of gzip; what follows them and is none is padding.
struct Files<'a>(GzDecoder<&'a [u8]>);

impl Read for Files<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let rest = *self.0.get_ref();
            if !rest.starts_with(GZIP) {
                return Ok(0);
            }
            self.0 = GzDecoder::new(rest);
        }
    }
}

enum Broken {
    TooLarge,
    /// The body breaks off after these bytes.
    Off(Bytes, io::Error),
    /// It is in no such encoding.
    Odd,
}

fn read(opened: Box<dyn Read + '_>, limit: usize) -> Result<Bytes, Broken> {
    let mut body = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    match opened.take(most).read_to_end(&mut body) {
        Ok(_) if body.len() > limit => Err(Broken::TooLarge),
        Ok(_) => Ok(body.into()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Broken::Off(body.into(), error)),
        Err(_) => Err(Broken::Odd),
    }
}
