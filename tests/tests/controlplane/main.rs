//! AIGNE Hub on a real Kubernetes API server and a real Postgres. One subject a file.

mod harness;
mod operator;
