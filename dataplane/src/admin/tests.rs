use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
};

use super::*;
use crate::{
    secret::SecretStore,
    source::{Loaded, Location, Problem},
};

fn admin() -> (Admin, watch::Sender<Arc<Vec<Problem>>>) {
    let loaded = Loaded { revision: "r1".into(), secrets: SecretStore::default(), ..Loaded::default() };
    let (_, loaded) = watch::channel(Arc::new(loaded));
    let (reject, rejected) = watch::channel(Arc::default());
    let source = Source::new(loaded, rejected);
    let telemetry = Arc::new(Telemetry::new());
    (Admin { telemetry, readiness: Readiness::default(), source, money: None }, reject)
}

/// Status line with headers, and body.
async fn get_path(admin: &Admin, path: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, admin.clone(), std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn readiness_follows_the_life_of_the_process() {
    let (admin, _reject) = admin();
    assert!(get_path(&admin, "/healthz").await.0.starts_with("HTTP/1.1 200"));
    let (head, body) = get_path(&admin, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503") && body.starts_with("starting"), "{head} {body}");
    admin.readiness.ready();
    assert!(get_path(&admin, "/readyz").await.0.starts_with("HTTP/1.1 200"));
    admin.readiness.drain();
    admin.readiness.ready();
    let (head, body) = get_path(&admin, "/readyz").await;
    assert!(head.starts_with("HTTP/1.1 503") && body == "draining\n", "{head} {body}");
    assert!(get_path(&admin, "/healthz").await.0.starts_with("HTTP/1.1 200"), "alive while it drains");
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let (admin, _reject) = admin();
    let (head, body) = get_path(&admin, "/metrics").await;
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn findings_show_the_revision_and_what_was_rejected() {
    let (admin, reject) = admin();
    let location = Location { file: "provider.yaml".into(), line: 3, column: 1 };
    let (object, field) = ("AIProvider ai/openai".into(), "spec.type".into());
    let problem = Problem { location, object, field, message: "unknown type".into() };
    reject.send(Arc::new(vec![problem])).unwrap();
    let (_, body) = get_path(&admin, "/config/findings").await;
    let expected = r#"{"digest":"00000000000000000000000000000000","findings":[],"rejected":[{"field":"spec.type","location":{"column":1,"file":"provider.yaml","line":3},"message":"unknown type","object":"AIProvider ai/openai"}],"revision":"r1","sequence":null}"#;
    assert_eq!(body, expected);
}
