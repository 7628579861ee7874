use super::testing::{Database, Server};
use super::*;
use crate::ledger::store::suite::{behaviours, row};

fn database() -> Database {
    tokio::task::block_in_place(|| Server::shared().database())
}

async fn open() -> (Postgres, ()) {
    let database = Server::shared().database();
    (database.store(), ())
}

behaviours!(open);
