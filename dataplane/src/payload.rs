//! What a request carries: a JSON object, or a form where files come along.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    body::{self, Body, Edit},
    form::{self, Form},
    json,
};

/// What a request carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A JSON object.
    Json(Body),
    /// A form.
    Form(Form),
}

impl Payload {
    /// Reads a body of this content type: JSON, unless it says that it is a form.
    pub fn read(kind: &str, bytes: Bytes) -> Result<Self, String> {
        let start = kind.trim_start().get(..10);
        if start.is_some_and(|start| start.eq_ignore_ascii_case("multipart/")) {
            return form::parse(kind, &bytes).map(Self::Form).map_err(|error| error.to_string());
        }
        body::scan(bytes).map(Self::Json).map_err(|error| error.to_string())
    }

    /// Names and JSON texts of all fields, in their order. A form's texts are strings; its files are left out.
    pub fn members(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let (json, form) = match self {
            Self::Json(body) => (Some(body), None),
            Self::Form(form) => (None, Some(form)),
        };
        let members = json.into_iter().flat_map(Body::members).map(|(name, raw)| (name, Cow::Borrowed(raw)));
        let fields = form.into_iter().flat_map(Form::fields);
        members.chain(
            fields.filter_map(|field| Some((field.name.as_str(), Cow::Owned(json::quoted(field.text()?))))),
        )
    }

    /// The JSON text of one of them.
    pub fn raw(&self, name: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Json(body) => body.raw(name).map(Cow::Borrowed),
            Self::Form(form) => form.text(name).map(|text| Cow::Owned(json::quoted(text))),
        }
    }

    /// Bytes of all that is in it.
    pub fn size(&self) -> usize {
        match self {
            Self::Json(body) => body.bytes().len(),
            Self::Form(form) => form.len(),
        }
    }

    /// The same with these changes, as pieces of a body and its content type. A form gets this boundary, which nobody
    /// could have guessed who wrote it.
    pub fn write(&self, edits: &[Edit], boundary: &str) -> (Vec<Bytes>, String) {
        match self {
            Self::Json(body) => (vec![body::apply(body, edits)], "application/json".to_owned()),
            Self::Form(form) => {
                let form = edits.iter().fold(form.clone(), edited);
                (form.write(boundary), crate::form::content_type(boundary))
            }
        }
    }
}

fn edited(form: Form, edit: &Edit) -> Form {
    // What is no string is written in a form as it is in JSON.
    let plain = |raw: &str| serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
    match edit {
        Edit::Set(name, raw) => form.with(name, &plain(raw)),
        Edit::Remove(name) => form.without(name),
        Edit::Rename(from, to) => match form.text(from).map(str::to_owned) {
            Some(value) => form.without(from).with(to, &value),
            None => form,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Payload {
        let text = b"--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n\xff\r\n--b--";
        Payload::Form(
            crate::form::parse("multipart/form-data; boundary=b", &Bytes::from_static(text)).unwrap(),
        )
    }

    #[test]
    fn a_form_has_fields_as_an_object_has() {
        let form = form();
        assert_eq!(form.raw("model").as_deref(), Some("\"m\""));
        assert_eq!(form.members().collect::<Vec<_>>(), [("model", Cow::Borrowed("\"m\""))]);
        assert_eq!(form.size(), 2);
    }

    #[test]
    fn both_are_edited_alike() {
        let edits = [Edit::Set("model", "\"x\"".into()), Edit::Set("n", "2".into())];
        let (pieces, kind) = form().write(&edits, "q");
        let text = pieces.concat();
        let text = String::from_utf8_lossy(&text);
        assert!(
            text.contains("name=\"model\"\r\n\r\nx\r\n") && text.contains("name=\"n\"\r\n\r\n2\r\n"),
            "{text}"
        );
        assert!(text.ends_with("--q--\r\n") && kind.ends_with("boundary=q"));
        let json = Payload::Json(body::scan(Bytes::from_static(b"{\"model\":\"m\"}")).unwrap());
        let (pieces, kind) = json.write(&edits, "q");
        assert_eq!((&*pieces.concat(), &*kind), (&b"{\"model\":\"x\",\"n\":2}"[..], "application/json"));
    }
}
