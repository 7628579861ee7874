//! A real Kubernetes control plane: etcd and kube-apiserver as processes of their own, with RBAC, admission, watches,
//! server-side apply and tokens of ServiceAccounts as any cluster has them.
//!
//! ```text
//! shared() ─► one for all tests of the process ─► namespace(prefix) ─► client(), kubeconfig(), kubectl([…]), helm([…])
//! ControlPlane::start() ─► one of the test's own, which it may stop, compact and audit
//! ```
//!
//! There are no controllers and no nodes: pods stay as they were created, owners that go leave what they owned, a
//! namespace never ends. A test that needs a status writes it.

mod access;
mod api_server;
mod audit;
mod certificates;
mod crds;
mod etcd;
mod programs;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub use audit::Audited;

use super::place::Place;
use super::tool::Tool;
use api_server::ApiServer;
use certificates::Certificates;
use etcd::Etcd;
use programs::Programs;

/// What a control plane is to be started with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep a line of every request: [`ControlPlane::audited`].
    pub audit_log: bool,
}

/// A control plane. It ends when dropped, or with the process.
#[derive(Debug)]
pub struct ControlPlane {
    programs: Programs,
    kubeconfig: PathBuf,
    /// None where a cluster was given, which nobody here starts or stops.
    own: Option<Own>,
    place: Place,
}

#[derive(Debug)]
struct Own {
    certificates: Certificates,
    api_server: ApiServer,
    etcd: Etcd,
}

static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();

/// The one that tests share, with our `CustomResourceDefinitions`. A test takes a [namespace](ControlPlane::namespace) of
/// its own in it. With `AIGNE_HUB_TEST_USE_CLUSTER=1` it is the cluster that `KUBECONFIG` names.
pub async fn shared() -> anyhow::Result<&'static ControlPlane> {
    SHARED
        .get_or_try_init(async || {
            let plane = match given() {
                Some(kubeconfig) => ControlPlane::given(&kubeconfig)?,
                None => ControlPlane::start().await?,
            };
            plane.install_crds().await?;
            Ok(plane)
        })
        .await
}

/// Somebody's cluster, only if they said so twice.
fn given() -> Option<PathBuf> {
    let agreed = std::env::var_os("AIGNE_HUB_TEST_USE_CLUSTER").is_some_and(|value| value == "1");
    std::env::var_os("KUBECONFIG").filter(|path| agreed && !path.is_empty()).map(PathBuf::from)
}

impl ControlPlane {
    /// Starts one that belongs to the caller alone. It has no `CustomResourceDefinitions` yet.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// As [`start`](Self::start).
    pub async fn start_with(options: Options) -> anyhow::Result<Self> {
        let programs = Programs::find()?;
        let place = Place::new("controlplane")?;
        let certificates = Certificates::make(&place)?;
        let etcd = Etcd::start(&programs, &place).await?;
        let audit = options.audit_log.then(|| place.join("audit.log"));
        let api_server = ApiServer::new(etcd.origin(), audit)?;
        let admin = json!({ "client-certificate": certificates.admin, "client-key": certificates.admin_key });
        let own = Own { certificates, api_server, etcd };
        let kubeconfig = place.write("kubeconfig", &access::kubeconfig(&own.cluster(), &admin))?;
        let mut started = Self { programs, kubeconfig, own: Some(own), place };
        started.start_api_server().await?;
        Ok(started)
    }

    /// A cluster that runs already, as its kubeconfig's user. It cannot be stopped here.
    pub fn given(kubeconfig: &Path) -> anyhow::Result<Self> {
        let kubeconfig = kubeconfig.canonicalize().context("KUBECONFIG must name one file")?;
        Ok(Self { programs: Programs::find()?, kubeconfig, own: None, place: Place::new("cluster")? })
    }

    /// Starts the API server again, on the same port and data.
    pub async fn start_api_server(&mut self) -> anyhow::Result<()> {
        let client = self.client().await?;
        let Self { programs, place, .. } = self;
        let own = self.own.as_mut().context(NOT_OURS)?;
        own.api_server.spawn(programs, place, &own.certificates)?;
        own.api_server.ready(&client).await
    }

    /// Kills the API server: connections break, and nobody answers until it is started again.
    pub async fn stop_api_server(&mut self) -> anyhow::Result<()> {
        self.own.as_mut().context(NOT_OURS)?.api_server.stop().await
    }

    /// Kills etcd and starts it again, on the same data, while the API server goes on.
    pub async fn restart_etcd(&mut self) -> anyhow::Result<()> {
        let Self { programs, place, .. } = self;
        self.own.as_mut().context(NOT_OURS)?.etcd.restart(programs, place).await
    }

    /// Makes every watch expire: history is forgotten and the API server starts again with empty caches, so that who asks
    /// from a revision of before is answered 410 Gone.
    pub async fn expire_watches(&mut self) -> anyhow::Result<()> {
        self.stop_api_server().await?;
        self.own.as_ref().context(NOT_OURS)?.etcd.compact().await?;
        self.start_api_server().await
    }

    /// kubectl as the administrator.
    pub fn kubectl<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Tool {
        let tool = Tool::new(&self.programs.kubectl, arguments).kubeconfig(self.kubeconfig());
        tool.env("KUBECACHEDIR", self.place.join("kubectl-cache"))
    }

    /// helm as the administrator, with caches of its own.
    pub fn helm<A: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Tool {
        let tool = Tool::new(&self.programs.helm, arguments).kubeconfig(self.kubeconfig());
        ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"]
            .into_iter()
            .fold(tool, |tool, name| tool.env(name, self.place.join("helm").join(name)))
    }

    /// How a kubeconfig names this cluster.
    fn cluster(&self) -> anyhow::Result<Value> {
        if let Some(own) = &self.own {
            return Ok(own.cluster());
        }
        let given = kube::config::Kubeconfig::read_from(self.kubeconfig())?;
        let given = serde_json::to_value(given)?;
        let context = named(&given["contexts"], &given["current-context"])?;
        let cluster = named(&given["clusters"], &context["context"]["cluster"])?;
        Ok(cluster["cluster"].clone())
    }
}

const NOT_OURS: &str = "a test may not start or stop a cluster that was given";

impl Own {
    fn cluster(&self) -> Value {
        json!({ "server": self.api_server.origin(), "certificate-authority": self.certificates.authority })
    }
}

fn named<'a>(list: &'a Value, name: &Value) -> anyhow::Result<&'a Value> {
    let found = list.as_array().and_then(|list| list.iter().find(|one| one["name"] == *name));
    ensure!(name.is_string(), "the kubeconfig has no current context");
    found.with_context(|| format!("the kubeconfig has no {name}"))
}
