//! Amazon Bedrock: Converse and `ConverseStream`.

mod decode;
mod encode;
mod error;
mod family;
mod fields;
mod media;
mod messages;
mod path;
mod reasoning;
mod stream;
mod tools;
mod usage;
