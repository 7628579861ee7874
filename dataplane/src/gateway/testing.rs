//! A gateway in this process, between a scripted provider and raw sockets.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use aigne_hub_crds::config::{self, ProviderType};
use arc_swap::ArcSwap;

use crate::{
    clock::Clock,
    health::Registry,
    identity::Trust,
    jobs::{self, Desk, Looker, Seen},
    ledger::{
        Outcome,
        accounts::{
            Promises,
            refunds::{Ended, Owed, Refunds},
        },
        journal::{self, Journals, Reader, Record},
    },
    percore::{Core, Live, Shared},
    provider::testing,
    secret::{SecretStore, SecretValue},
    server::{self, Server},
    snapshot::Snapshot,
    telemetry::{
        Telemetry,
        access::{AccessWriter, Destination},
    },
    upstream::Pool,
};

/// The tenant's key.
pub(crate) const KEY: &str = "hub-0123456789abcdef0123456789abcdef";
/// Nothing in these tests takes longer unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A provider that a test plays.
pub(crate) struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// `play` gets the number of the request (from 0), its text, and the connection; it returns whether the
    /// connection goes on.
    pub(crate) fn start(play: impl Fn(usize, &str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            requests: Arc::default(),
        };
        let (connections, requests, play) =
            (Arc::clone(&upstream.connections), Arc::clone(&upstream.requests), Arc::new(play));
        thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, SeqCst);
                let (requests, play) = (Arc::clone(&requests), Arc::clone(&play));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while let Some(text) = read_request(&mut reader) {
                        let number = {
                            let mut requests = requests.lock().unwrap();
                            requests.push(text.clone());
                            requests.len() - 1
                        };
                        if !play(number, &text, &mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        upstream
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(SeqCst)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut text = String::new();
    let mut length = 0;
    loop {
        let from = text.len();
        if reader.read_line(&mut text).ok()? == 0 {
            return None;
        }
        let line = text[from..].trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(text + &String::from_utf8(body).unwrap())
}

/// A plain answer.
pub(crate) fn plain(stream: &mut TcpStream, status: u16, body: &str) -> bool {
    let head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).is_ok()
}

/// The head of a streamed answer.
pub(crate) fn stream_head(stream: &mut TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
}

/// A piece of a streamed answer.
pub(crate) fn chunk(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
}

/// Waits until the gateway closes this connection; false where it does not.
pub(crate) fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// An answer of OpenAI's.
pub(crate) const ANSWER: &str = r#"{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
/// An error of OpenAI's.
pub(crate) const ERROR: &str = r#"{"error":{"message":"no","type":"server_error","code":"some_code"}}"#;

/// What a test may change before the gateway starts.
pub(crate) struct Setup {
    pub(crate) provider: config::Provider,
    pub(crate) tenant: config::Tenant,
    pub(crate) max_body: usize,
    pub(crate) grace: Duration,
    pub(crate) registry: Registry,
    pub(crate) identity: Option<Arc<Trust>>,
    /// What the provider's model costs, and its price.
    pub(crate) prices: Option<config::Amounts>,
    /// By service tier, what that is multiplied by.
    pub(crate) service_tiers: Vec<(&'static str, &'static str)>,
}

/// A running gateway.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Registry,
    server: Option<Server>,
    runtime: tokio::runtime::Runtime,
    shared: Arc<Shared>,
    journals: Journals,
    telemetry: Telemetry,
    access: AccessWriter,
    reader: Reader,
    outcomes: Vec<Outcome>,
    refunded: Arc<Mutex<Vec<Owed>>>,
    looker: Looker,
    data: tempfile::TempDir,
}

impl Rig {
    /// A gateway in front of a provider of this type.
    pub(crate) fn start(r#type: ProviderType, upstream: &Upstream, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = setup(r#type, upstream);
        change(&mut setup);
        let Setup { provider, tenant, max_body, grace, registry, identity, prices, service_tiers } = setup;
        let secrets: SecretStore = provider
            .credentials
            .iter()
            .map(|credential| {
                (credential.secret.clone(), SecretValue::new(format!("sk-{}", credential.name)))
            })
            .collect();
        let mut config = config::Config::default();
        if let Some(cost) = prices {
            let mut sheet = testing::sheet(&provider.models[0].name, cost);
            let tiers = service_tiers.into_iter().map(|(name, by)| (name.to_owned(), by.parse().unwrap()));
            sheet.rates[0].service_tiers = tiers.collect();
            config.shared.prices.insert(provider.id.clone(), vec![sheet]);
        }
        config.shared.providers.insert(provider.id.clone(), provider);
        config.tenants.insert(tenant.id.clone(), tenant.into());
        let snapshot = Snapshot::new(&config, &secrets, &registry, "1".into());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (refunds, mut owed) = Refunds::new();
        let refunded = Arc::new(Mutex::new(Vec::new()));
        let given = Arc::clone(&refunded);
        runtime.spawn(async move {
            while let Some(ended) = owed.next().await {
                if let Ended::Failed(next, told) = ended {
                    given.lock().unwrap().push(next);
                    let _ = told.send(());
                }
            }
        });
        let (looker, looks) = jobs::channel();
        let shared = Arc::new(Shared {
            clock: Clock::default(),
            snapshot: ArcSwap::from_pointee(snapshot),
            max_body,
            allowances: registry.allowances.clone(),
            promises: Promises::default(),
            jobs: Desk { refunds, looks },
            identity,
            draining: false.into(),
            journal_full: prometheus_client::metrics::counter::Counter::default(),
        });
        let data = tempfile::tempdir().unwrap();
        let options = journal::Options { segment_bytes: 1 << 20, ready_segments: 1, max_segments: 2 };
        let journals = Journals::create(&data.path().join("journal"), options).unwrap();
        let telemetry = Telemetry::new();
        let access =
            AccessWriter::start(&Destination::File(data.path().join("access.log")), &telemetry).unwrap();
        let options = server::Options {
            listen: "127.0.0.1:0".parse().ok(),
            tls: None,
            threads: 1,
            drain_delay: Duration::ZERO,
            grace,
        };
        let server = Server::start(options, Arc::clone(&shared), &journals, &telemetry, &access).unwrap();
        let reader = journals.readers(0).remove(0);
        Self {
            address: server.plain.unwrap(),
            registry,
            server: Some(server),
            runtime,
            shared,
            journals,
            telemetry,
            access,
            reader,
            outcomes: Vec::new(),
            refunded,
            looker,
            data,
        }
    }

    /// Sends a chat request; the connection is to be closed after its answer.
    pub(crate) fn chat(&self, stream: bool) -> TcpStream {
        let body =
            format!(r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"hi"}}]}}"#);
        self.post("/v1/chat/completions", &body)
    }

    /// Sends a request.
    pub(crate) fn post(&self, path: &str, body: &str) -> TcpStream {
        let mut client = connect(self.address);
        client.write_all(request(path, KEY, body).as_bytes()).unwrap();
        client
    }

    /// Sends a request without a body.
    pub(crate) fn bodiless(&self, method: &str, path: &str) -> TcpStream {
        let mut client = connect(self.address);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\r\n"
        );
        client.write_all(head.as_bytes()).unwrap();
        client
    }

    /// Waits for this many outcomes, and gives all that there are.
    pub(crate) fn outcomes(&mut self, at_least: usize) -> Vec<Outcome> {
        let until = Instant::now() + SOON;
        loop {
            let outcomes = &mut self.outcomes;
            while self
                .reader
                .read(|record| {
                    if let Record::Outcome(outcome) = record {
                        outcomes.push(outcome);
                    }
                })
                .unwrap()
            {}
            if self.outcomes.len() >= at_least {
                return self.outcomes.clone();
            }
            assert!(Instant::now() < until, "only {:?}", self.outcomes);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What was given back.
    pub(crate) fn refunded(&self) -> Vec<Owed> {
        self.refunded.lock().unwrap().clone()
    }

    /// What a core sees of a job that nobody asks for.
    pub(crate) fn look(&self, id: &str) -> Seen {
        self.runtime.block_on(self.looker.look(id.to_owned()))
    }

    /// Ends the gateway.
    pub(crate) fn drain(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.drain());
        }
    }

    /// Ends the gateway; its access log.
    pub(crate) fn log(mut self) -> String {
        self.drain();
        self.access.finish();
        std::fs::read_to_string(self.data.path().join("access.log")).unwrap()
    }

    /// A core of its own, for a listener that a test has made.
    pub(crate) fn core(&self) -> Core {
        Core {
            shared: Arc::clone(&self.shared),
            pool: Pool::new().unwrap(),
            journal: self.journals.open(1).unwrap().into(),
            metrics: self.telemetry.recorder(),
            access: self.access.log().into(),
            known: std::cell::RefCell::default(),
            live: Live::default(),
        }
    }
}

fn setup(r#type: ProviderType, upstream: &Upstream) -> Setup {
    let mut provider = testing::provider(r#type);
    provider.base_url = format!("http://{}", upstream.address);
    provider.allow_private = true;
    provider.allow_insecure = true;
    provider.timeouts =
        config::Timeouts { connect: 5_000, first_token: 20_000, idle: 20_000, request: 60_000 };
    provider.retry = config::Retry { attempts: 2, backoff: 1, max_backoff: 1 };
    let tenant = config::Tenant {
        id: "team/acme".into(),
        account_id: "team/acme".into(),
        display_name: "Acme".into(),
        suspended: false,
        models: config::ModelAccess { allow: vec!["*".into()], ..Default::default() },
        keys: vec![config::Key {
            name: "app".into(),
            hashes: vec![config::KeyHash { sha256: SecretValue::new(KEY.into()).sha256(), expires_at: None }],
            expires_at: None,
            disabled: false,
            models: None,
            limits: config::Limits::default(),
            budgets: Vec::new(),
        }],
        workload_identities: Vec::new(),
        billing: config::Billing {
            mode: config::BillingMode::Attribution,
            starter_credits: None,
            grants: Vec::new(),
            overdraft: None,
            low_balance: None,
            payment_url: None,
            cost_center: None,
            minimum_max_tokens: None,
        },
        budgets: Vec::new(),
        limits: config::Limits::default(),
        policy: config::Policy {
            client_gone: config::ClientGone::Cancel,
            ledger_unavailable: config::LedgerUnavailable::Refuse,
        },
        brand: config::Brand::default(),
    };
    let registry = Registry::default();
    Setup {
        provider,
        tenant,
        max_body: 1 << 20,
        grace: SOON,
        registry,
        identity: None,
        prices: None,
        service_tiers: Vec::new(),
    }
}

/// A connection that gives up rather than hang.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(SOON)).unwrap();
    client.set_write_timeout(Some(SOON)).unwrap();
    client
}

/// The text of a request.
pub(crate) fn request(path: &str, key: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The whole answer, head included.
pub(crate) fn answer(mut client: TcpStream) -> String {
    let mut text = Vec::new();
    client.read_to_end(&mut text).unwrap();
    let _ = client.shutdown(Shutdown::Both);
    String::from_utf8(text).unwrap()
}

/// Reads until this text has come.
pub(crate) fn read_until(client: &mut TcpStream, needle: &str) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.contains(needle) {
        let count = client.read(&mut piece).unwrap();
        assert!(count > 0, "it ended before {needle:?}: {text}");
        text.push_str(std::str::from_utf8(&piece[..count]).unwrap());
    }
    text
}
