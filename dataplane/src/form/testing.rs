//! Forms of tests.

use super::Form;

/// The body of a form whose boundary is `b`; what stands after `form-data;`, and the value.
pub(crate) fn text(parts: &[(&str, &str)]) -> String {
    let part = |(head, value): &(&str, &str)| {
        format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    parts.concat() + "--b--\r\n"
}

/// The same, read.
pub(crate) fn form(parts: &[(&str, &str)]) -> Form {
    super::parse("multipart/form-data; boundary=b", &text(parts).into()).unwrap()
}
