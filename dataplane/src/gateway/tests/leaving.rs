//! Clients that leave before anything was sent for them.

use std::{io::Read as _, net::TcpListener};

use super::*;
use crate::{ledger::Charge, usage::Usage};

#[test]
fn a_client_that_leaves_while_the_provider_is_connected_to_pays_nothing() {
    // It accepts, hears the first of TLS, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let unused = Upstream::start(|_, _, _| false);
    let mut rig = Rig::start(TYPE, &unused, |setup| setup.provider.base_url = format!("https://{address}"));
    let client = rig.chat(false);
    let (mut connecting, _) = silent.accept().unwrap();
    connecting.read_exact(&mut [0]).unwrap();
    drop(client);
    assert!(is_closed_after_reading(&mut connecting), "the connection is given up");
    let outcomes = rig.outcomes(1);
    assert_eq!((outcomes[0].status, outcomes[0].source), (Status::ClientGone, Source::Estimated));
    assert_eq!((outcomes[0].usage, outcomes[0].charge), (Usage::default(), Charge::default()));
}

fn is_closed_after_reading(connection: &mut std::net::TcpStream) -> bool {
    connection.set_read_timeout(Some(SOON)).unwrap();
    match connection.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
