//! Writes what is generated from the types: the CustomResourceDefinitions, for `kubectl` and as templates of their
//! chart, and the reference page.

#![expect(clippy::doc_markdown, reason = "names of Kubernetes are prose here")]

mod reference;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use aigne_hub_crds::v1alpha1::crd::{Definition, definitions};
use serde_json::{Value, json};

const HELP: &str = "\
Writes crds/*.yaml, charts/aigne-hub-crds/templates and docs/reference.md from the types in crds/src/v1alpha1.

Usage: crdgen [--check] [--root DIR]

  --check     Write nothing; exit with 1 and name each file that is not up to date
  --root DIR  The repository [default: the one that this program was built from]
  --help      This text

Example: cargo run -p aigne-hub-crds --bin crdgen -- --check
";

const GENERATED: &str = "Generated from crds/src/v1alpha1 by crdgen: change it there.";

struct Arguments {
    check: bool,
    help: bool,
    root: PathBuf,
}

fn main() -> ExitCode {
    match arguments(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(code) => code,
        Err(message) => {
            say(io::stderr(), &message);
            ExitCode::from(2)
        }
    }
}

fn arguments(mut written: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut arguments = Arguments { check: false, help: false, root };
    while let Some(argument) = written.next() {
        match argument.as_str() {
            "--check" => arguments.check = true,
            "--help" | "-h" => arguments.help = true,
            "--root" => arguments.root = written.next().ok_or("--root needs a directory")?.into(),
            other => return Err(format!("{other} is not known; try --help")),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.help {
        say(io::stdout(), HELP.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let mut stale = false;
    for (name, text) in files()? {
        let path = arguments.root.join(&name);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            continue;
        }
        if arguments.check {
            stale = true;
            say(
                io::stderr(),
                &format!("{name} is not up to date: run `cargo run -p aigne-hub-crds --bin crdgen`"),
            );
        } else {
            fs::create_dir_all(path.parent().unwrap_or(&arguments.root))
                .map_err(|error| format!("{name}: {error}"))?;
            fs::write(&path, text).map_err(|error| format!("{name}: {error}"))?;
            say(io::stdout(), &name);
        }
    }
    Ok(if stale { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every generated file: its path in the repository, and its text.
fn files() -> Result<Vec<(String, String)>, String> {
    let definitions = definitions();
    let mut files = vec![("docs/reference.md".to_owned(), reference::page(&definitions))];
    for definition in &definitions {
        files.push((format!("crds/{}.yaml", definition.plural), yaml(&definition.crd)?));
        files.push((
            format!("charts/aigne-hub-crds/templates/{}.yaml", definition.plural),
            template(definition)?,
        ));
    }
    Ok(files)
}

fn yaml(crd: &Value) -> Result<String, String> {
    let text = serde_saphyr::to_string(crd).map_err(|error| error.to_string())?;
    Ok(format!("# {GENERATED}\n{}\n", text.trim_end()))
}

/// The same for the chart. Uninstalling it must not take every provider, price and tenant along.
fn template(definition: &Definition) -> Result<String, String> {
    let mut crd = definition.crd.clone();
    crd["metadata"]["annotations"] = json!({"helm.sh/resource-policy": "keep"});
    let text = yaml(&crd)?;
    if text.contains("{{") {
        return Err(format!("{}: Helm would read {{{{ in a description as a template", definition.plural));
    }
    Ok(text)
}

/// A closed pipe is no reason to fail.
fn say(mut to: impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
