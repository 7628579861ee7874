//! Where etcd, kube-apiserver, kubectl and helm are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// Each program's path.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) api_server: PathBuf,
    pub(super) kubectl: PathBuf,
    pub(super) helm: PathBuf,
}

impl Programs {
    /// `KUBEBUILDER_ASSETS` (with helm from `PATH`), else `AIGNE_HUB_KUBERNETES`, else what `tests/kubernetes/setup` has
    /// built, which it does if need be.
    pub(super) fn find() -> anyhow::Result<Self> {
        let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(assets) = given("KUBEBUILDER_ASSETS") {
            let helm = match on_path("helm") {
                Some(helm) => helm,
                None => own(given("AIGNE_HUB_KUBERNETES"))?.join("helm"),
            };
            return Self { helm, ..Self::within(&assets) }.checked("KUBEBUILDER_ASSETS");
        }
        let folder = own(given("AIGNE_HUB_KUBERNETES"))?;
        Self::within(&folder).checked("AIGNE_HUB_KUBERNETES, or what tests/kubernetes/setup prints,")
    }

    fn within(folder: &Path) -> Self {
        let [etcd, api_server, kubectl, helm] =
            ["etcd", "kube-apiserver", "kubectl", "helm"].map(|name| folder.join(name));
        Self { etcd, api_server, kubectl, helm }
    }

    fn checked(self, place: &str) -> anyhow::Result<Self> {
        for program in [&self.etcd, &self.api_server, &self.kubectl, &self.helm] {
            let name = program.display();
            ensure!(
                program.exists(),
                "{name} is missing ({place} names the folder): run tests/kubernetes/setup"
            );
        }
        Ok(self)
    }
}

fn own(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    given.map_or_else(built, Ok)
}

fn built() -> anyhow::Result<PathBuf> {
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("kubernetes/setup");
    let output = Command::new(&setup).stderr(Stdio::inherit()).output().context("tests/kubernetes/setup")?;
    ensure!(
        output.status.success(),
        "tests/kubernetes/setup failed: run it by hand, it says what is missing"
    );
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_an_error_that_says_what_to_run() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let missing = || Programs::within(folder.path()).checked("HERE").err().map(|error| error.to_string());
        for name in ["etcd", "kube-apiserver", "kubectl", "helm"] {
            let path = folder.path().join(name);
            let expected =
                format!("{} is missing (HERE names the folder): run tests/kubernetes/setup", path.display());
            assert_eq!(missing(), Some(expected));
            std::fs::write(path, "")?;
        }
        assert_eq!(missing(), None);
        Ok(())
    }
}
