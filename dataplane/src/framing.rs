//! How providers cut their streams into events, beside [server-sent events](crate::sse).

pub mod aws;
