//! The image: what is in it, who runs it, and that packing the same gives the same. `make image IMAGE_PROFILE=dev` makes it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use aigne_hub_tests::harness::{Outcome, Tool};
use anyhow::{Context, ensure};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

const NAME: &str = concat!("target/image/aigne-hub-", env!("CARGO_PKG_VERSION"), "-dev.tar");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// An archive, unpacked: by its index, as whoever loads it does.
struct Image {
    folder: TempDir,
    /// Its entry in the index.
    entry: Value,
    manifest: Value,
    config: Value,
}

impl Image {
    async fn open(archive: &Path) -> anyhow::Result<Self> {
        ensure!(archive.exists(), "{} is missing: make image IMAGE_PROFILE=dev", archive.display());
        let folder = tempfile::tempdir()?;
        unpack(archive, folder.path()).await?;
        let index: Value = serde_json::from_slice(&fs::read(folder.path().join("index.json"))?)?;
        let entry = index["manifests"][0].clone();
        let manifest = serde_json::from_slice(&fs::read(blob(folder.path(), &entry)?)?)?;
        let mut image = Self { folder, entry, manifest, config: Value::Null };
        image.config =
            serde_json::from_slice(&fs::read(blob(image.folder.path(), &image.manifest["config"])?)?)?;
        Ok(image)
    }

    fn layer(&self) -> anyhow::Result<PathBuf> {
        ensure!(self.manifest["layers"].as_array().context("layers")?.len() == 1);
        blob(self.folder.path(), &self.manifest["layers"][0])
    }
}

/// The file of a descriptor, which has its digest and size.
fn blob(folder: &Path, descriptor: &Value) -> anyhow::Result<PathBuf> {
    let named = descriptor["digest"].as_str().context("digest")?;
    let path = folder.join("blobs").join(named.replace(':', "/"));
    let content = fs::read(&path)?;
    ensure!(format!("sha256:{}", hex::encode(digest(&SHA256, &content))) == named);
    ensure!(descriptor["size"] == content.len());
    Ok(path)
}

async fn unpack(archive: &Path, into: &Path) -> anyhow::Result<()> {
    Tool::new("tar", ["--extract", "--file"]).args([archive]).args(["--directory"]).args([into]).ok().await?;
    Ok(())
}

/// Whether a program brings everything along: no interpreter (`PT_INTERP`) is asked for to load libraries.
fn is_static(program: &[u8]) -> Option<bool> {
    let number = |at: usize, bytes: usize| {
        let bytes = program.get(at..at + bytes)?.iter().rev();
        Some(bytes.fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let (start, size, count) = (number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?);
    let kinds: Option<Vec<_>> = (0..count).map(|index| number(start + index * size, 4)).collect();
    Some(program.starts_with(b"\x7fELF\x02\x01") && count > 0 && !kinds?.contains(&3))
}

#[tokio::test]
async fn two_static_programs_and_nobody_is_root() -> Outcome {
    let image = Image::open(&root().join(NAME)).await?;
    let config = &image.config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/aigne-hub"]));

    let list = Tool::new("tar", ["--list", "--verbose", "--numeric-owner", "--gzip", "--file"]);
    let list = list.args([image.layer()?]).ok().await?;
    let entries = list.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[words.len() - 1])
    });
    let expected = ["-rwxr-xr-x 0/0 aigne-hub", "-rwxr-xr-x 0/0 aigne-hub-operator", "drwxrwxrwt 0/0 tmp/"];
    assert_eq!(entries.collect::<Vec<_>>(), expected);

    let files = tempfile::tempdir()?;
    unpack(&image.layer()?, files.path()).await?;
    for program in ["aigne-hub", "aigne-hub-operator"] {
        let path = files.path().join(program);
        ensure!(is_static(&fs::read(&path)?) == Some(true), "{program} asks for libraries");
        let said = Tool::new(&path, ["--version"]).ok().await?;
        assert_eq!(said.trim(), format!("{program} {}", env!("CARGO_PKG_VERSION")));
    }
    ensure!(is_static(&fs::read("/proc/self/exe")?) == Some(false), "the check itself is broken");
    Ok(())
}

/// The archive of a folder with the same in it, made in this order, at this time, with this much for others to read.
async fn packed(names: [&str; 3], time: Duration, mode: u32) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let (files, archive) = (folder.path().join("files"), folder.path().join("packed.tar"));
    fs::create_dir_all(files.join("lib"))?;
    std::os::unix::fs::symlink("lib/a", files.join("link"))?;
    for name in names {
        let path = files.join(name);
        fs::write(&path, name.repeat(1000))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        fs::File::options().append(true).open(&path)?.set_modified(UNIX_EPOCH + time)?;
    }
    let pack = Tool::new(root().join("scripts/oci-image"), ["--ref", "localhost/app:1", "--user", "1:1"]);
    let pack = pack.args(["--folder", "/tmp=1777", "--env", "A=b", "--label", "c=d", "--output"]);
    pack.args([&archive]).args([format!("{}=/app", files.display())]).ok().await?;
    Ok(fs::read(&archive)?)
}

#[tokio::test]
async fn what_is_packed_elsewhere_and_later_is_the_same() -> Outcome {
    let first = packed(["a", "lib/b", "lib/a"], Duration::ZERO, 0o755).await?;
    let second = packed(["lib/a", "lib/b", "a"], Duration::from_hours(24), 0o700).await?;
    ensure!(first == second, "time, order or rights of the folder are in the archive");
    let other = packed(["lib/a", "lib/c", "a"], Duration::ZERO, 0o755).await?;
    ensure!(first != other, "the check itself is broken");
    Ok(())
}

#[tokio::test]
async fn it_is_called_as_the_chart_calls_it_and_has_what_the_chart_starts() -> Outcome {
    let image = Image::open(&root().join(NAME)).await?;
    let name = image.entry["annotations"]["io.containerd.image.name"].as_str().context("name")?;
    let (repository, tag) = name.rsplit_once(':').context("a tag")?;
    assert_eq!(image.entry["annotations"]["org.opencontainers.image.ref.name"], tag);
    ensure!(text("charts/aigne-hub/values.yaml")?.contains(&format!("\n  repository: {repository}\n")));
    ensure!(text("charts/aigne-hub/Chart.yaml")?.contains(&format!("\nappVersion: {tag}\n")));

    let docker: Value = serde_json::from_slice(&fs::read(image.folder.path().join("manifest.json"))?)?;
    assert_eq!(docker[0]["RepoTags"], json!([name]));
    assert_eq!(image.folder.path().join(docker[0]["Layers"][0].as_str().context("layer")?), image.layer()?);

    let mut started = BTreeSet::new();
    for part in ["gateway", "operator"] {
        let template = text(&format!("charts/aigne-hub/templates/{part}.yaml"))?;
        let commands = template.lines().filter_map(|line| line.trim().strip_prefix("command: [/"));
        started.extend(commands.filter_map(|rest| Some(rest.split([',', ']']).next()?.to_owned())));
    }
    assert_eq!(started, BTreeSet::from(["aigne-hub".to_owned(), "aigne-hub-operator".to_owned()]));
    ensure!(
        text("charts/aigne-hub/templates/_helpers.tpl")?.contains("runAsUser: 65532\nrunAsGroup: 65532\n")
    );
    Ok(())
}

/// No container engine is needed to build it, so none runs the file for those who have one: it is held against the image.
#[tokio::test]
async fn the_containerfile_makes_the_same() -> Outcome {
    let image = Image::open(&root().join(NAME)).await?;
    let file = text("Containerfile")?;
    let (build, made) = file.rsplit_once("\nFROM scratch\n").context("the last stage is from scratch")?;
    let user = image.config["config"]["User"].as_str().context("user")?;
    let lines = [
        "COPY --from=build /files/ /".to_owned(),
        format!("USER {user}"),
        format!("ENTRYPOINT {}", image.config["config"]["Entrypoint"]),
    ];
    assert_eq!(made.lines().collect::<Vec<_>>(), lines);
    let toolchain = text("rust-toolchain.toml")?;
    let channel = toolchain.split('"').nth(1).context("channel")?;
    ensure!(build.contains(&format!("/rust:{channel}-")), "another toolchain than {channel}");
    // Which two programs those are, the other tests say.
    for line in
        ["scripts/image release", "mkdir -m 1777 /files/tmp", "cp target/image/root-release/* /files/"]
    {
        ensure!(build.contains(line), "no {line}");
    }
    Ok(())
}
