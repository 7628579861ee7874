//! From bytes to fields.

use bytes::Bytes;
use memchr::memmem;

use super::{Field, Form, head};

/// Providers' forms have a dozen fields and at most some pictures.
const MOST_FIELDS: usize = 128;
/// A part's head.
const LONGEST_HEAD: usize = 4 << 10;
/// RFC 2046.
const LONGEST_BOUNDARY: usize = 70;

/// Why a body is no acceptable form: the client's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("the content type must be multipart/form-data with a boundary")]
    NoBoundary,
    #[error("the form does not begin with its boundary, or does not end with it")]
    NotDelimited,
    #[error("the form has more than {MOST_FIELDS} fields")]
    TooMany,
    #[error("a field of the form has a head that cannot be read: {0}")]
    Head(&'static str),
    #[error("the field {0:?} is not valid UTF-8")]
    NotUtf8(String),
    #[error("the field {0:?} is given twice")]
    Duplicate(String),
}

/// Reads a form. Only names that end with `[]` may repeat.
pub fn parse(content_type: &str, body: &Bytes) -> Result<Form, Malformed> {
    let boundary = boundary(content_type).ok_or(Malformed::NoBoundary)?;
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let finder = memmem::Finder::new(&delimiter);
    let find = |from: usize| body.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at);
    // The first delimiter needs no line end before it where the body begins with it.
    let mut at = match body.strip_prefix(&delimiter[2..]) {
        Some(_) => delimiter.len() - 2,
        None => find(0).ok_or(Malformed::NotDelimited)? + delimiter.len(),
    };
    let mut fields: Vec<Field> = Vec::new();
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(Form { fields });
        }
        if fields.len() == MOST_FIELDS {
            return Err(Malformed::TooMany);
        }
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest =
            rest.get(blank..).and_then(|rest| rest.strip_prefix(b"\r\n")).ok_or(Malformed::NotDelimited)?;
        let head = rest.get(..rest.len().min(LONGEST_HEAD)).unwrap_or_default();
        let length = memmem::find(head, b"\r\n\r\n").ok_or(Malformed::Head("it does not end"))?;
        let (name, file) = head::read(head.get(..length).unwrap_or_default()).map_err(Malformed::Head)?;
        let from = at + blank + 2 + length + 4;
        // An empty value is followed by its delimiter at once, whose line end may be the head's own.
        let end = find(from - 2).ok_or(Malformed::NotDelimited)?;
        at = end + delimiter.len();
        let field = Field { name, file, value: body.slice(from..end.max(from)) };
        if field.file.is_none() && field.text().is_none() {
            return Err(Malformed::NotUtf8(field.name));
        }
        if fields.iter().any(|other| clash(&other.name, &field.name)) {
            return Err(Malformed::Duplicate(field.name));
        }
        fields.push(field);
    }
}

/// Whether a reader could take one for the other. Lists may repeat, but not stand beside a single one.
fn clash(one: &str, other: &str) -> bool {
    let single = |name: &str| !name.ends_with("[]");
    let bare = |name: &str| name.strip_suffix("[]").unwrap_or(name).to_owned();
    bare(one) == bare(other) && (single(one) || single(other))
}

fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = head::parameters(parameters)?
        .into_iter()
        .find_map(|(name, value)| (name == "boundary").then_some(value))?;
    let fits = !boundary.is_empty()
        && boundary.len() <= LONGEST_BOUNDARY
        && boundary.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fits.then_some(boundary)
}
