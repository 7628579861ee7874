//! Our `CustomResourceDefinitions` on the API server.

use std::path::Path;

use super::super::eventually;
use super::ControlPlane;

impl ControlPlane {
    /// Applies `crds/*.yaml` of the repository, and waits until objects can be written and read.
    pub async fn install_crds(&self) -> anyhow::Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
        let files: Vec<_> = ["aiproviders", "modelpricings", "tenants"]
            .into_iter()
            .flat_map(|name| ["-f".into(), folder.join(format!("{name}.yaml"))])
            .collect();
        self.kubectl(["apply", "--server-side"]).args(&files).ok().await?;
        self.kubectl(["wait", "--for=condition=Established", "--timeout=60s"]).args(&files).ok().await?;
        let client = self.client().await?;
        for name in ["aiproviders", "modelpricings", "tenants"] {
            // Established means that names are taken; the paths follow a moment later.
            eventually(&format!("{name} are served"), async || {
                let list = http::Request::get(format!("/apis/hub.aigne.io/v1alpha1/{name}?limit=1"))
                    .body(Vec::new())?;
                Ok(client.request_text(list).await.is_ok().then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}
