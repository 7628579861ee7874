//! The programs take every argument that the charts pass them.

use aigne_hub_tests::harness::{self, Outcome, Tool};
use anyhow::ensure;
use serde_json::Value;

use super::{SETS, containers, objects, plane, title};

fn words(list: &Value) -> Vec<String> {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.map(|word| word.replace("$(POD_NAMESPACE)", "ai").replace("$(POD_NAME)", "pod-0")).collect()
}

/// The call of our own program in a container, with the binary that the tests built.
fn call(container: &Value) -> anyhow::Result<Option<(std::path::PathBuf, Vec<String>)>> {
    let command = words(&container["command"]);
    let binary = match command.first().map(String::as_str) {
        Some("/aigne-hub") => harness::binary()?,
        Some("/aigne-hub-operator") => harness::operator::binary()?,
        _ => return Ok(None),
    };
    Ok(Some((binary, [&command[1..], &words(&container["args"])].concat())))
}

#[tokio::test]
async fn the_programs_know_every_argument() -> Outcome {
    let plane = plane().await?;
    let mut calls = 0;
    for (set, values) in SETS {
        for object in objects(plane, "ai", values).await? {
            for container in containers(&object) {
                let Some((binary, arguments)) = call(container)? else { continue };
                calls += 1;
                // Arguments and their values are read one after the other: the last one says that all before are good.
                let ran = Tool::new(&binary, &arguments).args(["--help"]).run().await?;
                ensure!(ran.success, "{set}: {}: {}", title(&object), ran.stderr);
                let unknown =
                    Tool::new(&binary, &arguments).args(["--no-such-option", "--help"]).run().await?;
                ensure!(
                    !unknown.success && unknown.stderr.contains("--no-such-option"),
                    "{}",
                    unknown.stderr
                );
                for argument in &arguments {
                    let Some((option, _)) = argument.split_once('=') else { continue };
                    ensure!(ran.stdout.contains(option), "{} does not explain {option}", title(&object));
                }
            }
        }
    }
    assert_eq!(calls, 2 * SETS.len() + 2, "operator and gateway of each set, the demo and its test");
    Ok(())
}

#[tokio::test]
async fn ports_and_files_are_those_that_arguments_name() -> Outcome {
    let plane = plane().await?;
    for (set, values) in SETS {
        for object in objects(plane, "ai", values).await? {
            for container in containers(&object) {
                let Some((_, arguments)) = call(container)? else { continue };
                for port in container["ports"].as_array().into_iter().flatten() {
                    let port = port["containerPort"].to_string();
                    let listened = arguments.iter().any(|argument| argument.ends_with(&format!(":{port}")));
                    ensure!(listened, "{set}: {}: nothing listens on {port}", title(&object));
                }
                let mounts: Vec<String> = container["volumeMounts"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|mount| mount["mountPath"].as_str().map(str::to_owned))
                    .collect();
                for path in arguments.iter().filter_map(|argument| argument.split_once("=/")) {
                    let path = format!("/{}", path.1);
                    let mounted = mounts.iter().any(|mount| path.starts_with(mount.as_str()));
                    ensure!(mounted, "{set}: {}: {path} is in no volume", title(&object));
                }
            }
        }
    }
    Ok(())
}
