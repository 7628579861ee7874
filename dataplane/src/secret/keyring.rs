//! Tenant keys that the hub makes itself, in files.
