//! Pieces of schema that several fields share, and the two extensions that schemars does not know.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A pattern, and what it asks for in words.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// As it stands in the schema.
    pub pattern: &'static str,
    /// What kind of text it is.
    pub name: &'static str,
    /// After "must be".
    pub says: &'static str,
}

/// US dollars.
pub const MONEY: Words = Words {
    pattern: r"^[0-9]{1,9}(\.[0-9]{1,9})?$",
    name: "decimal",
    says: "a decimal in quotes, for example \"0.25\"",
};

/// A multiplier.
pub const FACTOR: Words = Words {
    pattern: r"^[0-9]{1,6}(\.[0-9]{1,9})?$",
    name: "decimal",
    says: "a decimal in quotes, for example \"0.5\"",
};

/// A percentage.
pub const PERCENT: Words = Words {
    pattern: r"^(-[0-9]{1,2}|[0-9]{1,5})(\.[0-9]{1,4})?%$",
    name: "percentage",
    says: "a percentage in quotes, for example \"20%\"",
};

/// A length of time.
pub const DURATION: Words = Words {
    pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$",
    name: "duration",
    says: "a duration in h, m, s or ms, for example 30s or 1m30s",
};

const TIMESTAMP: Words = Words {
    pattern: r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$",
    name: "time",
    says: "a time with its zone, for example 2027-03-31T00:00:00Z",
};

const DNS_LABEL: Words = Words {
    pattern: "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    name: "name",
    says: "a name of at most 63 lower-case letters, digits and hyphens",
};

const OBJECT_NAME: Words = Words {
    pattern: r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    name: "name",
    says: "a name of at most 253 lower-case letters, digits, hyphens and dots",
};

const SECRET_KEY: Words = Words {
    pattern: "^[-._a-zA-Z0-9]+$",
    name: "data key",
    says: "a data key of letters, digits, -, _ and .",
};

const MODEL_NAME: Words = Words {
    pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$",
    name: "model",
    says: "a model's name of at most 128 letters, digits and . _ : / @ + -",
};

const GLOB: Words = Words {
    pattern: r"^[A-Za-z0-9*][A-Za-z0-9._:/@+*-]*$",
    name: "glob",
    says: "a name or a glob of letters, digits and . _ : / @ + - *",
};

const FULL_NAME: Words = Words {
    pattern: "^[a-z0-9][-.a-z0-9]*/[A-Za-z0-9][A-Za-z0-9._:/@+-]*$",
    name: "provider/model",
    says: "a provider/model, for example openai/gpt-5-mini",
};

/// Where an API is.
pub(super) const BASE_URL: Words = Words {
    pattern: r"^https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~%!$&'()*+,;=:/-]*)?$",
    name: "URL",
    says: "an address, for example https://llm.example.com/v1, without user, query or fragment",
};

/// Where a browser is sent to.
pub(super) const LINK: Words =
    Words { pattern: "^https://[!-~]+$", name: "URL", says: "an address that begins with https://" };

/// What a provider is asked for.
pub(super) const UPSTREAM_MODEL: Words =
    Words { pattern: "^[!-~]+$", name: "text", says: "printable ASCII without spaces" };

/// An account in the ledger.
pub(super) const ACCOUNT: Words = Words {
    pattern: "^[a-z0-9]([-._/a-z0-9]*[a-z0-9])?$",
    name: "account",
    says: "lower-case letters, digits and - _ . / inside",
};

/// A time zone.
pub(super) const TIME_ZONE: Words = Words {
    pattern: "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$",
    name: "time zone",
    says: "an IANA time zone, for example Asia/Shanghai",
};

/// An AWS region.
pub(super) const REGION: Words = Words {
    pattern: "^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$",
    name: "region",
    says: "an AWS region, for example eu-central-1",
};

/// What a pattern asks for, where it is one of those that several fields share.
pub fn in_words(pattern: &str) -> Option<&'static Words> {
    const ALL: &[Words] = &[
        MONEY,
        FACTOR,
        PERCENT,
        DURATION,
        TIMESTAMP,
        DNS_LABEL,
        OBJECT_NAME,
        SECRET_KEY,
        MODEL_NAME,
        GLOB,
        FULL_NAME,
        BASE_URL,
        LINK,
        UPSTREAM_MODEL,
        ACCOUNT,
        TIME_ZONE,
        REGION,
    ];
    ALL.iter().find(|words| words.pattern == pattern)
}

/// A CEL rule of `x-kubernetes-validations`.
///
/// Use only what both evaluators have: operators, `has`, `size`, `in`, `all`, `exists`, `startsWith`,
/// `endsWith`, `contains`, `matches`.
pub fn rule(rule: &str, message: &str) -> Value {
    json!({ "rule": rule, "message": message })
}

/// A name of one part: at most 63 lower-case letters, digits and hyphens.
pub fn dns_label(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 63, "pattern": DNS_LABEL.pattern })
}

/// The name of an object: DNS labels with dots between them.
pub fn object_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 253, "pattern": OBJECT_NAME.pattern })
}

/// A data key inside a Secret.
pub fn secret_key(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 253, "pattern": SECRET_KEY.pattern })
}

/// A model's name as clients write it, after `provider/`.
pub fn model_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 128, "pattern": MODEL_NAME.pattern })
}

/// A model's name, or a glob in which `*` stands for any characters.
pub fn model_glob(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 128, "pattern": GLOB.pattern })
}

/// Other names of a model.
pub fn aliases(generator: &mut SchemaGenerator) -> Schema {
    set(16, &model_name(generator))
}

/// Globs over `provider/model`.
pub fn access_globs(_: &mut SchemaGenerator) -> Schema {
    set(128, &json_schema!({ "type": "string", "maxLength": 256, "pattern": GLOB.pattern }))
}

/// By `provider/model`, others in the order in which they are tried.
pub fn fallbacks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object", "maxProperties": 64,
        "additionalProperties": {
            "type": "array", "minItems": 1, "maxItems": 8, "x-kubernetes-list-type": "atomic",
            "items": { "type": "string", "maxLength": 256, "pattern": FULL_NAME.pattern }
        }
    })
}

/// An RFC 3339 time between the years 2000 and 2099.
pub fn timestamp(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time", "maxLength": 35, "pattern": TIMESTAMP.pattern })
}

fn set(most: u32, items: &Schema) -> Schema {
    json_schema!({ "type": "array", "maxItems": most, "x-kubernetes-list-type": "set", "items": items })
}

/// The schema of an enum whose variants have no fields. Derived, the variants' documentation would take the place of
/// the field's own.
macro_rules! plain_enum {
    ($name:ident: $($variant:ident),*) => {
        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // Fails to compile when a variant is missing.
                let _ = |value: $name| match value {
                    $($name::$variant => (),)*
                };
                schemars::json_schema!({ "type": "string", "enum": [$(stringify!($variant)),*] })
            }
        }
    };
}

pub(super) use plain_enum;
