//! Time is virtual: what is waited for costs nothing, and how long it took is exact.

use aigne_hub_crds::config::Config;
use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::config::Config as ClientConfig;

use super::{
    super::{
        objects::Place,
        testing::{config, name, texts},
    },
    *,
};

/// Of a moment: far less than anything that waits for something.
const MOMENT: Duration = Duration::from_millis(50);

/// What the watches would tell.
struct Cluster {
    maps: mpsc::Sender<Told<Event<ConfigMap>>>,
    secrets: mpsc::Sender<ToldOf>,
    source: Source,
}

impl Cluster {
    fn new(cache: Option<&Path>) -> Self {
        let (mut following, source) = Following::new("ai", Arc::default());
        if let Some(folder) = cache {
            following.keep_in(cache::folder(folder, "ai"));
        }
        let (maps, maps_receiver) = mpsc::channel(64);
        let (secrets, secrets_receiver) = mpsc::channel(64);
        // The watches of Secrets end at once, as nobody hears them.
        let client = Client::try_from(ClientConfig::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
        let watches = Watches::new(client, mpsc::channel(1).0);
        tokio::spawn(following.run(maps_receiver, secrets_receiver, watches));
        Self { maps, secrets, source }
    }

    async fn map(&self, told: impl Fn(ConfigMap) -> Event<ConfigMap>, (place, text): (Place, String)) {
        let key = if place == Place::Index { "index.json" } else { "part.json" };
        let map = ConfigMap {
            metadata: ObjectMeta { name: Some(place.name()), ..ObjectMeta::default() },
            data: Some([(key.to_owned(), text)].into()),
            ..ConfigMap::default()
        };
        self.maps.send(Told::Event(told(map))).await.unwrap();
    }

    async fn list(&self, config: &Config) {
        self.maps.send(Told::Event(Event::Init)).await.unwrap();
        for text in texts(config, 1) {
            self.map(Event::InitApply, text).await;
        }
        self.maps.send(Told::Event(Event::InitDone)).await.unwrap();
    }

    async fn write(&self, config: &Config, sequence: u64) {
        for text in texts(config, sequence) {
            self.map(Event::Apply, text).await;
        }
    }

    async fn secret(&self, secret: &str, value: &str) {
        let data = [("apiKey".to_owned(), ByteString(value.as_bytes().to_vec()))].into();
        let secret_is = Secret { data: Some(data), ..Secret::default() };
        self.secrets.send((name(secret), Told::Event(Some(secret_is)))).await.unwrap();
    }

    async fn refuse(&self, secret: &str) {
        self.secrets.send((name(secret), Told::Away("forbidden".into()))).await.unwrap();
    }

    /// Waits for a revision that is like this; how long it took.
    async fn becomes(&mut self, like: impl Fn(&Loaded) -> bool) -> Duration {
        let since = Instant::now();
        let waited = tokio::time::timeout(
            Duration::from_mins(1),
            self.source.loaded.wait_for(|loaded| !loaded.is_empty() && like(loaded)),
        );
        drop(waited.await.unwrap().unwrap());
        since.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_revision_waits_for_its_secrets_but_not_for_ever() {
    let mut cluster = Cluster::new(None);
    cluster.list(&config(Some("a"), Some("b"), &["acme"])).await;
    cluster.secret("a", "sk-1").await;
    cluster.refuse("b").await;
    let took = cluster.becomes(|_| true).await;
    assert!(took >= SECRETS && took < SECRETS + MOMENT, "{took:?}");
    let mut cluster = Cluster::new(None);
    cluster.list(&config(Some("a"), None, &["acme"])).await;
    cluster.secret("a", "sk-1").await;
    assert!(cluster.becomes(|loaded| loaded.secrets.len() == 1).await < MOMENT);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_delays_nobody_elses_change() {
    let mut cluster = Cluster::new(None);
    cluster.list(&config(Some("a"), None, &["acme", "revoked"])).await;
    cluster.secret("a", "sk-1").await;
    cluster.becomes(|_| true).await;
    cluster.write(&config(Some("a"), Some("refused"), &["acme", "revoked"]), 2).await;
    cluster.refuse("refused").await;
    cluster.write(&config(Some("a"), Some("refused"), &["acme"]), 3).await;
    let took = cluster.becomes(|loaded| !loaded.config.tenants.contains_key("revoked")).await;
    assert!(took < MOMENT, "{took:?}");
    assert_eq!(cluster.source.loaded.borrow().sequence, Some(1), "not all of it is served");
    // By itself, though nothing more comes.
    let took = cluster.becomes(|loaded| loaded.sequence == Some(3)).await;
    assert!(took + MOMENT > SECRETS && took <= SECRETS, "{took:?}");
    assert!(cluster.source.rejected.borrow()[0].to_string().contains("forbidden"));
    assert_eq!(*cluster.source.refused.borrow(), None, "the configuration itself is served");
}

#[tokio::test(start_paused = true)]
async fn a_provider_changes_with_its_new_secret_and_never_without() {
    let mut cluster = Cluster::new(None);
    cluster.list(&config(Some("a"), None, &[])).await;
    cluster.secret("a", "sk-1").await;
    cluster.becomes(|_| true).await;
    cluster.write(&config(Some("b"), None, &[]), 2).await;
    tokio::time::sleep(SECRETS / 2).await;
    assert_eq!(cluster.source.loaded.borrow().sequence, Some(1));
    cluster.secret("b", "sk-2").await;
    assert!(cluster.becomes(|loaded| loaded.sequence == Some(2)).await < MOMENT);
    assert_eq!(cluster.source.loaded.borrow().secrets.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_part_waits_a_little_for_the_rest_of_its_sequence() {
    let mut cluster = Cluster::new(None);
    cluster.list(&config(None, None, &["acme"])).await;
    cluster.becomes(|_| true).await;
    let [part, index] = texts(&config(None, None, &["acme", "new"]), 2);
    cluster.map(Event::Apply, part).await;
    let took = cluster.becomes(|loaded| loaded.config.tenants.len() == 2).await;
    assert!(took >= PATIENCE && took < PATIENCE + MOMENT, "{took:?}");
    cluster.map(Event::Apply, index).await;
    assert!(cluster.becomes(|loaded| loaded.sequence == Some(2)).await < MOMENT);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_few_revisions() {
    let mut cluster = Cluster::new(None);
    cluster.list(&config(None, None, &[])).await;
    cluster.becomes(|_| true).await;
    let mut watching = cluster.source.loaded.clone();
    let counting = tokio::spawn(async move {
        let mut count = 0;
        while watching.changed().await.is_ok() && watching.borrow_and_update().sequence != Some(101) {
            count += 1;
        }
        count
    });
    for sequence in 2..=101 {
        cluster.write(&config(None, None, &[if sequence % 2 == 0 { "even" } else { "odd" }]), sequence).await;
    }
    cluster.becomes(|loaded| loaded.sequence == Some(101)).await;
    let count = counting.await.unwrap();
    assert!(count < 10, "{count}");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_cache_serves_only_while_the_api_server_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let below = cache::folder(folder.path(), "ai");
    let good = config(None, None, &["acme"]);
    let [_, (index, text)] = texts(&good, 7);
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(below.join(index.name()), &text).unwrap();
    let mut cluster = Cluster::new(Some(folder.path()));
    tokio::time::sleep(SECRETS * 2).await;
    assert!(cluster.source.loaded.borrow().is_empty(), "a client would be told that its key is wrong");
    cluster.maps.send(Told::Away("nobody listens".into())).await.unwrap();
    cluster.becomes(|loaded| loaded.config.tenants.is_empty() && loaded.sequence.is_none()).await;
    cluster.list(&good).await;
    cluster.becomes(|loaded| loaded.config == good).await;
}
