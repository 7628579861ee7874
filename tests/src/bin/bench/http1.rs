//! As much of HTTP/1.1 as a benchmark between known parties needs: find the end of a head, read a header,
//! and take a body apart by its length or its chunks. Pure: bytes in, bytes out.

use anyhow::{Result, bail, ensure};

/// Bytes that end a head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// A head longer than this is an error: nobody in the benchmark sends one.
const MAX_HEAD: usize = 16 * 1024;

/// The start line and headers of one message.
pub(crate) struct Head<'a> {
    /// `POST /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(crate) line: &'a str,
    headers: &'a str,
    /// Bytes up to and including the empty line.
    pub(crate) len: usize,
}

impl<'a> Head<'a> {
    /// Reads a head from the start of `bytes`; `None` while it is incomplete.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END) else {
            ensure!(bytes.len() <= MAX_HEAD, "a head of more than {MAX_HEAD} bytes");
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let (line, headers) = text.split_once("\r\n").unwrap_or((text, ""));
        Ok(Some(Self { line, headers, len: end + HEAD_END.len() }))
    }

    /// The first header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        self.line.split(' ').nth(1)?.parse().ok()
    }

    /// The path of a request.
    pub(crate) fn path(&self) -> Option<&'a str> {
        self.line.split(' ').nth(1)
    }

    /// Whether the sender closes the connection after this message.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// How the body that follows is delimited.
    pub(crate) fn body(&self) -> Result<Body> {
        if let Some(coding) = self.header("transfer-encoding") {
            ensure!(coding.eq_ignore_ascii_case("chunked"), "transfer-encoding {coding}");
            return Ok(Body::Chunked(Chunk::Size(0)));
        }
        match self.header("content-length") {
            Some(length) => Ok(Body::Length(length.parse()?)),
            None => bail!("neither content-length nor transfer-encoding: {}", self.line),
        }
    }
}

/// What is left of a body.
pub(crate) enum Body {
    /// This many bytes.
    Length(usize),
    /// Chunks, up to the empty one.
    Chunked(Chunk),
}

/// Where in the chunked coding the reader stands.
#[derive(Clone, Copy)]
pub(crate) enum Chunk {
    /// Within the size's digits.
    Size(usize),
    /// Between the digits and the end of their line.
    Extension(usize),
    /// Within data: bytes left.
    Data(usize),
    /// Within the line end after data.
    DataEnd,
    /// Within a trailer line of so many bytes so far.
    Trailer(usize),
    /// The body is complete.
    Done,
}

impl Body {
    /// Takes what belongs to the body from `input` and appends its payload to `payload`; gives the number of bytes taken.
    pub(crate) fn feed(&mut self, input: &[u8], payload: &mut Vec<u8>) -> Result<usize> {
        match self {
            Self::Length(left) => {
                let taken = input.len().min(*left);
                payload.extend_from_slice(&input[..taken]);
                *left -= taken;
                Ok(taken)
            }
            Self::Chunked(state) => {
                let mut taken = 0;
                while taken < input.len() && !matches!(state, Chunk::Done) {
                    taken += state.step(&input[taken..], payload)?;
                }
                Ok(taken)
            }
        }
    }

    /// Whether nothing more belongs to this body.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Done))
    }
}

impl Chunk {
    /// Takes at least one byte of `input`, which is not empty.
    fn step(&mut self, input: &[u8], payload: &mut Vec<u8>) -> Result<usize> {
        let byte = input[0];
        let mut taken = 1;
        *self = match *self {
            Self::Size(size) => match (byte, char::from(byte).to_digit(16)) {
                (_, Some(digit)) => Self::Size((size << 4) + digit as usize),
                (b'\n', _) if size == 0 => Self::Trailer(0),
                (b'\n', _) => Self::Data(size),
                (b'\r' | b';' | b' ', _) => Self::Extension(size),
                _ => bail!("byte {byte:#x} in a chunk size"),
            },
            Self::Extension(0) if byte == b'\n' => Self::Trailer(0),
            Self::Extension(size) if byte == b'\n' => Self::Data(size),
            Self::Data(left) => {
                taken = left.min(input.len());
                payload.extend_from_slice(&input[..taken]);
                if taken == left { Self::DataEnd } else { Self::Data(left - taken) }
            }
            Self::DataEnd if byte == b'\n' => Self::Size(0),
            Self::Trailer(0) if byte == b'\n' => Self::Done,
            Self::Trailer(_) if byte == b'\n' => Self::Trailer(0),
            Self::Trailer(length) if byte != b'\r' => Self::Trailer(length + 1),
            unchanged => unchanged,
        };
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() -> Result<()> {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\nhello";
        assert!(Head::parse(&bytes[..40])?.is_none());
        let head = Head::parse(bytes)?.context("incomplete")?;
        assert_eq!(head.status(), Some(200));
        assert_eq!(head.header("content-length"), Some("12"));
        assert!(head.closes());
        assert_eq!(&bytes[head.len..], b"hello");
        Ok(())
    }

    #[test]
    fn a_message_without_a_length_is_refused() -> Result<()> {
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")?.context("incomplete")?;
        assert!(head.body().is_err());
        Ok(())
    }

    #[test]
    fn chunks_come_apart_the_same_at_every_boundary() -> Result<()> {
        let wire = b"5\r\nhello\r\n1;x=y\r\n \r\nB\r\nwide  world\r\n0\r\nTrailer: t\r\n\r\nNEXT";
        for split in 0..wire.len() {
            let (mut body, mut payload, mut taken) = (Body::Chunked(Chunk::Size(0)), Vec::new(), 0);
            for part in [&wire[..split], &wire[split..]] {
                taken += body.feed(part, &mut payload)?;
            }
            assert!(body.is_complete());
            assert_eq!(payload, b"hello wide  world");
            assert_eq!(&wire[taken..], b"NEXT");
        }
        Ok(())
    }

    #[test]
    fn a_body_cut_short_is_not_complete() -> Result<()> {
        let (mut body, mut payload) = (Body::Chunked(Chunk::Size(0)), Vec::new());
        body.feed(b"5\r\nhello\r\n0\r\n", &mut payload)?;
        assert!(!body.is_complete());
        let mut body = Body::Length(6);
        body.feed(b"hello", &mut payload)?;
        assert!(!body.is_complete());
        Ok(())
    }
}
