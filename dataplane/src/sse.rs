//! Server-sent events: an incremental splitter over `Bytes`.
