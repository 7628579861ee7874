//! Gateways on one Postgres, before a provider that answers at once.

use std::net::SocketAddr;
use std::path::PathBuf;

use sqlx::PgPool;
use tempfile::TempDir;

use crate::chaos::gateway::Gateway;
use crate::harness::{Blueprint, Client, Postgres, Pricing, Provider, Tenant, eventually};
use crate::scripted::Scripted;

/// All of it; it ends when dropped.
pub(super) struct Stage {
    pub(super) gateways: Vec<Gateway>,
    pub(super) pool: PgPool,
    pub(super) postgres: Postgres,
    pub(super) database: String,
    folder: PathBuf,
    _upstream: Scripted,
    _place: TempDir,
}

impl Stage {
    pub(super) async fn start(gateways: usize) -> anyhow::Result<Self> {
        let place = tempfile::Builder::new().prefix("aigne-hub-contention-").tempdir()?;
        let postgres = Postgres::start().await?;
        let database = postgres.database().await?;
        let url_file = place.path().join("database-url");
        std::fs::write(&url_file, &database)?;
        let upstream = Scripted::start().await?;
        let folder = place.path().join("manifests");
        let provider = Provider::new("openai", "OpenAI", &upstream).model("gpt");
        Blueprint::default().provider(provider).pricing(Pricing::new("openai")).write(&folder)?;
        let mut started = Vec::new();
        for number in 0..gateways {
            let name = format!("gateway-{number}");
            let mut gateway = Gateway::new(&name, &folder, &place.path().join(&name), &url_file, "0s")?;
            gateway.start().await?;
            started.push(gateway);
        }
        let pool = PgPool::connect(&database).await?;
        Ok(Self { gateways: started, pool, postgres, database, folder, _upstream: upstream, _place: place })
    }

    /// Adds tenants and waits until every gateway knows them.
    pub(super) async fn add(&self, tenants: Vec<Tenant>) -> anyhow::Result<()> {
        let mut keys = Vec::new();
        let mut blueprint = Blueprint::default();
        for tenant in tenants {
            keys.push(tenant.app_key());
            blueprint = blueprint.tenant(tenant);
        }
        blueprint.write(&self.folder)?;
        for gateway in &self.gateways {
            for key in &keys {
                let client = Client::new(&format!("http://{}", gateway.address()), Some(key));
                eventually("the gateway knows the tenant", async || {
                    Ok((client.get("/v1/models").await?.status == 200).then_some(()))
                })
                .await?;
            }
        }
        Ok(())
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.gateways.iter().map(Gateway::address).collect()
    }

    /// Ends all gateways, so that all rows are in.
    pub(super) async fn end(&mut self) -> anyhow::Result<()> {
        for gateway in &mut self.gateways {
            gateway.terminate().await?;
        }
        Ok(())
    }

    /// What a tenant was charged.
    pub(super) async fn charged(&self, tenant: &str) -> anyhow::Result<i64> {
        let asked =
            "SELECT coalesce(sum(price_nanos), 0)::bigint FROM usage WHERE tenant = $1 AND source <> 'Bound'";
        Ok(sqlx::query_scalar(asked).bind(format!("hub/{tenant}")).fetch_one(&self.pool).await?)
    }
}
