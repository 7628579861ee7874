//! Values of fields, whether they were written in JSON or in a form.

use std::borrow::Cow;

use super::super::{
    BadRequest,
    fields::{bad, read},
};

/// One field.
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    /// JSON text; a form's values are strings.
    pub(super) raw: Cow<'a, str>,
    pub(super) of_form: bool,
}

impl Value<'_> {
    /// A string.
    pub(super) fn text(&self) -> Result<String, BadRequest> {
        read(self.name, &self.raw)
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self) -> Result<u64, BadRequest> {
        if self.of_form {
            self.text()?.trim().parse().map_err(|_| bad(self.name, "must be a whole number"))
        } else {
            read(self.name, &self.raw)
        }
    }

    /// Yes or no.
    pub(super) fn flag(&self) -> Result<bool, BadRequest> {
        let text = if self.of_form { self.text()? } else { self.raw.clone().into_owned() };
        match text.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(bad(self.name, "must be true or false")),
        }
    }
}
