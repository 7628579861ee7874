//! AIGNE Hub on a real Kubernetes API server and a real Postgres. One subject a file.

mod accounts;
mod chaos;
mod crd_rules;
mod crds;
mod export;
mod gitops;
mod harness;
mod helm;
mod load;
mod metrics_adapter;
mod operator;
mod serve;
mod shared_ledger;
mod system;
