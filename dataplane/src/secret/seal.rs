//! Values encrypted with a local key.
